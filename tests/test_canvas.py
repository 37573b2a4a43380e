"""The canvas, driven as a person does: mouse, keys and drops; then the document is looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QInputDialog
from pytestqt.qtbot import QtBot

from playground.graph import Edge, Graph, UnknownLayer
from playground.layers import LAYERS
from playground.snapshot import NodeStatistics
from ui import theme as themes
from ui.canvas import editing, gradient
from ui.canvas.interactions import ConnectByKeys
from ui.canvas.layout import _longest_path, arrange, free_place, make_room
from ui.canvas.node_item import GRID
from ui.canvas.routing import Side, sides
from ui.canvas.view import CanvasView
from ui.colormaps import signed_image
from ui.document import Document
from ui.outline import Outline
from ui.palette import LAYER_MIME

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NAN = math.nan


def network() -> Graph:
    """moons_1 -> dense_1 -> dense_2, and a loss that waits."""
    graph = Graph().with_node(LAYERS["moons"](), 0, 0)
    graph = graph.with_node(LAYERS["dense"](), 240, 0).with_node(
        LAYERS["dense"]().with_settings(units=2), 480, 0)
    graph = graph.with_node(LAYERS["softmax_cross_entropy"](), 480, 160, id="loss_1")
    return graph.connect("moons_1", "dense_1").connect("dense_1", "dense_2")


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CanvasView:
    themes.apply(qapp, "dark")
    view = CanvasView(Document(network()))
    qtbot.addWidget(view)
    view.resize(1000, 600)
    view.show()
    qtbot.waitExposed(view)
    view.activateWindow()
    view.setFocus()
    view.fit()
    return view


def mouse(view: CanvasView, kind: QEvent.Type, at: QPointF, keys: Qt.KeyboardModifier = NONE,
          button: Qt.MouseButton = LEFT) -> None:
    spot = QPointF(view.mapFromScene(at))
    held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else button
    QApplication.sendEvent(view.viewport(), QMouseEvent(
        kind, spot, view.viewport().mapToGlobal(spot), button, held, keys))


def drag(view: CanvasView, start: QPointF, end: QPointF, keys: Qt.KeyboardModifier = NONE,
         button: Qt.MouseButton = LEFT, let_go: bool = True) -> None:
    mouse(view, QEvent.Type.MouseButtonPress, start, keys, button)
    for share in (0.3, 0.7, 1.0):
        mouse(view, QEvent.Type.MouseMove, start + (end - start) * share, keys, button)
    if let_go:
        mouse(view, QEvent.Type.MouseButtonRelease, end, keys, button)


def click(view: CanvasView, at: QPointF, keys: Qt.KeyboardModifier = NONE) -> None:
    mouse(view, QEvent.Type.MouseButtonPress, at, keys)
    mouse(view, QEvent.Type.MouseButtonRelease, at, keys)


def drop(view: CanvasView, kind: str, at: QPointF) -> bool:
    data = QMimeData()
    data.setData(LAYER_MIME, kind.encode())
    spot, copy = view.mapFromScene(at), Qt.DropAction.CopyAction
    QApplication.sendEvent(view.viewport(), QDragEnterEvent(spot, copy, data, LEFT, NONE))
    QApplication.sendEvent(view.viewport(), QDragMoveEvent(spot, copy, data, LEFT, NONE))
    event = QDropEvent(QPointF(spot), copy, data, LEFT, NONE)
    QApplication.sendEvent(view.viewport(), event)
    return event.isAccepted()


def middle(view: CanvasView, id: str) -> QPointF:
    return view.canvas.nodes[id].box().center()


def port(view: CanvasView, id: str, output: bool, number: int = 0) -> QPointF:
    item = view.canvas.nodes[id].port(output, number)
    assert item is not None
    return item.center()


def in_step(view: CanvasView) -> bool:
    """The pictures show the document's graph and nothing else."""
    graph = view.document.graph
    return (view.canvas.nodes.keys() == {n.id for n in graph.nodes}
            and view.canvas.edges.keys() == set(graph.edges)
            and all(view.canvas.nodes[n.id].pos() == QPointF(n.x, n.y) for n in graph.nodes))


# -- adding -----------------------------------------------------------------------------------


def test_drop_undo_redo(view: CanvasView) -> None:
    assert drop(view, "relu", QPointF(240, 200))
    assert "relu_1" in view.document.graph
    assert view.document.selection == {"relu_1"}
    view.document.stack.undo()
    assert "relu_1" not in view.document.graph
    assert in_step(view)
    view.document.stack.redo()
    assert "relu_1" in view.document.graph
    assert in_step(view)


def test_a_drop_on_an_edge_goes_into_it(view: CanvasView) -> None:
    edge = Edge("dense_1", 0, "dense_2", 0)
    assert drop(view, "relu", view.canvas.edges[edge].path().pointAtPercent(0.5))
    graph = view.document.graph
    assert edge not in graph.edges
    assert {Edge("dense_1", 0, "relu_1", 0), Edge("relu_1", 0, "dense_2", 0)} <= set(graph.edges)
    view.document.stack.undo()
    assert view.document.graph == network()


def test_the_others_make_room_for_it(view: CanvasView) -> None:
    edge = Edge("dense_1", 0, "dense_2", 0)
    drop(view, "relu", view.canvas.edges[edge].path().pointAtPercent(0.5))
    boxes = {id: item.box() for id, item in view.canvas.nodes.items()}
    assert boxes["dense_1"].right() < boxes["relu_1"].left()
    assert boxes["relu_1"].right() < boxes["dense_2"].left()
    assert view.document.graph.node("loss_1").x == 480  # Another row stays where it is.
    assert view.document.stack.count() == 1


@pytest.mark.parametrize("way", [(300, 0), (-300, 0), (0, 150), (0, -150), (90, 130)])
def test_room_is_made_in_every_direction(way: tuple[float, float]) -> None:
    boxes = {"a": (0.0, 0.0, 168.0, 100.0), "b": (*way, 168.0, 100.0)}
    place, moved = make_room(boxes, "a", "b", (168, 112))
    spots = {"new": place, **{id: box[:2] for id, box in boxes.items()}, **moved}
    assert not overlap(spots, (160, 96))


def test_drops_that_are_no_layers_are_not_taken(view: CanvasView) -> None:
    assert not drop(view, "no such layer", QPointF(240, 200))
    assert view.document.graph == network()


def test_new_nodes_cover_no_others(view: CanvasView) -> None:
    for _ in range(4):
        drop(view, "dense", QPointF(250, 20))
    boxes = [item.box() for item in view.canvas.nodes.values()]
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_palettes_enter_connects_to_the_selected_node(view: CanvasView) -> None:
    view.document.select(["dense_2"])
    assert view.add_layer("relu") == "relu_1"
    assert Edge("dense_2", 0, "relu_1", 0) in view.document.graph.edges
    view.document.select([])
    assert view.add_layer("moons") == "moons_2"
    assert view.document.graph.outputs_of("moons_2") == ()


# -- mouse ------------------------------------------------------------------------------------


def test_drag_moves_on_the_grid_as_one_entry(view: CanvasView) -> None:
    start = middle(view, "dense_1")
    drag(view, start, start + QPointF(51, 83))
    node = view.document.graph.node("dense_1")
    assert (node.x, node.y) == (288, 80)
    assert node.x % GRID == node.y % GRID == 0
    assert view.document.stack.count() == 1
    assert in_step(view)
    view.document.stack.undo()
    assert view.document.graph == network()


def test_selected_nodes_are_dragged_together_and_escape_cancels(
        view: CanvasView, qtbot: QtBot) -> None:
    view.document.select(["dense_1", "dense_2"])
    start = middle(view, "dense_1")
    drag(view, start, start + QPointF(0, 96), let_go=False)
    assert view.canvas.nodes["dense_2"].pos().y() == 96
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert in_step(view)
    assert view.document.stack.count() == 0
    drag(view, start, start + QPointF(0, 96))
    assert view.document.graph.node("dense_2").y == 96


def test_a_trembling_click_moves_nothing(view: CanvasView) -> None:
    start = middle(view, "dense_1")
    drag(view, start, start + QPointF(2, 1))
    assert view.document.stack.count() == 0
    assert view.document.selection == {"dense_1"}


def test_port_to_port(view: CanvasView) -> None:
    drag(view, port(view, "dense_2", True), port(view, "loss_1", False))
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges
    drag(view, port(view, "loss_1", False, 1), port(view, "moons_1", True, 1))
    assert Edge("moons_1", 1, "loss_1", 1) in view.document.graph.edges
    assert view.document.check.trainable
    view.document.stack.undo()
    view.document.stack.undo()
    assert view.document.graph == network()


def test_an_edge_let_go_on_a_node_takes_the_free_port(view: CanvasView) -> None:
    drag(view, port(view, "dense_2", True), middle(view, "loss_1"))
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges


def test_a_cycle_is_refused_with_a_sentence(view: CanvasView, qtbot: QtBot) -> None:
    editing.disconnect(view.document, Edge("moons_1", 0, "dense_1", 0))
    before = view.document.graph
    drag(view, port(view, "dense_2", True), port(view, "dense_1", False), let_go=False)
    assert "cycle" in view._message.text()
    with qtbot.waitSignal(view.document.refused) as told:
        mouse(view, QEvent.Type.MouseButtonRelease, port(view, "dense_1", False))
    assert "cycle" in told.args[0]
    assert view.document.graph is before
    assert not view._message.isVisible()


def test_a_connection_that_will_not_fit_says_so_before(view: CanvasView) -> None:
    wide = LAYERS["dense"]().with_settings(units=8)
    view.document.edit("Widen", view.document.graph.with_layer("dense_2", wide))
    drag(view, port(view, "dense_2", True), port(view, "loss_1", False), let_go=False)
    assert view._message.text().startswith("!")
    assert "2 units" in view._message.text()
    mouse(view, QEvent.Type.MouseButtonRelease, port(view, "loss_1", False))
    assert Edge("dense_2", 0, "loss_1", 0) in view.document.graph.edges
    assert view.canvas.nodes["loss_1"].error == view.document.check.errors["loss_1"]


def test_an_edge_dragged_off_its_input_goes_elsewhere_or_away(view: CanvasView) -> None:
    drag(view, port(view, "dense_2", False), port(view, "loss_1", False))
    assert view.document.graph.edges == (
        Edge("dense_1", 0, "loss_1", 0), Edge("moons_1", 0, "dense_1", 0))
    assert view.document.stack.count() == 1
    drag(view, port(view, "loss_1", False), QPointF(100, 400))
    assert view.document.graph.edges == (Edge("moons_1", 0, "dense_1", 0),)
    click(view, port(view, "dense_1", False))  # A click on a port takes nothing away.
    assert view.document.graph.edges == (Edge("moons_1", 0, "dense_1", 0),)
    assert all(item.isVisible() for item in view.canvas.edges.values())


def test_rubber_band_and_clicks_select(view: CanvasView) -> None:
    drag(view, QPointF(200, -60), QPointF(700, 100))
    assert view.document.selection == {"dense_1", "dense_2"}
    click(view, middle(view, "loss_1"), SHIFT)
    assert view.document.selection == {"dense_1", "dense_2", "loss_1"}
    click(view, QPointF(200, 300))
    assert not view.document.selection
    edge = Edge("dense_1", 0, "dense_2", 0)
    click(view, view.canvas.edges[edge].path().pointAtPercent(0.5) + QPointF(0, 4))
    assert view.document.selected_edges == {edge}


def test_the_wheel_zooms_about_the_pointer(view: CanvasView) -> None:
    spot = view.mapFromScene(middle(view, "dense_2"))
    before, zoom = view.mapToScene(spot), view.zoom
    QApplication.sendEvent(view.viewport(), QWheelEvent(
        QPointF(spot), QPointF(view.viewport().mapToGlobal(spot)), QPoint(0, 0), QPoint(0, 240),
        Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False))
    assert view.zoom > zoom
    assert (view.mapToScene(spot) - before).manhattanLength() < 3
    for _ in range(40):
        view.zoom_out()
    assert view.zoom == pytest.approx(0.15)


def test_fit_and_actual_size(view: CanvasView, qtbot: QtBot) -> None:
    view.document.edit("Far", view.document.graph.moved({"loss_1": (4000, 2000)}))
    qtbot.keyClick(view, Qt.Key.Key_F)
    seen = view.mapToScene(view.viewport().rect()).boundingRect()
    assert seen.contains(view.canvas.content())
    qtbot.keyClick(view, Qt.Key.Key_0, CONTROL)
    assert view.zoom == 1


def test_middle_button_and_space_pan(view: CanvasView, qtbot: QtBot) -> None:
    def corner() -> QPointF:
        return view.mapToScene(QPoint(0, 0))

    before = corner()
    drag(view, QPointF(300, 300), QPointF(340, 320), button=Qt.MouseButton.MiddleButton)
    assert corner() != before
    taps: list[int] = []
    view.space_tapped.connect(lambda: taps.append(1))
    qtbot.keyPress(view, Qt.Key.Key_Space)
    before = corner()
    drag(view, middle(view, "dense_1"), middle(view, "dense_1") + QPointF(30, 30))
    assert corner() != before
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert view.document.stack.count() == 0
    assert not taps
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert taps == [1]


# -- keys -------------------------------------------------------------------------------------


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


# -- what is shown ----------------------------------------------------------------------------


def statistics(norm: float, after: float = NAN, nonfinite: float = 0) -> NodeStatistics:
    return NodeStatistics(norm, norm if math.isnan(after) else after, norm, 0, nonfinite, 1e-3,
                          0, 1, 0)


def test_error_text_stands_on_the_node(view: CanvasView) -> None:
    loss = view.canvas.nodes["loss_1"]
    assert loss.error == view.document.check.errors["loss_1"]
    assert loss.error in loss.describe()
    assert " ".join(loss._lines) == loss.error
    editing.connect(view.document, Edge("dense_2", 0, "loss_1", 0))
    assert loss.error == view.document.check.errors.get("loss_1", "")


@pytest.mark.parametrize(("norm", "after", "word"), [
    (1e-8, NAN, "vanishing"), (1e-3, NAN, "healthy"), (3.0, 1.0, "clipped"),
    (1e5, NAN, "exploding"), (math.inf, NAN, "diverged"), (NAN, NAN, "unknown"),
    (0.0, NAN, "vanishing")])
def test_norms_have_words(norm: float, after: float, word: str) -> None:
    assert gradient.state(statistics(norm, after)) == word
    # Beside a layer with a thousand times the norm, even 1e-3 has vanished.
    if word == "healthy":
        assert gradient.state(statistics(norm, after), largest=2.0) == "vanishing"
    at = gradient.place(norm)
    assert at is None if math.isnan(norm) else 0 <= at <= 1  # type: ignore[operator]


def test_live_data_is_drawn_and_told(view: CanvasView, qtbot: QtBot) -> None:
    canvas = view.canvas
    canvas.show_statistics({"dense_1": statistics(1e-8)})
    canvas.set_thumbnail("dense_1", [signed_image(np.eye(3))])
    canvas.set_thumbnail("gone", [])
    canvas.set_badge("loss_1", "0.412")
    canvas.set_active("dense_1", "backward", "|g| 0.48")
    assert "vanishing" in canvas.nodes["dense_1"].describe()
    assert canvas.edges[Edge("dense_1", 0, "dense_2", 0)]._active
    assert not canvas.edges[Edge("moons_1", 0, "dense_1", 0)]._active
    canvas.set_active("dense_1", "forward", "")
    assert canvas.edges[Edge("moons_1", 0, "dense_1", 0)]._active
    assert not view.grab().isNull()
    canvas.set_active(None)
    assert not any(edge._active for edge in canvas.edges.values())
    canvas.set_failed("dense_2", "Not a number any more: lower the learning rate.")
    assert "learning rate" in canvas.nodes["dense_2"].error
    canvas.set_failed(None)
    assert not canvas.nodes["dense_2"].error
    for zoom in (0.2, 1.0, 3.0):
        view.set_zoom(zoom)
        assert not view.grab().isNull()


def test_equal_statistics_repaint_nothing(view: CanvasView, monkeypatch: pytest.MonkeyPatch
                                          ) -> None:
    view.canvas.show_statistics({"dense_1": statistics(1e-2)})
    node = view.canvas.nodes["dense_1"]
    updates: list[int] = []
    monkeypatch.setattr(node, "update", lambda *_: updates.append(1))
    view.canvas.show_statistics({"dense_1": statistics(1.0001e-2)})
    assert not updates
    view.canvas.show_statistics({"dense_1": statistics(1.0)})
    assert updates


def test_a_node_of_several_outputs_has_a_port_for_each(view: CanvasView) -> None:
    document = view.document
    split = LAYERS["split"]().with_settings(sizes=[3, 4, 1])
    graph = document.graph.with_node(split, 480, 320).connect("dense_1", "split_1")
    graph = graph.with_node(LAYERS["dense"](), 720, 320)
    document.edit("Split", graph.connect("split_1", "dense_3", 1))
    item = view.canvas.nodes["split_1"]
    assert [port.shape for port in item.face.outputs] == ["3", "4", "1"]
    assert item.face.badge == "3 + 4 + 1"
    # From its third port to the loss, with the mouse.
    view.fit()
    drag(view, port(view, "split_1", True, 2), port(view, "loss_1", False))
    assert Edge("split_1", 2, "loss_1", 0) in document.graph.edges
    document.edit("Fewer parts", document.graph.with_layer("split_1", LAYERS["split"]()))
    assert len(item.output_items) == 2
    assert item.face.badge == "2 × 4"
    assert document.graph.outputs_of("split_1") == (Edge("split_1", 1, "dense_3", 0),)
    document.stack.undo()
    assert Edge("split_1", 2, "loss_1", 0) in view.canvas.edges


def test_unchanged_nodes_keep_their_pictures(view: CanvasView) -> None:
    before = dict(view.canvas.nodes)
    editing.rename(view.document, "dense_2", "top")
    assert view.canvas.nodes["dense_1"] is before["dense_1"]
    assert in_step(view)


def test_an_unknown_layer_is_shown(view: CanvasView) -> None:
    layer = UnknownLayer(kind="hologram", raw={"a": 1}, why="Made by a newer version.")
    view.document.edit("Add", view.document.graph.with_node(layer, 0, 300, id="odd_1"))
    assert view.canvas.nodes["odd_1"].error
    assert not view.grab().isNull()


def test_the_hint_shows_only_while_empty(view: CanvasView) -> None:
    assert not view._hint.isVisible()
    view.document.replace(Graph())
    assert view._hint.isVisible()
    drop(view, "moons", QPointF(0, 0))
    assert not view._hint.isVisible()


def test_themes_switch_live(view: CanvasView, qapp: QApplication) -> None:
    themes.apply(qapp, "light")
    light = view.grab().toImage().pixelColor(3, 3)
    themes.apply(qapp, "dark")
    assert light.lightness() > view.grab().toImage().pixelColor(3, 3).lightness()


# -- outline ----------------------------------------------------------------------------------


def test_outline_reads_and_selects(view: CanvasView, qtbot: QtBot) -> None:
    outline = Outline(view.document)
    qtbot.addWidget(outline)
    outline.show()
    model = outline.model()
    texts = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert [text.split(",")[0] for text in texts] == [n.id for n in view.document.graph.order()]
    outline.setCurrentIndex(model.index(1, 0))
    assert view.document.selection == {view.document.graph.order()[1].id}
    view.document.select(["dense_2"])
    assert outline.currentIndex().data().startswith("dense_2, Dense")
    outline.show_statistics({"dense_2": statistics(3e-4)})
    assert "gradient norm 0.0003, healthy" in outline.currentIndex().data()
    view.document.select((), [Edge("dense_1", 0, "dense_2", 0)])
    assert outline.currentIndex().data().startswith("to dense_2")
    qtbot.keyClick(outline, Qt.Key.Key_Delete)
    assert len(view.document.graph.edges) == 1


# -- layout -----------------------------------------------------------------------------------


def ladder(length: int) -> Graph:
    graph = Graph()
    for number in range(length):
        graph = graph.with_node(LAYERS["dense"]())
        if number:
            graph = graph.connect(f"dense_{number}", f"dense_{number + 1}")
    return graph


def overlap(places: dict[str, tuple[float, float]], size: tuple[float, float]) -> bool:
    spots = list(places.values())
    return any(abs(a[0] - b[0]) < size[0] and abs(a[1] - b[1]) < size[1]
               for i, a in enumerate(spots) for b in spots[:i])


def test_a_long_chain_turns_round(view: CanvasView) -> None:
    graph = ladder(9)
    size = (168.0, 100.0)
    places = arrange(graph, {n.id: size for n in graph.nodes}, 900)
    assert not overlap(places, size)
    assert max(x for x, _ in places.values()) + size[0] <= 900
    assert places["dense_5"][0] == places["dense_4"][0]  # One step down where it turns,
    assert places["dense_6"][0] < places["dense_5"][0]   # and back from there.
    assert all(x % GRID == 0 and y % GRID == 0 for x, y in places.values())


@pytest.mark.parametrize("library", [True, False])
def test_branches_and_lone_nodes_do_not_overlap(
        library: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not library:
        monkeypatch.setattr("ui.canvas.layout._sugiyama", _missing)
    graph = ladder(4).with_node(LAYERS["add"]()).with_node(LAYERS["relu"]())
    graph = graph.connect("dense_2", "add_1").connect("dense_4", "add_1")
    graph = graph.with_node(LAYERS["dense"](), id="lone_1")
    size = (168.0, 100.0)
    places = arrange(graph, {n.id: size for n in graph.nodes}, 2000)
    assert places.keys() == {n.id for n in graph.nodes}
    assert not overlap(places, size)
    assert places["add_1"][0] > places["dense_4"][0] > places["dense_2"][0]


def _missing(*_: object) -> None:
    raise ImportError


def test_fallback_columns_follow_the_longest_path() -> None:
    graph = ladder(3).with_node(LAYERS["add"]()).connect("dense_1", "add_1")
    graph = graph.connect("dense_3", "add_1")
    columns = _longest_path([n.id for n in graph.order()], graph.edges)
    assert [set(column) for column in columns] == [
        {"dense_1"}, {"dense_2"}, {"dense_3"}, {"add_1"}]


def test_tidy_is_one_entry(view: CanvasView, qtbot: QtBot) -> None:
    qtbot.keyClick(view, Qt.Key.Key_L, CONTROL)
    assert view.document.stack.count() == 1
    assert in_step(view)
    view.document.stack.undo()
    assert view.document.graph == network()


def test_free_place_goes_below(view: CanvasView) -> None:
    assert free_place([], 3, 5, (168, 100)) == (0, 8)
    x, y = free_place([(0, 0, 168, 100), (0, 116, 168, 100)], 0, 0, (168, 100))
    assert x == 0
    assert y >= 216


def test_edges_leave_towards_where_they_go(view: CanvasView) -> None:
    here = view.canvas.nodes["dense_1"].box()
    assert sides(here, here.translated(300, 0)) == (Side.RIGHT, Side.LEFT)
    assert sides(here, here.translated(-300, 0)) == (Side.LEFT, Side.RIGHT)
    assert sides(here, here.translated(0, 200)) == (Side.BOTTOM, Side.TOP)
    assert sides(here, here.translated(0, -200)) == (Side.TOP, Side.BOTTOM)
