"""A port: a small dot on a node's border, larger under the pointer."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsSceneHoverEvent,
    QStyleOptionGraphicsItem,
    QWidget,
)

from ui.canvas.face import Port
from ui.guarded import guarded
from ui.theme import theme

DOT, LARGE, REACH = 3.0, 5.5, 9.0
"""Radii: at rest, under the pointer, and of the area that reacts."""


class PortItem(QGraphicsItem):
    """Knows its node, its direction and its number; the node places it.

    On a fold it stands for a port of a member: `end` is that node and the port's number there.
    """

    def __init__(self, node: QGraphicsItem, output: bool, number: int) -> None:
        super().__init__(node)
        self.output = output
        self.number = number
        self.end = ("", number)
        self._connected = False
        self._hovered = False
        self._state = ""
        self.setAcceptHoverEvents(True)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def set_port(self, port: Port) -> None:
        self._connected, self.end = port.connected, port.end
        hint = "Drag to an input to connect." if self.output else (
            "Drag away to disconnect; another connection takes its place." if port.connected
            else "Drag to an output to connect.")
        told = (port.describe("Output" if self.output else "Input"), port.help, hint)
        self.setToolTip("<br>".join(filter(None, told)))
        self.update()

    def set_state(self, state: str) -> None:
        """While connecting: "healthy" or "error" show whether this port would take the edge."""
        if state != self._state:
            self._state = state
            self.update()

    def center(self) -> QPointF:
        return self.scenePos()

    def boundingRect(self) -> QRectF:
        return QRectF(-REACH, -REACH, 2 * REACH, 2 * REACH)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addEllipse(self.boundingRect())
        return path

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self._hovered = True
        self.update()

    def hoverLeaveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        self._hovered = False
        self.update()

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        large = self._hovered or bool(self._state)
        look = theme()
        color = look.color(self._state) if self._state else look.color(
            "accent" if self._hovered else "edge")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, 1.25))
        # An open ring waits for a connection; a dot has one.
        painter.setBrush(color if self._connected or large else look.color("canvas"))
        radius = LARGE if large else DOT
        painter.drawEllipse(QPointF(0, 0), radius, radius)
