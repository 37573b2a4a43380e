"""Packed samples, tokens and sequences of targets: from the data node to the tensors and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from kernels import elementwise
from playground.compiler import compile_program
from playground.data import NO_TARGET, DataError, Dataset, Port, make_dataset, prepare, split
from playground.data.labels import number_target
from playground.emitter import Emitter
from playground.graph import Edge, Graph
from playground.layers.augmentation import Augmentation
from playground.layers.base import Layer, Shape, Signal, make_layer
from playground.layers.data import DataLayer
from playground.probes import answer
from playground.session import Session
from playground.shapes import check
from playground.snapshot import ConfusionProbe, PredictionsProbe, TensorProbe
from playground.training import SGD, Training
from tests.networks import Probe
from tests.sketch import both_ways

PORTS = (Port("words", 0, (3,), classes=5), Port("x", 3, (2, 4)),
         Port("lengths", 11, (1,), scaled=False))


class Packed(DataLayer, frozen=True, kw_only=True):
    """Three words, 2×4 values and a length for each sample, and a class for each of two steps."""

    kind, label, category = "packed", "Packed", "data"
    outputs = ("x", "target", "words", "lengths")

    def dataset(self) -> Dataset:
        return _packed(self.seed)


@lru_cache(maxsize=2)
def _packed(seed: int) -> Dataset:
    random = np.random.default_rng(seed)
    x = np.concatenate([random.integers(0, 5, (30, 3)), random.normal(4, 3, (30, 8)),
                        random.integers(1, 3, (30, 1))], axis=1)
    target = random.integers(0, 2, (30, 2))
    target[::3, 1] = NO_TARGET
    target[::6] = NO_TARGET
    return make_dataset("Packed", x, target, ("no", "yes"), ports=PORTS, vocabulary="abcde")


class Twice(Layer, frozen=True, kw_only=True):
    """Its input twice over, as two numbers for each of two steps; the words and lengths beside."""

    kind, label, category = "twice", "Twice", "core"
    inputs = ("x", "words", "lengths")

    def output_shape(self, *x: Shape) -> Shape:
        return (2, 2)

    def forward(self, e: Emitter) -> None:
        e.emit(elementwise.copy_blocks, rows=e.batch, width=4, from_stride=8, from_offset=0,
               to_stride=4, to_offset=0, x=e.x[0], y=e.y[0])


def network(**settings: Any) -> Graph:
    graph = Graph().with_training(Training(batch=7, optimizer=SGD(learning_rate=0)))
    for layer in (Packed(**settings), Twice(), Probe()):
        graph = graph.with_node(layer)
    for port, target in ((0, 0), (2, 1), (3, 2)):
        graph = graph.with_edge(Edge("packed_1", port, "twice_1", target))
    return graph.connect("twice_1", "probe_1")


def loaded(session: Session) -> np.ndarray:
    """The samples of the batch, as they lie in the data."""
    order = session.values("order").view(np.int32)[:7]
    return session.data.x_train[order]


# -- in the program -------------------------------------------------------------------------------


def test_each_part_has_a_signal_of_its_own() -> None:
    assert check(network()).signals["packed_1"] == (
        Signal((2, 4)), Signal((2,), 2), Signal((3,), 5), Signal((1,)))
    assert [str(signal) for signal in check(network()).signals["packed_1"]] == [
        "2×4", "2 of 2 classes", "3 of 5 classes", "1"]


@pytest.mark.parametrize("threads", [1, 2])
def test_training_hands_each_part_to_its_port(threads: int) -> None:
    session = Session(network(), threads=threads)
    session.advance(len(session.program.code))
    x = loaded(session)
    np.testing.assert_array_equal(session.values("packed_1.samples"), x)
    np.testing.assert_array_equal(session.values("packed_1.words"), x[:, :3])
    np.testing.assert_array_equal(session.values("packed_1.x"), x[:, 3:11].reshape(7, 2, 4))
    np.testing.assert_array_equal(session.values("packed_1.lengths"), x[:, 11:])
    np.testing.assert_array_equal(session.values("twice_1.y").reshape(7, 4), x[:, 3:7])


def test_the_network_in_use_does_the_same() -> None:
    session = Session(network())
    x = session.data.x_validation[:5]
    seen = session.evaluator.activations(x)
    np.testing.assert_array_equal(seen["packed_1.words"], x[:, :3])
    np.testing.assert_array_equal(seen["packed_1.x"], x[:, 3:11].reshape(5, 2, 4))
    np.testing.assert_array_equal(session.evaluator.predict(x), x[:, 3:7].reshape(5, 2, 2))


def test_the_parts_are_copied_at_the_start_of_forward() -> None:
    for training in (True, False):
        program = compile_program(network(), training=training)
        own = [i for i in program.instructions if i.node == "packed_1" and i.phase == "forward"]
        assert [i.writes[0].name for i in own] == [
            "packed_1.words", "packed_1.x", "packed_1.lengths"]
        first = next(i for i, each in enumerate(program.instructions) if each.phase == "forward")
        assert program.instructions[first] is own[0]


def test_rewinding_a_packed_batch_gives_the_same_bits() -> None:
    def wander(session: Session) -> None:
        session.run(6)
        session.forward_to("instruction")
        session.back("batch")
        session.back("epoch")

    run, wandering = both_ways(network(), 9, wander)
    for name in ("samples", "words", "x", "lengths", "target"):
        assert run.values(f"packed_1.{name}").tobytes() == (
            wandering.values(f"packed_1.{name}").tobytes())


# -- in the window --------------------------------------------------------------------------------


def test_probes_see_the_parts() -> None:
    session = Session(network(standardise="feature"))
    x = session.data.x_train
    for port, wanted in (("words", x[:4, :3]), ("x", x[:4, 3:11].reshape(4, 2, 4)),
                         ("lengths", x[:4, 11:]), ("target", session.data.target_train[:4])):
        found = answer(session, TensorProbe(f"packed_1.{port}", limit=4, source="data"))
        np.testing.assert_array_equal(found, wanted)
    assert answer(session, TensorProbe("packed_1.other", source="data")) is None


def test_steps_without_a_target_are_neither_right_nor_wrong() -> None:
    session = Session(network(train_fraction=0.3))
    x, target = session.data.x_validation, session.data.target_validation
    said = x[:, 3:7].reshape(-1, 2, 2).argmax(axis=2)
    counts = np.zeros((2, 2))
    for row, answers in zip(target, said, strict=True):
        for wanted, given in zip(row, answers, strict=True):
            if wanted >= 0:
                counts[int(wanted), given] += 1
    np.testing.assert_array_equal(answer(session, ConfusionProbe()), counts)
    assert counts.sum() < target.size

    found = answer(session, PredictionsProbe(count=100))
    rows = [i for i in range(len(target)) if (target[i] >= 0).any()]
    assert len(found.target) == len(rows) < len(target)
    for i, row in enumerate(rows):
        step = max(np.flatnonzero(target[row] >= 0))
        assert found.target[i] == target[row, step]
        np.testing.assert_array_equal(found.output[i], x[row, 3:7].reshape(2, 2)[step])
        np.testing.assert_allclose(found.x[i], x[row, 3:11].reshape(2, 4), rtol=1e-6)


# -- scale and augmentation -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["feature", "global"])
def test_only_quantities_are_scaled(mode: Any) -> None:
    dataset = _packed(1)
    ready, raw = prepare(dataset, 0.8, mode, seed=1), prepare(dataset, 0.8, "none", seed=1)
    for port in (PORTS[0], PORTS[2]):
        np.testing.assert_array_equal(port.of(ready.x_train), port.of(raw.x_train))
        np.testing.assert_array_equal(port.of(ready.x_validation), port.of(raw.x_validation))
    scaled = PORTS[1].of(ready.x_train)
    axis = 0 if mode == "feature" else None
    np.testing.assert_allclose(scaled.mean(axis=axis), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=axis), 1, atol=1e-5)
    np.testing.assert_allclose(ready.x_train * ready.std + ready.mean, raw.x_train, atol=1e-5)


def test_words_are_neither_scaled_nor_changed() -> None:
    dataset = make_dataset("Words", np.arange(40).reshape(10, 4) % 6, np.arange(10) % 2,
                           ("a", "b"), vocabulary="uvwxyz")
    np.testing.assert_array_equal(
        np.sort(prepare(dataset, 0.5, "feature").x_train, axis=None),
        np.sort(prepare(dataset, 0.5).x_train, axis=None))
    assert not dataset.scalable.any()
    layer = Packed(augmentation=Augmentation(noise=0.5, flip_vertical=True))
    assert layer.idle_settings() == {"augmentation", *(
        f"augmentation.{name}" for name in Augmentation().__struct_fields__)}
    assert layer.notes() == (
        "Only 6 of 30 samples validate: their loss says little about new data. Lower the train "
        "fraction.",
        "Augmentation by flip vertical and noise changes nothing here: these samples are not "
        "plain numbers.")
    plain = compile_program(network())
    assert len(compile_program(network(augmentation=layer.augmentation)).instructions) == len(
        plain.instructions)


# -- what a data set may be -----------------------------------------------------------------------


def test_targets_along_time() -> None:
    x = np.zeros((4, 3, 2))
    target = np.array([[0, 1, -1], [1, 1, 0], [-1, -1, -1], [0, 0, 0]])
    dataset = make_dataset("Steps", x, target, ("a", "b"))
    assert (dataset.kind, dataset.target_shape) == ("classification", (3,))
    assert split(dataset, 0.5, 1).train.shape == (2,)
    values = make_dataset("Values", x, np.zeros((4, 3, 1)))
    assert (values.kind, values.target_shape) == ("regression", (3, 1))


@pytest.mark.parametrize(("target", "words"), [
    (np.array([[0, -2], [0, 1]]), r"sample 1 has class number -2.*0 to 1 \(-1 where"),
    (np.array([[0, 1], [0, 2]]), "sample 2 has class number 2"),
    (np.array([-1, 0]), "sample 1 has class number -1, but the 2 classes are numbered 0 to 1."),
    (np.full((2, 2), -1), "no target in any sample"),
    (np.zeros((2, 2, 2)), "one per time step"),
])
def test_wrong_targets_are_told(target: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        make_dataset("Wrong", np.zeros((2, 3)), target, ("a", "b"))


def test_wrong_words_are_told() -> None:
    with pytest.raises(DataError, match="sample 2 holds 3, and the numbers of its 3 words"):
        make_dataset("Words", np.array([[0, 1], [3, 2]]), np.zeros(2), vocabulary="abc")
    with pytest.raises(DataError, match=r"sample 1 holds 0\.5"):
        make_dataset("Words", np.array([[0.5, 9], [1, 9]]), np.zeros(2), vocabulary="abc",
                     ports=(Port("x", 1, (1,)), Port("words", 0, (1,), classes=3)))


def test_labels_along_time_are_classes_when_the_task_says_so() -> None:
    values = np.array([[7, 9, -1], [9, 9, 7]])
    ids, classes = number_target("here", values, "classification")
    assert classes == ("7", "9")
    assert ids.tolist() == [[0, 1, -1], [1, 1, 0]]
    assert number_target("here", values, "auto") == (values, ())


def test_what_follows_in_time_is_cut_in_two() -> None:
    x = np.arange(20.0).reshape(20, 1)
    dataset = make_dataset("Series", x, x[:, 0], ordered=True, overlap=3)
    for seed in (1, 2):
        parts = split(dataset, 0.5, seed)
        assert parts.train.tolist() == list(range(10))
        assert parts.validation.tolist() == list(range(13, 20))
    with pytest.raises(DataError, match="none of 20 are left to validate"):
        split(dataset, 0.9, 1)


def test_a_plain_data_set_is_as_it_was() -> None:
    layer = make_layer("spiral", {})
    assert layer.outputs == ("x", "target")
    assert [str(signal) for signal in layer.infer()] == ["2", "classes 0-1"]
