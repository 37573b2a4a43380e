"""Hinge losses: a margin between the right class and the others. Targets as in `kernels.loss`."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, matrix, real
from kernels.loss import loss_divisor, metric_divisor

ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)


@kernel("batch total classes margin count prediction target -> loss metric")
def multi_margin(a):
    """L = Σ max(0, m - xₜ + x) / C over the wrong classes, the mean over all targets.

    Weston and Watkins 1999, divided by C as in PyTorch's MultiMarginLoss; metric = accuracy.
    m = margin; prediction x (batch, classes), target (batch,) with -1 for none, count (2,) or 0
    -> loss (1,), metric (1,)
    """
    batch, classes, margin = a[0], a[2], np.float32(real(a[3]))
    total, asked = loss_divisor(a[4], a[1]), metric_divisor(a[4], a[1])
    x, target = matrix(a[5], batch, classes), floats(a[6], batch)
    loss, metric = floats(a[7], 1), floats(a[8], 1)
    summed, correct = 0.0, 0
    for i in range(batch):
        truth = np.int64(target[i])
        if truth < 0:
            continue
        right, highest, winner = x[i, truth], x[i, 0], 0
        row = 0.0
        for c in range(classes):
            short = margin - (right - x[i, c])
            row += np.float64(ZERO if short < ZERO else short)
            if x[i, c] > highest:
                highest, winner = x[i, c], c
        summed += row - np.float64(margin)  # The right class falls short of itself by the margin.
        correct += winner == truth
    loss[0], metric[0] = summed / classes / total, correct / asked


@kernel("batch total classes margin count prediction target -> dprediction")
def multi_margin_backward(a):
    """∂x = 1 / (C targets) where a wrong class is within the margin; ∂xₜ = -Σ of those.

    prediction, dprediction (batch, classes), target (batch,) with -1 for none, count (2,) or 0
    """
    batch, classes, margin = a[0], a[2], np.float32(real(a[3]))
    scale = np.float32(1 / (loss_divisor(a[4], a[1]) * classes))
    x, target = matrix(a[5], batch, classes), floats(a[6], batch)
    dx = matrix(a[7], batch, classes)
    for i in range(batch):
        truth = np.int64(target[i])
        if truth < 0:
            for c in range(classes):
                dx[i, c] = ZERO
            continue
        right, within = x[i, truth], ZERO
        for c in range(classes):
            short = margin - (right - x[i, c])
            # What is not a number stays so: it is neither above nor below.
            slope = ONE if short > ZERO else (ZERO if short <= ZERO else short)
            within += slope
            dx[i, c] = slope * scale
        dx[i, truth] -= within * scale


@kernel("batch total margin prediction target -> answer loss metric")
def binary_hinge(a):
    """L = max(0, m - s x), s = 2 t - 1; answer = (1 + x) / 2; metric = accuracy.

    m = margin; prediction x, target t of 0 and 1, answer (batch,) -> loss (1,), metric (1,)
    """
    batch, total, margin = a[0], a[1], np.float32(real(a[2]))
    x, t, answer = floats(a[3], batch), floats(a[4], batch), floats(a[5], batch)
    loss, metric = floats(a[6], 1), floats(a[7], 1)
    summed, correct = 0.0, 0
    for i in range(batch):
        short = margin - (t[i] + t[i] - ONE) * x[i]
        summed += np.float64(ZERO if short < ZERO else short)
        correct += (x[i] > ZERO) == (t[i] > HALF)
        answer[i] = HALF * x[i] + HALF
    loss[0], metric[0] = summed / total, correct / total


@kernel("batch total margin prediction target -> dprediction")
def binary_hinge_backward(a):
    """∂x = -s / total within the margin, else 0.

    prediction, target, dprediction (batch,)
    """
    batch, scale, margin = a[0], np.float32(1 / a[1]), np.float32(real(a[2]))
    x, t, dx = floats(a[3], batch), floats(a[4], batch), floats(a[5], batch)
    for i in range(batch):
        sign = t[i] + t[i] - ONE
        short = margin - sign * x[i]
        slope = ONE if short > ZERO else (ZERO if short <= ZERO else short)
        dx[i] = -sign * slope * scale
