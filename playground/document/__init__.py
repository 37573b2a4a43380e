"""Saving and opening documents: `name.playground`, or the bare `graph.json` of one.

A document is a zip of manifest.json, graph.json, weights.safetensors, state.safetensors,
history.csv and thumbnail.png. Only the first two must be there.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import msgspec

from playground import graph_json
from playground.data import is_called_like_data
from playground.document import archive, history_csv, places, tensors
from playground.document.atomic import Stamp, is_another, replacing, stamp
from playground.graph import Graph
from playground.graph_json import FORMAT, VERSION, DocumentError
from playground.history import HistoryView
from playground.state import SavedState

SUFFIX = ".playground"


@dataclass(frozen=True)
class Loaded:
    """A document. notes: sentences on what did not fit; read_only: saving would lose something.

    lost: why the weights that are in the file cannot be read; empty when they can.
    """

    graph: Graph
    state: SavedState | None = None
    history: HistoryView | None = None
    thumbnail: bytes | None = None
    notes: tuple[str, ...] = ()
    read_only: bool = False
    lost: str = ""


class _Manifest(msgspec.Struct):
    format: str
    version: int
    sha256: dict[str, str] = {}


def save(path: str | os.PathLike[str], graph: Graph, state: SavedState | None = None,
         history: HistoryView | None = None, thumbnail: bytes | None = None) -> None:
    """Write a document; a path that ends in .json gets the graph alone. Raises DocumentError.

    Data in the document's folder is named as seen from there, and looked up there by `load`.
    """
    path = Path(path)
    text = graph_json.encode(places.stored(graph, path.absolute().parent))
    with _told(path):
        if path.suffix == ".json":
            with replacing(path) as file:
                file.write(text)
        else:
            archive.write(path, _members(text, state, history, thumbnail))


def save_history(path: str | os.PathLike[str], history: HistoryView) -> None:
    """Write the history alone, as CSV. Raises DocumentError."""
    path = Path(path)
    with _told(path), replacing(path) as file:
        file.writelines(history_csv.Lines(history))


def is_history(path: str | os.PathLike[str]) -> bool:
    """Whether a file may be replaced by `save_history`: it is one, or nothing would be lost."""
    path = Path(path)
    return not path.is_file() or path.stat().st_size == 0 or history_csv.is_table(path)


def load(path: str | os.PathLike[str]) -> Loaded:
    """Open a document. Raises DocumentError."""
    path = Path(path)
    loaded = _load(path)
    return replace(loaded, graph=places.found(loaded.graph, path.absolute().parent))


def glimpse(path: str | os.PathLike[str]) -> Loaded:
    """The graph and the picture of a document alone, for lists of them. Raises DocumentError."""
    return _load(Path(path), whole=False)


def _load(path: Path, whole: bool = True) -> Loaded:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DocumentError("it is a pipe or a device, which is not waited for")
        with open(path, "rb") as file:
            start = file.read(512)
            file.seek(0)
            if start.startswith(b"PK"):
                return _from_zip(file, whole)
            if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                decoded = graph_json.decode(
                    file.read(graph_json.MAX_BYTES + 1).removeprefix(b"\xef\xbb\xbf"))
                return Loaded(decoded.graph, notes=decoded.notes, read_only=decoded.read_only)
        raise DocumentError("it is empty" if not start else
                            f"it is neither a {SUFFIX} document nor the graph.json of one")
    except OSError as error:
        raise DocumentError(f"{path} cannot be opened: {error.strerror or error}. "
                            "Check the name and the folder.") from error
    except DocumentError as error:
        text = str(error)
        if text[0].islower():  # The end of a sentence about the file.
            way_out = ("Data come in by File > Import Data." if is_called_like_data(path)
                       else "Try an earlier copy of it.")
            text = f"This is not a document that can be opened: {clause(text)}. {way_out}"
        raise DocumentError(textwrap.shorten(f"{path}: {text}", 1000)) from error


def clause(text: object) -> str:
    """A sentence as a part of another one: without its full stop."""
    return str(text).rstrip(". ")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system has against saving, as a sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        way_out = "free some space, or save to another folder" if full else "save to another folder"
        raise DocumentError(
            f"{path} could not be saved: {error.strerror or error}. What was there before is "
            f"unchanged; {way_out}.") from error


def _members(graph: bytes, state: SavedState | None, history: HistoryView | None,
             thumbnail: bytes | None) -> dict[str, archive.Member]:
    members: dict[str, archive.Member] = {"graph.json": graph}
    if state is not None:
        members["weights.safetensors"], members["state.safetensors"] = tensors.to_bytes(state)
    if history is not None:
        members["history.csv"] = history_csv.Lines(history)
    if thumbnail is not None:
        members["thumbnail.png"] = thumbnail
    manifest = _Manifest(FORMAT, VERSION, {
        name: _digest(member) for name, member in members.items()})
    text = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2)
    return {"manifest.json": text + b"\n"} | members


def _digest(member: archive.Member) -> str:
    digest = hashlib.sha256()
    for part in archive.parts_of(member):
        digest.update(part)
    return digest.hexdigest()


def _from_zip(file: IO[bytes], whole: bool) -> Loaded:
    members = archive.Archive(file)
    try:
        manifest = msgspec.json.decode(members.read("manifest.json"), type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"its manifest.json is wrong ({error})") from error
    if manifest.format != FORMAT or manifest.version < 1:
        raise DocumentError("its manifest.json is not one of this app")
    text = members.read("graph.json")
    decoded = graph_json.decode(text)
    if not whole:
        return _with_thumbnail(Loaded(decoded.graph), members, [])
    notes = list(decoded.notes)
    read_only = decoded.read_only or manifest.version > VERSION
    if manifest.version > VERSION and not decoded.read_only:
        notes.append(f"This document was written by a newer version (format {manifest.version}). "
                     "It opens read-only: update the app to edit it.")
    if hashlib.sha256(text).hexdigest() != manifest.sha256.get("graph.json"):
        notes.append("The graph was changed by hand since the document was saved.")
    if members.strangers and not read_only:
        notes.append(f"{', '.join(members.strangers)} in this document is not known and will be "
                     "left out when it is saved.")
    loaded = _with_arrays(Loaded(decoded.graph), members, notes)
    missing = sorted(name for name in manifest.sha256 if name not in members)
    for name in missing:
        _tell_unread(notes, f"its member {name} is missing")
    if "weights.safetensors" in missing:
        loaded = replace(loaded, lost="its member weights.safetensors is missing")
    return replace(loaded, notes=tuple(notes),
                   read_only=read_only or loaded.read_only or bool(missing))


def _tell_unread(notes: list[str], why: str) -> None:
    notes.append(f"A part of this document cannot be read: {why}. The rest opens, read-only, so "
                 "that saving does not lose what may still be rescued.")


def _with_arrays(loaded: Loaded, members: archive.Archive, notes: list[str]) -> Loaded:
    """Add weights, history and picture; a damaged one costs only itself, and the right to save."""
    def told(error: DocumentError) -> Loaded:
        _tell_unread(notes, clause(error))
        return replace(loaded, read_only=True)

    if "weights.safetensors" in members:
        try:
            rest = members.read("state.safetensors") if "state.safetensors" in members else None
            loaded = replace(loaded, state=tensors.from_bytes(
                members.read("weights.safetensors"), rest, loaded.graph, notes))
        except DocumentError as error:
            loaded = replace(told(error), lost=clause(error))
    if "history.csv" in members:
        try:
            loaded = replace(loaded, history=history_csv.from_csv(members.read("history.csv")))
        except DocumentError as error:
            loaded = told(error)
    return _with_thumbnail(loaded, members, notes)


def _with_thumbnail(loaded: Loaded, members: archive.Archive, notes: list[str]) -> Loaded:
    if "thumbnail.png" not in members:
        return loaded
    try:
        return replace(loaded, thumbnail=members.read("thumbnail.png"))
    except DocumentError as error:
        _tell_unread(notes, clause(error))
        return replace(loaded, read_only=True)


__all__ = ["SUFFIX", "VERSION", "DocumentError", "Loaded", "Stamp", "clause", "glimpse",
           "is_another", "is_history", "load", "save", "save_history", "stamp"]
