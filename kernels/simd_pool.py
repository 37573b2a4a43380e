"""The inner loops of pooling, in LLVM's vector instructions (see vector_writer.py).

Where the values of each window lie stands in a table of places (int32), one row for each position
in a window, so that windows of any size, stride and border run through the same loop.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.vector_writer import FLOAT, INT, LANES, VECTOR, WIDTH, ZERO, Writer, for_each_vector


def _places(writer, places, t, n, o, mask):
    """Row t of the table, from column o on."""
    at = writer.builder.bitcast(writer.at(places, writer.builder.mul(t, n), o),
                                FLOAT.as_pointer())
    return writer.builder.bitcast(writer.load(at, mask), LANES)


@intrinsic
def max_of_places(typing_context, n, taps, x, x_start, places, y, winner, to_start):
    """y[o], winner[o] = max_t x[places[t n + o]] and the place of it, for o < n.

    The first of equals wins, and NaN beats every number.
    """
    size = types.intp
    signature = types.void(size, size, x, size, places, y, winner, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        n, taps, x, x_start, places, y, winner, to_start = writer.arguments
        y = writer.at(y, to_start)
        # Places travel as the bits of floats.
        winner = builder.bitcast(writer.at(winner, to_start), FLOAT.as_pointer())
        x = builder.ptrtoint(writer.at(x, x_start), INT)

        def vector(o, mask):
            def value_of(t):
                index = _places(writer, places, t, n, o, mask)
                return index, writer.gather_indices(x, index, mask)

            def tap(t, best):
                value_before, index_before = best
                index, value = value_of(t)
                wins = builder.or_(builder.fcmp_ordered(">", value, value_before),
                                   builder.fcmp_unordered("uno", value, value))
                return [builder.select(wins, value, value_before),
                        builder.select(wins, index, index_before)]

            index, value = value_of(INT(0))
            value, index = writer.loop(INT(1), taps, 1, [value, index], tap)
            writer.store(value, writer.at(y, o), mask)
            writer.store(builder.bitcast(index, VECTOR), writer.at(winner, o), mask)

        for_each_vector(writer, n, vector)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sum_of_places(typing_context, n, taps, x, x_start, places, y, to_start):
    """y[o] = sum_t x[places[t n + o]] for o < n; a place of -1 holds nothing."""
    size = types.intp
    signature = types.void(size, size, x, size, places, y, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        n, taps, x, x_start, places, y, to_start = writer.arguments
        y = writer.at(y, to_start)
        x = builder.ptrtoint(writer.at(x, x_start), INT)

        def vector(o, mask):
            def tap(t, total):
                index = _places(writer, places, t, n, o, mask)
                inside = builder.icmp_signed(">=", index, ir.Constant(LANES, [0] * WIDTH))
                if mask is not None:
                    inside = builder.and_(inside, mask)
                return [builder.fadd(total[0], writer.gather_indices(x, index, inside))]

            (total,) = writer.loop(INT(0), taps, 1, [ZERO], tap)
            writer.store(total, writer.at(y, o), mask)

        for_each_vector(writer, n, vector)
        return context.get_dummy_value()

    return signature, generate
