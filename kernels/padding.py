"""Losses of sequences that end before their last step: what comes after is left out of the mean.

`lengths` (batch,) float32 says how many steps of a sample are its own, as in `kernels.time_axis`.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, real
from kernels.loss import loss_divisor
from kernels.sequence import own_steps

NAN = np.float32(np.nan)


@kernel("batch times features value lengths x -> y")
def replace_padding(a):
    """y[t] = x[t] for t < length, and the value beyond.

    x, y (batch, times, features); all of a sample is padding where its length is not a number,
    which `count_steps` and `check_steps` let show: NaN is no class
    """
    batch, times, features, value, lengths = a[0], a[1], a[2], np.float32(real(a[3])), a[4]
    source, to, n = a[5], a[6], a[1] * a[2]
    for i in range(batch):
        x, y = floats(source + 4 * i * n, n), floats(to + 4 * i * n, n)
        own = own_steps(lengths, i, times)
        kept = max(own, 0) * features
        for j in range(kept):
            y[j] = x[j]
        for j in range(kept, n):
            y[j] = value


@kernel("batch times lengths -> count")
def count_steps(a):
    """count = (Σ lengths, Σ lengths): the steps that the means of loss and metric are over.

    lengths (batch,), count (2,); NaN where one of the lengths is not a number
    """
    batch, times, lengths, count = a[0], a[1], a[2], floats(a[3], 2)
    found = 0.0
    for i in range(batch):
        own = own_steps(lengths, i, times)
        found += own if own >= 0 else np.nan
    count[0] = count[1] = found


@kernel("batch times lengths -> count")
def check_steps(a):
    """count += 0, or NaN where one of the lengths is not a number.

    lengths (batch,), count (2,)
    """
    batch, times, lengths, count = a[0], a[1], a[2], floats(a[3], 2)
    for i in range(batch):
        if own_steps(lengths, i, times) < 0:
            count[0] = count[1] = NAN


@kernel("n all count -> x")
def mean_of_own(a):
    """x = x · all / count: a mean over all steps becomes one over those that count.

    x (n,), count (2,); nothing stays nothing where none counts
    """
    n, share = a[0], np.float32(a[1] / loss_divisor(a[2], a[1]))
    x = floats(a[3], n)
    for i in range(n):
        x[i] *= share
