"""The window onto the canvas: it turns mouse, keys and drops into gestures and edits."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMetaMethod, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QWidget

from playground.layers import LAYERS
from ui.canvas import editing
from ui.canvas.actions import CanvasActions
from ui.canvas.connecting import Connect, ConnectByKeys
from ui.canvas.editing_view import EditingView
from ui.canvas.face import CHOOSE
from ui.canvas.folding import drawn_network
from ui.canvas.interactions import DragNodes, Interaction, Pan, RubberBand
from ui.canvas.layout import GRID
from ui.canvas.navigation import ARROWS, neighbour
from ui.document import Document
from ui.palette import LAYER_MIME


class CanvasView(EditingView):
    inspect_requested = Signal()
    """Enter: the keyboard wants to go to the inspector."""
    search_requested = Signal()
    """Slash: the keyboard wants to go to the palette's search field."""
    space_tapped = Signal()
    """Space was pressed and let go over the canvas without panning: run or pause."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(document, parent)
        self.interaction: Interaction | None = None
        self._space = False
        self._space_used = False
        self._asked = ("", "")
        """The node whose data are looked at again, and what was wrong with it."""
        document.looked_again.connect(self._looked_again)
        self.setAcceptDrops(True)
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription(
            "The network as nodes and edges. Arrow keys go from node to node, C connects, "
            "Enter opens the settings. The outline lists the same nodes as text.")
        self.actions_ = CanvasActions(self)

    data_wanted = Signal(str)
    """Other data are to be chosen for this node."""

    def go_out(self, way: str) -> None:
        """One of the ways out of what is wrong with the selected node's data."""
        node = self.document.selected_node
        if node is None:
            return
        if way == CHOOSE:
            self.data_wanted.emit(node.id)
        else:
            self._asked = node.id, self.document.check.errors.get(node.id, "")
            self.say("")
            self.document.look_again()

    def _looked_again(self) -> None:
        """Who has asked for it is told even when nothing has changed."""
        (id, why), self._asked = self._asked, ("", "")
        if why and self.document.check.errors.get(id) == why:
            self.say(f"Nothing has changed. {why}", "error")

    def inspect(self) -> None:
        self.inspect_requested.emit()

    def connect_by_keys(self) -> None:
        """Begin to connect the selected node; see ConnectByKeys."""
        item = self.current_item()
        if item is None or self.interaction:
            return
        if not item.output_items:
            self.document.refused.emit(f"{item.id} has no output: it ends the network.")
            return
        self.interaction = ConnectByKeys(self, item)

    # -- gestures -----------------------------------------------------------------------------

    def finish_interaction(self, at: QPointF) -> None:
        """End the gesture here. It is let go first: finishing changes the document."""
        gesture, self.interaction = self.interaction, None
        if gesture:
            gesture.finish(at)
        self._show_cursor()

    def cancel_interaction(self) -> bool:
        gesture, self.interaction = self.interaction, None
        if gesture:
            gesture.cancel()
        self._show_cursor()
        return gesture is not None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.interaction:
            self.cancel_interaction()
        spot = event.position().toPoint()
        at, button = self.mapToScene(spot), event.button()
        self._menu_at = None
        if button == Qt.MouseButton.MiddleButton or (
                button == Qt.MouseButton.LeftButton and self._space):
            self._space_used = True
            self.interaction = Pan(self, spot)
        elif button == Qt.MouseButton.LeftButton:
            self._press(at, event.modifiers())
        self._show_cursor()
        event.accept()

    def _press(self, at: QPointF, keys: Qt.KeyboardModifier) -> None:
        document = self.document
        add = bool(keys & (Qt.KeyboardModifier.ShiftModifier
                           | Qt.KeyboardModifier.ControlModifier))
        if port := self.canvas.port_at(at):
            self.interaction = Connect(self, port)
        elif (node := self.canvas.node_at(at)) and (way := node.way_out(at)):
            self.document.select({node.id})
            self.go_out(way)
        elif node:
            members = frozenset(document.graph.members(node.id))
            if add and members <= document.selection:
                document.select(document.selection - members, document.selected_edges)
            elif add:
                document.select(document.selection | members, document.selected_edges)
            elif not members <= document.selection:
                document.select(members)
            if members <= document.selection:
                self.interaction = DragNodes(self, node.id, at)
        elif edge := self.canvas.edge_at(at):
            before = document.selected_edges
            document.select(document.selection if add else (),
                            before ^ {edge.edge} if add else {edge.edge})
        else:
            self.interaction = RubberBand(self, at, add)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        spot = event.position().toPoint()
        if isinstance(self.interaction, Pan):
            self.interaction.move_by_screen(spot)
            self._show_cursor()  # What scrolls past under the pointer would set its own.
        elif self.interaction:
            self.interaction.move(self.mapToScene(spot))
        else:
            super().mouseMoveEvent(event)  # Hovering.

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.interaction and not isinstance(self.interaction, ConnectByKeys):
            self.finish_interaction(self.mapToScene(event.position().toPoint()))
            super().mouseMoveEvent(event)  # Hovering: the pointer is elsewhere by now.
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        node = self.canvas.node_at(self.mapToScene(event.position().toPoint()))
        if node and node.face.members:
            self.document.select([node.id])
            self.unfold()
        elif node:
            self.inspect()
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = self.mapToScene(event.pos())
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            at = self.mapToScene(self.viewport().rect().center())
        elif node := self.canvas.node_at(at):
            if not self.document.selection.issuperset(self.document.graph.members(node.id)):
                self.document.select([node.id])
        elif edge := self.canvas.edge_at(at):
            self.document.select((), [edge.edge])
        else:
            self.document.select(())
        self._menu_at = at
        self.actions_.menu().popup(event.globalPos())
        event.accept()

    def _show_cursor(self) -> None:
        if self.interaction and self.interaction.cursor is not None:
            self.viewport().setCursor(self.interaction.cursor)
        elif self._space:
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.viewport().unsetCursor()

    # -- keys ---------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # While connecting by keys, Tab chooses the port, and letters are not shortcuts.
        if isinstance(event, QKeyEvent) and isinstance(self.interaction, ConnectByKeys):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and self.interaction.key(event.key()):
                return True
        # Space is run/pause for the whole window, but held over the canvas it pans: so it comes
        # here first, and is passed on when nothing was panned (where somebody listens).
        if (isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride
                and event.key() == Qt.Key.Key_Space and self.underMouse()
                and self.isSignalConnected(QMetaMethod.fromSignal(self.space_tapped))):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            if not self.cancel_interaction():
                self.document.select(())
        elif key in ARROWS:
            self._arrow(ARROWS[key], event.modifiers())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current():
            self.inspect()
        elif key == Qt.Key.Key_Backspace:
            self.delete()
        elif key == Qt.Key.Key_Slash:
            self.search_requested.emit()
        elif key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._hold_space(True)
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            return
        if event.key() in ARROWS:
            self.document.end_gesture()
        elif event.key() == Qt.Key.Key_Space and self._space:
            tapped = not self._space_used
            self._hold_space(False)
            if tapped:
                self.space_tapped.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._hold_space(False)
        if isinstance(self.interaction, ConnectByKeys):
            self.cancel_interaction()
        super().focusOutEvent(event)

    def _hold_space(self, held: bool) -> None:
        """While held, the left button pans."""
        self._space, self._space_used = held, self._space_used and held
        self._show_cursor()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab goes through the nodes in network order, then leaves."""
        order, _ = drawn_network(self.document.graph, self.document.graph.edges)
        item = self.current_item()
        current = item.id if item else None
        if not order:
            return super().focusNextPrevChild(next)
        if current is None:
            at = 0 if next else len(order) - 1
        else:
            at = order.index(current) + (1 if next else -1)
        if not 0 <= at < len(order):
            return super().focusNextPrevChild(next)
        self._go_to(order[at])
        return True

    def _arrow(self, way: QPointF, keys: Qt.KeyboardModifier) -> None:
        document = self.document
        if keys & Qt.KeyboardModifier.AltModifier or keys & Qt.KeyboardModifier.ControlModifier:
            places = {id: (x + way.x() * GRID, y + way.y() * GRID)
                      for id, (x, y) in self.selected_places().items()}
            if places:
                editing.move(document, places, merge="nudge")
            return
        item = self.current_item()
        if item is None:
            order = document.graph.order()
            if order:
                self._go_to(order[0].id)
            return
        if target := neighbour(
                self.canvas.neighbours(item.id), self.canvas.boxes(), item.id, way):
            self._go_to(target)

    def _go_to(self, id: str) -> None:
        self.document.select([id])
        self.show_nodes([id])

    # -- layers from the palette --------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(LAYER_MIME):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasFormat(LAYER_MIME):
            self.mark_insert(self.canvas.edge_at(self.mapToScene(event.position().toPoint())))
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.mark_insert(None)

    def dropEvent(self, event: QDropEvent) -> None:
        kind = bytes(event.mimeData().data(LAYER_MIME).data()).decode(errors="replace")
        at = self.mapToScene(event.position().toPoint())
        edge = self.canvas.edge_at(at)
        self.mark_insert(None)
        if kind not in LAYERS:
            event.ignore()
            return
        self._put(kind, at, edge.edge if edge else None)
        event.acceptProposedAction()
        self.setFocus()
