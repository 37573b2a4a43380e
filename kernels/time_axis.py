"""Sequences (batch, time, features) along their time axis."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel


@kernel("batch times features x -> y")
def reverse_time(a):
    """y[t] = x[times - 1 - t].

    x, y (batch, times, features)
    """
    batch, times, features = a[0], a[1], a[2]
    n = batch * times * features
    x, y = floats(a[3], n), floats(a[4], n)
    for i in range(batch):
        for t in range(times):
            source, to = (i * times + times - 1 - t) * features, (i * times + t) * features
            for j in range(features):
                y[to + j] = x[source + j]


@kernel("batch times features x -> y")
def mean_over_time(a):
    """y = Σ x[t] / times.

    x (batch, times, features), y (batch, features)
    """
    batch, times, features = a[0], a[1], a[2]
    x, y = floats(a[3], batch * times * features), floats(a[4], batch * features)
    share = np.float32(1.0 / times)
    for i in range(batch):
        to = i * features
        for j in range(features):
            y[to + j] = np.float32(0)
        for t in range(times):
            source = (i * times + t) * features
            for j in range(features):
                y[to + j] += share * x[source + j]


@kernel("batch times features dy -> dx")
def mean_over_time_backward(a):
    """∂x[t] = ∂y / times.

    dy (batch, features), dx (batch, times, features)
    """
    batch, times, features = a[0], a[1], a[2]
    dy, dx = floats(a[3], batch * features), floats(a[4], batch * times * features)
    share = np.float32(1.0 / times)
    for i in range(batch):
        source = i * features
        for t in range(times):
            to = (i * times + t) * features
            for j in range(features):
                dx[to + j] = share * dy[source + j]
