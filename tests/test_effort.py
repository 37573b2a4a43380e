"""How much a step has to do, and when threads share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from playground.effort import operations, useful_threads
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.headless import Run, train
from playground.layers import LAYERS
from playground.layers.base import size_of
from playground.optimizers import SGD, AnyOptimizer
from playground.second_order import Newton
from playground.shapes import batch_of, check
from playground.training import Training
from tests.bench.networks import LOSS, conv, dense, images, network
from tests.networks import Samples, learning, row
from tests.test_lengths import ALL, requests
from tests.waiting import running_engine, wait


def test_a_multiplication_and_an_addition_for_each_weight_and_gradient() -> None:
    graph = network(8, images(6), *dense(5, 10, activation="relu"))
    # Forward, gradient of the weights, and of the input where something learns before it.
    assert operations(graph, check(graph)) == 2 * 8 * (2 * 6 * 5 + 3 * 5 * 10)


def test_a_convolution_works_at_each_place() -> None:
    graph = network(4, images(2, 6, 5), conv(3), ("flatten", {}), *dense(10, activation="relu"))
    places = 6 * 5
    assert operations(graph, check(graph)) == 2 * 4 * (
        2 * 3 * 2 * 9 * places + 3 * 3 * places * 10)


def test_a_recurrent_layer_works_at_each_time_step() -> None:
    graph = network(4, Samples(shape=(9, 2), classes=3, count=64), ("elman", {"units": 5}),
                    *dense(3, activation="relu"))
    assert operations(graph, check(graph)) == 2 * 4 * (9 * (2 * 2 * 5 + 3 * 5 * 5) + 3 * 5 * 3)


@pytest.fixture
def engine() -> Iterator[Engine]:
    yield from running_engine()


@pytest.mark.parametrize(("name", "threads"), [("mlp-spiral", 1), ("lenet5", 2)])
def test_threads_share_only_what_is_worth_it(name: str, threads: int) -> None:
    graph = EXAMPLES[name].graph
    assert useful_threads(graph, 2) == threads
    assert useful_threads(graph, 1) == 1


def test_a_small_network_stays_on_one_thread_in_the_window_and_without(engine: Engine) -> None:
    graph = EXAMPLES["mlp-spiral"].graph
    assert Run(graph, steps=1, threads=2).session.program.lanes == 1
    engine.set_threads(2)
    engine.load(graph)
    snapshot = wait(engine, lambda s: s.program is not None)
    assert snapshot.program is not None
    assert snapshot.program.lanes == 1


@pytest.mark.parametrize(("kind", "sample"), [
    (kind, number) for kind, cls in LAYERS.items() for number in range(len(cls.samples))
    if cls.category not in ("data", "loss")])
def test_every_layer_says_its_work(kind: str, sample: int) -> None:
    cls = LAYERS[kind]
    graph = learning(cls(), cls.samples[sample], Training(batch=3))
    found = check(graph)
    assert not found.trainable or operations(graph, found) >= 0
    assert useful_threads(graph, 2) in (1, 2)


def test_inputs_that_are_left_out_between_others_are_no_work() -> None:
    graph = requests(*ALL)  # the attention has lengths and no memory
    assert train(graph, steps=2, threads=2).session.step == 2
    short, long = (row(Samples(shape=(time, 6), classes=2, count=32),
                       ("multi_head_attention", {"heads": 2}), ("flatten", {}),
                       ("dense", {"units": 2}), LOSS, training=Training(batch=4))
                   for time in (10, 100))
    assert operations(long, check(long)) == 10 * operations(short, check(short))


def test_a_transposed_convolution_works_at_each_place_of_its_input() -> None:
    graph = network(4, images(2, 3, 5), ("conv_transpose2d", {"channels": 3, "stride": 2}),
                    ("flatten", {}), *dense(10, activation="relu"))
    found = check(graph)
    node = next(n.id for n in graph.nodes if n.layer.kind == "conv_transpose2d")
    weights = found.parameters[node] - 3
    flat = size_of(found.signals[node][0].shape)
    assert operations(graph, found) == 2 * 4 * (2 * weights * 3 * 5 + 3 * flat * 10)


def test_who_wants_all_samples_at_once_has_more_to_do() -> None:
    def steps(optimizer: AnyOptimizer) -> Graph:
        return network(8, images(6), *dense(5, 10, activation="relu")).with_training(
            Training(batch=8, optimizer=optimizer))

    some, everyone = steps(SGD()), steps(Newton())
    samples = batch_of(everyone, check(everyone))
    assert samples > 8
    assert operations(everyone, check(everyone)) == (
        samples / 8 * operations(some, check(some)))


def test_what_cannot_train_yet_has_no_say() -> None:
    graph = EXAMPLES["mlp-spiral"].graph
    assert useful_threads(graph.without(["loss_1"]), 2) == 1
