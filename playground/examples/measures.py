"""What the examples are held to, measured on a run that has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.layers.core import Dense

if TYPE_CHECKING:
    from playground.headless import Outcome
    from playground.session import Session


def accuracy(outcome: Outcome) -> float:
    """The share of the validation part that is right."""
    return outcome.validation.metric


def loss(outcome: Outcome) -> float:
    """Of the validation part."""
    return outcome.validation.loss


def fall_of_loss(outcome: Outcome) -> float:
    """How much less the last step's batch costs after that step than in it."""
    session, program = outcome.session, outcome.session.program
    x, target = (session.values(name) for name in (
        program.samples.name, f"{program.data_node}.target"))
    return session.measured("loss") - session.evaluator.evaluate(x, target).loss


def gradient_ratio(outcome: Outcome) -> float:
    """The first layer's gradient norm over the last one's: median of the second half."""
    session = outcome.session
    history = session.history.view()
    learning = [n.id for n in session.graph.order() if f"{n.id}.grad_norm_before" in history]
    first, last = (history.mean(f"{id}.grad_norm_before") for id in (learning[0], learning[-1]))
    return float(np.median((first / last)[len(history) // 2:]))


def distance_to_exact(outcome: Outcome) -> float:
    """How far the weights of the one dense layer are from what least squares gives: the largest
    difference.
    """
    return float(np.abs(weights(outcome.session) - exact(outcome.session)).max())


def weights(session: Session) -> NDArray[np.float64]:
    """Weights and bias of the only dense layer, of one unit, as (inputs + 1,)."""
    id = _dense(session)
    return np.append(session.values(f"{id}.w").ravel(), session.values(f"{id}.b")).astype(float)


def exact(session: Session) -> NDArray[np.float64]:
    """The weights that make the mean squared error smallest, by `numpy.linalg.lstsq`."""
    graph, data = session.graph, session.data
    source = graph.inputs_of(_dense(session))[0].source
    x = session.evaluator.values_of(source, data.x_train).astype(float)
    ones = np.ones((len(x), 1))
    solved = np.linalg.lstsq(np.hstack([x, ones]), data.target_train.astype(float), rcond=None)
    return np.asarray(solved[0].ravel())


def _dense(session: Session) -> str:
    return next(n.id for n in session.graph.nodes if isinstance(n.layer, Dense))


MEASURES: dict[str, Callable[[Outcome], float]] = {
    "accuracy": accuracy, "loss": loss, "fall_of_loss": fall_of_loss,
    "gradient_ratio": gradient_ratio, "distance_to_exact": distance_to_exact}
"""By the name of a mark's metric."""
