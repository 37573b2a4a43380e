"""Learning-rate schedules: the rate of this step from the base rate and the number of steps.

base and learning_rate are addresses of one float32 each; counters int64: [0] is the step.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, longs, real


@kernel("base -> learning_rate")
def schedule_constant(a):
    """lr = base.

    base, learning_rate (1,)
    """
    floats(a[1], 1)[0] = floats(a[0], 1)[0]


@kernel("factor batches_per_epoch counters base -> learning_rate")
def schedule_factor(a):
    """lr = base · factorᵉᵖᵒᶜʰ.

    base, learning_rate (1,)
    """
    factor, epoch = real(a[0]), longs(a[2], 1)[0] // a[1]
    floats(a[4], 1)[0] = floats(a[3], 1)[0] * factor ** np.float64(epoch)


@kernel("every gamma batches_per_epoch counters base -> learning_rate")
def schedule_step(a):
    """lr = base · gamma^⌊epoch / every⌋.

    base, learning_rate (1,)
    """
    every, gamma, epoch = a[0], real(a[1]), longs(a[3], 1)[0] // a[2]
    floats(a[5], 1)[0] = floats(a[4], 1)[0] * gamma ** np.float64(epoch // every)


@kernel("rate counters base -> learning_rate")
def schedule_exponential(a):
    """lr = base · exp(-rate · step).

    base, learning_rate (1,)
    """
    rate, step = real(a[0]), longs(a[1], 1)[0]
    floats(a[3], 1)[0] = floats(a[2], 1)[0] * np.exp(-rate * step)
