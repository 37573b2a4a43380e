"""One node on the canvas: what it shows just now, how large it is, and where its ports stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsSceneHoverEvent,
    QGraphicsWidget,
    QStyleOptionGraphicsItem,
    QWidget,
)

from playground.snapshot import NodeStatistics
from ui.canvas import gradient
from ui.canvas.face import Face
from ui.canvas.node_paint import CHIP, HALO, paint_node
from ui.canvas.node_size import picture_rect, placed_ways, size_of, sizes_with
from ui.canvas.port_item import PortItem
from ui.canvas.ports import heights
from ui.canvas.text import chip_font
from ui.guarded import guarded

NEAR = 4.0
"""A sentence keeps so far off its neighbours."""


class NodeItem(QGraphicsWidget):
    """The picture of a node. It shows a `Face` and live data; it changes nothing."""

    def __init__(self, face: Face) -> None:
        super().__init__()
        self.face = face
        self.input_items: list[PortItem] = []
        self.output_items: list[PortItem] = []
        self.statistics: NodeStatistics | None = None
        self.images: tuple[QImage, ...] = ()
        self.badge: str | None = None
        """A number in place of the shape: the loss."""
        self.failure = ""
        """Why training stopped here."""
        self.active = ""
        """What is computed here just now."""
        self.chip_width = 0.0
        self.stop = False
        """Whether Run stops before something that is computed here."""
        self.drop = ""
        """What letting a connection go here would do: "healthy", "warning", "error"."""
        self.lines: list[str] = []
        """The sentence as it is drawn."""
        self.where: int | None = None
        """The tick of the gradient bar, in pixels from the left."""
        self.state = "unknown"
        """The gradient's, in a word."""
        self._largest = 0.0
        self._whose = ""
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsFocusable)
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setZValue(2)
        self.set_face(face)

    # -- what it shows ------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.face.id

    @property
    def error(self) -> str:
        """The sentence on the node: what is wrong with it, or why it failed in training."""
        return self.face.error or self.failure

    @property
    def category(self) -> str:
        return self.face.category

    def set_face(self, face: Face) -> None:
        self.face = face
        self.fit()
        self._make_ports()
        self._describe()
        self.update()

    def set_badge(self, text: str | None) -> None:
        if text != self.badge:
            self.badge = text
            self.update(QRectF(0, 0, self.size().width(), 32))

    def set_images(self, images: Sequence[QImage]) -> None:
        self.images = tuple(images)
        self.update(picture_rect(self.face, self.size().width()))

    def set_statistics(self, statistics: NodeStatistics | None, largest: float = 0.0,
                       whose: str = "") -> None:
        """Repaints only when the tick moves by a pixel or the state changes.

        largest: the largest gradient norm in the network. whose: of a fold, the member that the
        statistics are of.
        """
        self.statistics, self._largest, self._whose = statistics, largest, whose
        at = gradient.place(gradient.norm_of(statistics)) if statistics else None
        where = None if at is None else round(at * self.size().width())
        state = gradient.state(statistics, largest) if statistics else "unknown"
        if (where, state) != (self.where, self.state):
            self.where, self.state = where, state
            self._describe()
            self.update()

    def set_failure(self, sentence: str) -> None:
        if sentence != self.failure:
            self.failure = sentence
            self.fit()
            self._describe()
            self.update()

    def set_active(self, text: str) -> None:
        """Light up, with a chip above that says what is computed; empty text puts it out."""
        if text != self.active:
            self.prepareGeometryChange()
            self.active = text
            self.chip_width = (
                QFontMetricsF(chip_font()).horizontalAdvance(text) + 16 if text else 0.0)
            self.setZValue(3 if text else 2)
            self.update()

    def set_stop(self, on: bool) -> None:
        if on != self.stop:
            self.stop = on
            self._describe()
            self.update()

    def set_drop(self, color: str) -> None:
        if color != self.drop:
            self.drop = color
            self.update()

    def hoverEnterEvent(self, event: object) -> None:
        # Written only now: statistics change many times a second, tooltips are read seldom.
        self.setToolTip(self._tooltip())

    def hoverMoveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self.setToolTip(self._tooltip())
        self.setCursor(Qt.CursorShape.PointingHandCursor if self.way_out(event.scenePos())
                       else Qt.CursorShape.ArrowCursor)

    def describe(self) -> str:
        """All of it in words, for screen readers and the outline."""
        words = self.face.describe()
        if self.failure and self.failure != self.face.error:
            words += f", failed: {self.failure}"
        if self.stop:
            words += ", breakpoint"
        live = self._live()
        return f"{words}, {live}" if live else words

    def _live(self) -> str:
        words = gradient.describe(self.statistics, self._largest) if self.statistics else ""
        return f"{self._whose}: {words}" if words and self._whose else words

    def _describe(self) -> None:
        # QGraphicsItem has no accessible name; the outline reads this.
        self.setObjectName(self.describe())

    def _tooltip(self) -> str:
        face = self.face
        lines = [f"<b>{face.id}</b> · {face.title}", self.error, face.waiting, face.help,
                 *face.notes]
        if live := self._live():
            lines.append(live[:1].upper() + live[1:] + ".")
        if face.parameters:
            lines.append(f"{face.parameters:,} parameters")
        if face.members:
            lines.append(f"Of {', '.join(face.members)}.")
        if face.frozen:
            lines.append("Frozen: training leaves its weights as they are.")
        if self.stop:
            lines.append("A breakpoint: Run stops here. Program shows before what, and takes it "
                         "away.")
        if face.shares:
            lines.append(f"Uses the weights of {face.shares}.")
        return "<br>".join(line for line in lines if line)

    # -- geometry -----------------------------------------------------------------------------

    def box(self) -> QRectF:
        """Where the node stands, in scene coordinates."""
        return QRectF(self.pos(), self.size())

    def boundingRect(self) -> QRectF:
        top = CHIP + HALO if self.active else HALO
        size = QSizeF(max(self.size().width(), self.chip_width), self.size().height())
        return QRectF(QPointF(0, 0), size).adjusted(-HALO, -top, HALO, HALO + 2)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(self.rect())
        return path

    def way_out(self, at: QPointF) -> str:
        """The words to click on that stand there, in scene coordinates; empty where none do."""
        spot = at - self.pos()
        return next((way for way, place in placed_ways(self.face, len(self.lines))
                     if place.contains(spot)), "")

    def port(self, output: bool, number: int) -> PortItem | None:
        ports = self.output_items if output else self.input_items
        return ports[number] if 0 <= number < len(ports) else None

    def fit(self, others: Iterable[QRectF] = ()) -> None:
        """Take the size that the content needs; a sentence only as much as the others leave."""
        size, lines = size_of(self.face), list[str]()
        if self.error:
            around = [box.adjusted(-NEAR, -NEAR, NEAR, NEAR) for box in others]
            choices = list(sizes_with(self.face, self.error))
            size, lines = next((choice for choice in choices if not any(
                box.intersects(QRectF(self.pos(), choice[0])) for box in around)), choices[-1])
        self.lines = lines
        if size != self.size():
            self.prepareGeometryChange()
            self.resize(size)
        self._place_ports()
        self.update()

    def _make_ports(self) -> None:
        for items, ports, output in ((self.input_items, self.face.inputs, False),
                                     (self.output_items, self.face.outputs, True)):
            while len(items) > len(ports):
                gone = items.pop()
                gone.setParentItem(None)  # type: ignore[arg-type]
                if (scene := gone.scene()) is not None:
                    scene.removeItem(gone)
            while len(items) < len(ports):
                items.append(PortItem(self, output, len(items)))
            for item, port in zip(items, ports, strict=True):
                item.set_port(port)
        self._place_ports()

    def _place_ports(self) -> None:
        for items, ports, x in ((self.input_items, self.face.inputs, 0.0),
                                (self.output_items, self.face.outputs, self.size().width())):
            for item, y in zip(items, heights(ports), strict=False):
                item.setPos(x, y)

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        paint_node(self, painter, option.levelOfDetailFromTransform(painter.worldTransform()))
