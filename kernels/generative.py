"""Losses of networks that make samples: they judge what comes in and compare it with nothing.

`total` counts the samples of the whole step, as in `kernels.loss`; n = batch · features.
"""

from __future__ import annotations

import numpy as np

from kernels import vector_math
from kernels.jit import floats, kernel, real

ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)


@kernel("n total features mean log_variance -> loss metric")
def gaussian_kl(a):
    """L = ½ Σ (μ² + σ² - 1 - log σ²), the mean over the batch; metric = mean |μ|.

    D_KL(N(μ, σ) || N(0, 1)), Kingma and Welling 2014, appendix B. mean μ, log_variance log σ² (n,)
    -> loss (1,), metric (1,)
    """
    n, total, features = a[0], a[1], a[2]
    mean, log_variance = floats(a[3], n), floats(a[4], n)
    loss, metric = floats(a[5], 1), floats(a[6], 1)
    summed, sizes = 0.0, 0.0
    for i in range(n):
        mu, logarithm = np.float64(mean[i]), np.float64(log_variance[i])
        variance = np.float64(vector_math.exp(log_variance[i]))
        summed += mu * mu + (variance - 1.0 - logarithm)
        sizes += np.abs(mu)
    loss[0], metric[0] = 0.5 * summed / total, sizes / (total * features)


@kernel("n total mean -> dmean")
def gaussian_kl_backward_mean(a):
    """∂μ = μ / total.

    mean, dmean (n,)
    """
    n, scale = a[0], np.float32(1 / a[1])
    mean, dmean = floats(a[2], n), floats(a[3], n)
    for i in range(n):
        dmean[i] = mean[i] * scale


@kernel("n total log_variance -> dlog_variance")
def gaussian_kl_backward_variance(a):
    """∂log σ² = ½ (σ² - 1) / total.

    log_variance, dlog_variance (n,)
    """
    n, scale = a[0], np.float32(0.5 / a[1])
    log_variance, gradient = floats(a[2], n), floats(a[3], n)
    for i in range(n):
        gradient[i] = (vector_math.exp(log_variance[i]) - ONE) * scale


@kernel("n count sign scale score -> loss")
def mean_softplus(a):
    """L = scale · log(1 + e^(sign · x)), the sum over n scores / count.

    Minus the logarithm of a probability p = 1 / (1 + e⁻ˣ) or 1 - p. score x (n,) -> loss (1,)
    """
    n, count, sign, scale = a[0], a[1], np.float32(real(a[2])), real(a[3])
    score, loss = floats(a[4], n), floats(a[5], 1)
    summed = 0.0
    for i in range(n):
        summed += vector_math.softplus(sign * score[i])
    loss[0] = scale * summed / count


@kernel("n count sign scale score -> dscore")
def mean_softplus_backward(a):
    """∂x = scale · sign / (1 + e^(-sign · x)) / count.

    score x, dscore (n,)
    """
    n, sign, factor = a[0], np.float32(real(a[2])), np.float32(real(a[2]) * real(a[3]) / a[1])
    score, dscore = floats(a[4], n), floats(a[5], n)
    for i in range(n):
        dscore[i] = vector_math.sigmoid(sign * score[i]) * factor


@kernel("n count goal score -> loss")
def mean_squared_distance(a):
    """L = ½ (x - goal)², the sum over n scores / count.

    score x (n,) -> loss (1,)
    """
    n, count, goal = a[0], a[1], real(a[2])
    score, loss = floats(a[3], n), floats(a[4], 1)
    summed = 0.0
    for i in range(n):
        distance = np.float64(score[i]) - goal
        summed += distance * distance
    loss[0] = 0.5 * summed / count


@kernel("n count goal score -> dscore")
def mean_squared_distance_backward(a):
    """∂x = (x - goal) / count.

    score x, dscore (n,)
    """
    n, scale, goal = a[0], np.float32(1 / a[1]), np.float32(real(a[2]))
    score, dscore = floats(a[3], n), floats(a[4], n)
    for i in range(n):
        dscore[i] = (score[i] - goal) * scale


@kernel("n count sign score -> mean")
def signed_mean(a):
    """mean = sign · Σ x / count over n scores.

    score x (n,) -> mean (1,)
    """
    n, count, sign = a[0], a[1], real(a[2])
    score, mean = floats(a[3], n), floats(a[4], 1)
    summed = 0.0
    for i in range(n):
        summed += np.float64(score[i])
    mean[0] = sign * summed / count


@kernel("n count boundary below score -> share")
def share_beyond(a):
    """share = of n scores those above the boundary, or (below = 1) the others, / count.

    score (n,) -> share (1,)
    """
    n, count, boundary, below = a[0], a[1], np.float32(real(a[2])), a[3]
    score, share = floats(a[4], n), floats(a[5], 1)
    found = 0
    for i in range(n):
        found += score[i] > boundary
    share[0] = (n - found if below else found) / count
