"""Symbols, such as letters: whole numbers below a vocabulary, in float32 as all data.

A number that is no symbol (NaN, or outside the vocabulary) gives NaN and takes no gradient.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, ints, kernel, matrix
from kernels.product import add_product_of_columns
from kernels.simd import add_row, copy_row
from kernels.transpose import transpose


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


# What a table's row becomes needs to be computed once for each symbol of a vocabulary, however
# often it stands in the batch; and the gradients at all places of a symbol can be added up first.


@kernel("first steps longest batch width vocabulary lengths symbols projections b -> z")
def look_up_projections(a):
    """z[t] = projections[symbols[t]], of a few time steps; b where a sample has ended.

    symbols (batch, longest), projections (vocabulary, width), b (width,), z (steps, batch, width):
    the time steps from `first` on
    """
    first, steps, longest, batch, width, vocabulary = a[0], a[1], a[2], a[3], a[4], a[5]
    has_lengths, lengths, symbols = a[6] != 0, ints(a[6], batch), floats(a[7], batch * longest)
    b = floats(a[9], width)
    for t in range(steps):
        for i in range(batch):
            z = floats(a[10] + 4 * (t * batch + i) * width, width)
            if has_lengths and first + t >= lengths[i]:
                copy_row(width, b, 0, 1, z, 0, 1)
                continue
            row = symbol_of(symbols[i * longest + first + t], vocabulary)
            if row >= 0:
                copy_row(width, floats(a[8], vocabulary * width), row * width, 1, z, 0, 1)
            else:
                for j in range(width):
                    z[j] = np.nan


@kernel("first steps longest batch inputs units vocabulary begins ends symbols table dy "
        "-> picked sums dw db")
def symbol_weight_gradient(a):
    """∂w = ∂yᵀ table[symbols], ∂b = the sum of ∂y, a few time steps at a time.

    One that begins clears `picked`, in which they add ∂y up by symbol; one that ends gives
    ∂w = pickedᵀ table. symbols (batch, longest), table (vocabulary, inputs), dy (steps, batch,
    units): the time steps from `first` on -> picked (vocabulary, units), sums (inputs, units),
    dw (units, inputs), db (units,) or 0 for none
    """
    first, steps, longest, batch, inputs, units = a[0], a[1], a[2], a[3], a[4], a[5]
    vocabulary, begins, ends, symbols = a[6], a[7] != 0, a[8] != 0, floats(a[9], batch * longest)
    table, picked = floats(a[10], vocabulary * inputs), floats(a[12], vocabulary * units)
    dy = floats(a[11], steps * batch * units)
    if begins:
        for k in range(vocabulary * units):
            picked[k] = np.float32(0)
    for t in range(steps):
        for i in range(batch):
            row = symbol_of(symbols[i * longest + first + t], vocabulary)
            if row >= 0:
                add_row(units, dy, (t * batch + i) * units, 1, picked, row * units, 1)
    if ends:
        sums, dw = floats(a[13], inputs * units), floats(a[14], units * inputs)
        add_product_of_columns(inputs, units, vocabulary, table, picked, sums,
                               floats(a[15], units), a[15] != 0, False)
        transpose(inputs, units, sums, 0, units, dw, 0, inputs)
