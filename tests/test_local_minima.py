"""What the example local-minima claims: its starts come to rest in different lowest places.

The loss is written down again here, in PyTorch and double precision, as a function of the nine
numbers, so that its second derivatives are exact.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.measures import SETTLED
from playground.examples.minima import L2
from playground.graph import Graph
from playground.layers.core import Dense
from playground.optimizers import GradientDescent
from playground.session import Session

GRAPH = EXAMPLES["local-minima"].graph
ENDS = {7: 0.321, 2: 0.373, 3: 0.488, 6: 0.476}
"""Weight seed -> the loss that the note and its chips tell."""
STEPS = 5000
NAMES = ("dense_1.w", "dense_1.b", "dense_2.w", "dense_2.b")


def ended(seed: int, graph: Graph = GRAPH) -> Session:
    session = Session(graph.with_training(
        msgspec.structs.replace(graph.training, weight_seed=seed)))
    session.run(STEPS)
    return session


def weights(torch: Any, session: Session) -> Any:
    return torch.tensor(np.concatenate([session.values(name).ravel() for name in NAMES]),
                        dtype=torch.float64)


def loss_of(torch: Any, session: Session, weights: Any) -> Any:
    """Binary cross-entropy of 2 inputs, 2 sigmoid units and 1, with its L2 penalty."""
    x, target = (torch.tensor(a, dtype=torch.float64)
                 for a in (session.data.x_train, session.data.target_train))
    w1, b1, w2, b2 = weights.split([4, 2, 2, 1])
    logit = torch.sigmoid(x @ w1.view(2, 2).T + b1) @ w2 + b2
    penalty = L2 * (w1.square().sum() + w2.square().sum())
    return torch.nn.functional.binary_cross_entropy_with_logits(logit, target.ravel()) + penalty


@pytest.mark.torch
@pytest.mark.parametrize(("seed", "loss"), ENDS.items())
def test_each_start_ends_in_a_lowest_place_of_its_own(torch: Any, seed: int, loss: float) -> None:
    """Newton's steps go to the exact place: it is next to where descent has come to rest, and the
    loss curves upwards there in all nine directions.
    """
    session = ended(seed)
    assert session.measured("grad_norm_before") < SETTLED
    assert session.measured("loss") == pytest.approx(loss, abs=5e-4)
    at = start = weights(torch, session)
    assert loss_of(torch, session, at).item() == pytest.approx(session.measured("loss"), abs=1e-6)

    def value(at: Any) -> Any:
        return loss_of(torch, session, at)

    hessian, jacobian = torch.autograd.functional.hessian, torch.autograd.functional.jacobian
    for _ in range(5):
        at = at - torch.linalg.solve(hessian(value, at), jacobian(value, at))
    assert jacobian(value, at).norm() < 1e-12
    assert (at - start).norm() < 0.01 * start.norm()
    assert torch.linalg.eigvalsh(hessian(value, at)).min() > 1e-4


def test_six_of_twelve_end_in_the_lowest() -> None:
    losses = np.array([ended(seed).measured("loss") for seed in range(1, 13)])
    assert (losses < 0.325).sum() == 6


def test_sixteen_units_end_together_and_two_relus_do_not() -> None:
    sigmoid = GRAPH.node("dense_1").layer
    assert isinstance(sigmoid, Dense)
    wide = GRAPH.with_layer("dense_1", msgspec.structs.replace(sigmoid, units=16))
    losses = [ended(seed, wide).measured("loss") for seed in (7, 2, 3)]
    assert max(losses) < 0.2
    assert max(losses) - min(losses) < 0.01

    relu = GRAPH.with_layer("dense_1", msgspec.structs.replace(sigmoid, activation="relu"))
    relu = relu.with_training(msgspec.structs.replace(
        relu.training, optimizer=GradientDescent(learning_rate=0.2)))
    losses = [ended(seed, relu).measured("loss") for seed in (7, 2, 8, 9)]
    assert max(losses) - min(losses) > 0.2
