"""Pooling of images: the largest value or the mean of each window.

Windows lie alike in every plane (one channel of one sample): a table says once where the values
of each window stand, and the inner loops of simd_pool.py go through it plane by plane.
"""

from typing import NamedTuple

import numpy as np

from kernels.halving import max_of_pairs, mean_of_pairs, spread_to_pairs
from kernels.jit import floats, helper, inline, ints, kernel
from kernels.simd_pool import max_of_places, sum_of_places


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


def readers(g: Windows) -> int:
    """How many windows a value can lie in."""
    return -(-g.kernel_height // g.stride_height) * -(-g.kernel_width // g.stride_width)


@inline
def windows(a):
    return Windows(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12])


@helper
def find_places(g, clamped, places):
    """places[u, v, i, j] = where value (u, v) of window (i, j) stands in a plane.

    Outside the plane: -1, or the nearest place inside it, which is in the same window.
    """
    to = 0
    for u in range(g.kernel_height):
        for v in range(g.kernel_width):
            for i in range(g.out_height):
                row = i * g.stride_height + u - g.top
                nearest_row = min(max(row, 0), g.height - 1)
                for j in range(g.out_width):
                    column = j * g.stride_width + v - g.left
                    nearest = min(max(column, 0), g.width - 1)
                    inside = row == nearest_row and column == nearest
                    places[to] = nearest_row * g.width + nearest if clamped or inside else -1
                    to += 1


@helper
def find_readers(g, places):
    """places[m, i, j] = the m-th window that value (i, j) of a plane lies in, or -1."""
    down = -(-g.kernel_height // g.stride_height)
    across = -(-g.kernel_width // g.stride_width)
    to = 0
    for m in range(down):
        for k in range(across):
            for i in range(g.height):
                row = (i + g.top) // g.stride_height - m
                reads_row = (0 <= row < g.out_height
                             and i + g.top - row * g.stride_height < g.kernel_height)
                for j in range(g.width):
                    column = (j + g.left) // g.stride_width - k
                    reads = (reads_row and 0 <= column < g.out_width
                             and j + g.left - column * g.stride_width < g.kernel_width)
                    places[to] = row * g.out_width + column if reads else -1
                    to += 1


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


@kernel(f"{WINDOWS} x -> y winner places")
def max_pool2d_forward(a):
    """y[i, j] = max_uv x[s i + u - p, s j + v - p]; winner[i, j] = where that was.

    x (n c, height, width), y, winner (n c, out height, out width), places (u v, out height, out
    width) int32; the first of equals wins, and NaN beats every number, as in PyTorch
    """
    g = windows(a)
    size, out_size = g.height * g.width, g.out_height * g.out_width
    taps = g.kernel_height * g.kernel_width
    x, y = floats(a[SIZES], g.planes * size), floats(a[SIZES + 1], g.planes * out_size)
    winner, places = ints(a[SIZES + 2], g.planes * out_size), ints(a[SIZES + 3], taps * out_size)
    if halves(g):
        for plane in range(g.planes):
            for i in range(g.out_height):
                at = 2 * i * g.width
                max_of_pairs(g.out_width, x, plane * size + at, g.width, at,
                             y, winner, plane * out_size + i * g.out_width)
        return
    find_places(g, True, places)
    for plane in range(g.planes):
        max_of_places(out_size, taps, x, plane * size, places, y, winner, plane * out_size)


@kernel("planes size windows winner dy -> dx")
def max_pool_backward(a):
    """dx[winner[i]] += dy[i]: the gradient goes to the winner.

    winner, dy (planes, windows), dx (planes, size)
    """
    planes, size, count = a[0], a[1], a[2]
    winner, dy = ints(a[3], planes * count), floats(a[4], planes * count)
    dx = floats(a[5], planes * size)
    dx[:] = 0
    for plane in range(planes):
        for i in range(plane * count, (plane + 1) * count):
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


@kernel(f"{WINDOWS} count_padding x -> y shares places")
def avg_pool2d_forward(a):
    """y[i, j] = mean_uv x[s i + u - p, s j + v - p].

    x (n c, height, width), y (n c, out height, out width), shares (out height, out width), places
    (u v, out height, out width) int32
    """
    g = windows(a)
    count_padding = a[SIZES] != 0
    size, out_size = g.height * g.width, g.out_height * g.out_width
    taps = g.kernel_height * g.kernel_width
    x, y = floats(a[SIZES + 1], g.planes * size), floats(a[SIZES + 2], g.planes * out_size)
    shares, places = floats(a[SIZES + 3], out_size), ints(a[SIZES + 4], taps * out_size)
    if halves(g):
        for plane in range(g.planes):
            for i in range(g.out_height):
                mean_of_pairs(g.out_width, x, plane * size + 2 * i * g.width, g.width,
                              y, plane * out_size + i * g.out_width)
        return
    find_shares(g, count_padding, shares)
    find_places(g, False, places)
    for plane in range(g.planes):
        to = plane * out_size
        sum_of_places(out_size, taps, x, plane * size, places, y, to)
        for i in range(out_size):
            y[to + i] *= shares[i]


@kernel(f"{WINDOWS} readers count_padding dy -> dx shares scaled places")
def avg_pool2d_backward(a):
    """dx[s i + u - p, s j + v - p] += dy[i, j] / (size of the window): the gradient is spread.

    dy (n c, out height, out width), dx (n c, height, width), shares, scaled (out height, out
    width), places (readers, height, width) int32: the windows that each value lies in
    """
    g = windows(a)
    readers, count_padding = a[SIZES], a[SIZES + 1] != 0
    size, out_size = g.height * g.width, g.out_height * g.out_width
    dy, dx = floats(a[SIZES + 2], g.planes * out_size), floats(a[SIZES + 3], g.planes * size)
    shares, scaled = floats(a[SIZES + 4], out_size), floats(a[SIZES + 5], out_size)
    places = ints(a[SIZES + 6], readers * size)
    if halves(g):
        clear_left_out(g, dx)
        for plane in range(g.planes):
            for i in range(g.out_height):
                spread_to_pairs(g.out_width, dy, plane * out_size + i * g.out_width,
                                dx, plane * size + 2 * i * g.width, g.width)
        return
    find_shares(g, count_padding, shares)
    find_readers(g, places)
    for plane in range(g.planes):
        at = plane * out_size
        for i in range(out_size):
            scaled[i] = dy[at + i] * shares[i]
        sum_of_places(size, readers, scaled, 0, places, dx, plane * size)


@kernel("planes size x -> y")
def global_avg_forward(a):
    """y = mean_i x[i], of each plane.

    x (planes, size), y (planes,)
    """
    planes, size = a[0], a[1]
    x, y = floats(a[2], planes * size), floats(a[3], planes)
    for plane in range(planes):
        total = np.float32(0)
        for i in range(plane * size, (plane + 1) * size):
            total += x[i]
        y[plane] = total / np.float32(size)


@kernel("planes size dy -> dx")
def global_avg_backward(a):
    """dx[i] = dy / size, for each plane.

    dy (planes,), dx (planes, size)
    """
    planes, size = a[0], a[1]
    dy, dx = floats(a[2], planes), floats(a[3], planes * size)
    for plane in range(planes):
        share = dy[plane] / np.float32(size)
        for i in range(plane * size, (plane + 1) * size):
            dx[i] = share


@kernel("planes size x -> y winner")
def global_max_forward(a):
    """y = max_i x[i], of each plane; winner = where that was.

    x (planes, size), y, winner (planes,); the first of equals wins, and NaN beats every number
    """
    planes, size = a[0], a[1]
    x, y, winner = floats(a[2], planes * size), floats(a[3], planes), ints(a[4], planes)
    for plane in range(planes):
        start = plane * size
        best, place = x[start], 0
        for i in range(1, size):
            value = x[start + i]
            if value > best or value != value:
                best, place = value, i
        y[plane] = best
        winner[plane] = place


@inline
def interval(i, size, kernel, steps, draw):
    """Where interval i of an axis begins, for a draw from [0, 1). Graham 2014, as PyTorch."""
    if i == steps - 1:
        return size - kernel
    alpha = (size - kernel) / (steps - 1)
    return np.int64((i + draw) * alpha) - np.int64(draw * alpha)


@kernel("planes height width out_height out_width kernel_height kernel_width draws x -> y winner")
def fractional_max_pool2d_forward(a):
    """y[i, j] = max_uv x[rows[i] + u, columns[j] + v], rows and columns random. Graham 2014.

    draws (planes, 2) of [0, 1): for the columns, for the rows; x (planes, height, width), y,
    winner (planes, out height, out width); the first of equals wins, and NaN beats every number
    """
    planes, height, width, out_height, out_width = a[0], a[1], a[2], a[3], a[4]
    kernel_height, kernel_width = a[5], a[6]
    size, out_size = height * width, out_height * out_width
    draws, x = floats(a[7], planes * 2), floats(a[8], planes * size)
    y, winner = floats(a[9], planes * out_size), ints(a[10], planes * out_size)
    for plane in range(planes):
        across, down = np.float64(draws[2 * plane]), np.float64(draws[2 * plane + 1])
        to = plane * out_size
        for i in range(out_height):
            row = interval(i, height, kernel_height, out_height, down)
            for j in range(out_width):
                column = interval(j, width, kernel_width, out_width, across)
                place = row * width + column
                best = x[plane * size + place]
                for u in range(kernel_height):
                    for v in range(kernel_width):
                        at = (row + u) * width + column + v
                        value = x[plane * size + at]
                        if value > best or value != value:
                            best, place = value, at
                y[to] = best
                winner[to] = place
                to += 1
