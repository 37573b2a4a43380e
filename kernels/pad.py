"""Borders around images: where nothing else is said they hold what the image holds elsewhere."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, helper, kernel, real

#: A padding mode's number, as an operand, is its place here.
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
ZEROS, REFLECT, REPLICATE, CIRCULAR = range(4)


@helper
def source_index(i, size, mode):
    """Where position i of a padded axis comes from: an index below size, or -1 for a zero."""
    if 0 <= i < size:
        return i
    if mode == ZEROS:
        return -1
    if mode == REFLECT:
        return -i if i < 0 else 2 * (size - 1) - i
    if mode == REPLICATE:
        return 0 if i < 0 else size - 1
    return i % size


@kernel("planes height width top left bottom right mode value x -> y")
def pad_forward(a):
    """y[i, j] = x[i - top, j - left]; outside a value, or x mirrored, held or repeated.

    x (planes, height, width), y (planes, top + height + bottom, left + width + right); mode: a
    place in PADDING_MODES
    """
    planes, height, width, top, left, bottom, right = a[0], a[1], a[2], a[3], a[4], a[5], a[6]
    mode, value = a[7], np.float32(real(a[8]))
    out_width = left + width + right
    x = floats(a[9], planes * height * width)
    y = floats(a[10], planes * (top + height + bottom) * out_width)
    to = 0
    for plane in range(planes):
        for i in range(-top, height + bottom):
            row = source_index(i, height, mode)
            at = (plane * height + row) * width
            for j in range(-left, width + right):
                column = source_index(j, width, mode)
                y[to] = value if row < 0 or column < 0 else x[at + column]
                to += 1


@kernel("planes height width top left bottom right mode dy -> dx")
def pad_backward(a):
    """dx = the sum of dy over all the places that a value was copied to.

    dy (planes, top + height + bottom, left + width + right), dx (planes, height, width)
    """
    planes, height, width, top, left, bottom, right = a[0], a[1], a[2], a[3], a[4], a[5], a[6]
    mode, out_width = a[7], left + width + right
    dy = floats(a[8], planes * (top + height + bottom) * out_width)
    dx = floats(a[9], planes * height * width)
    dx[:] = 0
    at = 0
    for plane in range(planes):
        for i in range(-top, height + bottom):
            row = source_index(i, height, mode)
            to = (plane * height + row) * width
            for j in range(-left, width + right):
                column = source_index(j, width, mode)
                if row >= 0 and column >= 0:
                    dx[to + column] += dy[at]
                at += 1
