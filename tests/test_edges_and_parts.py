"""P8 in numbers: low layers find edges, high layers parts, and classes in the end.

Of the example `what-excites`, from several seeds, with the same network untrained beside it.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from playground.examples import EXAMPLES
from playground.excitation import Excitation, units_of
from playground.headless import train
from playground.session import Session
from playground.weights import copy_weights

Floats = NDArray[np.float32]
LAYERS = ("conv_1", "conv_2", "dense_1")
DIRECTIONS = np.linspace(0, np.pi, 24, endpoint=False)


@pytest.fixture(scope="module", params=[7, 1, 2])
def sessions(request: pytest.FixtureRequest) -> tuple[Session, Session]:
    """Untrained and trained."""
    example = EXAMPLES["what-excites"]
    graph = example.graph.with_training(example.graph.training.seeded(request.param))
    return Session(graph), train(graph, epochs=example.mark.epochs).session


def along_one_direction(image: Floats) -> float:
    """The share of an image's variance that is left when it may change along one direction alone,
    as an edge or a bar does: in the best of all directions.

    What is left has the mean of each line, a pixel wide, across the direction. image (h, w)
    """
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in image.shape)
    values, best = (image - image.mean()).ravel().astype(float), 0.0
    for angle in DIRECTIONS:
        place = np.add.outer(rows * np.sin(angle), columns * np.cos(angle)).ravel()
        line = np.round(place - place.min()).astype(int)
        sums, counts = np.bincount(line, values), np.bincount(line)
        explained = (sums**2 / np.maximum(counts, 1)).sum()
        best = max(best, float(explained / (values**2).sum()))
    return best


def edges(session: Session, node: str) -> NDArray[np.float64]:
    """`along_one_direction` of what excites each unit most, as far as the unit sees."""
    weights = copy_weights(session.program, session.arena, session.step)
    climb = Excitation(weights, node, range(units_of(session.program, node)))
    for _ in range(100):
        climb.step()
    rows, columns = climb.field
    return np.array([along_one_direction(p) for p in climb.patterns[:, 0, rows, columns]])


def selectivity(session: Session, node: str) -> NDArray[np.float64]:
    """(most - others) / (most + others) of each unit's mean answers to the classes (Morcos et al.
    2018): 0 where it answers to all alike, 1 where to one class alone.

    Its answer to an image is the largest of its map, at least 0: is what it looks for there?
    """
    y = session.evaluator.values_of(node, session.data.x_validation)
    answers = np.maximum(y.reshape(*y.shape[:2], -1).max(axis=2), 0)
    target = session.data.target_validation
    means = np.array([answers[target == c].mean(axis=0) for c in np.unique(target)])
    most = means.max(axis=0)
    others = (means.sum(axis=0) - most) / (len(means) - 1)
    return (most - others) / np.maximum(most + others, 1e-9)  # type: ignore[no-any-return]


def test_the_measure_tells_an_edge_from_noise_and_from_a_ring() -> None:
    x, y = np.meshgrid(np.arange(7) - 3.0, np.arange(7) - 3.0)
    for angle in (0.0, 0.3, 1.1, 2.0):
        edge = np.tanh(x * np.cos(angle) + y * np.sin(angle)).astype(np.float32)
        bar = np.exp(-((x * np.cos(angle) + y * np.sin(angle)) / 1.5)**2).astype(np.float32)
        assert min(along_one_direction(edge), along_one_direction(bar)) > 0.9
    ring = np.exp(-(np.hypot(x, y) - 2.5)**2).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=(7, 7)).astype(np.float32)
    assert max(along_one_direction(ring), along_one_direction(noise)) < 0.45


def test_the_first_filters_become_edges(sessions: tuple[Session, Session]) -> None:
    untrained, trained = (edges(session, "conv_1") for session in sessions)
    assert untrained.mean() < 0.4
    assert trained.mean() > 0.6
    assert (trained > 0.5).mean() >= 7 / 8


def test_what_excites_higher_layers_has_more_parts(sessions: tuple[Session, Session]) -> None:
    first, second, last = (edges(sessions[1], node).mean() for node in LAYERS)
    assert first > 1.5 * second > 1.5 * last


def test_higher_layers_answer_to_fewer_classes(sessions: tuple[Session, Session]) -> None:
    first, second, last = (np.median(selectivity(sessions[1], node)) for node in LAYERS)
    assert second > 1.2 * first
    assert last > 0.8 > 3 * second
