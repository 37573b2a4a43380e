"""A folder of pictures with one sub-folder per class, decoded by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from playground.data.dataset import DataError, Dataset, FloatArray, make_dataset
from playground.data.limits import check_size, existing_folder, unreadable

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)

# Named, because Pillow would also try formats that start other programs (EPS runs Ghostscript).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MAX_FILES = 200_000
_MAX_PIXELS = 40_000_000  # of one picture as stored; 160 MB decoded
_MAX_SIDE = 4096


def read_image_folder(
    path: str | Path, size: tuple[int, int] | None = None, grey: bool = False
) -> Dataset:
    """Every picture in every sub-folder; the class is the sub-folder's name; raises DataError.

    x (N, 1 or 3, height, width) with values 0..1. Pictures are turned as their EXIF data says,
    transparency is laid on white. `size` (height, width) resizes all; None wants them equal.
    """
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
        x[position] = _pixels(file, (height, width), size is not None, grey)
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
    return _decode(file).size[::-1]


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith((".", "__"))


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )


def _decode(file: Path) -> Image.Image:
    """The picture, turned upright and fully decoded."""
    try:
        with Image.open(file, formats=_FORMATS) as image:
            # The header tells the size; nothing is decoded yet.
            if image.width * image.height > _MAX_PIXELS:
                raise DataError(
                    f"'{file}' is {image.width:,} x {image.height:,} pixels; at most "
                    f"{_MAX_PIXELS:,} pixels can be opened. Make it smaller first."
                )
            image.load()
            return ImageOps.exif_transpose(image)
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders let through whatever a damaged file provokes
        raise DataError(
            f"The picture '{file}' cannot be read, it is damaged or not a picture; remove it or "
            "save it again."
        ) from error


def _pixels(file: Path, size: tuple[int, int], resize: bool, grey: bool) -> FloatArray:
    """One picture as (channels, height, width), 0..1."""
    image = _plain(_decode(file), grey)
    if image.size[::-1] != size:
        if not resize:
            raise DataError(
                f"'{file}' is {image.height} x {image.width} pixels (height x width), but the "
                f"first picture is {size[0]} x {size[1]}; give a size to bring all to."
            )
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.float32) / np.float32(255.0)
    return pixels[None] if grey else pixels.transpose(2, 0, 1)


def _plain(image: Image.Image, grey: bool) -> Image.Image:
    """The picture in 8 bits, one channel or three, without transparency."""
    if image.mode.startswith("I"):
        # 16 bits: Pillow's own conversion cuts at 255 instead of scaling.
        deep = np.clip(np.asarray(image, np.int64) >> 8, 0, 255)
        image = Image.fromarray(deep.astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("L" if grey else "RGB")
