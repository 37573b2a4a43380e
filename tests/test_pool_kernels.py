"""Pooling kernels against slow, obvious NumPy loops, and against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.pool import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from playground.layers.base import Shape, ShapeError
from playground.layers.pool import AvgPool2D, GlobalAvgPool2D, MaxPool2D, Pool2D

CASES: dict[str, tuple[Shape, dict[str, Any]]] = {
    "plain": ((2, 6, 8), {}),
    "does not divide": ((3, 7, 5), {}),
    "one window": ((1, 3, 4), {"kernel": (3, 4), "stride": (5, 6)}),
    "overlapping": ((2, 7, 9), {"kernel": (3, 4), "stride": (2, 1)}),
    "gaps": ((2, 9, 11), {"kernel": (2, 1), "stride": (3, 4)}),
    "padding": ((2, 5, 8), {"kernel": (3, 2), "stride": (2, 2), "padding": (1, 1)}),
    "wide padding": ((2, 5, 6), {"kernel": (4, 5), "stride": (1, 3), "padding": (2, 1)}),
    "ceil": ((2, 7, 8), {"kernel": (2, 3), "ceil_mode": True}),
    "ceil, padding": ((2, 6, 7), {
        "kernel": (3, 2), "stride": (3, 2), "padding": (1, 1), "ceil_mode": True}),
    "ceil, a window outside": ((1, 4, 4), {
        "kernel": (2, 2), "stride": (3, 4), "padding": (1, 0), "ceil_mode": True}),
    "halves": ((3, 8, 38), {}),
    "halves, odd": ((2, 7, 65), {}),
    "wide": ((2, 33, 50), {"kernel": (3, 3), "stride": (1, 1), "padding": (1, 1)}),
}
BATCH = 3
pooling_case = pytest.mark.parametrize(("shape", "settings"), CASES.values(), ids=CASES)


def random_arrays(layer: Pool2D, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """x with many equal values, and dy."""
    random = np.random.default_rng(0)
    x = random.integers(-3, 3, size=(BATCH, *shape)).astype(np.float32)
    dy = random.normal(size=(BATCH, *layer.output_shape(shape))).astype(np.float32)
    return x, dy


def run_max(layer: MaxPool2D, x: np.ndarray,
            dy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, winner and dx."""
    operands = layer.windows(len(x), x.shape[1:])._asdict()
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    winner = np.full(dy.shape, -1, np.int32)
    max_pool2d_forward(**operands, x=x, y=y, winner=winner)
    max_pool2d_backward(**operands, winner=winner, dy=dy, dx=dx)
    return y, winner, dx


def run_average(layer: AvgPool2D, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and dx."""
    operands: dict[str, Any] = {
        **layer.windows(len(x), x.shape[1:])._asdict(),
        "count_padding": int(layer.count_include_pad),
        "shares": np.full(dy.shape[2:], np.nan, np.float32)}
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    avg_pool2d_forward(**operands, x=x, y=y)
    scaled = np.full(dy.shape[2:], np.nan, np.float32)
    avg_pool2d_backward(**operands, dy=dy, dx=dx, scaled=scaled)
    return y, dx


def axis_window(layer: Pool2D, axis: int, i: int, size: int) -> tuple[range, int]:
    """The positions of window i inside the image, and how many with the border."""
    padding = layer.padding[axis]
    begin = i * layer.stride[axis] - padding
    end = min(begin + layer.kernel[axis], size + padding)
    return range(max(begin, 0), min(end, size)), end - begin


def slow_max(layer: MaxPool2D, x: np.ndarray,
             dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dy.shape):
        rows, _ = axis_window(layer, 0, i, x.shape[2])
        columns, _ = axis_window(layer, 1, j, x.shape[3])
        # max() keeps the first of equals.
        at = max(((r, q) for r in rows for q in columns), key=lambda at: x[n, c, *at])
        y[n, c, i, j] = x[n, c, *at]
        dx[n, c, *at] += dy[n, c, i, j]
    return y, dx


def slow_average(layer: AvgPool2D, x: np.ndarray,
                 dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dy.shape):
        rows, height = axis_window(layer, 0, i, x.shape[2])
        columns, width = axis_window(layer, 1, j, x.shape[3])
        count = height * width if layer.count_include_pad else len(rows) * len(columns)
        for r in rows:
            for q in columns:
                y[n, c, i, j] += x[n, c, r, q] / count
                dx[n, c, r, q] += dy[n, c, i, j] / count
    return y, dx


@pooling_case
def test_max(shape: Shape, settings: dict[str, Any]) -> None:
    layer = MaxPool2D(**settings)
    x, dy = random_arrays(layer, shape)
    y, winner, dx = run_max(layer, x, dy)
    expected_y, expected_dx = slow_max(layer, x, dy)
    assert np.array_equal(y, expected_y)
    assert np.allclose(dx, expected_dx, atol=1e-5)
    flat = x.reshape(*x.shape[:2], -1)
    assert np.array_equal(np.take_along_axis(flat, winner.reshape(*y.shape[:2], -1), 2).ravel(),
                          y.ravel())


@pooling_case
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_average(shape: Shape, settings: dict[str, Any], count_include_pad: bool) -> None:
    layer = AvgPool2D(**settings, count_include_pad=count_include_pad)
    x, dy = random_arrays(layer, shape)
    for actual, expected in zip(run_average(layer, x, dy), slow_average(layer, x, dy), strict=True):
        assert np.allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_nan_and_infinity_pass() -> None:
    layer = MaxPool2D()
    x = np.array([[[[np.nan, 1, -np.inf, -np.inf], [2, 3, -np.inf, -np.inf]]]], np.float32)
    y, winner, dx = run_max(layer, x, np.ones((1, 1, 1, 2), np.float32))
    assert np.isnan(y[0, 0, 0, 0])
    assert y[0, 0, 0, 1] == -np.inf
    assert winner.ravel().tolist() == [0, 2]
    assert dx.sum() == 2


def test_articles_example() -> None:
    x = np.array([[[[1, 3], [2, 0]]]], np.float32)
    y, winner, dx = run_max(MaxPool2D(), x, np.full((1, 1, 1, 1), 7, np.float32))
    assert (y.item(), winner.item()) == (3, 1)
    assert dx.ravel().tolist() == [0, 7, 0, 0]
    y, dx = run_average(AvgPool2D(), x, np.full((1, 1, 1, 1), 8, np.float32))
    assert y.item() == 1.5
    assert dx.ravel().tolist() == [2, 2, 2, 2]
    assert MaxPool2D().output_shape((1, 4, 4)) == (1, 2, 2)
    assert MaxPool2D().parameters((1, 4, 4)) == ()


@pytest.mark.torch
@pooling_case
def test_pytorch_agrees(shape: Shape, settings: dict[str, Any], torch: Any) -> None:
    options = {"kernel_size": (2, 2), "stride": (2, 2), **settings}
    options["kernel_size"] = options.pop("kernel", options["kernel_size"])
    x, dy = random_arrays(MaxPool2D(**settings), shape)
    tensor = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.max_pool2d(tensor, **options)
    y.backward(torch.tensor(dy))
    our_y, _, our_dx = run_max(MaxPool2D(**settings), x, dy)
    assert np.array_equal(our_y, y.detach().numpy())
    assert np.allclose(our_dx, tensor.grad.numpy(), atol=1e-5)
    for count in (True, False):
        tensor = torch.tensor(x, requires_grad=True)
        y = torch.nn.functional.avg_pool2d(tensor, **options, count_include_pad=count)
        y.backward(torch.tensor(dy))
        our_y, our_dx = run_average(AvgPool2D(**settings, count_include_pad=count), x, dy)
        assert np.allclose(our_y, y.detach().numpy(), atol=1e-5)
        assert np.allclose(our_dx, tensor.grad.numpy(), atol=1e-5)


# -- the layers -------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "shape", "words"), [
    ({}, (84,), "needs an image (channels, height, width), got a vector of 84."),
    ({}, (3, 1, 5), "A window of 2×2 does not fit an image of 1×5."),
    ({"padding": (2, 0)}, (3, 5, 5), "more than half of the window's height"),
])
def test_errors_are_sentences(settings: dict[str, Any], shape: Shape, words: str) -> None:
    with pytest.raises(ShapeError) as error:
        MaxPool2D(**settings).output_shape(shape)
    assert words in str(error.value)


def test_notes_say_what_is_left_out() -> None:
    assert MaxPool2D().notes((2, 7, 7)) == (
        "7×7 does not divide by 2: the last row and column are left out.",)
    assert MaxPool2D().notes((2, 8, 8)) == ()
    assert MaxPool2D(ceil_mode=True).notes((2, 7, 7)) == ()


def test_subtitles() -> None:
    assert AvgPool2D().subtitle() == "average 2×2"
    assert MaxPool2D(kernel=(3, 3)).subtitle() == "max 3×3, stride 2"


def test_global_average() -> None:
    assert GlobalAvgPool2D().output_shape((5, 3, 4)) == (5,)
    with pytest.raises(ShapeError):
        GlobalAvgPool2D().output_shape((5,))
