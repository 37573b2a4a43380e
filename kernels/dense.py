"""Fully connected layers: matrix products (see product.py)."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, helper, inline, kernel
from kernels.product import (
    product,
    product_of_columns,
    product_transposed,
    product_with_rows,
)
from kernels.simd import sum_rows

ZERO = np.float32(0)

TALL = 512
"""From so many rows on, the weights are the small matrix."""
LARGE = 8192
"""So many values fill the first-level cache: more are read row after row."""


@inline
def multiply(batch, inputs, units, x, w, b, has_bias, y):
    """y = x wᵀ + b."""
    if batch >= TALL:
        product_with_rows(batch, units, inputs, x, w, b, has_bias, y)
    else:
        product_transposed(batch, units, inputs, x, w, b, has_bias, y)


@helper
def add_rows(rows, columns, x, sums):
    """sums[j] = sum_i x[i columns + j], four rows at a time; both are addresses."""
    total, size = floats(sums, columns), 4 * columns
    whole = rows - rows % 4
    for j in range(columns):
        total[j] = ZERO
    for i in range(0, whole, 4):
        x0, x1 = floats(x + i * size, columns), floats(x + (i + 1) * size, columns)
        x2, x3 = floats(x + (i + 2) * size, columns), floats(x + (i + 3) * size, columns)
        for j in range(columns):
            total[j] += (x0[j] + x1[j]) + (x2[j] + x3[j])
    for i in range(whole, rows):
        x0 = floats(x + i * size, columns)
        for j in range(columns):
            total[j] += x0[j]


@kernel("batch inputs units x w b -> y")
def dense_forward(a):
    """y = x wᵀ + b.

    x (batch, inputs), w (units, inputs), b (units,) -> y (batch, units)
    """
    batch, inputs, units = a[0], a[1], a[2]
    x, w = floats(a[3], batch * inputs), floats(a[4], units * inputs)
    b, y = floats(a[5], units), floats(a[6], batch * units)
    multiply(batch, inputs, units, x, w, b, True, y)


@kernel("batch inputs units x w -> y")
def dense_forward_no_bias(a):
    """y = x wᵀ.

    x (batch, inputs), w (units, inputs) -> y (batch, units)
    """
    batch, inputs, units = a[0], a[1], a[2]
    x, w = floats(a[3], batch * inputs), floats(a[4], units * inputs)
    y = floats(a[5], batch * units)
    multiply(batch, inputs, units, x, w, w, False, y)


@kernel("batch inputs units x dy -> dw")
def dense_weight_gradient(a):
    """∂w = ∂yᵀ x.

    x (batch, inputs), dy (batch, units) -> dw (units, inputs)
    """
    batch, inputs, units = a[0], a[1], a[2]
    x, dy = floats(a[3], batch * inputs), floats(a[4], batch * units)
    dw = floats(a[5], units * inputs)
    product_of_columns(units, inputs, batch, dy, x, dw)


@kernel("batch units dy -> db")
def dense_bias_gradient(a):
    """∂b = the sum of ∂y over the batch.

    dy (batch, units) -> db (units,)
    """
    batch, units = a[0], a[1]
    dy, db = floats(a[2], batch * units), floats(a[3], units)
    if batch * units > LARGE:
        add_rows(batch, units, a[2], a[3])
    else:
        sum_rows(batch, units, dy, db)


@kernel("batch inputs units dy w -> dx")
def dense_input_gradient(a):
    """∂x = ∂y w.

    dy (batch, units), w (units, inputs) -> dx (batch, inputs)
    """
    batch, inputs, units = a[0], a[1], a[2]
    dy, w = floats(a[3], batch * units), floats(a[4], units * inputs)
    dx = floats(a[5], batch * inputs)
    product(batch, inputs, units, dy, 0, units, 1, w, 0, inputs, dx, 0, inputs, False)
