"""What the GAN's note claims, and points drawn from a generator."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.examples.measures import SAMPLES, digits_named, modes_found, samples_on_modes
from playground.graph import Graph
from playground.headless import Outcome, train
from playground.session import Session
from playground.training import Adam

GRAPH = EXAMPLES["gan"].graph


def variation(key: str) -> Graph:
    return next(lane.graph for lane in EXAMPLES["gan"].variations if lane.key == key)


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


def test_a_slow_judge_lets_the_maker_collapse() -> None:
    """The variation of the note: all other settings are those that find eight clouds."""
    session = Session(variation("slow-judge"))
    for _ in range(4):
        session.run(1000)
        assert modes_found(session) <= 2


def test_five_turns_of_a_slow_judge_are_the_cure() -> None:
    graph = variation("slow-judge")
    real = graph.node("loss_real").layer
    session = Session(graph.with_layer("loss_real", real.with_settings(turns=5)))
    for _ in range(3):
        session.run(1000)
        assert modes_found(session) == 8


def test_a_wasserstein_critic_finds_all_clouds_and_its_losses_tell_how_near() -> None:
    outcome = train(variation("wasserstein"), steps=EXAMPLES["gan"].mark.steps)
    session = outcome.session
    assert session.program.turns == (("judge", 5), ("maker", 1))
    assert modes_found(session) == 8
    assert samples_on_modes(outcome) > 0.8
    history = session.history.view()
    apart = -(history.mean("loss_real.loss") + history.mean("loss_made.loss"))
    assert apart[-len(apart) // 8:].mean() < 0.3 * apart[:len(apart) // 8].mean()


def moved(session: Session, before: dict[str, np.ndarray]) -> set[str]:
    """The groups of the nodes whose weights are others than before."""
    nodes = {name.partition(".")[0] for name, values in before.items()
             if not np.array_equal(values, session.values(name))}
    return {session.graph.node(node).learning.group for node in nodes}


def test_a_pass_is_one_players_step() -> None:
    session, straight = Session(GRAPH), Session(GRAPH)
    assert [group for group, _ in session.program.passes] == ["judge", "maker"]
    session.run(3)
    straight.run(4)
    for player in ("judge", "maker"):
        before = {name: session.values(name).copy() for name in session.program.parameters}
        session.forward_to("pass")
        assert moved(session, before) == {player}
    assert (session.step, session.position) == (4, 0)
    assert session.arena.state.tobytes() == straight.arena.state.tobytes()
    # And back: the maker's step, the judge's; from within one to its beginning.
    middle = session.program.passes[0][1]
    for expected in (middle, 0):
        assert session.back("pass")
        assert (session.step, session.position) == (3, expected)
    session.forward_to("pass")
    session.advance(5)
    assert session.back("pass")
    assert session.position == middle
    session.run(1)
    assert session.arena.state.tobytes() == straight.arena.state.tobytes()


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


# -- digits ---------------------------------------------------------------------------------------


DIGITS = EXAMPLES["gan-digits"]


@pytest.fixture(scope="module")
def written() -> Outcome:
    return train(DIGITS.graph, steps=DIGITS.mark.steps)


def test_all_ten_digits_are_made(written: Outcome) -> None:
    assert digits_named(written.session).min() >= 0.02 * SAMPLES


def test_made_digits_are_as_varied_as_real_ones(written: Outcome) -> None:
    """A real digit has a made one almost as near as an unseen real one has a real one."""
    session = written.session
    made = session.evaluator.drawn("made", SAMPLES, 1)
    train_part, unseen = session.data.x_train, session.data.x_validation

    def nearest(images: np.ndarray, among: np.ndarray) -> float:
        a, b = (x.reshape(len(x), -1).astype(float) for x in (images, among))
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return float(np.sqrt(squares.clip(0).min(axis=1)).mean())

    assert nearest(unseen, made) < 1.35 * nearest(unseen, train_part)


def test_noise_alone_is_no_digit() -> None:
    """A maker that has learned nothing makes what is read as one digit, or as none."""
    named = digits_named(Session(DIGITS.graph))
    assert named.max() >= 0.9 * named.sum()


def test_digits_collapse_onto_one() -> None:
    optimizer = Adam(learning_rate=0.005, beta1=0.9)
    session = Session(DIGITS.graph.with_training(
        msgspec.structs.replace(DIGITS.graph.training, optimizer=optimizer)))
    session.run(4000)
    made = session.evaluator.drawn("made", 200, 1)
    real = session.data.x_validation[:200]
    assert made.std(axis=0).mean() < 0.1 * real.std(axis=0).mean()


@pytest.mark.parametrize("figure", ["ring", "line"])
def test_other_figures_are_imitated(figure: str) -> None:
    session = Session(variation(figure))
    session.run(4000)
    x, y = session.evaluator.drawn("made", 1000, 1).T
    off = np.abs(np.hypot(x, y) - 1) if figure == "ring" else np.abs(y - x / 2)
    assert np.mean(off < 0.15) > 0.8
    # All along it but the line's last tenth, not in one place.
    along = np.arctan2(y, x) / np.pi if figure == "ring" else x / 0.9
    counts, _ = np.histogram(along, 6, (-1, 1))
    assert counts.min() > 1000 / 6 / 5


def test_the_ends_of_a_line_are_reached_though_not_both_at_all_times() -> None:
    """An end is the edge of what the judge knows: the maker draws back and comes again."""
    session = Session(variation("line"))
    ends = []
    for _ in range(4):
        session.run(2000)
        ends.append(np.percentile(session.evaluator.drawn("made", 1000, 1)[:, 0], [1, 99]))
    left, right = np.transpose(ends)
    assert left.min() < -0.9 < 0.9 < right.max()
    assert left.max() < -0.4 < 0.4 < right.min()
