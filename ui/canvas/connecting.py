"""Drawing an edge: by mouse from a port, or by keys from the selected node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsPathItem

from playground.graph import Edge
from playground.layers.base import Layer
from playground.shapes import check
from ui.canvas import editing
from ui.canvas.interactions import Interaction
from ui.canvas.node_item import NodeItem
from ui.canvas.port_item import PortItem
from ui.canvas.routing import curve
from ui.theme import theme

if TYPE_CHECKING:
    from ui.canvas.view import CanvasView

SNAP = 16.0
"""How near to a port a dragged edge jumps to it, in screen pixels."""


class Connect(Interaction):
    """Draw an edge from a port, and say all the while whether letting go here would connect.

    Green connects; amber connects, but shapes will not fit, and says why; red does not.
    An edge dragged off its input goes elsewhere, or away.
    """

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, port: PortItem) -> None:
        super().__init__(view)
        self._moved: Edge | None = None
        self._from = port
        if not port.output and (edge := self._edge_into(port)):
            source = self.scene.port_of(True, edge.source, edge.source_port)
            if source is not None:
                self._moved, self._from = edge, source
                self.scene.edges[edge].setVisible(False)
        self._edge: Edge | None = None
        self._over: NodeItem | None = None
        self._over_port: PortItem | None = None
        self._verdict = ""
        self._line = QGraphicsPathItem()
        self._line.setZValue(5)
        self.scene.addItem(self._line)
        self.move(port.center())

    def move(self, at: QPointF) -> None:
        port = self.scene.port_at(at, SNAP / self.view.zoom)
        node = port.parentItem() if port else self.scene.node_at(at)
        self.aim(node if isinstance(node, NodeItem) else None, port, at)

    def aim(self, node: NodeItem | None, port: PortItem | None, at: QPointF) -> None:
        """Point at a node, at one of its ports or anywhere (keys do the same as the pointer)."""
        if port is not None and port.output == self._from.output:
            port = None
        if node is self._from.parentItem():
            node = port = None
        edge = self._edge_to(node, port) if node else None
        if edge != self._edge or node is not self._over:
            self._clear_marks()
            self._edge, self._over = edge, node
            self._judge(port)
        end = self._over_port.center() if self._over_port else at
        self._draw(end)

    def finish(self, at: QPointF) -> None:
        edge, moved, over = self._edge, self._moved, self._over
        self._close()
        if edge is not None:
            old = self._replaced(edge)
            # Of a red edge the graph says why not, and nothing has changed.
            if editing.connect(self.document, edge, instead=moved) and old:
                self.view.say(f"{edge.target} now takes {edge.source} in place of {old.source}. "
                              "Undo brings that back.")
        elif moved is not None and over is None and not self._near_start(moved, at):
            editing.disconnect(self.document, moved)

    def cancel(self) -> None:
        self._close()

    # -- inside -------------------------------------------------------------------------------

    def _near_start(self, moved: Edge, at: QPointF) -> bool:
        """A click on a port is no request to disconnect."""
        port = self.scene.port_of(False, moved.target, moved.target_port)
        return port is not None and (port.center() - at).manhattanLength() < 2 * SNAP

    def _edge_into(self, port: PortItem) -> Edge | None:
        id, number = port.end
        return next((e for e in self.document.graph.inputs_of(id) if e.target_port == number),
                    None)

    def _edge_to(self, node: NodeItem, port: PortItem | None) -> Edge | None:
        if self._from.output:
            end = port.end if port else self._free_input(node)
            return None if end is None else Edge(*self._from.end, *end)
        if port is None and not node.output_items:
            return None
        return Edge(*(port or node.output_items[0]).end, *self._from.end)

    def _free_input(self, node: NodeItem) -> tuple[str, int] | None:
        """Where an edge goes that is let go anywhere on a node."""
        if node.face.members:
            ports = node.face.inputs
            return next((port.end for port in ports if not port.connected),
                        ports[0].end if ports else None)
        graph = self.document.graph.without_edges([self._moved] if self._moved else [])
        layer = graph.node(node.id).layer
        if not isinstance(layer, Layer) or not layer.inputs:
            return None
        if layer.variadic:
            return node.id, graph.free_port(node.id) or 0
        used = {e.target_port for e in graph.inputs_of(node.id)}
        free = [i for i in range(len(layer.inputs)) if i not in used]
        # The namesake (a target goes to a target), then what the layer needs; else its first input
        # gets another source: what it can do without is not meant.
        name = _node_of(self._from).face.outputs[self._from.number].name
        named = [i for i in free if layer.inputs[i] == name]
        needed = [i for i in free if layer.inputs[i] not in layer.optional]
        return node.id, (named or needed or [0])[0]

    def _replaced(self, edge: Edge) -> Edge | None:
        """The edge that would go for this one, other than by being dragged."""
        old = editing.taken(self.document.graph, edge)
        return None if old in (edge, self._moved) else old

    def _judge(self, port: PortItem | None) -> None:
        edge = self._edge
        if edge is None:
            self._verdict = ""
            self.view.say("")
            return
        why = editing.why_not(self.document, edge, self._moved)
        self._verdict = "error" if why else "healthy"
        if edge != self._moved and edge in self.document.graph.edges:
            why = f"{self._input_name(edge)} takes {edge.source} already"
        elif not why:
            # The new sentence only: what was wrong before is not this edge's fault.
            result = check(editing.connected(self.document.graph, edge, self._moved))
            missing = edge.target in result.waiting
            why = "" if missing else result.errors.get(edge.target, "")
            self._verdict = "warning" if why else "healthy"
        assert self._over is not None
        self._over.set_drop(self._verdict)
        self._over_port = port or (
            self.scene.port_of(False, edge.target, edge.target_port) if self._from.output
            else self.scene.port_of(True, edge.source, edge.source_port))
        if self._over_port:
            self._over_port.set_state(self._verdict)
        old = self._replaced(edge)
        self.view.say(why or f"Connect {edge.source} to {self._input_name(edge)}"
                      + (f", in place of {old.source}" if old else ""), self._verdict, lasting=True)

    def _input_name(self, edge: Edge) -> str:
        """The node at an edge's end, and which of its inputs where there are several."""
        item = self.scene.item_of(edge.target)
        inputs = item.face.inputs if item else ()
        port = self.scene.port_of(False, edge.target, edge.target_port)
        several = len(inputs) > 1 and port is not None
        return f"{edge.target} · {inputs[port.number].name}" if port and several else edge.target

    def _draw(self, end: QPointF) -> None:
        start = self._from.center()
        self._line.setPath(curve(start, end) if self._from.output else curve(end, start))
        pen = QPen(theme().color(self._verdict or "accent"), 2)
        if not self._over_port:
            pen.setStyle(Qt.PenStyle.DashLine)
        self._line.setPen(pen)

    def _clear_marks(self) -> None:
        if self._over:
            self._over.set_drop("")
        if self._over_port:
            self._over_port.set_state("")
        self._over_port = None

    def _close(self) -> None:
        self._clear_marks()
        if self._moved and self._moved in self.scene.edges:
            self.scene.edges[self._moved].setVisible(True)
        self.scene.removeItem(self._line)
        self.view.say("")


class ConnectByKeys(Connect):
    """Connect without a mouse: arrows choose the target, Enter connects, Tab the output port."""

    def __init__(self, view: CanvasView, source: NodeItem) -> None:
        super().__init__(view, source.output_items[0])
        self._source = source
        self._targets: list[PortItem] = []
        self._number = 0
        self._begin()

    @property
    def target(self) -> NodeItem | None:
        return _node_of(self._targets[self._number]) if self._targets else None

    def move(self, at: QPointF) -> None:
        """The pointer has no say."""

    def _begin(self) -> None:
        """Find the ports that this output may go to, and point at the likeliest."""
        self._targets = sorted(
            (port for item in self.scene.nodes.values() if item is not self._source
             for port in self._free_ports(item)), key=self._rank)
        self._edge, self._number = None, 0
        self.step(0)

    def step(self, by: int) -> None:
        """The next or the previous target."""
        if not self._targets:
            self.view.say("There is no other node with an input to connect to.", "warning")
            return
        self._number = (self._number + by) % len(self._targets)
        port = self._targets[self._number]
        self.aim(_node_of(port), port, port.center())
        self.view.bring(_node_of(port).box())

    def next_output(self) -> None:
        """Start from the node's next output port."""
        ports = self._source.output_items
        self._from = ports[(self._from.number + 1) % len(ports)]
        self._begin()

    def _free_ports(self, item: NodeItem) -> list[PortItem]:
        """The inputs that wait for an edge; of a node with none, the first, to replace its own."""
        free = [port for port, face in zip(item.input_items, item.face.inputs, strict=True)
                if not face.connected]
        layer = None if item.face.members else self.document.graph.node(item.id).layer
        variadic = isinstance(layer, Layer) and layer.variadic
        return free[:1] if variadic else free or item.input_items[:1]

    def _rank(self, port: PortItem) -> tuple[object, ...]:
        """First what would connect, free before taken; of that, the namesake (a target goes to a
        target), then what a layer needs before what it can do without; of that, what lies ahead,
        and near."""
        item, face = _node_of(port), _node_of(port).face.inputs[port.number]
        edge = self._edge_to(item, port)
        way = item.box().center() - self._source.box().center()
        return (edge is None or bool(editing.why_not(self.document, edge)), face.connected,
                face.name != self._source.face.outputs[self._from.number].name, face.optional,
                _behind(way), way.manhattanLength(), port.number)

    def key(self, key: int) -> bool:
        """Handle a key; whether it was one of ours."""
        forward = (Qt.Key.Key_Right, Qt.Key.Key_Down)
        if key in forward or key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
            self.step(1 if key in forward else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.view.finish_interaction(QPointF())
        elif key == Qt.Key.Key_Tab:
            self.next_output()
        else:
            return False
        return True


def _node_of(port: PortItem) -> NodeItem:
    node = port.parentItem()
    assert isinstance(node, NodeItem)
    return node


def _behind(way: QPointF) -> bool:
    return way.x() < 0 and way.y() < 48
