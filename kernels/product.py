"""Products of matrices, on arrays as they lie in memory.

The matrices of small networks fit the caches, where copying them into panels first, as a BLAS does,
costs more than it gives. The inner loop is a register tile (see simd.py), the loops around it are
those of Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.jit import floats, helper
from kernels.simd import FLOAT, INT, ROWS, TILE_COLUMNS, WIDTH, ZERO, Writer, copy_row
from kernels.transpose import transpose

TERM_BLOCK = 192
"""Terms per pass: so many rows of b, one tile wide, stay in the first-level cache."""


@intrinsic
def product_tile(typing_context, rows, columns, terms, a, a_start, a_row, a_term,
                 b, b_start, b_term, c, c_start, c_row, adds):
    """c[r c_row + j] = sum_k a[r a_row + k a_term] b[k b_term + j], added to c if `adds`.

    r < rows, one of ROWS; j < columns <= TILE_COLUMNS; k < terms.
    """
    size = types.intp
    signature = types.void(size, size, size, a, size, size, size, b, size, size, c, size, size,
                           types.boolean)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        (rows, columns, terms, a, a_start, a_row, a_term, b, b_start, b_term,
         c, c_start, c_row, adds) = writer.arguments
        a, b, c = writer.at(a, a_start), writer.at(b, b_start), writer.at(c, c_start)
        vectors = builder.sdiv(builder.add(columns, INT(WIDTH - 1)), INT(WIDTH))
        before_last = builder.mul(builder.sub(vectors, INT(1)), INT(WIDTH))
        mask = writer.first_lanes(builder.sub(columns, before_last))

        def tile(rows: int, vectors: int) -> None:
            a_at = [writer.apart(writer.at(a, builder.mul(INT(r), a_row))) for r in range(rows)]
            places = [(writer.at(c, builder.mul(INT(r), c_row), v * WIDTH),
                       mask if v == vectors - 1 else None)
                      for r in range(rows) for v in range(vectors)]

            def term(k, sums):
                b_at = writer.at(b, builder.mul(k, b_term))
                bs = [writer.load(writer.at(b_at, v * WIDTH), mask if v == vectors - 1 else None)
                      for v in range(vectors)]
                new = []
                for r in range(rows):
                    factor = writer.broadcast(writer.at(a_at[r], builder.mul(k, a_term)))
                    new += [writer.multiply_add(factor, bs[v], sums[r * vectors + v])
                            for v in range(vectors)]
                return new

            sums = writer.loop(INT(0), terms, 1, [ZERO] * len(places), term)
            with builder.if_then(adds):
                for value, place in zip(sums, places, strict=True):
                    writer.store(builder.fadd(value, writer.load(*place)), *place)
            with builder.if_then(builder.not_(adds)):
                for value, place in zip(sums, places, strict=True):
                    writer.store(value, *place)

        writer.for_each_tile(rows, vectors, tile)
        return context.get_dummy_value()

    return signature, generate


@helper
def tile_rows(left):
    """The tallest tile of no more than `left` rows."""
    for rows in ROWS:
        if rows <= left:
            return rows
    return 1


@helper
def tile_width(columns):
    """How many columns a tile should take, so that none has much fewer than the others."""
    tiles = (columns + TILE_COLUMNS - 1) // TILE_COLUMNS
    vectors = (columns + WIDTH - 1) // WIDTH
    return (vectors + tiles - 1) // tiles * WIDTH


@helper
def product(rows, columns, terms, a, a_start, a_row, a_term, b, b_start, b_term,
            c, c_start, c_row, adds):
    """c[r c_row + j] = sum_k a[r a_row + k a_term] b[k b_term + j], added to c if `adds`.

    r < rows, j < columns, k < terms; the arrays are flat.
    """
    step = tile_width(columns)
    for k in range(0, terms, TERM_BLOCK):
        for j in range(0, columns, step):
            r = 0
            while r < rows:
                height = tile_rows(rows - r)
                product_tile(height, min(step, columns - j), min(TERM_BLOCK, terms - k),
                             a, a_start + r * a_row + k * a_term, a_row, a_term,
                             b, b_start + k * b_term + j, b_term,
                             c, c_start + r * c_row + j, c_row, adds or k > 0)
                r += height


@intrinsic
def _stack_block(typing_context):
    """The address of TERM_BLOCK * TILE_COLUMNS floats on the stack of the calling function."""

    def generate(context, builder, signature, arguments):
        with builder.goto_entry_block():
            block = builder.alloca(ir.ArrayType(FLOAT, TERM_BLOCK * TILE_COLUMNS))
        block.align = 64
        return builder.ptrtoint(block, INT)

    return types.int64(), generate


@helper
def product_transposed(rows, columns, terms, a, b, bias, has_bias, c):
    """c[r, j] = bias[j] + sum_k a[r, k] b[j, k]; r < rows, j < columns, k < terms.

    Vectors run along the rows of a, a panel of which is transposed at a time, and what comes out is
    transposed back: of the three matrices, a and c are the small ones where b holds weights.
    """
    panel = floats(_stack_block(), TERM_BLOCK * TILE_COLUMNS)
    sums = floats(_stack_block(), TERM_BLOCK * TILE_COLUMNS)
    step = tile_width(rows)
    for r in range(0, rows, step):
        height = min(step, rows - r)
        for j in range(0, columns, TERM_BLOCK):
            width = min(TERM_BLOCK, columns - j)
            for u in range(width):
                start = bias[j + u] if has_bias else np.float32(0)
                sums[u * TILE_COLUMNS:u * TILE_COLUMNS + height] = start
            for k in range(0, terms, TERM_BLOCK):
                depth = min(TERM_BLOCK, terms - k)
                transpose(height, depth, a, r * terms + k, terms, panel, 0, TILE_COLUMNS)
                product(width, height, depth, b, j * terms + k, terms, 1, panel, 0, TILE_COLUMNS,
                        sums, 0, TILE_COLUMNS, True)
            transpose(width, height, sums, 0, TILE_COLUMNS, c, r * columns + j, columns)


@helper
def product_with_rows(rows, columns, terms, a, b, bias, has_bias, c):
    """c[r, j] = bias[j] + sum_k a[r, k] b[j, k]; r < rows, j < columns, k < terms.

    For a tall a: a panel of b is transposed at a time, and all of a goes past it.
    """
    panel = floats(_stack_block(), TERM_BLOCK * TILE_COLUMNS)
    step = tile_width(columns)
    for j in range(0, columns, step):
        width = min(step, columns - j)
        for k in range(0, terms, TERM_BLOCK):
            depth = min(TERM_BLOCK, terms - k)
            transpose(width, depth, b, j * terms + k, terms, panel, 0, TILE_COLUMNS)
            r = 0
            while r < rows:
                height = tile_rows(rows - r)
                if has_bias and k == 0:
                    for i in range(r, r + height):
                        copy_row(width, bias, j, 1, c, i * columns + j, 1)
                product_tile(height, width, depth, a, r * terms + k, terms, 1,
                             panel, 0, TILE_COLUMNS, c, r * columns + j, columns,
                             has_bias or k > 0)
                r += height


@helper
def product_of_columns(rows, columns, terms, a, b, c):
    """c[r, j] = sum_k a[k, r] b[k, j]; r < rows, j < columns, k < terms.

    Vectors run along the rows of b, but where those would fill few lanes, along those of a: what
    comes out is then transposed.
    """
    if 4 * columns <= WIDTH <= rows and rows * columns <= TERM_BLOCK * TILE_COLUMNS:
        sums = floats(_stack_block(), TERM_BLOCK * TILE_COLUMNS)
        product(columns, rows, terms, b, 0, 1, columns, a, 0, rows, sums, 0, rows, False)
        transpose(columns, rows, sums, 0, rows, c, 0, columns)
    else:
        product(rows, columns, terms, a, 0, 1, rows, b, 0, columns, c, 0, columns, False)
