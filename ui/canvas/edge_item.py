"""One edge, drawn: a thin curve that is easy to click, with the shape on it under the pointer."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsPathItem,
    QGraphicsSceneHoverEvent,
    QStyleOptionGraphicsItem,
    QWidget,
)

from playground.graph import Edge
from ui.guarded import guarded
from ui.theme import theme, ui_font

CLICK_WIDTH = 14.0


class EdgeItem(QGraphicsPathItem):
    """The picture of an edge. It changes nothing."""

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        self.edge = edge
        self.label = ""
        self._active = False
        self._hovered = False
        self._insert = False
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setAcceptHoverEvents(True)
        self.setZValue(1)

    def set_label(self, shape: str) -> None:
        self.label = shape
        e = self.edge
        self.setToolTip(f"{e.source} → {e.target}" + (f": {shape}" if shape else "")
                        + "<br>Delete removes it; a layer dropped here is put in between.")

    def set_active(self, active: bool) -> None:
        """Data or gradients flow along it just now."""
        if active != self._active:
            self._active = active
            self.update()

    def set_insert(self, insert: bool) -> None:
        """A layer let go now would be put in here."""
        if insert != self._insert:
            self._insert = insert
            self.update()

    def describe(self) -> str:
        """The edge in words."""
        e = self.edge
        return f"{e.source} to {e.target}" + (f", {self.label}" if self.label else "")

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self._hovered = True
        self.setZValue(4)  # The label lies above the nodes.
        self.update()

    def hoverLeaveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self._hovered = False
        self.setZValue(1)
        self.update()

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(CLICK_WIDTH)
        return stroker.createStroke(self.path())

    def boundingRect(self) -> QRectF:
        line = self.path().controlPointRect().adjusted(-4, -4, 4, 4)
        return line.united(self._label_rect().adjusted(-1, -1, 1, 1)) if self.label else line

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        look = theme()
        if self._insert:
            pen = QPen(look.color("healthy"), 3)
        elif self._active or self.isSelected():
            pen = QPen(look.color("accent"), 2.5 if self._active else 2)
        else:
            pen = QPen(look.color("secondary" if self._hovered else "edge"), 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.drawPath(self.path())
        if self._hovered and self.label:
            chip = self._label_rect()
            painter.setPen(QPen(look.color("line_strong"), 1))
            painter.setBrush(look.color("inset"))
            painter.drawRoundedRect(chip, 5, 5)
            painter.setPen(look.color("text"))
            painter.setFont(ui_font(11))
            painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, self.label)

    def _label_rect(self) -> QRectF:
        width = QFontMetricsF(ui_font(11)).horizontalAdvance(self.label) + 14
        middle = self.path().pointAtPercent(0.5)
        return QRectF(middle.x() - width / 2, middle.y() - 10, width, 20)
