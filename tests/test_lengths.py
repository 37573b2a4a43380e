"""Samples that end before their last time step: what every layer and loss makes of `lengths`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground.graph import Graph
from playground.layers import LAYERS
from playground.layers.attention import Attention, MultiHeadAttention
from playground.layers.base import Layer, ShapeError, Signal, help_of, make_layer
from playground.layers.lengths import LENGTHS
from playground.layers.sequence import LastStep, MeanOverTime, Reverse
from playground.learning import Learning
from playground.optimizers import SGD
from playground.second_order import LeastSquares
from playground.session import Session
from playground.shapes import check
from playground.training import Adam, Training
from tests.gradient_check import Bench, Given
from tests.networks import Feed, Samples, Shapes, Step, learning
from tests.reopened import reopened
from tests.torch_training import train_both

TIME = 4
OWN = np.array([4, 0, 2, 1, 3], np.float32)
"""A whole sample, an empty one, and some between."""
ALONG_TIME: tuple[tuple[Layer, Shapes], ...] = (
    (LastStep(), ((TIME, 3), ())),
    (Reverse(), ((TIME, 3), ())),
    (MeanOverTime(), ((TIME, 3), (1,))),
    (Attention(), ((TIME, 3), (TIME, 3), (TIME, 2), ())),
    (Attention(causal=True), ((TIME, 3), (TIME, 3), (TIME, 2), ())),
    (MultiHeadAttention(), ((TIME, 6), None, ())),
    (MultiHeadAttention(heads=3, causal=True), ((TIME, 6), None, (1,))),
    (MultiHeadAttention(bias=False), ((2, 6), (TIME, 6), ())),
)
EVERY = pytest.mark.parametrize(("layer", "shapes"), ALONG_TIME, ids=str)
RECURRENT = [(make_layer(kind, {"bidirectional": True, "returns": "sequence", "units": 3}),
              ((TIME, 3), ())) for kind in ("elman", "jordan", "lstm", "gru")]
LOSSES = tuple(kind for kind, cls in LAYERS.items()
               if cls.category == "loss" and LENGTHS in cls.inputs)


def drawn(layer: Layer, shapes: Shapes, own: np.ndarray = OWN) -> tuple[Bench, Given]:
    """Random numbers, and these lengths."""
    bench = Bench(layer, shapes, batch=len(own))
    given = bench.draw()
    *x, lengths = given.x
    return bench, Given((*x, own.reshape(lengths.shape)), given.w, given.dy, given.running)


def play(layer: Layer, x: Any, *own: float) -> np.ndarray:
    """Of the sequence (time, features), once for each length."""
    _, given = drawn(layer, (np.shape(x), ()), np.array(own, np.float32))
    bench = Bench(layer, (np.shape(x), ()), batch=len(own))
    sequences = np.tile(np.asarray(x, np.float32), (len(own), 1, 1))
    return bench.play(Given((sequences, given.x[1]), given.w, given.dy)).y


# -- by hand --------------------------------------------------------------------------------------

STEPS = [[1.0, 2.0], [3.0, 4.0], [8.0, 0.0]]


def test_the_last_step_is_the_last_of_the_samples_own() -> None:
    y = play(LastStep(), STEPS, 3, 2, 1, 0)
    np.testing.assert_array_equal(y, [[8, 0], [3, 4], [1, 2], [0, 0]])


def test_padding_stays_where_it_is() -> None:
    a, b, c = STEPS
    y = play(Reverse(), STEPS, 3, 2, 1, 0)
    np.testing.assert_array_equal(y, [[c, b, a], [b, a, c], [a, b, c], [a, b, c]])


def test_the_mean_is_over_the_samples_own_steps() -> None:
    y = play(MeanOverTime(), STEPS, 3, 2, 1, 0)
    np.testing.assert_allclose(y, [[4, 2], [2, 3], [1, 2], [0, 0]], rtol=1e-6)


def test_a_query_sees_the_samples_own_keys() -> None:
    """Keys of 0 match every query as well as any other: each gets the mean of the values."""
    values = np.array([[[6.0], [2.0], [1.0]]] * 4, np.float32)
    bench = Bench(Attention(), ((2, 1), (3, 1), (3, 1), ()), batch=4)
    x = (np.ones((4, 2, 1), np.float32), np.zeros((4, 3, 1), np.float32), values,
         np.array([3, 2, 1, 0], np.float32))
    y = bench.play(Given(x, {}, bench.draw().dy)).y
    np.testing.assert_allclose(y[:, :, 0], [[3, 3], [4, 4], [6, 6], [0, 0]], rtol=1e-6)
    weights = bench.session.values(f"{bench.id}.weights")
    np.testing.assert_allclose(weights[1], [[0.5, 0.5, 0]] * 2, rtol=1e-6)
    assert not weights[3].any()


def test_an_empty_sample_gets_the_offset_of_the_heads() -> None:
    bench, given = drawn(MultiHeadAttention(), ((TIME, 6), None, ()))
    y = bench.play(given).y
    np.testing.assert_allclose(y[1], np.tile(given.w["b_out"], (TIME, 1)), rtol=1e-6)


def test_lengths_are_rounded_and_kept_within_the_sequence() -> None:
    y = play(MeanOverTime(), STEPS, 2.4, 1.6, 99, -3)
    np.testing.assert_allclose(y, [[2, 3], [2, 3], [4, 2], [0, 0]], rtol=1e-6)


# -- of every layer -------------------------------------------------------------------------------


@EVERY
def test_whole_samples_give_what_they_give_without_lengths(layer: Layer, shapes: Shapes) -> None:
    bench, given = drawn(layer, shapes, np.full(5, TIME, np.float32))
    plain = Bench(layer, tuple(shape for shape in shapes[:-1] if shape is not None))
    here = bench.play(given)
    there = plain.play(Given(given.x[:-1], given.w, given.dy, given.running))
    assert here.y.tobytes() == there.y.tobytes()
    for ours, theirs in zip(here.dx[:-1], there.dx, strict=True):
        assert ours is not None
        assert theirs is not None
        assert ours.tobytes() == theirs.tobytes()
    assert here.dx[-1] is not None
    assert not here.dx[-1].any()


@pytest.mark.parametrize(("layer", "shapes"), [*ALONG_TIME, *RECURRENT], ids=str)
def test_a_padded_sample_gives_what_it_gives_alone(layer: Layer, shapes: Shapes) -> None:
    """Its own steps by themselves, cut out and given to the layer without lengths."""
    bench, given = drawn(layer, shapes)
    came = bench.play(given)
    for i, own in enumerate(OWN.astype(int)):
        if not own:
            continue
        *x, _ = (each[i:i + 1] for each in given.x)
        # The memory ends; queries of another sequence are all asked.
        ends = [each.shape[1] == TIME for each in x]
        x = [each[:, :own] if ended else each for each, ended in zip(x, ends, strict=True)]
        alone = Bench(layer, tuple(each.shape[1:] for each in x), batch=1)
        steps = came.y.ndim == 3 and came.y.shape[1] == TIME
        dy = given.dy[i:i + 1, :own] if steps else given.dy[i:i + 1]
        # Whatever queries beyond the end ask for changes nothing else.
        whole = Given(given.x, given.w, given.dy.copy())
        if steps:
            whole.dy[i, own:] = 0
        mine = alone.play(Given(tuple(x), given.w, dy))
        y = came.y[i:i + 1, :own] if steps else came.y[i:i + 1]
        np.testing.assert_allclose(y, mine.y, rtol=1e-5, atol=1e-6)
        together = bench.play(whole)
        for ended, ours, theirs in zip(ends, together.dx, mine.dx, strict=False):
            assert ours is not None
            assert theirs is not None
            part = ours[i:i + 1, :own] if ended else ours[i:i + 1]
            np.testing.assert_allclose(part, theirs, rtol=1e-5, atol=1e-6)


@EVERY
def test_what_stands_beyond_the_length_changes_nothing_before_it(
        layer: Layer, shapes: Shapes) -> None:
    bench, given = drawn(layer, shapes)
    first = bench.play(given).y
    for x in given.x[:-1]:
        if x.shape[1] == TIME:
            x[np.arange(TIME) >= OWN[:, None]] += 1e3
    second = bench.play(given).y
    if first.ndim == 3 and first.shape[1] == TIME:
        own = np.arange(TIME) < OWN[:, None]
        first, second = first[own], second[own]
    np.testing.assert_array_equal(first, second)


@EVERY
def test_a_length_that_is_no_number_shows(layer: Layer, shapes: Shapes) -> None:
    own = OWN.copy()
    own[2] = np.nan
    bench, given = drawn(layer, shapes, own)
    y = bench.play(given).y
    assert np.isnan(y[2]).all()
    assert np.isfinite(y[[0, 1, 3, 4]]).all()


@EVERY
def test_lengths_are_one_number(layer: Layer, shapes: Shapes) -> None:
    signals = [None if shape is None else Signal(shape) for shape in shapes]
    signals[-1] = Signal((2,))
    with pytest.raises(ShapeError, match="one number for each sample"):
        layer.infer(*signals)  # type: ignore[arg-type]


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
@EVERY
def test_five_steps_are_pytorchs(torch: Any, layer: Layer, shapes: Shapes, threads: int) -> None:
    training = Training(batch=7, optimizer=SGD(learning_rate=0.05, momentum=0.9))
    same_weights(learning(layer, shapes, training), threads)


def same_weights(graph: Graph, threads: int) -> None:
    session, twin = train_both(graph, 5, threads)
    for name, theirs in twin.w.items():
        np.testing.assert_allclose(session.values(name), theirs.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["last_step", "mean_over_time"])
def test_the_same_as_of_pytorchs_packed_sequences(torch: Any, kind: str) -> None:
    """What comes out of pad_packed_sequence: its last states, and its mean over the lengths."""
    bench, given = drawn(make_layer(kind, {}), ((TIME, 3), ()), np.array([4, 1, 2, 3], np.float32))
    x, lengths = (torch.tensor(each) for each in given.x)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, lengths.long(), batch_first=True, enforce_sorted=False)
    padded, ends = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    wanted = padded.sum(1) / ends[:, None] if kind == "mean_over_time" else (
        padded[torch.arange(4), ends - 1])
    np.testing.assert_allclose(bench.play(given).y, wanted, rtol=1e-6)


# -- losses ---------------------------------------------------------------------------------------


def along_time(kind: str, classes: int) -> Graph:
    """A per-step network whose loss knows where the samples end."""
    data = Samples(shape=(3 * TIME + 1,), symbols=1, alphabet=TIME + 1, classes=classes,
                   steps=TIME * bool(classes), target=(TIME, 2))
    graph = Graph().with_node(data)
    graph = graph.with_node(Feed(shape=(TIME, 3), learns=False), id="x")
    graph = graph.with_node(Feed(shape=(), start=3 * TIME, learns=False), id="own")
    activation = "sigmoid" if kind == "binary_cross_entropy" else "identity"
    graph = graph.with_node(make_layer("dense", {"units": classes or 2, "activation": activation}))
    graph = graph.with_node(make_layer(kind, {}), id="loss")
    graph = graph.connect("samples_1", "x").connect("samples_1", "own").connect("x", "dense_1")
    graph = graph.connect("dense_1", "loss").connect("own", "loss", 0, 2)
    return graph.with_training(Training(batch=7, optimizer=SGD(learning_rate=0.05, momentum=0.9)))


def graph_of(kind: str) -> Graph:
    return along_time(kind, 3 if kind in ("softmax_cross_entropy", "hinge") else 0)


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", sorted({*LOSSES} - {"binary_cross_entropy"}))
def test_losses_leave_padding_out_as_pytorch_does_with_a_mask(
        torch: Any, kind: str, threads: int) -> None:
    """Binary cross-entropy is in test_every_loss: PyTorch's takes no targets beyond 0 to 1."""
    same_weights(graph_of(kind), threads)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", LOSSES)
def test_nothing_that_counts_costs_nothing_and_no_number_shows(kind: str, threads: int) -> None:
    session = Session(graph_of(kind), threads=threads)
    samples = session.data.x_train
    samples.flags.writeable = True
    keep = samples[:, -1].copy()
    try:
        samples[:, -1] = 0
        session.run(1)
        assert session.measured("loss") == 0
        assert session.measured("dense_1.grad_norm") == 0
        samples[:, -1] = np.nan
        session.run(1)
        assert np.isnan(session.measured("loss"))
    finally:
        samples[:, -1] = keep


@pytest.mark.parametrize("kind", LOSSES)
def test_a_prediction_without_time_has_no_lengths(kind: str) -> None:
    target = Signal((), 3) if kind in ("softmax_cross_entropy", "hinge") else Signal((3,))
    layer = make_layer(kind, {})
    assert layer.infer(Signal((3,)), target) == ()
    with pytest.raises(ShapeError, match="Disconnect it"):
        layer.infer(Signal((3,)), target, Signal(()))
    with pytest.raises(ShapeError, match="There is no target"):
        layer.infer(Signal((TIME, 3)), None, Signal(()))  # type: ignore[arg-type]


def test_least_squares_counts_every_step() -> None:
    graph = along_time("mean_squared_error", 0).with_training(Training(optimizer=LeastSquares()))
    assert "Disconnect its lengths" in check(graph).graph_error
    (edge,) = (e for e in graph.edges if e.target == "loss" and e.target_port == 2)
    assert check(graph.without_edges([edge])).trainable


# -- a whole network ------------------------------------------------------------------------------


def requests(*lengths: str) -> Graph:
    """Slot filling with everything along time; these nodes know where a request ends."""
    graph = Graph().with_node(make_layer("slot_filling", {"count": 200}), id="data")
    last = "data"
    for id, kind, settings in (
            ("words", "embedding", {"vocabulary": 64, "dimension": 6}),
            ("gru", "gru", {"units": 4, "returns": "sequence", "bidirectional": True}),
            ("reverse", "reverse", {}),
            ("attention", "multi_head_attention", {}),
            ("slots", "dense", {"units": 4}),
            ("loss", "softmax_cross_entropy", {})):
        graph = graph.with_node(make_layer(kind, settings), id=id).connect(last, id)
        if id in lengths:
            port = LAYERS[kind].inputs.index(LENGTHS)
            graph = graph.connect("data", id, 2, port)
        last = id
    return graph.with_training(Training(batch=16, optimizer=Adam(learning_rate=0.01)))


ALL = ("gru", "reverse", "attention", "loss")


@pytest.mark.torch
@pytest.mark.parametrize("threads", [1, 2])
def test_a_network_that_knows_all_lengths_trains_as_pytorchs(torch: Any, threads: int) -> None:
    same_weights(requests(*ALL).with_training(
        Training(batch=16, optimizer=SGD(learning_rate=0.05, momentum=0.9))), threads)


def test_a_document_keeps_the_connections(tmp_path: Path) -> None:
    session = Session(requests(*ALL))
    session.run(5)
    again = reopened(session, tmp_path)
    for each in (session, again):
        each.run(5)
    assert again.saved_state().same_as(session.saved_state())
    ours, theirs = session.validate(), again.validate()
    assert (ours.loss, ours.metric) == (theirs.loss, theirs.metric)


def test_classes_that_are_none_are_left_out_already() -> None:
    """The padding of these requests has no slot (-1): lengths change nothing for the loss."""
    with_lengths, without = Session(requests(*ALL)), Session(requests(*ALL[:-1]))
    for session in (with_lengths, without):
        session.run(5)
    assert with_lengths.measured("loss") == without.measured("loss")


def test_who_does_not_know_the_lengths_is_told() -> None:
    def told(*lengths: str) -> dict[str, tuple[str, ...]]:
        notes = check(requests(*lengths)).notes
        return {id: tuple(note for note in found if "knows where each sample ends" in note)
                for id, found in notes.items() if id in ALL}

    assert not any(told(*ALL).values())
    assert not any(told().values())
    (note,) = told("gru")["reverse"]
    assert note == ("gru knows where each sample ends, and Reverse takes what comes after that for "
                    "time steps too. Connect the same lengths to it.")
    assert told("gru", "reverse")["attention"]


@pytest.mark.parametrize(("steps", "told"), [
    ((("dense", {"units": 3}), ("mean_over_time", {})), True),
    ((("dropout", {}), ("multi_head_attention", {})), True),
    ((("gru", {"units": 3}),), True),
    ((("layer_norm", {}), ("dense", {"units": 2})), False),
    ((("layer_norm", {"axes": "all"}),), True),
    ((("batch_norm", {}),), True),
    ((("batch_norm", {"statistics": "running"}),), False),
    ((("dense", {"units": 3}), ("group_norm", {"groups": 2})), True),
    ((("lrn", {}),), True),
    ((("l2_normalise", {}),), True),
    ((("l2_normalise", {"axes": "last"}),), False),
    ((("permute", {"axes": [2, 1]}), ("global_avg_pool1d", {})), True),
    ((("permute", {"axes": [2, 1]}), ("max_pool1d", {})), True),
    ((("permute", {"axes": [2, 1]}), ("l2_normalise", {"axes": "last"})), True),
    ((("permute", {"axes": [2, 1]}), ("dropout", {}), ("permute", {"axes": [2, 1]}),
      ("layer_norm", {})), False),
    ((("permute", {"axes": [2, 1]}), ("dropout", {}), ("permute", {"axes": [2, 1]}),
      ("mean_over_time", {})), True),
    ((("slice", {"stop": 5}), ("global_max_pool1d", {})), False),
    ((("permute", {"axes": [2, 1]}), ("conv1d", {"padding": "same"})), True),
    ((("permute", {"axes": [2, 1]}), ("conv1d", {"padding": "causal"})), False),
    ((("permute", {"axes": [2, 1]}), ("conv1d", {"kernel": 1})), False),
    ((("flatten", {}),), True),
    ((("softmax", {}),), False),
    ((("permute", {"axes": [2, 1]}), ("log_softmax", {})), True),
])
def test_that_lengths_end_is_told_behind_what_works_step_by_step(
        steps: tuple[Step, ...], told: bool) -> None:
    graph = Graph().with_node(make_layer("slot_filling", {"count": 50}), id="data")
    last = "data"
    first: tuple[Step, ...] = (("embedding", {"vocabulary": 64, "dimension": 6}),
                               ("lstm", {"units": 4, "returns": "sequence"}))
    for kind, settings in (*first, *steps):
        graph = graph.with_node(make_layer(kind, settings))
        id = graph.nodes[-1].id
        graph = graph.connect(last, id)
        if kind == "lstm":
            graph = graph.connect("data", id, 2, 1)
        last = id
    found = {id: note for id, notes in check(graph).notes.items() for note in notes
             if "lstm_1 knows where each sample ends" in note}
    assert list(found) == ([last] if told else [])


def test_penalties_on_outputs_that_count_padding_are_told() -> None:
    graph = requests("gru").with_node(make_layer("dense", {"units": 3})).connect("gru", "dense_1")

    def told(id: str) -> list[str]:
        penalised = graph.with_learning(id, Learning(activity_l2=0.1))
        return [note for note in check(penalised).notes.get(id, ()) if "penalties" in note]

    assert told("dense_1") == ["gru knows where each sample ends, and the penalties on outputs "
                               "count what comes after that too."]
    assert told("gru") == told("words") == []


@pytest.mark.parametrize("kind", [kind for kind, cls in LAYERS.items()
                                  if cls.mixes_time is not Layer.mixes_time])
def test_what_mixes_time_says_what_does_without_padding(kind: str) -> None:
    assert LAYERS[kind].without_padding


@pytest.mark.parametrize("kind", [kind for kind, cls in LAYERS.items() if LENGTHS in cls.inputs])
def test_the_help_says_what_lengths_do(kind: str) -> None:
    (told,) = (text for text in help_of(LAYERS[kind]) if text.startswith("Input lengths: "))
    assert "a sample's own" in told
