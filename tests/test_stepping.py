"""Stepping, going back and stopping: whatever the way, the numbers are those of running."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.graph import Graph
from playground.session import Session, Unit
from playground.training import SGD, Clipping
from tests.sketch import both_ways, dense, noisy, spiral, state

UNITS: tuple[Unit, ...] = ("instruction", "layer", "phase", "pass", "batch", "epoch")


@pytest.mark.parametrize("threads", [1, 2])
def test_stepping_is_running(threads: int) -> None:
    run, stepped = (Session(noisy(), threads=threads) for _ in range(2))
    run.run(40)
    for _ in range(25):
        stepped.forward_to("layer")
    length = len(stepped.program.code)
    while stepped.step < 40:
        left = 40 * length - (stepped.step * length + stepped.position)
        stepped.advance(min(11, left))
    assert state(run) == state(stepped)
    assert run.measured("loss") == stepped.measured("loss")


@pytest.mark.parametrize("threads", [1, 2])
def test_going_back_and_on_is_running(threads: int) -> None:
    def wander(session: Session) -> None:
        session.run(45)
        session.forward_to("phase")
        for unit in UNITS:
            assert session.back(unit)

    run, wandering = both_ways(noisy(), 60, wander, threads)
    assert (run.history.view().mean("loss") == wandering.history.view().mean("loss")).all()


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(UNITS)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_any_walk_ends_where_running_ends(walk: list[tuple[bool, Unit]]) -> None:
    session = Session(noisy())
    for forward, unit in walk:
        if forward:
            session.forward_to(unit)
        else:
            session.back(unit)
    straight = Session(noisy())
    straight.advance(session.step * len(straight.program.code) + session.position)
    assert (straight.step, straight.position) == (session.step, session.position)
    assert state(straight) == state(session)


def test_back_restores_every_number_of_a_half_done_step() -> None:
    session = Session(noisy())
    session.run(9)
    seen = []
    for _ in range(len(session.program.code)):
        seen.append((state(session), session.values("dense_1.dw").copy()))
        session.forward_to("instruction")
    for expected_state, gradient in reversed(seen[1:]):
        session.back("instruction")
        assert state(session) == expected_state
        np.testing.assert_array_equal(session.values("dense_1.dw"), gradient)


@pytest.mark.parametrize("slow", [False, True])
def test_back_within_a_step_that_was_just_kept_shows_the_one_before(
        slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.session.KEYFRAME_SECONDS", 0.0)
    monkeypatch.setattr("playground.session.SLOW", 0.0 if slow else np.inf)
    session = Session(noisy())
    session.run(4)
    session.advance(session.program.index_of("dense_2", "backward") or 0)
    shown = session.row.copy()
    assert np.isfinite(shown[session.program.column("dense_1.grad_norm")])
    session.forward_to("instruction")
    assert session.back("instruction")
    np.testing.assert_array_equal(session.row, shown)


def test_back_stops_at_the_beginning() -> None:
    session = Session(noisy())
    assert not session.can_step_back
    assert not session.back("instruction")
    assert not session.back("epoch")
    session.forward_to("instruction")
    assert session.can_step_back
    assert session.back("instruction")
    assert (session.step, session.position) == (0, 0)


def test_units_end_where_they_say() -> None:
    session = Session(noisy())
    session.forward_to("instruction")
    assert session.position == 1
    before = session.instruction
    session.forward_to("layer")
    assert (session.instruction.node, session.instruction.phase) != (before.node, before.phase)
    session.forward_to("phase")
    assert session.program.instructions[session.position - 1].phase != session.instruction.phase
    session.forward_to("batch")
    assert (session.step, session.position) == (1, 0)
    session.forward_to("epoch")
    assert (session.epoch, session.batch_in_epoch, session.position) == (1, 0, 0)


def test_run_to_a_node_in_a_phase() -> None:
    session = Session(noisy())
    assert session.run_to("dense_2", "backward")
    assert (session.instruction.node, session.instruction.phase) == ("dense_2", "backward")
    assert session.run_to("dense_2", "backward")
    assert session.step == 1
    assert not session.run_to("nobody")
    length = len(session.program.code)
    for index in (length - 1, 0, 3, 3):
        step = session.step
        assert session.run_to_instruction(index)
        assert session.position == index
        assert session.step in (step, step + 1)
    assert not session.run_to_instruction(length)
    assert not session.run_to_instruction(-1)
    assert session.position == 3


def diverging() -> Graph:
    return spiral(dense(6, "relu"), optimizer=SGD(learning_rate=1e25),
                  clipping=Clipping(mode="off"))


def test_what_is_not_finite_stops_before_the_update() -> None:
    session = Session(diverging())
    session.run(50)
    trouble = session.trouble
    assert trouble is not None
    assert session.position > 0
    assert session.instruction.phase == "clip"
    assert trouble.node in ("dense_1", "dense_2", "loss_1")
    assert trouble.phase in ("forward", "loss")
    assert f"step {session.step + 1}" in trouble.text
    weights = session.values("dense_1.w").copy()
    assert session.advance(5) == 0
    np.testing.assert_array_equal(session.values("dense_1.w"), weights)


@pytest.mark.parametrize(("count", "words"), [
    (1, "dense_1 gave 1 value that is infinite or not a number"),
    (2, "dense_1 gave 2 values that are infinite or not a number")])
def test_what_is_not_finite_is_counted_in_words(count: int, words: str) -> None:
    session = Session(spiral(dense(6)))
    session.run_to("dense_1", "forward")
    session.forward_to("layer")
    session.values("dense_1.y").reshape(-1)[:count] = np.nan
    session.run(1)
    assert session.trouble is not None
    assert words in session.trouble.text


def test_one_can_step_back_from_a_divergence_and_cure_it() -> None:
    graph = diverging()
    session = Session(graph)
    session.run(50)
    session.go_to(0)
    assert session.trouble is None
    cured = msgspec.structs.replace(graph.training, optimizer=SGD(learning_rate=0.01))
    assert session.set_training(cured)
    session.run(50)
    assert session.trouble is None
    assert session.step == 50


def test_changing_the_learning_rate_is_replayed_where_it_happened() -> None:
    graph = spiral(dense(6))
    faster = msgspec.structs.replace(
        graph.training, optimizer=SGD(learning_rate=0.2, momentum=0.5))
    session, straight = Session(graph), Session(graph)
    for each in (session, straight):
        each.run(20)
        each.advance(17)
        assert each.set_training(faster)
        each.run(20)
    straight.run(10)
    session.run(15)
    session.go_to((straight.step) * len(session.program.code))
    assert state(session) == state(straight)
    assert session.measured("learning_rate") == pytest.approx(0.2)


def test_going_back_keeps_the_validations_before() -> None:
    session = Session(spiral(dense(3)))
    for _ in range(3):
        session.run(2)
        session.validate()
    session.run(1)
    session.back("instruction")
    assert session.history.view().validation_step.tolist() == [2, 4, 6]
    session.go_to(4 * len(session.program.code))
    assert session.history.view().validation_step.tolist() == [2, 4]
