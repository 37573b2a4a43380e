"""Breakpoints and conditions: Run stops by itself, exactly there, and goes on from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.session import Session
from playground.stops import Condition, Stops, breakpoints_of
from tests.drive import opened, spin
from tests.waiting import running_engine, wait
from ui.dialogs.until import UntilDialog, quantities
from ui.main_window import MainWindow
from ui.views.listing import ListingView
from ui.views.listing_model import ARROW, NODE

GRAPH = EXAMPLES["mlp-spiral"].graph


def test_a_breakpoint_stops_before_its_instruction_in_each_step() -> None:
    session, stops = Session(GRAPH), Stops()
    at = session.program.index_of("dense_2", "backward")
    assert at is not None
    stops.toggle(breakpoints_of(session.program)[at])
    for step in range(3):
        assert f"before instruction {at}" in stops.run_for(session, 1.0, None)
        assert (session.step, session.position) == (step, at)
    stops.toggle(breakpoints_of(session.program)[3])
    assert stops.places(session.program) == {3, at}
    stops.run_for(session, 1.0, None)
    assert (session.step, session.position) == (3, 3)
    stops.clear()
    assert stops.run_for(session, 0.01, 5) == ""
    assert session.position == 0


def test_stopping_changes_nothing() -> None:
    straight, stopped, stops = Session(GRAPH), Session(GRAPH), Stops()
    stops.toggle(breakpoints_of(stopped.program)[7])
    for _ in range(4):
        stops.run_for(stopped, 1.0, None)
    stopped.run(1)
    straight.run(4)
    np.testing.assert_array_equal(stopped.arena.state, straight.arena.state)


def test_a_breakpoint_is_found_again_after_an_edit() -> None:
    before, stops = Session(GRAPH).program, Stops()
    at = before.index_of("dense_3", "update")
    assert at is not None
    stops.toggle(breakpoints_of(before)[at])
    layer = GRAPH.node("dense_1").layer.with_settings(activation="identity")  # type: ignore
    after = Session(GRAPH.with_layer("dense_1", layer)).program
    assert len(after.instructions) < len(before.instructions)
    assert stops.places(after) == {after.index_of("dense_3", "update")}
    assert len(set(breakpoints_of(after))) == len(after.instructions)


def test_stops_are_renamed_with_their_nodes() -> None:
    before, stops = Session(GRAPH).program, Stops()
    at = before.index_of("dense_2", "backward")
    assert at is not None
    stops.toggle(breakpoints_of(before)[at])
    stops.condition = Condition("dense_2.update_ratio", "<", 1.0)
    after = Session(GRAPH.renamed("dense_2", "hidden")).program
    stops.renamed({"dense_2": "hidden"})
    assert stops.places(after) == {after.index_of("hidden", "backward")}
    assert stops.condition.column == "hidden.update_ratio"


def test_a_condition_stops_after_the_first_step_that_meets_it() -> None:
    straight = Session(GRAPH)
    losses = []
    for _ in range(400):
        straight.run(1)
        losses.append(straight.measured("loss"))
    first = next(i for i, loss in enumerate(losses) if loss < 0.5) + 1
    session, stops = Session(GRAPH), Stops()
    stops.condition = Condition("loss", "<", 0.5)
    while not (reached := stops.run_for(session, 0.01, None)):
        assert session.step < first
    assert session.step == first
    assert f"after step {first}: loss" in reached
    assert "< 0.5" in reached


def test_a_condition_of_the_validation() -> None:
    session, stops = Session(GRAPH), Stops()
    stops.condition = Condition("validation_metric", ">", 0.9)
    assert stops.run_for(session, 0.01, 10) == ""  # not validated yet
    session.run(2000)
    session.validate()
    step = session.step
    assert "validation_metric" in stops.run_for(session, 0.01, 10)
    assert session.step == step


def test_what_is_not_measured_never_stops_it() -> None:
    session, stops = Session(GRAPH), Stops()
    for column in ("dense_9.inactive", "dense_3.inactive"):
        for sign in ("<", ">"):
            stops.condition = Condition(column, sign, 0.0)  # type: ignore[arg-type]
            assert stops.run_for(session, 0.01, 3) == ""


engine = pytest.fixture(running_engine)


def test_the_engine_pauses_there_and_says_why(engine: Engine) -> None:
    engine.load(GRAPH)
    wait(engine, lambda s: s.state == "paused" and s.program is not None)
    engine.run_until(condition=Condition("loss", "<", 0.3))
    at = wait(engine, lambda s: s.state == "paused" and s.step > 0)
    assert at.loss < 0.3
    assert f"Stopped after step {at.step:,}: loss" in at.message
    assert at.program is not None
    engine.toggle_stop(breakpoints_of(at.program)[20])
    engine.run()  # the condition was for that run alone
    there = wait(engine, lambda s: s.state == "paused" and s.position == 20)
    assert (there.step, there.stops) == (at.step, {20})
    assert "breakpoint" in there.message
    engine.clear_stops()
    engine.run()
    assert wait(engine, lambda s: s.step > at.step + 100).message == ""


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    with opened("mlp-spiral", tmp_path) as made:
        yield made


def test_a_click_in_the_listing_sets_a_breakpoint(window: MainWindow) -> None:
    bridge, view = window.bridge, window.views["program"]
    assert isinstance(view, ListingView)
    assert spin(lambda: bridge.snapshot.state == "paused" and view.model.rowCount() > 0, 30)
    at = bridge.snapshot.program.index_of("dense_2", "forward")  # type: ignore[union-attr]
    row = view.model.row_of(at)
    assert row is not None
    index = view.model.index(row, ARROW)
    view.list.scrollTo(index)
    place = view.list.visualRect(index).center()

    def click() -> None:
        QTest.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click()
    assert spin(lambda: view.model.stops == {at}, 10)
    assert view.model.data(index) == "●"
    window.run_actions.run.trigger()
    assert spin(lambda: bridge.snapshot.position == at, 10)
    assert view.model.data(index) == "▸"
    place = view.list.visualRect(index).center()
    click()
    assert spin(lambda: not view.model.stops, 10)
    QTest.mouseClick(view.list.viewport(), Qt.MouseButton.LeftButton,
                     pos=view.list.visualRect(view.model.index(row, NODE)).center())
    assert window.document.selection == {"dense_2"}
    assert not view.model.stops


def test_a_key_stops_before_the_selected_node(window: MainWindow) -> None:
    assert spin(lambda: window.bridge.snapshot.program is not None, 30)
    assert not window.run_actions.clear_stops.isEnabled()
    window.document.select({"dense_3"})
    window.run_actions.stop_before.trigger()
    assert spin(lambda: bool(window.bridge.snapshot.stops), 10)
    window.run_actions.run.trigger()
    assert spin(lambda: window.bridge.snapshot.position > 0, 10)
    program = window.bridge.snapshot.program
    assert program is not None
    assert program.instructions[window.bridge.snapshot.position].node == "dense_3"
    window.run_actions.clear_stops.trigger()
    assert spin(lambda: not window.bridge.snapshot.stops, 10)


def test_the_question_until_when(window: MainWindow) -> None:
    assert spin(lambda: window.bridge.snapshot.program is not None, 30)
    snapshot = window.bridge.snapshot
    names = quantities(snapshot)
    assert names["loss"] == "Loss"
    assert names["validation_metric"] == "Validation accuracy"
    assert names["dense_1.update_ratio"] == "Update-to-weight ratio of dense_1"
    dialog = UntilDialog(snapshot, Condition("dense_1.update_ratio", ">", 0.25), window)
    assert dialog.condition() == Condition(
        "dense_1.update_ratio", ">", 0.25, "Update-to-weight ratio of dense_1")
    dialog.limit.lineEdit().setText("soon")
    dialog.limit.lineEdit().textEdited.emit("soon")
    assert not dialog.go.isEnabled()
    assert "is not a number" in dialog.problem.text()
    dialog.deleteLater()
