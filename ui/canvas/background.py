"""The canvas's ground: a quiet grid of dots that thins out when one looks from afar."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from ui.theme import theme

STEP = 24
"""Distance of the dots at full size."""
CLOSEST = 14
"""The least distance on the screen."""


def paint_dots(painter: QPainter, rect: QRectF, zoom: float) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(rect, theme().color("canvas"))
    step = STEP
    while step * zoom < CLOSEST:
        step *= 2
    pen = QPen(theme().color("grid"), 2.0)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    left, top = int(rect.left() // step) * step, int(rect.top() // step) * step
    painter.drawPoints([
        QPointF(x, y) for x in range(left, int(rect.right()) + step, step)
        for y in range(top, int(rect.bottom()) + step, step)])
