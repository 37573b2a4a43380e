"""The unrolled network and its truncation slider."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.session import Session
from playground.snapshot import Probe
from tests import time_graphs
from tests.shown_views import shown
from tests.test_views_time import moment, show, trained
from ui import theme as themes
from ui.colormaps import NOT_FINITE, SEQUENTIAL
from ui.views.through_time import ThroughTimeView
from ui.views.time_steps import cuts, outputs
from ui.views.truncation import Truncation
from ui.views.unrolled import PITCH, Steps, UnrolledNetwork, _short


@pytest.fixture(autouse=True)
def _dark(qapp: QApplication) -> None:
    themes.apply(qapp, "dark")


def drawing(qtbot: QtBot, time: int, width: int = 500, height: int = 140, shade: Any = "gradient",
            **changes: Any) -> UnrolledNetwork:
    network = UnrolledNetwork()
    qtbot.addWidget(network)
    network.resize(width, height)
    network.show()
    state = np.linspace(-1, 1, 3 * time, dtype=np.float32).reshape(time, 3)
    network.show_steps(Steps("h", state, np.logspace(-6, 0, time), **changes), shade)
    return network


@pytest.mark.parametrize("time", [1, 8, 30, 100])
@pytest.mark.parametrize("width", [300, 1200])
def test_boxes_stay_readable_and_the_rest_is_scrolled_to(qtbot: QtBot, time: int, width: int
                                                         ) -> None:
    network = drawing(qtbot, time, width)
    boxes = [network.box(t) for t in range(time)]
    assert all(b.left() - a.left() > PITCH - 0.01 for a, b in itertools.pairwise(boxes))
    metrics = network.fontMetrics()
    assert metrics.horizontalAdvance(f"h{'₉' * 2}") < network.pitch
    assert max(metrics.horizontalAdvance(_short(v)) for v in (
        3.27e-7, 0.0123, 123.4, 0.00999, 1.0)) < boxes[0].width()
    bar = network.horizontalScrollBar()
    assert (bar.maximum() > 0) == (time * PITCH > network.viewport().width())
    bar.setValue(bar.maximum())
    last = network.box(time - 1)
    assert last.right() <= network.viewport().width()
    assert network.step_at(last.center().x()) == time - 1
    assert network.step_at(-1e4) == -1


def test_boxes_are_coloured_by_the_gradient_or_the_state(qtbot: QtBot) -> None:
    network = drawing(qtbot, 8)
    image = network.viewport().grab().toImage()

    def color(t: int) -> QColor:
        box = network.box(t)
        return image.pixelColor(int(box.left()) + 3, int(box.top()) + 3)

    assert color(0) == QColor(*SEQUENTIAL[0].tolist())
    assert color(7) == QColor(*SEQUENTIAL[255].tolist())
    network.show_steps(network.steps, "state")
    image = network.viewport().grab().toImage()
    assert color(0).blue() > color(0).red()
    assert color(7).red() > color(7).blue()


def test_what_is_not_finite_is_magenta(qtbot: QtBot) -> None:
    network = drawing(qtbot, 4)
    norms = np.array([0.0, np.nan, 1.0, 0.1])
    network.show_steps(Steps("h", network.steps.state, norms), "gradient")
    image = network.viewport().grab().toImage()
    box, zero = network.box(1), network.box(0)
    assert image.pixelColor(int(box.left()) + 3, int(box.top()) + 3) == QColor(*NOT_FINITE)
    assert image.pixelColor(int(zero.left()) + 3, int(zero.top()) + 3) == QColor(
        *SEQUENTIAL[0].tolist())


def test_a_cut_is_a_broken_arrow(qtbot: QtBot) -> None:
    network = drawing(qtbot, 8, cuts=[2.5])
    assert [network.is_cut(t) for t in range(8)] == [t == 3 for t in range(8)]
    image = network.viewport().grab().toImage()
    warning = themes.theme().text("warning")

    def has_warning(t: int) -> bool:
        left, right = network.box(t - 1), network.box(t)
        return any(image.pixelColor(x, y) == warning
                   for x in range(int(left.right()) + 2, int(right.left()) - 1)
                   for y in range(int(left.center().y()) - 8, int(left.center().y()) + 8))

    assert [has_warning(t) for t in (2, 3, 4)] == [False, True, False]


def test_cuts_and_outputs_follow_the_layer() -> None:
    layer = time_graphs.waves().node("elman_1").layer
    assert cuts(layer, 40, False) == [9.5, 19.5, 29.5]  # type: ignore[arg-type]
    assert cuts(layer, 25, True) == [14.5, 4.5]  # type: ignore[arg-type]
    assert outputs(layer, 0, 3, False) == {0, 1, 2}  # type: ignore[arg-type]
    last = time_graphs.waves("last").node("elman_1").layer
    assert outputs(last, 0, 3, False) == {2}  # type: ignore[arg-type]
    assert outputs(last, 0, 3, True) == {0}  # type: ignore[arg-type]


def test_the_view_draws_what_the_engine_sends(qtbot: QtBot) -> None:
    session = trained("waves")
    view = show(qtbot, session)
    view.what.setCurrentIndex(view.what.findData("@gradient"))
    view.show_snapshot(moment(session, view))
    steps = view.over_time.unrolled.steps
    assert view.over_time.unrolled.isVisible()
    assert not view.over_time.maps.isVisible()
    np.testing.assert_array_equal(steps.state, session.values("elman_1.h")[1:, 0])
    np.testing.assert_allclose(steps.norms, session.values("elman_1.h_grad_norm"))
    assert steps.cuts == [9.5, 19.5, 29.5]
    view.over_time.unrolled.pointed.emit(9)
    assert view.line.whole.startswith("t = 9 · |∂h| = ")
    view.what.setCurrentIndex(0)
    assert view.over_time.maps.isVisible()
    assert not view.over_time.unrolled.isVisible()


def test_while_stepping_the_box_at_work_is_in_sight(qtbot: QtBot) -> None:
    session = Session(time_graphs.adding("elman", steps=60))
    session.run(1)
    at = next(i for i, instruction in enumerate(session.program.instructions)
              if instruction.time == 47 and instruction.phase == "forward")
    session.advance(at)
    view = shown(qtbot, ThroughTimeView())
    view.show_snapshot(moment(session, view))
    view.what.setCurrentIndex(view.what.findData("@state"))
    view.show_snapshot(moment(session, view))
    box = view.over_time.unrolled.box(47)
    assert view.over_time.unrolled.steps.now == 47
    assert 0 <= box.left() < box.right() <= view.over_time.unrolled.viewport().width()


# -- the slider -----------------------------------------------------------------------------------


@pytest.fixture
def truncation(qtbot: QtBot) -> Truncation:
    made = Truncation()
    qtbot.addWidget(made)
    made.show()
    made.show_setting(0, 50)
    return made


def test_the_right_end_means_no_cuts(truncation: Truncation) -> None:
    assert (truncation.slider.value(), truncation.text.text()) == (50, "no cuts")
    truncation.show_setting(7, 50)
    assert (truncation.setting, truncation.text.text()) == (7, "cut every 7")
    truncation.show_setting(80, 50)
    assert truncation.setting == 0


def test_a_drag_sends_few_edits_and_ends_with_the_last(qtbot: QtBot, truncation: Truncation
                                                       ) -> None:
    sent: list[int] = []
    done: list[bool] = []
    truncation.edited.connect(sent.append)
    truncation.finished.connect(lambda: done.append(True))
    truncation.slider.setSliderDown(True)
    for value in range(49, 9, -1):
        truncation.slider.setValue(value)
    assert sent == []
    truncation.show_setting(0, 50)  # a snapshot from before
    assert truncation.setting == 10
    truncation.slider.setSliderDown(False)
    assert (sent, done) == ([10], [True])
    truncation.show_setting(0, 50)  # still from before: the edit is on its way
    assert truncation.setting == 10
    truncation.show_setting(10, 50)
    truncation.show_setting(0, 50)  # undone
    assert truncation.setting == 0


def test_keys_move_it(qtbot: QtBot, truncation: Truncation) -> None:
    with qtbot.waitSignal(truncation.edited) as signal:
        QTest.keyClick(truncation.slider, Qt.Key.Key_Left)
    assert signal.args == [49]


def test_a_drag_in_the_window_is_one_undo_entry(window: Any) -> None:
    window.document.replace(time_graphs.adding("elman", steps=20))
    view = window.views["through_time"]
    for steps in (12, 9, 5):
        view.setting_changed.emit("elman_1", "truncate", steps)
    view.change_done.emit()
    assert window.document.graph.node("elman_1").layer.truncate == 5
    view.setting_changed.emit("elman_1", "truncate", 3)
    window.document.stack.undo()
    assert window.document.graph.node("elman_1").layer.truncate == 5
    window.document.stack.undo()
    assert window.document.graph.node("elman_1").layer.truncate == 0
    assert not window.document.stack.canUndo()


def test_the_slider_asks_the_window_for_the_shown_node(qtbot: QtBot) -> None:
    view = show(qtbot, trained("waves"))
    probes: frozenset[Probe] = view.wanted()
    assert probes
    with qtbot.waitSignal(view.setting_changed) as signal:
        view.truncation.slider.setValue(4)
    assert signal.args == ["elman_1", "truncate", 4]


def test_the_wheel_scrolls_across(qtbot: QtBot) -> None:
    network = drawing(qtbot, 100)
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent

    event = QWheelEvent(
        QPointF(10, 10), QPointF(10, 10), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    network.wheelEvent(event)
    assert network.horizontalScrollBar().value() == 120
