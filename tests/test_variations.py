"""The variations of the examples show what they promise, in numbers.

Those that are another example of the gallery are held to its mark in `test_examples`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from playground.comparison import compare
from playground.examples import EXAMPLES
from playground.examples.base import Example
from playground.examples.measures import MEASURES, gradient_ratio
from playground.graph import Graph
from playground.headless import Outcome
from playground.lane import Lane
from playground.session import Session
from playground.shapes import check

ALL = [(example, lane) for example in EXAMPLES.values() for lane in example.variations]

SAME_AS = {
    ("deep-sigmoid", "relu-instead"): "deep-relu",
    ("deep-relu", "sigmoid-instead"): "deep-sigmoid",
    ("elman", "lstm"): "lstm", ("elman", "gru"): "gru",
    ("lstm", "elman"): "elman", ("lstm", "gru"): "gru",
    ("gru", "elman"): "elman", ("gru", "lstm"): "lstm",
    ("bidirectional-lstm", "one-way"): "one-way-lstm",
    ("one-way-lstm", "both-ways"): "bidirectional-lstm",
    ("plain-deep", "skip-connections"): "resnet",
    ("resnet", "no-skip-connections"): "plain-deep",
    ("slot-filling", "feed-forward"): "slot-filling-feed-forward",
    ("slot-filling-feed-forward", "with-memory"): "slot-filling",
    ("vqa", "image-alone"): "vqa-image-alone",
    ("vqa", "question-alone"): "vqa-question-alone",
    ("gradient-descent-linear", "least-squares"): "least-squares",
}
"""Variation -> the example that it is."""
ELSEWHERE = {
    ("batch-norm", "without-batch-norm"), ("over-fitting", "dropout-0.5"),
    ("over-fitting", "weight-decay-0.3"),  # test_phenomena_vision
    ("transfer", "from-scratch"), ("transfer-regression", "from-scratch"),  # test_transfer
    ("gradient-descent-linear", "momentum-0.5"),  # test_descent
    ("gradient-descent-linear", "rate-0.35"),
    ("gradient-descent-linear", "rate-0.003"),
    ("exploding", "clipping-off"),  # test_through_time
    ("gan", "slow-judge"),  # test_gan
    *(("local-minima", key) for key in (
        "seed-2", "seed-3", "seed-6", "16-units", "16-units-seed-2", "16-units-seed-3")),
    # test_local_minima
    *((name, key) for name in ("gradient-descent", "rosenbrock", "saddle", "himmelblau", "beale")
      for key in ("sgd", "momentum", "nesterov", "adam", "newton")),  # test_surface
}
"""Held to their claims in the test files beside them."""


def late(outcome: Outcome) -> float:
    """The mean loss of the last tenth of the steps."""
    losses = outcome.session.history.view().mean("loss")
    return float(np.mean(losses[-len(losses) // 10:]))


def largest_gradient(outcome: Outcome) -> float:
    return float(outcome.session.history.view().high("grad_norm_before")[:100].max())


CLAIMS: dict[tuple[str, str], tuple[int, Callable[[Outcome, Outcome], bool]]] = {
    ("mlp-spiral", "no-activation"):
        (1500, lambda own, other: other.validation.metric < 0.7 < own.validation.metric),
    ("mlp-spiral", "sigmoid"): (1500, lambda own, other: other.train.loss > 3 * own.train.loss),
    ("mlp-spiral", "rate-0.001"):
        (1500, lambda own, other: other.train.loss > 3 * own.train.loss),
    ("mlp-spiral", "no-momentum"): (1500, lambda own, other: other.train.loss > 3 * own.train.loss),
    ("mlp-digits", "sigmoid"):
        (500, lambda own, other: other.train.loss > own.train.loss
         and other.validation.metric > 0.95),
    ("mlp-digits", "no-momentum"): (500, lambda own, other: other.train.loss > 3 * own.train.loss),
    ("cnn-digits", "dropout-off"):
        (400, lambda own, other: late(other) < 0.7 * late(own)
         and other.validation.loss > 0.8 * own.validation.loss),
    ("maxout-digits", "dropout-off"):
        (1000, lambda own, other: late(own) > 5 * late(other)
         and late(other) < 0.2 * other.validation.loss),
    ("deep-sigmoid", "tanh-instead"):
        (200, lambda own, other: gradient_ratio(other) > 1000 * gradient_ratio(own)),
    ("deep-relu", "glorot-start"): (200, lambda own, other: other.train.loss > 2 * own.train.loss),
    ("lstm", "shut-forget-gates"): (900, lambda own, other: late(own) < 0.1 < 0.15 < late(other)),
    ("exploding", "weight-scale-1.5"):
        (200, lambda own, other: 5 < largest_gradient(other) < 0.1 * largest_gradient(own)),
    ("exploding", "weight-scale-1"):
        (200, lambda own, other: largest_gradient(other) < 0.01 * largest_gradient(own)),
    ("exploding", "weight-scale-0.5"):
        (200, lambda own, other: largest_gradient(other) < 0.001 * largest_gradient(own)),
}
"""Variation -> after so many steps, what must be so of the example and the variation."""


def name(example: str, lane: Lane) -> tuple[str, str]:
    return example, lane.key


def test_every_variation_is_held_to_its_claim() -> None:
    found = [name(example.name, lane) for example, lane in ALL]
    assert len(set(found)) == len(found)
    assert set(found) == {*SAME_AS, *ELSEWHERE, *CLAIMS}


@pytest.mark.parametrize(("example", "lane"), ALL, ids=[f"{e.name}:{v.key}" for e, v in ALL])
def test_it_can_train_and_says_what_to_look_at(example: Example, lane: Lane) -> None:
    assert check(lane.graph).trainable
    assert lane.help.endswith(".")
    assert network(lane.graph) != network(example.graph)
    assert lane.graph.training.shuffle_seed == example.graph.training.shuffle_seed
    data = [node.layer for graph in (lane.graph, example.graph) for node in graph.nodes
            if node.layer.category == "data"]
    assert data[0] == data[1]


@pytest.mark.parametrize(("example", "lane"), ALL, ids=[f"{e.name}:{v.key}" for e, v in ALL])
def test_it_opens_and_runs_twenty_steps(example: Example, lane: Lane) -> None:
    session = Session(lane.graph)
    if lane.state is not None:
        session.restore(lane.state)
    session.run(20)
    assert session.trouble is None
    assert session.step == 20
    assert np.isfinite(session.measured("loss"))


def network(graph: Graph) -> Graph:
    return graph.with_notes("")


@pytest.mark.parametrize(("variation", "twin"), SAME_AS.items(), ids=map(":".join, SAME_AS))
def test_it_is_another_example(variation: tuple[str, str], twin: str) -> None:
    lane = next(v for e, v in ALL if name(e.name, v) == variation)
    assert network(lane.graph) == network(EXAMPLES[twin].graph)


@pytest.mark.parametrize("variation", CLAIMS, ids=":".join)
def test_it_shows_what_it_promises(variation: tuple[str, str]) -> None:
    example = EXAMPLES[variation[0]]
    lane = next(v for v in example.variations if v.key == variation[1])
    steps, claim = CLAIMS[variation]
    own, other = compare([Lane("own", example.graph, example.state), lane], steps=steps)
    assert claim(own, other), [
        (o.state, o.train.loss, o.validation.loss, o.validation.metric, late(o),
         largest_gradient(o)) for o in (own, other)]


def test_the_measures_of_marks_are_all_in_use() -> None:
    assert set(MEASURES) == {example.mark.metric for example in EXAMPLES.values()}
