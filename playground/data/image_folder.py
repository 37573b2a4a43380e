"""A folder of pictures with one sub-folder per class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from playground.data.dataset import DataError, Dataset, make_dataset
from playground.data.limits import check_size, existing_folder, unreadable

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)

_MAX_FILES = 200_000
_MAX_SIDE = 4096


def read_image_folder(
    path: str | Path, size: tuple[int, int] | None = None, grey: bool = False
) -> Dataset:
    """Every picture in every sub-folder; the class is the sub-folder's name; raises DataError.

    x (N, 1 or 3, height, width) with values 0..1. Pictures are turned as their EXIF data says,
    transparency is laid on white. `size` (height, width) resizes all; None wants them equal.
    """
    from playground.data.picture import pixels  # Pillow loads with the first picture

    folder = existing_folder(path)
    if size is not None and not all(1 <= side <= _MAX_SIDE for side in size):
        raise DataError(
            f"The picture size is {size[0]} x {size[1]}; choose 1 to {_MAX_SIDE} pixels a side."
        )
    classes = list_images(folder)
    files = [(file, index) for index, name in enumerate(classes) for file in classes[name]]
    height, width = size or image_size(files[0][0])
    shape = (len(files), 1 if grey else 3, height, width)
    check_size(folder, shape, 4, "Choose a smaller picture size, or fewer pictures.")
    x = np.empty(shape, np.float32)
    for position, (file, _) in enumerate(files):
        x[position] = pixels(file, (height, width), size is not None, grey)
    target = np.array([index for _, index in files])
    return make_dataset(folder.name, x, target, tuple(classes), (), f"Folder {folder.name}.")


def list_images(path: str | Path) -> dict[str, list[Path]]:
    """Picture files by class, both in alphabetical order; at least two classes or a DataError."""
    folder = existing_folder(path)
    try:
        names = sorted(entry for entry in folder.iterdir() if _is_class(entry))
        classes = {entry.name: _pictures(entry) for entry in names}
    except OSError as error:
        raise unreadable(folder, error) from error
    if len(classes) < 2:
        raise DataError(
            f"'{folder}' has {len(classes)} sub-folders; make one sub-folder per class, at least "
            "two, with the pictures of that class inside."
        )
    for name, files in classes.items():
        if not files:
            raise DataError(
                f"The class folder '{folder / name}' holds no pictures (files ending in "
                f"{', '.join(sorted(SUFFIXES))}); add some or remove it. If it holds class folders "
                "itself, open it instead."
            )
    count = sum(map(len, classes.values()))
    if count > _MAX_FILES:
        raise DataError(
            f"'{folder}' holds {count:,} pictures; at most {_MAX_FILES:,} can be loaded."
        )
    return classes


def image_size(file: Path) -> tuple[int, int]:
    """(height, width) of a picture after its EXIF turn."""
    from playground.data.picture import upright_size

    return upright_size(file)


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith((".", "__"))


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
