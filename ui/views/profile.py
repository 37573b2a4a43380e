"""One bar per layer in network order: a staircase towards the data is a vanishing gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ui.theme import theme, ui_font
from ui.views.numbers import format_number
from ui.views.plots import log_ticks

AXIS = 20
NARROWEST = 9
"""Rows lower than this have no room for names."""


@dataclass(frozen=True)
class Bar:
    """A node's number, and the number before clipping (NaN where that is not shown)."""

    name: str
    value: float
    before: float
    color: QColor
    measured: bool = True
    """Not so for a node that was just put in: no number yet, which is no trouble."""


class Profile(QWidget):
    """Horizontal bars on a logarithmic axis, the first layer on top."""

    pointed = Signal(str)
    clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bars: tuple[Bar, ...] = ()
        self.threshold = math.nan
        self.strong = ""
        self._range = (-4.0, 1.0)
        self.setMouseTracking(True)
        self.setFont(ui_font(11))
        self.setAccessibleName("Gradient norm of each layer, from the first to the last")
        self.setToolTip("The norm of each layer's gradient now, from the first layer to the last")

    def show_bars(self, bars: Sequence[Bar], threshold: float = math.nan) -> None:
        self.bars, self.threshold = tuple(bars), threshold
        values = np.array([v for bar in bars for v in (bar.value, bar.before)] + [threshold])
        values = values[np.isfinite(values) & (values > 0)]
        if values.size:
            # Whole decades, so that the axis stands still while the bars move.
            low = math.floor(math.log10(values.min()) - 0.3)
            high = math.ceil(math.log10(values.max()) + 0.05)
            self._range = (float(low), float(max(high, low + 2)))
        self.update()

    def emphasize(self, name: str) -> None:
        if name != self.strong:
            self.strong = name
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.bars:
            return
        painter = QPainter(self)
        metrics = QFontMetricsF(self.font())
        area = self._area(metrics)
        row = area.height() / len(self.bars)
        self._paint_axis(painter, area)
        thick = max(1.0, min(12.0, row * 0.62))
        every = max(1, math.ceil(NARROWEST * 1.4 / row))
        for i, bar in enumerate(self.bars):
            middle = area.top() + (i + 0.5) * row
            strong = bar.name == self.strong
            if i % every == 0:
                painter.setPen(theme().color("text" if strong else "secondary"))
                painter.drawText(QRectF(12, middle - 8, area.left() - 20, 16),
                                 Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                                 bar.name)
            faint = QColor(bar.color)
            faint.setAlphaF(0.3)
            y = middle - thick / 2
            if math.isfinite(bar.before):
                painter.fillRect(QRectF(area.left(), y, self._x(bar.before, area) - area.left(),
                                        thick), faint)
            end = self._x(bar.value, area)
            painter.fillRect(QRectF(area.left(), y, end - area.left(), thick), bar.color)
            bad = bar.measured and not math.isfinite(bar.value)
            end = max(end, self._x(bar.before, area) if math.isfinite(bar.before) else end)
            if i % every == 0:
                painter.setPen(theme().text("error") if bad
                               else theme().color("text" if strong else "faint"))
                painter.drawText(QPointF(end + 6, middle + 4),
                                 ("✕ " if bad else "") + format_number(bar.value, 2)
                                 if bar.measured else "–")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        name = self._name_at(event.position())
        self.pointed.emit(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor if name else Qt.CursorShape.ArrowCursor)

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit("")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        name = self._name_at(event.position())
        if name and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(name)
        else:
            super().mousePressEvent(event)

    def _paint_axis(self, painter: QPainter, area: QRectF) -> None:
        painter.setFont(self.font())
        for tick in log_ticks(*self._range, max(2, int(area.width() / 56))):
            x = self._x(10.0**tick, area)
            painter.setPen(QPen(theme().color("line"), 1))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(theme().color("faint"))
            painter.drawText(QRectF(x - 30, area.bottom() + 3, 60, 14),
                             Qt.AlignmentFlag.AlignCenter, format_number(10.0**tick, 2))
        if math.isfinite(self.threshold):
            pen = QPen(theme().color("error"), 1)
            pen.setDashPattern([5, 4])
            painter.setPen(pen)
            x = self._x(self.threshold, area)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(theme().text("error"))
            painter.drawText(QRectF(x - 40, area.top() - 16, 80, 14),
                             Qt.AlignmentFlag.AlignCenter,
                             f"clip {format_number(self.threshold, 2)}")

    def _area(self, metrics: QFontMetricsF) -> QRectF:
        names = max(metrics.horizontalAdvance(bar.name) for bar in self.bars)
        left = min(names + 24, 0.4 * self.width())
        top = 18 if math.isfinite(self.threshold) else 4
        return QRectF(left, top, max(40.0, self.width() - left - 56),
                      max(10.0, self.height() - AXIS - 4 - top))

    def _x(self, value: float, area: QRectF) -> float:
        if math.isnan(value) or value <= 0:
            return area.left()
        low, high = self._range
        share = 1.0 if math.isinf(value) else (math.log10(value) - low) / (high - low)
        return area.left() + area.width() * min(1.0, max(0.0, share))

    def _name_at(self, place: QPointF) -> str:
        if not self.bars:
            return ""
        area = self._area(QFontMetricsF(self.font()))
        i = int((place.y() - area.top()) / (area.height() / len(self.bars)))
        return self.bars[i].name if 0 <= i < len(self.bars) else ""


__all__ = ["Bar", "Profile"]
