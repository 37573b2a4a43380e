"""Losses, their gradients and the metrics beside them.

`total` counts the samples of the whole step: the losses of several lanes add up to its mean.
Targets are class numbers kept as float32, (batch,), or values, (batch, features). Where some have
no target (-1) or weigh more than others, `count` (2,) holds what the means of the loss and of the
metric are over; its address is 0 where that is `total`.
"""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, inline, ints, kernel, matrix, real

ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)


@inline
def loss_divisor(count, total):
    """What the mean of the loss is over: `total`, unless the address of a count is given."""
    return _not_zero(floats(count, 2)[0]) if count != 0 else np.float64(total)


@inline
def metric_divisor(count, total):
    """What the mean of the metric is over."""
    return _not_zero(floats(count, 2)[1]) if count != 0 else np.float64(total)


@inline
def _not_zero(count):
    """1 for 0: a mean over nothing is 0. What is not a number stays so."""
    return np.float64(count) if count != ZERO else 1.0


@kernel("batch weights target -> count")
def count_targets(a):
    """count = (Σ the weights of the targets' classes, how many targets there are); -1 is none.

    weights: one for each class, or 0 where all weigh 1; target (batch,) -> count (2,)
    """
    batch, weights = a[0], floats(a[1], 1)
    target, count = floats(a[2], batch), floats(a[3], 2)
    weighted, found = 0.0, 0
    for i in range(batch):
        if target[i] >= ZERO:
            found += 1
            if a[1] != 0:
                weighted += weights[np.int64(target[i])]
    count[0], count[1] = weighted if a[1] != 0 else found, found


@kernel("batch total classes count logits target -> probabilities loss metric")
def softmax_cross_entropy(a):
    """L = -log pₜ with p = softmax(logits), the mean over all targets; metric = accuracy.

    logits, probabilities (batch, classes), target (batch,) with -1 for none, count (2,) or 0
    -> loss (1,), metric (1,)
    """
    batch, total, classes = a[0], loss_divisor(a[3], a[1]), a[2]
    target, flat = floats(a[5], batch), floats(a[6], batch * classes)
    loss, metric = floats(a[7], 1), floats(a[8], 1)
    summed, product, correct = 0.0, 1.0, 0
    for i in range(batch):
        logits, p = floats(a[4] + 4 * i * classes, classes), floats(a[6] + 4 * i * classes, classes)
        highest = largest(a[4] + 4 * i * classes, classes)
        for c in range(classes):
            p[c] = logits[c] - highest
        truth = np.int64(target[i])
        if truth >= 0:
            summed -= p[truth]
            # Right is who comes first of the largest.
            wins = logits[truth] == highest
            for c in range(truth if wins else 0):
                wins = wins and logits[c] != highest
            correct += wins
    # One long loop, so that short rows fill the vectors too.
    for k in range(batch * classes):
        flat[k] = vector_math.exp_negative(flat[k])
    for i in range(batch):
        p, share = floats(a[6] + 4 * i * classes, classes), ZERO
        for c in range(classes):
            share += p[c]
        # One logarithm for 32 rows: the sums are at most `classes`, so their product stays finite.
        if target[i] >= ZERO:
            product *= np.float64(share)
        if i % 32 == 31:
            summed += np.log(product)
            product = 1.0
        for c in range(classes):
            p[c] /= share
    summed += np.log(product)
    loss[0], metric[0] = summed / total, correct / total


@inline
def largest(address, n):
    """The largest of n numbers; NaN is the largest of all. A maximum that LLVM vectorises."""
    bits, top = ints(address, n), np.int32(-(2**31))
    for i in range(n):
        top = max(top, in_order(bits[i]))
    return vector_math.float_of_bits(in_order(top))


@inline
def in_order(bits):
    """Integers that grow as the floats of these bits do; its own inverse."""
    return np.int32(bits ^ (np.int32(bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


@kernel("batch total classes count probabilities target -> dlogits")
def softmax_cross_entropy_backward(a):
    """∂logits = (p - onehot(target)) / the number of targets, 0 where there is none.

    probabilities, dlogits (batch, classes), target (batch,) with -1 for none, count (2,) or 0
    """
    batch, classes, scale = a[0], a[2], np.float32(1 / loss_divisor(a[3], a[1]))
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


@kernel("batch total classes smoothing count weights logits target "
        "-> probabilities loss metric")
def smoothed_cross_entropy(a):
    """L = -(1 - ε) wₜ log pₜ - ε/C Σ w log p, the sum over all targets / Σ wₜ; metric = accuracy.

    ε = smoothing (Szegedy et al. 2016), as in PyTorch's CrossEntropyLoss. logits, probabilities
    (batch, classes), weights (classes,), target (batch,) with -1 for none, count (2,) or 0
    -> loss (1,), metric (1,)
    """
    batch, classes, smoothing = a[0], a[2], real(a[3])
    total, asked = loss_divisor(a[4], a[1]), metric_divisor(a[4], a[1])
    weights, logits, target = floats(a[5], classes), matrix(a[6], batch, classes), floats(
        a[7], batch)
    p, loss, metric = matrix(a[8], batch, classes), floats(a[9], 1), floats(a[10], 1)
    each, summed, correct = smoothing / classes, 0.0, 0
    for i in range(batch):
        highest, winner = logits[i, 0], 0
        for c in range(1, classes):
            if logits[i, c] > highest:
                highest, winner = logits[i, c], c
        share, level, mass = ZERO, 0.0, 0.0
        for c in range(classes):
            shifted = logits[i, c] - highest
            level += np.float64(weights[c]) * np.float64(shifted)
            mass += np.float64(weights[c])
            p[i, c] = vector_math.exp(shifted)
            share += p[i, c]
        for c in range(classes):
            p[i, c] /= share
        truth = np.int64(target[i])
        if truth >= 0:
            right = (1 - smoothing) * weights[truth]
            summed += (right + each * mass) * np.log(np.float64(share)) - each * level - (
                right * np.float64(logits[i, truth] - highest))
            correct += winner == truth
    loss[0], metric[0] = summed / total, correct / asked


@kernel("batch total classes smoothing count weights probabilities target -> dlogits")
def smoothed_cross_entropy_backward(a):
    """∂logits = ((1 - ε) wₜ (p - onehot(t)) + ε/C (p Σ w - w)) / Σ wₜ, 0 where there is no target.

    probabilities, dlogits (batch, classes), weights (classes,), target (batch,) with -1 for none,
    count (2,) or 0
    """
    batch, classes, smoothing = a[0], a[2], real(a[3])
    scale = 1 / loss_divisor(a[4], a[1])
    weights, p, target = floats(a[5], classes), matrix(a[6], batch, classes), floats(a[7], batch)
    dlogits, mass = matrix(a[8], batch, classes), ZERO
    each = np.float32(smoothing / classes * scale)
    for c in range(classes):
        mass += weights[c]
    for i in range(batch):
        truth = np.int64(target[i])
        if truth < 0:
            for c in range(classes):
                dlogits[i, c] = ZERO
            continue
        right = np.float32((1 - smoothing) * scale) * weights[truth]
        for c in range(classes):
            dlogits[i, c] = p[i, c] * right + each * (p[i, c] * mass - weights[c])
        dlogits[i, truth] -= right


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


@kernel("batch total features pos_weight logits target -> probabilities loss")
def binary_cross_entropy_with_logits(a):
    """L = -(w t log p + (1 - t) log(1 - p)), p = 1 / (1 + e⁻ˣ); the mean over batch and features.

    As w t softplus(-x) + (1 - t) softplus(x), so that no logarithm meets 0. w = pos_weight;
    logits x, target, probabilities p (batch, features) -> loss (1,)
    """
    n, count, weight = a[0] * a[2], a[1] * a[2], np.float32(real(a[3]))
    logits, target, p, loss = floats(a[4], n), floats(a[5], n), floats(a[6], n), floats(a[7], 1)
    summed = 0.0
    for i in range(n):
        x, t = logits[i], target[i]
        p[i] = vector_math.sigmoid(x)
        summed += weight * t * vector_math.softplus(-x) + (ONE - t) * vector_math.softplus(x)
    loss[0] = summed / count


@kernel("batch total features pos_weight probabilities target -> dlogits")
def binary_cross_entropy_with_logits_backward(a):
    """∂x = ((1 - t) p - w t (1 - p)) / (total features).

    probabilities p, target, dlogits (batch, features)
    """
    n, scale, weight = a[0] * a[2], np.float32(1 / (a[1] * a[2])), np.float32(real(a[3]))
    probabilities, target, dlogits = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    for i in range(n):
        p, t = probabilities[i], target[i]
        dlogits[i] = ((ONE - t) * p - weight * t * (ONE - p)) * scale


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


@kernel("batch total features prediction target -> dprediction")
def mean_absolute_error_backward(a):
    """∂p = sign(p - t) / (total features), 0 where they are equal.

    prediction, target, dprediction (batch, features)
    """
    n, scale = a[0] * a[2], np.float32(1 / (a[1] * a[2]))
    prediction, target, dprediction = floats(a[3], n), floats(a[4], n), floats(a[5], n)
    for i in range(n):
        d = prediction[i] - target[i]
        # What is not a number stays so: it is neither above nor below.
        sign = ONE if d > ZERO else (-ONE if d < ZERO else d)
        dprediction[i] = sign * scale


@kernel("batch total features delta prediction target -> loss")
def huber(a):
    """L = ½ d² where |d| <= δ, else δ (|d| - ½ δ), d = p - t; the mean over batch and features.

    Huber 1964. delta δ; prediction, target (batch, features) -> loss (1,)
    """
    n, count, delta = a[0] * a[2], a[1] * a[2], real(a[3])
    prediction, target, loss = floats(a[4], n), floats(a[5], n), floats(a[6], 1)
    summed = 0.0
    for i in range(n):
        d = np.abs(np.float64(prediction[i]) - np.float64(target[i]))
        inside = delta if d > delta else d
        summed += inside * (d - 0.5 * inside)
    loss[0] = summed / count


@kernel("batch total features delta prediction target -> dprediction")
def huber_backward(a):
    """∂p = (p - t, capped at ±δ) / (total features).

    prediction, target, dprediction (batch, features)
    """
    n, scale, delta = a[0] * a[2], np.float32(1 / (a[1] * a[2])), np.float32(real(a[3]))
    prediction, target, dprediction = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    for i in range(n):
        d = prediction[i] - target[i]
        d = delta if d > delta else d
        d = -delta if d < -delta else d
        dprediction[i] = d * scale


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


@kernel("batch total features prediction target -> mean")
def mean_absolute_error(a):
    """mean = |p - t|, over batch and features.

    prediction, target (batch, features) -> mean (1,)
    """
    n, count = a[0] * a[2], a[1] * a[2]
    prediction, target, mean = floats(a[3], n), floats(a[4], n), floats(a[5], 1)
    summed = 0.0
    for i in range(n):
        summed += np.abs(prediction[i] - target[i])
    mean[0] = summed / count
