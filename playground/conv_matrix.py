"""A convolution written as the dense layer that it is: most weights zero, the rest shared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.layers.base import Shape, size_of
from playground.layers.conv import Convolution

Floats = NDArray[np.float32]


def conv_matrix(layer: Convolution, w: Floats, x: Shape) -> Floats:
    """The matrix m (outputs, inputs) with y.ravel() = m @ x.ravel(), before bias and activation.

    w: the layer's weights, (out, in / groups, *kernel). x: the shape of one input. Each row holds
    one kernel, moved to where its output looks; what lies in the border's zeros is left out.
    Raises ValueError for a border that is not zeros: there inputs count twice.
    """
    if layer.padding_mode != "zeros":
        raise ValueError("Only a convolution with a border of zeros has each weight in one place.")
    channels, height, width = layer.image(x)
    maps, *steps = layer.output_shape(x)
    rows, columns = (1, *steps)[-2:]
    (kernel_height, kernel_width), stride, dilation = layer.window
    top, left, _, _ = layer.border((height, width))
    w = w.reshape(maps, channels // layer.groups, kernel_height, kernel_width)
    m = np.zeros((maps, rows, columns, channels, height, width), np.float32)
    for u, v in np.ndindex(kernel_height, kernel_width):
        for i, j in np.ndindex(rows, columns):
            down = stride[0] * i + dilation[0] * u - top
            right = stride[1] * j + dilation[1] * v - left
            if 0 <= down < height and 0 <= right < width:
                for group in range(layer.groups):
                    outs = slice(group * maps // layer.groups, (group + 1) * maps // layer.groups)
                    ins = slice(group * w.shape[1], (group + 1) * w.shape[1])
                    m[outs, i, j, ins, down, right] = w[outs, :, u, v]
    return m.reshape(maps * rows * columns, size_of(x))


def weight_places(layer: Convolution, w: Shape, x: Shape) -> NDArray[np.int32]:
    """Which weight stands where in that matrix: its place in w.ravel(), or -1 for a zero.

    w: the shape of the weights, with up to 2²⁴ of them.
    """
    numbers = np.arange(1, size_of(w) + 1, dtype=np.float32).reshape(w)
    return conv_matrix(layer, numbers, x).astype(np.int32) - 1
