"""Penalties on weights and on outputs: what they add to the loss and to the gradient."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, kernel, real


@kernel("n l1 l2 w -> loss")
def add_penalty(a):
    """L = L + l1 Σ|w| + l2 Σ w².

    w (n,), loss (1,)
    """
    n, l1, l2 = a[0], real(a[1]), real(a[2])
    w, loss = floats(a[3], n), floats(a[4], 1)
    absolute, square = np.float32(0), np.float32(0)
    for i in range(n):
        absolute += np.abs(w[i])
        square += w[i] * w[i]
    loss[0] += np.float32(l1 * absolute + l2 * square)


@kernel("n l1 l2 w -> dw")
def add_penalty_gradient(a):
    """∂w = ∂w + l1 sign(w) + 2 l2 w.

    w, dw (n,)
    """
    n, l1, l2 = a[0], np.float32(real(a[1])), np.float32(2 * real(a[2]))
    w, dw = floats(a[3], n), floats(a[4], n)
    for i in range(n):
        sign = np.float32(w[i] > 0) - np.float32(w[i] < 0)
        dw[i] += l1 * sign + l2 * w[i]
