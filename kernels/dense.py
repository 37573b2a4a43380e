"""Fully connected layers: matrix products, on BLAS."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, matrix


@kernel("batch inputs units x w b -> y")
def dense_forward(a):
    """y = x wᵀ + b.

    x (batch, inputs), w (units, inputs), b (units,) -> y (batch, units)
    """
    batch, inputs, units = a[0], a[1], a[2]
    x, w = matrix(a[3], batch, inputs), matrix(a[4], units, inputs)
    b, y = floats(a[5], units), matrix(a[6], batch, units)
    np.dot(x, w.T, y)
    for i in range(batch):
        for u in range(units):
            y[i, u] += b[u]


@kernel("batch inputs units x w -> y")
def dense_forward_no_bias(a):
    """y = x wᵀ.

    x (batch, inputs), w (units, inputs) -> y (batch, units)
    """
    batch, inputs, units = a[0], a[1], a[2]
    x, w, y = matrix(a[3], batch, inputs), matrix(a[4], units, inputs), matrix(a[5], batch, units)
    np.dot(x, w.T, y)


@kernel("batch inputs units x dy -> dw")
def dense_weight_gradient(a):
    """∂w = ∂yᵀ x.

    x (batch, inputs), dy (batch, units) -> dw (units, inputs)
    """
    batch, inputs, units = a[0], a[1], a[2]
    x, dy = matrix(a[3], batch, inputs), matrix(a[4], batch, units)
    dw = matrix(a[5], units, inputs)
    np.dot(dy.T, x, dw)


@kernel("batch units dy -> db")
def dense_bias_gradient(a):
    """∂b = the sum of ∂y over the batch.

    dy (batch, units) -> db (units,)
    """
    batch, units = a[0], a[1]
    dy, db = matrix(a[2], batch, units), floats(a[3], units)
    for u in range(units):
        db[u] = np.float32(0)
    for i in range(batch):
        for u in range(units):
            db[u] += dy[i, u]


@kernel("batch inputs units dy w -> dx")
def dense_input_gradient(a):
    """∂x = ∂y w.

    dy (batch, units), w (units, inputs) -> dx (batch, inputs)
    """
    batch, inputs, units = a[0], a[1], a[2]
    dy, w = matrix(a[3], batch, units), matrix(a[4], units, inputs)
    dx = matrix(a[5], batch, inputs)
    np.dot(dy, w, dx)
