"""Gratings: stripes whose direction, width and colour are what their class says."""

from __future__ import annotations

import numpy as np
import pytest

from playground.data import DataError
from playground.data.gratings import gratings


def test_classes_come_equally_often_and_are_named_apart() -> None:
    drawn = gratings(samples=40, size=8, classes=20)
    assert drawn.x.shape == (40, 3, 8, 8)
    assert np.bincount(drawn.target.astype(int)).tolist() == [2] * 20
    assert len(set(gratings(samples=2, size=8, classes=1000).classes)) == 1000


def test_the_spectrum_has_its_peak_where_the_class_says() -> None:
    """Class 15: 90 degrees (stripes that follow each other downwards), the second width."""
    drawn = gratings(samples=600, size=64, classes=20, noise=0.0, seed=3)
    image = drawn.x[np.flatnonzero(drawn.target == 15)[0]][0]
    spectrum = np.abs(np.fft.fft2(image - image.mean()))[:32, :32]
    down, right = np.unravel_index(spectrum.argmax(), spectrum.shape)
    width = 4 * 8 ** (1 / 9)
    assert right == 0
    assert down == pytest.approx(64 / width, abs=0.6)


def test_the_colour_is_that_of_the_class() -> None:
    drawn = gratings(samples=1000, size=8, classes=1000, noise=0.0)
    red = drawn.x[drawn.target < 100].mean(axis=(0, 2, 3))
    np.testing.assert_allclose(red / red[0], [1, 0.2, 0.2], rtol=1e-4)


def test_the_seed_draws_them() -> None:
    a, b, c = (gratings(samples=4, size=8, seed=seed).x for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize(("settings", "words"), [
    ({"samples": 1}, "samples"), ({"size": 4}, "pixels a side"), ({"classes": 1001}, "classes"),
    ({"samples": 5000, "size": 512}, "Choose fewer or smaller")])
def test_what_cannot_be_made_is_told(settings: dict[str, int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        gratings(**settings)
