"""Updates: one call moves all parameters of a node, which lie side by side.

learning_rate, momentum and the like are addresses of one float32 each, so that they can change
while the program runs. `norms` gets the norm of the update over the norm of the weights before
it; the kernels called plain leave that measurement out. As in kernels/statistics.py, its squares
are summed in float32, and once more in float64 where they leave its range. The weights before it
are by then the new ones plus the update: where weights are that large or small, a ratio above 10⁶
is rough.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, kernel, longs
from kernels.statistics import is_in_range
from kernels.vector_math import multiply_add

ONE = np.float32(1)


@inline
def ratio(update_squares, weight_squares):
    """√update / √weights, and 0 when nothing moved, whatever the weights.

    Each root by itself: the quotient of the squares could leave the range of float32.
    """
    return (update_squares * 0 if update_squares == 0
            else np.sqrt(update_squares) / np.sqrt(weight_squares))


@kernel("n learning_rate momentum weight_decay gradient -> weights velocity norms")
def sgd_update(a):
    """v = momentum v + g + decay w;  w = w - lr v. Sutskever et al. 2013, as in PyTorch.

    learning_rate, momentum, weight_decay (1,); gradient, weights, velocity (n,) -> norms (1,)
    """
    n = a[0]
    lr, momentum, decay = floats(a[1], 1)[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    gradient, weights, velocity = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    norms = floats(a[7], 1)
    updates, squares = np.float32(0), np.float32(0)
    for i in range(n):
        w = weights[i]
        v = momentum * velocity[i] + (gradient[i] + decay * w)
        update = lr * v
        velocity[i], weights[i] = v, w - update
        updates += update * update
        squares += w * w
    if is_in_range(updates) and is_in_range(squares):
        norms[0] = ratio(updates, squares)
        return
    careful_updates, careful_squares = 0.0, 0.0
    for i in range(n):
        update = np.float64(lr * velocity[i])
        w = np.float64(weights[i]) + update
        careful_updates += update * update
        careful_squares += w * w
    norms[0] = ratio(careful_updates, squares if is_in_range(squares) else careful_squares)


@kernel("n learning_rate momentum weight_decay gradient -> weights velocity")
def sgd_update_plain(a):
    """v = momentum v + g + decay w;  w = w - lr v. Sutskever et al. 2013, as in PyTorch.

    learning_rate, momentum, weight_decay (1,); gradient, weights, velocity (n,)
    """
    n = a[0]
    lr, momentum, decay = floats(a[1], 1)[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    gradient, weights, velocity = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    for i in range(n):
        w = weights[i]
        v = momentum * velocity[i] + (gradient[i] + decay * w)
        velocity[i], weights[i] = v, w - lr * v


@inline
def moving_average(beta, average, value):
    """β average + (1-β) value, in this order.

    Left to LLVM it becomes value + β (average - value), which for β near 1 is all rounding error.
    """
    return multiply_add(beta, average, (ONE - beta) * value)


@inline
def adam_scales(lr, beta1, beta2, step):
    """What corrects the moments for their start at zero: lr / (1 - β₁ᵗ) and 1 / √(1 - β₂ᵗ)."""
    t = np.float64(step + 1)
    return (np.float32(lr / (1.0 - np.float64(beta1) ** t)),
            np.float32(1.0 / np.sqrt(1.0 - np.float64(beta2) ** t)))


@kernel("n learning_rate beta1 beta2 epsilon weight_decay counters gradient "
        "-> weights mean square norms")
def adam_update(a):
    """m = β₁ m + (1-β₁) g;  s = β₂ s + (1-β₂) g²;  w = w - lr m̂ / (√ŝ + ε). Kingma & Ba 2015.

    learning_rate to weight_decay (1,); counters int64: [0] the step;
    gradient, weights, mean, square (n,) -> norms (1,)
    """
    n, beta1, beta2 = a[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    epsilon, decay = floats(a[4], 1)[0], floats(a[5], 1)[0]
    step_size, root_scale = adam_scales(floats(a[1], 1)[0], beta1, beta2, longs(a[6], 1)[0])
    gradient, weights = floats(a[7], n), floats(a[8], n)
    mean, square, norms = floats(a[9], n), floats(a[10], n), floats(a[11], 1)
    updates, squares = np.float32(0), np.float32(0)
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        m = moving_average(beta1, mean[i], g)
        s = moving_average(beta2, square[i], g * g)
        update = step_size * m / (np.sqrt(s) * root_scale + epsilon)
        mean[i], square[i], weights[i] = m, s, w - update
        updates += update * update
        squares += w * w
    if is_in_range(updates) and is_in_range(squares):
        norms[0] = ratio(updates, squares)
        return
    careful_updates, careful_squares = 0.0, 0.0
    for i in range(n):
        update = np.float64(step_size * mean[i] / (np.sqrt(square[i]) * root_scale + epsilon))
        w = np.float64(weights[i]) + update
        careful_updates += update * update
        careful_squares += w * w
    norms[0] = ratio(careful_updates, squares if is_in_range(squares) else careful_squares)


@kernel("n learning_rate beta1 beta2 epsilon weight_decay counters gradient "
        "-> weights mean square")
def adam_update_plain(a):
    """m = β₁ m + (1-β₁) g;  s = β₂ s + (1-β₂) g²;  w = w - lr m̂ / (√ŝ + ε). Kingma & Ba 2015.

    learning_rate to weight_decay (1,); counters int64: [0] the step;
    gradient, weights, mean, square (n,)
    """
    n, beta1, beta2 = a[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    epsilon, decay = floats(a[4], 1)[0], floats(a[5], 1)[0]
    step_size, root_scale = adam_scales(floats(a[1], 1)[0], beta1, beta2, longs(a[6], 1)[0])
    gradient, weights = floats(a[7], n), floats(a[8], n)
    mean, square = floats(a[9], n), floats(a[10], n)
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        m = moving_average(beta1, mean[i], g)
        s = moving_average(beta2, square[i], g * g)
        mean[i], square[i] = m, s
        weights[i] = w - step_size * m / (np.sqrt(s) * root_scale + epsilon)
