"""A matrix as a picture: equal entries in equal colours, zeros as the ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.colormaps import DIVERGING
from ui.theme import theme

Floats = NDArray[np.float32]
Places = NDArray[np.int32]
LONGEST_CELL = 3.0
"""How much longer than wide a cell may be drawn, so that narrow matrices fill the room."""
GOLDEN = 0.6180339887
"""Of the circle of hues: neighbours in number are far apart in colour."""


class MatrixPicture(QWidget):
    """Rows are outputs, columns are inputs. What is pointed at has its row and column marked."""

    pointed = Signal(int, int)
    """Row and column under the mouse; -1 when there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.places: Places = np.zeros((0, 0), np.int32)
        self.values: Floats = np.zeros((0, 0), np.float32)
        self.over = (-1, -1)
        self._image = QImage()
        self.setMouseTracking(True)
        self.setMinimumSize(60, 60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_matrix(self, places: Places, values: Floats, by_value: bool) -> None:
        """places (rows, columns): equal numbers are one weight, -1 a zero. values: what stands
        there, which gives the colours where `by_value`.
        """
        self.places, self.values = places, values
        number = places + 1
        if by_value:
            colors = _by_value(places, values)
        else:
            table = np.vstack([_ground(), hues(int(number.max(initial=0)))])
            colors = table[number]
        colors[~np.isfinite(values) & (places >= 0)] = (255, 0, 255)
        pixels = np.ascontiguousarray(colors, np.uint8)
        rows, columns = places.shape
        self._image = QImage(pixels.data, columns, rows, 3 * columns,
                             QImage.Format.Format_RGB888).copy()
        self.setAccessibleDescription(f"{rows} rows, {columns} columns")
        self.update()

    def mark(self, row: int, column: int) -> None:
        """Draw a line through a row and a column; -1 for none."""
        if (row, column) != self.over:
            self.over = (row, column)
            self.update()

    def area(self) -> QRectF:
        """Where the matrix is drawn."""
        rows, columns = self.places.shape
        if not rows or not columns:
            return QRectF()
        across, down = self.width() / columns, (self.height() - 1) / rows
        across, down = min(across, LONGEST_CELL * down), min(down, LONGEST_CELL * across)
        return QRectF(0, 0, across * columns, down * rows)

    def paintEvent(self, event: QPaintEvent) -> None:
        area = self.area()
        if area.isEmpty():
            return
        painter = QPainter(self)
        rows, columns = self.places.shape
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, columns > area.width())
        painter.drawImage(area, self._image)
        painter.setPen(QPen(theme().color("line_strong"), 1))
        painter.drawRect(area.adjusted(0, 0, -0.5, -0.5))
        row, column = self.over
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 255, 255, 60) if theme().dark else QColor(0, 0, 0, 45))
        wide, high = area.width() / columns, area.height() / rows
        if row >= 0:
            painter.drawRect(QRectF(area.left(), area.top() + row * high, area.width(),
                                    max(1.0, high)))
        if column >= 0:
            painter.drawRect(QRectF(area.left() + column * wide, area.top(), max(1.0, wide),
                                    area.height()))

    def place_at(self, point: QPointF) -> tuple[int, int]:
        """(row, column) at a point of the widget, or -1s."""
        area = self.area()
        if area.isEmpty() or not area.contains(point):
            return -1, -1
        rows, columns = self.places.shape
        return (min(rows - 1, int((point.y() - area.top()) / area.height() * rows)),
                min(columns - 1, int((point.x() - area.left()) / area.width() * columns)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.mark(*self.place_at(event.position()))
        self.pointed.emit(*self.over)

    def leaveEvent(self, event: QEvent) -> None:
        self.mark(-1, -1)
        self.pointed.emit(-1, -1)


def hues(count: int) -> NDArray[np.uint8]:
    """Colours (count, 3) that differ from their neighbours; the same ones for the same count."""
    colors = [QColor.fromHsvF(number * GOLDEN % 1, (0.55, 0.75)[number % 2],
                              (0.95, 0.75, 0.85)[number % 3]) for number in range(count)]
    return _bytes(colors)


def _ground() -> NDArray[np.uint8]:
    return _bytes([theme().color("inset")])


def _bytes(colors: Sequence[QColor]) -> NDArray[np.uint8]:
    return np.array([(c.red(), c.green(), c.blue()) for c in colors], np.uint8).reshape(-1, 3)


def _by_value(places: Places, values: Floats) -> NDArray[np.uint8]:
    finite = np.abs(values[np.isfinite(values)])
    scale = float(finite.max(initial=0)) or 1.0
    index = (np.clip(np.nan_to_num(values) / (2 * scale) + 0.5, 0, 1) * 255 + 0.5).astype(np.uint8)
    colors: NDArray[np.uint8] = DIVERGING[index]
    colors[places < 0] = _ground()[0]
    return colors


__all__ = ["MatrixPicture", "hues"]
