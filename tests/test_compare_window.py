"""The panel Compare, the chips of an example's variations, and lanes drawn over each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from playground.examples import EXAMPLES
from playground.lane import Lane
from playground.snapshot import LaneView, Snapshot
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
    lanes = (LaneView(SPIRAL.variations[0], 100, "", first, 0.5, 0.6),
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


def test_another_learning_rate_begins_a_lane_anew(window: MainWindow, engine: FakeEngine) -> None:
    window.variations.chips[0].click()
    window.compare.rows[1].rate.edited.emit(0.02)
    (lane,) = lanes_of(engine)
    assert lane is not SPIRAL.variations[0]
    assert lane.name == SPIRAL.variations[0].name
    assert lane.graph.training.optimizer.learning_rate == 0.02
    assert window.variations.chips[0].isChecked()


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
    assert first == "step 100 · val 0.500 · 60 %"
    assert second == "✕ diverged at 10"
    assert window.compare.rows[2].told.toolTip() == "Stopped before step 11."


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
