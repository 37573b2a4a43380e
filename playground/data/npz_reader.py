"""NumPy .npz archives, read without pickle and without believing their headers.

Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html; an .npz is a zip of .npy.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from playground.data.dataset import DataError, Dataset, Port, make_dataset
from playground.data.images import as_images
from playground.data.labels import Target, Task, check_task, number_target, text_target
from playground.data.lengths import checked_lengths, packed_sequences, targets_of_own
from playground.data.limits import check_size, existing_file, read_up_to, unreadable
from playground.data.symbols import WORD_KEYS, Holds, asked_of_steps, vocabulary_in

Layout = Literal["auto", "plain"]

X_KEYS = ("x", "X", "images", "data", "features", "inputs", "x_train", "X_train", "train_images")
Y_KEYS = ("y", "Y", "labels", "label", "target", "targets", "y_train", "Y_train", "train_labels")
CLASS_KEYS = ("classes", "class_names", "target_names")

_ADVICE = "Save fewer samples, or smaller ones."
_MAX_MEMBERS = 1000


@dataclass(frozen=True)
class ArrayHeader:
    """Type, shape and order of one stored array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool


def read_npz(
    path: str | Path,
    x_key: str = "",
    y_key: str = "",
    task: Task = "auto",
    layout: Layout = "auto",
    lengths_key: str = "",
    holds: Holds = "values",
    vocabulary: int = 0,
) -> Dataset:
    """Samples and targets from two arrays of an archive; raises DataError.

    Empty keys: the usual names are tried (x, X, images, data...; y, Y, labels, target...). Bytes of
    (N, h, w), (N, c, h, w) or (N, h, w, c) become images (N, c, h, w) with values 0..1 unless
    `layout` is "plain". An array of texts called `classes` names the classes of numbered targets.
    lengths_key: the array (N,) that tells how many time steps of each sample are its own; samples
    are then sequences (N, time, features) or (N, time), and what stands after those steps is not
    read, as in targets (N, time) of classes or (N, time, ...) of numbers.
    holds: whether samples (N, time) are symbols, so many as `vocabulary` says; 0: as many as an
    array of texts called `vocabulary` names, or as the largest number tells. Targets (N, time) of
    whole numbers are then classes; those that ask for the next symbol are numbered as symbols are.
    """
    check_task(task)
    if holds not in ("values", "symbols"):
        raise DataError(f"The samples hold '{holds}'; choose values or symbols.")
    if layout not in ("auto", "plain"):
        raise DataError(f"The layout is '{layout}'; choose auto or plain.")
    file = existing_file(path)
    headers = read_npz_headers(file)
    x_name = find_key(file, headers, x_key, X_KEYS, "samples")
    y_name = find_key(file, headers, y_key, Y_KEYS, "targets")
    lengths_name = lengths_key and find_key(file, headers, lengths_key, (), "lengths")
    class_name = next((key for key in CLASS_KEYS if key in headers and key != y_name), "")
    word_name = next((key for key in WORD_KEYS if key in headers and holds == "symbols"
                      and headers[key].dtype.kind in "US" and len(headers[key].shape) == 1), "")
    with _archive(file) as archive:
        labels = _array(file, archive, y_name)
        names = _array(file, archive, class_name) if class_name else np.array([])
        words = _array(file, archive, word_name) if word_name else np.array([])
        x = _array(file, archive, x_name)
        lengths = _array(file, archive, lengths_name) if lengths_name else None
    if x.ndim == 0 or labels.ndim == 0:
        raise DataError(
            f"'{file.name}': '{x_name}' and '{y_name}' need one entry per sample, but a single "
            "value is stored."
        )
    if x.dtype.kind == "U":
        raise DataError(f"'{file.name}': '{x_name}' holds text; samples must be numbers.")
    ports: tuple[Port, ...] = ()
    own = None if lengths is None else checked_lengths(
        f"'{file.name}', array '{lengths_name}'", lengths, x)
    symbols: tuple[str, ...] = ()
    follows = False
    if holds == "symbols":
        symbols = vocabulary_in(f"'{file.name}', array '{x_name}'", x, own, vocabulary,
                                tuple(map(str, words)))
        task, follows = asked_of_steps(f"'{file.name}', array '{y_name}'", labels, x, own,
                                       len(symbols), task)
    if own is not None:
        labels, task = targets_of_own(labels, own, x.shape[1], task)
        x, ports = packed_sequences(x, own, len(symbols))
    elif layout == "auto" and not symbols:
        x = as_images(x)
    target, classes = (labels, symbols) if follows else _target(
        f"'{file.name}', array '{y_name}'", labels, names, task, bool(symbols))
    return make_dataset(file.name, x, target, classes, (), f"File {file.name}.",
                        vocabulary=symbols, ports=ports)


def read_npz_headers(path: str | Path) -> dict[str, ArrayHeader]:
    """Name, type and shape of every array in an archive, without its values; raises DataError."""
    file = existing_file(path)
    with _archive(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        if not names or len(names) > _MAX_MEMBERS:
            raise DataError(
                f"'{file.name}' holds {len(names):,} NumPy arrays; 2 to {_MAX_MEMBERS:,} were "
                "expected. Write it with numpy.savez(file, x=..., y=...)."
            )
        headers = {}
        for name in names:
            with archive.open(name) as stream:
                key = name.removesuffix(".npy")
                headers[key] = _header(file, key, stream)
        return headers


def find_key(
    file: Path,
    headers: dict[str, ArrayHeader],
    asked: str,
    usual: tuple[str, ...],
    what: str,
) -> str:
    """The asked-for key, or the first usual one there is; raises DataError listing the keys."""
    keys = (asked,) if asked else usual
    for key in keys:
        if key in headers:
            return key
    raise DataError(
        f"'{file.name}' has no array of {what} called {' or '.join(keys)}; it holds "
        f"{', '.join(sorted(headers)[:20])}. Name the right one."
    )


@contextmanager
def _archive(file: Path) -> Iterator[zipfile.ZipFile]:
    """The opened archive; what its decoders raise becomes a DataError."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError) as error:
        raise DataError(
            f"'{file.name}' is not a NumPy archive, or is damaged ({error}); save it again with "
            "numpy.savez."
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # unknown compression; encrypted
        raise DataError(
            f"'{file.name}' is packed in a way that cannot be read ({error}); save it again with "
            "numpy.savez."
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error


def _header(file: Path, key: str, stream: IO[bytes]) -> ArrayHeader:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise DataError(
            f"'{file.name}': the array '{key}' is in .npy version {version}, which only record "
            "arrays need; save plain arrays of numbers."
        )
    try:
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran_order, dtype = read(stream)
    except Exception as error:  # a damaged Python literal fails in as many ways as Python can
        raise DataError(
            f"'{file.name}': the header of the array '{key}' is damaged; save it again."
        ) from error
    if any(length < 0 for length in shape):
        raise DataError(f"'{file.name}': the array '{key}' has a negative shape {shape}.")
    return ArrayHeader(dtype, tuple(shape), fortran_order)


def _array(file: Path, archive: zipfile.ZipFile, key: str) -> npt.NDArray[Any]:
    """One array: numbers in the machine's byte order, or texts."""
    with archive.open(f"{key}.npy") as stream:
        header = _header(file, key, stream)
        if header.dtype.kind not in "biufUS":
            raise DataError(
                f"'{file.name}': the array '{key}' holds {header.dtype}, not numbers or text; save "
                "it as a plain array (objects are never loaded, they could run code)."
            )
        # A text becomes a Python string, at some 200 bytes more than its letters.
        item_bytes = 4 * header.dtype.itemsize + 200 if header.dtype.kind in "SU" else 4
        check_size(file, header.shape, max(header.dtype.itemsize, item_bytes), _ADVICE)
        wanted = math.prod(header.shape) * header.dtype.itemsize
        data = read_up_to(stream, wanted)
    if len(data) != wanted:
        raise DataError(
            f"'{file.name}': the array '{key}' declares the shape {header.shape}, {wanted:,} "
            f"bytes, but holds {len(data):,}; the file is damaged. Save it again."
        )
    if not wanted:
        raise DataError(f"'{file.name}': the array '{key}' is empty, of shape {header.shape}.")
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    array = np.frombuffer(data, header.dtype).reshape(header.shape, order=order)
    return array.astype(np.str_) if array.dtype.kind == "S" else array


def _target(where: str, labels: npt.NDArray[Any], names: npt.NDArray[Any], task: Task,
            of_symbols: bool) -> Target:
    """of_symbols: classes of time steps have names, too."""
    if labels.dtype.kind == "U":
        return text_target(where, [str(label) for label in labels.ravel()], task)
    are_named = labels.ndim == 1 or (of_symbols and task == "classification")
    if names.dtype.kind == "U" and names.ndim == 1 and are_named and task != "regression":
        return labels, tuple(str(name) for name in names)
    # A column of targets is a list of targets.
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    return number_target(where, flat, task)
