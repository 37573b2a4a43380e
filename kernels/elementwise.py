"""Sums, products and copies of whole arrays."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, real


@kernel("n -> y")
def fill_zero(a):
    """y = 0.

    y (n,)
    """
    n = a[0]
    y = floats(a[1], n)
    for i in range(n):
        y[i] = np.float32(0)


@kernel("n value -> y")
def fill(a):
    """y = value.

    y (n,)
    """
    n, value = a[0], np.float32(real(a[1]))
    y = floats(a[2], n)
    for i in range(n):
        y[i] = value


@kernel("n x -> y")
def copy(a):
    """y = x.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = x[i]


@kernel("n a b -> y")
def add(a):
    """y = a + b.

    a, b, y (n,)
    """
    n = a[0]
    left, right, y = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        y[i] = left[i] + right[i]


@kernel("rows n x p -> y")
def add_to_each(a):
    """y = x + p, in each row.

    x, y (rows, n), p (n,)
    """
    rows, n = a[0], a[1]
    x, p, y = floats(a[2], rows * n), floats(a[3], n), floats(a[4], rows * n)
    for i in range(rows):
        for j in range(n):
            y[i * n + j] = x[i * n + j] + p[j]


@kernel("n x -> y")
def add_into(a):
    """y = y + x.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] += x[i]


@kernel("n a b -> y")
def multiply(a):
    """y = a b, value by value.

    a, b, y (n,)
    """
    n = a[0]
    left, right, y = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        y[i] = left[i] * right[i]


@kernel("n x -> y")
def multiply_into(a):
    """y = y x, value by value.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] *= x[i]


@kernel("rows width from_stride from_offset to_stride to_offset x -> y")
def copy_blocks(a):
    """y[i, to_offset + j] = x[i, from_offset + j] for j < width: a part of each row.

    x (rows, from_stride), y (rows, to_stride)
    """
    rows, width, from_stride, to_stride = a[0], a[1], a[2], a[4]
    source, to = a[6] + 4 * a[3], a[7] + 4 * a[5]
    for i in range(rows):
        x, y = floats(source + 4 * i * from_stride, width), floats(to + 4 * i * to_stride, width)
        for j in range(width):
            y[j] = x[j]


@kernel("n factor x -> y")
def scaled(a):
    """y = factor · x.

    x, y (n,); both may be the same array
    """
    n, factor = a[0], np.float32(real(a[1]))
    x, y = floats(a[2], n), floats(a[3], n)
    for i in range(n):
        y[i] = factor * x[i]


@kernel("n factor x -> y")
def add_scaled(a):
    """y = y + factor · x.

    x, y (n,)
    """
    n, factor = a[0], np.float32(real(a[1]))
    x, y = floats(a[2], n), floats(a[3], n)
    for i in range(n):
        y[i] += factor * x[i]
