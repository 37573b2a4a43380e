"""Sequences without recurrence: numbers by hand, symbols, and the sentences."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import kernels
from playground.data import Dataset, make_dataset
from playground.graph import Graph
from playground.layers.base import Layer, ShapeError, Signal, make_layer
from playground.layers.core import Dense, Identity
from playground.layers.sequence import Embedding, LastStep, MeanOverTime, OneHot, Reverse
from playground.session import Session
from playground.shapes import check
from playground.training import Adam, Training
from tests.gradient_check import Bench, Given
from tests.networks import Samples, row

WORD = [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]
"""Two sequences of three symbols."""


class Words(Samples, frozen=True, kw_only=True):
    """Sequences of symbols; the class says whether the symbol 2 comes more often than 3."""

    kind, label, category = "words", "Words", "data"

    length: int = 6

    def dataset(self) -> Dataset:
        return _words(self)

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        values, target = super().infer(*x)
        return (Signal(values.shape, classes=5), target)


@lru_cache
def _words(made: Words) -> Dataset:
    random = np.random.default_rng(1)
    x = random.integers(5, size=(made.count, made.length))
    more = (x == 2).sum(axis=1) > (x == 3).sum(axis=1)
    return make_dataset("words", x, more.astype(int), ["no", "yes"])


def words(*steps: Any, **training: Any) -> Graph:
    data = Words(count=400)
    return row(data, *steps, training=Training(batch=32, **training))


def play(layer: Layer, x: Any, dy: Any = None, **w: Any) -> tuple[Bench, Any]:
    x = np.asarray(x, np.float32)
    bench = Bench(layer, (x.shape[1:],), batch=len(x))
    drawn = bench.draw()
    given = Given((x,), {n: np.asarray(w.get(n, v), np.float32) for n, v in drawn.w.items()},
                  drawn.dy if dy is None else np.asarray(dy, np.float32))
    return bench, bench.play(given)


def test_a_symbol_gets_its_row() -> None:
    w = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    _, came = play(Embedding(vocabulary=3, dimension=2), WORD, w=w)
    np.testing.assert_array_equal(came.y[0], [[1, 2], [3, 4], [3, 4]])
    np.testing.assert_array_equal(came.y[1], [[3, 4], [1, 2], [3, 4]])


def test_gradients_of_a_symbol_add_up_in_its_row() -> None:
    dy = [[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]]
    _, came = play(Embedding(vocabulary=3, dimension=1), WORD, dy=dy)
    np.testing.assert_array_equal(came.dw["w"], [[1 + 20], [2 + 3 + 10 + 30], [0]])


def test_what_is_no_symbol_is_not_hidden() -> None:
    x = np.array([1, 3, -1, np.nan, np.inf, 2.0001], np.float32)
    w, y = np.arange(6, dtype=np.float32).reshape(3, 2), np.zeros((6, 2), np.float32)
    sizes = {"symbols": 6, "vocabulary": 3}
    kernels.symbols.embedding_forward(**sizes, dimension=2, x=x, w=w, y=y)
    np.testing.assert_array_equal(y, [[2, 3], *[[np.nan] * 2] * 4, [4, 5]])
    hot, dw = np.zeros((6, 3), np.float32), np.ones((3, 2), np.float32)
    kernels.symbols.one_hot(**sizes, x=x, y=hot)
    np.testing.assert_array_equal(hot, [[0, 1, 0], *[[np.nan] * 3] * 4, [0, 0, 1]])
    kernels.symbols.embedding_gradient(**sizes, dimension=2, x=x, dy=np.ones_like(y), dw=dw)
    np.testing.assert_array_equal(dw, [[0, 0], [1, 1], [1, 1]])


def test_one_hot_of_symbols_and_of_one_label() -> None:
    _, came = play(OneHot(), WORD)
    np.testing.assert_array_equal(came.y[0], [[1, 0], [0, 1], [0, 1]])
    assert OneHot().infer(Signal((), classes=10)) == (Signal((10,)),)
    assert OneHot().infer(Signal((7,), classes=4)) == (Signal((7, 4)),)


def test_along_the_time_axis() -> None:
    x = [[[1.0, 2.0], [3.0, 4.0], [8.0, 0.0]]]
    np.testing.assert_array_equal(play(LastStep(), x)[1].y, [[8, 0]])
    np.testing.assert_array_equal(play(Reverse(), x)[1].y, [[[8, 0], [3, 4], [1, 2]]])
    np.testing.assert_allclose(play(MeanOverTime(), x)[1].y, [[4, 2]], rtol=1e-6)


def test_every_time_step_goes_through_the_same_weights() -> None:
    w, x = np.arange(6.0).reshape(2, 3), np.random.default_rng(1).normal(size=(2, 4, 3))
    _, came = play(Dense(units=2), x, w=w, b=[1.0, -1.0])
    assert came.y.shape == (2, 4, 2)
    np.testing.assert_allclose(came.y, x @ w.T + [1, -1], rtol=1e-5, atol=1e-5)


def test_dead_units_of_a_sequence_are_units_and_not_time_steps() -> None:
    bench, _ = play(Dense(units=4, activation="relu"), np.ones((3, 5, 2)),
                    w=[[1, 1], [-1, -1], [1, 0], [0, 1]], b=np.zeros(4))
    assert bench.session.measured("dense_1.inactive") == 0.25


def test_symbols_stay_symbols_where_nothing_is_computed() -> None:
    symbols = Signal((6,), classes=5)
    assert Reverse().infer(symbols) == (symbols,)
    assert Identity().infer(symbols) == (symbols,)
    assert str(symbols) == "6 of 5 classes"
    reversed_words = Session(words(("reverse", {}), ("one_hot", {}), ("mean_over_time", {}),
                                   ("dense", {"units": 2}), ("softmax_cross_entropy", {})))
    reversed_words.run(1)
    x, y = (reversed_words.values(name) for name in ("words_1.x", "reverse_1.y"))
    np.testing.assert_array_equal(y, x[:, ::-1])


@pytest.mark.parametrize(("layer", "signal", "sentence"), [
    (Embedding(vocabulary=4), Signal((6,), 5),
     "The data has 5 symbols, and this Embedding knows 4. Set its vocabulary to 5."),
    (Embedding(), Signal((6,)), "needs symbols"),
    (OneHot(), Signal((3, 4)), "needs symbols"),
    (Dense(), Signal((6,), 5), "Add an Embedding or a 1-of-N"),
    (Dense(), Signal((2, 3, 4)), "Add a Flatten"),
    (LastStep(), Signal((6,)), "needs a sequence"),
    (MeanOverTime(), Signal((2, 3, 4)), "needs a sequence"),
    (Reverse(), Signal((6,)), "needs a sequence"),
])
def test_what_does_not_fit_is_told(layer: Layer, signal: Signal, sentence: str) -> None:
    with pytest.raises(ShapeError, match=sentence):
        layer.infer(signal)


def test_the_sentence_stands_on_the_node() -> None:
    graph = words(("embedding", {"vocabulary": 3}), ("mean_over_time", {}),
                  ("dense", {"units": 2}), ("softmax_cross_entropy", {}))
    assert check(graph).errors == {
        "embedding_1": "The data has 5 symbols, and this Embedding knows 3. "
                       "Set its vocabulary to 5."}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_network_of_symbols_learns(threads: int) -> None:
    graph = words(("embedding", {"vocabulary": 5, "dimension": 4}), ("dense", {"units": 6}),
                  ("mean_over_time", {}), ("dense", {"units": 8, "activation": "tanh"}),
                  ("dense", {"units": 2}), ("softmax_cross_entropy", {}),
                  optimizer=Adam(learning_rate=0.02))
    assert check(graph).trainable, check(graph).graph_error
    session = Session(graph, threads=threads)
    session.run(400)
    assert session.validate().metric > 0.95
    # Data nobody can push on: the embedding is asked for no gradient of its input.
    assert "words_1.dx" not in session.program.tensors


def test_pytorch_starts_embeddings_with_deviation_1() -> None:
    session = Session(words(("embedding", {"vocabulary": 400, "dimension": 50}),
                            ("mean_over_time", {}), ("dense", {"units": 2}),
                            ("softmax_cross_entropy", {})))
    w = session.values("embedding_1.w")
    assert abs(float(w.mean())) < 0.03
    assert float(w.std()) == pytest.approx(1, rel=0.02)
    assert make_layer("embedding", {}).settings()["initializer"] == "pytorch"
