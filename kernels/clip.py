"""Clipping of gradients, by value and by the norm of one layer or of all (Pascanu et al. 2013),
and of weights.

threshold and norm are addresses of one float32 each. What is not finite is never made to look
finite by the norm kinds; the guard stops the program on it.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, real


@kernel("n threshold -> gradient")
def clip_by_value(a):
    """g = g capped at ±threshold.

    threshold (1,), gradient (n,)
    """
    n, threshold = a[0], floats(a[1], 1)[0]
    gradient = floats(a[2], n)
    for i in range(n):
        g = gradient[i]
        g = threshold if g > threshold else g
        gradient[i] = -threshold if g < -threshold else g


@kernel("n limit -> weights")
def clip_weights(a):
    """w = w capped at ±limit. The critic of Arjovsky et al. 2017.

    weights (n,)
    """
    n, limit = a[0], np.float32(real(a[1]))
    weights = floats(a[2], n)
    for i in range(n):
        w = weights[i]
        w = limit if w > limit else w
        weights[i] = -limit if w < -limit else w


@kernel("n threshold norm -> gradient")
def clip_by_norm(a):
    """g = g · threshold / ‖g‖ where ‖g‖ > threshold; ‖g‖ is already measured.

    threshold, norm (1,), gradient (n,)
    """
    n, threshold, norm = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0]
    gradient = floats(a[3], n)
    if threshold < norm < np.inf:
        scale = threshold / norm
        for i in range(n):
            gradient[i] *= scale


@kernel("n stride each threshold references norms -> clipped_norms")
def clipped_norms(a):
    """‖clipped g‖ = ‖g‖ · threshold / reference where reference > threshold, else ‖g‖.

    references are the norms that decide: those of the layers themselves (each = stride), or the
    one of all layers (each = 0). threshold (1,); norms, clipped_norms: n numbers, stride apart
    """
    n, stride, each, threshold = a[0], a[1], a[2], floats(a[3], 1)[0]
    references, norms = floats(a[4], n * each + 1), floats(a[5], n * stride)
    result = floats(a[6], n * stride)
    for i in range(n):
        reference, norm = references[i * each], norms[i * stride]
        result[i * stride] = (
            norm * (threshold / reference) if threshold < reference < np.inf else norm)


@kernel("before after -> flag")
def clipped(a):
    """flag = 1 where clipping made the norm smaller, else 0.

    before, after, flag (1,)
    """
    before, after = floats(a[0], 1)[0], floats(a[1], 1)[0]
    # By more than the rounding of two norms that were summed in different ways.
    floats(a[2], 1)[0] = np.float32(after < before * np.float32(1 - 1e-6))


@kernel("n stride norms -> norm")
def global_norm(a):
    """norm = √(the sum of the squares of every stride-th number).

    norms: n numbers, stride apart; norm (1,)
    """
    n, stride = a[0], a[1]
    norms, summed = floats(a[2], n * stride), 0.0
    for i in range(n):
        summed += np.float64(norms[i * stride]) * np.float64(norms[i * stride])
    floats(a[3], 1)[0] = np.sqrt(summed)
