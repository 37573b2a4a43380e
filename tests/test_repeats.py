"""Winograd's convolution on pictures that repeat themselves: what is exact stays exact."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.repeats import REACH
from playground.layers.conv import Conv2D
from tests.test_conv_kernels import Convolution, close, reference

SHAPE = 13, 22


def flat() -> np.ndarray:
    return np.ones(SHAPE)


def checkerboard(size: int) -> np.ndarray:
    rows, columns = np.indices(SHAPE) // size
    return (rows + columns) % 2


def stripes(size: int) -> np.ndarray:
    return np.indices(SHAPE)[1] // size % 2


def shapes() -> np.ndarray:
    """A box, a U, a diagonal and a ring on a ground of zeros."""
    picture = np.zeros(SHAPE)
    picture[1:5, 1:6] = 1
    picture[6:12, 2], picture[6:12, 9], picture[11, 2:10] = 2, 2, 2
    picture[range(8), range(11, 19)] = 3
    picture[7:13, 14:20], picture[8:12, 15:19] = 1, 0
    return picture


PICTURES = {
    "dark": 0 * flat(), "flat": flat(), "checkerboard": checkerboard(1),
    "checkerboard of 2": checkerboard(2), "stripes": stripes(1), "stripes of 3": stripes(3),
    "diagonals": np.add(*np.indices(SHAPE)) % 3, "shapes": shapes(),
    "shapes on a bright ground": shapes() + 0.1, "noise": np.arange(SHAPE[0] * SHAPE[1]),
}
LAYERS = [Conv2D(channels=17, padding="same"), Conv2D(channels=16),
          Conv2D(channels=18, padding=(0, 2), bias=False)]


def in_colours(picture: np.ndarray, batch: int, channels: int) -> np.ndarray:
    """Each value of a one-colour picture becomes a random colour of its own; 0 stays 0."""
    values, names = np.unique(picture, return_inverse=True)
    colours = np.random.default_rng(5).normal(size=(len(values), batch, channels))
    colours[values == 0] = 0
    return np.moveaxis(colours[names.reshape(SHAPE)], (0, 1), (2, 3)).astype(np.float32)


def seen(x: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Which outputs of one sample see the same: a number for each, -1 where only zeros."""
    padded = np.zeros((len(x), height + 2, width + 2), np.float32)
    inside = padded[:, top:top + x.shape[1], left:left + x.shape[2]]
    inside[...] = x[:, :inside.shape[1], :inside.shape[2]]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    rows = np.moveaxis(windows, 0, 2).reshape(height * width, -1)
    _, names = np.unique(rows, axis=0, return_inverse=True)
    return np.where(rows.any(axis=1), names.reshape(-1), -1).reshape(height, width)


def check_repeats(x: np.ndarray, y: np.ndarray, top: int, left: int, nothing: np.ndarray) -> bool:
    """Outputs that see the same in one window of a pool are equal; whether there were any."""
    found = False
    for sample, out in zip(x, y, strict=True):
        same = seen(sample, top, left, *out.shape[1:])
        dark = same == -1
        np.testing.assert_array_equal(out[:, dark], np.repeat(nothing[:, None], dark.sum(), 1))
        for i, j in np.ndindex(REACH + 1, 2 * REACH + 1):
            shift = i, j - REACH
            ours, before = (
                (slice(shift[0], None), slice(max(shift[1], 0), out.shape[2] + min(shift[1], 0))),
                (slice(0, out.shape[1] - i),
                 slice(max(-shift[1], 0), out.shape[2] - max(shift[1], 0))))
            alike = same[ours] == same[before]
            np.testing.assert_array_equal(out[(slice(None), *ours)][:, alike],
                                          out[(slice(None), *before)][:, alike])
            found |= bool(alike.any()) and shift != (0, 0)
    return found


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.subtitle())
@pytest.mark.parametrize("name", PICTURES)
def test_outputs_that_see_the_same_are_equal(name: str, layer: Conv2D) -> None:
    c = Convolution(2, (16, *SHAPE), layer)
    assert c.method.forward.name == "winograd_forward"
    c.x[...] = in_colours(PICTURES[name], *c.x.shape[:2])
    y = c.forward()
    assert close(y, reference(c.x, c.w, c.b, c.layer, c.geometry))
    b = c.b if layer.bias else np.zeros_like(c.b)
    assert check_repeats(c.x, y, c.geometry.top, c.geometry.left, b) == (name != "noise")


@pytest.mark.parametrize("name", PICTURES)
def test_gradients_that_see_the_same_are_equal(name: str) -> None:
    c = Convolution(2, (16, *SHAPE), Conv2D(channels=17, padding="same"))
    c.dy[...] = in_colours(PICTURES[name], *c.dy.shape[:2])
    dx = c.input_gradient()
    turned = np.flip(np.swapaxes(c.w, 0, 1), (2, 3))
    expected = reference(c.dy, turned, c.b, Conv2D(channels=16, padding="same", bias=False),
                         Conv2D(channels=16, padding="same").geometry(2, (17, *SHAPE)))
    assert close(dx, expected)
    assert check_repeats(c.dy, dx, 1, 1, np.zeros(16)) == (name != "noise")


def test_one_dark_window_in_noise_gives_the_bias() -> None:
    c = Convolution(3, (16, *SHAPE), Conv2D(channels=17, padding="same"))
    c.x[1, :, 5:8, 9:12] = 0
    y = c.forward()
    np.testing.assert_array_equal(y[1, :, 6, 10], c.b)
    assert close(y, reference(c.x, c.w, c.b, c.layer, c.geometry))


def test_a_difference_in_one_channel_is_seen() -> None:
    """Two flat halves that differ in the last channel alone, by the least a float can."""
    c = Convolution(1, (16, *SHAPE), Conv2D(channels=16))
    c.x[...] = 1
    c.x[:, -1, :, 11:] = np.nextafter(np.float32(1), np.float32(2))
    y = c.forward()[0, :, 0]
    assert (y[:, :9] == y[:, :1]).all()
    assert (y[:, 11:] == y[:, -1:]).all()
    assert (y[:, 0] != y[:, -1]).any()


def test_nonfinite_values_on_a_flat_picture_stay_visible() -> None:
    for value in (np.nan, np.inf):
        c = Convolution(2, (16, *SHAPE), Conv2D(channels=16, padding="same"))
        c.x[...] = 0
        c.x[0, 1, 2, 3] = value
        y = c.forward()
        assert not np.isfinite(y[0, :, 1:4, 2:5]).any()
        np.testing.assert_array_equal(y[1], np.broadcast_to(c.b[:, None, None], y[1].shape))
