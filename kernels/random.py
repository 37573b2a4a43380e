"""Random numbers that are a pure function of (key, step, element): dropout, noise and shuffling.

Nothing is drawn one after the other, so a step can be run again, split among threads or undone,
and it sees the same numbers.
"""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.counters import steps_of_epochs
from kernels.jit import floats, inline, ints, kernel, longs, matrix, real

_32 = np.uint64(32)


@inline
def mixed(key):
    """A small key such as 7 made into 64 well-mixed bits. SplitMix64: Steele, Lea & Flood 2014."""
    z = np.uint64(key) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)


@inline
def squares(counter, key):
    """32 random bits for a counter and a mixed key. "Squares", Widynski 2020, four rounds."""
    x = counter * key
    y = x
    z = y + key
    x = x * x + y
    x = (x >> _32) | (x << _32)
    x = x * x + z
    x = (x >> _32) | (x << _32)
    x = x * x + y
    x = (x >> _32) | (x << _32)
    return (x * x + z) >> _32


@inline
def standard_normal(bits):
    """A normal random number from 32 random bits: √2 erfinv(u), u evenly between -1 and 1.

    The polynomials of Giles 2010, "Approximating the erfinv function", single precision. The
    largest of the 2²³ numbers is 5.3.
    """
    u = (np.float32(bits >> np.uint64(9)) * np.float32(2) + np.float32(1)) * np.float32(2.0**-23)
    u -= np.float32(1)
    w = -vector_math.log((np.float32(1) - u) * (np.float32(1) + u))
    v = w - np.float32(2.5)
    p = np.float32(2.81022636e-08)
    p = p * v + np.float32(3.43273939e-07)
    p = p * v + np.float32(-3.5233877e-06)
    p = p * v + np.float32(-4.39150654e-06)
    p = p * v + np.float32(0.00021858087)
    p = p * v + np.float32(-0.00125372503)
    p = p * v + np.float32(-0.00417768164)
    p = p * v + np.float32(0.246640727)
    p = p * v + np.float32(1.50140941)
    v = np.sqrt(w) - np.float32(3)
    q = np.float32(-0.000200214257)
    q = q * v + np.float32(0.000100950558)
    q = q * v + np.float32(0.00134934322)
    q = q * v + np.float32(-0.00367342844)
    q = q * v + np.float32(0.00573950773)
    q = q * v + np.float32(-0.0076224613)
    q = q * v + np.float32(0.00943887047)
    q = q * v + np.float32(1.00167406)
    q = q * v + np.float32(2.83297682)
    return np.float32(1.4142135623730951) * u * (p if w < np.float32(5) else q)


@kernel("n key counters -> y")
def uniform(a):
    """y = uniform random numbers from [0, 1), in steps of 2^-24.

    counters int64: [0] the step; y (n,)
    """
    n, key, step = a[0], mixed(a[1]), longs(a[2], 1)[0]
    y = floats(a[3], n)
    start = np.uint64(step) << _32
    for i in range(n):
        y[i] = np.float32(squares(start + np.uint64(i), key) >> np.uint64(8)) * np.float32(2**-24)


@kernel("n mean deviation key counters -> y")
def normal(a):
    """y = normal random numbers with this mean and deviation.

    counters int64: [0] the step; y (n,)
    """
    n, mean, deviation = a[0], np.float32(real(a[1])), np.float32(real(a[2]))
    key, step, y = mixed(a[3]), longs(a[4], 1)[0], floats(a[5], n)
    start = np.uint64(step) << _32
    for i in range(n):
        y[i] = mean + deviation * standard_normal(squares(start + np.uint64(i), key))


@kernel("n rate key counters x -> mask y")
def dropout_forward(a):
    """y = x mask, with mask = 0 at the given rate, else 1 / (1 - rate). Srivastava et al. 2014.

    counters int64: [0] the step; x, mask, y (n,)
    """
    n, rate, key, step = a[0], real(a[1]), mixed(a[2]), longs(a[3], 1)[0]
    x, mask, y = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    threshold = np.uint64(rate * 4294967296.0)
    kept = np.float32(1.0 / (1.0 - rate))
    start = np.uint64(step) << _32
    for i in range(n):
        dropped = squares(start + np.uint64(i), key) < threshold
        mask[i] = np.float32(0) if dropped else kept
        y[i] = x[i] * mask[i]


@kernel("n mask dy -> dx")
def dropout_backward(a):
    """∂x = ∂y mask.

    mask, dy, dx (n,)
    """
    n = a[0]
    mask, dy, dx = floats(a[1], n), floats(a[2], n), floats(a[3], n)
    for i in range(n):
        dx[i] = dy[i] * mask[i]


@kernel("n rate key counters -> mask")
def dropout_mask(a):
    """mask = 0 at the given rate, else 1 / (1 - rate).

    counters int64: [0] the step; mask (n,)
    """
    n, rate, key, step = a[0], real(a[1]), mixed(a[2]), longs(a[3], 1)[0]
    mask = floats(a[4], n)
    threshold = np.uint64(rate * 4294967296.0)
    kept = np.float32(1.0 / (1.0 - rate))
    start = np.uint64(step) << _32
    for i in range(n):
        mask[i] = np.float32(0) if squares(start + np.uint64(i), key) < threshold else kept


@kernel("batch times channels positions x mask -> y")
def mask_channels(a):
    """y = x mask, with the mask of the sample's whole channel. Tompson et al. 2015.

    x, y (batch, times, channels, positions), mask (batch, channels)
    """
    batch, times, channels, positions = a[0], a[1], a[2], a[3]
    n = batch * times * channels * positions
    x, mask, y = floats(a[4], n), floats(a[5], batch * channels), floats(a[6], n)
    for i in range(batch):
        for t in range(times):
            row = (i * times + t) * channels
            if positions == 1:
                for c in range(channels):
                    y[row + c] = x[row + c] * mask[i * channels + c]
            else:
                for c in range(channels):
                    factor, start = mask[i * channels + c], (row + c) * positions
                    for p in range(start, start + positions):
                        y[p] = x[p] * factor


@kernel("n deviation key counters x -> noise y")
def add_noise(a):
    """y = x + noise, normal with the given deviation.

    counters int64: [0] the step; x, noise, y (n,)
    """
    n, deviation, key, step = a[0], np.float32(real(a[1])), mixed(a[2]), longs(a[3], 1)[0]
    x, noise, y = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    start = np.uint64(step) << _32
    for i in range(n):
        noise[i] = deviation * standard_normal(squares(start + np.uint64(i), key))
    for i in range(n):
        y[i] = x[i] + noise[i]


@kernel("samples batches_per_epoch shuffle_key counters -> order")
def shuffle_samples(a):
    """order = a permutation of the samples, drawn anew for each epoch. Fisher & Yates 1938.

    counters int64 (2,); order (samples + 1,) int32, its last one 1 + epoch or 0 for none
    """
    samples, epoch = a[0], steps_of_epochs(a[3]) // a[1]
    order = ints(a[4], samples + 1)
    if order[samples] == epoch + 1:
        return
    key, start = mixed(a[2]), np.uint64(epoch) << _32
    for i in range(samples):
        order[i] = i
    for i in range(samples - 1, 0, -1):
        # A number below i + 1 without a division: Lemire 2019.
        j = np.int64((squares(start + np.uint64(i), key) * np.uint64(i + 1)) >> _32)
        order[i], order[j] = order[j], order[i]
    order[samples] = epoch + 1


@kernel("batch first lane_batch batches_per_epoch sample_size target_size counters order data "
        "targets -> x target")
def load_batch(a):
    """x, target = the samples whose turn it is in this step.

    batch: all samples of a step; counters int64 (2,); order int32; data (samples, sample_size),
    targets (samples, target_size) -> rows first to first + lane_batch of the step's samples:
    x (lane_batch, sample_size), target (lane_batch, target_size)
    """
    batch, first, lane_batch, batches_per_epoch = a[0], a[1], a[2], a[3]
    sample_size, target_size, step, data, targets = a[4], a[5], steps_of_epochs(a[6]), a[8], a[9]
    x, target = matrix(a[10], lane_batch, sample_size), matrix(a[11], lane_batch, target_size)
    start = (step % batches_per_epoch) * batch + first
    order = ints(a[7], start + lane_batch)
    for i in range(lane_batch):
        source = np.int64(order[start + i])
        sample = floats(data + 4 * source * sample_size, sample_size)
        wanted = floats(targets + 4 * source * target_size, target_size)
        for j in range(sample_size):
            x[i, j] = sample[j]
        for j in range(target_size):
            target[i, j] = wanted[j]


@kernel("turns turn counters -> updates")
def count_updates(a):
    """updates = step turns + turn: how often what learns several times in a step has learned.

    counters int64: [0] the step; updates (1,) int64
    """
    longs(a[3], 1)[0] = longs(a[2], 1)[0] * a[0] + a[1]


@kernel("-> counters")
def finish_step(a):
    """step = step + 1.

    counters int64: [0] the step
    """
    longs(a[0], 1)[0] += 1
