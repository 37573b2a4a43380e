"""One picture file as numbers, decoded by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from playground.data.dataset import DataError, FloatArray

# Named, because Pillow would also try formats that start other programs (EPS runs Ghostscript).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_ORIENTATION = ExifTags.Base.Orientation
_TURNED = (5, 6, 7, 8)  # by a quarter, EXIF 2.3, 4.6.4
_MAX_PIXELS = 40_000_000  # of one picture as stored; 160 MB decoded


def decode(file: Path) -> Image.Image:
    """The picture, turned upright and fully decoded."""
    with _opened(file) as image:
        image.load()
        return ImageOps.exif_transpose(image)


def upright_size(file: Path) -> tuple[int, int]:
    """(height, width) once it is turned upright; nothing is decoded for it."""
    with _opened(file) as image:
        is_turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
        return image.size if is_turned else image.size[::-1]


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """The picture's header; what decoding it raises becomes a DataError too."""
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise DataError(
                    f"'{file}' is {image.width:,} x {image.height:,} pixels; at most "
                    f"{_MAX_PIXELS:,} pixels can be opened. Make it smaller first."
                )
            yield image
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders let through whatever a damaged file provokes
        raise DataError(
            f"The picture '{file}' cannot be read, it is damaged or not a picture; remove it or "
            "save it again."
        ) from error


def pixels(file: Path, size: tuple[int, int], resize: bool, grey: bool) -> FloatArray:
    """One picture as (channels, height, width), 0..1."""
    image = _plain(decode(file), grey)
    if image.size[::-1] != size:
        if not resize:
            raise DataError(
                f"'{file}' is {image.height} x {image.width} pixels (height x width), but the "
                f"first picture is {size[0]} x {size[1]}; give a size to bring all to."
            )
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    values = np.asarray(image, np.float32) / np.float32(255.0)
    return values[None] if grey else values.transpose(2, 0, 1)


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
