"""What a cell does over time, as heat maps below each other: units down, time across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import magnitude_image, signed_image, theme, ui_font
from ui.views.numbers import format_number
from ui.views.pictures import largest
from ui.views.plots import even_ticks

Floats = NDArray[np.float32]
GAP = 4
FOOT = 16
"""Pixels below the maps for the time steps."""
LEAST_HEIGHT = 10


@dataclass(frozen=True)
class TimeMap:
    """values (time, units); signed ones around white, magnitudes up to yellow."""

    name: str
    values: Floats
    signed: bool

    @property
    def scale(self) -> float:
        """The value of the strongest colour: gates are shares, all else goes as far as it goes."""
        top = largest(self.values)
        return top if self.signed else max(1.0, top)

    def image(self) -> QImage:
        make = signed_image if self.signed else magnitude_image
        return make(self.values.T, self.scale)


class TimeMaps(QWidget):
    """Maps on one time axis. `left` and `right` are the margins, to stand below a plot."""

    pointed = Signal(int, int, int)
    """Map, time step and unit under the mouse; -1 when there is none."""
    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.maps: tuple[TimeMap, ...] = ()
        self.cuts: Sequence[float] = ()
        self.now: int | None = None
        self.left = self.right = 44
        self._images: list[QImage] = []
        self.setMouseTracking(True)
        self.setFont(ui_font(11))
        self.setMinimumSize(80, 50)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def time(self) -> int:
        return len(self.maps[0].values) if self.maps else 0

    def show_maps(self, maps: Sequence[TimeMap], cuts: Sequence[float] = (),
                  now: int | None = None) -> None:
        """cuts: where gradients end their way back, between time steps. now: the next step."""
        self.maps, self.cuts, self.now = tuple(maps), cuts, now
        self._images = [shown.image() for shown in maps]
        self.setAccessibleDescription(", ".join(
            f"{shown.name}: {shown.values.shape[1]} units" for shown in maps))
        self.update()

    def set_margins(self, left: int, right: int) -> None:
        if (left, right) != (self.left, self.right):
            self.left, self.right = left, right
            self.update()

    # -- layout -------------------------------------------------------------------------------

    def rects(self) -> list[QRectF]:
        """Where each map is; all of one height."""
        n = len(self.maps)
        if not n:
            return []
        height = max(LEAST_HEIGHT, (self.height() - FOOT - GAP * (n - 1)) / n)
        width = max(1, self.width() - self.left - self.right)
        return [QRectF(self.left, i * (height + GAP), width, height) for i in range(n)]

    def place_at(self, point: QPointF) -> tuple[int, int, int]:
        """(map, time step, unit) at a point of the widget, or -1s."""
        for i, rect in enumerate(self.rects()):
            if rect.contains(point):
                time, units = self.maps[i].values.shape
                t = math.floor((point.x() - rect.left()) / rect.width() * time)
                unit = math.floor((point.y() - rect.top()) / rect.height() * units)
                return i, min(t, time - 1), min(unit, units - 1)
        return -1, -1, -1

    # -- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        rects = self.rects()
        for shown, image, rect in zip(self.maps, self._images, rects, strict=True):
            # Pixels are data here, unless there are more than fit.
            painter.setRenderHint(
                QPainter.RenderHint.SmoothPixmapTransform,
                image.width() > rect.width() or image.height() > rect.height())
            painter.drawImage(rect, image, QRectF(image.rect()))
            self._frame(painter, shown, rect)
        if rects:
            self._steps(painter, rects)

    def _frame(self, painter: QPainter, shown: TimeMap, rect: QRectF) -> None:
        painter.setPen(theme().color("line"))
        painter.drawRect(rect.adjusted(0, 0, -0.5, -0.5))
        side = QRectF(0, rect.top(), self.left - 6, rect.height())
        right = Qt.AlignmentFlag.AlignRight
        painter.setPen(theme().color("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(side, right | middle, shown.name)
        if self.right < 30:
            return
        # The ends of the scale, in numbers beside the colours.
        low = f"-{format_number(shown.scale, 2)}" if shown.signed else "0"
        side = QRectF(rect.right() + 6, rect.top(), self.right - 6, rect.height())
        painter.setPen(theme().color("faint"))
        if rect.height() >= 28:
            painter.drawText(side, Qt.AlignmentFlag.AlignTop, format_number(shown.scale, 2))
            painter.drawText(side, Qt.AlignmentFlag.AlignBottom, low)
        else:
            sign = "±" if shown.signed else "≤"
            painter.drawText(side, middle, f"{sign}{format_number(shown.scale, 2)}")

    def _steps(self, painter: QPainter, rects: list[QRectF]) -> None:
        first, last = rects[0], rects[-1]
        each = first.width() / max(1, self.time)
        painter.setPen(QPen(theme().text("warning"), 1, Qt.PenStyle.DashLine))
        for cut in self.cuts:
            x = first.left() + (cut + 0.5) * each
            painter.drawLine(QPointF(x, first.top()), QPointF(x, last.bottom()))
        if self.now is not None:
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(first.left() + self.now * each, first.top(), max(2.0, each),
                                    last.bottom() - first.top()))
        painter.setPen(theme().color("faint"))
        room = max(2, int(first.width() / 60))
        ticks = [t for t in even_ticks(0, max(1, self.time - 1), room) if t == int(t)]
        for tick in ticks:
            x = first.left() + (tick + 0.5) * each
            text = f"t = {tick:.0f}" if tick == 0 else f"{tick:.0f}"
            painter.drawText(QRectF(x - 30, last.bottom() + 1, 60, FOOT - 2),
                             Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, text)

    # -- mouse --------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(*self.place_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(-1, -1, -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.place_at(event.position())[0]
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(index)
        else:
            super().mousePressEvent(event)


__all__ = ["TimeMap", "TimeMaps"]
