"""The canvas's pictures: they follow the document, and show live data.

The scene changes nothing in the document; the view's gestures do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGraphicsScene

from playground.graph import Edge, Graph
from playground.shapes import check
from playground.snapshot import NodeStatistics
from ui.canvas import gradient
from ui.canvas.edge_item import EdgeItem
from ui.canvas.face import faces, signal_of
from ui.canvas.layout import Box, Place, Size
from ui.canvas.node_item import NodeItem
from ui.canvas.port_item import PortItem
from ui.canvas.routing import Side, choose_sides
from ui.document import Document
from ui.theme import theme

ROOM = QRectF(-50_000, -50_000, 100_000, 100_000)
"""Wide enough to pan as far as anyone wants."""


class CanvasScene(QGraphicsScene):
    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.nodes: dict[str, NodeItem] = {}
        self.edges: dict[Edge, EdgeItem] = {}
        self._active: tuple[str, str] | None = None
        self._failed: str | None = None
        # Few items that move often: keeping an index costs more than it saves.
        self.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setSceneRect(ROOM)
        document.graph_changed.connect(self.reconcile)
        document.selection_changed.connect(self._show_selection)
        document.edges_selected.connect(self._show_selection)
        theme().changed.connect(self.update)
        self.reconcile(Graph(), document.graph)

    # -- following the document ---------------------------------------------------------------

    def reconcile(self, old: Graph, new: Graph) -> None:
        """Bring the pictures from one graph to the next, by id; what is equal is not touched."""
        for id in self.nodes.keys() - {node.id for node in new.nodes}:
            self.removeItem(self.nodes.pop(id))
        for edge in self.edges.keys() - set(new.edges):
            self.removeItem(self.edges.pop(edge))
        checked = self.document.check
        changed = False
        for id, face in faces(new, checked).items():
            item = self.nodes.get(id)
            if item is None:
                item = self.nodes[id] = NodeItem(face)
                self.addItem(item)
                changed = True
            elif item.face != face:
                item.set_face(face)
                changed = True
        for node in new.nodes:
            item = self.nodes[node.id]
            if item.pos() != QPointF(node.x, node.y):
                item.setPos(node.x, node.y)
                changed = True
        for edge in new.edges:
            if edge not in self.edges:
                self.edges[edge] = EdgeItem(edge)
                self.addItem(self.edges[edge])
            signal = signal_of(checked, edge)
            self.edges[edge].set_label(str(signal) if signal else "")
        if changed or old.edges != new.edges or len(old.nodes) != len(new.nodes):
            self.route()
        self._show_selection()
        self._show_active_edges()

    def preview(self, places: Mapping[str, Place]) -> None:
        """Show nodes elsewhere while they are dragged; the document does not know yet."""
        for id, place in places.items():
            self.nodes[id].setPos(*place)
        self.route()

    def route(self) -> None:
        """Draw all edges anew, from where their ports stand."""
        boxes = {id: item.box() for id, item in self.nodes.items()}
        entering, leaving = choose_sides(self.edges, boxes)
        for id, item in self.nodes.items():
            item.place_ports(
                [entering.get((id, i), Side.LEFT) for i in range(len(item.input_items))],
                [leaving.get((id, i), Side.RIGHT) for i in range(len(item.output_items))])
        for edge, picture in self.edges.items():
            start = self.nodes[edge.source].port(True, edge.source_port)
            end = self.nodes[edge.target].port(False, edge.target_port)
            if start is not None and end is not None:
                picture.route(start.center(), start.side, end.center(), end.side)

    def _show_selection(self, _: object = None) -> None:
        for id, item in self.nodes.items():
            item.setSelected(id in self.document.selection)
        for edge, picture in self.edges.items():
            picture.setSelected(edge in self.document.selected_edges)

    # -- live data ----------------------------------------------------------------------------

    def show_statistics(self, statistics: Mapping[str, NodeStatistics]) -> None:
        """Move the ticks and colour the halos; nodes without statistics lose theirs."""
        largest = gradient.largest_norm(statistics)
        for id, item in self.nodes.items():
            item.set_statistics(statistics.get(id), largest)

    def set_thumbnail(self, id: str, images: Sequence[QImage]) -> None:
        """The pictures on a node: one for a strip or a map, up to four as squares."""
        if id in self.nodes:
            self.nodes[id].set_images(images)

    def set_badge(self, id: str, text: str | None) -> None:
        """A number in place of the output shape (the loss); None brings the shape back."""
        if id in self.nodes:
            self.nodes[id].set_badge(text)

    def set_active(self, id: str | None, phase: str | None = None, text: str = "") -> None:
        """Light up the node that is being computed, with a chip: "backward · |g| 0.48".

        In the backward phase the edges that bring the gradient light up, else those that bring
        data.
        """
        self._active = (id, phase or "") if id in self.nodes and id else None
        label = " · ".join(part for part in (phase, text) if part) or "active"
        for other, item in self.nodes.items():
            item.set_active(label if other == id else "")
        self._show_active_edges()

    def set_failed(self, id: str | None, text: str = "") -> None:
        """Say on a node that training stopped there, and why; None takes it back."""
        for other, item in self.nodes.items():
            item.set_failure(text if other == id else "")
        if self._failed != id:
            self._failed = id
            self.route()

    def _show_active_edges(self) -> None:
        id, phase = self._active or (None, "")
        for edge, picture in self.edges.items():
            end = edge.source if phase == "backward" else edge.target
            picture.set_active(id is not None and end == id)

    # -- reading ------------------------------------------------------------------------------

    def sizes(self) -> dict[str, Size]:
        return {id: (item.size().width(), item.size().height())
                for id, item in self.nodes.items()}

    def boxes(self) -> dict[str, Box]:
        return {id: (item.x(), item.y(), item.size().width(), item.size().height())
                for id, item in self.nodes.items()}

    def measure(self, graph: Graph) -> dict[str, Size]:
        """How large the nodes of a graph would be drawn here."""
        sizes = self.sizes()
        for id, face in faces(graph, check(graph)).items():
            if id not in self.nodes or self.nodes[id].face != face:
                size = NodeItem(face).size()
                sizes[id] = size.width(), size.height()
        return sizes

    def content(self) -> QRectF:
        """The rectangle that holds all nodes; empty when there are none."""
        rect = QRectF()
        for item in self.nodes.values():
            rect = rect.united(item.box())
        return rect

    def node_at(self, at: QPointF) -> NodeItem | None:
        return next((item for item in self.items(at) if isinstance(item, NodeItem)), None)

    def edge_at(self, at: QPointF) -> EdgeItem | None:
        return next((item for item in self.items(at) if isinstance(item, EdgeItem)), None)

    def port_at(self, at: QPointF, reach: float = 0.0) -> PortItem | None:
        """The port there; within `reach`, the nearest."""
        around = QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)
        found = self.items(around) if reach else self.items(at)
        ports = [item for item in found if isinstance(item, PortItem)]
        return min(ports, default=None, key=lambda p: (p.center() - at).manhattanLength())
