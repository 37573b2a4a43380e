"""Activation functions, value by value. Their gradients are told by the output y alone."""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, kernel, matrix, real

ZERO, ONE = np.float32(0), np.float32(1)


@kernel("n x -> y")
def sigmoid_forward(a):
    """y = 1 / (1 + e⁻ˣ).

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = vector_math.sigmoid(x[i])


@kernel("n y dy -> dx")
def sigmoid_backward(a):
    """∂x = y (1 - y) ∂y.

    y, dy, dx (n,)
    """
    n = a[0]
    y, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        dx[i] = y[i] * (ONE - y[i]) * dy[i]


@kernel("n x -> y")
def tanh_forward(a):
    """y = tanh x.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = vector_math.tanh(x[i])


@kernel("n y dy -> dx")
def tanh_backward(a):
    """∂x = (1 - y²) ∂y.

    y, dy, dx (n,)
    """
    n = a[0]
    y, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        dx[i] = (ONE - y[i] * y[i]) * dy[i]


@kernel("n x -> y")
def relu_forward(a):
    """y = max(x, 0).

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        # In this order a NaN goes through; max(x, 0) would hide it.
        y[i] = ZERO if x[i] < ZERO else x[i]


@kernel("n y dy -> dx")
def relu_backward(a):
    """∂x = ∂y where y > 0, else 0.

    y, dy, dx (n,)
    """
    n = a[0]
    y, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        dx[i] = ZERO if y[i] <= ZERO else dy[i]


@kernel("n slope x -> y")
def leaky_relu_forward(a):
    """y = x where x > 0, else slope x. Maas et al. 2013.

    x, y (n,)
    """
    n, slope = a[0], np.float32(real(a[1]))
    x, y = floats(a[2], n), floats(a[3], n)
    for i in range(n):
        y[i] = x[i] if x[i] > ZERO else slope * x[i]


@kernel("n slope y dy -> dx")
def leaky_relu_backward(a):
    """∂x = ∂y where y > 0, else slope ∂y.

    y, dy, dx (n,)
    """
    n, slope = a[0], np.float32(real(a[1]))
    y, dy, dx = floats(a[2], n), floats(a[3], n), floats(a[4], n)
    for i in range(n):
        dx[i] = dy[i] if y[i] > ZERO else slope * dy[i]


@kernel("n alpha x -> y")
def elu_forward(a):
    """y = x where x > 0, else alpha (eˣ - 1). Clevert et al. 2016.

    x, y (n,)
    """
    n, alpha = a[0], np.float32(real(a[1]))
    x, y = floats(a[2], n), floats(a[3], n)
    for i in range(n):
        y[i] = x[i] if x[i] > ZERO else alpha * vector_math.expm1_negative(x[i])


@kernel("n alpha y dy -> dx")
def elu_backward(a):
    """∂x = ∂y where y > 0, else (y + alpha) ∂y.

    y, dy, dx (n,)
    """
    n, alpha = a[0], np.float32(real(a[1]))
    y, dy, dx = floats(a[2], n), floats(a[3], n), floats(a[4], n)
    for i in range(n):
        dx[i] = dy[i] if y[i] > ZERO else (y[i] + alpha) * dy[i]


@kernel("rows columns x -> y")
def softmax_forward(a):
    """yᵢ = e^xᵢ / Σ e^xⱼ, in each row.

    x, y (rows, columns)
    """
    rows, columns = a[0], a[1]
    x, y = matrix(a[2], rows, columns), matrix(a[3], rows, columns)
    flat = floats(a[3], rows * columns)
    for i in range(rows):
        highest = x[i, 0]
        for j in range(1, columns):
            highest = x[i, j] if x[i, j] > highest else highest
        for j in range(columns):
            y[i, j] = x[i, j] - highest
    # One long loop, so that short rows fill the vectors too.
    for k in range(rows * columns):
        flat[k] = vector_math.exp(flat[k])
    for i in range(rows):
        total = ZERO
        for j in range(columns):
            total += y[i, j]
        for j in range(columns):
            y[i, j] /= total


@kernel("rows columns y dy -> dx")
def softmax_backward(a):
    """∂xᵢ = yᵢ (∂yᵢ - Σ yⱼ ∂yⱼ), in each row.

    y, dy, dx (rows, columns)
    """
    rows, columns = a[0], a[1]
    y, dy = matrix(a[2], rows, columns), matrix(a[3], rows, columns)
    dx = matrix(a[4], rows, columns)
    for i in range(rows):
        mean = ZERO
        for j in range(columns):
            mean += y[i, j] * dy[i, j]
        for j in range(columns):
            dx[i, j] = y[i, j] * (dy[i, j] - mean)
