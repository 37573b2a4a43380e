"""How large data may be, and the file checks every reader starts with.

A reader learns the size of what it will build from headers and counts, asks `check_size`, and only
then allocates: a file that lies about its size costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from playground.data.dataset import DataError

MAX_BYTES = 512 * 2**20  # of one array; raw bytes and float32 copy together stay under 1 GiB

_CHUNK = 2**20


def check_size(path: Path, shape: Sequence[int], item_bytes: int, advice: str) -> None:
    """Raise DataError when an array of this shape, declared by the file, is more than MAX_BYTES."""
    size = math.prod(shape) * item_bytes
    if size > MAX_BYTES:
        dimensions = " x ".join(f"{length:,}" for length in shape)
        raise DataError(
            f"'{path.name}' declares {dimensions} values, {size / 2**20:,.0f} MiB in memory; at "
            f"most {MAX_BYTES // 2**20} MiB can be loaded. {advice}"
        )


def check_count(what: str, value: int, low: int, high: int) -> None:
    """Raise DataError when a number that was asked for is not low..high."""
    if not low <= value <= high:
        raise DataError(f"{value:,} {what} were asked for; choose {low:,} to {high:,}.")


def read_up_to(stream: IO[bytes], size: int) -> bytearray:
    """Up to `size` bytes of a stream; memory grows with what is there, not with what is asked."""
    data = bytearray()
    while len(data) < size and (chunk := stream.read(min(_CHUNK, size - len(data)))):
        data += chunk
    return data


def existing_file(path: str | Path) -> Path:
    """The path of an ordinary, non-empty file; raises DataError that says what is there instead."""
    file = existing(path)
    if file.is_dir():
        raise DataError(
            f"'{file}' is a folder; choose a file in it, or open it as an image folder."
        )
    if not file.is_file():
        raise DataError(f"'{file}' is not an ordinary file; choose a data file.")
    if file.stat().st_size == 0:
        raise DataError(f"'{file.name}' is empty (0 bytes); export or download it again.")
    return file


def existing_folder(path: str | Path) -> Path:
    """The path of a folder; raises DataError that says what is there instead."""
    folder = existing(path)
    if not folder.is_dir():
        raise DataError(f"'{folder}' is a file; choose the folder with one sub-folder per class.")
    return folder


def unreadable(path: Path, error: OSError) -> DataError:
    """The sentence for a file the operating system will not hand over."""
    return DataError(
        f"'{path.name}' cannot be read: {error.strerror or error}. Check that you may open it and "
        "that its drive is still there."
    )


def existing(path: str | Path) -> Path:
    """The path of a file or folder that is there; raises DataError otherwise."""
    found = Path(path)
    try:
        exists = found.exists()
    except OSError as error:
        raise unreadable(found, error) from error
    if not exists:
        raise DataError(
            f"'{found}' does not exist; it may have been moved or renamed. Choose it again."
        )
    return found
