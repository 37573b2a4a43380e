"""The panel Compare, the chips of an example's variations, and lanes drawn over each other."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from playground.comparison import Followers
from playground.examples import EXAMPLES
from playground.lane import Lane
from playground.session import Session
from playground.snapshot import LaneView, Snapshot
from playground.snapshot_maker import SnapshotMaker
from tests.fake_engine import FakeEngine
from tests.shown_views import history, program, shown, snapshot
from ui.lanes import MOST, OWN
from ui.main_window import MainWindow
from ui.views.gradients import GradientsView
from ui.views.loss import LossView

SPIRAL = EXAMPLES["mlp-spiral"]


def lanes_of(engine: FakeEngine) -> tuple[Lane, ...]:
    """What the engine was last told to train beside the network."""
    found: tuple[Lane, ...] = [call for call in engine.calls if call[0] == "set_lanes"][-1][1]
    return found


def beside(**series: Any) -> Snapshot:
    """A moment with two lanes, of which the second has stopped."""
    moment = snapshot(loss=np.linspace(2, 1, 100), **series)
    columns = program().columns
    first = history(columns, loss=np.linspace(2, 0.5, 100), dense_1__grad_norm_before=3.0,
                    grad_norm_before=7.0)
    second = history(columns, steps=10, loss=np.geomspace(2, 1e30, 10))
    lanes = (LaneView(SPIRAL.variations[0], 100, "", first, 0.5, 0.6, parameters=3456,
                      seconds_per_step=2.5e-4),
             LaneView(SPIRAL.variations[1], 10, "Stopped before step 11.", second))
    return Snapshot(**{name: getattr(moment, name) for name in (
        "state", "program", "step", "loss", "metric", "metric_name", "history")}, lanes=lanes)


def test_a_chip_trains_a_variation_and_takes_it_away(window: MainWindow, engine: FakeEngine
                                                     ) -> None:
    first, second = window.variations.chips[:2]
    first.click()
    second.click()
    assert lanes_of(engine) == SPIRAL.variations[:2]
    assert (first.isChecked(), first.place, second.place) == (True, 0, 1)
    first.click()
    assert lanes_of(engine) == SPIRAL.variations[1:2]
    assert (first.place, second.place) == (None, 0)


def test_the_network_is_kept_as_it_is(window: MainWindow, engine: FakeEngine) -> None:
    graph = window.document.graph
    window.compare.keep_button.click()
    window.document.edit("Change seed", graph.with_training(
        EXAMPLES["perceptron"].graph.training))
    window.compare.keep_button.click()
    one, two = lanes_of(engine)
    assert (one.name, one.graph) == ("before", graph)
    assert one.state is not None
    assert one.state.step == engine.state.step
    assert (two.name, two.graph) == ("before 2", window.document.graph)
    assert [row.name.whole for row in window.compare.rows] == [OWN, "before", "before 2"]
    window.compare.rows[1].away.click()
    assert lanes_of(engine) == (two,)


def test_there_are_as_many_lanes_as_colours(window: MainWindow) -> None:
    for _ in range(MOST):
        window.compare.keep_button.click()
    assert not window.compare.keep_button.isEnabled()
    assert not any(chip.isEnabled() for chip in window.variations.chips)


def test_what_cannot_train_is_not_kept(window: MainWindow, engine: FakeEngine) -> None:
    said: list[str] = []
    window.document.refused.connect(said.append)
    graph = window.document.graph
    window.document.edit("Cut", graph.without_edges(graph.edges[:1]))
    window.compare.keep_button.click()
    assert "cannot train" in said[0]
    assert "set_lanes" not in engine.names()


def rate_of(lane: Lane) -> float:
    return lane.graph.training.optimizer.learning_rate


def test_another_learning_rate_begins_a_lane_anew(qtbot: QtBot, window: MainWindow,
                                                  engine: FakeEngine) -> None:
    window.variations.chips[0].click()
    rate = window.compare.rows[1].rate
    rate.lineEdit().setText("0.02")
    qtbot.keyClick(rate, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: rate_of(lanes_of(engine)[0]) == 0.02)
    (lane,) = lanes_of(engine)
    assert lane.name == SPIRAL.variations[0].name
    assert window.variations.chips[0].isChecked()


def test_the_rate_keeps_the_focus_while_it_is_stepped(qtbot: QtBot, window: MainWindow,
                                                      engine: FakeEngine) -> None:
    """And the lane begins anew once, with the last of the steps."""
    for chip in window.variations.chips[:2]:
        chip.click()
    window.docks.open("compare")
    row = window.compare.rows[2]
    row.rate.setFocus()
    qtbot.waitUntil(row.rate.hasFocus)
    engine.calls.clear()
    start = row.rate.value()
    for _ in range(3):
        qtbot.keyClick(row.rate, Qt.Key.Key_Up)
    reached = row.rate.value()
    assert reached > 5 * start
    qtbot.waitUntil(lambda: "set_lanes" in engine.names())
    assert engine.names().count("set_lanes") == 1
    assert rate_of(lanes_of(engine)[1]) == reached
    assert window.compare.rows[2] is row
    assert row.rate.hasFocus()
    qtbot.keyClick(row.rate, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: rate_of(lanes_of(engine)[1]) < reached)
    assert row.lane is lanes_of(engine)[1]


def test_rows_stay_when_others_come_and_go(window: MainWindow) -> None:
    chips = window.variations.chips
    chips[0].click()
    chips[1].click()
    own, _, second = window.compare.rows
    chips[0].click()
    assert window.compare.rows == [own, second]
    assert (second.place, second.lane) == (0, SPIRAL.variations[1])
    chips[1].click()
    assert window.compare.rows == []


def test_another_document_has_no_lanes(window: MainWindow) -> None:
    window.variations.chips[0].click()
    window.files.open_example(EXAMPLES["exploding"])
    assert window.lanes.lanes == ()
    assert [chip.text() for chip in window.variations.chips] == [
        lane.name for lane in EXAMPLES["exploding"].variations]
    assert not window.dial.isHidden()
    window.files.open_example(EXAMPLES["perceptron"])
    assert window.variations.isHidden()
    assert window.dial.isHidden()


def test_the_panel_tells_how_each_does(window: MainWindow) -> None:
    for chip in window.variations.chips[:2]:
        chip.click()
    window.docks.open("compare")
    window.compare.show_snapshot(beside())
    own, first, second = (row.told.whole for row in window.compare.rows)
    assert own.startswith("step 100")
    assert first == "60 % · val 0.500 · step 100"
    assert second == "✕ diverged at 10"
    assert window.compare.rows[2].told.toolTip() == "Stopped before step 11."
    own, first, second = (row.costs.whole for row in window.compare.rows)
    assert own == f"{program().check.total_parameters:,} parameters"
    assert first == "3,456 parameters · 250 µs per step"
    assert second == ""
    timed = replace(beside(), seconds_per_step=5e-5)
    window.compare.show_snapshot(timed)
    assert window.compare.rows[0].costs.whole.endswith(" · 50 µs per step")
    window.compare.show_snapshot(replace(timed, step=0))
    assert "per step" not in window.compare.rows[0].costs.whole, "of before the reset"


def test_lanes_tell_their_size_and_the_time_of_their_own_steps() -> None:
    """Each by itself: the GRU has fewer weights than the LSTM beside it."""
    example = EXAMPLES["lstm"]
    followers = Followers()
    followers.set([lane for lane in example.variations if lane.key == "gru"], threads=1)
    session = Session(example.graph)
    maker = SnapshotMaker(session)
    assert math.isnan(maker.make(Snapshot("paused"), ()).seconds_per_step)
    session.run(3)
    followers.follow(3, seconds=10)
    own = maker.make(Snapshot("paused", lanes=followers.views(Snapshot("paused"), ())), ())
    (gru,) = own.lanes
    assert own.program is not None
    assert gru.parameters < own.program.check.total_parameters
    assert 0 < gru.seconds_per_step < 1 > own.seconds_per_step > 0


def test_the_dial_draws_the_weights_anew_and_runs_a_step(window: MainWindow, engine: FakeEngine
                                                         ) -> None:
    window.files.open_example(EXAMPLES["exploding"])
    dial = EXAMPLES["exploding"].dial
    assert dial is not None
    engine.calls.clear()
    window.dial.slider.setValue(0)
    assert dial.get(window.document.graph) == 0.5
    assert [name for name in engine.names() if name in ("load", "reset", "step")] == [
        "load", "reset", "step"]
    # While that turn is under way, the next one waits.
    window.dial.slider.setValue(60)
    assert dial.get(window.document.graph) == 0.5
    window.bridge.snapshot_ready.emit(Snapshot(
        state="paused", program=_program(window), step=1))
    assert dial.get(window.document.graph) == 2.0


def test_the_dial_asks_before_much_training_is_lost(window: MainWindow, engine: FakeEngine,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    window.files.open_example(EXAMPLES["exploding"])
    dial, graph = EXAMPLES["exploding"].dial, window.document.graph
    place = window.dial.slider.value()
    assert dial is not None
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Reset]
    monkeypatch.setattr(QMessageBox, "question", lambda *args: answers.pop(0))
    window.bridge.training_seconds = 100.0
    engine.calls.clear()
    window.dial.slider.setSliderDown(True)
    window.dial.slider.setValue(0)
    assert window.document.graph is graph
    assert "reset" not in engine.names()
    assert window.dial.slider.value() == place
    assert not window.dial.slider.isSliderDown()
    window.dial.slider.setValue(0)
    assert dial.get(window.document.graph) == 0.5
    assert "reset" in engine.names()
    assert not answers


def _program(window: MainWindow) -> Any:
    from playground.compiler import compile_program

    return compile_program(window.document.graph)


# -- drawn over each other -------------------------------------------------------------------------


def test_the_losses_of_lanes_lie_over_each_other(qtbot: QtBot) -> None:
    view = shown(qtbot, LossView(), beside())
    (first, seen), (second, _) = view.lanes.curves
    assert first.values[-1] == pytest.approx(0.5, abs=0.05)
    assert list(seen.step) == [50, 100]
    assert second.values[-1] > 1e20
    # What has diverged does not flatten the others.
    assert view.plot.box.viewRange()[1][1] < 1
    assert list(view.legend.entries) == [OWN, *(v.name for v in SPIRAL.variations[:2])]
    assert not view.band.isVisible()
    splits = {row[0] for row in view.table()[1]}
    assert f"validation {SPIRAL.variations[0].name}" in splits
    view.show_snapshot(snapshot())
    assert not view.lanes.curves
    assert not view.legend.isVisible()
    assert view.band.isVisible()


def test_the_gradients_of_lanes_are_of_all_layers_or_the_selected_node(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), beside())
    name = SPIRAL.variations[0].name
    assert view.lane_lines.curves[name][0].values[-1] == 7
    view.select("dense_1")
    assert view.lane_lines.curves[name][0].values[-1] == 3
    assert not any(curve.isVisible() for curve in view.lines.values())
    view.beside.setChecked(False)
    assert not view.lane_lines.curves
    assert view.lines["dense_1"].isVisible()


def test_pointing_at_a_lane_leaves_all_lines_and_makes_the_others_faint(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), beside())
    view.select("dense_1")
    name = SPIRAL.variations[0].name
    pointed, own = (view.lane_lines.curves[n][0] for n in (name, OWN))
    view.legend.entries[name].pointed.emit(True)
    assert pointed.isVisible()
    assert own.isVisible()
    assert pointed.values[-1] == 3
    assert view.header.note.whole == "dense_1"
    assert view.legend.entries[name].strong
    assert pointed.opts["pen"].color().alphaF() == 1
    assert own.opts["pen"].color().alphaF() < 0.5
    view.legend.entries[name].pointed.emit(False)
    assert own.opts["pen"].color().alphaF() == 1


def test_pointing_at_a_lane_ends_with_its_line(qtbot: QtBot) -> None:
    view = shown(qtbot, GradientsView(), beside())
    view.legend.entries[SPIRAL.variations[0].name].pointed.emit(True)
    view.beside.setChecked(False)
    line = view.lines["dense_1"]
    assert line.isVisible()
    assert line.opts["pen"].color().alphaF() == 1
    assert view.header.note.whole == ""


# -- variations that take the network's place -----------------------------------------------------


def test_mode_collapse_is_one_click_away_and_one_back(
        window: MainWindow, engine: FakeEngine) -> None:
    window.files.open_example(EXAMPLES["gan"])
    chip = window.variations.chips[0]
    assert (chip.text(), chip.isChecked()) == ("slow judge", False)
    assert "tenth of the learning rate" in chip.toolTip()
    before = window.document.graph
    engine.calls.clear()
    chip.click()
    assert chip.isChecked()
    assert window.document.graph.node("judge_2").learning.rate == 0.1
    assert window.document.graph.notes == before.notes
    assert "set_lanes" not in engine.names()
    assert engine.names().index("load") < engine.names().index("reset")
    chip.click()
    assert not chip.isChecked()
    assert window.document.graph == before
    window.document.stack.undo()
    assert chip.isChecked()
    window.document.stack.undo()
    assert window.document.graph == before
    assert not chip.isChecked()


def test_who_keeps_the_training_keeps_the_network(
        window: MainWindow, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    window.files.open_example(EXAMPLES["gan"])
    monkeypatch.setattr(QMessageBox, "question", lambda *args: QMessageBox.StandardButton.Cancel)
    window.bridge.training_seconds = 100.0
    chip = window.variations.chips[0]
    engine.calls.clear()
    chip.click()
    assert not chip.isChecked()
    assert not engine.names()


def test_saving_tells_that_lanes_are_not_in_the_file(
        window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    monkeypatch.setattr(window.canvas, "say", lambda text, *rest: said.append(text))
    assert window.files._save(tmp_path / "a.playground")
    assert not said
    window.variations.chips[0].click()
    assert window.files._save(tmp_path / "a.playground")
    assert [text for text in said if "not part of the file" in text]
