"""Pictures in rows and columns that mean something: then and now, samples and what came back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme, ui_font

GAP, BAND_GAP, CAPTION = 2, 8, 15
SMALLEST, LARGEST = 16, 110


class PictureTable(QWidget):
    """Rows × columns of pictures, as large as they fit; names before the rows, captions below the
    columns. With `flow`, columns go on below where that makes them larger, as the lines of a text.
    """

    pointed = Signal(int, int)
    """Row and column under the mouse, or -1s."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: tuple[str, ...] = ()
        self.captions: tuple[str, ...] = ()
        self.flow = False
        self.shape = (0, 0)
        self._size = (1, 1)
        self._atlas = QImage()
        self._over = (-1, -1)
        self.setFont(ui_font(11))
        self.setMouseTracking(True)
        self.setMinimumSize(40, 40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_pictures(self, pixels: NDArray[np.uint8], names: Sequence[str] = (),
                      captions: Sequence[str] = (), flow: bool = False) -> None:
        """pixels (rows, columns, height, width, 3)."""
        rows, columns, height, width, _ = pixels.shape
        self.names, self.captions, self.flow = tuple(names), tuple(captions), flow
        self.shape, self._size = (rows, columns), (height, width)
        whole = np.ascontiguousarray(pixels.reshape(rows * columns * height, width, 3))
        self._atlas = QImage(whole.data, width, len(whole), 3 * width,
                             QImage.Format.Format_RGB888).copy()
        self.setAccessibleDescription(f"{rows} × {columns} pictures: {', '.join(self.names)}")
        self.update()

    # -- layout -------------------------------------------------------------------------------

    def _layout(self) -> tuple[float, int, int]:
        """(width of a picture, columns side by side, bands of them)."""
        rows, columns = self.shape
        if not rows or not columns:
            return 0.0, 1, 0
        best = (0.0, columns, 1)
        for bands in range(1, columns + 1 if self.flow else 2):
            across = -(-columns // bands)
            size = min(self._room() / across - GAP, self._height_for(bands), float(LARGEST))
            if size > best[0] + 0.5:
                best = (size, across, bands)
        size, across, bands = best
        if size < SMALLEST:
            # What does not fit is left out, not made unreadable.
            size = float(SMALLEST)
            across = max(1, min(columns, int(self._room() / (size + GAP))))
            bands = max(1, min(bands, int((self.height() + BAND_GAP) / self._band(size))))
        elif size >= 3 * self._size[1]:
            size -= size % self._size[1]  # whole pixels per value look even
        return size, across, bands

    def _room(self) -> float:
        return max(1.0, self.width() - self._margin())

    def _margin(self) -> int:
        metrics = self.fontMetrics()
        return max((metrics.horizontalAdvance(name) + 8 for name in self.names), default=0)

    def _height_for(self, bands: int) -> float:
        """Of a picture's width, when so many bands are to fit."""
        room = (self.height() + BAND_GAP) / bands - BAND_GAP - self._caption()
        return (room / self.shape[0] - GAP) * self._size[1] / self._size[0]

    def _band(self, size: float) -> float:
        return self.shape[0] * (self._down(size) + GAP) + self._caption() + BAND_GAP

    def _down(self, size: float) -> float:
        return size * self._size[0] / self._size[1]

    def _caption(self) -> int:
        return CAPTION if any(self.captions) else 0

    def rects(self) -> dict[tuple[int, int], QRectF]:
        """Where each picture is: (row, column) -> rectangle. What has no room is not there."""
        size, across, bands = self._layout()
        rows, columns = self.shape
        return {(row, column): QRectF(
                    self._margin() + column % across * (size + GAP),
                    column // across * self._band(size) + row * (self._down(size) + GAP),
                    size, self._down(size))
                for row in range(rows) for column in range(min(columns, across * bands))}

    # -- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        rects = self.rects()
        if not rects:
            return
        painter = QPainter(self)
        height, width = self._size
        for (row, column), rect in rects.items():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, width > rect.width())
            painter.drawImage(rect, self._atlas, QRectF(
                0, (row * self.shape[1] + column) * height, width, height))
            painter.setPen(theme().color("accent" if (row, column) == self._over else "line"))
            painter.drawRect(rect.adjusted(0, 0, -0.5, -0.5))
        self._write(painter, rects)

    def _write(self, painter: QPainter, rects: dict[tuple[int, int], QRectF]) -> None:
        last = self.shape[0] - 1
        painter.setPen(theme().color("secondary"))
        for (row, _), rect in rects.items():
            if rect.left() == self._margin() and row < len(self.names):
                painter.drawText(QRectF(0, rect.top(), self._margin() - 6, rect.height()),
                                 Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                                 self.names[row])
        if not any(self.captions):
            return
        # Captions wider than their picture: every second or third one.
        widest = max(painter.fontMetrics().horizontalAdvance(text) for text in self.captions) + 6
        each = math.ceil(widest / (rects[0, 0].width() + GAP))
        _, across, _ = self._layout()
        shown = [column for row, column in rects if row == last and column < len(self.captions)]
        for column in shown:
            rect = rects[last, column]
            is_end = column == shown[-1]
            near_end = not is_end and column // across == shown[-1] // across and (
                shown[-1] - column < each)
            if is_end or (column % across % each == 0 and not near_end):
                left = min(rect.center().x() - widest / 2, self.width() - widest)
                painter.drawText(QRectF(left, rect.bottom() + 1, widest, CAPTION),
                                 Qt.AlignmentFlag.AlignCenter, self.captions[column])

    # -- mouse --------------------------------------------------------------------------------

    def place_at(self, point: QPointF) -> tuple[int, int]:
        """(row, column) at a point of the widget, or -1s."""
        return next((place for place, rect in self.rects().items() if rect.contains(point)),
                    (-1, -1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.place_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._point((-1, -1))

    def _point(self, place: tuple[int, int]) -> None:
        if place != self._over:
            self._over = place
            self.update()
            self.pointed.emit(*place)


__all__ = ["PictureTable"]
