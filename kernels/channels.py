"""One value for each channel of an image: adding it, and summing its gradient."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, helper, kernel


@kernel("batch channels positions b -> y")
def add_to_channels(a):
    """y[c, i] = y[c, i] + b[c].

    b (channels,), y (batch, channels, positions)
    """
    batch, channels, positions = a[0], a[1], a[2]
    b, y = floats(a[3], channels), floats(a[4], batch * channels * positions)
    for n in range(batch):
        for c in range(channels):
            start, value = (n * channels + c) * positions, b[c]
            for i in range(start, start + positions):
                y[i] += value


@helper
def sum_channels(batch, channels, positions, x, sums):
    """sums[c] = sum_ni x[n, c, i]: a row of positions after the other, as they lie in memory."""
    sums[:channels] = 0
    for n in range(batch):
        for c in range(channels):
            start, total = (n * channels + c) * positions, np.float32(0)
            row = x[start:start + positions]
            for i in range(positions):
                total += row[i]
            sums[c] += total


@kernel("batch channels positions x -> sums")
def channel_sums(a):
    """sums[c] = sum_ni x[n, c, i].

    x (batch, channels, positions), sums (channels,)
    """
    batch, channels, positions = a[0], a[1], a[2]
    x, sums = floats(a[3], batch * channels * positions), floats(a[4], channels)
    sum_channels(batch, channels, positions, x, sums)
