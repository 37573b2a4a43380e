"""Products with a matrix that is used again and again, as the weights of a recurrent step.

It is packed once, in *panels* as wide as a tile: what a tile reads is then contiguous and
stays in the first-level cache. BLAS would pack it anew in every product: for 32 rows x 128 terms x
512 columns that costs as much as the product itself.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, helper, inline, ints, kernel
from kernels.product import tile_rows, tile_width
from kernels.simd import TILE_COLUMNS, multiply_tile

TERM_BLOCK = 128
"""Terms per pass: so many rows of a panel are half of the first-level cache."""


def packed_size(rows: int, terms: int, columns: int) -> int:
    """Floats of a packed (terms, columns), for products with (rows, terms); tables included."""
    return -(-columns // TILE_COLUMNS) * terms * TILE_COLUMNS + 2 * (rows + terms)


@inline
def panels_size(terms, columns):
    """Floats of the panels alone."""
    return (columns + TILE_COLUMNS - 1) // TILE_COLUMNS * terms * TILE_COLUMNS


@helper
def fill_tables(rows, terms, columns, packed):
    """Where the terms and rows of the factors and of the product stand; behind the panels."""
    at = packed + 4 * panels_size(terms, columns)
    panel_terms, x_terms = ints(at, terms), ints(at + 4 * terms, terms)
    x_rows, y_rows = ints(at + 8 * terms, rows), ints(at + 8 * terms + 4 * rows, rows)
    for k in range(terms):
        panel_terms[k], x_terms[k] = k * TILE_COLUMNS, k
    for r in range(rows):
        x_rows[r], y_rows[r] = r * terms, r * columns


@kernel("rows terms columns w -> packed")
def pack(a):
    """packed = w in panels.

    w (terms, columns), packed (packed_size,); rows: of the matrices that it will be multiplied with
    """
    rows, terms, columns, source, packed = a[0], a[1], a[2], a[3], a[4]
    step = tile_width(columns)
    for first in range(0, columns, step):
        width, start = min(step, columns - first), first // step * terms
        for k in range(terms):
            w = floats(source + 4 * (k * columns + first), width)
            panel = floats(packed + 4 * (start + k) * TILE_COLUMNS, TILE_COLUMNS)
            for j in range(width):
                panel[j] = w[j]
            for j in range(width, TILE_COLUMNS):
                panel[j] = np.float32(0)
    fill_tables(rows, terms, columns, packed)


@kernel("rows terms columns w -> packed")
def pack_transposed(a):
    """packed = wᵀ in panels.

    w (columns, terms), packed (packed_size,); rows: of the matrices that it will be multiplied with
    """
    rows, terms, columns, source, packed = a[0], a[1], a[2], a[3], a[4]
    step = tile_width(columns)
    for first in range(0, columns, step):
        width = min(step, columns - first)
        panel = floats(packed + 4 * (first // step * terms) * TILE_COLUMNS, terms * TILE_COLUMNS)
        for j in range(TILE_COLUMNS):
            if j < width:
                w = floats(source + 4 * (first + j) * terms, terms)
                for k in range(terms):
                    panel[k * TILE_COLUMNS + j] = w[k]
            else:
                for k in range(terms):
                    panel[k * TILE_COLUMNS + j] = np.float32(0)
    fill_tables(rows, terms, columns, packed)


@helper
def add_product(rows, terms, columns, x, packed, y):
    """y += x w for a packed w (terms, columns); all are addresses.

    x (rows, terms), y (rows, columns)
    """
    size, step = panels_size(terms, columns), tile_width(columns)
    panels, at = floats(packed, size), packed + 4 * size
    panel_terms, x_terms = ints(at, terms), ints(at + 4 * terms, terms)
    x_rows, y_rows = ints(at + 8 * terms, rows), ints(at + 8 * terms + 4 * rows, rows)
    left, product = floats(x, rows * terms), floats(y, rows * columns)
    for k in range(0, terms, TERM_BLOCK):
        for t in range(0, columns, step):
            r = 0
            while r < rows:
                height = tile_rows(rows - r)
                multiply_tile(height, min(step, columns - t), min(TERM_BLOCK, terms - k),
                              panels, t // step * terms * TILE_COLUMNS, panel_terms[k:],
                              left, 0, x_terms[k:], x_rows[r:], product, t, y_rows[r:])
                r += height
