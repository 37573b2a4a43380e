"""IDX files, the format of MNIST and its relatives, plain or gzipped.

Layout (LeCun, Cortes and Burges, "The MNIST database", yann.lecun.com/exdb/mnist): two zero bytes,
a type byte, the number of dimensions, each dimension as a big-endian uint32, then the values.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from playground.data.dataset import DataError, Dataset, make_dataset
from playground.data.images import as_images
from playground.data.labels import Task, check_task, number_target
from playground.data.limits import check_size, existing_file, read_up_to, unreadable

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_ADVICE = "Cut the file into smaller parts first."


def read_idx(
    images_path: str | Path, labels_path: str | Path | None = None, task: Task = "auto"
) -> Dataset:
    """Samples from one IDX file and their labels from another; raises DataError.

    Bytes of shape (N, height, width) become images (N, 1, height, width) with values 0..1. Without
    `labels_path` the labels are looked for beside the images under the usual name ("images-idx3"
    becomes "labels-idx1"). Labels are one number per sample.
    """
    check_task(task)
    images_file = existing_file(images_path)
    labels_file = existing_file(labels_path) if labels_path else labels_beside(images_file)
    labels = read_idx_array(labels_file)
    if labels.ndim != 1:
        raise DataError(
            f"'{labels_file.name}' has the shape {labels.shape}; labels are one number per sample. "
            "Are images and labels exchanged?"
        )
    values = read_idx_array(images_file)
    if values.ndim < 2:
        raise DataError(
            f"'{images_file.name}' has the shape {values.shape}, a list of numbers; samples are "
            "wanted. Are images and labels exchanged?"
        )
    if len(values) != len(labels):
        raise DataError(
            f"'{images_file.name}' holds {len(values):,} samples but '{labels_file.name}' "
            f"{len(labels):,} labels; choose the two files of the same set."
        )
    target, classes = number_target(f"'{labels_file.name}'", labels, task)
    x = as_images(values)
    return make_dataset(images_file.name, x, target, classes, (), f"File {images_file.name}.")


def read_idx_array(path: str | Path) -> npt.NDArray[Any]:
    """The one array in an IDX file, in the machine's byte order; raises DataError.

    Refuses, before allocating, an array of more than limits.MAX_BYTES (as float32 or as it is).
    """
    file = existing_file(path)
    try:
        with _open(file) as stream:
            dtype, shape = _header(file, stream)
            wanted = math.prod(shape) * dtype.itemsize
            data = read_up_to(stream, wanted)
            longer = bool(stream.read(1))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"'{file.name}' is a damaged or incomplete gzip file; download it again."
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error
    if len(data) != wanted or longer:
        found = "more follow" if longer else f"only {len(data):,} are there"
        raise DataError(
            f"'{file.name}' declares {' x '.join(map(str, shape))} values, {wanted:,} bytes, but "
            f"{found}; the file is damaged or incomplete. Download it again."
        )
    values = np.frombuffer(data, dtype=dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def read_idx_header(path: str | Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape an IDX file declares, without its values; raises DataError."""
    file = existing_file(path)
    try:
        with _open(file) as stream:
            return _header(file, stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"'{file.name}' is a damaged or incomplete gzip file; download it again."
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error


def _open(file: Path) -> IO[bytes]:
    with file.open("rb") as probe:
        zipped = probe.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(file, "rb")) if zipped else file.open("rb")


def _header(file: Path, stream: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
        raise DataError(
            f"'{file.name}' is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}, and "
            "00 00, a type (08 for bytes) and the number of dimensions were expected. Choose a "
            "file such as train-images-idx3-ubyte.gz."
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"'{file.name}' ends inside its header; download it again.")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if 0 in shape or len(shape) > 8:
        raise DataError(
            f"'{file.name}' declares the shape {shape}; 1 to 8 dimensions were expected, "
            "none of them 0."
        )
    dtype = np.dtype(_TYPES[magic[2]])
    check_size(file, shape, max(dtype.itemsize, 4), _ADVICE)
    return dtype, shape


def labels_beside(images: Path) -> Path:
    """The labels file that belongs to an images file, by its name; raises DataError."""
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    candidates = [name, name.removesuffix(".gz") if name.endswith(".gz") else name + ".gz"]
    for candidate in candidates:
        file = images.with_name(candidate)
        if candidate != images.name and file.is_file():
            return existing_file(file)
    raise DataError(
        f"No labels were found beside '{images.name}' (looked for {' and '.join(candidates)}); "
        "choose the labels file too."
    )
