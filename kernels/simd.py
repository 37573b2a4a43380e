"""Vector code that LLVM does not find by itself: copies, column sums, convolution's inner loops.

Arrays come flat, each followed by the index at which to start; tiles are those of vector_writer.py.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.vector_writer import INT, MASK, WIDTH, ZERO, Writer, for_each_vector


def _row_intrinsic(adds: bool):
    """An intrinsic that copies a row, or adds it."""

    def row(typing_context, n, source, source_start, source_stride, to, to_start, to_stride):
        size = types.intp
        signature = types.void(size, source, size, size, to, size, size)

        def generate(context, builder, signature, arguments):
            writer = Writer(context, builder, signature, arguments)
            n, source, source_start, source_stride, to, to_start, to_stride = writer.arguments
            source, to = writer.at(source, source_start), writer.at(to, to_start)

            def neighbours(i, mask):
                value = writer.load(writer.at(source, i), mask)
                if adds:
                    value = builder.fadd(value, writer.load(writer.at(to, i), mask))
                writer.store(value, writer.at(to, i), mask)

            def strided(i, mask):
                value = writer.gather(source, i, source_stride, mask)
                if adds:
                    value = builder.fadd(value, writer.gather(to, i, to_stride, mask))
                writer.scatter(value, to, i, to_stride, mask)

            product = builder.mul(source_stride, to_stride)
            with builder.if_else(builder.icmp_signed("==", product, INT(1))) as (then, otherwise):
                with then:
                    for_each_vector(writer, n, neighbours)
                with otherwise:
                    for_each_vector(writer, n, strided)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(row)


#: copy_row(n, source, source_start, source_stride, to, to_start, to_stride):
#: to[to_stride j] = source[source_stride j] for j < n. Made for rows of a few dozen.
copy_row = _row_intrinsic(adds=False)
#: The same with +=.
add_row = _row_intrinsic(adds=True)


@intrinsic
def sum_rows(typing_context, rows, columns, x, y):
    """y[j] = sum_i x[i columns + j]."""
    signature = types.void(types.intp, types.intp, x, y)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        rows, columns, x, y = writer.arguments

        def vector(j, mask):
            def row(i, sums):
                value = writer.load(writer.at(x, builder.mul(i, columns), j), mask)
                return [builder.fadd(sums[0], value)]

            (total,) = writer.loop(INT(0), rows, 1, [ZERO], row)
            writer.store(total, writer.at(y, j), mask)

        for_each_vector(writer, columns, vector)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def multiply_tile(typing_context, rows, columns, taps, x, x_start, x_taps, w, w_start, w_taps,
                  w_rows, y, y_start, y_rows):
    """y[y_rows[r] + t] += sum_k w[w_rows[r] + w_taps[k]] x[x_taps[k] + t].

    r < rows, one of ROWS; t < columns <= TILE_COLUMNS; k < taps. The rows of y do not overlap.
    Reads of x go on to the end of the last vector.
    """
    size = types.intp
    signature = types.void(size, size, size, x, size, x_taps, w, size, w_taps, w_rows,
                           y, size, y_rows)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        (rows, columns, taps, x, x_start, x_taps, w, w_start, w_taps, w_rows,
         y, y_start, y_rows) = writer.arguments
        x, w, y = writer.at(x, x_start), writer.at(w, w_start), writer.at(y, y_start)
        vectors = builder.sdiv(builder.add(columns, INT(WIDTH - 1)), INT(WIDTH))
        before_last = builder.mul(builder.sub(vectors, INT(1)), INT(WIDTH))
        mask = writer.first_lanes(builder.sub(columns, before_last))

        def tile(rows: int, vectors: int) -> None:
            y_at = [writer.at(y, writer.load_index(y_rows, INT(r))) for r in range(rows)]
            w_at = [writer.at(w, writer.load_index(w_rows, INT(r))) for r in range(rows)]
            places = [(writer.at(row, v * WIDTH), mask if v == vectors - 1 else None)
                      for row in y_at for v in range(vectors)]

            def tap(k, sums):
                x_at = writer.at(x, writer.load_index(x_taps, k))
                xs = [writer.load(writer.at(x_at, v * WIDTH)) for v in range(vectors)]
                offset = writer.load_index(w_taps, k)
                new = []
                for r in range(rows):
                    weight = writer.broadcast(writer.at(w_at[r], offset))
                    new += [writer.multiply_add(weight, xs[v], sums[r * vectors + v])
                            for v in range(vectors)]
                return new

            sums = [writer.load(*place) for place in places]
            sums = writer.loop(INT(0), taps, 1, sums, tap)
            for value, place in zip(sums, places, strict=True):
                writer.store(value, *place)

        writer.for_each_tile(rows, vectors, tile)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def correlate_tile(typing_context, rows, taps, n, dy, dy_start, dy_step, x, x_start, x_taps,
                   dw, dw_start, dw_step, dw_taps):
    """dw[r dw_step + dw_taps[k]] += sum_t dy[r dy_step + t] x[x_taps[k] + t].

    r < rows, one of ROWS; k < taps <= VECTORS; t < n.
    """
    size = types.intp
    signature = types.void(size, size, size, dy, size, size, x, size, x_taps, dw, size, size,
                           dw_taps)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        (rows, taps, n, dy, dy_start, dy_step, x, x_start, x_taps,
         dw, dw_start, dw_step, dw_taps) = writer.arguments
        dy, x, dw = writer.at(dy, dy_start), writer.at(x, x_start), writer.at(dw, dw_start)
        whole = builder.and_(n, INT(-WIDTH))
        mask = writer.first_lanes(builder.sub(n, whole))

        def tile(rows: int, taps: int) -> None:
            dy_at = [writer.at(dy, builder.mul(INT(r), dy_step)) for r in range(rows)]
            x_at = [writer.at(x, writer.load_index(x_taps, INT(k))) for k in range(taps)]

            def position(t, sums, mask=None):
                xs = [writer.load(writer.at(p, t), mask) for p in x_at]
                new = []
                for r in range(rows):
                    dy_vector = writer.load(writer.at(dy_at[r], t), mask)
                    new += [writer.multiply_add(dy_vector, xs[k], sums[r * taps + k])
                            for k in range(taps)]
                return new

            sums = writer.loop(INT(0), whole, WIDTH, [ZERO] * (rows * taps), position)
            totals = writer.totals(position(whole, sums, mask))
            dw_at = [writer.at(dw, writer.load_index(dw_taps, INT(k))) for k in range(taps)]
            for r in range(rows):
                for k in range(taps):
                    to = writer.at(dw_at[k], builder.mul(INT(r), dw_step))
                    builder.store(builder.fadd(builder.load(to), totals[r * taps + k]), to)

        writer.for_each_tile(rows, taps, tile)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sums_and_columns_in_range(typing_context, rows, columns, y, low, high):
    """Σ y, Σ y², and how many columns hold a value that is neither <= low nor >= high.

    y (rows, columns), read once. A NaN is neither dead nor saturated.
    """
    size, single = types.intp, types.float32
    signature = types.Tuple((single, single, types.int64))(size, size, y, single, single)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        rows, columns, y, low, high = writer.arguments
        low, high = writer._spread(low), writer._spread(high)
        totals = [cgutils.alloca_once_value(builder, ZERO) for _ in range(2)]
        count = cgutils.alloca_once_value(builder, INT(0))

        def vector(column, mask):
            def add(row, sums, squares, seen):
                value = writer.load(writer.at(y, column, builder.mul(row, columns)), mask)
                is_within = builder.and_(builder.fcmp_unordered(">", value, low),
                                         builder.fcmp_unordered("<", value, high))
                return [builder.fadd(sums, value), writer.multiply_add(value, value, squares),
                        builder.or_(seen, is_within)]

            # Two of each, so that an addition need not wait for the one before it.
            begin = [ZERO, ZERO, ir.Constant(MASK, [False] * WIDTH)]
            pairs = builder.and_(rows, INT(-2))
            two = writer.loop(INT(0), pairs, 2, [*begin, *begin], lambda row, found: [
                *add(row, *found[:3]), *add(builder.add(row, INT(1)), *found[3:])])
            one = [builder.fadd(two[0], two[3]), builder.fadd(two[1], two[4]),
                   builder.or_(two[2], two[5])]
            *sums, seen = writer.loop(pairs, rows, 1, one, lambda row, found: add(row, *found))
            for total, more in zip(totals, sums, strict=True):
                builder.store(builder.fadd(builder.load(total), more), total)
            own = seen if mask is None else builder.and_(seen, mask)
            builder.store(builder.add(builder.load(count), writer.count(own)), count)

        for_each_vector(writer, columns, vector)
        return context.make_tuple(builder, signature.return_type, [
            *writer.totals([builder.load(total) for total in totals]), builder.load(count)])

    return signature, generate
