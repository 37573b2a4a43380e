"""AlexNet in its true size: what its one training step does to 61 million weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.session import Session
from playground.shapes import machine_memory

LAYERS = ("conv_1", "conv_2", "conv_3", "conv_4", "conv_5", "dense_1", "dense_2", "dense_3")


class Step(NamedTuple):
    """A session after its first step, and the weights from before it."""

    session: Session
    before: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def step() -> Step:
    if machine_memory() < 4 << 30:
        pytest.skip("too little memory for a network of this size")
    session = Session(EXAMPLES["alexnet"].graph)
    before = {name: session.values(name).copy() for name in session.program.parameters}
    session.run(1)
    return Step(session, before)


def test_the_loss_is_near_that_of_a_guess_among_a_thousand(step: Step) -> None:
    assert np.log(1000) - 1 < step.session.measured("loss") < np.log(1000) + 5


def test_the_gradient_reaches_all_eight_layers(step: Step) -> None:
    assert step.session.program.learners == LAYERS
    norms = np.array([step.session.measured(f"{id}.grad_norm_before") for id in LAYERS])
    assert np.isfinite(norms).all()
    assert norms.min() > 0.01 * norms.max()
    assert step.session.measured("grad_norm_before") == pytest.approx(np.linalg.norm(norms))


def test_nearly_all_weights_move_and_each_by_little(step: Step) -> None:
    moved = 0
    for name, before in step.before.items():
        change = np.abs(step.session.values(name) - before)
        moved += np.count_nonzero(change)
        assert change.any(), name
        # A gradient that is clipped to length 1, times the learning rate, and some decay.
        assert change.max() < 0.01, name
    total = sum(values.size for values in step.before.values())
    assert total == 60_965_224
    assert moved > 0.999 * total


@pytest.mark.parametrize("layer", ["conv_2", "conv_4", "conv_5"])
def test_both_halves_learn(step: Step, layer: str) -> None:
    gradient = step.session.values(f"{layer}.dw")
    halves = [np.linalg.norm(half) for half in np.split(gradient, 2)]
    assert min(halves) > 0.1 * max(halves)
