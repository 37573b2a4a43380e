"""Convolution of sequences, transposed convolution and upsampling: numbers from elsewhere."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground.layers.base import Layer, Shape, ShapeError
from playground.layers.conv import Conv1D, Conv2D
from playground.layers.transposed import ConvTranspose2D
from playground.layers.upsample import Upsample2D
from tests.cases import Case, fits
from tests.gradient_check import Bench
from tests.test_parity import check_layer


def run(layer: Layer, x: Any, **weights: Any) -> np.ndarray:
    """The output for one sample."""
    x = np.asarray(x, np.float32)
    bench = Bench(layer, (x.shape,), batch=1)
    given = bench.draw()
    w = {name: np.asarray(weights[name], np.float32).reshape(given.w[name].shape)
         for name in given.w}
    return bench.play(replace(given, x=(x[None],), w=w)).y[0]


# -- sequences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "length", "expected"), [
    # floor((L + 2 p - d (k - 1) - 1) / s + 1), PyTorch's Conv1d
    ({"kernel": 3, "stride": 2}, 50, 24),
    ({"kernel": 5, "padding": 2, "dilation": 3, "stride": 2}, 50, 21),
    # Keras: same = ceil(L / s), causal = L at stride 1
    ({"kernel": 4, "padding": "same", "stride": 3}, 50, 17),
    ({"kernel": 4, "padding": "causal"}, 50, 50),
    ({"kernel": 4, "padding": "full"}, 50, 53),
])
def test_lengths(settings: dict[str, Any], length: int, expected: int) -> None:
    assert Conv1D(channels=7, **settings).output_shape((16, length)) == (7, expected)


def test_a_difference_filter_by_hand() -> None:
    layer = Conv1D(channels=1, kernel=2)
    assert run(layer, [[1, 4, 9, 16]], w=[-1, 1], b=[0.5]).tolist() == [[3.5, 5.5, 7.5]]


def test_causal_outputs_do_not_see_the_future() -> None:
    layer = Conv1D(channels=2, kernel=3, dilation=2, padding="causal")
    bench = Bench(layer, ((3, 11),))
    given = bench.draw()
    x = given.x[0].copy()
    x[:, :, 6:] += 1
    before, after = bench.play(given).y, bench.play(replace(given, x=(x,))).y
    assert np.array_equal(before[:, :, :6], after[:, :, :6])
    assert not np.array_equal(before[:, :, 6], after[:, :, 6])


def test_words_of_images() -> None:
    # A decoder begins with a code or a sequence: these cannot be connected elsewhere.
    for shape in ((64,), (50, 128)):
        with pytest.raises(ShapeError, match="or add a Reshape before it"):
            ConvTranspose2D().output_shape(shape)


def test_words_of_sequences() -> None:
    with pytest.raises(ShapeError, match=r"9 does not fit a sequence of 5\..*Permute to 2, 1"):
        Conv1D(kernel=9).output_shape((2, 5))
    with pytest.raises(ShapeError, match=r"needs a sequence \(channels, length\), got 5\. Add"):
        Conv1D().output_shape((5,))
    with pytest.raises(ShapeError, match="Use Conv2D for images"):
        Conv1D().output_shape((3, 5, 5))
    with pytest.raises(ShapeError, match="cannot mirror a sequence of length 4"):
        Conv1D(padding=4, padding_mode="reflect").output_shape((1, 4))
    assert Conv1D(kernel=2, stride=2).notes((1, 5)) == (
        "5 does not divide by 2: the last value is left out.",)
    assert Conv1D(stride=2, dilation=3).subtitle() == "8 @ 3, stride 2, dilation 3, valid"
    assert Conv1D().parameters((4, 9))[0].shape == (8, 4, 3)


def test_depthwise_is_explained() -> None:
    with pytest.raises(ShapeError, match="A depthwise convolution here has 6 groups, and as many"):
        Conv2D(channels=8, groups=4).output_shape((6, 9, 9))
    assert Conv2D(channels=12, groups=6).parameters((6, 9, 9))[0].shape == (12, 1, 3, 3)


# -- transposed convolution -----------------------------------------------------------------------


def test_a_pixel_stamps_the_kernel() -> None:
    kernel = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    layer = ConvTranspose2D(channels=1, kernel=(3, 3), stride=(2, 2), padding="valid")
    y = run(layer, [[[2, 0], [0, 1]]], w=kernel, b=[0])
    assert y.tolist() == [[[2, 4, 6, 0, 0], [8, 10, 12, 0, 0], [14, 16, 19, 2, 3],
                           [0, 0, 4, 5, 6], [0, 0, 7, 8, 9]]]


@pytest.mark.parametrize(("settings", "image", "expected"), [
    # PyTorch's example: what Conv2d(16, 16, 3, stride=2, padding=1) made of 12 x 12, back
    ({"kernel": (3, 3), "padding": (1, 1)}, (6, 6), (11, 11)),
    ({"kernel": (3, 3), "padding": (1, 1), "output_padding": (1, 1)}, (6, 6), (12, 12)),
    ({"kernel": (3, 5), "stride": (2, 1), "padding": (4, 2), "dilation": (3, 1)},
     (20, 50), (37, 50)),
    # DCGAN: 4 x 4, stride 2, padding 1 doubles; Keras' same does so for every kernel
    ({"kernel": (4, 4), "padding": (1, 1)}, (4, 4), (8, 8)),
    ({"kernel": (5, 2), "padding": "same"}, (7, 5), (14, 10)),
    ({"kernel": (2, 1), "stride": (3, 4), "padding": "same"}, (2, 3), (6, 12)),
    ({"kernel": (3, 4), "padding": "valid"}, (5, 5), (11, 12)),
])
def test_transposed_sizes(settings: dict[str, Any], image: Shape, expected: Shape) -> None:
    assert ConvTranspose2D(**settings).output_shape((16, *image)) == (8, *expected)


@pytest.mark.parametrize(("settings", "words"), [
    ({"padding": (1, 1), "output_padding": (2, 0)}, "must be less than the stride 2"),
    ({"padding": "same", "output_padding": (1, 0)}, "Set the output padding to 0"),
    ({"padding": (3, 3)}, "Choose less padding"),
    ({"groups": 3}, "3 groups do not divide the 2 input channels"),
])
def test_transposed_errors(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        ConvTranspose2D(**settings).output_shape((2, 2, 3))


TRANSPOSED = [
    ConvTranspose2D(channels=6, kernel=(3, 2), stride=stride, padding=padding, groups=groups,
                    output_padding=output_padding, dilation=dilation)
    for stride, padding, output_padding, dilation, groups in itertools.product(
        [(1, 1), (2, 3)], ["valid", "same", (1, 0), (1, 2)], [(0, 0), (1, 0), (0, 1)],
        [(1, 1), (2, 1), (1, 3)], [1, 2])]


@pytest.mark.torch
@pytest.mark.parametrize("layer", [t for t in TRANSPOSED if fits(t, ((4, 5, 4),))],
                         ids=lambda t: str(Case(t, ((4, 5, 4),))))
def test_transposed_convolution_is_theirs(torch: Any, layer: ConvTranspose2D) -> None:
    check_layer(torch, layer, ((4, 5, 4),))


# -- upsampling -----------------------------------------------------------------------------------

SQUARE = [[[1, 2], [3, 4]]]


def test_nearest_repeats_pixels() -> None:
    y = run(Upsample2D(scale_factor=(2, 3)), SQUARE)
    assert y.tolist() == [[[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 4, 4, 4]] * 2]


@pytest.mark.parametrize(("align_corners", "first", "last"), [
    # The examples of torch.nn.Upsample's documentation.
    (False, [1, 1.25, 1.75, 2], [3, 3.25, 3.75, 4]),
    (True, [1, 1.3333, 1.6667, 2], [3, 3.3333, 3.6667, 4]),
])
def test_bilinear(align_corners: bool, first: list[float], last: list[float]) -> None:
    y = run(Upsample2D(mode="bilinear", align_corners=align_corners), SQUARE)
    np.testing.assert_allclose(y[0, 0], first, atol=1e-4)
    np.testing.assert_allclose(y[0, 3], last, atol=1e-4)
    middle = 2.0 if align_corners else 1.75
    assert y[0, 1, 1] == pytest.approx(middle, abs=1e-4)


@pytest.mark.torch
@pytest.mark.parametrize("scale", [(1, 1), (2, 2), (3, 5), (4, 1)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 7, 5), (3, 1, 19)])
@pytest.mark.parametrize("align_corners", [False, True])
def test_bilinear_is_theirs(torch: Any, scale: Any, shape: Shape, align_corners: bool) -> None:
    check_layer(torch, Upsample2D(scale_factor=scale, mode="bilinear",
                                  align_corners=align_corners), (shape,))
