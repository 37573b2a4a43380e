"""What the mission says of convolution, pooling, normalisation and over-fitting, in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground.conv_matrix import conv_matrix
from playground.examples import EXAMPLES
from playground.examples.measures import over_fitting_gap
from playground.graph import Graph
from playground.headless import train
from playground.layers.base import Layer
from playground.layers.conv import Conv1D, Conv2D
from playground.layers.pool import AvgPool2D, MaxPool2D
from playground.probes import answer
from playground.session import Session
from playground.snapshot import TensorProbe
from tests.gradient_check import Bench

# -- P6: a convolution is a dense layer with most weights removed and the rest shared --------------


@pytest.mark.parametrize(("layer", "x"), [
    (Conv2D(channels=3, bias=False), (2, 5, 7)),
    (Conv2D(channels=2, kernel=(3, 2), stride=(2, 1), padding=(1, 0), bias=False), (3, 6, 5)),
    (Conv2D(channels=4, groups=2, padding="same", dilation=(2, 1), bias=False), (4, 6, 5)),
    (Conv1D(channels=3, kernel=3, padding="causal", bias=False), (2, 9))], ids=str)
def test_a_convolution_is_a_matrix(layer: Any, x: tuple[int, ...]) -> None:
    bench = Bench(layer, (x,))
    given = bench.draw()
    came = bench.play(given)
    m = conv_matrix(layer, given.w["w"], x)
    samples = given.x[0].reshape(bench.batch, -1)
    np.testing.assert_allclose(came.y.reshape(bench.batch, -1), samples @ m.T, atol=1e-5)
    # The same matrix, the other way round, takes the gradient back.
    assert came.dx[0] is not None
    np.testing.assert_allclose(came.dx[0].reshape(bench.batch, -1),
                               given.dy.reshape(bench.batch, -1) @ m, atol=1e-5)


def test_most_of_that_matrix_is_zero_and_the_rest_is_shared() -> None:
    """conv_1 of lenet5: 150 weights in a matrix of 3.7 million places."""
    graph = EXAMPLES["lenet5"].graph
    w = Session(graph).values("conv_1.w")
    layer = graph.node("conv_1").layer
    assert isinstance(layer, Conv2D)
    m = conv_matrix(layer, w, (1, 28, 28))
    assert m.shape == (6 * 28 * 28, 28 * 28)
    assert np.count_nonzero(m) / m.size < 25 / 784
    assert set(np.unique(m)) == {0.0, *np.unique(w)}
    # Away from the border each kernel stands in full in each of its rows.
    middle = m.reshape(6, 28, 28, 784)[:, 14, 14]
    np.testing.assert_array_equal(middle[middle != 0].reshape(6, 25), w.reshape(6, 25))


def test_a_border_that_mirrors_has_no_such_matrix() -> None:
    with pytest.raises(ValueError, match="border of zeros"):
        conv_matrix(Conv2D(padding_mode="reflect", padding=(1, 1)),
                    np.zeros((8, 1, 3, 3), np.float32), (1, 5, 5))


# -- P7 and P13: pooling ---------------------------------------------------------------------------


def pooled(layer: Layer, image: Any, dy: float = 0.0) -> tuple[Any, Any]:
    """What comes out for one image, and its gradient where that of every output is dy."""
    bench = Bench(layer, (image.shape,), batch=1)
    given = bench.draw()
    came = bench.play(replace(given, x=(image[None],), dy=np.full_like(given.dy, dy)))
    assert came.dx[0] is not None
    return came.y.reshape(layer.output_shape(image.shape)), came.dx[0].reshape(image.shape)


@pytest.mark.parametrize("layer", [MaxPool2D(), AvgPool2D()], ids=str)
def test_pooling_has_no_parameters_and_keeps_channels(layer: Any) -> None:
    assert layer.parameters((5, 8, 6)) == ()
    assert layer.output_shape((5, 8, 6)) == (5, 4, 3)


def test_max_pooling_hides_a_shift_within_its_windows() -> None:
    image, shifted = np.zeros((2, 1, 4, 6), np.float32)
    for row, column in ((0, 0), (2, 2), (0, 4)):
        image[0, row, column], shifted[0, row, column + 1] = 1, 1
    assert (image != shifted).sum() == 6
    np.testing.assert_array_equal(pooled(MaxPool2D(), image)[0], pooled(MaxPool2D(), shifted)[0])


def test_each_pooling_makes_less_of_a_pixel_s_shift() -> None:
    """What the note of cnn-digits claims, of 100 digits moved to the right by one: the distance
    between what a layer gives before and after, as a share of its length before."""
    session = Session(EXAMPLES["cnn-digits"].graph)
    session.run(600)

    def changes(node: str) -> float:
        pairs = [[answer(session, TensorProbe(f"{node}.y", i, source="validation", moved=moved))
                  for moved in (0, 1)] for i in range(100)]
        return float(np.mean([np.linalg.norm(after - before) / np.linalg.norm(before)
                              for before, after in pairs]))

    conv_1, pool_1, conv_2, pool_2 = map(changes, ("conv_1", "pool_1", "conv_2", "pool_2"))
    assert pool_1 < 0.8 * conv_1
    assert pool_2 < 0.9 * conv_2


def test_a_moved_sample_is_black_where_it_came_from() -> None:
    session = Session(EXAMPLES["cnn-digits"].graph)
    first, right, left = (session.data.raw(answer(session, TensorProbe(
        "digits_1.x", 0, source="validation", moved=moved))[None])[0, 0] for moved in (0, 2, -1))
    np.testing.assert_allclose(right[:, 2:], first[:, :-2], atol=1e-5)
    np.testing.assert_allclose(left[:, :-1], first[:, 1:], atol=1e-5)
    np.testing.assert_allclose([*right[:, 0], *right[:, 1], *left[:, -1]], 0, atol=1e-5)


def test_max_pooling_routes_the_gradient_and_average_pooling_spreads_it() -> None:
    """[1 3; 2 0] gives 3, and its gradient goes to the 3 alone; the mean gives each a quarter."""
    x = np.array([[[1, 3], [2, 0]]], np.float32)
    y, dx = pooled(MaxPool2D(), x, dy=8)
    assert (y.tolist(), dx.tolist()) == ([[[3]]], [[[0, 8], [0, 0]]])
    y, dx = pooled(AvgPool2D(), x, dy=8)
    assert (y.tolist(), dx.tolist()) == ([[[1.5]]], [[[2, 2], [2, 2]]])


# -- P5: batch normalisation-----------------------------------------------------------------------


def steps_to(loss: float, graph: Graph, most: int) -> int:
    """After how many steps the mean loss of the last 20 is below; `most` where it never is."""
    history = train(graph, steps=most).session.history.view()
    means = np.convolve(history.mean("loss"), np.full(20, 1 / 20), "valid")
    below = np.flatnonzero(means < loss)
    return int(history.step[below[0] + 19]) if len(below) else most


def test_batch_norm_needs_a_third_of_the_steps() -> None:
    example = EXAMPLES["batch-norm"]
    (without,) = example.variations
    assert 3 * steps_to(1.0, example.graph, 1200) <= steps_to(1.0, without.graph, 1200)


# -- P12: over-fitting -----------------------------------------------------------------------------


def gap(graph: Graph) -> float:
    """How much dearer the validation part is than the training part."""
    return over_fitting_gap(train(graph, epochs=300))


def test_dropout_and_weight_decay_narrow_the_gap() -> None:
    example = EXAMPLES["over-fitting"]
    alone = gap(example.graph)
    for variation in example.variations:
        assert gap(variation.graph) < 0.7 * alone
