"""One class per gesture: it begins with a press, follows the pointer, and ends or is cancelled.

The view owns at most one at a time; Escape cancels whichever it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsRectItem

from ui.canvas import editing
from ui.canvas.edge_item import EdgeItem
from ui.canvas.layout import snap
from ui.theme import theme

if TYPE_CHECKING:
    from ui.canvas.view import CanvasView


class Interaction:
    """A gesture. Positions are in scene coordinates."""

    cursor: Qt.CursorShape | None = None

    def __init__(self, view: CanvasView) -> None:
        self.view = view
        self.scene = view.canvas
        self.document = view.document

    def move(self, at: QPointF) -> None:
        """The pointer is at `at`."""

    def finish(self, at: QPointF) -> None:
        """The button is up."""

    def cancel(self) -> None:
        """Escape: as if it had never begun."""


class Pan(Interaction):
    """Move the view itself."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, view: CanvasView, start: QPoint) -> None:
        super().__init__(view)
        self._last = start

    def move_by_screen(self, at: QPoint) -> None:
        step, self._last = at - self._last, at
        self.view.pan(-step.x(), -step.y())


class DragNodes(Interaction):
    """Move the selected nodes on the grid; one undo entry when they are let go.

    A single one that is let go on an edge is put into it.
    """

    def __init__(self, view: CanvasView, grabbed: str, start: QPointF) -> None:
        super().__init__(view)
        self._start = start
        self._from = view.selected_places()
        self._grabbed = grabbed
        self._step = (0.0, 0.0)
        self._free = len(self._from) == 1 and editing.goes_between(self.document.graph, grabbed)
        self._into: EdgeItem | None = None

    def move(self, at: QPointF) -> None:
        # The grabbed node snaps, and the others keep their distance from it.
        x, y = self._from[self._grabbed]
        step = (snap(x + at.x() - self._start.x()) - x, snap(y + at.y() - self._start.y()) - y)
        if abs(at.x() - self._start.x()) + abs(at.y() - self._start.y()) < 4 and (
                self._step == (0.0, 0.0)):
            return  # A click that trembles is not a drag.
        if step != self._step:
            self._step = step
            # Edges go round nodes, but must not flee from one that may be put into them.
            self.scene.preview(self._places(), {self._grabbed} if self._free else ())
        if self._free:
            self._into = self._edge_below(at)
            self.view.mark_insert(self._into)

    def finish(self, at: QPointF) -> None:
        into = self._into
        self.view.mark_insert(None)
        if into is not None:
            self.view.put_between(self._grabbed, into.edge)
        elif self._step != (0.0, 0.0):
            editing.move(self.document, self._places())
            self.scene.route()

    def cancel(self) -> None:
        self.view.mark_insert(None)
        self.scene.preview(self._from)

    def _edge_below(self, at: QPointF) -> EdgeItem | None:
        """The edge under the pointer or under the node's middle; its own are none to go into."""
        for spot in (at, self.scene.nodes[self._grabbed].box().center()):
            item = self.scene.edge_at(spot)
            if item and self._grabbed not in (item.edge.source, item.edge.target):
                return item
        return None

    def _places(self) -> dict[str, tuple[float, float]]:
        dx, dy = self._step
        return {id: (x + dx, y + dy) for id, (x, y) in self._from.items()}


class RubberBand(Interaction):
    """Select what a rectangle touches; with Shift, in addition."""

    def __init__(self, view: CanvasView, start: QPointF, add: bool) -> None:
        super().__init__(view)
        self._start = start
        self._before = self.document.selection if add else frozenset[str]()
        self._band = QGraphicsRectItem()
        self._band.setZValue(10)
        pen = QPen(theme().color("accent"), 1)
        pen.setCosmetic(True)
        self._band.setPen(pen)
        self._band.setBrush(theme().color("accent", 0.10))
        self.scene.addItem(self._band)
        self.document.select(self._before)

    def move(self, at: QPointF) -> None:
        rect = QRectF(self._start, at).normalized()
        self._band.setRect(rect)
        nodes = {id for id, item in self.scene.nodes.items() if rect.intersects(item.box())}
        edges = [item.edge for item in self.scene.items(rect) if isinstance(item, EdgeItem)]
        self.document.select(self._before | nodes, edges)

    def finish(self, at: QPointF) -> None:
        self.scene.removeItem(self._band)

    def cancel(self) -> None:
        self.scene.removeItem(self._band)
        self.document.select(self._before)
