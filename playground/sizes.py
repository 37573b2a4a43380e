"""Shapes as tuples of sizes."""

from __future__ import annotations

Shape = tuple[int, ...]
"""The sizes of one sample, without the batch axis: (features,) or (channels, height, width)."""

Pair = tuple[int, int]
"""(height, width)."""


def show_shape(shape: Shape) -> str:
    """(6, 28, 28) as 6×28×28, and () as 1."""
    return "×".join(str(size) for size in shape) or "1"


def size_of(shape: Shape) -> int:
    """The number of values in an array of this shape."""
    size = 1
    for extent in shape:
        size *= extent
    return size
