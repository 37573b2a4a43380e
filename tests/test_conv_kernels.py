"""Convolution kernels against slow, obvious NumPy loops, and against PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.lowering import Geometry
from playground.layers.base import Shape, ShapeError
from playground.layers.conv import Conv2D

# Asymmetric on purpose: height ≠ width everywhere, and sizes that leave tiles half filled.
CASES: dict[str, tuple[int, Shape, Conv2D]] = {
    "one pixel": (1, (1, 1, 1), Conv2D(channels=1, kernel=(1, 1))),
    "plain": (3, (2, 6, 7), Conv2D(channels=3, kernel=(3, 2))),
    "many maps": (2, (3, 5, 4), Conv2D(channels=23, kernel=(2, 3))),
    "no bias": (2, (2, 5, 6), Conv2D(channels=4, bias=False)),
    "1x1": (2, (5, 4, 7), Conv2D(channels=3, kernel=(1, 1))),
    "same": (2, (2, 7, 5), Conv2D(channels=5, kernel=(3, 5), padding="same")),
    "same, even kernel": (2, (2, 7, 5), Conv2D(channels=3, kernel=(4, 2), padding="same")),
    "same, stride": (2, (2, 8, 5), Conv2D(channels=3, stride=(3, 2), padding="same")),
    "full": (2, (2, 4, 5), Conv2D(channels=3, kernel=(3, 2), padding="full")),
    "padding beyond the kernel": (2, (1, 3, 4), Conv2D(channels=2, kernel=(1, 2), padding=(2, 3))),
    "stride": (3, (2, 9, 8), Conv2D(channels=5, kernel=(3, 2), stride=(2, 3))),
    "stride 2, wide": (2, (3, 9, 75), Conv2D(channels=5, stride=(2, 2), padding=(1, 1))),
    "stride 4, wide": (3, (2, 14, 151), Conv2D(channels=3, kernel=(5, 7), stride=(2, 4))),
    "stride beyond the kernel": (2, (2, 9, 11), Conv2D(channels=3, kernel=(2, 1), stride=(3, 4))),
    "dilation": (2, (2, 9, 8), Conv2D(channels=3, kernel=(3, 2), dilation=(2, 3))),
    "all at once": (3, (4, 11, 9), Conv2D(
        channels=6, kernel=(3, 2), stride=(2, 3), dilation=(3, 2), groups=2, padding=(2, 1))),
    "groups": (2, (6, 5, 7), Conv2D(channels=9, groups=3, padding=(0, 1))),
    "depthwise": (2, (5, 6, 4), Conv2D(channels=10, groups=5, padding="same")),
    "blocks and a rest": (19, (2, 12, 9), Conv2D(channels=3)),
    "wide": (1, (1, 40, 57), Conv2D(channels=7, kernel=(5, 5), padding="same")),
    "deep": (1, (70, 3, 4), Conv2D(channels=9, kernel=(2, 2))),
    "ragged slices": (2, (30, 40, 37), Conv2D(channels=5, padding="same")),
    "one tile": (2, (16, 4, 5), Conv2D(channels=17, padding="same")),
    # Many maps, many weights each: packed.
    "packed": (2, (9, 8, 7), Conv2D(channels=97, kernel=(5, 5), padding="same")),
    "packed, no bias, stride": (3, (49, 9, 11), Conv2D(
        channels=101, kernel=(2, 3), stride=(2, 3), bias=False)),
    "packed, groups": (5, (120, 6, 5), Conv2D(
        channels=196, kernel=(2, 2), groups=2, padding=(1, 0))),
    "packed, ragged slices": (1, (43, 2, 200), Conv2D(channels=97, kernel=(1, 25))),
    # From here on by Winograd's kernels.
    "winograd": (2, (16, 8, 12), Conv2D(channels=16, padding="same")),
    "winograd, ragged": (3, (19, 11, 14), Conv2D(channels=21)),
    "winograd, full": (2, (18, 10, 5), Conv2D(channels=35, padding="full", bias=False)),
    "winograd, uneven padding": (2, (17, 7, 9), Conv2D(channels=16, padding=(2, 0))),
    "winograd, many blocks": (5, (49, 15, 16), Conv2D(channels=33, padding="same")),
    "winograd, wide": (1, (16, 8, 250), Conv2D(channels=17, padding=(0, 1))),
}


class Convolution:
    """Random arrays for a layer, and its kernels; outputs and workspace begin as NaN."""

    def __init__(self, batch: int, shape: Shape, layer: Conv2D) -> None:
        random = np.random.default_rng(0)
        self.layer, self.geometry = layer, layer.geometry(batch, shape)
        weight_shape = layer.parameters(shape)[0].shape
        self.x = random.normal(size=(batch, *shape)).astype(np.float32)
        self.w = random.normal(size=weight_shape).astype(np.float32)
        self.b = random.normal(size=layer.channels).astype(np.float32)
        self.dy = random.normal(size=(batch, *layer.output_shape(shape))).astype(np.float32)
        self.method = layer.method(batch, shape)
        self.work = np.full(self.method.workspace + 64, np.nan, np.float32)
        self._operands: dict[str, Any] = {**self.method.operands, "work": self.work}
        self._input_operands: dict[str, Any] = {**self.method.input_operands, "work": self.work}

    def forward(self) -> np.ndarray:
        y = np.full_like(self.dy, np.nan)
        self.method.forward(**self._operands, x=self.x, w=self.w, y=y,
                            b=self.b if self.layer.bias else 0)
        return y

    def weight_gradient(self) -> tuple[np.ndarray, np.ndarray]:
        dw, db = np.full_like(self.w, np.nan), np.full_like(self.b, np.nan)
        self.method.weight_gradient(**self._operands, x=self.x, dy=self.dy, dw=dw,
                                    db=db if self.layer.bias else 0)
        return dw, db

    def input_gradient(self) -> np.ndarray:
        dx = np.full_like(self.x, np.nan)
        self.method.input_gradient(**self._input_operands, dy=self.dy, w=self.w, dx=dx)
        return dx


def reference(x: np.ndarray, w: np.ndarray, b: np.ndarray, layer: Conv2D,
              g: Geometry) -> np.ndarray:
    """The definition of convolution, one output at a time."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (g.top, g.bottom), (g.left, g.right)))
    y = np.zeros((g.batch, g.out_channels, g.out_height, g.out_width))
    inputs, outputs = g.in_channels // g.groups, g.out_channels // g.groups
    for o, i, j in np.ndindex(y.shape[1:]):
        rows = i * g.stride_height + np.arange(g.kernel_height) * g.dilation_height
        columns = j * g.stride_width + np.arange(g.kernel_width) * g.dilation_width
        first = o // outputs * inputs
        window = padded[:, first:first + inputs][:, :, rows][:, :, :, columns]
        y[:, o, i, j] = (window * w[o]).sum((1, 2, 3)) + (b[o] if layer.bias else 0)
    return y


def close(actual: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max()))


@pytest.fixture(params=CASES.values(), ids=CASES)
def convolution(request: pytest.FixtureRequest) -> Convolution:
    return Convolution(*request.param)


def test_forward(convolution: Convolution) -> None:
    c = convolution
    assert close(c.forward(), reference(c.x, c.w, c.b, c.layer, c.geometry))


def test_gradients_are_the_adjoint(convolution: Convolution) -> None:
    """Convolution is linear in x and in w: <dy, conv(x', w)> = <dx, x'>, and the same for w."""
    c, random = convolution, np.random.default_rng(1)
    dx, (dw, db), nothing = c.input_gradient(), c.weight_gradient(), np.zeros_like(c.b)
    for _ in range(3):
        x, w = random.normal(size=c.x.shape), random.normal(size=c.w.shape)
        by_x = c.dy * reference(x, c.w, nothing, c.layer, c.geometry)
        assert np.isclose((dx * x).sum(), by_x.sum(), rtol=1e-5, atol=1e-5 * np.abs(by_x).sum())
        by_w = c.dy * reference(c.x, w, nothing, c.layer, c.geometry)
        assert np.isclose((dw * w).sum(), by_w.sum(), rtol=1e-5, atol=1e-5 * np.abs(by_w).sum())
    if c.layer.bias:
        assert close(db, c.dy.astype(np.float64).sum((0, 2, 3)))


@pytest.mark.parametrize("name", ["plain", "all at once", "same, stride"])
def test_gradients_by_finite_differences(name: str) -> None:
    c = Convolution(*CASES[name])

    def loss(x: np.ndarray, w: np.ndarray) -> float:
        return float((c.dy * reference(x, w, c.b, c.layer, c.geometry)).sum())

    dx, (dw, _) = c.input_gradient(), c.weight_gradient()
    for i in range(0, c.x.size, 37):
        step = np.zeros(c.x.size)
        step[i] = 1e-3
        step = step.reshape(c.x.shape)
        slope = (loss(c.x + step, c.w) - loss(c.x - step, c.w)) / 2e-3
        assert np.isclose(dx.flat[i], slope, rtol=1e-4, atol=1e-4)
    for i in range(0, c.w.size, 5):
        step = np.zeros(c.w.size)
        step[i] = 1e-3
        step = step.reshape(c.w.shape)
        slope = (loss(c.x, c.w + step) - loss(c.x, c.w - step)) / 2e-3
        assert np.isclose(dw.flat[i], slope, rtol=1e-4, atol=1e-4)


def test_nothing_is_written_beyond_the_workspace(convolution: Convolution) -> None:
    c = convolution
    for run in (c.forward, c.weight_gradient, c.input_gradient):
        run()
        assert np.isnan(c.work[c.method.workspace:]).all()


def test_each_way_is_taken_where_it_suits() -> None:
    for name, (batch, shape, layer) in CASES.items():
        taken = layer.method(batch, shape).forward.name
        assert (taken == "winograd_forward") == ("winograd" in name)
        assert (taken == "conv2d_forward_packed") == ("packed" in name)
    for name, turns in (("same", True), ("dilation", False), ("full", True), ("stride", False),
                        ("depthwise", True), ("padding beyond the kernel", True)):
        batch, shape, layer = CASES[name]
        taken = layer.method(batch, shape).input_gradient.name
        assert taken == f"conv2d_input_gradient{'_turned' * turns}"


@pytest.mark.parametrize("name", [name for name in CASES if "winograd" in name])
def test_winograd_is_nearly_as_exact_as_float32(name: str) -> None:
    """Within 5e-6 of the largest value; the error of plain sums in float32 is about 1e-6."""
    c = Convolution(*CASES[name])
    expected = reference(c.x, c.w, c.b, c.layer, c.geometry)
    assert np.abs(c.forward() - expected).max() < 5e-6 * np.abs(expected).max()


def test_winograd_keeps_nonfinite_values_visible() -> None:
    for value in (np.nan, np.inf):
        c = Convolution(*CASES["winograd"])
        c.x[0, 1, 2, 3] = value
        y = c.forward()
        assert not np.isfinite(y[0, :, 1:4, 2:5]).any()
        assert np.isfinite(y[1]).all()


def test_samples_do_not_depend_on_their_block() -> None:
    batch, shape, layer = CASES["blocks and a rest"]
    together = Convolution(batch, shape, layer)
    alone = Convolution(batch, shape, layer)
    assert together.geometry.block > 1
    assert batch % together.geometry.block
    alone._operands |= {"block": 1, "slice": 1}
    assert np.allclose(together.forward(), alone.forward(), rtol=1e-6, atol=1e-6)


def test_nonfinite_values_stay_visible() -> None:
    c = Convolution(2, (2, 6, 7), Conv2D(channels=3, padding="same"))
    c.x[0, 1, 2, 3] = np.nan
    y = c.forward()
    assert np.isnan(y[0]).sum() == 3 * 9
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize("width", [1, 4, 8])
def test_other_vector_widths(width: int, tmp_path: Path) -> None:
    """The kernels of a smaller machine, compiled on this one, in a process and cache of its own."""
    environment = {**os.environ, "PLAYGROUND_VECTOR_WIDTH": str(width),
                   "PLAYGROUND_CACHE_DIR": str(tmp_path)}
    here = Path(__file__).parent
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k",
         "test_forward or adjoint or see_the_same or test_dense or test_max or test_average",
         *(str(here / f"test_{name}.py")
           for name in ("kernels", "conv_kernels", "pool_kernels", "repeats"))],
        check=True, env=environment, cwd=here.parent)


SLOPES = """
import sys
from tests.cases import cases
from tests.gradient_check import Bench, wrong_gradients
from tests.test_every_layer import TOLERANCE
for kind in sys.argv[1:]:
    case = cases(kind)[0]
    wrong = wrong_gradients(Bench(case.layer, case.shapes), TOLERANCE)
    assert not wrong, (kind, wrong)
"""


@pytest.mark.parametrize("width", ["4", "8"])
def test_recurrence_norms_and_attention_with_narrow_vectors(width: str, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", SLOPES, "elman", "jordan", "lstm", "gru", "batch_norm",
         "multi_head_attention"],
        check=True, cwd=Path(__file__).parents[1],
        env={**os.environ, "PLAYGROUND_VECTOR_WIDTH": width, "PLAYGROUND_CACHE_DIR": str(tmp_path)})


@pytest.mark.torch
@pytest.mark.parametrize("name", [n for n, (*_, c) in CASES.items() if "same" not in n])
def test_pytorch_agrees(name: str, torch: Any) -> None:
    c = Convolution(*CASES[name])
    g = c.geometry
    x, w, b = (torch.tensor(array, dtype=torch.float64, requires_grad=True)
               for array in (c.x, c.w, c.b))
    y = torch.nn.functional.conv2d(
        torch.nn.functional.pad(x, (g.left, g.right, g.top, g.bottom)), w,
        b if c.layer.bias else None, c.layer.stride, 0, c.layer.dilation, g.groups)
    y.backward(torch.tensor(c.dy, dtype=torch.float64))
    assert close(c.forward(), y.detach().numpy())
    assert close(c.input_gradient(), x.grad.numpy())
    dw, db = c.weight_gradient()
    assert close(dw, w.grad.numpy())
    if c.layer.bias:
        assert close(db, b.grad.numpy())


# -- the layer --------------------------------------------------------------------------------


def test_articles_sizes_and_counts() -> None:
    stride_2 = Conv2D(channels=2, stride=(2, 2), padding=(1, 1))
    assert stride_2.output_shape((3, 5, 5)) == (2, 3, 3)
    assert Conv2D(channels=1).output_shape((1, 6, 6)) == (1, 4, 4)
    parameters = Conv2D(channels=64, kernel=(5, 5)).parameters((32, 8, 8))
    assert sum(int(np.prod(p.shape)) for p in parameters) == 51_264
    parameters = Conv2D(channels=512).parameters((256, 28, 28))
    assert sum(int(np.prod(p.shape)) for p in parameters) == 1_180_160
    assert parameters[0].shape == (512, 256, 3, 3)


def test_same_is_the_input_over_the_stride() -> None:
    for size in range(1, 12):
        for kernel in range(1, 6):
            for stride in range(1, 5):
                layer = Conv2D(channels=1, kernel=(kernel, 2), stride=(stride, 3), padding="same")
                assert layer.output_shape((1, size, 7)) == (1, -(-size // stride), 3)
    # What is odd goes below and to the right, as in TensorFlow.
    assert Conv2D(kernel=(4, 2), padding="same").border((7, 5)) == (1, 0, 2, 1)


@pytest.mark.parametrize(("layer", "shape", "words"), [
    (Conv2D(), (84,), "Conv2D needs an image (channels, height, width), got a vector of 84."),
    (Conv2D(), (4, 5), "got 4×5"),
    (Conv2D(kernel=(5, 5)), (1, 4, 9), "A window of 5×5 does not fit an image of 4×9."),
    (Conv2D(kernel=(9, 3), padding=(1, 1)), (1, 4, 4), "(6×6 with its padding)"),
    (Conv2D(groups=3), (4, 5, 5), "3 groups do not divide the 4 input channels."),
    (Conv2D(groups=3), (6, 5, 5), "3 groups do not divide the 8 output channels."),
    (Conv2D(padding=(5, 0), padding_mode="reflect"), (1, 5, 5), "less padding"),
    (Conv2D(padding=(0, 6), padding_mode="circular"), (1, 5, 5), "width 5"),
])
def test_errors_are_sentences(layer: Conv2D, shape: Shape, words: str) -> None:
    with pytest.raises(ShapeError) as error:
        layer.output_shape(shape)
    assert words in str(error.value)
    assert str(error.value).endswith(".")


def test_notes_say_what_is_left_out() -> None:
    layer = Conv2D(kernel=(2, 2), stride=(2, 2))
    assert layer.notes((1, 7, 7)) == (
        "7×7 does not divide by 2: the last row and column are left out.",)
    assert layer.notes((1, 8, 7)) == ("8×7 does not divide by 2: the last column is left out.",)
    assert layer.notes((1, 8, 6)) == ()
    assert Conv2D(stride=(2, 2), padding="same").notes((1, 7, 8)) == ()


def test_subtitle() -> None:
    layer = Conv2D(channels=16, kernel=(5, 5), activation="tanh")
    assert layer.subtitle() == "16 @ 5×5, valid · tanh"
    layer = Conv2D(channels=4, stride=(2, 2), padding=(1, 0))
    assert layer.subtitle() == "4 @ 3×3, stride 2, padding 1×0"
