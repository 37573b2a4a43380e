"""The canvas's pictures: they follow the document, and show live data.

The scene changes nothing in the document; the view's gestures do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import QObject, QPointF, QRectF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGraphicsScene

from playground.graph import Edge, Graph
from playground.shapes import check
from playground.snapshot import NodeStatistics
from ui.canvas import gradient
from ui.canvas.edge_item import EdgeItem
from ui.canvas.face import signal_of
from ui.canvas.folding import drawn_faces, seen_edges
from ui.canvas.layout import Box, Place, Size
from ui.canvas.node_item import NodeItem
from ui.canvas.node_size import size_of
from ui.canvas.port_item import PortItem
from ui.canvas.routing import route_all
from ui.document import Document
from ui.theme import theme

ROOM = QRectF(-50_000, -50_000, 100_000, 100_000)
"""Wide enough to pan as far as anyone wants."""


class CanvasScene(QGraphicsScene):
    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.nodes: dict[str, NodeItem] = {}
        """By name: folds, and the nodes in none."""
        self.edges: dict[Edge, EdgeItem] = {}
        self._drawn: dict[str, str] = {}
        # What is shown of nodes, also of those that are folded just now.
        self._statistics: Mapping[str, NodeStatistics] = {}
        self._images: dict[str, Sequence[QImage]] = {}
        self._badges: dict[str, str | None] = {}
        self._active: tuple[str, str, str] | None = None
        self._failed: tuple[str | None, str] = None, ""
        self._stops: frozenset[str] = frozenset()
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
        checked, seen, before = self.document.check, list(seen_edges(new)), self._drawn
        shown, places, self._drawn = drawn_faces(new, checked), new.places(), new.drawn()
        for id in before.keys() - self._drawn.keys():
            self._images.pop(id, None)
            self._badges.pop(id, None)
        for id in self.nodes.keys() - shown.keys():
            self.removeItem(self.nodes.pop(id))
        for edge in self.edges.keys() - set(seen):
            self.removeItem(self.edges.pop(edge))
        changed = False
        for id, face in shown.items():
            item = self.nodes.get(id)
            if item is None:
                item = self.nodes[id] = NodeItem(face)
                self.addItem(item)
                changed = True
            elif item.face != face:
                item.set_face(face)
                changed = True
            if item.pos() != QPointF(*places[id]):
                item.setPos(*places[id])
                changed = True
        for edge in seen:
            if edge not in self.edges:
                self.edges[edge] = EdgeItem(edge)
                self.addItem(self.edges[edge])
            signal = signal_of(checked, edge)
            self.edges[edge].set_label(str(signal) if signal else "")
        if changed or old.edges != new.edges or len(old.nodes) != len(new.nodes):
            self._fit()
            self.route()
        if old.folds != new.folds:
            self._show_live()
        self._show_selection()
        self._show_active_edges()

    def preview(self, places: Mapping[str, Place], above: Collection[str] = ()) -> None:
        """Show nodes elsewhere while they are dragged; the document does not know yet.

        above: those that edges may run under meanwhile.
        """
        for id, place in places.items():
            self.nodes[id].setPos(*place)
        self.route(above)

    def _fit(self) -> None:
        """Give sentences as much room as the other nodes leave."""
        wrong = [item for item in self.nodes.values() if item.error]
        for item in wrong:
            item.resize(size_of(item.face))
        for item in wrong:
            item.fit([other.box() for other in self.nodes.values() if other is not item])

    def route(self, above: Collection[str] = ()) -> None:
        """Draw all edges anew, from where their ports stand, around all nodes but some."""
        ends = {}
        for edge in self.edges:
            start = self.port_of(True, edge.source, edge.source_port)
            end = self.port_of(False, edge.target, edge.target_port)
            if start is not None and end is not None:
                ends[edge] = start.center(), end.center()
        boxes = {name: item.box() for name, item in self.nodes.items() if name not in above}
        for edge, path in route_all(ends, boxes, self._drawn).items():
            self.edges[edge].setPath(path)

    def _show_selection(self, _: object = None) -> None:
        for id, item in self.nodes.items():
            item.setSelected(not self.document.selection.isdisjoint(item.face.members or (id,)))
        for edge, picture in self.edges.items():
            picture.setSelected(edge in self.document.selected_edges)

    # -- live data ----------------------------------------------------------------------------

    def show_statistics(self, statistics: Mapping[str, NodeStatistics]) -> None:
        """Move the ticks and colour the halos; nodes without statistics lose theirs.

        A fold shows the member that is worst off.
        """
        self._statistics = statistics
        largest = gradient.largest_norm(statistics)
        for id, item in self.nodes.items():
            whose = gradient.worst(item.face.members or (id,), statistics, largest)
            item.set_statistics(statistics[whose] if whose else None, largest,
                                whose if whose and item.face.members else "")

    def set_thumbnail(self, id: str, images: Sequence[QImage]) -> None:
        """The pictures on a node: one for a strip or a map, up to four as squares."""
        if id in self._drawn:
            self._images[id] = images
        if id in self.nodes:
            self.nodes[id].set_images(images)

    def has_thumbnail(self, id: str) -> bool:
        """Whether a node has pictures; one that is back after an undo has none."""
        return bool(self._images.get(id))

    def set_badge(self, id: str, text: str | None) -> None:
        """A number in place of the output shape (the loss); None brings the shape back. A fold
        shows those of its members.
        """
        if id in self._drawn:
            self._badges[id] = text
            self._show_badge(self._drawn[id])

    def _show_badge(self, name: str) -> None:
        item = self.nodes[name]
        texts = [text for id in item.face.members or (name,) if (text := self._badges.get(id))]
        item.set_badge(" · ".join(texts) or None)

    def forget(self) -> None:
        """Another network is here: what was shown of the last one goes, whatever the names."""
        for id in list(self._drawn):
            self.set_thumbnail(id, [])
            self.set_badge(id, None)
        self.show_statistics({})
        self.set_active(None)
        self.set_failed(None)
        self.set_stops(frozenset())

    def set_active(self, id: str | None, phase: str | None = None, text: str = "") -> None:
        """Light up the node that is being computed, with a chip: "backward · |g| 0.48".

        In the backward phase the edges that bring the gradient light up, else those that bring
        data.
        """
        self._active = (id, phase or "", text) if id in self._drawn and id else None
        name = self._drawn.get(id or "")
        label = " · ".join(part for part in (phase, text) if part) or "active"
        if name != id:
            label = f"{id} · {label}"
        for other, item in self.nodes.items():
            item.set_active(label if other == name else "")
        self._show_active_edges()

    def set_stops(self, ids: frozenset[str]) -> None:
        """Mark the nodes that training stops before an instruction of."""
        self._stops = ids
        drawn = {self._drawn.get(id) for id in ids}
        for name, item in self.nodes.items():
            item.set_stop(name in drawn)

    def set_failed(self, id: str | None, text: str = "") -> None:
        """Say on a node that training stopped there, and why; None takes it back."""
        name = self._drawn.get(id or "")
        for other, item in self.nodes.items():
            sentence = text if name == id else f"{id}: {text}"
            item.set_failure(sentence if other == name else "")
        if self._failed != (id, text):
            self._failed = id, text
            self._fit()
            self.route()

    def _show_live(self) -> None:
        """What is known of the nodes, on the pictures that have just come: while training stands,
        nobody would tell it again."""
        for id, images in self._images.items():
            if id in self.nodes:
                self.nodes[id].set_images(images)
        for id in self._badges:
            self._show_badge(self._drawn[id])
        self.show_statistics(self._statistics)
        self.set_active(*(self._active or (None,)))
        self.set_failed(*self._failed)
        self.set_stops(self._stops)

    def _show_active_edges(self) -> None:
        id, phase, _ = self._active or (None, "", "")
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
        for id, face in drawn_faces(graph, check(graph)).items():
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

    def item_of(self, id: str) -> NodeItem | None:
        """What a node is drawn as: itself, or its fold."""
        return self.nodes.get(self._drawn.get(id, id))

    def port_of(self, output: bool, id: str, number: int) -> PortItem | None:
        """The dot for a port of a node, folded or not."""
        item = self.item_of(id)
        ports = () if item is None else item.output_items if output else item.input_items
        return next((port for port in ports if port.end == (id, number)), None)

    def neighbours(self, name: str) -> set[str]:
        """What is connected to a node or fold."""
        ends = [(self._drawn[e.source], self._drawn[e.target]) for e in self.edges]
        return {b for a, b in ends if a == name} | {a for a, b in ends if b == name}

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
