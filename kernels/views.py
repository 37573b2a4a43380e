"""Arrays seen along other axes: what permuting, slicing and NumPy's broadcasting come down to.

A *view* says how six nested loops walk through two arrays: how often each loop turns, and how far
each turn steps through x and through y. A step of 0 stays: that repeats values of x, or sums
into y.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernels.jit import floats, inline, ints, kernel, real


class View(NamedTuple):
    """n: turns of each loop, outermost first; x, y: the steps. The first operands of each kernel.

    x_start, y_start: where to begin. x_size, y_size: how many values the arrays hold.
    """

    n0: int
    n1: int
    n2: int
    n3: int
    n4: int
    n5: int
    x0: int
    x1: int
    x2: int
    x3: int
    x4: int
    x5: int
    y0: int
    y1: int
    y2: int
    y3: int
    y4: int
    y5: int
    x_start: int
    y_start: int
    x_size: int
    y_size: int


AXES = 6
VIEW = " ".join(View._fields)
SIZES = len(View._fields)


@inline
def view(a):
    return View(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12],
                a[13], a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21])


@inline
def rows(g):
    """Turns of all loops but the innermost."""
    return g.n0 * g.n1 * g.n2 * g.n3 * g.n4


@inline
def starts(g, row):
    """Where the innermost loop begins in x and in y, the `row`-th time."""
    at, to = g.x_start, g.y_start
    row, i = row // g.n4, row % g.n4
    at, to = at + i * g.x4, to + i * g.y4
    row, i = row // g.n3, row % g.n3
    at, to = at + i * g.x3, to + i * g.y3
    row, i = row // g.n2, row % g.n2
    at, to = at + i * g.x2, to + i * g.y2
    row, i = row // g.n1, row % g.n1
    return at + i * g.x1 + row * g.x0, to + i * g.y1 + row * g.y0


@kernel(f"{VIEW} x -> y")
def copy_view(a):
    """y = x, along other axes.

    x (x_size,), y (y_size,)
    """
    g = view(a)
    x, y = floats(a[SIZES], g.x_size), floats(a[SIZES + 1], g.y_size)
    for row in range(rows(g)):
        at, to = starts(g, row)
        for j in range(g.n5):
            y[to + j * g.y5] = x[at + j * g.x5]


@kernel(f"{VIEW} scale x -> y")
def add_view(a):
    """y = y + scale x; where y is smaller than x, the sum over its axes.

    x (x_size,), y (y_size,)
    """
    g = view(a)
    scale = np.float32(real(a[SIZES]))
    x, y = floats(a[SIZES + 1], g.x_size), floats(a[SIZES + 2], g.y_size)
    for row in range(rows(g)):
        at, to = starts(g, row)
        if g.y5 == 0:
            total = np.float32(0)
            for j in range(g.n5):
                total += x[at + j * g.x5]
            y[to] += scale * total
        else:
            for j in range(g.n5):
                y[to + j * g.y5] += scale * x[at + j * g.x5]


@kernel(f"{VIEW} x -> y")
def multiply_view(a):
    """y = y x.

    x (x_size,), y (y_size,)
    """
    g = view(a)
    x, y = floats(a[SIZES], g.x_size), floats(a[SIZES + 1], g.y_size)
    for row in range(rows(g)):
        at, to = starts(g, row)
        for j in range(g.n5):
            y[to + j * g.y5] *= x[at + j * g.x5]


@kernel(f"{VIEW} number x -> y winner")
def maximum_view(a):
    """y = max(y, x); winner = number where x is larger, or NaN.

    x (x_size,), y (y_size,), winner (y_size,) int32
    """
    g = view(a)
    number = np.int32(a[SIZES])
    x, y = floats(a[SIZES + 1], g.x_size), floats(a[SIZES + 2], g.y_size)
    winner = ints(a[SIZES + 3], g.y_size)
    for row in range(rows(g)):
        at, to = starts(g, row)
        for j in range(g.n5):
            value, place = x[at + j * g.x5], to + j * g.y5
            if value > y[place] or value != value:
                y[place] = value
                winner[place] = number


@kernel(f"{VIEW} number winner dy -> dx")
def maximum_view_backward(a):
    """dx = dx + dy where winner = number.

    winner int32, dy (x_size,), dx (y_size,)
    """
    g = view(a)
    number = np.int32(a[SIZES])
    winner, dy = ints(a[SIZES + 1], g.x_size), floats(a[SIZES + 2], g.x_size)
    dx = floats(a[SIZES + 3], g.y_size)
    for row in range(rows(g)):
        at, to = starts(g, row)
        for j in range(g.n5):
            if winner[at + j * g.x5] == number:
                dx[to + j * g.y5] += dy[at + j * g.x5]
