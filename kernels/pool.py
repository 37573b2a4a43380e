"""Pooling of images: the largest value or the mean of each window.

Each kernel goes through a plane (one channel of one sample) once per window position (u, v), so
that the innermost loop runs along a row of outputs.
"""

from typing import NamedTuple

import numpy as np

from kernels.halving import max_of_pairs, mean_of_pairs, spread_to_pairs, winners_to_pairs
from kernels.jit import floats, inline, ints, kernel
from kernels.simd import add_row, max_row


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
def inside(tap, before, stride, size, steps):
    """Which windows (begin, end) along an axis have position `tap` inside the image."""
    begin = min(steps, max(0, -((tap - before) // stride)))
    return begin, max(begin, min(steps, (size - 1 + before - tap) // stride + 1))


@inline
def halves(g):
    """Whether windows of 2x2 stand side by side, with no border (see halving.py)."""
    return (g.kernel_height == g.kernel_width == g.stride_height == g.stride_width == 2
            and g.top == g.left == 0
            and 2 * g.out_height <= g.height and 2 * g.out_width <= g.width)


@inline
def clear_left_out(g, dx):
    """dx = 0 if the windows leave out a row or a column of the image."""
    if 2 * g.out_height < g.height or 2 * g.out_width < g.width:
        dx[:] = 0


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
    if halves(g):
        for plane in range(g.planes):
            for i in range(g.out_height):
                at = 2 * i * g.width
                max_of_pairs(g.out_width, x, plane * size + at, g.width, at,
                             y, winner, plane * out_size + i * g.out_width)
        return
    for plane in range(g.planes):
        for i in range(g.out_height):
            to = plane * out_size + i * g.out_width
            first_row = max(0, i * g.stride_height - g.top)
            for j in range(g.out_width):
                y[to + j] = -np.inf
                winner[to + j] = first_row * g.width + max(0, j * stride - g.left)
        for u in range(g.kernel_height):
            for v in range(g.kernel_width):
                begin, end = inside(v, g.left, stride, g.width, g.out_width)
                top, bottom = inside(u, g.top, g.stride_height, g.height, g.out_height)
                for i in range(top, bottom):
                    row = i * g.stride_height + u - g.top
                    at = row * g.width + begin * stride + v - g.left
                    max_row(end - begin, x, plane * size + at, stride, at,
                            y, winner, plane * out_size + i * g.out_width + begin)


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
    if halves(g):
        clear_left_out(g, dx)
        for plane in range(g.planes):
            for i in range(g.out_height):
                at = 2 * i * g.width
                winners_to_pairs(g.out_width, winner, dy, plane * out_size + i * g.out_width,
                                 dx, plane * size + at, g.width, at)
        return
    dx[:] = 0
    for plane in range(g.planes):
        for i in range(plane * out_size, (plane + 1) * out_size):
            dx[plane * size + winner[i]] += dy[i]


@inline
def positions(i, kernel, stride, before, size, after, count_padding):
    """How many positions of window i along an axis count for the mean."""
    begin = i * stride - before
    end = min(begin + kernel, size + after)
    return end - begin if count_padding else min(end, size) - max(begin, 0)


@inline
def find_shares(g, count_padding, shares):
    """What part of its window's mean each value is."""
    for i in range(g.out_height):
        rows = positions(i, g.kernel_height, g.stride_height, g.top, g.height, g.bottom,
                         count_padding)
        for j in range(g.out_width):
            columns = positions(j, g.kernel_width, g.stride_width, g.left, g.width, g.right,
                                count_padding)
            shares[i * g.out_width + j] = np.float32(1) / np.float32(rows * columns)


@kernel(f"{WINDOWS} count_padding x -> y shares")
def avg_pool2d_forward(a):
    """y[i, j] = mean_uv x[s i + u - p, s j + v - p].

    x (n c, height, width), y (n c, out height, out width), shares (out height, out width)
    """
    g = windows(a)
    count_padding = a[SIZES] != 0
    size, out_size = g.height * g.width, g.out_height * g.out_width
    stride = g.stride_width
    x = floats(a[SIZES + 1], g.planes * size)
    y = floats(a[SIZES + 2], g.planes * out_size)
    shares = floats(a[SIZES + 3], out_size)
    if halves(g):
        for plane in range(g.planes):
            for i in range(g.out_height):
                mean_of_pairs(g.out_width, x, plane * size + 2 * i * g.width, g.width,
                              y, plane * out_size + i * g.out_width)
        return
    find_shares(g, count_padding, shares)
    y[:] = 0
    for plane in range(g.planes):
        for u in range(g.kernel_height):
            for v in range(g.kernel_width):
                begin, end = inside(v, g.left, stride, g.width, g.out_width)
                top, bottom = inside(u, g.top, g.stride_height, g.height, g.out_height)
                for i in range(top, bottom):
                    row = i * g.stride_height + u - g.top
                    at = plane * size + row * g.width + begin * stride + v - g.left
                    add_row(end - begin, x, at, stride,
                            y, plane * out_size + i * g.out_width + begin, 1)
        for i in range(out_size):
            y[plane * out_size + i] *= shares[i]


@kernel(f"{WINDOWS} count_padding dy -> dx shares scaled")
def avg_pool2d_backward(a):
    """dx[s i + u - p, s j + v - p] += dy[i, j] / (size of the window): the gradient is spread.

    dy (n c, out height, out width), dx (n c, height, width), shares, scaled (out height, out width)
    """
    g = windows(a)
    count_padding = a[SIZES] != 0
    size, out_size = g.height * g.width, g.out_height * g.out_width
    stride = g.stride_width
    dy = floats(a[SIZES + 1], g.planes * out_size)
    dx = floats(a[SIZES + 2], g.planes * size)
    shares, scaled = floats(a[SIZES + 3], out_size), floats(a[SIZES + 4], out_size)
    if halves(g):
        clear_left_out(g, dx)
        for plane in range(g.planes):
            for i in range(g.out_height):
                spread_to_pairs(g.out_width, dy, plane * out_size + i * g.out_width,
                                dx, plane * size + 2 * i * g.width, g.width)
        return
    find_shares(g, count_padding, shares)
    dx[:] = 0
    for plane in range(g.planes):
        for i in range(out_size):
            scaled[i] = dy[plane * out_size + i] * shares[i]
        for u in range(g.kernel_height):
            for v in range(g.kernel_width):
                begin, end = inside(v, g.left, stride, g.width, g.out_width)
                top, bottom = inside(u, g.top, g.stride_height, g.height, g.out_height)
                for i in range(top, bottom):
                    row = i * g.stride_height + u - g.top
                    to = plane * size + row * g.width + begin * stride + v - g.left
                    add_row(end - begin, scaled, i * g.out_width + begin, 1, dx, to, stride)
