"""Attention by hand and against PyTorch's, and a Transformer block that builds and learns."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from playground.data import Dataset, make_dataset
from playground.graph import Graph
from playground.layers.attention import (
    Attention,
    MultiHeadAttention,
    PositionalEncoding,
    Sinusoids,
)
from playground.layers.base import Layer, Shape, ShapeError, Signal, make_layer
from playground.session import Session
from playground.shapes import check
from playground.training import SGD, Adam, Training
from tests.gradient_check import Bench, Given
from tests.networks import Samples
from tests.torch_layers import multi_head_attention
from tests.torch_training import train_both


def add(graph: Graph, kind: str, *sources: str, **settings: object) -> tuple[Graph, str]:
    """The graph with one more node that reads these, and the node's name."""
    graph = graph.with_node(make_layer(kind, settings))
    id = graph.nodes[-1].id
    for source in sources:
        graph = graph.connect(source, id)
    return graph, id


def block(graph: Graph, x: str, width: int, **attention: object) -> tuple[Graph, str]:
    """x + attention, then + two dense layers, each after a layer norm: a Transformer's encoder."""
    graph, normal = add(graph, "layer_norm", x)
    graph, mixed = add(graph, "multi_head_attention", normal, **attention)
    graph, x = add(graph, "add", x, mixed)
    graph, normal = add(graph, "layer_norm", x)
    graph, hidden = add(graph, "dense", normal, units=2 * width, activation="relu")
    graph, out = add(graph, "dense", hidden, units=width)
    return add(graph, "add", x, out)


def ended(graph: Graph, x: str, units: int, loss: str, **training: Any) -> Graph:
    graph, mean = add(graph, "mean_over_time", x)
    graph, out = add(graph, "dense", mean, units=units)
    graph, _ = add(graph, loss, out)
    return graph.with_training(Training(**training))


# -- attention itself -----------------------------------------------------------------------------


def play(layer: Layer, *x: Any) -> tuple[Bench, np.ndarray]:
    arrays = tuple(np.asarray(each, np.float32)[None] for each in x)
    bench = Bench(layer, tuple(a.shape[1:] for a in arrays), batch=1)
    drawn = bench.draw()
    return bench, bench.play(Given(arrays, drawn.w, drawn.dy, drawn.running)).y[0]


QUERIES = [[2.0, 0, 0, 0], [0, 2.0, 0, 0]]
KEYS = [[np.log(3.0), 0, 0, 0], [0, np.log(2.0), 0, 0]]
VALUES = [[8.0], [-4.0]]
"""Four features: the scale 1 / √4 makes the scores log 3 and 0, then 0 and log 2."""


def test_attention_by_hand() -> None:
    bench, y = play(Attention(), QUERIES, KEYS, VALUES)
    weights = bench.session.values("attention_1.weights")[0]
    np.testing.assert_allclose(weights, [[3 / 4, 1 / 4], [1 / 3, 2 / 3]], rtol=1e-6)
    np.testing.assert_allclose(y, [[5.0], [0.0]], atol=1e-5)


def test_causal_attention_does_not_see_what_is_to_come() -> None:
    bench, y = play(Attention(causal=True), QUERIES, KEYS, VALUES)
    np.testing.assert_allclose(bench.session.values("attention_1.weights")[0],
                               [[1, 0], [1 / 3, 2 / 3]], rtol=1e-6)
    np.testing.assert_allclose(y, [[8.0], [0.0]], atol=1e-5)


@pytest.mark.parametrize("heads", [1, 3])
def test_a_change_to_come_changes_nothing_before_it(heads: int) -> None:
    layer = MultiHeadAttention(heads=heads, causal=True)
    x = np.random.default_rng(1).normal(size=(5, 6))
    later = x.copy()
    later[3:] += 1
    _, one = play(layer, x)
    _, other = play(layer, later)
    np.testing.assert_array_equal(one[:3], other[:3])
    assert (one[3:] != other[3:]).all()


def test_scores_of_any_size_give_weights() -> None:
    # Larger than e^x can be, yet their difference decides.
    bench, _ = play(Attention(), [[1e4]], [[1e4], [1e4 - 1e-2]], [[1.0], [0.0]])
    weights = bench.session.values("attention_1.weights")[0]
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.torch
@pytest.mark.parametrize("layer", [
    MultiHeadAttention(heads=2), MultiHeadAttention(heads=3, causal=True, bias=False)], ids=str)
@pytest.mark.parametrize("shapes", [((4, 6),), ((4, 6), (7, 6))], ids=str)
def test_the_weights_of_each_head_are_theirs(
        torch: Any, layer: MultiHeadAttention, shapes: tuple[Shape, ...]) -> None:
    bench = Bench(layer, shapes)
    given = bench.draw()
    bench.play(given)

    def tensors(arrays: Any) -> list[Any]:
        return [torch.tensor(a, dtype=torch.float64) for a in arrays]

    w = dict(zip(given.w, tensors(given.w.values()), strict=True))
    _, theirs = multi_head_attention(layer, tensors(given.x), w)
    ours = bench.session.values("attention_1.weights")
    assert ours.shape == (5, layer.heads, shapes[0][0], shapes[-1][0])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    if not layer.causal:
        np.testing.assert_allclose(ours.sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.torch
def test_pytorch_starts_its_weights_alike(torch: Any) -> None:
    layer = MultiHeadAttention(initializer="pytorch")
    graph = ended(*block(Graph().with_node(Samples(shape=(3, 64), target=(1,))), "samples_1", 64,
                         **layer.settings()), 1, "mean_squared_error")
    session = Session(graph)
    theirs = torch.nn.MultiheadAttention(64, 2)
    for ours, their in (("w", theirs.in_proj_weight), ("w_out", theirs.out_proj.weight)):
        bound = float(their.detach().abs().max())
        assert np.abs(session.values(f"attention_1.{ours}")).max() == pytest.approx(bound, rel=0.02)
    assert not session.values("attention_1.b").any()
    assert not theirs.in_proj_bias.detach().numpy().any()


# -- places ---------------------------------------------------------------------------------------


def test_waves_by_hand() -> None:
    waves = Sinusoids()((3, 4), np.random.default_rng(0))
    expected = [[np.sin(t), np.cos(t), np.sin(t / 100), np.cos(t / 100)] for t in range(3)]
    np.testing.assert_allclose(waves, expected, rtol=1e-6)


def test_waves_are_added_and_do_not_learn() -> None:
    graph, place = add(Graph().with_node(Samples(shape=(3, 4), target=(1,))),
                       "positional_encoding", "samples_1")
    session = Session(ended(graph, place, 1, "mean_squared_error", batch=4))
    session.run(5)
    waves = Sinusoids()((3, 4), np.random.default_rng(0))
    np.testing.assert_allclose(
        session.values("position_1.y"), session.values("samples_1.x") + waves, rtol=1e-6)
    np.testing.assert_array_equal(session.values("position_1.waves"), waves)


def test_learned_places_learn() -> None:
    graph, place = add(Graph().with_node(Samples(shape=(3, 4), target=(1,))),
                       "positional_encoding", "samples_1", encoding="learned")
    session = Session(ended(graph, place, 1, "mean_squared_error", batch=4))
    assert not session.values("position_1.w").any()
    session.run(5)
    assert session.values("position_1.w").all()
    assert "position_1.waves" not in session.program.tensors


# -- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "shapes", "sentence"), [
    (Attention(), ((4, 3), (5, 2), (5, 2)), "Queries of 3 features"),
    (Attention(), ((4, 3), (5, 3), (6, 2)), "every key needs its value"),
    (Attention(), ((4,), (4,), (4,)), "needs a sequence"),
    (MultiHeadAttention(heads=4), ((5, 6),), "divides 6"),
    (MultiHeadAttention(), ((5, 6), (7, 4)), "Add a Dense with 6 units"),
    (PositionalEncoding(), ((3, 4, 5),), "needs a sequence"),
])
def test_what_does_not_fit_is_told(
        layer: Layer, shapes: tuple[Shape, ...], sentence: str) -> None:
    with pytest.raises(ShapeError, match=sentence):
        layer.infer(*(Signal(shape) for shape in shapes))


# -- a Transformer block --------------------------------------------------------------------------


def encoder(**attention: object) -> Graph:
    graph, x = block(Graph().with_node(Samples(shape=(6, 8), target=(2,))), "samples_1", 8,
                     **attention)
    return ended(graph, x, 2, "mean_squared_error", batch=7,
                 optimizer=SGD(learning_rate=0.05, momentum=0.9))


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
def test_a_block_trains_as_in_pytorch(torch: Any, threads: int) -> None:
    session, twin = train_both(encoder(causal=True), 20, threads)
    for name, theirs in twin.w.items():
        np.testing.assert_allclose(session.values(name), theirs.detach(), atol=2e-5)


@pytest.mark.torch
def test_a_block_is_their_encoder_layer(torch: Any) -> None:
    session = Session(encoder(heads=4))
    session.run(10)
    theirs = torch.nn.TransformerEncoderLayer(
        8, 4, dim_feedforward=16, dropout=0.0, batch_first=True, norm_first=True)
    names = {"self_attn.in_proj_weight": "attention_1.w", "self_attn.in_proj_bias": "attention_1.b",
             "self_attn.out_proj.weight": "attention_1.w_out",
             "self_attn.out_proj.bias": "attention_1.b_out",
             "linear1.weight": "dense_1.w", "linear1.bias": "dense_1.b",
             "linear2.weight": "dense_2.w", "linear2.bias": "dense_2.b",
             "norm1.weight": "layer_norm_1.w", "norm1.bias": "layer_norm_1.b",
             "norm2.weight": "layer_norm_2.w", "norm2.bias": "layer_norm_2.b"}
    theirs.load_state_dict({name: torch.tensor(session.values(ours))
                            for name, ours in names.items()})
    x = session.data.x_validation[:5]
    ours = session.evaluator.activations(x)["add_2.y"]
    np.testing.assert_allclose(ours, theirs(torch.tensor(x)).detach(), atol=1e-5)


class Again(Samples, frozen=True, kw_only=True):
    """Sequences of symbols; the class says whether the first one comes again."""

    kind, label, category = "again", "Again", "data"

    def dataset(self) -> Dataset:
        return _again()

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        values, target = super().infer(*x)
        return (Signal(values.shape, classes=6), target)


@lru_cache
def _again() -> Dataset:
    x = np.random.default_rng(3).integers(6, size=(1500, 5))
    again = (x[:, 1:] == x[:, :1]).any(axis=1)
    return make_dataset("again", x, again.astype(int), ["no", "yes"])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_transformer_learns_what_only_attention_sees(threads: int) -> None:
    graph, x = add(Graph().with_node(Again()), "embedding", "again_1", vocabulary=6, dimension=16)
    graph, x = add(graph, "positional_encoding", x, encoding="learned")
    graph, x = block(graph, x, 16)
    graph = ended(graph, x, 2, "softmax_cross_entropy", batch=32,
                  optimizer=Adam(learning_rate=0.005))
    assert check(graph).trainable, check(graph).graph_error
    session = Session(graph, threads=threads)
    session.run(1500)
    assert session.validate().metric > 0.95
