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
from playground.examples.sequence_measures import (
    bits_per_character,
    clipped_share,
    error_over_naive,
)
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
    *(("gan", key) for key in ("slow-judge", "wasserstein", "ring", "line")),  # test_gan
    *(("local-minima", key) for key in (
        "seed-2", "seed-3", "seed-6", "16-units", "16-units-seed-2", "16-units-seed-3")),
    # test_local_minima
    *((name, key) for name in ("gradient-descent", "rosenbrock", "saddle", "himmelblau", "beale",
                               "shallow-minimum")
      for key in ("sgd", "momentum", "nesterov", "adam", "newton")),  # test_surface
}
"""Held to their claims in the test files beside them."""


def late(outcome: Outcome) -> float:
    """The mean loss of the last tenth of the steps."""
    losses = outcome.session.history.view().mean("loss")
    return float(np.mean(losses[-len(losses) // 10:]))


def early(outcome: Outcome) -> float:
    """The mean loss of the first hundred steps."""
    return float(np.mean(outcome.session.history.view().mean("loss")[:100]))


def largest_gradient(outcome: Outcome) -> float:
    return float(outcome.session.history.view().high("grad_norm_before")[:100].max())


def first_gradient(outcome: Outcome) -> float:
    """The norm of dense_1's gradient in the first step."""
    return float(outcome.session.history.view().mean("dense_1.grad_norm_before")[0])


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
    ("deep-sigmoid", "maxout-instead"):
        (200, lambda own, other: gradient_ratio(other) > 0.1 > 1000 * gradient_ratio(own)
         and other.train.loss < 0.5 * own.train.loss),
    ("deep-relu", "weight-scale-0.5"):
        (200, lambda own, other: first_gradient(other) < 0.01 * first_gradient(own)
         and other.train.loss > 2.3),
    ("deep-relu", "weight-scale-1.5"):
        (200, lambda own, other: first_gradient(other) > 30 * first_gradient(own)),
    ("elman", "jordan"): (1200, lambda own, other: late(other) > 0.15),
    ("copy-memory", "elman"):
        (500, lambda own, other: own.validation.metric < 0.6 and other.validation.metric > 0.99),
    ("copy-memory", "jordan"):
        (800, lambda own, other: own.validation.metric > 0.9
         and other.validation.metric < own.validation.metric - 0.15
         and late(other) > 2 * late(own)),
    ("copy-memory", "lstm"):
        (900, lambda own, other: late(own) < 0.5 < 0.8 < late(other)),
    ("sequential-digits", "elman"):
        (400, lambda own, other: other.validation.metric > 0.96 and early(other) < early(own)),
    ("sequential-digits", "jordan"): (400, lambda own, other: other.validation.metric > 0.96),
    ("sequential-digits", "gru"): (400, lambda own, other: other.validation.metric > 0.96),
    ("sine", "elman"):
        (2500, lambda own, other: 1.15 < error_over_naive(other) / error_over_naive(own) < 1.35),
    ("sine", "jordan"):
        (2500, lambda own, other: 1.15 < error_over_naive(other) / error_over_naive(own) < 1.35),
    ("sine", "lstm"):
        (2500, lambda own, other: 0.9 < error_over_naive(other) / error_over_naive(own) < 1.1),
    **{("series", cell):
       (680, lambda own, other: 0.8 < error_over_naive(other) / error_over_naive(own) < 1.05)
       for cell in ("elman", "jordan", "lstm")},
    ("char-lstm", "elman"):
        (150, lambda own, other: bits_per_character(other) > bits_per_character(own) + 0.05),
    ("char-lstm", "jordan"):
        (150, lambda own, other: bits_per_character(other) < bits_per_character(own)),
    ("char-lstm", "gru"):
        (150, lambda own, other: bits_per_character(other) < bits_per_character(own)),
    ("exploding", "lstm-with-weight-scale-8"):
        (200, lambda own, other: largest_gradient(other) > 100 and clipped_share(other) > 0.05),
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
    assert data[0] == data[1] or lane.instead


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


def test_a_jordan_network_copies_by_luck() -> None:
    """As the note of copy-memory says: the GRU learns it from every seed, and Jordan from few."""
    example = EXAMPLES["copy-memory"]
    jordan = next(v for v in example.variations if v.key == "jordan")
    found = [[outcome.validation.metric for outcome in compare([
        Lane("own", graph.with_training(graph.training.seeded(seed))) for graph in (
            example.graph, jordan.graph)], steps=800)] for seed in (7, 1, 2)]
    assert min(own for own, _ in found) > 0.9
    assert sorted(other for _, other in found)[1] < 0.4


@pytest.mark.parametrize("example", [e for e in EXAMPLES.values() if e.dial is not None],
                         ids=lambda example: example.name)
def test_a_dial_reads_what_it_has_set(example: Example) -> None:
    dial = example.dial
    assert dial is not None
    assert dial.low <= dial.get(example.graph) <= dial.high
    for value in (dial.low, dial.high):
        turned = dial.set(example.graph, value)
        assert dial.get(turned) == pytest.approx(value)
        assert check(turned).trainable


@pytest.mark.parametrize(("scale", "growth"), [(0.5, 1 / 2), (1, 1), (2, 2)])
def test_each_layer_multiplies_the_gradient_by_the_weight_scale(scale: float, growth: float
                                                                ) -> None:
    """What the note of deep-relu says of its dial: from dense_9 back to dense_1, eight layers."""
    example = EXAMPLES["deep-relu"]
    assert example.dial is not None
    session = Session(example.dial.set(example.graph, scale))
    session.run(1)
    first, last = (np.linalg.norm(session.values(f"dense_{i}.dy")) for i in (1, 9))
    assert (first / last)**(1 / 8) == pytest.approx(growth, rel=0.1)
    session.run(20)
    assert (session.trouble is not None and session.step < 5) == (scale == 2)


def test_the_measures_of_marks_are_all_in_use() -> None:
    assert set(MEASURES) == {example.mark.metric for example in EXAMPLES.values()}
