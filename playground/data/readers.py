"""Open any supported file or folder: which reader it needs is told by its content."""

from __future__ import annotations

import gzip
import inspect
import zlib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from playground.data.dataset import DataError, Dataset
from playground.data.idx_reader import read_idx
from playground.data.image_folder import SUFFIXES, read_image_folder
from playground.data.limits import existing, existing_file, unreadable
from playground.data.npz_reader import read_npz
from playground.data.table_reader import read_csv

Format = Literal["csv", "npz", "idx", "images"]

_READERS: dict[Format, Callable[..., Dataset]] = {
    "csv": read_csv,
    "npz": read_npz,
    "idx": read_idx,
    "images": read_image_folder,
}

NAMES = ("*.csv", "*.tsv", "*.txt", "*.npz", "*.gz", "*ubyte")
"""What files of data are mostly called. They are told by their content, whatever they are called.
"""


def is_called_like_data(path: Path) -> bool:
    """Whether a file's name says that it is data, or a part of it that is refused with advice."""
    name = path.name.lower()
    return any(fnmatch(name, pattern) for pattern in (*NAMES, "*.npy")) or (
        path.suffix.lower() in SUFFIXES)


def open_data(path: str | Path, **options: Any) -> Dataset:
    """Read a table, .npz archive, IDX file or image folder; raises DataError.

    Options are those of read_csv, read_npz, read_idx or read_image_folder, whichever applies.
    """
    kind = data_format(path)
    known = _options(kind)
    for option in options:
        if option not in known:
            raise DataError(
                f"'{Path(path).name}' is read as {kind}, which has no option '{option}'; it has "
                f"{', '.join(known)}."
            )
    return _READERS[kind](path, **options)


def reader_options(path: str | Path) -> frozenset[str]:
    """The options that the reader of this file knows; raises DataError when none fits."""
    return frozenset(_options(data_format(path)))


def _options(kind: Format) -> list[str]:
    """All parameters of a reader but the first, its path."""
    return list(inspect.signature(_READERS[kind]).parameters)[1:]


def data_format(path: str | Path) -> Format:
    """Which reader a file needs, judged by its first bytes; raises DataError when none fits."""
    if existing(path).is_dir():
        return "images"
    file = existing_file(path)
    start = _first_bytes(file)
    if start.startswith(b"PK"):
        if file.suffix.lower() in (".xlsx", ".ods"):
            raise DataError(f"'{file.name}' is a spreadsheet; save it as CSV and open that.")
        return "npz"
    if start.startswith(b"\x93NUMPY"):
        raise DataError(
            f"'{file.name}' holds a single array; save samples and targets together with "
            "numpy.savez(file, x=..., y=...)."
        )
    # A type byte of 08 to 0e tells an IDX header from other binary data that begins with zeros.
    if start[:2] == b"\0\0" and 0x08 <= start[2] <= 0x0E:
        return "idx"
    if file.suffix.lower() in SUFFIXES:
        raise DataError(
            f"'{file.name}' is a single picture; choose the folder that holds one sub-folder per "
            "class."
        )
    return "csv"


def _first_bytes(file: Path) -> bytes:
    """The first 8 bytes, of the content when the file is gzipped, padded with spaces."""
    try:
        with file.open("rb") as stream:
            start = stream.read(8)
        if not start.startswith(b"\x1f\x8b"):
            return start.ljust(8)
        with gzip.open(file) as unpacked:
            inside = unpacked.read(8).ljust(8)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"'{file.name}' is a damaged or incomplete gzip file; download it again."
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error
    if inside[:2] != b"\0\0":
        raise DataError(
            f"'{file.name}' is gzipped, but is no IDX file inside; unpack it and open the result."
        )
    return inside
