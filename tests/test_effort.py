"""How much a step has to do, and when threads share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from playground.effort import operations, useful_threads
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.headless import Run
from playground.shapes import check
from tests.bench.networks import conv, dense, images, network
from tests.networks import Samples
from tests.waiting import running_engine, wait


def test_a_multiplication_and_an_addition_for_each_weight_and_gradient() -> None:
    graph = network(8, images(6), *dense(5, 3, activation="relu"))
    # Forward, gradient of the weights, and of the input where something learns before it.
    assert operations(graph, check(graph)) == 2 * 8 * (2 * 6 * 5 + 3 * 5 * 3)


def test_a_convolution_works_at_each_place() -> None:
    graph = network(4, images(2, 6, 5), conv(3), ("flatten", {}), *dense(7, activation="relu"))
    places = 6 * 5
    assert operations(graph, check(graph)) == 2 * 4 * (
        2 * 3 * 2 * 9 * places + 3 * 3 * places * 7)


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


def test_what_cannot_train_yet_has_no_say() -> None:
    graph = EXAMPLES["mlp-spiral"].graph
    assert useful_threads(graph.without(["loss_1"]), 2) == 1
