"""What the GAN's note claims, and points drawn from a generator."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.measures import modes_found
from playground.headless import Outcome, train
from playground.session import Session
from playground.training import Adam

GRAPH = EXAMPLES["gan"].graph


@pytest.fixture(scope="module")
def trained() -> Outcome:
    return train(GRAPH, steps=EXAMPLES["gan"].mark.steps)


def test_all_eight_clouds_are_found(trained: Outcome) -> None:
    assert modes_found(trained.session) == 8


def test_neither_player_wins(trained: Outcome) -> None:
    history = trained.session.history.view()
    for id in ("loss_real", "loss_made", "loss_maker"):
        late = float(np.mean(history.mean(f"{id}.loss")[-len(history) // 4:]))
        assert late == pytest.approx(np.log(2), abs=0.15)


def test_too_much_momentum_collapses_onto_a_cloud_or_two() -> None:
    optimizer = Adam(learning_rate=0.005, beta1=0.9)
    session = Session(GRAPH.with_training(
        msgspec.structs.replace(GRAPH.training, optimizer=optimizer)))
    found = []
    for _ in range(5):
        session.run(400)
        found.append(modes_found(session))
    assert sorted(found)[2] <= 2  # Most of the time.


def test_the_judge_comes_first_and_each_moves_its_own() -> None:
    session = Session(GRAPH)
    updates = [i.node for i in session.program.instructions
               if i.phase == "update" and i.node and i.kernel.name == "adam_update"]
    assert updates == ["judge_1", "judge_2", "score_real", "maker_1", "maker_2", "made"]


def test_drawn_points_follow_from_the_weights_and_the_draw(trained: Outcome) -> None:
    use, values = trained.session.evaluator, trained.session.values
    first, again, other = (use.drawn("made", 50, draw) for draw in (1, 1, 2))
    assert first.shape == (50, 2)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    noise = use.drawn("noise_1", 50, 1)
    wanted = noise
    for id in ("maker_1", "maker_2", "made"):
        z = wanted @ values(f"{id}.w").T + values(f"{id}.b")
        wanted = np.maximum(z, 0) if id != "made" else z
    np.testing.assert_allclose(first, wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(use.outputs_from("noise_1", noise, at="made"), wanted, rtol=1e-3,
                               atol=1e-4)
