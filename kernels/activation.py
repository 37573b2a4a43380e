"""Activation functions, value by value, and softmax.

The gradients of most are told by the output y; those of SiLU, GELU and softplus need the input x.
"""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, inline, kernel, matrix, real

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
_ROOT_HALF = np.float32(0.7071067811865476)  # √½
_DENSITY = np.float32(0.3989422804014327)  # 1/√2π: the normal distribution at 0
_TANH_SCALE = np.float32(0.7978845608028654)  # √(2/π)
_CUBIC = np.float32(0.044715)
_FLAT = np.float32(10)
"""Beyond ±this the approximate GELU is as good as straight."""


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


@kernel("n min_val max_val x -> y")
def hard_tanh_forward(a):
    """y = x held between min and max.

    x, y (n,)
    """
    n, low, high = a[0], np.float32(real(a[1])), np.float32(real(a[2]))
    x, y = floats(a[3], n), floats(a[4], n)
    for i in range(n):
        value = low if x[i] < low else x[i]  # a NaN goes through
        y[i] = high if value > high else value


@kernel("n min_val max_val y dy -> dx")
def hard_tanh_backward(a):
    """∂x = ∂y where min < y < max, else 0.

    y, dy, dx (n,)
    """
    n, low, high = a[0], np.float32(real(a[1])), np.float32(real(a[2]))
    y, dy, dx = floats(a[3], n), floats(a[4], n), floats(a[5], n)
    for i in range(n):
        dx[i] = ZERO if y[i] <= low or y[i] >= high else dy[i]


@kernel("n x -> y")
def silu_forward(a):
    """y = x / (1 + e⁻ˣ). Elfwing et al. 2018; swish, Ramachandran et al. 2017.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = x[i] * vector_math.sigmoid(x[i])


@kernel("n x dy -> dx")
def silu_backward(a):
    """∂x = s (1 + x (1 - s)) ∂y with s = 1 / (1 + e⁻ˣ).

    x, dy, dx (n,)
    """
    n = a[0]
    x, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        s = vector_math.sigmoid(x[i])
        dx[i] = s * (ONE + x[i] * (ONE - s)) * dy[i]


@kernel("n x -> y")
def exponential_forward(a):
    """y = eˣ.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = vector_math.exp(x[i])


@kernel("n y dy -> dx")
def exponential_backward(a):
    """∂x = y ∂y.

    y, dy, dx (n,)
    """
    n = a[0]
    y, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        dx[i] = y[i] * dy[i]


@kernel("n beta threshold x -> y")
def softplus_forward(a):
    """y = log(1 + e^(beta x)) / beta, and x where beta x > threshold. Dugas et al. 2001.

    x, y (n,)
    """
    n, beta, threshold = a[0], np.float32(real(a[1])), np.float32(real(a[2]))
    scale = ONE / beta
    x, y = floats(a[3], n), floats(a[4], n)
    for i in range(n):
        b = beta * x[i]
        y[i] = x[i] if b > threshold else vector_math.softplus(b) * scale


@kernel("n beta threshold x dy -> dx")
def softplus_backward(a):
    """∂x = ∂y / (1 + e^(-beta x)), and ∂y where beta x > threshold.

    x, dy, dx (n,)
    """
    n, beta, threshold = a[0], np.float32(real(a[1])), np.float32(real(a[2]))
    x, dy, dx = floats(a[3], n), floats(a[4], n), floats(a[5], n)
    for i in range(n):
        b = beta * x[i]
        dx[i] = dy[i] if b > threshold else vector_math.sigmoid(b) * dy[i]


@kernel("n x -> y")
def gelu_forward(a):
    """y = x (1 + erf(x / √2)) / 2. Hendrycks & Gimpel 2016.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        y[i] = x[i] * (HALF + HALF * vector_math.erf(x[i] * _ROOT_HALF))


@kernel("n x dy -> dx")
def gelu_backward(a):
    """∂x = (Φ(x) + x e^(-x²/2) / √2π) ∂y with Φ(x) = (1 + erf(x / √2)) / 2.

    x, dy, dx (n,)
    """
    n = a[0]
    x, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        density = _DENSITY * vector_math.exp(-HALF * x[i] * x[i])
        dx[i] = (HALF + HALF * vector_math.erf(x[i] * _ROOT_HALF) + x[i] * density) * dy[i]


@kernel("n x -> y")
def gelu_tanh_forward(a):
    """y = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Hendrycks & Gimpel 2016.

    x, y (n,)
    """
    n = a[0]
    x, y = floats(a[1], n), floats(a[2], n)
    for i in range(n):
        u = _TANH_SCALE * (x[i] + _CUBIC * x[i] * x[i] * x[i])
        y[i] = x[i] * (HALF + HALF * vector_math.tanh(u))


@kernel("n x dy -> dx")
def gelu_tanh_backward(a):
    """∂x = (1 + t + x (1 - t²) u') / 2 ∂y with u = √(2/π) (x + 0.044715 x³), t = tanh u.

    x, dy, dx (n,)
    """
    n = a[0]
    x, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        # Farther out 1 - t² is 0, and x² would be infinite.
        value = -_FLAT if x[i] < -_FLAT else x[i]
        value = _FLAT if value > _FLAT else value
        square = value * value
        t = vector_math.tanh(_TANH_SCALE * (value + _CUBIC * square * value))
        slope = _TANH_SCALE * (ONE + np.float32(3) * _CUBIC * square)
        dx[i] = (HALF + HALF * t + HALF * value * (ONE - t * t) * slope) * dy[i]


@inline
def highest_of(x):
    """The largest of a row."""
    highest = x[0]
    for j in range(1, x.size):
        highest = x[j] if x[j] > highest else highest
    return highest


@kernel("rows columns x -> y")
def softmax_forward(a):
    """yᵢ = e^xᵢ / Σ e^xⱼ, in each row.

    x, y (rows, columns)
    """
    rows, columns = a[0], a[1]
    x, y = matrix(a[2], rows, columns), matrix(a[3], rows, columns)
    flat = floats(a[3], rows * columns)
    for i in range(rows):
        highest = highest_of(x[i])
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


@kernel("rows columns x -> y")
def log_softmax_forward(a):
    """yᵢ = xᵢ - log Σ e^xⱼ, in each row.

    x, y (rows, columns)
    """
    rows, columns = a[0], a[1]
    x, y = matrix(a[2], rows, columns), matrix(a[3], rows, columns)
    flat = floats(a[3], rows * columns)
    for i in range(rows):
        highest = highest_of(x[i])
        for j in range(columns):
            y[i, j] = x[i, j] - highest
    for k in range(rows * columns):
        flat[k] = vector_math.exp(flat[k])
    for i in range(rows):
        highest, total = highest_of(x[i]), ZERO
        for j in range(columns):
            total += y[i, j]
        total = vector_math.log(total)
        for j in range(columns):
            y[i, j] = (x[i, j] - highest) - total


@kernel("rows columns y dy -> dx")
def log_softmax_backward(a):
    """∂xᵢ = ∂yᵢ - e^yᵢ Σ ∂yⱼ, in each row.

    y, dy, dx (rows, columns)
    """
    rows, columns = a[0], a[1]
    y, dy = floats(a[2], rows * columns), matrix(a[3], rows, columns)
    dx, flat = matrix(a[4], rows, columns), floats(a[4], rows * columns)
    for k in range(rows * columns):
        flat[k] = vector_math.exp(y[k])
    for i in range(rows):
        total = ZERO
        for j in range(columns):
            total += dy[i, j]
        for j in range(columns):
            dx[i, j] = dy[i, j] - dx[i, j] * total
