"""What can be done with the network on the canvas, and how the result is brought into view."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QInputDialog, QLineEdit, QWidget

from playground.graph import Edge
from playground.layers import LAYERS
from ui.canvas import editing
from ui.canvas.edge_item import EdgeItem
from ui.canvas.folding import whole
from ui.canvas.layout import Place, snap
from ui.canvas.messages import EmptyHint, Message
from ui.canvas.node_item import NodeItem
from ui.canvas.scene import CanvasScene
from ui.canvas.zoom import MARGIN, ZoomableView
from ui.document import Document
from ui.theme import theme


class EditingView(ZoomableView):
    """A view of a document's network, with the edits that its menus offer."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.canvas = CanvasScene(document, self)
        self.setScene(self.canvas)
        self._insert: EdgeItem | None = None
        self._menu_at: QPointF | None = None
        # Not of the viewport: what lies there is moved along when it scrolls.
        self._message = Message(self)
        self._hint = EmptyHint(self)
        document.graph_changed.connect(self._show_hint)
        document.graph_changed.connect(self.keep_fitted)
        theme().changed.connect(self.viewport().update)
        self._show_hint()

    # -- what is seen -------------------------------------------------------------------------

    def content(self) -> QRectF:
        return self.canvas.content()

    def tidy(self) -> None:
        """Lay out in rows that suit the view, and show them."""
        room = self.viewport().size()
        editing.tidy(self.document, self.canvas.sizes(), (
            max(400, room.width() - 2 * MARGIN), max(200, room.height() - 2 * MARGIN)))
        self.fit()

    def say(self, text: str, state: str = "", lasting: bool = False) -> None:
        """A message at the foot of the canvas, with the colour of a state ("error"). It passes
        unless it is lasting; empty text takes it away."""
        self._message.show_text(text, state, lasting)

    # -- commands -----------------------------------------------------------------------------

    def current(self) -> str | None:
        """The one selected node, or the one selected fold."""
        selected = whole(self.document.graph, self.document.selection)
        return next(iter(selected)) if len(selected) == 1 else None

    def current_item(self) -> NodeItem | None:
        """What the one selected node or fold is drawn as."""
        name = self.current()
        return self.canvas.item_of(name) if name else None

    def selected_places(self) -> dict[str, Place]:
        """Where all that is drawn as selected stands."""
        return {name: (item.x(), item.y()) for name, item in self.canvas.nodes.items()
                if item.isSelected()}

    def cut(self) -> None:
        if self.document.selection:
            self.copy()
            editing.delete_selection(self.document)

    def copy(self) -> None:
        if self.document.selection:
            QGuiApplication.clipboard().setText(editing.copy_text(self.document))

    def paste(self) -> None:
        at, seen = self._menu_at, self.mapToScene(self.viewport().rect()).boundingRect()
        self.show_nodes(editing.paste_text(
            self.document, QGuiApplication.clipboard().text(),
            (snap(at.x()), snap(at.y())) if at else None, self.canvas.measure,
            (seen.x(), seen.y(), seen.width(), seen.height())))

    def duplicate(self) -> None:
        self.show_nodes(editing.duplicate(self.document, self.canvas.measure))

    def delete(self) -> None:
        editing.delete_selection(self.document)

    def select_all(self) -> None:
        editing.select_all(self.document)

    def rename(self) -> None:
        old = self.current()
        if old is None:
            return
        new, accepted = QInputDialog.getText(
            self, "Rename", f"New name of {old}:", QLineEdit.EchoMode.Normal, old)
        if accepted and new.strip() != old:
            editing.rename(self.document, old, new)

    def freeze(self) -> None:
        """Freeze the weights of the selection, or let them learn again when all are frozen."""
        editing.toggle_frozen(self.document)

    def fold(self) -> None:
        """Draw the selected nodes as one."""
        if editing.fold(self.document, self.canvas.measure):
            self.show_nodes(self.document.selection)

    def unfold(self) -> None:
        """Draw the members of the selected folds one by one."""
        if editing.unfold(self.document, self.canvas.measure):
            self.show_nodes(self.document.selection)

    def add_layer(self, kind: str) -> str | None:
        """Add a layer after the selected node, or in the middle of what is seen."""
        item = self.current_item()
        middle = self.mapToScene(self.viewport().rect().center())
        x, y = middle.x() - editing.NEW_SIZE[0] / 2, middle.y() - editing.NEW_SIZE[1] / 2
        after = None
        if item is not None:
            # Of a fold, the member whose output leads out of it.
            after = item.output_items[0].end[0] if item.face.members and item.output_items else (
                self.current())
            if item.output_items and LAYERS[kind].inputs:
                x, y = editing.beside(self.canvas.boxes()[item.id])
        id = editing.add_layer(self.document, kind, x, y, self.canvas.measure, after)
        self.show_nodes([id] if id else [])
        return id

    def add_from_menu(self, kind: str) -> None:
        """Add where the menu was opened; into the edge that it was opened on."""
        at = self._menu_at or self.mapToScene(self.viewport().rect().center())
        edge = next(iter(self.document.selected_edges), None)
        self._put(kind, at, edge)

    def _put(self, kind: str, at: QPointF, edge: Edge | None) -> None:
        if edge is None:
            id = editing.add_layer(
                self.document, kind, at.x() - 24, at.y() - 24, self.canvas.measure)
        else:
            id = editing.insert_layer(self.document, kind, edge, self.canvas.measure)
        self.show_nodes([id] if id else [])

    def put_between(self, id: str, edge: Edge) -> None:
        """Move a node into an edge."""
        editing.move_between(self.document, id, edge, self.canvas.measure)
        self.show_nodes([id])

    def mark_insert(self, edge: EdgeItem | None) -> None:
        """Show that what is let go now would be put into this edge; None: into none."""
        if self._insert is not edge:
            if self._insert is not None and self._insert.scene() is not None:
                self._insert.set_insert(False)
            self._insert = edge
            if edge is not None:
                edge.set_insert(True)
                self.say(f"Insert between {edge.edge.source} and {edge.edge.target}", "healthy",
                         lasting=True)
            else:
                self.say("")

    def show_nodes(self, ids: Iterable[str]) -> None:
        """Bring these nodes into view, whole."""
        rect = QRectF()
        for id in ids:
            if (item := self.canvas.item_of(id)) is not None:
                rect = rect.united(item.box())
        if not rect.isNull():
            self.bring(rect)

    # -- size ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hint.place()
        self._message.place()

    def _show_hint(self, *_: object) -> None:
        self._hint.setVisible(not self.document.graph.nodes)
        self._hint.place()
