"""Pooling kernels against slow, obvious NumPy loops, and against PyTorch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels.pool import (
    Windows,
    avg_pool2d_backward,
    avg_pool2d_forward,
    fractional_max_pool2d_forward,
    global_max_forward,
    max_pool2d_forward,
    max_pool_backward,
    readers,
)
from playground.layers.base import Layer, Shape, ShapeError
from playground.layers.pool import (
    AvgPool1D,
    AvgPool2D,
    FractionalMaxPool2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    MaxPool1D,
    MaxPool2D,
    Pool2D,
)
from tests.gradient_check import Bench

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
    g = layer.windows(len(x), x.shape[1:])
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    winner = np.full(dy.shape, -1, np.int32)
    max_pool2d_forward(**g._asdict(), x=x, y=y, winner=winner, places=places(g, dy))
    max_pool_backward(planes=g.planes, size=g.height * g.width, windows=g.out_height * g.out_width,
                      winner=winner, dy=dy, dx=dx)
    return y, winner, dx


def run_average(layer: AvgPool2D, x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y and dx."""
    g = layer.windows(len(x), x.shape[1:])
    operands: dict[str, Any] = {
        **g._asdict(), "count_padding": int(layer.count_include_pad),
        "shares": np.full(dy.shape[2:], np.nan, np.float32)}
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    avg_pool2d_forward(**operands, x=x, y=y, places=places(g, dy))
    scaled = np.full(dy.shape[2:], np.nan, np.float32)
    count = readers(g)
    avg_pool2d_backward(**operands, readers=count, dy=dy, dx=dx, scaled=scaled,
                        places=np.full((count, *x.shape[2:]), -7, np.int32))
    return y, dx


def places(g: Windows, dy: np.ndarray) -> np.ndarray:
    """An empty table of where the values of each window stand."""
    return np.full((g.kernel_height * g.kernel_width, *dy.shape[2:]), -7, np.int32)


def axis_window(layer: Pool2D, axis: int, i: int, size: int) -> tuple[range, int]:
    """The positions of window i inside the image, and how many with the border."""
    padding = layer.padding[axis]
    assert isinstance(padding, int)
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


# -- sequences, names of paddings, whole channels -------------------------------------------------


@pytest.mark.parametrize(("layer", "shape", "expected"), [
    # Keras' documentation of MaxPooling1D and AveragePooling1D, on [1, 2, 3, 4, 5]
    (MaxPool1D(stride=1), [1, 2, 3, 4, 5], [2, 3, 4, 5]),
    (MaxPool1D(padding="valid"), [1, 2, 3, 4, 5], [2, 4]),
    (MaxPool1D(stride=1, padding="same"), [1, 2, 3, 4, 5], [2, 3, 4, 5, 5]),
    (AvgPool1D(stride=1), [1, 2, 3, 4, 5], [1.5, 2.5, 3.5, 4.5]),
    (AvgPool1D(stride=1, padding="same", count_include_pad=False), [1, 2, 3, 4, 5],
     [1.5, 2.5, 3.5, 4.5, 5]),
    (AvgPool1D(stride=1, padding="same"), [1, 2, 3, 4, 5], [1.5, 2.5, 3.5, 4.5, 2.5]),
    (AvgPool1D(ceil_mode=True), [1, 2, 3, 4, 5], [1.5, 3.5, 5]),
    (MaxPool1D(kernel=3, padding=1), [-1, -2, -3, -4, -5], [-1, -2, -4]),
    (GlobalMaxPool1D(), [3, 9, 4], 9),
    (GlobalAvgPool1D(), [3, 9, 6], 6),
])
def test_sequences(layer: Layer, shape: list[float], expected: Any) -> None:
    x = np.array([[shape]], np.float32)
    bench = Bench(layer, (x.shape[1:],), batch=1)
    assert bench.play(replace(bench.draw(), x=(x,))).y[0, 0].tolist() == expected


def test_words_of_sequences() -> None:
    assert MaxPool1D().notes((1, 5)) == (
        "5 does not divide by 2: the last value is left out.",)
    assert AvgPool1D(kernel=3).subtitle() == "average 3, stride 2"
    with pytest.raises(ShapeError, match="more than half of the window's length 2"):
        MaxPool1D(padding=2).output_shape((1, 5))
    with pytest.raises(ShapeError, match="Use MaxPool2D for images"):
        MaxPool1D().output_shape((3, 5, 5))


@pytest.mark.parametrize("layer", [MaxPool2D, AvgPool2D])
@pytest.mark.parametrize(("kernel", "stride", "expected"), [
    ((2, 2), (2, 2), (4, 3)), ((3, 1), (2, 4), (4, 2)), ((5, 2), (1, 3), (7, 2))])
def test_same_is_the_size_divided_by_the_stride(
        layer: type[Pool2D], kernel: Any, stride: Any, expected: Shape) -> None:
    pool = layer(kernel=kernel, stride=stride, padding="same")
    assert pool.output_shape((2, 7, 6)) == (2, *expected)


def test_global_maximum_passes_nan_and_the_gradient_to_one_place() -> None:
    x = np.array([[[[1, 7], [7, 2]], [[np.nan, 5], [6, 1]]]], np.float32)
    y, winner, dx = np.empty((1, 2), np.float32), np.empty((1, 2), np.int32), np.empty_like(x)
    global_max_forward(planes=2, size=4, x=x, y=y, winner=winner)
    assert y[0, 0] == 7
    assert np.isnan(y[0, 1])
    assert winner.tolist() == [[1, 0]]
    max_pool_backward(planes=2, size=4, windows=1, winner=winner,
                      dy=np.array([[3, 4]], np.float32), dx=dx)
    assert dx.ravel().tolist() == [0, 3, 0, 0, 4, 0, 0, 0]


# -- fractional -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "expected"), [
    # The examples of torch.nn.FractionalMaxPool2d's documentation
    ({"kernel": (3, 3), "output_size": (13, 12)}, (13, 12)),
    ({"kernel": (3, 3), "output_ratio": 0.5}, (25, 16)),
])
def test_fractional_sizes(settings: dict[str, Any], expected: Shape) -> None:
    assert FractionalMaxPool2D(**settings).output_shape((16, 50, 32)) == (16, *expected)
    with pytest.raises(ShapeError, match="Choose an output of at most 4"):
        FractionalMaxPool2D(output_size=(5, 5)).output_shape((1, 5, 9))


def test_fractional_windows_are_drawn_for_each_step_sample_and_channel() -> None:
    layer = FractionalMaxPool2D(output_ratio=0.6)
    bench = Bench(layer, ((3, 20, 23),), batch=4)
    given = bench.draw()
    drawn = []
    for _ in range(2):
        bench.session.forward_to("batch")
        drawn.append(bench.session.values(f"{bench.id}.draws").copy())
    values = np.concatenate(drawn).ravel()
    assert len(set(values.tolist())) == len(values)
    assert ((values >= 0) & (values < 1)).all()
    # Again from the start: the same windows.
    first = bench.play(given).y
    assert np.array_equal(bench.session.values(f"{bench.id}.draws"), drawn[0])
    assert first.shape == (4, 3, 12, 13)


def test_fractional_intervals_cover_the_image() -> None:
    """Windows of 2 one or two steps apart (Graham's disjoint and overlapping cases), to the end."""
    x = np.arange(9, dtype=np.float32).reshape(1, 1, 9)
    y, winner = np.empty((1, 1, 5), np.float32), np.empty((1, 1, 5), np.int32)
    for draw in np.linspace(0, 0.999, 50, dtype=np.float32):
        fractional_max_pool2d_forward(
            planes=1, height=1, width=9, out_height=1, out_width=5, kernel_height=1,
            kernel_width=2, draws=np.array([draw, 0], np.float32), x=x, y=y, winner=winner)
        starts = y[0, 0] - 1
        assert starts[0] == 0
        assert starts[-1] == 7
        assert set(np.diff(starts)) <= {1, 2}
