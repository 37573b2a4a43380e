"""Batch normalisation: of channels over all samples of a step. Ioffe & Szegedy 2015.

Operands as in `kernels.norm`: x is (batch, channels, positions), and the innermost loop runs over
the channels where there is one position, else along the positions. Work is shared out by channels,
as each has a mean of its own: x begins at the first of `own` of them, and the other arrays hold
these alone.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import doubles, floats, kernel, real

ZERO, ONE = np.float32(0), np.float32(1)


@kernel("batch channels own positions x -> mean variance sums")
def batch_statistics(a):
    """mean = Σ x / m, variance = Σ (x - mean)² / m, of each channel.

    x (batch, channels, positions), m = batch · positions -> mean, variance (own,);
    sums (own,) float64: room to add up in
    """
    batch, channels, own, positions = a[0], a[1], a[2], a[3]
    x = floats(a[4], batch * channels * positions)
    mean, variance, sums = floats(a[5], own), floats(a[6], own), doubles(a[7], own)
    share = 1.0 / (batch * positions)
    # In two passes: the squares of a small spread far from zero would cancel.
    if positions == 1:
        for c in range(own):
            sums[c] = 0.0
        for i in range(batch):
            for c in range(own):
                sums[c] += np.float64(x[i * channels + c])
        for c in range(own):
            mean[c] = sums[c] * share
            sums[c] = 0.0
        for i in range(batch):
            for c in range(own):
                away = np.float64(x[i * channels + c]) - np.float64(mean[c])
                sums[c] += away * away
        for c in range(own):
            variance[c] = sums[c] * share
        return
    for c in range(own):
        # float32 within a plane and around a value of the channel; float64 over the planes.
        first, total = x[c * positions], 0.0
        for i in range(batch):
            start, part = (i * channels + c) * positions, ZERO
            for p in range(start, start + positions):
                part += x[p] - first
            total += np.float64(part)
        middle = np.float32(first + total * share)
        mean[c], total = middle, 0.0
        for i in range(batch):
            start, part = (i * channels + c) * positions, ZERO
            for p in range(start, start + positions):
                part += (x[p] - middle) * (x[p] - middle)
            total += np.float64(part)
        variance[c] = total * share


@kernel("own count momentum unbiased mean variance -> running_mean running_var")
def update_running(a):
    """running = (1 - momentum) running + momentum · that of the batch.

    all (own,); unbiased 1: of the variance times count / (count - 1), count values of each
    """
    own, count, momentum, unbiased = a[0], a[1], np.float32(real(a[2])), a[3]
    mean, variance = floats(a[4], own), floats(a[5], own)
    running_mean, running_var = floats(a[6], own), floats(a[7], own)
    keep, factor = ONE - momentum, momentum
    if unbiased and count > 1:
        factor = np.float32(momentum * (count / (count - 1)))
    for c in range(own):
        running_mean[c] = keep * running_mean[c] + momentum * mean[c]
    for c in range(own):
        running_var[c] = keep * running_var[c] + factor * variance[c]


@kernel("own epsilon variance -> rstd")
def inverse_deviation(a):
    """rstd = 1 / √(variance + epsilon).

    variance, rstd (own,)
    """
    own, epsilon = a[0], real(a[1])
    variance, rstd = floats(a[2], own), floats(a[3], own)
    for c in range(own):
        # In float64: the fast 1 / √x of float32 makes NaN of an infinite variance.
        rstd[c] = 1.0 / np.sqrt(np.float64(variance[c]) + epsilon)


@kernel("batch channels own positions x mean scale b -> y")
def batch_normalise(a):
    """y = (x - mean) scale + b. Ioffe & Szegedy 2015, with scale = w / √(variance + ε).

    x, y (batch, channels, positions), mean, scale, b (own,)
    """
    batch, channels, own, positions = a[0], a[1], a[2], a[3]
    n = batch * channels * positions
    x, mean, scale = floats(a[4], n), floats(a[5], own), floats(a[6], own)
    b, y = floats(a[7], own), floats(a[8], n)
    if positions == 1:
        for i in range(batch):
            row = i * channels
            for c in range(own):
                y[row + c] = (x[row + c] - mean[c]) * scale[c] + b[c]
        return
    for i in range(batch):
        for c in range(own):
            middle, factor, shift = mean[c], scale[c], b[c]
            start = (i * channels + c) * positions
            for p in range(start, start + positions):
                y[p] = (x[p] - middle) * factor + shift


@kernel("batch channels own positions x mean scale -> y")
def batch_normalise_plain(a):
    """y = (x - mean) scale. Ioffe & Szegedy 2015, with scale = 1 / √(variance + ε).

    x, y (batch, channels, positions), mean, scale (own,)
    """
    batch, channels, own, positions = a[0], a[1], a[2], a[3]
    n = batch * channels * positions
    x, mean, scale, y = floats(a[4], n), floats(a[5], own), floats(a[6], own), floats(a[7], n)
    if positions == 1:
        for i in range(batch):
            row = i * channels
            for c in range(own):
                y[row + c] = (x[row + c] - mean[c]) * scale[c]
        return
    for i in range(batch):
        for c in range(own):
            middle, factor, start = mean[c], scale[c], (i * channels + c) * positions
            for p in range(start, start + positions):
                y[p] = (x[p] - middle) * factor


@kernel("batch channels own positions x mean rstd dy -> dw db")
def batch_normalise_sums(a):
    """∂w = Σ ∂y (x - mean) rstd, ∂b = Σ ∂y, of each channel.

    x, dy (batch, channels, positions), mean, rstd (own,) -> dw, db (own,)
    """
    batch, channels, own, positions = a[0], a[1], a[2], a[3]
    n = batch * channels * positions
    x, mean, rstd, dy = floats(a[4], n), floats(a[5], own), floats(a[6], own), floats(a[7], n)
    dw, db = floats(a[8], own), floats(a[9], own)
    if positions == 1:
        for c in range(own):
            dw[c] = ZERO
            db[c] = ZERO
        for i in range(batch):
            row = i * channels
            for c in range(own):
                db[c] += dy[row + c]
            for c in range(own):
                dw[c] += dy[row + c] * ((x[row + c] - mean[c]) * rstd[c])
        return
    for c in range(own):
        middle, factor = mean[c], rstd[c]
        whole_w = whole_b = 0.0
        for i in range(batch):
            start = (i * channels + c) * positions
            sum_w = sum_b = ZERO
            for p in range(start, start + positions):
                sum_b += dy[p]
                sum_w += dy[p] * ((x[p] - middle) * factor)
            whole_w += np.float64(sum_w)
            whole_b += np.float64(sum_b)
        dw[c], db[c] = whole_w, whole_b


@kernel("batch channels own positions x mean rstd scale dy dw db -> dx")
def batch_normalise_input_gradient(a):
    """∂x = scale (∂y - ∂b / m - (x - mean) rstd ∂w / m).

    x, dy, dx (batch, channels, positions), m = batch · positions; the others (own,)
    """
    batch, channels, own, positions = a[0], a[1], a[2], a[3]
    n = batch * channels * positions
    x, mean, rstd, scale = floats(a[4], n), floats(a[5], own), floats(a[6], own), floats(a[7], own)
    dy, dw, db, dx = floats(a[8], n), floats(a[9], own), floats(a[10], own), floats(a[11], n)
    share = np.float32(1.0 / (batch * positions))
    if positions == 1:
        for i in range(batch):
            row = i * channels
            for c in range(own):
                normal = (x[row + c] - mean[c]) * rstd[c]
                dx[row + c] = scale[c] * (dy[row + c] - share * (db[c] + normal * dw[c]))
        return
    for i in range(batch):
        for c in range(own):
            start, middle, factor = (i * channels + c) * positions, mean[c], scale[c]
            all_b, all_w = share * db[c], share * dw[c] * rstd[c]
            for p in range(start, start + positions):
                dx[p] = factor * (dy[p] - all_b - (x[p] - middle) * all_w)
