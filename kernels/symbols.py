"""Symbols, such as letters: whole numbers below a vocabulary, in float32 as all data.

A number that is no symbol (NaN, or outside the vocabulary) gives NaN and takes no gradient.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, kernel, matrix


@inline
def symbol_of(x, vocabulary):
    """The nearest whole number, or -1 where it is outside the vocabulary."""
    known = x > np.float32(-0.5) and x < np.float32(vocabulary) - np.float32(0.5)
    return np.int64(x + np.float32(0.5)) if known else np.int64(-1)


@kernel("symbols vocabulary dimension x w -> y")
def embedding_forward(a):
    """y = w[x], the row of each symbol.

    x (symbols,), w (vocabulary, dimension) -> y (symbols, dimension)
    """
    symbols, vocabulary, dimension = a[0], a[1], a[2]
    x, w = floats(a[3], symbols), matrix(a[4], vocabulary, dimension)
    y = matrix(a[5], symbols, dimension)
    for i in range(symbols):
        row = symbol_of(x[i], vocabulary)
        if row < 0:
            for j in range(dimension):
                y[i, j] = np.nan
        else:
            for j in range(dimension):
                y[i, j] = w[row, j]


@kernel("symbols vocabulary dimension x dy -> dw")
def embedding_gradient(a):
    """∂w[s] = the sum of ∂y wherever x = s, in the order of the samples.

    x (symbols,), dy (symbols, dimension) -> dw (vocabulary, dimension)
    """
    symbols, vocabulary, dimension = a[0], a[1], a[2]
    x, dy = floats(a[3], symbols), matrix(a[4], symbols, dimension)
    dw, flat = matrix(a[5], vocabulary, dimension), floats(a[5], vocabulary * dimension)
    for i in range(vocabulary * dimension):
        flat[i] = np.float32(0)
    for i in range(symbols):
        row = symbol_of(x[i], vocabulary)
        if row >= 0:
            for j in range(dimension):
                dw[row, j] += dy[i, j]


@kernel("symbols vocabulary x -> y")
def one_hot(a):
    """y[i, x] = 1, else 0.

    x (symbols,) -> y (symbols, vocabulary)
    """
    symbols, vocabulary = a[0], a[1]
    x, y = floats(a[2], symbols), matrix(a[3], symbols, vocabulary)
    for i in range(symbols):
        symbol = symbol_of(x[i], vocabulary)
        others = np.float32(0) if symbol >= 0 else np.float32(np.nan)
        for j in range(vocabulary):
            y[i, j] = others
        if symbol >= 0:
            y[i, symbol] = np.float32(1)
