"""A copy that exchanges rows and columns, in the registers."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.vector_writer import INT, MASK, WIDTH, Writer


@intrinsic
def transpose(typing_context, rows, columns, x, x_start, x_row, y, y_start, y_row):
    """y[j y_row + i] = x[i x_row + j], for i < rows and j < columns."""
    size = types.intp
    signature = types.void(size, size, x, size, size, y, size, size)

    def generate(context, builder, signature, arguments):
        writer = Writer(context, builder, signature, arguments)
        rows, columns, x, x_start, x_row, y, y_start, y_row = writer.arguments
        x, y = writer.at(x, x_start), writer.at(y, y_start)
        nothing = ir.Constant(MASK, [False] * WIDTH)

        def some(left, lane, mask):
            """The mask where `lane` is below `left`, else an empty one."""
            inside = builder.icmp_signed("<", INT(lane), left)
            return builder.select(inside, mask, nothing)

        def block_row(i, sums):
            left = builder.sub(rows, i)
            row_mask = writer.first_lanes(left)

            def block(j, sums):
                right = builder.sub(columns, j)
                mask = writer.first_lanes(right)
                vectors = [
                    writer.load(writer.at(x, builder.mul(builder.add(i, INT(k)), x_row), j),
                                some(left, k, mask)) for k in range(WIDTH)]
                for k, vector in enumerate(_transposed(writer, vectors)):
                    writer.store(vector, writer.at(y, builder.mul(builder.add(j, INT(k)), y_row),
                                                   i), some(right, k, row_mask))
                return sums

            writer.loop(INT(0), columns, WIDTH, sums, block)
            return sums

        writer.loop(INT(0), rows, WIDTH, [], block_row)
        return context.get_dummy_value()

    return signature, generate


def _transposed(writer: Writer, vectors: list[Any]) -> list[Any]:
    """WIDTH vectors as the rows of a matrix, transposed: halves are exchanged, then quarters..."""
    half = WIDTH // 2
    while half:
        # Of rows i and i + half: the parts that stay, and those that change places.
        lanes = range(WIDTH)
        first = [lane if lane & half == 0 else lane - half + WIDTH for lane in lanes]
        second = [lane + half if lane & half == 0 else lane + WIDTH for lane in lanes]
        pairs = [(i, i + half) for i in range(WIDTH) if i & half == 0]
        new = list(vectors)
        for i, j in pairs:
            for at, order in ((i, first), (j, second)):
                new[at] = writer.shuffle(vectors[i], vectors[j], order)
        vectors, half = new, half // 2
    return vectors
