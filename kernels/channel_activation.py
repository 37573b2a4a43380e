"""Activations that know which channel a value belongs to: PReLU and maxout."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, ints, kernel

ZERO = np.float32(0)


@inline
def prelu(x, slope):
    """x where x > 0, else slope x; NaN stays NaN."""
    return x if x > ZERO else slope * x


@kernel("batch channels positions x w -> y")
def prelu_forward(a):
    """y = x where x > 0, else w x; w is the slope of the channel. He et al. 2015.

    x, y (batch, channels, positions), w (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    x, w = floats(a[3], batch * channels * positions), floats(a[4], channels)
    y = floats(a[5], batch * channels * positions)
    if positions == 1:
        for i in range(batch):
            for c in range(channels):
                y[i * channels + c] = prelu(x[i * channels + c], w[c])
    else:
        for r in range(batch * channels):
            slope = w[r % channels]
            for p in range(r * positions, (r + 1) * positions):
                y[p] = prelu(x[p], slope)


@kernel("batch channels positions x w dy -> dx")
def prelu_input_gradient(a):
    """∂x = ∂y where x > 0, else w ∂y.

    x, dy, dx (batch, channels, positions), w (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    x, w = floats(a[3], batch * channels * positions), floats(a[4], channels)
    dy = floats(a[5], batch * channels * positions)
    dx = floats(a[6], batch * channels * positions)
    if positions == 1:
        for i in range(batch):
            for c in range(channels):
                k = i * channels + c
                dx[k] = dy[k] if x[k] > ZERO else w[c] * dy[k]
    else:
        for r in range(batch * channels):
            slope = w[r % channels]
            for p in range(r * positions, (r + 1) * positions):
                dx[p] = dy[p] if x[p] > ZERO else slope * dy[p]


@kernel("batch channels positions x dy -> dw")
def prelu_weight_gradient(a):
    """∂w = Σ min(x, 0) ∂y, over the channel's values in all samples.

    x, dy (batch, channels, positions), dw (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    x, dy = floats(a[3], batch * channels * positions), floats(a[4], batch * channels * positions)
    dw = floats(a[5], channels)
    for c in range(channels):
        dw[c] = ZERO
    if positions == 1:
        for i in range(batch):
            for c in range(channels):
                k = i * channels + c
                dw[c] += ZERO if x[k] > ZERO else x[k] * dy[k]
    else:
        for r in range(batch * channels):
            total = ZERO
            for p in range(r * positions, (r + 1) * positions):
                total += ZERO if x[p] > ZERO else x[p] * dy[p]
            dw[r % channels] += total


@kernel("rows pieces positions x -> y winners")
def maxout_forward(a):
    """y = max of the pieces z₁ ... zₖ; of equals the first. Goodfellow et al. 2013.

    x (rows, pieces, positions) -> y (rows, positions), winners (rows, positions) int32
    """
    rows, pieces, positions = a[0], a[1], a[2]
    x, y = floats(a[3], rows * pieces * positions), floats(a[4], rows * positions)
    winners = ints(a[5], rows * positions)
    for r in range(rows):
        to, start = r * positions, r * pieces * positions
        for p in range(positions):
            y[to + p], winners[to + p] = x[start + p], np.int32(0)
        for piece in range(1, pieces):
            here = start + piece * positions
            for p in range(positions):
                value, best = x[here + p], y[to + p]
                # A NaN wins, and stays.
                wins = value > best or value != value
                y[to + p] = value if wins else best
                winners[to + p] = np.int32(piece) if wins else winners[to + p]


@kernel("rows pieces positions dy winners -> dx")
def maxout_backward(a):
    """∂x = ∂y for the piece that was largest, 0 for the others.

    dy, winners (rows, positions), winners int32 -> dx (rows, pieces, positions)
    """
    rows, pieces, positions = a[0], a[1], a[2]
    dy, winners = floats(a[3], rows * positions), ints(a[4], rows * positions)
    dx = floats(a[5], rows * pieces * positions)
    for r in range(rows):
        start = r * positions
        for piece in range(pieces):
            here = (r * pieces + piece) * positions
            for p in range(positions):
                dx[here + p] = dy[start + p] if winners[start + p] == piece else ZERO
