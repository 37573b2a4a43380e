"""A graph as text: JSON with sorted keys, one edge to a line, so that two versions can be compared.

Older versions are brought up step by step; a newer one is read as far as it can be. A layer that
this version does not know, or whose settings it refuses, stays in the graph as it came.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from playground.graph import Edge, Graph, GraphError, Node, UnknownLayer
from playground.layers import LAYERS
from playground.layers.base import Layer, make_layer
from playground.learning import Learning
from playground.training import Training

FORMAT = "playground"
VERSION = 3


def _nothing_moved(raw: dict[str, Any]) -> dict[str, Any]:
    """A version that only adds: what older documents do not say has its usual value."""
    return raw


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    # 2: more optimizers, schedules and initialisers; how a node learns; folds
    1: _nothing_moved,
    # 3: colours that nodes keep when another one goes
    2: _nothing_moved,
}
"""MIGRATIONS[n] turns the JSON of version n into that of version n + 1."""

MAX_BYTES = 16 * 2**20
MAX_NODES = 2_000
MAX_EDGES = 10_000
MAX_NOTES = 100_000
NAME = r"^[^\W\d]\w*\Z"


class DocumentError(Exception):
    """A document that cannot be opened or saved; the text is one sentence for the user."""


@dataclass(frozen=True)
class Decoded:
    """A graph from a file. read_only: a newer version wrote it, and parts may be missing."""

    graph: Graph
    notes: tuple[str, ...] = ()
    read_only: bool = False


class _Node(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(pattern=NAME, max_length=100)]
    kind: Annotated[str, Meta(min_length=1, max_length=100)]
    settings: dict[str, Any] = {}
    x: float = 0.0
    y: float = 0.0
    learning: Learning | msgspec.UnsetType = msgspec.UNSET
    shares: Annotated[str, Meta(max_length=100)] | msgspec.UnsetType = msgspec.UNSET
    color: Annotated[int, Meta(ge=0, lt=MAX_NODES)] | msgspec.UnsetType = msgspec.UNSET
    """These are left out where there is nothing special to say."""


class _Fold(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=NAME, max_length=100)]
    members: Annotated[list[str], Meta(max_length=MAX_NODES)]
    x: float = 0.0
    y: float = 0.0


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["playground"] = "playground"
    version: int = VERSION
    nodes: Annotated[list[_Node], Meta(max_length=MAX_NODES)] = []
    edges: Annotated[list[str], Meta(max_length=MAX_EDGES)] = []
    """As in "conv_1.0 -> concat_1.2": from output port 0 to input port 2."""
    training: Training = Training()
    notes: Annotated[str, Meta(max_length=MAX_NOTES)] = ""
    folds: Annotated[list[_Fold], Meta(max_length=MAX_NODES)] | msgspec.UnsetType = msgspec.UNSET


def encode(graph: Graph) -> bytes:
    """The graph as JSON text. Raises DocumentError."""
    file = _File(
        nodes=[_Node(n.id, n.layer.kind, n.layer.settings(), n.x, n.y,
                     msgspec.UNSET if n.learning == Learning() else n.learning,
                     n.shares or msgspec.UNSET,
                     msgspec.UNSET if n.color is None else n.color) for n in graph.nodes],
        edges=[f"{e.source}.{e.source_port} -> {e.target}.{e.target_port}" for e in graph.edges],
        training=graph.training, notes=graph.notes,
        folds=[_Fold(f.name, list(f.members), f.x, f.y) for f in graph.folds] or msgspec.UNSET)
    try:
        text = msgspec.json.encode(file, order="sorted")
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(f"The network cannot be written as JSON: {error}.") from error
    return msgspec.json.format(text, indent=2) + b"\n"


def decode(data: bytes) -> Decoded:
    """The graph that a text describes. Raises DocumentError."""
    if len(data) > MAX_BYTES:
        raise DocumentError(
            f"The network description has {len(data):,} bytes, and the limit is {MAX_BYTES:,}: "
            "it is not a network that this app has written.")
    raw = _parse(data)
    raw, newer = _brought_up(raw)
    notes: list[str] = []
    if newer:
        notes.append(f"This document was written by a newer version (format {newer}; this one "
                     f"knows {VERSION}). It opens read-only: update the app to edit it, or "
                     "save it under another name without what is not understood.")
        raw = _understood(raw, notes)
    file = _convert(raw)
    nodes = tuple(Node(id=n.id, layer=_layer(n, notes), x=n.x, y=n.y,
                       learning=n.learning or Learning(), shares=n.shares or "",
                       color=None if n.color is msgspec.UNSET else n.color)
                  for n in file.nodes)
    graph = _connected(nodes, file.edges)
    graph = msgspec.structs.replace(graph, training=file.training, notes=file.notes)
    graph = _folded(graph, file.folds or [], notes)
    return Decoded(graph, tuple(notes), bool(newer))


# -- versions -------------------------------------------------------------------------------------


def _parse(data: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(
            f"The network description is not JSON: {_where(data, str(error))}. Mend that place "
            "in a text editor, or open an earlier copy.") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise DocumentError(
            'This JSON is not a network: it does not begin with "format": "playground". '
            "Open a .playground document or a graph.json out of one.")
    return raw


def _brought_up(raw: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The JSON in this version's form, and its version if that is newer than ours (else 0)."""
    version = raw.get("version")
    if type(version) is not int or version < 1:
        raise DocumentError(f'The network description has no version: "version" is {version!r} '
                            f"where a whole number from 1 to {VERSION} is wanted.")
    if version > VERSION:
        return raw, version
    for old in range(version, VERSION):
        try:
            raw = MIGRATIONS[old](raw)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise DocumentError(
                f"The network description says version {old}, but does not look like it: "
                f"{type(error).__name__} {error}.") from error
    return raw | {"version": VERSION}, 0


def _understood(raw: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """What this version understands of a newer one's JSON."""
    kept = {name: raw[name] for name in _File.__struct_fields__ if name in raw}
    if isinstance(kept.get("nodes"), list):
        kept["nodes"] = [
            {name: node[name] for name in _Node.__struct_fields__ if name in node}
            if isinstance(node, dict) else node for node in kept["nodes"]]
    try:
        msgspec.convert(kept.get("training", {}), Training)
    except msgspec.ValidationError as error:
        notes.append(f"Its training settings are not understood ({error}); defaults are shown.")
        del kept["training"]
    return kept


# -- parts ----------------------------------------------------------------------------------------


def _layer(node: _Node, notes: list[str]) -> Layer | UnknownLayer:
    if node.kind not in LAYERS:
        why = f"This version has no layer {node.kind!r}. It is kept and saved as it came."
    else:
        try:
            # In the order in which they are saved: the first error is then always the same one.
            return make_layer(node.kind, _sorted(node.settings))
        except (ValueError, TypeError) as error:
            why = (f"{_plain(str(error))}. The layer is kept and saved as it came; "
                   "replace it to train.")
    notes.append(f"{node.id}: {why}")
    return UnknownLayer(kind=node.kind, raw=node.settings, why=why)


def _sorted(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings in the order of their names, those of groups too."""
    return {name: _sorted(value) if isinstance(value, dict) else value
            for name, value in sorted(settings.items())}


def _connected(nodes: tuple[Node, ...], edges: list[str]) -> Graph:
    """All edges at once: the graph's own rules, without its search for cycles at every edge."""
    by_id: dict[str, Node] = {}
    for i, node in enumerate(nodes):
        if node.id in by_id:
            raise DocumentError(f"nodes[{i}]: there is a second node called {node.id}. Give one "
                                "of them another id in a text editor.")
        by_id[node.id] = node
    made: dict[tuple[str, int], Edge] = {}
    for i, text in enumerate(edges):
        edge = _edge(text, i)
        if (edge.target, edge.target_port) in made:
            raise DocumentError(f"edges[{i}]: input {edge.target_port} of {edge.target} is "
                                "connected twice. Remove one of the two lines.")
        ends = {id: by_id[id] for id in (edge.source, edge.target) if id in by_id}
        try:
            Graph(nodes=tuple(ends.values())).with_edge(edge)
        except GraphError as error:
            raise DocumentError(f"edges[{i}] ({text}): {error}") from error
        made[edge.target, edge.target_port] = edge
    graph = Graph(nodes=nodes, edges=tuple(sorted(made.values())))
    try:
        graph.order()
    except graphlib.CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise DocumentError(f"The edges close a cycle: {cycle}. Data must flow one way; remove "
                            "one of these edges.") from error
    return graph


def _folded(graph: Graph, folds: list[_Fold], notes: list[str]) -> Graph:
    """With the folds that there can be: the others are a matter of looks, and no reason to stop."""
    for fold in folds:
        if unknown := [id for id in fold.members if id not in graph]:
            notes.append(f"{fold.name}: folds {unknown[0]}, which is not there. The others are "
                         "shown one by one.")
            continue
        try:
            graph = graph.with_fold(fold.members, fold.x, fold.y, fold.name)
        except GraphError as error:
            notes.append(f"{fold.name}: {error} Its nodes are shown one by one.")
    return graph


def _edge(text: str, i: int) -> Edge:
    match = re.fullmatch(r"(\w+)\.(\d{1,4}) -> (\w+)\.(\d{1,4})", text)
    if match is None:
        raise DocumentError(f"edges[{i}] is {text[:80]!r}, where an edge is wanted as in "
                            '"dense_1.0 -> dense_2.0" (node and port, from and to).')
    source, source_port, target, target_port = match.groups()
    return Edge(source, int(source_port), target, int(target_port))


# -- errors ---------------------------------------------------------------------------------------


def _convert(raw: dict[str, Any]) -> _File:
    try:
        return msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        where = where.rstrip("`").lstrip(".")
        raise DocumentError(f"The network description is wrong at {where or 'the top'}: "
                            f"{_plain(what)}. "
                            "Mend that place in a text editor, or open an earlier copy."
                            ) from error


_WORDS = {
    r"`str` matching regex .*": "a name of letters, digits and _ that begins with a letter",
    r"Object missing required field `(.*?)`": r'the field "\1" is missing',
    r"Object contains unknown field `(.*?)`": r'the field "\1" is not known',
    "<=": "of at most", ">=": "of at least",
}
"""What msgspec calls things, and what people do."""


_TYPES = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false",
          "array": "a list", "list": "a list", "object": "an object", "dict": "an object",
          "null": "nothing", "NoneType": "nothing"}


def _plain(text: str) -> str:
    for jargon, words in _WORDS.items():
        text = re.sub(jargon, words, text)
    text = re.sub(r" - at `(.*?)`", r", in \1", text)
    return re.sub("`(.*?)`", lambda found: " or ".join(
        _TYPES.get(kind, kind) for kind in found[1].split(" | ")), text)


def _where(data: bytes, message: str) -> str:
    """JSON errors count bytes; people count lines."""
    match = re.search(r" ?\(byte (\d+)\)", message)
    if match is None:
        return message
    before = data[:int(match[1])]
    line = before.count(b"\n") + 1
    column = len(before) - (before.rfind(b"\n") + 1) + 1
    return f"{message.replace(match[0], '')}, line {line}, column {column}"


__all__ = ["FORMAT", "MIGRATIONS", "VERSION", "Decoded", "DocumentError", "decode", "encode"]
