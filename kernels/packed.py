"""Products with a matrix that is used again and again, as the weights of a recurrent step.

It is packed once, in *panels* as wide as a tile: what a tile reads is then contiguous and
stays in the first-level cache. BLAS would pack it anew in every product: for 32 rows x 128 terms x
512 columns that costs as much as the product itself.
"""

from __future__ import annotations

from kernels.jit import floats, helper, inline, kernel
from kernels.product import (
    FETCHED,
    biased_tile,
    fetching_tile,
    pack_panel,
    panel_tile,
    tile_rows,
    tile_width,
)
from kernels.transpose import transpose
from kernels.vector_writer import TILE_COLUMNS

TERM_BLOCK, ROW_BLOCK = 128, 32
"""Terms per pass: so many rows of a panel are half of the first-level cache; rows per pass."""


def packed_size(terms: int, columns: int) -> int:
    """Floats of a packed (terms, columns)."""
    return -(-columns // TILE_COLUMNS) * terms * TILE_COLUMNS


@kernel("terms columns w -> packed")
def pack(a):
    """packed = w in panels.

    w (terms, columns), packed (packed_size,)
    """
    terms, columns, step = a[0], a[1], tile_width(a[1])
    w, packed = floats(a[2], terms * columns), floats(a[3], panels_size(terms, columns))
    for j in range(0, columns, step):
        pack_panel(terms, min(step, columns - j), w, j, columns,
                   packed, j // step * terms * TILE_COLUMNS)


@kernel("terms columns w -> packed")
def pack_transposed(a):
    """packed = wᵀ in panels.

    w (columns, terms), packed (packed_size,)
    """
    terms, columns, step = a[0], a[1], tile_width(a[1])
    w, packed = floats(a[2], terms * columns), floats(a[3], panels_size(terms, columns))
    for j in range(0, columns, step):
        transpose(min(step, columns - j), terms, w, j * terms, terms,
                  packed, j // step * terms * TILE_COLUMNS, TILE_COLUMNS)


@inline
def panels_size(terms, columns):
    """packed_size, for kernels."""
    return (columns + TILE_COLUMNS - 1) // TILE_COLUMNS * terms * TILE_COLUMNS


@helper
def add_product(rows, terms, columns, x, packed, y):
    """y += x w for a packed w (terms, columns); all are addresses.

    x (rows, terms), y (rows, columns)
    """
    near = packed
    add_product_and_fetch(rows, terms, columns, x, packed, y, near, 0, (near, near, near), 0)


@helper
def add_product_and_fetch(rows, terms, columns, x, packed, y, ahead, bytes_ahead, others, size):
    """y += x w, while what is wanted next comes from far memory: all at once would have to wait.

    As add_product. ahead: the address of so many bytes; others: those of arrays of `size` bytes.
    """
    panels, step = floats(packed, panels_size(terms, columns)), tile_width(columns)
    left, product = floats(x, rows * terms), floats(y, rows * columns)
    end, number = ahead + bytes_ahead, 0
    for k in range(0, terms, TERM_BLOCK):
        depth = min(TERM_BLOCK, terms - k)
        for j in range(0, columns, step):
            width, start = min(step, columns - j), (j // step * terms + k) * TILE_COLUMNS
            r = 0
            while r < rows:
                height = tile_rows(rows - r)
                fetching_tile(height, width, depth, left, r * terms + k, terms, 1,
                              panels, start, TILE_COLUMNS, product, r * columns + j, columns, True,
                              ahead)
                r += height
                ahead += depth * FETCHED // 2
                if ahead >= end:
                    ahead = others[number] if number < len(others) else packed  # That is near.
                    end, number = ahead + size, number + 1


@helper
def biased_product(rows, terms, columns, x, packed, bias, y):
    """y = x w + bias for a packed w (terms, columns); x, packed and y are addresses.

    x (rows, terms), bias (columns,), y (rows, columns)
    """
    panels, step = floats(packed, panels_size(terms, columns)), tile_width(columns)
    left, product = floats(x, rows * terms), floats(y, rows * columns)
    # A few rows at a time, so that y is gone through as it lies in memory.
    for first in range(0, rows, ROW_BLOCK):
        end = min(first + ROW_BLOCK, rows)
        for k in range(0, terms, TERM_BLOCK):
            depth = min(TERM_BLOCK, terms - k)
            for j in range(0, columns, step):
                width, start = min(step, columns - j), (j // step * terms + k) * TILE_COLUMNS
                r = first
                while r < end:
                    height = tile_rows(end - r)
                    if k == 0:
                        biased_tile(height, width, depth, left, r * terms, terms, 1, panels, start,
                                    TILE_COLUMNS, product, r * columns + j, columns, bias, j)
                    else:
                        panel_tile(height, width, depth, left, r * terms + k, terms, 1, panels,
                                   start, TILE_COLUMNS, product, r * columns + j, columns, True)
                    r += height
