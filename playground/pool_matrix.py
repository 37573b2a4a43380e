"""Pooling of one channel written as a matrix: where each output comes from, and where its gradient
goes."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from playground.layers.base import Layer, Shape
from playground.layers.pool import AvgPool, GlobalAvgPool, GlobalPool, Pool

Floats = NDArray[np.float32]


def has_matrix(layer: object) -> bool:
    """Whether `pool_matrix` knows this kind of pooling."""
    return isinstance(layer, Pool | GlobalPool)


def pool_matrix(layer: Layer, x: Floats) -> Floats:
    """The matrix m (outputs, inputs) with y.ravel() = m @ x.ravel(), for one channel x.

    x: (height, width), or (length,) of a sequence. Its transpose takes the gradient back:
    dx.ravel() = m.T @ dy.ravel(). The mean gives every value of a window its share; the largest
    value has a 1 in its row, and which one that is depends on x. Of equal ones the first wins.
    """
    assert isinstance(layer, Pool | GlobalPool)
    image = np.atleast_2d(x)
    if isinstance(layer, GlobalPool):
        return _row(image, (slice(None), slice(None)), isinstance(layer, GlobalAvgPool),
                    image.size)[None]
    rows, columns = (1, *layer.output_shape((1, *x.shape))[1:])[-2:]
    return np.array([
        _row(image, window_of(layer, x.shape, (i, j)), isinstance(layer, AvgPool),
             _counted(layer, x.shape, (i, j)))
        for i, j in itertools.product(range(rows), range(columns))])


def window_of(layer: Pool, x: Shape, output: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of the channel that an output sees; what is border is left out."""
    _, height, width = layer.image((1, *x))
    kernel, stride = layer.window
    top, left, _, _ = layer.border((height, width))
    first = (output[0] * stride[0] - top, output[1] * stride[1] - left)
    return (slice(max(0, first[0]), min(height, first[0] + kernel[0])),
            slice(max(0, first[1]), min(width, first[1] + kernel[1])))


def _counted(layer: Pool, x: Shape, output: tuple[int, int]) -> int:
    """What the mean of a window divides by: its values, and the border's where that counts."""
    size = 1
    _, height, width = layer.image((1, *x))
    border, (kernel, stride) = layer.border((height, width)), layer.window
    counts_border = isinstance(layer, AvgPool) and layer.count_include_pad
    for axis, length in enumerate((height, width)):
        first = output[axis] * stride[axis] - border[axis]
        end = min(first + kernel[axis], length + border[axis + 2])  # Beyond, nothing counts.
        if not counts_border:
            first, end = max(0, first), min(end, length)
        size *= end - first
    return size


def _row(image: Floats, window: tuple[slice, slice], mean: bool, counted: int) -> Floats:
    row = np.zeros(image.shape, np.float32)
    if mean:
        row[window] = 1 / counted
    else:
        seen = image[window]
        at = np.unravel_index(int(seen.argmax()), seen.shape)
        row[window][at] = 1
    return row.ravel()
