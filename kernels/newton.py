"""Second derivatives, and the steps that they allow: Newton's and that of least squares.

Sums and solutions are in float64: what is inverted is often close to singular.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import doubles, floats, helper, ints, kernel, matrix, real

STEP = np.float32(0.01)
"""How far a weight is moved to measure, times max(1, |w|). Less drowns in the rounding of float32,
more meets third derivatives."""
_TRIES = 40


@kernel("first count start -> places")
def list_places(a):
    """places[first + i] = start + i: where each parameter stands among all gradients.

    places (n,) int32
    """
    first, count, start = a[0], a[1], a[2]
    places = ints(a[3], first + count)
    for i in range(count):
        places[first + i] = np.int32(start + i)


@kernel("direction -> weight probe")
def move_weight(a):
    """w = w₀ + direction · h, with h = max(1, |w₀|) / 100; back at 0 it is w₀ again.

    weight (1,), probe (2,): w₀, which direction 1 takes down, and how far -1 is from 1
    """
    direction = a[0]
    weight, probe = floats(a[1], 1), floats(a[2], 2)
    if direction == 1:
        probe[0] = weight[0]
    step = STEP * max(np.float32(1), abs(probe[0]))
    moved = probe[0] + np.float32(direction) * step
    if direction == -1:
        probe[1] = weight[0] - moved  # as far as rounding has it
    weight[0] = moved if direction != 0 else probe[0]


@kernel("row n gradient places -> hessian")
def keep_gradient(a):
    """hessian[row, j] = gⱼ, measured with the weight moved up.

    gradient: all parameters and the gaps between; places (n,) int32, hessian (n, n)
    """
    row, n = a[0], a[1]
    places, hessian = ints(a[3], n), matrix(a[4], n, n)
    gradient = floats(a[2], places[n - 1] + 1)
    for j in range(n):
        hessian[row, j] = gradient[places[j]]


@kernel("row n probe gradient places -> hessian")
def difference_gradient(a):
    """hessian[row, j] = (hessian[row, j] - gⱼ) / 2h, with gⱼ measured with the weight moved down.

    probe (2,): [1] is 2h; gradient: all parameters and the gaps between; places (n,) int32
    """
    row, n, distance = a[0], a[1], floats(a[2], 2)[1]
    places, hessian = ints(a[4], n), matrix(a[5], n, n)
    gradient = floats(a[3], places[n - 1] + 1)
    for j in range(n):
        hessian[row, j] = (hessian[row, j] - gradient[places[j]]) / distance


@helper
def cholesky(a, damping, lower, n):
    """a + damping I = lower lowerᵀ; False where that has no root. a, lower (n, n) as rows."""
    for i in range(n):
        for j in range(i + 1):
            total = a[i * n + j]
            if i == j:
                total += damping
            for k in range(j):
                total -= lower[i * n + k] * lower[j * n + k]
            if i == j:
                if not total > 1e-14 * (abs(a[i * n + i]) + damping):
                    return False
                lower[i * n + i] = np.sqrt(total)
            else:
                lower[i * n + j] = total / lower[j * n + j]
    return True


@helper
def damped_cholesky(a, damping, least, lower, n):
    """As `cholesky`, with more damping where it takes more: at least that share of the largest
    value on the diagonal, four times as much until there is a root, and then twice that, so that
    no direction is left almost flat. Compare Nocedal & Wright 2006, algorithm 3.3.

    What is not finite has no root however large the damping: then `lower` becomes NaN.
    """
    largest = 0.0
    for i in range(n):
        largest = max(largest, abs(a[i * n + i]))
    if cholesky(a, damping, lower, n):
        return
    more = max(damping, least * largest, 1e-12)
    for _ in range(_TRIES):
        if cholesky(a, more, lower, n):
            cholesky(a, 2.0 * more, lower, n)
            return
        more *= 4.0
    for i in range(n * n):
        lower[i] = np.nan


@helper
def solve(lower, x, n):
    """x = (lower lowerᵀ)⁻¹ x, in place."""
    for i in range(n):
        for k in range(i):
            x[i] -= lower[i * n + k] * x[k]
        x[i] /= lower[i * n + i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= lower[k * n + i] * x[k]
        x[i] /= lower[i * n + i]


@kernel("n damping hessian gradient places -> direction factors")
def newton_direction(a):
    """d = (H + λ I)⁻¹ g, with λ = damping, or more where H + λ I would not be positive.

    Nocedal & Wright 2006, section 3.4. damping (1,), hessian (n, n), gradient: all parameters and
    the gaps between, places (n,) int32 -> direction, as long as gradient; factors (2 n² + n,)
    float64 to work in
    """
    n, damping = a[0], np.float64(floats(a[1], 1)[0])
    hessian, places = matrix(a[2], n, n), ints(a[4], n)
    gradient, direction = floats(a[3], places[n - 1] + 1), floats(a[5], places[n - 1] + 1)
    factors = doubles(a[6], 2 * n * n + n)
    h, lower, d = factors[:n * n], factors[n * n:2 * n * n], factors[2 * n * n:]
    for i in range(n):
        d[i] = gradient[places[i]]
        for j in range(n):
            h[i * n + j] = (np.float64(hessian[i, j]) + np.float64(hessian[j, i])) / 2.0
    damped_cholesky(h, damping, 1e-5, lower, n)  # H was measured to about as much
    solve(lower, d, n)
    for i in range(n):
        direction[places[i]] = d[i]


@kernel("n share learning_rate start direction -> weights")
def try_step(a):
    """w = w₀ - share · lr · d.

    share: one of 1, ½, ¼, ...; learning_rate (1,); start w₀, direction, weights (n,)
    """
    n, rate = a[0], np.float32(real(a[1])) * floats(a[2], 1)[0]
    start, direction, weights = floats(a[3], n), floats(a[4], n), floats(a[5], n)
    for i in range(n):
        weights[i] = start[i] - rate * direction[i]


@kernel("share loss -> best")
def keep_best(a):
    """best = (loss, share) if the loss is below the best so far; the share 0 begins.

    loss (1,), best (2,)
    """
    share, loss, best = np.float32(real(a[0])), floats(a[1], 1)[0], floats(a[2], 2)
    if share == np.float32(0) or loss < best[0]:
        best[0], best[1] = loss, share


@kernel("n best -> direction")
def take_best(a):
    """d = share · d, with the share that gave the lowest loss.

    best (2,): [1] is the share; direction (n,)
    """
    n, share = a[0], floats(a[1], 2)[1]
    direction = floats(a[2], n)
    for i in range(n):
        direction[i] *= share


@kernel("batch inputs outputs bias weight x -> hessian")
def least_squares_hessian(a):
    """H = 2 weight / (batch · outputs) · aᵀ a, where a is x, with a column of ones for a bias.

    weight: of the loss; x (batch, inputs) -> hessian (k, k) float64 with k = inputs + bias, the
    same for each output
    """
    batch, inputs, outputs, bias, weight = a[0], a[1], a[2], a[3], real(a[4])
    x, k = matrix(a[5], batch, inputs), inputs + bias
    hessian = doubles(a[6], k * k)
    for i in range(k * k):
        hessian[i] = 0.0
    for s in range(batch):
        for i in range(inputs):
            value = np.float64(x[s, i])
            for j in range(i + 1):
                hessian[i * k + j] += value * x[s, j]
        if bias != 0:
            for j in range(inputs):
                hessian[inputs * k + j] += x[s, j]
            hessian[k * k - 1] += 1.0
    scale = 2.0 * weight / (np.float64(batch) * outputs)
    for i in range(k * k):
        hessian[i] *= scale


@kernel("inputs outputs bias damping hessian dw db -> direction_w direction_b factors")
def least_squares_direction(a):
    """d = (H + λ I)⁻¹ g for each output, with λ = damping or as much more as H needs.

    damping (1,), hessian (k, k) float64, k = inputs + bias; dw, direction_w (outputs, inputs);
    db, direction_b (outputs,) or 0; factors (k² + k,) float64 to work in
    """
    inputs, outputs, bias, damping = a[0], a[1], a[2], np.float64(floats(a[3], 1)[0])
    k = inputs + bias
    hessian, dw, db = doubles(a[4], k * k), matrix(a[5], outputs, inputs), a[6]
    direction_w, direction_b = matrix(a[7], outputs, inputs), a[8]
    factors = doubles(a[9], k * k + k)
    lower, d = factors[:k * k], factors[k * k:]
    damped_cholesky(hessian, damping, 1e-10, lower, k)
    for u in range(outputs):
        for i in range(inputs):
            d[i] = dw[u, i]
        if bias != 0:
            d[inputs] = floats(db, outputs)[u]
        solve(lower, d, k)
        for i in range(inputs):
            direction_w[u, i] = d[i]
        if bias != 0:
            floats(direction_b, outputs)[u] = d[inputs]
