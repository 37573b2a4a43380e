"""Functions of two numbers with known minima, to watch optimizers on: a loss that one can draw.

`which` is a number of BOWL, ROSENBROCK, ...; every function is 0 where it is lowest.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, kernel, real

BOWL, ROSENBROCK, SADDLE, HIMMELBLAU, BEALE, WELLS = range(6)


@inline
def height(which, condition, x, y):
    """f(x, y); condition is the curvature of the bowl along y."""
    if which == BOWL:
        return 0.5 * (x * x + condition * y * y)
    if which == ROSENBROCK:
        return (1.0 - x) * (1.0 - x) + 100.0 * (y - x * x) * (y - x * x)
    if which == SADDLE:
        return 0.5 * x * x + 0.25 * (y * y - 1.0) * (y * y - 1.0)
    if which == HIMMELBLAU:
        a, b = x * x + y - 11.0, x + y * y - 7.0
        return a * a + b * b
    if which == WELLS:
        return ((x / 4.0 - 1.0 / 12.0) * x - 5.0 / 8.0) * x * x + 1625.0 / 3072.0 + 0.5 * y * y
    a = 1.5 - x + x * y
    b = 2.25 - x + x * y * y
    c = 2.625 - x + x * y * y * y
    return a * a + b * b + c * c


@inline
def slope(which, condition, x, y):
    """(∂f/∂x, ∂f/∂y)."""
    if which == BOWL:
        return x, condition * y
    if which == ROSENBROCK:
        return -2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)
    if which == SADDLE:
        return x, y * (y * y - 1.0)
    if which == HIMMELBLAU:
        a, b = x * x + y - 11.0, x + y * y - 7.0
        return 4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b
    if which == WELLS:
        return (x + 1.0) * x * (x - 1.25), y
    a = 1.5 - x + x * y
    b = 2.25 - x + x * y * y
    c = 2.625 - x + x * y * y * y
    dx = 2.0 * (a * (y - 1.0) + b * (y * y - 1.0) + c * (y * y * y - 1.0))
    dy = 2.0 * (a * x + b * 2.0 * x * y + c * 3.0 * x * y * y)
    return dx, dy


@kernel("batch total which condition count minima point -> loss metric")
def surface(a):
    """L = f(x, y), the mean over the batch; metric = the mean distance to the nearest minimum.

    minima (count, 2), point (batch, 2) -> loss (1,), metric (1,)
    """
    batch, total, which, condition, count = a[0], a[1], a[2], real(a[3]), a[4]
    minima, point = floats(a[5], 2 * count), floats(a[6], 2 * batch)
    loss, metric = floats(a[7], 1), floats(a[8], 1)
    heights, distances = 0.0, 0.0
    for i in range(batch):
        x, y = np.float64(point[2 * i]), np.float64(point[2 * i + 1])
        heights += height(which, condition, x, y)
        nearest = np.inf
        for k in range(count):
            dx, dy = x - minima[2 * k], y - minima[2 * k + 1]
            distance = dx * dx + dy * dy
            # The other way round, NaN would be left out.
            nearest = nearest if nearest <= distance else distance
        distances += np.sqrt(nearest)
    loss[0], metric[0] = heights / total, distances / total


@kernel("batch total which condition point -> dpoint")
def surface_backward(a):
    """∂(x, y) = ∇f / total.

    point, dpoint (batch, 2)
    """
    batch, total, which, condition = a[0], a[1], a[2], real(a[3])
    point, dpoint = floats(a[4], 2 * batch), floats(a[5], 2 * batch)
    for i in range(batch):
        dx, dy = slope(which, condition, np.float64(point[2 * i]), np.float64(point[2 * i + 1]))
        dpoint[2 * i], dpoint[2 * i + 1] = dx / total, dy / total
