"""Pooling as a matrix: the layers themselves do what it says, forward and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.layers.pool import (
    AvgPool1D,
    AvgPool2D,
    FractionalMaxPool2D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    MaxPool1D,
    MaxPool2D,
)
from playground.pool_matrix import has_matrix, pool_matrix
from tests.gradient_check import Bench


@pytest.mark.parametrize(("layer", "shape"), [
    (MaxPool2D(), (2, 6, 8)), (AvgPool2D(), (2, 6, 8)),
    (MaxPool2D(kernel=(3, 2), stride=(1, 2), padding=(1, 0)), (2, 5, 7)),
    (AvgPool2D(kernel=(3, 3), stride=(2, 2), padding=(1, 1)), (1, 7, 6)),
    (AvgPool2D(kernel=(3, 3), stride=(2, 2), padding=(1, 1), count_include_pad=False), (1, 7, 6)),
    (AvgPool2D(kernel=(2, 2), ceil_mode=True), (2, 5, 7)),
    (MaxPool2D(kernel=(2, 2), ceil_mode=True), (2, 5, 7)),
    (AvgPool2D(kernel=(3, 3), padding="same"), (1, 5, 7)),
    (MaxPool1D(kernel=3, stride=2), (2, 9)), (AvgPool1D(kernel=3, stride=1, padding=1), (2, 9)),
    (GlobalAvgPool2D(), (2, 3, 4)), (GlobalMaxPool2D(), (2, 3, 4)), (GlobalMaxPool1D(), (2, 9)),
], ids=str)
def test_the_matrix_pools_and_its_transpose_routes(layer: Any, shape: tuple[int, ...]) -> None:
    bench = Bench(layer, (shape,))
    given = bench.draw()
    came = bench.play(given)
    assert came.dx[0] is not None
    for sample in range(bench.batch):
        for channel in range(shape[0]):
            x = given.x[0][sample, channel]
            m = pool_matrix(layer, x)
            np.testing.assert_allclose(m @ x.ravel(), came.y[sample, channel].ravel(), atol=1e-5)
            np.testing.assert_allclose(m.T @ given.dy[sample, channel].ravel(),
                                       came.dx[0][sample, channel].ravel(), atol=1e-5)


def test_all_of_a_gradient_goes_on() -> None:
    """To the winner whole; or in equal shares, which add up to it."""
    x = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    largest, mean = pool_matrix(MaxPool2D(), x), pool_matrix(AvgPool2D(), x)
    for m in (largest, mean):
        np.testing.assert_allclose(m.sum(axis=1), 1)
    assert np.all((largest != 0).sum(axis=1) == 1)
    assert np.all((mean != 0).sum(axis=1) == 4)
    assert set(np.unique(mean)) == {0, 0.25}


def test_of_equal_values_one_gets_it_all() -> None:
    m = pool_matrix(MaxPool2D(), np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(m, [[1, 0, 0, 0]])


def test_windows_drawn_at_random_have_none() -> None:
    assert not has_matrix(FractionalMaxPool2D())
