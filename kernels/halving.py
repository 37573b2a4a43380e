"""Pooling of 2x2 windows side by side, the most common kind: two rows of an image to one of half.

Neighbouring columns are taken apart and put together in the registers, which is several times
faster than the strided rows of simd.py. n is the number of windows in a row.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.vector_writer import FLOAT, INT, LANES, VECTOR, WIDTH, Writer, for_each_vector


class _Pairs:
    """2 WIDTH neighbours in memory as WIDTH even ones and WIDTH odd ones.

    mask: which of the WIDTH pairs exist; None for all.
    """

    def __init__(self, writer: Writer, mask: Any) -> None:
        self._writer = writer
        self._masks: list[Any] = [None, None]
        if mask is not None:
            # Each lane of the mask stands for two neighbours.
            self._masks = [
                writer.shuffle(mask, mask, [(start + lane) // 2 for lane in range(WIDTH)])
                for start in (0, WIDTH)]

    def load(self, pointer: Any) -> tuple[Any, Any]:
        a, b = (self._writer.load(self._writer.at(pointer, start), mask)
                for start, mask in zip((0, WIDTH), self._masks, strict=True))
        return tuple(self._writer.shuffle(a, b, list(range(odd, 2 * WIDTH, 2)))  # type: ignore
                     for odd in (0, 1))

    def store(self, even: Any, odd: Any, pointer: Any) -> None:
        for start, mask in zip((0, WIDTH), self._masks, strict=True):
            lanes = [i // 2 + i % 2 * WIDTH for i in range(start, start + WIDTH)]
            self._writer.store(self._writer.shuffle(even, odd, lanes),
                               self._writer.at(pointer, start), mask)


@intrinsic
def mean_of_pairs(typing_context, n, x, x_start, width, y, y_start):
    """y[j] = the mean of x[0, 2j], x[0, 2j + 1], x[1, 2j] and x[1, 2j + 1]; rows of `width`."""
    size = types.intp
    signature = types.void(size, x, size, size, y, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        n, x, x_start, width, y, y_start = writer.arguments

        def windows(j, mask):
            pairs, total = _Pairs(writer, mask), None
            x_at = writer.at(x, x_start, builder.mul(j, INT(2)))
            for row in (x_at, writer.at(x_at, width)):
                even, odd = pairs.load(row)
                both = builder.fadd(even, odd)
                total = both if total is None else builder.fadd(total, both)
            quarter = ir.Constant(VECTOR, [0.25] * WIDTH)
            writer.store(builder.fmul(quarter, total), writer.at(y, y_start, j), mask)

        for_each_vector(writer, n, windows)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def spread_to_pairs(typing_context, n, dy, dy_start, dx, dx_start, width):
    """dx[0, 2j] = dx[0, 2j + 1] = dx[1, 2j] = dx[1, 2j + 1] = dy[j] / 4: of `mean_of_pairs`."""
    size = types.intp
    signature = types.void(size, dy, size, dx, size, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        n, dy, dy_start, dx, dx_start, width = writer.arguments

        def windows(j, mask):
            share = builder.fmul(ir.Constant(VECTOR, [0.25] * WIDTH),
                                 writer.load(writer.at(dy, dy_start, j), mask))
            dx_at = writer.at(dx, dx_start, builder.mul(j, INT(2)))
            for row in (dx_at, writer.at(dx_at, width)):
                _Pairs(writer, mask).store(share, share, row)

        for_each_vector(writer, n, windows)
        return context.get_dummy_value()

    return signature, generate


def _places(writer: Writer, first: Any, j: Any, width: Any) -> list[Any]:
    """Vectors of the indices of a window's four values, by rows; `first` is that of x[0, 0]."""
    builder = writer.builder
    starts = [first, builder.add(first, INT(1))]
    starts += [builder.add(start, width) for start in starts]
    return [builder.trunc(writer.strided(j, INT(2), start), LANES) for start in starts]


@intrinsic
def max_of_pairs(typing_context, n, x, x_start, width, first, y, winner, y_start):
    """y[j] = the largest of x[0, 2j], x[0, 2j + 1], x[1, 2j], x[1, 2j + 1]; winner[j] = its index.

    The first of equals wins, NaN beats every number; `first` is the index of x[0, 0].
    """
    size = types.intp
    signature = types.void(size, x, size, size, size, y, winner, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        n, x, x_start, width, first, y, winner, y_start = writer.arguments
        # Indices travel as the bits of floats.
        winner = builder.bitcast(winner, FLOAT.as_pointer())

        def windows(j, mask):
            pairs = _Pairs(writer, mask)
            x_at = writer.at(x, x_start, builder.mul(j, INT(2)))
            values = [*pairs.load(x_at), *pairs.load(writer.at(x_at, width))]
            places = _places(writer, first, j, width)
            best, place = values[0], places[0]
            for value, index in zip(values[1:], places[1:], strict=True):
                wins = builder.or_(builder.fcmp_ordered(">", value, best),
                                   builder.fcmp_unordered("uno", value, value))
                best, place = (builder.select(wins, value, best),
                               builder.select(wins, index, place))
            writer.store(best, writer.at(y, y_start, j), mask)
            writer.store(builder.bitcast(place, VECTOR), writer.at(winner, y_start, j), mask)

        for_each_vector(writer, n, windows)
        return context.get_dummy_value()

    return signature, generate
