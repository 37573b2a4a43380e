"""Learning-rate schedules: the rate of this step from the base rate and the number of steps.

base and learning_rate are addresses of one float32 each; counters as in kernels/counters.py. While
the steps of the warm-up last the clock of a schedule stands still.
"""

from __future__ import annotations

import numpy as np

from kernels.counters import steps_of_epochs
from kernels.jit import floats, inline, kernel, longs, real


@inline
def steps_since(counters, warmup):
    """Steps since the warm-up ended."""
    step = longs(counters, 1)[0] - warmup
    return step if step > 0 else np.int64(0)


@inline
def epoch_steps_since(counters, warmup):
    """The same, as epochs count them."""
    step = steps_of_epochs(counters) - warmup
    return step if step > 0 else np.int64(0)


@kernel("base -> learning_rate")
def schedule_constant(a):
    """lr = base.

    base, learning_rate (1,)
    """
    floats(a[1], 1)[0] = floats(a[0], 1)[0]


@kernel("factor_per_epoch warmup batches_per_epoch counters base -> learning_rate")
def schedule_factor(a):
    """lr = base · factorᵉᵖᵒᶜʰ.

    base, learning_rate (1,)
    """
    factor, epoch = real(a[0]), epoch_steps_since(a[3], a[1]) // a[2]
    floats(a[5], 1)[0] = floats(a[4], 1)[0] * factor ** np.float64(epoch)


@kernel("every gamma warmup batches_per_epoch counters base -> learning_rate")
def schedule_step(a):
    """lr = base · gamma^⌊epoch / every⌋.

    base, learning_rate (1,)
    """
    every, gamma, epoch = a[0], real(a[1]), epoch_steps_since(a[4], a[2]) // a[3]
    floats(a[6], 1)[0] = floats(a[5], 1)[0] * gamma ** np.float64(epoch // every)


@kernel("rate warmup counters base -> learning_rate")
def schedule_exponential(a):
    """lr = base · exp(-rate · step).

    base, learning_rate (1,)
    """
    rate, step = real(a[0]), steps_since(a[2], a[1])
    floats(a[4], 1)[0] = floats(a[3], 1)[0] * np.exp(-rate * step)


@kernel("period minimum restarts growth warmup batches_per_epoch counters base -> learning_rate")
def schedule_cosine(a):
    """lr = min + (base - min) (1 + cos(π t / period)) / 2. Loshchilov & Hutter 2017, eq. 5.

    Without restarts t stays at the period; with them it begins anew, and the period grows.
    base, learning_rate (1,)
    """
    length, minimum, restarts, growth = a[0] * a[5], real(a[1]), a[2], a[3]
    step, base = epoch_steps_since(a[6], a[4]), np.float64(floats(a[7], 1)[0])
    if restarts == 0:
        step = min(step, length)
    elif growth == 1:
        step %= length
    else:
        while step >= length:
            step -= length
            length *= growth
    share = (1.0 + np.cos(np.pi * step / length)) / 2.0
    floats(a[8], 1)[0] = minimum + (base - minimum) * share


@kernel("factor patience threshold cooldown minimum warmup batches_per_epoch counters loss base "
        "-> learning_rate state")
def schedule_plateau(a):
    """lr = base · factorᵏ, at least min; k grows after patience epochs without a better loss.

    The loss of an epoch is the mean over its steps; better is below (1 - threshold) times the best.
    loss, base, learning_rate (1,); state (6,): steps and mean of this epoch, epochs seen, the
    best, epochs since (below 0 while cooling down), k
    """
    factor, patience, threshold, cooldown = real(a[0]), a[1], real(a[2]), a[3]
    minimum, warmup, batches = real(a[4]), a[5], a[6]
    loss, base = floats(a[8], 1)[0], np.float64(floats(a[9], 1)[0])
    learning_rate, state = floats(a[10], 1), floats(a[11], 6)
    if state[0] == batches:
        if state[2] == 0 or state[1] < state[3] * (1.0 - threshold):
            state[3], state[4] = state[1], min(state[4], np.float32(0))
        elif state[4] >= 0:
            state[4] += 1
        if state[4] < 0:
            state[4] += 1
        if state[4] > patience:
            state[5] += 1
            state[4] = -cooldown
        state[2] += 1
        state[0] = state[1] = 0
    rate = base * factor ** np.float64(state[5])
    learning_rate[0] = rate if state[5] == 0 or rate > minimum else min(minimum, base)
    if longs(a[7], 1)[0] >= warmup:
        state[0] += 1
        state[1] += (loss - state[1]) / state[0]


@kernel("warmup counters -> learning_rate")
def schedule_warmup(a):
    """lr = lr · (step + 1) / (warmup + 1) in the first steps, which are warm-up. Goyal et al. 2017.

    learning_rate (1,)
    """
    warmup, step = a[0], longs(a[1], 1)[0]
    if step < warmup:
        floats(a[2], 1)[0] *= (step + 1.0) / (warmup + 1.0)


@kernel("window loss momentum -> current state")
def momentum_settle(a):
    """current = min(momentum, ½) until the loss settles, then momentum. Hinton 2010, section 9.

    It has settled when its mean over a window of steps is not 5 % below that of the window before.
    loss, momentum, current (1,); state (4,): steps and mean of this window, mean of the one
    before, and how far it is: 0 the first window, 1 a later one, 2 settled
    """
    window, loss, momentum = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0]
    current, state = floats(a[3], 1), floats(a[4], 4)
    if state[0] == window:
        gain = state[2] - state[1]
        if state[3] == 1 and gain < 0.05 * abs(state[2]):
            state[3] = 2
        state[3] = max(state[3], np.float32(1))
        state[2] = state[1]
        state[0] = state[1] = 0
    state[0] += 1
    state[1] += (loss - state[1]) / state[0]
    current[0] = momentum if state[3] == 2 else min(momentum, np.float32(0.5))
