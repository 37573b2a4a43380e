"""The transforms of Winograd's convolution F(4x4, 3x3).

Four outputs y of a correlation of six inputs d with a kernel g of three take six multiplications
instead of twelve, y = Aᵀ[(G g) ∘ (Bᵀ d)]: polynomials are multiplied by their values at six
points. In two dimensions the same goes along both axes. Lavin & Gray, "Fast Algorithms for
Convolutional Neural Networks", 2016. The points decide the rounding error (Barabasz et al., "Error
analysis and improving the accuracy of Winograd convolution", 2020): those here lose a fifth of what
the usual 0, ±1, ±2 lose, about 1e-6 of the largest output.

Vectors run along channels, so that one instruction transforms the tiles of WIDTH channels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.vector_writer import INT, VECTOR, WIDTH, Writer, for_each_vector

OUTPUTS, TAPS, POINTS = 4, 3, 6
"""Per axis: outputs of a tile, taps of the kernel, and what they make together."""
_FINITE = (0.0, 0.75, -0.75, 1.5, -1.5)  # the sixth point is infinity
_PAIRS = ((1, 2), (3, 4))
"""Points that differ only in their sign: their polynomials share all even and all odd terms."""


def _powers(count: int) -> np.ndarray:
    """Values of the monomials 1, x, x², ... (count of them) at each point."""
    at_infinity = [[0.0] * (count - 1) + [1.0]]
    return np.array([[x**i for i in range(count)] for x in _FINITE] + at_infinity)


def _interpolation() -> tuple[np.ndarray, np.ndarray]:
    """Bᵀ, the coefficients of Π (x - other points) for each point; and their values there."""
    rows, values = [], []
    for x in _FINITE:
        others = np.poly([p for p in _FINITE if p != x])
        rows.append([*others[::-1], 0.0])
        values.append(np.polyval(others, x))
    return np.array([*rows, np.poly(_FINITE)[::-1]]), np.array([*values, 1.0])


_BT, _SCALES = _interpolation()
_G = _powers(TAPS) / _SCALES[:, None]
_A = _powers(OUTPUTS)


def _combine(builder: Any, writer: Writer, factors: Sequence[float], xs: Sequence[Any]) -> Any:
    """Σ factor x, skipping zeros and multiplications by one."""
    terms = sorted(((f, x) for f, x in zip(factors, xs, strict=True) if f),
                   key=lambda term: term[0] != 1)
    total = None
    for factor, x in terms:
        constant = ir.Constant(VECTOR, [factor] * WIDTH)
        if total is None:
            total = x if factor == 1 else builder.fmul(constant, x)
        elif factor == 1:
            total = builder.fadd(total, x)
        else:
            total = writer.multiply_add(constant, x, total)
    return total


def _multiply(builder: Any, writer: Writer, matrix: np.ndarray, xs: Sequence[Any]) -> list[Any]:
    """matrix · xs, where its rows or else its columns belong to the points."""
    if len(matrix) == POINTS:
        ys = [_combine(builder, writer, row, xs) if i in (0, POINTS - 1) else None
              for i, row in enumerate(matrix)]
        for i, j in _PAIRS:
            even = _combine(builder, writer, (matrix[i] + matrix[j]) / 2, xs)
            odd = _combine(builder, writer, (matrix[i] - matrix[j]) / 2, xs)
            ys[i], ys[j] = builder.fadd(even, odd), builder.fsub(even, odd)
        return ys
    columns, folded = matrix.copy(), list(xs)
    for i, j in _PAIRS:
        folded[i], folded[j] = builder.fadd(xs[i], xs[j]), builder.fsub(xs[i], xs[j])
        columns[:, i] = (matrix[:, i] + matrix[:, j]) / 2
        columns[:, j] = (matrix[:, i] - matrix[:, j]) / 2
    return [_combine(builder, writer, row, folded) for row in columns]


def _transform(matrix: np.ndarray) -> Any:
    """An intrinsic: y = matrix · x · matrixᵀ, for n channels side by side.

    x[i, j] starts at x_start + i x_row + j x_column, and y likewise.
    """
    outputs, inputs = matrix.shape

    def transform(typing_context, n, x, x_start, x_row, x_column, y, y_start, y_row, y_column):
        size = types.intp
        signature = types.void(size, x, size, size, size, y, size, size, size)

        def generate(context, builder, signature, arguments):
            writer = Writer(context, builder, signature, arguments)
            n, x, x_start, x_row, x_column, y, y_start, y_row, y_column = writer.arguments

            def place(base, i, row, j, column):
                return writer.at(base, builder.add(builder.mul(INT(i), row),
                                                   builder.mul(INT(j), column)))

            def channels(start, mask):
                x_at, y_at = writer.at(x, x_start, start), writer.at(y, y_start, start)
                half = []
                for j in range(inputs):
                    column = [writer.load(place(x_at, i, x_row, j, x_column), mask)
                              for i in range(inputs)]
                    half.append(_multiply(builder, writer, matrix, column))
                for i in range(outputs):
                    row = _multiply(builder, writer, matrix, [column[i] for column in half])
                    for j, value in enumerate(row):
                        writer.store(value, place(y_at, i, y_row, j, y_column), mask)

            for_each_vector(writer, n, channels)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(transform)


#: transform(n, x, x_start, x_row, x_column, y, y_start, y_row, y_column), for n channels:
#: inputs (6x6) to points, kernels (3x3) to points, points to outputs (4x4).
input_to_points, kernel_to_points, points_to_output = (
    _transform(m) for m in (_BT, _G, _A.T))
#: The adjoints of the last two.
points_to_kernel, output_to_points = _transform(_G.T), _transform(_A)
