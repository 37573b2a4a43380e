"""Updates: one call moves all parameters of a node, which lie side by side.

learning_rate, momentum and the like are addresses of one float32 each, so that they can change
while the program runs. `squares` gets Σ update² and Σ w² of the weights before it, in float64;
the kernels called plain leave that measurement out, and others take a 0 in its place. For SGD and
Adam, whose speed counts most, they are summed in float32, and once more in float64 where they
leave its range, as in kernels/statistics.py. The weights before it are by then the new ones plus
the update: where weights are that large or small, a ratio of the two above 10⁶ is rough.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import doubles, floats, inline, kernel, longs
from kernels.statistics import is_in_range
from kernels.vector_math import multiply_add

ONE = np.float32(1)


@inline
def write_squares(address, of_update, of_weights):
    """Write both sums, unless nobody wants them."""
    if address != 0:
        doubles(address, 2)[0], doubles(address, 2)[1] = of_update, of_weights


@kernel("n lanes stride squares -> ratios")
def update_ratios(a):
    """‖update‖ / ‖w‖ of n nodes, and 0 when nothing moved, whatever the weights.

    squares (n, lanes, 2) float64: Σ update² and Σ w² of each lane's share; ratios: n numbers,
    stride apart
    """
    n, lanes, stride = a[0], a[1], a[2]
    for i in range(n):
        squares, of_update, of_weights = doubles(a[3] + 16 * i * lanes, 2 * lanes), 0.0, 0.0
        for lane in range(lanes):
            of_update += squares[2 * lane]
            of_weights += squares[2 * lane + 1]
        floats(a[4] + 4 * i * stride, 1)[0] = (
            of_update if of_update == 0 else np.sqrt(of_update / of_weights))


@kernel("n learning_rate weight_decay gradient -> weights squares")
def gradient_update(a):
    """w = w - lr (g + decay w).

    learning_rate, weight_decay (1,); gradient, weights (n,) -> squares (2,)
    """
    n, lr, decay = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0]
    gradient, weights = floats(a[3], n), floats(a[4], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        update = lr * (gradient[i] + decay * w)
        weights[i] = w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[5], updates, squares)


@kernel("n learning_rate direction -> weights squares")
def newton_update(a):
    """w = w - lr d.

    learning_rate (1,); direction, weights (n,) -> squares (2,)
    """
    n, lr = a[0], floats(a[1], 1)[0]
    direction, weights = floats(a[2], n), floats(a[3], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        update = lr * direction[i]
        weights[i] = w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[4], updates, squares)


@kernel("n learning_rate momentum weight_decay gradient -> weights velocity squares")
def sgd_update(a):
    """v = momentum v + g + decay w;  w = w - lr v. Sutskever et al. 2013, as in PyTorch.

    learning_rate, momentum, weight_decay (1,); gradient, weights, velocity (n,) -> squares (2,)
    """
    n = a[0]
    lr, momentum, decay = floats(a[1], 1)[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    gradient, weights, velocity = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    updates, squares = np.float32(0), np.float32(0)
    for i in range(n):
        w = weights[i]
        v = momentum * velocity[i] + (gradient[i] + decay * w)
        update = lr * v
        velocity[i], weights[i] = v, w - update
        updates += update * update
        squares += w * w
    if is_in_range(updates) and is_in_range(squares):
        write_squares(a[7], updates, squares)
        return
    careful_updates, careful_squares = 0.0, 0.0
    for i in range(n):
        update = np.float64(lr * velocity[i])
        w = np.float64(weights[i]) + update
        careful_updates += update * update
        careful_squares += w * w
    write_squares(a[7], careful_updates,
                  squares if is_in_range(squares) else careful_squares)


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


@kernel("n learning_rate momentum weight_decay gradient -> weights velocity squares")
def nesterov_update(a):
    """g = g + decay w;  v = momentum v + g;  w = w - lr (g + momentum v). Sutskever et al. 2013.

    In PyTorch's form. learning_rate, momentum, weight_decay (1,);
    gradient, weights, velocity (n,) -> squares (2,)
    """
    n = a[0]
    lr, momentum, decay = floats(a[1], 1)[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    gradient, weights, velocity = floats(a[4], n), floats(a[5], n), floats(a[6], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        v = momentum * velocity[i] + g
        update = lr * (g + momentum * v)
        velocity[i], weights[i] = v, w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[7], updates, squares)


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


@inline
def decays(decoupled, lr, decay):
    """What times w is added to the gradient, and what is taken off w itself."""
    zero = np.float32(0)
    return (zero, lr * decay) if decoupled != 0 else (decay, zero)


@kernel("n decoupled learning_rate beta1 beta2 epsilon weight_decay counters gradient "
        "-> weights mean square squares")
def adam_update(a):
    """m = β₁ m + (1-β₁) g;  s = β₂ s + (1-β₂) g²;  w = w - lr m̂ / (√ŝ + ε). Kingma & Ba 2015.

    decoupled: decay w is not added to g, but lr decay w taken off w. Loshchilov & Hutter 2019.
    learning_rate to weight_decay (1,); counters int64: [0] the step;
    gradient, weights, mean, square (n,) -> squares (2,)
    """
    n, beta1, beta2, epsilon = a[0], floats(a[3], 1)[0], floats(a[4], 1)[0], floats(a[5], 1)[0]
    step_size, root_scale = adam_scales(floats(a[2], 1)[0], beta1, beta2, longs(a[7], 1)[0])
    decay, shrink = decays(a[1], floats(a[2], 1)[0], floats(a[6], 1)[0])
    gradient, weights = floats(a[8], n), floats(a[9], n)
    mean, square = floats(a[10], n), floats(a[11], n)
    updates, squares = np.float32(0), np.float32(0)
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        m = moving_average(beta1, mean[i], g)
        s = moving_average(beta2, square[i], g * g)
        update = shrink * w + step_size * m / (np.sqrt(s) * root_scale + epsilon)
        mean[i], square[i], weights[i] = m, s, w - update
        updates += update * update
        squares += w * w
    if is_in_range(updates) and is_in_range(squares):
        write_squares(a[12], updates, squares)
        return
    careful_updates, careful_squares = 0.0, 0.0
    for i in range(n):
        moved = np.float64(step_size * mean[i] / (np.sqrt(square[i]) * root_scale + epsilon))
        w = (np.float64(weights[i]) + moved) / (1.0 - np.float64(shrink))
        update = moved + shrink * w
        careful_updates += update * update
        careful_squares += w * w
    write_squares(a[12], careful_updates,
                  squares if is_in_range(squares) else careful_squares)


@kernel("n decoupled learning_rate beta1 beta2 epsilon weight_decay counters gradient "
        "-> weights mean square")
def adam_update_plain(a):
    """m = β₁ m + (1-β₁) g;  s = β₂ s + (1-β₂) g²;  w = w - lr m̂ / (√ŝ + ε). Kingma & Ba 2015.

    decoupled: decay w is not added to g, but lr decay w taken off w. Loshchilov & Hutter 2019.
    learning_rate to weight_decay (1,); counters int64: [0] the step;
    gradient, weights, mean, square (n,)
    """
    n, beta1, beta2, epsilon = a[0], floats(a[3], 1)[0], floats(a[4], 1)[0], floats(a[5], 1)[0]
    step_size, root_scale = adam_scales(floats(a[2], 1)[0], beta1, beta2, longs(a[7], 1)[0])
    decay, shrink = decays(a[1], floats(a[2], 1)[0], floats(a[6], 1)[0])
    gradient, weights = floats(a[8], n), floats(a[9], n)
    mean, square = floats(a[10], n), floats(a[11], n)
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        m = moving_average(beta1, mean[i], g)
        s = moving_average(beta2, square[i], g * g)
        mean[i], square[i] = m, s
        weights[i] = w - (shrink * w + step_size * m / (np.sqrt(s) * root_scale + epsilon))


@kernel("n decoupled learning_rate beta1 beta2 epsilon weight_decay counters gradient "
        "-> weights mean square largest squares")
def amsgrad_update(a):
    """As Adam, with l = max(l, s) in the place of s: w = w - lr m̂ / (√l̂ + ε). Reddi et al. 2018.

    decoupled: decay w is not added to g, but lr decay w taken off w. Loshchilov & Hutter 2019.
    learning_rate to weight_decay (1,); counters int64: [0] the step;
    gradient, weights, mean, square, largest (n,) -> squares (2,)
    """
    n, beta1, beta2, epsilon = a[0], floats(a[3], 1)[0], floats(a[4], 1)[0], floats(a[5], 1)[0]
    step_size, root_scale = adam_scales(floats(a[2], 1)[0], beta1, beta2, longs(a[7], 1)[0])
    decay, shrink = decays(a[1], floats(a[2], 1)[0], floats(a[6], 1)[0])
    gradient, weights = floats(a[8], n), floats(a[9], n)
    mean, square, largest = floats(a[10], n), floats(a[11], n), floats(a[12], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        m = moving_average(beta1, mean[i], g)
        s = moving_average(beta2, square[i], g * g)
        high = largest[i] if largest[i] > s else s
        update = shrink * w + step_size * m / (np.sqrt(high) * root_scale + epsilon)
        mean[i], square[i], largest[i], weights[i] = m, s, high, w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[13], updates, squares)


@kernel("n learning_rate lr_decay weight_decay initial_accumulator_value epsilon counters "
        "gradient -> weights sum squares")
def adagrad_update(a):
    """s = s + g²;  w = w - lr / (1 + decay step) g / (√(s₀ + s) + ε). Duchi et al. 2011.

    learning_rate to epsilon (1,); counters int64: [0] the step;
    gradient, weights, sum (n,) -> squares (2,)
    """
    n, lr, lr_decay = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0]
    decay, initial, epsilon = floats(a[3], 1)[0], floats(a[4], 1)[0], floats(a[5], 1)[0]
    lr = np.float32(lr / (1.0 + np.float64(lr_decay) * longs(a[6], 1)[0]))
    gradient, weights, summed = floats(a[7], n), floats(a[8], n), floats(a[9], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        s = summed[i] + g * g
        update = lr * g / (np.sqrt(initial + s) + epsilon)
        summed[i], weights[i] = s, w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[10], updates, squares)


@kernel("n learning_rate rho epsilon weight_decay gradient -> weights square delta squares")
def adadelta_update(a):
    """s = ρ s + (1-ρ) g²;  u = √(d + ε) / √(s + ε) g;  d = ρ d + (1-ρ) u²;  w = w - lr u.

    Zeiler 2012, algorithm 1. learning_rate to weight_decay (1,);
    gradient, weights, square, delta (n,) -> squares (2,)
    """
    n, lr, rho = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0]
    epsilon, decay = floats(a[3], 1)[0], floats(a[4], 1)[0]
    gradient, weights = floats(a[5], n), floats(a[6], n)
    square, delta = floats(a[7], n), floats(a[8], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        s = moving_average(rho, square[i], g * g)
        u = np.sqrt(delta[i] + epsilon) / np.sqrt(s + epsilon) * g
        update = lr * u
        square[i], delta[i] = s, moving_average(rho, delta[i], u * u)
        weights[i] = w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[9], updates, squares)


@kernel("n learning_rate alpha epsilon momentum weight_decay gradient "
        "-> weights square velocity squares")
def rmsprop_update(a):
    """s = α s + (1-α) g²;  v = momentum v + g / (√s + ε);  w = w - lr v. Tieleman & Hinton 2012.

    learning_rate to weight_decay (1,); gradient, weights, square, velocity (n,) -> squares (2,)
    """
    n, lr, alpha, epsilon = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    momentum, decay = floats(a[4], 1)[0], floats(a[5], 1)[0]
    gradient, weights = floats(a[6], n), floats(a[7], n)
    square, velocity = floats(a[8], n), floats(a[9], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        s = moving_average(alpha, square[i], g * g)
        v = momentum * velocity[i] + g / (np.sqrt(s) + epsilon)
        update = lr * v
        square[i], velocity[i], weights[i] = s, v, w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[10], updates, squares)


@kernel("n learning_rate alpha epsilon momentum weight_decay gradient "
        "-> weights square mean velocity squares")
def rmsprop_centered_update(a):
    """s = α s + (1-α) g²;  m = α m + (1-α) g;  v = momentum v + g / (√(s - m²) + ε);  w = w - lr v.

    Graves 2013, eq. 38-42, with ε outside the root as in PyTorch. learning_rate to weight_decay
    (1,); gradient, weights, square, mean, velocity (n,) -> squares (2,)
    """
    n, lr, alpha, epsilon = a[0], floats(a[1], 1)[0], floats(a[2], 1)[0], floats(a[3], 1)[0]
    momentum, decay = floats(a[4], 1)[0], floats(a[5], 1)[0]
    gradient, weights, square = floats(a[6], n), floats(a[7], n), floats(a[8], n)
    mean, velocity = floats(a[9], n), floats(a[10], n)
    updates, squares = 0.0, 0.0
    for i in range(n):
        w = weights[i]
        g = gradient[i] + decay * w
        s = moving_average(alpha, square[i], g * g)
        m = moving_average(alpha, mean[i], g)
        variance = s - m * m
        # Below zero by rounding alone; a NaN goes through.
        variance = np.float32(0) if variance < np.float32(0) else variance
        v = momentum * velocity[i] + g / (np.sqrt(variance) + epsilon)
        update = lr * v
        square[i], mean[i], velocity[i], weights[i] = s, m, v, w - update
        updates += np.float64(update) * np.float64(update)
        squares += np.float64(w) * np.float64(w)
    write_squares(a[11], updates, squares)
