"""Samples that excite a unit: the climb, its gradient, and what the patterns look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.base import chain, seeded
from playground.examples.measures import best_answers
from playground.excitation import (
    Ascent,
    Excitation,
    ExcitationError,
    blurred,
    obstacle,
    units_of,
)
from playground.headless import train
from playground.layers.activation import Tanh
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.noise import GaussianNoise, SpatialDropout
from playground.layers.norm import BatchNorm
from playground.layers.pool import AvgPool2D
from playground.session import Session
from playground.weights import Weights, copy_weights


def weights_of(session: Session) -> Weights:
    return copy_weights(session.program, session.arena, session.step)


@pytest.fixture(scope="module")
def trained() -> Session:
    return train(EXAMPLES["cnn-digits"].graph, epochs=EXAMPLES["cnn-digits"].mark.epochs).session


@pytest.fixture(scope="module")
def noisy() -> Session:
    """Layers that do other things in training than in use, after some steps."""
    session = Session(chain(
        Digits(standardise="global"), GaussianNoise(deviation=0.5), Conv2D(channels=6),
        BatchNorm(), Tanh(), SpatialDropout(rate=0.4), AvgPool2D(), Flatten(), Dropout(rate=0.4),
        Dense(units=12, activation="tanh"), Dense(units=10), SoftmaxCrossEntropy(), notes="",
        training=seeded(3)))
    session.run(60)
    return session


def climbed(session: Session, node: str, steps: int = 100, **ascent: Any) -> Excitation:
    weights = weights_of(session)
    made = Excitation(weights, node, range(units_of(weights.program, node)), Ascent(**ascent))
    for _ in range(steps):
        made.step()
    return made


def lengths(x: np.ndarray) -> np.ndarray:
    return np.linalg.norm(x.reshape(len(x), -1), axis=1)


# -- the climb ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("node", "place"), [
    ("conv_1", "centre"), ("conv_2", "centre"), ("conv_2", "map"), ("dense_1", "centre")])
def test_a_pattern_excites_more_than_any_image(trained: Session, node: str, place: Any) -> None:
    """The best of three starts, as each climbs the hill that it stands on."""
    found, best = best_answers(trained, node, place)
    assert np.all(found > best)
    assert np.median(found - best) > 0.3 * np.median(np.abs(best))


def test_no_pattern_wins_by_being_louder(trained: Session) -> None:
    made = climbed(trained, "conv_2")
    assert lengths(made.patterns).max() <= made.norm * 1.0001
    images = made.bounded(trained.data.x_validation)
    np.testing.assert_allclose(lengths(images), made.norm, rtol=1e-4)
    assert made.norm == pytest.approx(lengths(trained.data.x_train[:500]).mean(), rel=1e-4)


def test_the_first_filters_favourite_is_the_filter_itself(trained: Session) -> None:
    """Of all inputs of one length, w·x is largest where x is w: no search can do better."""
    made = climbed(trained, "conv_1")
    w, b = trained.values("conv_1.w"), trained.values("conv_1.b")
    wanted = np.zeros_like(made.patterns)
    wanted[:, :, 3:6, 3:6] = w
    wanted *= (made.norm / np.linalg.norm(w.reshape(16, -1), axis=1)).reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(made.patterns, wanted, atol=0.02 * made.norm)
    np.testing.assert_allclose(
        made.values, made.norm * np.linalg.norm(w.reshape(16, -1), axis=1) + b, rtol=1e-3)


@pytest.mark.parametrize(("node", "ascent", "field"), [
    ("conv_1", {}, (3, 6)), ("conv_1", {"place": "map"}, (0, 8)), ("conv_2", {}, (1, 8)),
    ("dense_1", {}, (0, 8))])
def test_what_a_unit_does_not_see_never_moves(
        trained: Session, node: str, ascent: Any, field: Any) -> None:
    """conv_2 sees 3 pooled places of 2 pixels, each of which saw one more on both sides."""
    made = climbed(trained, node, 20, **ascent)
    assert made.field == (slice(*field), slice(*field))


def test_patterns_of_the_output_are_read_as_their_digits(trained: Session) -> None:
    said = trained.evaluator.predict(climbed(trained, "dense_1").patterns)
    np.testing.assert_array_equal(said.argmax(axis=1), np.arange(10))
    assert said.max(axis=1).min() > 0.99


@pytest.mark.parametrize(("node", "place"), [
    ("conv_1", "centre"), ("batch_norm_1", "map"), ("tanh_1", "map"), ("pool_1", "map"),
    ("dense_1", "centre"), ("dense_2", "centre")])
def test_the_gradient_is_the_slope(noisy: Session, node: str, place: Any) -> None:
    """Along a random direction, as differences tell it; with dropout, noise and batch norm."""
    made = climbed(noisy, node, 3, place=place)
    random = np.random.default_rng(0)
    along = random.standard_normal(made.patterns.shape).astype(np.float32)
    along /= np.linalg.norm(along.reshape(len(along), -1), axis=1).reshape(-1, 1, 1, 1)
    slope = (made.gradient() * along).reshape(len(along), -1).sum(axis=1)
    at, length = made.patterns.copy(), 0.05
    sides = []
    for sign in (1, -1):
        made.patterns[...] = at + sign * length * along
        made.gradient()
        sides.append(made.values.astype(float))
    np.testing.assert_allclose(slope, (sides[0] - sides[1]) / (2 * length),
                               atol=0.03 * np.abs(slope).max())


def test_units_answer_as_the_network_in_use_does(noisy: Session) -> None:
    x = noisy.data.x_validation[:17]
    answers = climbed(noisy, "pool_1", 0, place="map").responses(x)
    wanted = noisy.evaluator.values_of("pool_1", x).mean(axis=(2, 3))
    np.testing.assert_allclose(answers, wanted, rtol=1e-4, atol=1e-5)
    answers = climbed(noisy, "dense_2", 0).responses(x)
    np.testing.assert_allclose(answers, noisy.evaluator.values_of("dense_2", x), rtol=1e-4,
                               atol=1e-5)


def test_answers_to_images_leave_the_patterns_alone(trained: Session) -> None:
    made = climbed(trained, "conv_2", 5)
    patterns, values = made.patterns.copy(), made.values.copy()
    made.responses(trained.data.x_validation[:50])
    np.testing.assert_array_equal(made.patterns, patterns)
    np.testing.assert_array_equal(made.values, values)


def test_the_training_does_not_notice(trained: Session) -> None:
    other = Session(trained.graph)
    other.run(40)
    wanted = other.arena.state.copy()
    climbed(other, "conv_2", 5)
    np.testing.assert_array_equal(other.arena.state, wanted)


def test_a_unit_climbs_alike_alone_and_among_others(trained: Session) -> None:
    weights = weights_of(trained)
    among, alone = (Excitation(weights, "conv_2", units) for units in ((3, 5, 8), (5,)))
    for made in (among, alone):
        for _ in range(20):
            made.step()
    np.testing.assert_allclose(among.patterns[1], alone.patterns[0], atol=1e-4)


def test_newer_weights_move_the_goal(trained: Session) -> None:
    fresh = Session(trained.graph)
    made = climbed(fresh, "conv_1")
    made.take(weights_of(trained))
    before = made.values.copy()
    for _ in range(60):
        made.step()
    np.testing.assert_allclose(made.values, climbed(trained, "conv_1").values, rtol=1e-3)
    assert np.all(made.values > before)


# -- what it is kept from --------------------------------------------------------------------------


def test_decay_makes_it_shorter_and_blur_smoother(trained: Session) -> None:
    plain, weak = (climbed(trained, "conv_2", decay=decay) for decay in (0.0, 0.3))
    assert np.linalg.norm(weak.patterns) < 0.6 * np.linalg.norm(plain.patterns)
    smooth = climbed(trained, "conv_2", blur=0.8)

    def roughness(made: Excitation) -> float:
        return float(np.square(np.diff(made.patterns, axis=3)).sum()
                     / np.square(made.patterns).sum())

    assert roughness(smooth) < 0.7 * roughness(plain)


def test_jitter_lets_it_spread(trained: Session) -> None:
    """A pattern that excites wherever it is moved to takes more room than the filter."""
    def pixels(made: Excitation) -> float:
        strength = np.square(made.patterns).reshape(len(made.patterns), -1)
        return float(np.median(strength.sum(axis=1)**2 / np.square(strength).sum(axis=1)))

    assert pixels(climbed(trained, "conv_1", jitter=1)) > 1.2 * pixels(climbed(trained, "conv_1"))


def test_blurring_keeps_what_there_is_and_spreads_it() -> None:
    x = np.zeros((1, 1, 15, 15), np.float32)
    x[0, 0, 7, 7] = 1
    y = blurred(x, 1.0, (2, 3))
    assert y.sum() == pytest.approx(1, abs=1e-5)
    rows, columns = np.indices((15, 15)) - 7
    assert (y[0, 0] * rows**2).sum() == pytest.approx(1, rel=0.03)
    assert (y[0, 0] * columns**2).sum() == pytest.approx(1, rel=0.03)


# -- what has none ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("example", "node", "why"), [
    ("cnn-digits", "digits_1", "Select a layer between"),
    ("cnn-digits", "loss_1", "Select a layer"),
    ("cnn-digits", "nothing", "Select a node"),
    ("gan", "maker_1", "random numbers"),
    ("char-lstm", "lstm_1", "symbols")])
def test_what_has_no_pattern_says_why(example: str, node: str, why: str) -> None:
    session = Session(EXAMPLES[example].graph)
    if node == "loss_1":
        node = session.program.loss_node
    assert why in obstacle(session.program, node)
    with pytest.raises(ExcitationError, match=why):
        Excitation(weights_of(session), node, [0])


def test_each_pattern_takes_the_place_of_a_sample() -> None:
    session = Session(EXAMPLES["lstm-by-hand"].graph)
    assert len(session.data.x_train) == 1
    assert climbed_one(session, "lstm_1").patterns.shape == (1, 5, 3)
    with pytest.raises(ExcitationError, match="2 patterns need as many training samples"):
        Excitation(weights_of(session), "lstm_1", [0, 0])


def climbed_one(session: Session, node: str) -> Excitation:
    made = Excitation(weights_of(session), node, [0])
    made.step()
    return made


def test_sequences_and_packed_samples_have_patterns() -> None:
    """Numbers over time; and of samples with a picture and a question, the picture."""
    made = climbed_one(Session(EXAMPLES["elman"].graph), "elman_1")
    assert made.patterns.shape == (1, 50, 2)
    assert made.field == (slice(0, 50),)
    session = Session(EXAMPLES["vqa"].graph)
    made = climbed_one(session, "conv_1")
    assert made.samples(session.data.x_validation[:3]).shape == (3, *made.patterns.shape[1:])


def test_weights_of_another_node_are_used() -> None:
    graph = chain(
        Digits(), Flatten(), Dense(units=64, activation="tanh"), Dense(units=64),
        Dense(units=10), SoftmaxCrossEntropy(), notes="", training=seeded(3))
    session = Session(graph.with_shared("dense_2", "dense_1"))
    session.run(20)
    x = session.data.x_validation[:9]
    np.testing.assert_allclose(climbed(session, "dense_2", 0).responses(x),
                               session.evaluator.values_of("dense_2", x), atol=1e-5)
