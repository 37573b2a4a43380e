"""What the examples are held to, measured on a run that has ended."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from playground.examples.sequence_measures import SEQUENCE_MEASURES
from playground.excitation import Ascent, Excitation, Place, units_of
from playground.generation import hidden_node
from playground.layers.core import Dense
from playground.layers.noise import GaussianNoise
from playground.layers.sequence_data import RingsAndLines
from playground.layers.surface import MINIMA, Surface
from playground.representation import neighbours_agree, principal_components
from playground.session import Session
from playground.weights import copy_weights

if TYPE_CHECKING:
    from playground.headless import Outcome


def accuracy(outcome: Outcome) -> float:
    """The share of the validation part that is right."""
    return outcome.validation.metric


def loss(outcome: Outcome) -> float:
    """Of the validation part."""
    return outcome.validation.loss


def over_fitting_gap(outcome: Outcome) -> float:
    """How much dearer the validation part is than the training part."""
    return outcome.validation.loss - outcome.train.loss


def fall_of_loss(outcome: Outcome) -> float:
    """How much less the last step's batch costs after that step than in it: a step that goes wrong
    in any layer of the way back does not make it cheaper.
    """
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


STARTS = 5
"""Of which the losses are compared, the network's own among them."""
SETTLED = 1e-5
"""The gradient norm below which nothing moves any more; that of the first step is near 0.1."""


def losses_of_starts(session: Session) -> Iterator[float]:
    """The loss of the network, and of others that began with the next weight seeds and did as many
    steps; NaN where the gradient is not yet zero.
    """
    graph = session.graph
    for i in range(STARTS):
        one = session
        if i:
            training = replace(graph.training, weight_seed=graph.training.weight_seed + i)
            one = Session(graph.with_training(training))
            one.run(session.step)
        yield one.measured("loss") if one.measured("grad_norm_before") <= SETTLED else float("nan")


def spread_of_losses(outcome: Outcome) -> float:
    """How far apart the losses of some starts are when all have settled; NaN where one has not."""
    losses = [*losses_of_starts(outcome.session)]
    return float(np.max(losses) - np.min(losses))


def distance_to_minimum(outcome: Outcome) -> float:
    """How far the node `place` is from the nearest minimum of the surface."""
    place = outcome.session.values("place.w")
    layer = outcome.session.graph.node("surface_1").layer
    assert isinstance(layer, Surface)
    return float(np.linalg.norm(np.array(MINIMA[layer.surface]) - place, axis=1).min())


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


def error_over_pca(outcome: Outcome) -> float:
    """The squared error of rebuilding the validation part, over that of as many principal
    components (of the training part) as the node `code` has units.
    """
    session = outcome.session
    train, held_out = (x.reshape(len(x), -1).astype(float)
                       for x in (session.data.x_train, session.data.x_validation))
    mean = train.mean(axis=0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2]
    size = session.evaluator.values_of("code", session.data.x_validation[:1]).shape[1]
    basis = components[:size]
    linear = mean + (held_out - mean) @ basis.T @ basis
    rebuilt = session.evaluator.predict(session.data.x_validation).reshape(held_out.shape)
    return float(np.mean((rebuilt - held_out)**2) / np.mean((linear - held_out)**2))


def decibels_gained(outcome: Outcome) -> float:
    """How far the rebuilt validation part lies above its noisy version, in decibels of mean
    squared error; the noise is that of the network's noise layer.
    """
    session = outcome.session
    clean = session.data.x_validation
    deviation = next(n.layer.deviation for n in session.graph.nodes
                     if isinstance(n.layer, GaussianNoise))
    random = np.random.default_rng(0)
    noisy = clean + deviation * random.standard_normal(clean.shape).astype(np.float32)
    left = session.evaluator.predict(noisy) - clean
    return float(10 * np.log10(np.mean((noisy - clean)**2) / np.mean(left**2)))


SAMPLES = 2000
"""Drawn from a generator to judge it."""
MODES = 8


def samples_on_modes(outcome: Outcome) -> float:
    """The share of generated points within 3 deviations of a cloud's centre."""
    return float(_nearest_modes(outcome.session)[0].mean())


def modes_found(session: Session, least: int = SAMPLES // MODES // 10) -> int:
    """The number of clouds that so many generated points lie on; a tenth of their due will do."""
    near, which = _nearest_modes(session)
    return int((np.bincount(which[near], minlength=MODES) >= least).sum())


def _nearest_modes(session: Session) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """For each point drawn from the node `made`: whether it lies on a cloud, and the nearest."""
    points = session.evaluator.drawn("made", SAMPLES, draw=1)
    noise = next(n.layer.noise for n in session.graph.nodes if isinstance(n.layer, RingsAndLines))
    angle = np.arange(MODES) * 2 * np.pi / MODES
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    return distance.min(axis=1) < 3 * noise, distance.argmin(axis=1)


SURE = 0.9
"""The least probability of what a network names with certainty."""


def digits_recognised(outcome: Outcome) -> float:
    """The share of generated images that a network trained on real digits names with certainty."""
    return float(digits_named(outcome.session).sum() / SAMPLES)


def digits_named(session: Session) -> NDArray[np.int64]:
    """How many images drawn from the node `made` are named each digit with certainty, (10,)."""
    images, reader = session.evaluator.drawn("made", SAMPLES, draw=1), _reader()
    raw = session.data.raw(images)
    said = reader.evaluator.predict(reader.data.scaled(raw))
    return np.bincount(said.argmax(axis=1)[said.max(axis=1) > SURE], minlength=10)


@functools.cache
def _reader() -> Session:
    """`mlp-digits`, trained."""
    from playground.examples.digits import MLP_DIGITS
    from playground.headless import train

    return train(MLP_DIGITS.graph, epochs=15).session


def patterns_above_images(outcome: Outcome) -> float:
    """The share of units that their pattern excites more than any validation image of its length
    does; of all convolutions, and of the last dense layer.
    """
    above = [pattern > image for node in outcome.session.program.learners
             for pattern, image in zip(*best_answers(outcome.session, node), strict=True)]
    return float(np.mean(above))


def best_answers(session: Session, node: str, place: Place = "centre", starts: int = 3
                 ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the units of a node answer at most: to patterns, and to validation images as long."""
    weights = copy_weights(session.program, session.arena, session.step)
    units = range(units_of(session.program, node))
    climbs = [Excitation(weights, node, units, Ascent(place=place, seed=seed))
              for seed in range(starts)]
    for climb in climbs:
        for _ in range(100):
            climb.step()
    images = climbs[0].bounded(session.data.x_validation)
    return (np.max([climb.values for climb in climbs], axis=0),
            climbs[0].responses(images).max(axis=0))


def neighbours_gained(outcome: Outcome) -> float:
    """How much more often the five nearest neighbours are of a sample's class in the last hidden
    layer than in the data, both seen in the plane of their principal components; held-out data.
    """
    session = outcome.session
    program, x = session.program, session.data.x_validation
    node = hidden_node(program.graph, program.check, program.loss_node)
    assert node is not None
    hidden, given = (neighbours_agree(principal_components(values).points,
                                      session.data.target_validation)
                     for values in (session.evaluator.values_of(node, x), x))
    return hidden - given


MEASURES: dict[str, Callable[[Outcome], float]] = {
    "accuracy": accuracy, "loss": loss, "over_fitting_gap": over_fitting_gap,
    "fall_of_loss": fall_of_loss,
    "gradient_ratio": gradient_ratio, "spread_of_losses": spread_of_losses,
    "distance_to_exact": distance_to_exact, "distance_to_minimum": distance_to_minimum,
    "error_over_pca": error_over_pca,
    "decibels_gained": decibels_gained, "samples_on_modes": samples_on_modes,
    "digits_recognised": digits_recognised, "patterns_above_images": patterns_above_images,
    "neighbours_gained": neighbours_gained, **SEQUENCE_MEASURES}
"""By the name of a mark's metric."""
