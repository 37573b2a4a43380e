"""Sequences (batch, time, features) along their time axis.

`lengths` (batch,) float32 says how many steps of a sample are its own; its address is 0 where all
are. Where a length is not a number, neither is what comes out.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, kernel
from kernels.sequence import own_steps

ZERO, NAN = np.float32(0), np.float32(np.nan)


@inline
def blank(own, n, y):
    """y = 0 for a sample that has `own` steps, or NaN where that is not a number."""
    value = ZERO if own >= 0 else NAN
    for j in range(n):
        y[j] = value


@kernel("batch times features lengths x -> y")
def last_step(a):
    """y = x[length - 1], 0 where the length is 0.

    x (batch, times, features), y (batch, features)
    """
    batch, times, features, lengths = a[0], a[1], a[2], a[3]
    source, to = a[4], a[5]
    for i in range(batch):
        own = own_steps(lengths, i, times)
        y = floats(to + 4 * i * features, features)
        if own > 0:
            x = floats(source + 4 * (i * times + own - 1) * features, features)
            for j in range(features):
                y[j] = x[j]
        else:
            blank(own, features, y)


@kernel("batch times features lengths dy -> dx")
def last_step_backward(a):
    """∂x[length - 1] = ∂y, and 0 at all other steps.

    dy (batch, features), dx (batch, times, features)
    """
    batch, times, features, lengths = a[0], a[1], a[2], a[3]
    source, to = a[4], a[5]
    for i in range(batch):
        own = own_steps(lengths, i, times)
        n = times * features
        blank(own, n, floats(to + 4 * i * n, n))
        if own > 0:
            dy = floats(source + 4 * i * features, features)
            dx = floats(to + 4 * (i * times + own - 1) * features, features)
            for j in range(features):
                dx[j] = dy[j]


@kernel("batch times features lengths x -> y")
def reverse_time(a):
    """y[t] = x[length - 1 - t] for t < length, and x[t] beyond: padding stays where it is.

    x, y (batch, times, features)
    """
    batch, times, features, lengths = a[0], a[1], a[2], a[3]
    source, to = a[4], a[5]
    for i in range(batch):
        own = own_steps(lengths, i, times)
        for t in range(times):
            y = floats(to + 4 * (i * times + t) * features, features)
            where = own - 1 - t if t < own else t
            x = floats(source + 4 * (i * times + where) * features, features)
            for j in range(features):
                y[j] = x[j] if own >= 0 else NAN


@kernel("batch times features lengths x -> y")
def mean_over_time(a):
    """y = Σ x[t] / length over t < length, 0 where the length is 0.

    x (batch, times, features), y (batch, features)
    """
    batch, times, features, lengths = a[0], a[1], a[2], a[3]
    source, to = a[4], a[5]
    for i in range(batch):
        own = own_steps(lengths, i, times)
        share = np.float32(1.0 / max(own, 1))
        y = floats(to + 4 * i * features, features)
        blank(own, features, y)
        for t in range(own):
            x = floats(source + 4 * (i * times + t) * features, features)
            for j in range(features):
                y[j] += share * x[j]


@kernel("batch times features lengths dy -> dx")
def mean_over_time_backward(a):
    """∂x[t] = ∂y / length for t < length, and 0 beyond.

    dy (batch, features), dx (batch, times, features)
    """
    batch, times, features, lengths = a[0], a[1], a[2], a[3]
    source, to = a[4], a[5]
    for i in range(batch):
        own = own_steps(lengths, i, times)
        share = np.float32(1.0 / max(own, 1))
        dy = floats(source + 4 * i * features, features)
        for t in range(times):
            dx = floats(to + 4 * (i * times + t) * features, features)
            if t < own:
                for j in range(features):
                    dx[j] = share * dy[j]
            else:
                blank(own, features, dx)
