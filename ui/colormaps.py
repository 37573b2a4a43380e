"""Numbers to pictures: signed values in red and blue around white, magnitudes in viridis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtGui import QImage

# ColorBrewer RdBu with 11 classes (Brewer & Harrower), blue for negative; the middle is white.
_RDBU = ("053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "fafafa",
         "fddbc7", "f4a582", "d6604d", "b2182b", "67001f")
# Viridis (van der Walt & Smith 2015, CC0) at ten even places.
_VIRIDIS = ("440154", "482878", "3e4989", "31688e", "26828e",
            "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
NOT_FINITE = (255, 0, 255)
"""NaN and infinities are never hidden: they are magenta, which neither map contains."""

Bytes = NDArray[np.uint8]


def _table(anchors: tuple[str, ...]) -> Bytes:
    points = np.array([[int(a[i:i + 2], 16) for i in (0, 2, 4)] for a in anchors], float)
    at = np.linspace(0, 1, len(anchors))
    wanted = np.linspace(0, 1, 256)
    table = np.stack([np.interp(wanted, at, points[:, c]) for c in range(3)], axis=1)
    return table.round().astype(np.uint8)


DIVERGING: Bytes = _table(_RDBU)
"""(256, 3): from -scale over white at zero to +scale."""
SEQUENTIAL: Bytes = _table(_VIRIDIS)
"""(256, 3): from 0 to scale."""


def signed_image(values: ArrayLike, scale: float | None = None) -> QImage:
    """A picture (height, width) of signed values; `scale` is the value of full red.

    Without a scale it is the largest magnitude here. Pass one scale for pictures that are
    compared with each other.
    """
    x = _plane(values)
    scale = _largest(x) if scale is None else scale
    return _image(x / (2 * scale or 1.0) + 0.5, DIVERGING)


def magnitude_image(values: ArrayLike, scale: float | None = None) -> QImage:
    """A picture (height, width) of magnitudes; `scale` is the value of full yellow."""
    x = _plane(values)
    scale = _largest(x) if scale is None else scale
    return _image(x / (scale or 1.0), SEQUENTIAL)


def _plane(values: ArrayLike) -> NDArray[np.float32]:
    return np.atleast_2d(np.asarray(values, np.float32))


def _largest(x: NDArray[np.float32]) -> float:
    finite = np.abs(x[np.isfinite(x)])
    return float(finite.max()) if finite.size else 1.0


def _image(share: NDArray[np.float32], table: Bytes) -> QImage:
    colors = np.vstack([table, np.array([NOT_FINITE], np.uint8)]).astype(np.uint32)
    packed = 0xFF000000 | colors[:, 0] << 16 | colors[:, 1] << 8 | colors[:, 2]
    finite = np.isfinite(share)
    index = np.where(finite, np.clip(share, 0, 1) * 255 + 0.5, 256)
    pixels = np.ascontiguousarray(packed[index.astype(np.intp)], np.uint32)
    height, width = pixels.shape
    # QImage does not own the buffer; the copy outlives it.
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
