"""Pooling of images: the largest value or the mean of each window.

Each kernel goes through a row of outputs once per window position, so that the innermost loop
runs over neighbours in memory. x and dx hold one image plane per channel and sample.
"""

from typing import NamedTuple

import numpy as np

from kernels.jit import floats, inline, ints, kernel


class Windows(NamedTuple):
    """Where the windows lie: the first operands of each kernel here, in this order.

    planes: batch times channels. top, left, bottom, right: the padding.
    """

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    top: int
    left: int
    bottom: int
    right: int


WINDOWS = " ".join(Windows._fields)
SIZES = len(Windows._fields)


@inline
def windows(a):
    return Windows(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12])


@inline
def columns_inside(g, tap):
    """Which outputs (begin, end) of a row have column `tap` of their window inside the image."""
    shift = tap - g.left
    begin = max(0, -(shift // g.stride_width))
    return begin, min(g.out_width, (g.width - 1 - shift) // g.stride_width + 1)


@kernel(f"{WINDOWS} x -> y winner")
def max_pool2d_forward(a):
    """y[i, j] = max_uv x[s i + u - p, s j + v - p]; winner[i, j] = where that was.

    x (n c, height, width), y, winner (n c, out height, out width); the first of equals wins, and
    NaN beats every number, as in PyTorch
    """
    g = windows(a)
    size, out_size = g.height * g.width, g.out_height * g.out_width
    stride = g.stride_width
    x = floats(a[SIZES], g.planes * size)
    y = floats(a[SIZES + 1], g.planes * out_size)
    winner = ints(a[SIZES + 2], g.planes * out_size)
    for plane in range(g.planes):
        for i in range(g.out_height):
            to = plane * out_size + i * g.out_width
            first_row = max(0, i * g.stride_height - g.top)
            for j in range(g.out_width):
                y[to + j] = -np.inf
                winner[to + j] = first_row * g.width + max(0, j * stride - g.left)
            for u in range(g.kernel_height):
                row = i * g.stride_height + u - g.top
                if 0 <= row < g.height:
                    for v in range(g.kernel_width):
                        begin, end = columns_inside(g, v)
                        at = row * g.width + v - g.left
                        for j in range(begin, end):
                            index = at + j * stride
                            value = x[plane * size + index]
                            best = y[to + j]
                            wins = (value > best) | (value != value)
                            y[to + j] = value if wins else best
                            winner[to + j] = index if wins else winner[to + j]


@kernel(f"{WINDOWS} winner dy -> dx")
def max_pool2d_backward(a):
    """dx[winner[i, j]] += dy[i, j]: the gradient goes to the winner.

    winner, dy (n c, out height, out width), dx (n c, height, width)
    """
    g = windows(a)
    size, out_size = g.height * g.width, g.out_height * g.out_width
    winner = ints(a[SIZES], g.planes * out_size)
    dy = floats(a[SIZES + 1], g.planes * out_size)
    dx = floats(a[SIZES + 2], g.planes * size)
    dx[:] = 0
    for plane in range(g.planes):
        for i in range(plane * out_size, (plane + 1) * out_size):
            dx[plane * size + winner[i]] += dy[i]


@inline
def window_share(i, kernel, stride, before, size, after, count_padding):
    """One over the positions of window i along an axis that count for the mean."""
    begin = i * stride - before
    end = min(begin + kernel, size + after)
    if not count_padding:
        begin, end = max(begin, 0), min(end, size)
    return np.float32(1) / np.float32(end - begin)


@inline
def find_column_shares(g, count_padding, shares):
    for j in range(g.out_width):
        shares[j] = window_share(j, g.kernel_width, g.stride_width, g.left, g.width, g.right,
                                 count_padding)


@kernel(f"{WINDOWS} count_padding x -> y shares")
def avg_pool2d_forward(a):
    """y[i, j] = mean_uv x[s i + u - p, s j + v - p].

    x (n c, height, width), y (n c, out height, out width), shares (out width,)
    """
    g = windows(a)
    count_padding = a[SIZES] != 0
    size, out_size = g.height * g.width, g.out_height * g.out_width
    stride = g.stride_width
    x = floats(a[SIZES + 1], g.planes * size)
    y = floats(a[SIZES + 2], g.planes * out_size)
    shares = floats(a[SIZES + 3], g.out_width)
    find_column_shares(g, count_padding, shares)
    for plane in range(g.planes):
        for i in range(g.out_height):
            to = plane * out_size + i * g.out_width
            y[to:to + g.out_width] = 0
            for u in range(g.kernel_height):
                row = i * g.stride_height + u - g.top
                if 0 <= row < g.height:
                    for v in range(g.kernel_width):
                        begin, end = columns_inside(g, v)
                        at = plane * size + row * g.width + v - g.left
                        for j in range(begin, end):
                            y[to + j] += x[at + j * stride]
            share = window_share(i, g.kernel_height, g.stride_height, g.top, g.height, g.bottom,
                                 count_padding)
            for j in range(g.out_width):
                y[to + j] *= share * shares[j]


@kernel(f"{WINDOWS} count_padding dy -> dx shares")
def avg_pool2d_backward(a):
    """dx[s i + u - p, s j + v - p] += dy[i, j] / (size of the window): the gradient is spread.

    dy (n c, out height, out width), dx (n c, height, width), shares (out width,)
    """
    g = windows(a)
    count_padding = a[SIZES] != 0
    size, out_size = g.height * g.width, g.out_height * g.out_width
    stride = g.stride_width
    dy = floats(a[SIZES + 1], g.planes * out_size)
    dx = floats(a[SIZES + 2], g.planes * size)
    shares = floats(a[SIZES + 3], g.out_width)
    find_column_shares(g, count_padding, shares)
    dx[:] = 0
    for plane in range(g.planes):
        for i in range(g.out_height):
            out = plane * out_size + i * g.out_width
            share = window_share(i, g.kernel_height, g.stride_height, g.top, g.height, g.bottom,
                                 count_padding)
            for u in range(g.kernel_height):
                row = i * g.stride_height + u - g.top
                if 0 <= row < g.height:
                    for v in range(g.kernel_width):
                        begin, end = columns_inside(g, v)
                        to = plane * size + row * g.width + v - g.left
                        for j in range(begin, end):
                            dx[to + j * stride] += dy[out + j] * share * shares[j]
