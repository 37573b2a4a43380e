"""The canvas by keyboard and clipboard; then the document is looked at."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
)
from PySide6.QtWidgets import QApplication, QInputDialog
from pytestqt.qtbot import QtBot

from playground.graph import Edge
from playground.layers import LAYERS
from tests.on_canvas import (
    CONTROL,
    click,
    in_step,
    middle,
    network,
    open_canvas,
)
from ui.canvas.connecting import ConnectByKeys
from ui.canvas.view import CanvasView


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    return open_canvas(qtbot, qapp)


def test_delete_and_undo_restore_node_and_edges(view: CanvasView, qtbot: QtBot) -> None:
    click(view, middle(view, "dense_1"))
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert "dense_1" not in view.document.graph
    assert view.document.graph.edges == ()
    assert in_step(view)
    view.document.stack.undo()
    assert view.document.graph == network()
    assert in_step(view)
    view.document.select((), [Edge("dense_1", 0, "dense_2", 0)])
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert view.document.graph.edges == (Edge("moons_1", 0, "dense_1", 0),)


def test_copy_paste_duplicate_cut(view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["dense_1", "dense_2"])
    qtbot.keyClick(view, Qt.Key.Key_C, CONTROL)
    assert '"dense"' in QGuiApplication.clipboard().text()
    qtbot.keyClick(view, Qt.Key.Key_V, CONTROL)
    assert Edge("dense_3", 0, "dense_4", 0) in view.document.graph.edges
    assert view.document.selection == {"dense_3", "dense_4"}
    qtbot.keyClick(view, Qt.Key.Key_V, CONTROL)
    places = [(n.x, n.y) for n in view.document.graph.nodes]
    assert len(set(places)) == len(places) == 8
    qtbot.keyClick(view, Qt.Key.Key_D, CONTROL)
    assert len(view.document.graph.nodes) == 10
    qtbot.keyClick(view, Qt.Key.Key_X, CONTROL)
    assert len(view.document.graph.nodes) == 8
    for _ in range(4):
        view.document.stack.undo()
    assert view.document.graph == network()


def test_pasting_other_text_says_why_not(view: CanvasView, qtbot: QtBot) -> None:
    QGuiApplication.clipboard().setText("just words")
    with qtbot.waitSignal(view.document.refused) as told:
        qtbot.keyClick(view, Qt.Key.Key_V, CONTROL)
    assert "clipboard" in told.args[0]
    assert view.document.graph == network()


def test_rename(view: CanvasView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([("hidden", True), ("2 words", True), ("", False)])
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: next(answers))
    view.document.select(["dense_1"])
    qtbot.keyClick(view, Qt.Key.Key_F2)
    assert Edge("moons_1", 0, "hidden", 0) in view.document.graph.edges
    assert view.document.selection == {"hidden"}
    with qtbot.waitSignal(view.document.refused):
        qtbot.keyClick(view, Qt.Key.Key_F2)
    qtbot.keyClick(view, Qt.Key.Key_F2)
    assert view.document.stack.count() == 1


def test_connect_by_keys(view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["dense_2"])
    qtbot.keyClick(view, Qt.Key.Key_C)
    gesture = view.interaction
    assert isinstance(gesture, ConnectByKeys)
    for _ in range(5):
        if gesture.target is view.canvas.nodes["loss_1"]:
            break
        qtbot.keyClick(view, Qt.Key.Key_Right)
    assert gesture.target is view.canvas.nodes["loss_1"]
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges
    assert view.interaction is None
    view.document.select(["moons_1"])
    qtbot.keyClick(view, Qt.Key.Key_C)
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.interaction is None
    assert view.document.stack.count() == 1
    assert view.document.selection == {"moons_1"}


def offered(view: CanvasView, qtbot: QtBot, output: int = 0) -> list[str]:
    """What the keyboard offers to connect the selected node to, in order."""
    qtbot.keyClick(view, Qt.Key.Key_C)
    for _ in range(output):
        qtbot.keyClick(view, Qt.Key.Key_Tab)
    texts: list[str] = []
    while (text := view._message.text()) not in texts:
        texts.append(text)
        qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    return [text.partition(" to ")[2] for text in texts if " to " in text]


def test_the_keyboard_offers_what_is_needed_first_and_names_the_port(
        view: CanvasView, qtbot: QtBot) -> None:
    graph = view.document.graph.with_node(LAYERS["mean_squared_error"](), 720, 400, id="loss_2")
    graph = graph.with_node(LAYERS["dense"](), 1400, 0, id="far").with_node(
        LAYERS["add"](), 1600, 400)
    view.document.edit("Add", graph)
    view.document.select(["dense_2"])
    names = offered(view, qtbot)
    assert names[:6] == ["loss_1 · prediction", "loss_2 · prediction", "far", "add_1 · x1",
                         "loss_1 · target", "loss_2 · target"]
    qtbot.keyClick(view, Qt.Key.Key_C)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges
    assert offered(view, qtbot)[:3] == ["loss_2 · prediction", "far", "add_1 · x1"]


def test_the_datas_target_is_offered_to_targets_first(view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["moons_1"])
    assert offered(view, qtbot, output=1)[0] == "loss_1 · target"
    qtbot.keyClick(view, Qt.Key.Key_C)
    qtbot.keyClick(view, Qt.Key.Key_Tab)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert Edge("moons_1", 1, "loss_1", 1) in view.document.graph.edges


def test_a_node_without_output_cannot_start_an_edge(view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["loss_1"])
    with qtbot.waitSignal(view.document.refused):
        qtbot.keyClick(view, Qt.Key.Key_C)
    assert view.interaction is None


def test_arrows_and_tab_walk_the_network(view: CanvasView, qtbot: QtBot) -> None:
    seen = []
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Right)
        seen.append(view.current())
    assert seen == ["moons_1", "dense_1", "dense_2"]
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.current() == "loss_1"
    view.document.select([])
    for _ in range(2):
        view.focusNextPrevChild(True)
    assert view.current() == view.document.graph.order()[1].id
    view.focusNextPrevChild(False)
    assert view.current() == view.document.graph.order()[0].id


def test_ctrl_arrows_nudge_as_one_entry(view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["dense_1"])
    for _ in range(3):
        QApplication.sendEvent(view, _key(QEvent.Type.KeyPress, Qt.Key.Key_Down, CONTROL))
    QApplication.sendEvent(view, _key(QEvent.Type.KeyRelease, Qt.Key.Key_Down, CONTROL))
    assert view.document.graph.node("dense_1").y == 24
    assert view.document.stack.count() == 1


def _key(kind: QEvent.Type, key: Qt.Key, keys: Qt.KeyboardModifier) -> QEvent:
    return QKeyEvent(kind, key, keys)


def test_enter_slash_and_select_all(view: CanvasView, qtbot: QtBot) -> None:
    qtbot.keyClick(view, Qt.Key.Key_A, CONTROL)
    assert len(view.document.selection) == 4
    assert len(view.document.selected_edges) == 2
    view.document.select(["dense_1"])
    with qtbot.waitSignal(view.inspect_requested):
        qtbot.keyClick(view, Qt.Key.Key_Return)
    with qtbot.waitSignal(view.search_requested):
        qtbot.keyClick(view, Qt.Key.Key_Slash)


def test_context_menu_selects_and_offers_what_fits(view: CanvasView) -> None:
    spot = view.mapFromScene(middle(view, "dense_1"))
    view.contextMenuEvent(QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, spot, view.viewport().mapToGlobal(spot)))
    assert view.document.selection == {"dense_1"}
    QApplication.activePopupWidget().close()
    assert view.actions_.rename in view.actions_.menu().actions()
    view.document.select([])
    assert view.actions_.tidy in view.actions_.menu().actions()
    menu = view.actions_.menu()
    assert all(action.toolTip() for action in menu.actions() if not action.isSeparator())
