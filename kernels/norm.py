"""Normalisation: of rows, and across neighbouring channels.

Operands `batch channels positions` stand for x (batch, channels, positions). Flat inputs have one
position, sequences count their time steps as samples; then the innermost loop runs over the
channels, else along the positions.
"""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, kernel, matrix, real

ZERO, ONE = np.float32(0), np.float32(1)


# -- of rows --------------------------------------------------------------------------------------


@kernel("rows columns epsilon x -> y rstd")
def normalise_rows(a):
    """y = (x - mean) rstd, rstd = 1 / √(variance + epsilon), in each row. Ba et al. 2016.

    x, y (rows, columns), rstd (rows,)
    """
    rows, columns, epsilon = a[0], a[1], real(a[2])
    x, y, rstd = matrix(a[3], rows, columns), matrix(a[4], rows, columns), floats(a[5], rows)
    for i in range(rows):
        total = 0.0
        for j in range(columns):
            total += np.float64(x[i, j])
        mean, total = total / columns, 0.0
        for j in range(columns):
            away = np.float64(x[i, j]) - mean
            total += away * away
        middle, factor = np.float32(mean), np.float32(1.0 / np.sqrt(total / columns + epsilon))
        rstd[i] = factor
        for j in range(columns):
            y[i, j] = (x[i, j] - middle) * factor


@kernel("rows columns y rstd dy -> dx")
def normalise_rows_backward(a):
    """∂x = rstd (∂y - Σ ∂y / m - y Σ y ∂y / m), in each row of m columns.

    y, dy, dx (rows, columns), rstd (rows,)
    """
    rows, columns = a[0], a[1]
    y, rstd = matrix(a[2], rows, columns), floats(a[3], rows)
    dy, dx = matrix(a[4], rows, columns), matrix(a[5], rows, columns)
    share = np.float32(1.0 / columns)
    for i in range(rows):
        total = along = ZERO
        for j in range(columns):
            total += dy[i, j]
            along += y[i, j] * dy[i, j]
        total, along, factor = total * share, along * share, rstd[i]
        for j in range(columns):
            dx[i, j] = factor * (dy[i, j] - total - y[i, j] * along)


@kernel("batch channels positions x w b -> y")
def channel_affine(a):
    """y = x w + b, with w and b of the channel.

    x, y (batch, channels, positions), w, b (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    n = batch * channels * positions
    x, w, b, y = floats(a[3], n), floats(a[4], channels), floats(a[5], channels), floats(a[6], n)
    if positions == 1:
        for i in range(batch):
            row = i * channels
            for c in range(channels):
                y[row + c] = x[row + c] * w[c] + b[c]
        return
    for plane in range(batch * channels):
        factor, shift = w[plane % channels], b[plane % channels]
        for p in range(plane * positions, plane * positions + positions):
            y[p] = x[p] * factor + shift


@kernel("batch channels positions x w -> y")
def channel_scale(a):
    """y = x w, with w of the channel.

    x, y (batch, channels, positions), w (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    n = batch * channels * positions
    x, w, y = floats(a[3], n), floats(a[4], channels), floats(a[5], n)
    if positions == 1:
        for i in range(batch):
            row = i * channels
            for c in range(channels):
                y[row + c] = x[row + c] * w[c]
        return
    for plane in range(batch * channels):
        factor = w[plane % channels]
        for p in range(plane * positions, plane * positions + positions):
            y[p] = x[p] * factor


@kernel("batch channels positions x dy -> dw db")
def channel_affine_sums(a):
    """∂w = Σ ∂y x, ∂b = Σ ∂y, of each channel.

    x, dy (batch, channels, positions) -> dw, db (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    n = batch * channels * positions
    x, dy = floats(a[3], n), floats(a[4], n)
    dw, db = floats(a[5], channels), floats(a[6], channels)
    for c in range(channels):
        dw[c] = ZERO
        db[c] = ZERO
    for i in range(batch):
        row = i * channels
        if positions == 1:
            for c in range(channels):
                db[c] += dy[row + c]
            for c in range(channels):
                dw[c] += dy[row + c] * x[row + c]
        else:
            for c in range(channels):
                start = (row + c) * positions
                sum_w = sum_b = ZERO
                for p in range(start, start + positions):
                    sum_b += dy[p]
                    sum_w += dy[p] * x[p]
                dw[c] += sum_w
                db[c] += sum_b


@kernel("rows columns epsilon x -> y norm")
def l2_normalise(a):
    """y = x / norm, norm = max(√Σ x², epsilon), in each row.

    x, y (rows, columns), norm (rows,)
    """
    rows, columns, epsilon = a[0], a[1], real(a[2])
    x, y, norm = matrix(a[3], rows, columns), matrix(a[4], rows, columns), floats(a[5], rows)
    for i in range(rows):
        squares = 0.0
        for j in range(columns):
            squares += np.float64(x[i, j]) * np.float64(x[i, j])
        length = np.sqrt(squares)
        # In this order a NaN goes through.
        length = epsilon if length < epsilon else length
        norm[i] = length
        factor = 1.0 / length
        for j in range(columns):
            y[i, j] = np.float32(np.float64(x[i, j]) * factor)


@kernel("rows columns epsilon y norm dy -> dx")
def l2_normalise_backward(a):
    """∂x = (∂y - y Σ y ∂y) / norm, in each row; ∂y / epsilon where the norm is below it.

    y, dy, dx (rows, columns), norm (rows,)
    """
    rows, columns, epsilon = a[0], a[1], np.float32(real(a[2]))
    y, norm = matrix(a[3], rows, columns), floats(a[4], rows)
    dy, dx = matrix(a[5], rows, columns), matrix(a[6], rows, columns)
    for i in range(rows):
        along, factor = ZERO, ONE / norm[i]
        if norm[i] != epsilon:
            for j in range(columns):
                along += y[i, j] * dy[i, j]
        for j in range(columns):
            dx[i, j] = factor * (dy[i, j] - y[i, j] * along)


# -- across channels ------------------------------------------------------------------------------


@kernel("batch channels positions size alpha beta k x -> y scale")
def local_response_norm(a):
    """y = x s^-beta, s = k + alpha / size Σ x² over `size` channels. Krizhevsky et al. 2012, 3.3.

    x, y, scale s (batch, channels, positions); the window of a channel c goes from
    c - size // 2 to c + (size - 1) // 2, as in PyTorch
    """
    batch, channels, positions, size = a[0], a[1], a[2], a[3]
    alpha, beta, k = real(a[4]), np.float32(real(a[5])), np.float32(real(a[6]))
    n = batch * channels * positions
    x, y, scale = floats(a[7], n), floats(a[8], n), floats(a[9], n)
    # Before squaring: with alpha = 0 huge values count for nothing too.
    root = np.float32(np.sqrt(alpha / size))
    for i in range(batch):
        for c in range(channels):
            at = (i * channels + c) * positions
            for p in range(positions):
                scale[at + p] = k
            for other in range(max(0, c - size // 2), min(channels, c + (size + 1) // 2)):
                source = (i * channels + other) * positions
                for p in range(positions):
                    part = root * x[source + p]
                    scale[at + p] += part * part
    for p in range(n):
        y[p] = x[p] * vector_math.exp(-beta * vector_math.log(scale[p]))


@kernel("batch channels positions size alpha beta x y scale dy -> dx products")
def local_response_norm_backward(a):
    """∂x = ∂y s^-beta - 2 alpha beta / size x Σ ∂y y / s over the channels whose window holds it.

    x, y, scale s, dy, dx, products ∂y y / s (batch, channels, positions)
    """
    batch, channels, positions, size = a[0], a[1], a[2], a[3]
    alpha, beta = real(a[4]), np.float32(real(a[5]))
    n = batch * channels * positions
    x, y, scale = floats(a[6], n), floats(a[7], n), floats(a[8], n)
    dy, dx, products = floats(a[9], n), floats(a[10], n), floats(a[11], n)
    factor = np.float32(2.0 * alpha * real(a[5]) / size)
    for p in range(n):
        products[p] = dy[p] * y[p] / scale[p]
    for i in range(batch):
        for c in range(channels):
            at = (i * channels + c) * positions
            for p in range(positions):
                dx[at + p] = ZERO
            for other in range(max(0, c - (size - 1) // 2), min(channels, c + size // 2 + 1)):
                source = (i * channels + other) * positions
                for p in range(positions):
                    dx[at + p] += products[source + p]
    for p in range(n):
        dx[p] = (dy[p] * vector_math.exp(-beta * vector_math.log(scale[p]))
                 - factor * x[p] * dx[p])
