"""Networks side by side: the same batches, and each as if it were alone, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from playground.comparison import Followers, compare
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.headless import train
from playground.lane import Lane
from playground.session import Session
from playground.snapshot import BoundaryProbe, LaneView, Snapshot
from playground.training import SGD, Clipping
from tests.waiting import running_engine, wait

SPIRAL = EXAMPLES["mlp-spiral"]
LANES = (Lane(SPIRAL.name, SPIRAL.graph), *SPIRAL.variations)
EXPLODING = EXAMPLES["exploding"]


def test_lanes_get_the_same_batches_bit_for_bit() -> None:
    sessions = [Session(lane.graph) for lane in LANES]
    for _ in range(40):  # More than one epoch: 15 batches make one.
        for session in sessions:
            session.run(1)
        for name in ("spiral_1.x", "spiral_1.target"):
            first, *others = [session.values(name) for session in sessions]
            for other in others:
                np.testing.assert_array_equal(first, other)


def test_lanes_begin_with_the_same_weights() -> None:
    first, *others = [Session(lane.graph) for lane in LANES]
    for other in others:
        for name in first.program.parameters:
            np.testing.assert_array_equal(first.values(name), other.values(name))


@pytest.fixture
def all_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share the smallest steps too."""
    monkeypatch.setattr("playground.effort.WORTH_SHARING", 0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("all_share")
def test_each_lane_ends_as_if_it_were_alone(threads: int) -> None:
    outcomes = compare(LANES, steps=200, threads=threads)
    for lane, outcome in zip(LANES, outcomes, strict=True):
        alone = train(lane.graph, steps=200, threads=threads)
        assert outcome.session.saved_state().same_as(alone.session.saved_state())
        np.testing.assert_array_equal(outcome.session.history.view().values,
                                      alone.session.history.view().values)
        assert outcome.validation.loss == alone.validation.loss


def test_lanes_take_the_same_number_of_steps() -> None:
    """Also where an epoch of one has fewer batches: the first says how many steps it is."""
    small = msgspec.structs.replace(SPIRAL.graph.training, batch=8)
    lanes = [Lane("as shipped", SPIRAL.graph), Lane("small", SPIRAL.graph.with_training(small))]
    outcomes = compare(lanes, epochs=2)
    assert [o.steps for o in outcomes] == [2 * outcomes[0].session.program.batches_per_epoch] * 2


def test_one_lane_may_diverge_while_the_others_go_on() -> None:
    off = next(lane for lane in EXPLODING.variations if lane.name == "clipping off")
    clipped, diverged = compare([Lane("clipped", EXPLODING.graph), off], steps=200)
    assert (clipped.state, clipped.steps) == ("done", 200)
    assert diverged.state == "diverged"
    assert diverged.steps < 100


# -- beside the network of the window -------------------------------------------------------------


@pytest.fixture
def engine() -> Iterator[Engine]:
    yield from running_engine()


def ready(snapshot: Snapshot) -> bool:
    return snapshot.state == "paused" and bool(snapshot.lanes)


def test_lanes_keep_up_with_the_network(engine: Engine) -> None:
    engine.load(SPIRAL.graph)
    engine.set_lanes(SPIRAL.variations[:2])
    assert [view.step for view in wait(engine, ready).lanes] == [0, 0]
    engine.run_until(step=300)
    done = wait(engine, lambda s: s.state == "paused" and s.step == 300)
    for lane, view in zip(SPIRAL.variations, done.lanes, strict=False):
        assert (view.lane, view.step, view.message) == (lane, 300, "")
        assert view.history is not None
        alone = Session(lane.graph)
        alone.run(300)
        np.testing.assert_array_equal(view.history.mean("loss"),
                                      alone.history.view().mean("loss"))


def test_a_lane_that_comes_late_catches_up_first(engine: Engine) -> None:
    engine.load(SPIRAL.graph)
    engine.run_until(step=500)
    wait(engine, lambda s: s.state == "paused" and s.step == 500)
    engine.set_lanes(SPIRAL.variations[:1])
    caught_up = wait(engine, lambda s: bool(s.lanes) and s.lanes[0].step == 500)
    assert (caught_up.state, caught_up.step) == ("paused", 500)
    assert caught_up.lanes[0].history is not None
    assert caught_up.lanes[0].history.validation_step[-1] == 500
    engine.run_until(step=501)
    assert wait(engine, lambda s: s.step == 501 and s.state == "paused").lanes[0].step == 501


def test_steps_back_and_resets_take_the_lanes_along(engine: Engine) -> None:
    engine.load(SPIRAL.graph)
    engine.set_lanes(SPIRAL.variations[:1])
    engine.run_until(step=60)
    wait(engine, lambda s: s.state == "paused" and s.step == 60)
    engine.step("batch")
    assert wait(engine, lambda s: s.step == 61).lanes[0].step == 61
    for _ in range(3):
        engine.back("batch")
    assert wait(engine, lambda s: s.step == 58).lanes[0].step == 58
    engine.reset()
    lane = wait(engine, lambda s: s.step == 0).lanes[0]
    assert lane.step == 0
    assert lane.history is not None
    assert not len(lane.history)


def test_a_lane_may_be_pinned_where_the_network_is(engine: Engine) -> None:
    """What is kept before an edit goes on from there, as the network would have without it."""
    engine.load(SPIRAL.graph)
    engine.run_until(step=100)
    wait(engine, lambda s: s.state == "paused" and s.step == 100)
    saved = engine.saved_state()
    assert saved is not None
    engine.set_lanes([Lane("before", SPIRAL.graph, *saved)])
    off = msgspec.structs.replace(SPIRAL.graph.training, clipping=Clipping())
    engine.load(SPIRAL.graph.with_training(off))
    engine.run_until(step=200)
    lane = wait(engine, lambda s: s.step == 200 and s.state == "paused").lanes[0]
    alone = Session(SPIRAL.graph)
    alone.run(200)
    assert lane.history is not None
    np.testing.assert_array_equal(lane.history.mean("loss"), alone.history.view().mean("loss"))


def test_a_lane_stays_where_it_is_when_others_come_and_go(engine: Engine) -> None:
    engine.load(SPIRAL.graph)
    engine.set_lanes(SPIRAL.variations[:1])
    engine.run_until(step=50)
    wait(engine, lambda s: s.state == "paused" and s.step == 50)
    engine.set_lanes(SPIRAL.variations[:2])
    while (moment := wait(engine, lambda s: len(s.lanes) == 2)).lanes[1].step < 50:
        assert moment.lanes[0].step == 50
    engine.set_lanes(SPIRAL.variations[1:2])
    wait(engine, lambda s: len(s.lanes) == 1)
    engine.unload()
    assert wait(engine, lambda s: s.state == "empty").lanes == ()


def test_a_lane_that_cannot_train_says_why(engine: Engine) -> None:
    broken = SPIRAL.graph.without_edges(SPIRAL.graph.edges[:1])
    engine.load(SPIRAL.graph)
    engine.set_lanes([Lane("broken", broken)])
    view = wait(engine, ready).lanes[0]
    assert view.history is None
    assert view.message.endswith(".")
    engine.run_until(step=20)
    assert wait(engine, lambda s: s.step == 20).lanes[0].step == 0


def test_lanes_go_on_to_where_the_network_diverged(engine: Engine) -> None:
    def trained(optimizer: Any, **settings: Any) -> Any:
        training = EXPLODING.graph.training
        return EXPLODING.graph.with_training(
            msgspec.structs.replace(training, optimizer=optimizer, **settings))

    engine.load(trained(SGD(learning_rate=0.1), clipping=Clipping()))
    engine.set_lanes([Lane("clipped", EXPLODING.graph)])
    engine.run()
    end = wait(engine, lambda s: s.state == "diverged" and s.lanes[0].step == s.step)
    assert end.step > 0
    assert end.lanes[0].message == ""


# -- where they begin -----------------------------------------------------------------------------


def view_of(followers: Followers) -> LaneView:
    """What is shown of the first."""
    return followers.views(Snapshot("paused"), ())[0]


def followed(followers: Followers) -> Session:
    """The session of the only lane."""
    (follower,) = followers._followers
    assert follower.session is not None
    return follower.session


def follow(followers: Followers, step: int) -> None:
    while followers.behind(step):
        followers.follow(step, 0.1)


def pinned(steps: int = 30) -> Lane:
    """The spiral as it is after so many steps."""
    session = Session(SPIRAL.graph)
    session.run(steps)
    return Lane("before", SPIRAL.graph, session.saved_state(), session.history.view())


def with_rate(lane: Lane, rate: float) -> Lane:
    training = lane.graph.training
    optimizer = msgspec.structs.replace(training.optimizer, learning_rate=rate)
    return replace(lane, graph=lane.graph.with_training(
        msgspec.structs.replace(training, optimizer=optimizer)))


def weights(session: Session) -> dict[str, Any]:
    return {name: session.values(name).copy() for name in session.program.parameters}


@pytest.mark.usefixtures("all_share")
def test_lanes_go_on_where_they_are_on_other_threads() -> None:
    followers, lane = Followers(), pinned()
    followers.set([lane], threads=1)
    follow(followers, 50)
    before, history = weights(followed(followers)), view_of(followers).history
    followers.set([lane], threads=2)
    assert followed(followers).program.lanes == 2
    np.testing.assert_equal(weights(followed(followers)), before)
    view = view_of(followers)
    assert view.step == 50
    assert view.history is not None
    assert history is not None
    np.testing.assert_array_equal(view.history.values, history.values)


def test_lanes_say_what_the_network_is_asked_to_say() -> None:
    followers = Followers()
    followers.set([pinned()], threads=1)
    assert view_of(followers).boundary is None
    status = Snapshot(state="running")
    found = followers.views(status, {BoundaryProbe(16)})[0].boundary
    assert found is not None
    assert found.values.shape == (16, 16)
    # While it runs, and the answer is fresh, that is enough.
    assert followers.views(status, {BoundaryProbe(16)})[0].boundary is found


@pytest.mark.parametrize("change", ["threads", "rate"])
@pytest.mark.usefixtures("all_share")
def test_what_was_reset_stays_reset(change: str) -> None:
    followers, lane = Followers(), pinned()
    followers.set([lane], threads=1)
    followers.reset()
    if change == "threads":
        followers.set([lane], threads=2)
    else:
        followers.set([with_rate(lane, 0.02)], threads=1)
    session = followed(followers)
    assert session.step == 0
    np.testing.assert_equal(weights(session), weights(Session(SPIRAL.graph)))
    follow(followers, 10)
    followers.go_back(0)
    assert followed(followers).step == 0


def test_another_learning_rate_begins_a_lane_where_it_was_pinned() -> None:
    followers, lane = Followers(), pinned()
    followers.set([lane], threads=1)
    follow(followers, 50)
    before = followed(followers)
    followers.set([with_rate(lane, 0.02)], threads=1)
    assert followed(followers) is before, "a number needs no other program"
    assert before.step == 30
    follow(followers, 60)
    alone = Session(with_rate(lane, 0.02).graph)
    assert lane.state is not None
    alone.restore(lane.state, lane.history, keep_position=False)
    alone.run(30)
    np.testing.assert_equal(weights(before), weights(alone))


def test_another_lane_under_the_same_name_begins_for_itself() -> None:
    followers = Followers()
    followers.set([pinned(30)], threads=1)
    followers.reset()
    followers.set([pinned(20)], threads=1)
    assert followed(followers).step == 20


def test_lanes_share_the_time_that_a_pause_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    followers = Followers()
    followers.set(SPIRAL.variations[:2], threads=1)
    given: list[float] = []
    monkeypatch.setattr(Session, "run_for", lambda self, seconds, most: given.append(seconds))
    followers.follow(10, 0.2)
    assert given == [0.1, 0.1]
