"""Dense layers, activations and single elements: each kernel against plain NumPy in float64, on
sizes that no vector width divides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kernels import activation, dense, elementwise
from tests.kernel_numbers import WILD, N, Out, close, normal

# -- dense ----------------------------------------------------------------------------------------

SIZES = [(1, 1, 1), (5, 3, 2), (32, 2, 8), (7, 13, 1), (33, 70, 41), (61, 203, 197), (519, 3, 50),
         (515, 203, 61), (33, 1027, 517)]


@pytest.mark.parametrize(("batch", "inputs", "units"), SIZES)
def test_dense(batch: int, inputs: int, units: int, out: Out) -> None:
    sizes = {"batch": batch, "inputs": inputs, "units": units}
    x, w, b = normal(batch, inputs), normal(units, inputs), normal(units)
    dy, y, plain = normal(batch, units), out(batch, units), out(batch, units)
    dw, db, dx = out(units, inputs), out(units), out(batch, inputs)
    dense.dense_forward(**sizes, x=x, w=w, b=b, y=y)
    dense.dense_forward_no_bias(**sizes, x=x, w=w, y=plain)
    dense.dense_weight_gradient(**sizes, x=x, dy=dy, dw=dw)
    dense.dense_bias_gradient(batch=batch, units=units, dy=dy, db=db)
    dense.dense_input_gradient(**sizes, dy=dy, w=w, dx=dx)
    x, w, b, dy = (array.astype(np.float64) for array in (x, w, b, dy))
    tolerance = 1.5e-7 * max(200, batch, inputs)  # rounding grows with the terms of a sum
    close(y, x @ w.T + b, tolerance)
    close(plain, x @ w.T, tolerance)
    close(dw, dy.T @ x, tolerance)
    close(db, dy.sum(0), tolerance)
    close(dx, dy @ w, tolerance)


@pytest.mark.parametrize(("batch", "inputs", "units"), SIZES)
@pytest.mark.parametrize("wild", WILD)
def test_dense_passes_on_what_is_not_finite(
        batch: int, inputs: int, units: int, wild: float, out: Out) -> None:
    x, w, y = normal(batch, inputs), np.abs(normal(units, inputs)) + 1, out(batch, units)
    x[-1, -1] = wild
    dense.dense_forward(batch=batch, inputs=inputs, units=units, x=x, w=w, b=normal(units), y=y)
    np.testing.assert_array_equal(y[-1], np.full(units, wild, np.float32))
    assert np.isfinite(y[:-1]).all()


# -- activations ----------------------------------------------------------------------------------


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


FUNCTIONS: dict[str, tuple[Callable, Callable, dict[str, float]]] = {
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x)), {}),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, {}),
    "relu": (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), {}),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.1 * x),
                   lambda x: np.where(x > 0, 1, 0.1), {"slope": 0.1}),
    "elu": (lambda x: np.where(x > 0, x, 1.5 * np.expm1(x)),
            lambda x: np.where(x > 0, 1, 1.5 * np.exp(x)), {"alpha": 1.5}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activation(name: str, out: Out) -> None:
    function, slope, operands = FUNCTIONS[name]
    forward = getattr(activation, f"{name}_forward")
    backward = getattr(activation, f"{name}_backward")
    x, dy, y, dx = normal(N), normal(N, seed=2), out(N), out(N)
    forward(n=N, **operands, x=x, y=y)
    backward(n=N, **operands, y=y, dy=dy, dx=dx)
    close(y, function(x.astype(np.float64)))
    close(dx, slope(x.astype(np.float64)) * dy)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activation_at_its_limits(name: str, out: Out) -> None:
    x = np.array([*WILD, 0, 1e30, -1e30, 1e-30] * 5, np.float32)
    y = out(x.size)
    operands = FUNCTIONS[name][2]
    getattr(activation, f"{name}_forward")(n=x.size, **operands, x=x, y=y)
    with np.errstate(over="ignore"):
        close(y, FUNCTIONS[name][0](x.astype(np.float64)))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 3), (3, 41)])
def test_softmax(rows: int, columns: int, out: Out) -> None:
    x, dy, y, dx = normal(rows, columns), normal(rows, columns, seed=2), out(rows, columns), \
        out(rows, columns)
    x[-1] *= 40  # e^x alone would overflow
    activation.softmax_forward(rows=rows, columns=columns, x=x, y=y)
    activation.softmax_backward(rows=rows, columns=columns, y=y, dy=dy, dx=dx)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    close(y, p)
    close(dx, p * (dy - (p * dy).sum(1, keepdims=True)))


def test_softmax_keeps_nan_in_its_row(out: Out) -> None:
    x, y = normal(3, 4), out(3, 4)
    x[1, 2] = np.nan
    activation.softmax_forward(rows=3, columns=4, x=x, y=y)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()


# -- element by element ---------------------------------------------------------------------------


def test_elementwise(out: Out) -> None:
    a, b, y = normal(N), normal(N, seed=2), out(N)
    elementwise.add(n=N, a=a, b=b, y=y)
    close(y, a + b)
    elementwise.add_into(n=N, x=a, y=y)
    close(y, a + b + a)
    elementwise.multiply(n=N, a=a, b=b, y=y)
    close(y, a * b)
    elementwise.multiply_into(n=N, x=b, y=y)
    close(y, a * b * b)
    elementwise.copy(n=N, x=a, y=y)
    np.testing.assert_array_equal(y, a)
    elementwise.fill_zero(n=N, y=y)
    assert (y == 0).all()


def test_copy_blocks_there_and_back(out: Out) -> None:
    parts, joined, back = [normal(3, width) for width in (5, 2, 9)], out(3, 16), out(3, 2)
    for part, start in zip(parts, (0, 5, 7), strict=True):
        elementwise.copy_blocks(
            rows=3, width=part.shape[1], from_stride=part.shape[1], from_offset=0,
            to_stride=16, to_offset=start, x=part, y=joined)
    np.testing.assert_array_equal(joined, np.concatenate(parts, 1))
    elementwise.copy_blocks(rows=3, width=2, from_stride=16, from_offset=5, to_stride=2,
                            to_offset=0, x=joined, y=back)
    np.testing.assert_array_equal(back, parts[1])
