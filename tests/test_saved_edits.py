"""Numbers changed inside a step: saving, opening and going on keep them where they happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from playground import document
from playground.graph import Graph
from playground.session import Session
from playground.training import SGD, Clipping, Training
from tests.sketch import dense, spiral


def numbers(threshold: float, learning_rate: float) -> Training:
    return Training(clipping=Clipping(mode="global_norm", threshold=threshold),
                    optimizer=SGD(learning_rate=learning_rate, momentum=0.9))


START, LATER = numbers(1e-3, 0.1), numbers(10.0, 0.5)


def edited_inside_update() -> Session:
    """One layer is clipped and updated with the old numbers, the other will be with the new."""
    session = Session(spiral(dense(7)).with_training(START))
    session.run(3)
    session.run_to("dense_2", "update")
    assert session.set_training(LATER)
    session.forward_to("instruction")
    return session


def everything(session: Session) -> tuple[object, ...]:
    return (session.step, session.position, session.arena.state.tobytes(),
            session.values("dense_1.dw").tobytes())


def through_a_file(session: Session, path: Path) -> Session:
    graph: Graph = session.graph
    document.save(path / "half.playground", graph, session.saved_state())
    loaded = document.load(path / "half.playground")
    assert loaded.state is not None
    assert not loaded.notes
    opened = Session(loaded.graph)
    assert opened.restore(loaded.state) == ()
    return opened


def only_saved(session: Session, path: Path) -> Session:
    session.saved_state()
    return session


@pytest.mark.parametrize("pass_on", [only_saved, through_a_file])
def test_a_change_inside_a_step_stays_where_it_happened(
        pass_on: Callable[[Session, Path], Session], tmp_path: Path) -> None:
    straight = edited_inside_update()
    passed = pass_on(edited_inside_update(), tmp_path)
    assert everything(passed) == everything(straight)
    for session in (straight, passed):
        session.run(5)
    assert everything(passed) == everything(straight)


def test_it_matters_where_it_happens() -> None:
    """Else the test above would prove nothing."""
    session = edited_inside_update()
    saved = session.saved_state()
    other = Session(session.graph)
    other.restore(replace(saved, edits=()))
    assert everything(other) != everything(session)


def test_between_steps_there_is_nothing_to_keep() -> None:
    session = edited_inside_update()
    session.forward_to("batch")
    assert session.saved_state().edits == ()


def test_going_back_after_opening_replays_the_changes(tmp_path: Path) -> None:
    opened = through_a_file(edited_inside_update(), tmp_path)
    before = everything(opened)
    opened.forward_to("instruction")
    opened.back("instruction")
    assert everything(opened) == before


def test_moments_outside_the_step_are_left_out(tmp_path: Path) -> None:
    """As a hand that mangles a file may write them."""
    saved = edited_inside_update().saved_state()
    wild = replace(saved, edits=((-1, {"threshold": 1.0}), (10**6, {"threshold": 2.0}),
                                 (0, {"no_such_number": 3.0})))
    document.save(tmp_path / "a.playground", edited_inside_update().graph, wild)
    state = document.load(tmp_path / "a.playground").state
    assert state is not None
    assert state.edits == ((0, {"no_such_number": 3.0}),)
    opened = Session(edited_inside_update().graph)
    opened.restore(state)
    assert opened.position == saved.position
