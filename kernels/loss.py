"""Losses, their gradients and the metrics beside them.

`total` counts the samples of the whole step: the losses of several lanes add up to its mean.
Targets are class numbers kept as float32, (batch,), or values, (batch, features).
"""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, inline, kernel, matrix

ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)


@inline
def number_of_targets(count, total):
    """What a mean over the step divides by: `total`, unless the address of a count is given."""
    return max(np.float64(floats(count, 1)[0]), 1.0) if count != 0 else np.float64(total)


@kernel("batch target -> count")
def count_targets(a):
    """count = how many targets there are, those of -1 left out.

    target (batch,) -> count (1,)
    """
    batch = a[0]
    target, count = floats(a[1], batch), floats(a[2], 1)
    found = 0
    for i in range(batch):
        found += target[i] >= ZERO
    count[0] = found


@kernel("batch total classes count logits target -> probabilities loss metric")
def softmax_cross_entropy(a):
    """L = -log pₜ with p = softmax(logits), the mean over all targets; metric = accuracy.

    logits, probabilities (batch, classes), target (batch,) with -1 for none, count (1,): how many
    there are in the step, or 0 for `total` -> loss (1,), metric (1,)
    """
    batch, total, classes = a[0], number_of_targets(a[3], a[1]), a[2]
    logits, target = matrix(a[4], batch, classes), floats(a[5], batch)
    p, flat = matrix(a[6], batch, classes), floats(a[6], batch * classes)
    loss, metric = floats(a[7], 1), floats(a[8], 1)
    summed, product, correct = 0.0, 1.0, 0
    for i in range(batch):
        highest, winner = logits[i, 0], 0
        for c in range(1, classes):
            if logits[i, c] > highest:
                highest, winner = logits[i, c], c
        for c in range(classes):
            p[i, c] = logits[i, c] - highest
        truth = np.int64(target[i])
        if truth >= 0:
            summed -= p[i, truth]
        correct += winner == truth
    # One long loop, so that short rows fill the vectors too.
    for k in range(batch * classes):
        flat[k] = vector_math.exp(flat[k])
    for i in range(batch):
        share = ZERO
        for c in range(classes):
            share += p[i, c]
        # One logarithm for 32 rows: the sums are at most `classes`, so their product stays finite.
        if target[i] >= ZERO:
            product *= np.float64(share)
        if i % 32 == 31:
            summed += np.log(product)
            product = 1.0
        for c in range(classes):
            p[i, c] /= share
    summed += np.log(product)
    loss[0], metric[0] = summed / total, correct / total


@kernel("batch total classes count probabilities target -> dlogits")
def softmax_cross_entropy_backward(a):
    """∂logits = (p - onehot(target)) / the number of targets, 0 where there is none.

    probabilities, dlogits (batch, classes), target (batch,) with -1 for none, count (1,) or 0 for
    `total`
    """
    batch, classes, scale = a[0], a[2], np.float32(1 / number_of_targets(a[3], a[1]))
    p, target = floats(a[4], batch * classes), floats(a[5], batch)
    dlogits = floats(a[6], batch * classes)
    for k in range(batch * classes):
        dlogits[k] = p[k] * scale
    for i in range(batch):
        truth = np.int64(target[i])
        if truth >= 0:
            dlogits[i * classes + truth] -= scale
        else:
            for c in range(classes):
                dlogits[i * classes + c] = ZERO


@kernel("batch total features prediction target -> loss")
def binary_cross_entropy(a):
    """L = -(t log p + (1 - t) log(1 - p)), the mean over batch and features; logs end at -100.

    prediction (batch, features) in 0 to 1, target (batch, features) -> loss (1,)
    """
    n, count, lowest = a[0] * a[2], a[1] * a[2], np.float32(-100)
    prediction, target, loss = floats(a[3], n), floats(a[4], n), floats(a[5], 1)
    summed = 0.0
    for i in range(n):
        p, t = prediction[i], target[i]
        yes, no = vector_math.log(p), vector_math.log(ONE - p)
        yes = lowest if yes < lowest else yes
        no = lowest if no < lowest else no
        summed -= t * yes + (ONE - t) * no
    loss[0] = summed / count


@kernel("batch total features prediction target -> dprediction")
def binary_cross_entropy_backward(a):
    """∂p = (p - t) / (p (1 - p)) / (total features); the divisor ends at 1e-12, as in PyTorch.

    prediction, target, dprediction (batch, features)
    """
    n, scale, smallest = a[0] * a[2], np.float32(1 / (a[1] * a[2])), np.float32(1e-12)
    prediction, target, dprediction = floats(a[3], n), floats(a[4], n), floats(a[5], n)
    for i in range(n):
        p = prediction[i]
        variance = p * (ONE - p)
        variance = smallest if variance < smallest else variance
        dprediction[i] = (p - target[i]) / variance * scale


@kernel("batch total features prediction target -> loss")
def mean_squared_error(a):
    """L = (p - t)², the mean over batch and features.

    prediction, target (batch, features) -> loss (1,)
    """
    n, count = a[0] * a[2], a[1] * a[2]
    prediction, target, loss = floats(a[3], n), floats(a[4], n), floats(a[5], 1)
    summed = 0.0
    for i in range(n):
        difference = np.float64(prediction[i]) - np.float64(target[i])
        summed += difference * difference
    loss[0] = summed / count


@kernel("batch total features prediction target -> dprediction")
def mean_squared_error_backward(a):
    """∂p = 2 (p - t) / (total features).

    prediction, target, dprediction (batch, features)
    """
    n, scale = a[0] * a[2], np.float32(2 / (a[1] * a[2]))
    prediction, target, dprediction = floats(a[3], n), floats(a[4], n), floats(a[5], n)
    for i in range(n):
        dprediction[i] = (prediction[i] - target[i]) * scale


@kernel("batch total classes prediction target -> loss")
def mean_squared_error_classes(a):
    """L = (p - onehot(t))², the mean over batch and classes.

    prediction (batch, classes), target (batch,) -> loss (1,)
    """
    batch, classes, count = a[0], a[2], a[1] * a[2]
    prediction, target = matrix(a[3], batch, classes), floats(a[4], batch)
    loss = floats(a[5], 1)
    summed = 0.0
    for i in range(batch):
        truth = np.int64(target[i])
        for c in range(classes):
            difference = prediction[i, c] - (ONE if c == truth else ZERO)
            summed += np.float64(difference) * np.float64(difference)
    loss[0] = summed / count


@kernel("batch total classes prediction target -> dprediction")
def mean_squared_error_classes_backward(a):
    """∂p = 2 (p - onehot(t)) / (total classes).

    prediction, dprediction (batch, classes), target (batch,)
    """
    batch, classes, scale = a[0], a[2], np.float32(2 / (a[1] * a[2]))
    prediction, target = matrix(a[3], batch, classes), floats(a[4], batch)
    dprediction = matrix(a[5], batch, classes)
    for i in range(batch):
        truth = np.int64(target[i])
        for c in range(classes):
            dprediction[i, c] = (prediction[i, c] - (ONE if c == truth else ZERO)) * scale


@kernel("batch total classes prediction target -> metric")
def accuracy(a):
    """metric = the share of samples whose largest output is the right class.

    prediction (batch, classes), target (batch,) -> metric (1,)
    """
    batch, total, classes = a[0], a[1], a[2]
    prediction, target = matrix(a[3], batch, classes), floats(a[4], batch)
    metric = floats(a[5], 1)
    correct = 0
    for i in range(batch):
        highest, winner = prediction[i, 0], 0
        for c in range(1, classes):
            if prediction[i, c] > highest:
                highest, winner = prediction[i, c], c
        correct += winner == np.int64(target[i])
    metric[0] = correct / total


@kernel("batch total prediction target -> metric")
def binary_accuracy(a):
    """metric = the share of samples on the right side of ½.

    prediction (batch,), target (batch,) of 0 and 1 -> metric (1,)
    """
    batch, total = a[0], a[1]
    prediction, target, metric = floats(a[2], batch), floats(a[3], batch), floats(a[4], 1)
    correct = 0
    for i in range(batch):
        correct += (prediction[i] > HALF) == (target[i] > HALF)
    metric[0] = correct / total


@kernel("batch total features prediction target -> metric")
def mean_absolute_error(a):
    """metric = |p - t|, the mean over batch and features.

    prediction, target (batch, features) -> metric (1,)
    """
    n, count = a[0] * a[2], a[1] * a[2]
    prediction, target, metric = floats(a[3], n), floats(a[4], n), floats(a[5], 1)
    summed = 0.0
    for i in range(n):
        summed += np.abs(prediction[i] - target[i])
    metric[0] = summed / count
