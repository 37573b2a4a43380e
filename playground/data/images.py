"""Arrays of pixels in the layout of this program: (N, channels, height, width), values 0..1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def is_images(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    """Whether an array is bytes (N, height, width), or four dimensions with a channel axis."""
    if dtype != np.uint8:
        return False
    return len(shape) == 3 or (len(shape) == 4 and (shape[1] in (1, 3) or shape[3] in (1, 3, 4)))


def image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(channels, height, width) of pixels (N, h, w), (N, c, h, w) or (N, h, w, c)."""
    if len(shape) == 3:
        return (1, *shape[1:])
    return shape[1:] if shape[1] in (1, 3) else (shape[3], shape[1], shape[2])


def as_images(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bytes that look like images as (N, channels, height, width) / 255; others unchanged."""
    if not is_images(values.dtype, values.shape):
        return values
    if values.ndim == 4 and values.shape[1] not in (1, 3):
        values = values.transpose(0, 3, 1, 2)
    elif values.ndim == 3:
        values = values[:, None]
    # Divided in place: one float32 copy is the largest thing in memory.
    x = values.astype(np.float32, order="C")
    x /= 255.0
    return x
