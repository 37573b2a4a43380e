"""Space in the window: a tap runs and pauses, held over the canvas it pans."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from playground.snapshot import Snapshot
from tests.fake_engine import FakeEngine
from tests.fake_window import open_window
from ui.main_window import MainWindow

SPACE, LEFT = Qt.Key.Key_Space, Qt.MouseButton.LeftButton


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine
           ) -> MainWindow:
    window = open_window(qtbot, tmp_path, monkeypatch, engine)
    engine.next = Snapshot(state="paused")
    qtbot.waitUntil(lambda: window.bridge.snapshot.state == "paused")
    return window


def point_at(window: MainWindow, over_canvas: bool) -> None:
    window.canvas.setFocus()
    window.canvas.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, over_canvas)


@pytest.mark.parametrize("over_canvas", [True, False])
def test_a_tap_runs(window: MainWindow, engine: FakeEngine, qtbot: QtBot, over_canvas: bool
                    ) -> None:
    point_at(window, over_canvas)
    qtbot.keyClick(window.canvas, SPACE)
    assert engine.names().count("run") == 1


def test_held_it_pans_and_does_not_run(window: MainWindow, engine: FakeEngine, qtbot: QtBot
                                       ) -> None:
    point_at(window, True)
    canvas = window.canvas
    corner: QPointF = canvas.mapToScene(QPoint(0, 0))
    node = canvas.mapFromScene(canvas.canvas.nodes["dense_1"].box().center())
    qtbot.keyPress(canvas, SPACE)
    assert canvas.viewport().cursor().shape() == Qt.CursorShape.OpenHandCursor
    qtbot.mousePress(canvas.viewport(), LEFT, pos=node)
    qtbot.mouseMove(canvas.viewport(), node + QPoint(40, 25))
    assert canvas.viewport().cursor().shape() == Qt.CursorShape.ClosedHandCursor
    qtbot.mouseRelease(canvas.viewport(), LEFT, pos=node + QPoint(40, 25))
    qtbot.keyRelease(canvas, SPACE)
    moved = canvas.mapToScene(QPoint(0, 0)) - corner
    assert (moved.x(), moved.y()) == pytest.approx(
        (-40 / canvas.zoom, -25 / canvas.zoom), abs=2 / canvas.zoom)
    assert "run" not in engine.names()
    assert window.document.stack.count() == 0, "the node stays where it is"
    assert canvas.viewport().cursor().shape() != Qt.CursorShape.OpenHandCursor


def test_a_tap_where_nothing_can_run_does_nothing(
        window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    window.document.edit("Clear", window.document.graph.without(
        {node.id for node in window.document.graph.nodes}))
    point_at(window, True)
    qtbot.keyClick(window.canvas, SPACE)
    assert "run" not in engine.names()
