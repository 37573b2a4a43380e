"""What the note of the variational autoencoder claims."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.headless import Outcome, train
from playground.session import Session

GRAPH = EXAMPLES["vae"].graph


@pytest.fixture(scope="module")
def trained() -> Outcome:
    return train(GRAPH, epochs=EXAMPLES["vae"].mark.epochs)


def weighted(beta: float) -> Session:
    loss = msgspec.structs.replace(GRAPH.node("loss_2").layer, weight=beta)
    return train(GRAPH.with_layer("loss_2", loss), epochs=15).session


def test_all_clouds_together_are_a_standard_normal_one(trained: Outcome) -> None:
    session = trained.session
    codes = session.evaluator.values_of("code", session.data.x_validation)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=0.25)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=0.2)


def test_any_place_of_the_code_draws_something_like_a_digit(trained: Outcome) -> None:
    """As close to a real one as what the network makes of real digits, about."""
    session = trained.session
    use, real = session.evaluator, session.data.x_train.reshape(-1, 64)

    def distance(drawn: np.ndarray) -> float:
        drawn = drawn.reshape(-1, 64)
        return float(np.mean([np.square(real - one).mean(axis=1).min() for one in drawn]))

    random = np.random.default_rng(3)
    drawn = use.outputs_from("code", random.standard_normal((200, 2)).astype(np.float32))
    rebuilt = use.predict(session.data.x_validation[:200])
    grey = np.broadcast_to(real.mean(axis=0), (1, 64))
    assert distance(drawn) < 1.5 * distance(rebuilt)
    assert distance(drawn) < 0.6 * distance(grey)


def test_the_code_is_mean_plus_deviation_times_noise(trained: Outcome) -> None:
    session = trained.session
    x = session.data.x_validation[:20]
    mean, spread, noise, code = (session.evaluator.values_of(id, x) for id in (
        "mean", "log_variance", "noise_1", "code"))
    np.testing.assert_allclose(code, mean + np.exp(spread / 2) * noise, rtol=1e-4, atol=1e-5)


def test_decoding_the_codes_is_rebuilding(trained: Outcome) -> None:
    """Though another loss comes before the decoder in the order of execution."""
    session = trained.session
    x = session.data.x_validation[:64]
    codes = session.evaluator.values_of("code", x)
    np.testing.assert_allclose(session.evaluator.outputs_from("code", codes),
                               session.evaluator.predict(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("beta", "low", "high"), [(0.3, 0.0, 0.1), (0.0, 1.5, np.inf)])
def test_too_strong_a_pull_empties_the_code(beta: float, low: float, high: float) -> None:
    session = weighted(beta)
    means = session.evaluator.values_of("mean", session.data.x_validation)
    assert low <= means.std() <= high
