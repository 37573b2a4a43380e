"""What the notes of the two linear examples claim, in numbers.

The loss is a quadratic of three numbers: its curvatures are the eigenvalues of 2/n Σ x xᵀ.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.measures import exact, weights
from playground.graph import Graph
from playground.layers.source import Constant
from playground.optimizers import GradientDescent
from playground.session import Session
from playground.training import SGD, AnyOptimizer

GRAPH = EXAMPLES["gradient-descent-linear"].graph


def descent(optimizer: AnyOptimizer, graph: Graph = GRAPH) -> Session:
    training = msgspec.structs.replace(graph.training, optimizer=optimizer)
    return Session(graph.with_training(training))


def path(session: Session, steps: int) -> np.ndarray:
    """How far the weights are from the best ones, (steps + 1, 3)."""
    best, places = exact(session), [weights(session)]
    for _ in range(steps):
        session.run(1)
        places.append(weights(session))
    return np.array(places) - best


def steps_until(session: Session, distance: float, most: int = 2000) -> int:
    best = exact(session)
    while np.abs(weights(session) - best).max() > distance:
        assert session.step < most
        session.run(1)
    return session.step


def curvatures(session: Session) -> np.ndarray:
    x = session.evaluator.values_of("scaled", session.data.x_train).astype(float)
    x = np.hstack([x, np.ones((len(x), 1))])
    found: np.ndarray = np.linalg.eigvalsh(2 * x.T @ x / len(x))
    return found


def test_the_loss_is_a_valley() -> None:
    low, *_, high = curvatures(descent(GradientDescent()))
    assert 20 < high / low < 30


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_it_diverges_just_where_the_theory_says(factor: float) -> None:
    """Above 2 over the largest curvature each step across the valley is longer than the last."""
    limit = 2 / curvatures(descent(GradientDescent()))[-1]
    assert 0.3 < limit < 0.35
    session = descent(GradientDescent(learning_rate=factor * limit))
    distances = np.abs(path(session, 60)).max(axis=1)
    assert (distances[-1] > distances[0]) == (factor > 1)


def test_too_large_a_rate_ends_in_a_sentence() -> None:
    session = descent(GradientDescent(learning_rate=0.5))
    session.run(2000)
    assert session.trouble is not None


def test_too_small_a_rate_crawls() -> None:
    shipped = steps_until(descent(GradientDescent(learning_rate=0.3)), 1e-4)
    crawling = descent(GradientDescent(learning_rate=0.003))
    distances = np.abs(path(crawling, 10 * shipped))
    assert shipped < 200
    assert distances[-1].max() > 100 * 1e-4


def test_momentum_damps_the_zigzag_and_hurries_along_the_floor() -> None:
    plain, pushed = (path(descent(SGD(learning_rate=0.3, momentum=momentum)), 60)
                     for momentum in (0.0, 0.5))
    across_plain, across = (np.abs(np.diff(p[:, 0])).sum() for p in (plain, pushed))
    assert across < 0.7 * across_plain  # The way that is walked from side to side.
    assert np.abs(pushed[-1, 1]) < 0.1 * np.abs(plain[-1, 1])
    steps_plain, steps = (steps_until(descent(SGD(learning_rate=0.3, momentum=momentum)), 1e-4)
                          for momentum in (0.0, 0.5))
    assert steps < steps_plain / 2


def test_a_round_bowl_has_no_zigzag() -> None:
    graph = GRAPH.with_layer("scales", Constant(shape=(2,), values=(0.5, 0.5)))
    valley, bowl = (steps_until(descent(GradientDescent(learning_rate=rate), g), 1e-4)
                    for rate, g in ((0.3, GRAPH), (0.15, graph)))
    assert bowl < valley / 3
