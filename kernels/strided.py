"""Rows of which every second or fourth value counts: what strides in a convolution make of images.

Whole vectors are loaded and the values wanted are moved together in the registers. A gather, which
loads them one by one, takes three times as long.
"""

from numba import types
from numba.extending import intrinsic

from kernels.jit import helper
from kernels.vector_writer import INT, WIDTH, ZERO, Writer, for_each_vector

_HAS_LANES = WIDTH >= 4


def _parts(writer, stride, row, start, mask, n):
    """Of `stride` vectors that hold WIDTH values a stride apart: (address, mask) of each."""
    builder = writer.builder
    at = writer.at(row, builder.mul(start, INT(stride)))
    left = INT(WIDTH) if mask is None else builder.sub(n, start)
    # Behind the last value may lie what is not ours.
    end = builder.sub(builder.mul(left, INT(stride)), INT(stride - 1))
    for k in range(stride):
        whole = mask is None and k < stride - 1
        yield (writer.at(at, k * WIDTH),
               None if whole else writer.first_lanes(builder.sub(end, INT(k * WIDTH))))


def _reader(stride):
    """An intrinsic: y[j] = x[stride j] for j < n."""

    def read(typing_context, n, x, x_start, y, y_start):
        signature = types.void(types.intp, x, types.intp, y, types.intp)

        def generate(context, builder, signature, arguments):
            writer = Writer(context, builder, signature, arguments)
            n, x, x_start, y, y_start = writer.arguments
            x, y = writer.at(x, x_start), writer.at(y, y_start)
            evens = list(range(0, 2 * WIDTH, 2))

            def vector(i, mask):
                parts = [writer.load(*part) for part in _parts(writer, stride, x, i, mask, n)]
                while len(parts) > 1:
                    parts = [writer.shuffle(a, b, evens)
                             for a, b in zip(parts[::2], parts[1::2], strict=True)]
                writer.store(parts[0], writer.at(y, i), mask)

            for_each_vector(writer, n, vector)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(read)


def _adder(stride):
    """An intrinsic: x[stride j] += y[j] for j < n."""

    def add(typing_context, n, y, y_start, x, x_start):
        signature = types.void(types.intp, y, types.intp, x, types.intp)

        def generate(context, builder, signature, arguments):
            writer = Writer(context, builder, signature, arguments)
            n, y, y_start, x, x_start = writer.arguments
            x, y = writer.at(x, x_start), writer.at(y, y_start)
            # A half of the lanes, and a zero behind each.
            halves = [[start + i // 2 if i % 2 == 0 else WIDTH for i in range(WIDTH)]
                      for start in (0, WIDTH // 2)]

            def vector(i, mask):
                values = [writer.load(writer.at(y, i), mask)]
                while len(values) < stride:
                    values = [writer.shuffle(value, ZERO, half)
                              for value in values for half in halves]
                parts = list(_parts(writer, stride, x, i, mask, n))
                for value, part in zip(values, parts, strict=True):
                    writer.store(builder.fadd(value, writer.load(*part)), *part)

            for_each_vector(writer, n, vector)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(add)


_read_2, _read_4, _add_2, _add_4 = _reader(2), _reader(4), _adder(2), _adder(4)


@helper
def has_strides(stride):
    """Whether `move_strided` knows this stride."""
    return _HAS_LANES and (stride == 2 or stride == 4)


@helper
def move_strided(rows, n, stride, x, x_start, x_row, y, y_start, y_row, back):
    """y[i, j] = x[i, stride j] for i < rows and j < n; or `back`, the adjoint, x += y."""
    for i in range(rows):
        x_at, y_at = x_start + i * x_row, y_start + i * y_row
        if back:
            if stride == 2:
                _add_2(n, y, y_at, x, x_at)
            else:
                _add_4(n, y, y_at, x, x_at)
        elif stride == 2:
            _read_2(n, x, x_at, y, y_at)
        else:
            _read_4(n, x, x_at, y, y_at)
