"""Products of matrices, on arrays as they lie in memory.

The matrices of small networks fit the caches, where copying them into panels first, as a BLAS does,
costs more than it gives. The inner loop is a register tile (see vector_writer.py), the loops around
it are those of Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.jit import floats, helper
from kernels.simd import copy_row
from kernels.transpose import transpose
from kernels.vector_writer import FLOAT, INT, ROWS, TILE_COLUMNS, VECTORS, WIDTH, ZERO, Writer

TERM_BLOCK = 192
"""Terms per pass: so many rows of b, one tile wide, stay in the first-level cache."""
PACKED = 96
"""From so many rows on, packing their other factor first costs less than it gives."""
PACKED_FROM, BEYOND_CACHE = 32, 2**19
"""Fewer are enough where that factor, of so many floats, does not fit the second-level cache."""
FETCHED = 64
"""Bytes of a line of the caches."""
HEIGHT, ROW_BLOCK = ROWS[0], 128
"""Columns of a that are packed at a time: with TERM_BLOCK terms, they stay in the second level."""


def _tile_intrinsic(padded: bool, biased: bool = False, fetches: bool = False):
    """An intrinsic that multiplies a tile; `padded`: b goes on to the end of the last vector.

    Where it does not, what lies behind it is masked, which costs a tile a twentieth of its time.
    `fetches`: other memory comes into the second-level cache meanwhile, a line for two terms.
    """

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        (rows, columns, terms, a, a_start, a_row, a_term, b, b_start, b_term,
         c, c_start, c_row, *begins) = writer.arguments
        ahead = begins.pop() if fetches else None
        a, b, c = writer.at(a, a_start), writer.at(b, b_start), writer.at(c, c_start)
        vectors = builder.sdiv(builder.add(columns, INT(WIDTH - 1)), INT(WIDTH))
        before_last = builder.mul(builder.sub(vectors, INT(1)), INT(WIDTH))
        mask = writer.first_lanes(builder.sub(columns, before_last))

        def tile(rows: int, vectors: int) -> None:
            a_at = [writer.apart(writer.at(a, builder.mul(INT(r), a_row)))
                    for r in range(rows)]
            masks = [None] * (vectors - 1) + [mask]
            places = [(writer.at(c, builder.mul(INT(r), c_row), v * WIDTH), masks[v])
                      for r in range(rows) for v in range(vectors)]

            def term(k, sums):
                b_at = writer.at(b, builder.mul(k, b_term))
                bs = [writer.load(writer.at(b_at, v * WIDTH), None if padded else masks[v])
                      for v in range(vectors)]
                new = []
                for r in range(rows):
                    factor = writer.broadcast(writer.at(a_at[r], builder.mul(k, a_term)))
                    new += [writer.multiply_add(factor, bs[v], sums[r * vectors + v])
                            for v in range(vectors)]
                return new

            sums, pairs = [ZERO] * len(places), INT(0)
            if biased:
                sums = rows * [writer.load(writer.at(*begins, v * WIDTH), masks[v])
                               for v in range(vectors)]
            def pair(k, sums):
                if ahead is not None:
                    writer.fetch(builder.add(ahead, builder.mul(k, INT(FETCHED // 2))))
                return term(builder.add(k, INT(1)), term(k, sums))

            if padded and len(places) == HEIGHT * VECTORS:  # Fewer jumps in the largest tile.
                pairs = builder.and_(terms, INT(-2))
                sums = writer.loop(INT(0), pairs, 2, sums, pair)
            sums = writer.loop(pairs, terms, 1, sums, term)
            adds = ir.Constant(ir.IntType(1), 0) if biased else begins[0]
            with builder.if_then(adds):
                for value, place in zip(sums, places, strict=True):
                    writer.store(builder.fadd(value, writer.load(*place)), *place)
            with builder.if_then(builder.not_(adds)):
                for value, place in zip(sums, places, strict=True):
                    writer.store(value, *place)

        writer.for_each_tile(rows, vectors, tile)
        return context.get_dummy_value()

    size = types.intp

    def tile_product(typing_context, rows, columns, terms, a, a_start, a_row, a_term,
                     b, b_start, b_term, c, c_start, c_row, adds):
        return types.void(size, size, size, a, size, size, size, b, size, size, c, size,
                          size, types.boolean), generate

    def biased_product(typing_context, rows, columns, terms, a, a_start, a_row, a_term,
                       b, b_start, b_term, c, c_start, c_row, bias, bias_start):
        return types.void(size, size, size, a, size, size, size, b, size, size, c, size,
                          size, bias, size), generate

    def fetching_product(typing_context, rows, columns, terms, a, a_start, a_row, a_term,
                         b, b_start, b_term, c, c_start, c_row, adds, ahead):
        return types.void(size, size, size, a, size, size, size, b, size, size, c, size,
                          size, types.boolean, size), generate

    return intrinsic(fetching_product if fetches else biased_product if biased else tile_product)


#: product_tile(rows, columns, terms, a, a_start, a_row, a_term, b, b_start, b_term,
#: c, c_start, c_row, adds):
#: c[r c_row + j] = sum_k a[r a_row + k a_term] b[k b_term + j], added to c if `adds`.
#: r < rows, one of ROWS; j < columns <= TILE_COLUMNS; k < terms.
product_tile = _tile_intrinsic(padded=False)
#: The same, for a b that is packed.
panel_tile = _tile_intrinsic(padded=True)
#: The same; it fetches terms * FETCHED // 2 bytes from the address `ahead` on if it is the largest.
fetching_tile = _tile_intrinsic(padded=True, fetches=True)
#: As panel_tile, added to the row bias[bias_start + j]: it takes both instead of `adds`.
biased_tile = _tile_intrinsic(padded=True, biased=True)


@intrinsic
def pack_panel(typing_context, terms, columns, b, b_start, b_term, panel, panel_start):
    """panel[k TILE_COLUMNS + j] = b[k b_term + j], and 0 up to the end of the last vector.

    k < terms; j < columns <= TILE_COLUMNS
    """
    size = types.intp
    signature = types.void(size, size, b, size, size, panel, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        terms, columns, b, b_start, b_term, panel, panel_start = writer.arguments
        b, panel = writer.at(b, b_start), writer.at(panel, panel_start)
        vectors = builder.sdiv(builder.add(columns, INT(WIDTH - 1)), INT(WIDTH))
        after = builder.append_basic_block("packed")
        switch = builder.switch(vectors, after)
        for count in range(1, VECTORS + 1):
            block = builder.append_basic_block(f"pack_{count}")
            switch.add_case(INT(count), block)
            builder.position_at_end(block)
            mask = writer.first_lanes(builder.sub(columns, INT((count - 1) * WIDTH)))

            def row(k, sums, count=count, mask=mask):
                source = writer.at(b, builder.mul(k, b_term))
                to = writer.at(panel, builder.mul(k, INT(TILE_COLUMNS)))
                for v in range(count):
                    value = writer.load(writer.at(source, v * WIDTH),
                                        mask if v == count - 1 else None)
                    writer.store(value, writer.at(to, v * WIDTH))
                return sums

            writer.loop(INT(0), terms, 1, [], row)
            builder.branch(after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _pack_tiles(typing_context, tiles, terms, a, a_start, a_term, block):
    """block[t, k, i] = a[a_start + k a_term + t HEIGHT + i]: t < tiles, k < terms, i < HEIGHT.

    It goes through `a` row after row, as that lies in memory.
    """
    size = types.intp
    signature = types.void(size, size, a, size, size, block)
    vector = ir.VectorType(FLOAT, HEIGHT).as_pointer()

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        tiles, terms, a, a_start, a_term, block = writer.arguments
        size = builder.mul(terms, INT(HEIGHT))

        def term(k, sums):
            source = writer.at(a, a_start, builder.mul(k, a_term))
            to = writer.at(block, builder.mul(k, INT(HEIGHT)))

            def tile(t, sums):
                part = writer.at(source, builder.mul(t, INT(HEIGHT)))
                place = writer.at(to, builder.mul(t, size))
                value = builder.load(builder.bitcast(part, vector), align=4)
                builder.store(value, builder.bitcast(place, vector), align=4)
                return sums

            return writer.loop(INT(0), tiles, 1, sums, tile)

        writer.loop(INT(0), terms, 1, [], term)
        return context.get_dummy_value()

    return signature, generate


def _stack_intrinsic(size: int):
    """An intrinsic: the address of so many floats on the caller's stack."""

    def block(typing_context):
        def generate(context, builder, signature, arguments):
            with builder.goto_entry_block():
                block = builder.alloca(ir.ArrayType(FLOAT, size))
            block.align = 64
            return builder.ptrtoint(block, INT)

        return types.int64(), generate

    return intrinsic(block)


stack_block = _stack_intrinsic(TERM_BLOCK * TILE_COLUMNS)
_stack_rows, _stack_one = _stack_intrinsic(TERM_BLOCK * ROW_BLOCK), _stack_intrinsic(1)


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
def panel_product(rows, columns, terms, a, a_start, a_row, a_term, panel,
                  c, c_start, c_row, adds):
    """c[r c_row + j] = sum_k a[r a_row + k a_term] panel[k TILE_COLUMNS + j], added to c if `adds`.

    r < rows; j < columns <= TILE_COLUMNS; k < terms.
    """
    r = 0
    while r < rows:
        height = tile_rows(rows - r)
        panel_tile(height, columns, terms, a, a_start + r * a_row, a_row, a_term,
                   panel, 0, TILE_COLUMNS, c, c_start + r * c_row, c_row, adds)
        r += height


@helper
def product(rows, columns, terms, a, a_start, a_row, a_term, b, b_start, b_term,
            c, c_start, c_row, adds):
    """c[r c_row + j] = sum_k a[r a_row + k a_term] b[k b_term + j], added to c if `adds`.

    r < rows, j < columns, k < terms; the arrays are flat. For many rows, or a large b, b is packed.
    """
    panel = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
    step = tile_width(columns)
    packs = rows >= PACKED or (rows >= PACKED_FROM and terms * columns >= BEYOND_CACHE)
    for k in range(0, terms, TERM_BLOCK):
        depth = min(TERM_BLOCK, terms - k)
        for j in range(0, columns, step):
            width = min(step, columns - j)
            if packs:
                pack_panel(depth, width, b, b_start + k * b_term + j, b_term, panel, 0)
                panel_product(rows, width, depth, a, a_start + k * a_term, a_row, a_term, panel,
                              c, c_start + j, c_row, adds or k > 0)
                continue
            r = 0
            while r < rows:
                height = tile_rows(rows - r)
                product_tile(height, width, depth, a, a_start + r * a_row + k * a_term, a_row,
                             a_term, b, b_start + k * b_term + j, b_term,
                             c, c_start + r * c_row + j, c_row, adds or k > 0)
                r += height


@helper
def product_transposed(rows, columns, terms, a, b, bias, has_bias, c):
    """c[r, j] = bias[j] + sum_k a[r, k] b[j, k]; r < rows, j < columns, k < terms.

    Vectors run along the rows of a, a panel of which is transposed at a time, and what comes out is
    transposed back: of the three matrices, a and c are the small ones where b holds weights.
    """
    panel = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
    sums = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
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
                u = 0
                while u < width:
                    rise = tile_rows(width - u)
                    panel_tile(rise, height, depth, b, (j + u) * terms + k, terms, 1,
                               panel, 0, TILE_COLUMNS, sums, u * TILE_COLUMNS, TILE_COLUMNS, True)
                    u += rise
            transpose(width, height, sums, 0, TILE_COLUMNS, c, r * columns + j, columns)


@helper
def product_with_rows(rows, columns, terms, a, b, bias, has_bias, c):
    """c[r, j] = bias[j] + sum_k a[r, k] b[j, k]; r < rows, j < columns, k < terms.

    For a tall a: a panel of b is transposed at a time, and all of a goes past it.
    """
    panel = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
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
                panel_tile(height, width, depth, a, r * terms + k, terms, 1,
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
        sums = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
        product(columns, rows, terms, b, 0, 1, columns, a, 0, rows, sums, 0, rows, False)
        transpose(columns, rows, sums, 0, rows, c, 0, columns)
        return
    add_product_of_columns(rows, columns, terms, a, b, c, c, False, False)


@helper
def add_product_of_columns(rows, columns, terms, a, b, c, sums, has_sums, adds):
    """c[r, j] = sum_k a[k, r] b[k, j] and sums[j] = sum_k b[k, j], added to both if `adds`.

    r < rows, j < columns, k < terms. Both factors are packed, block by block: a column of `a`, read
    as it lies, would take a cache line for each number.
    """
    one = floats(_stack_one(), 1)
    one[0] = 1
    block = floats(_stack_rows(), TERM_BLOCK * ROW_BLOCK)
    panel = floats(stack_block(), TERM_BLOCK * TILE_COLUMNS)
    step = tile_width(columns)
    for k in range(0, terms, TERM_BLOCK):
        depth = min(TERM_BLOCK, terms - k)
        for first in range(0, rows, ROW_BLOCK):
            count = min(ROW_BLOCK, rows - first)
            _pack_columns(count, depth, a, k * rows + first, rows, block)
            for j in range(0, columns, step):
                width = min(step, columns - j)
                pack_panel(depth, width, b, k * columns + j, columns, panel, 0)
                r = 0
                while r < count:
                    height = tile_rows(count - r)
                    panel_tile(height, width, depth, block, r * depth, 1, height,
                               panel, 0, TILE_COLUMNS, c, (first + r) * columns + j, columns,
                               adds or k > 0)
                    r += height
                if has_sums and first == 0:
                    # As the product with a column of ones.
                    panel_tile(1, width, depth, one, 0, 0, 0, panel, 0, TILE_COLUMNS,
                               sums, j, 0, adds or k > 0)


@helper
def _pack_columns(count, terms, a, a_start, a_term, block):
    """block = columns of a, in tiles as high as `tile_rows` says, one after the other."""
    tiles = count // HEIGHT
    _pack_tiles(tiles, terms, a, a_start, a_term, block)
    r = tiles * HEIGHT
    while r < count:
        height = tile_rows(count - r)
        for k in range(terms):
            for i in range(height):
                block[r * terms + k * height + i] = a[a_start + k * a_term + r + i]
        r += height
