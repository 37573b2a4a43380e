"""A canvas for tests, and hands for it: mouse and drops."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers import LAYERS
from ui import theme as themes
from ui.canvas.view import CanvasView
from ui.document import Document
from ui.palette import LAYER_MIME

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def network() -> Graph:
    """moons_1 -> dense_1 -> dense_2, and a loss that waits."""
    graph = Graph().with_node(LAYERS["moons"](), 0, 0)
    graph = graph.with_node(LAYERS["dense"](), 240, 0).with_node(
        LAYERS["dense"]().with_settings(units=2), 480, 0)
    graph = graph.with_node(LAYERS["softmax_cross_entropy"](), 480, 160, id="loss_1")
    return graph.connect("moons_1", "dense_1").connect("dense_1", "dense_2")


def open_canvas(qtbot: QtBot, app: QApplication, graph: Graph | None = None) -> CanvasView:
    """A shown canvas with the focus."""
    themes.apply(app, "dark")
    view = CanvasView(Document(graph or network()))
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
