"""Forecasts of values over time: what came, and what the network said would come."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.snapshot import Predictions
from ui.theme import theme, ui_font
from ui.views.numbers import format_number

Floats = NDArray[np.float32]
LEGEND = 18
GAP = 8
LEAST = (110, 42)
"""Width and height that a curve needs."""


def is_forecast(p: Predictions) -> bool:
    """Whether values are told of every time step, or the next one of a single series."""
    if p.classes or p.x.ndim != 3:
        return False
    return p.target.ndim == 3 or (p.x.shape[2] == 1 and p.target[0].size == 1)


class ForecastGrid(QWidget):
    """A small chart for each sample, all on one scale; a click enlarges one. What the network says
    is dashed, or a cross where it is one value."""

    pointed = Signal(str)
    """What is under the mouse, in numbers; empty when there is nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seen: Floats = np.zeros((0, 1), np.float32)
        self.target: Floats = self.seen
        self.said: Floats = self.seen
        self.numbers: list[int] = []
        self.alone: int | None = None
        self.over: tuple[int, int] | None = None
        """Chart and time step under the mouse."""
        self._range = (0.0, 1.0)
        self.setMouseTracking(True)
        self.setFont(ui_font(11))
        self.setMinimumSize(80, 60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_forecasts(self, p: Predictions, order: Sequence[int] | np.ndarray, start: int
                       ) -> None:
        """The first value of each step of the samples of `p`, in this order."""
        rows = np.asarray(order, int)
        self.seen = p.x[rows, :, 0]
        shape = (len(rows), -1, p.target.shape[2] if p.target.ndim == 3 else 1)
        self.target = p.target[rows].reshape(shape)[:, :, 0]
        self.said = p.output[rows].reshape(shape)[:, :, 0]
        self.numbers = [start + int(i) for i in rows]
        shown = [self.target, self.said, *([] if self._each else [self.seen])]
        values = np.concatenate([a[np.isfinite(a)] for a in shown])
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        self._range = (low, high) if high > low else (low - 1, high + 1)
        if self.alone is not None and self.alone >= len(rows):
            self.alone = None
        self.update()

    @property
    def _each(self) -> bool:
        """Whether there is a forecast at every step."""
        return bool(self.target.shape[1] > 1)

    @property
    def time(self) -> int:
        return int(self.target.shape[1] if self._each else self.seen.shape[1] + 1)

    def at(self, row: int, t: int) -> tuple[float, float]:
        """(what came, what the network says) at a time step; NaN where it says nothing."""
        if self._each:
            return float(self.target[row, t]), float(self.said[row, t])
        if t == self.seen.shape[1]:
            return float(self.target[row, 0]), float(self.said[row, 0])
        return float(self.seen[row, t]), math.nan

    # -- layout -------------------------------------------------------------------------------

    def rects(self) -> list[tuple[int, QRectF]]:
        """(chart, where it is): as many as there is room for."""
        n = len(self.numbers)
        area = QRectF(0, LEGEND, self.width(), max(1, self.height() - LEGEND))
        if self.alone is not None:
            return [(self.alone, area)]
        columns = max(1, min(n, int((area.width() + GAP) / (LEAST[0] + GAP))))
        rows = max(1, min(-(-n // columns), int((area.height() + GAP) / (LEAST[1] + GAP))))
        width = (area.width() - GAP * (columns - 1)) / columns
        height = (area.height() - GAP * (rows - 1)) / rows
        return [(i, QRectF((i % columns) * (width + GAP),
                           LEGEND + (i // columns) * (height + GAP), width, height))
                for i in range(min(n, rows * columns))]

    # -- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        rects = self.rects()
        self._legend(painter, len(self.numbers) - len(rects) if self.alone is None else 0)
        for row, rect in rects:
            self._chart(painter, row, rect)

    def _legend(self, painter: QPainter, more: int) -> None:
        x, metrics = 0.0, painter.fontMetrics()
        names = ("what came", "the network says")
        if metrics.horizontalAdvance("".join(names)) + 2 * 28 + 16 > self.width():
            names = ("came", "said")
        for text, pen in zip(names, (self._came(), self._says()), strict=True):
            painter.setPen(pen)
            painter.drawLine(QPointF(x, 8), QPointF(x + 22, 8))
            painter.setPen(theme().color("secondary"))
            painter.drawText(QRectF(x + 28, 0, 200, 16), Qt.AlignmentFlag.AlignVCenter, text)
            x += 28 + metrics.horizontalAdvance(text) + 16
        text = f"and {more} more"
        if more > 0 and x + metrics.horizontalAdvance(text) <= self.width():
            painter.setPen(theme().color("faint"))
            painter.drawText(QRectF(x, 0, self.width() - x, 16), Qt.AlignmentFlag.AlignRight
                             | Qt.AlignmentFlag.AlignVCenter, text)

    def _came(self) -> QPen:
        return QPen(theme().series(0), 1.2)

    def _says(self) -> QPen:
        return QPen(theme().series(1), 1.4, Qt.PenStyle.DashLine)

    def _chart(self, painter: QPainter, row: int, rect: QRectF) -> None:
        look = theme()
        over = self.over is not None and self.over[0] == row
        painter.setPen(look.color("line_strong" if over else "line"))
        painter.setBrush(look.color("inset"))
        painter.drawRoundedRect(rect, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(look.color("faint"))
        painter.drawText(rect.adjusted(5, 2, -5, -2), Qt.AlignmentFlag.AlignTop,
                         str(self.numbers[row]))
        if self.alone is not None:
            low, high = self._range
            right = Qt.AlignmentFlag.AlignRight
            for value, side in ((high, Qt.AlignmentFlag.AlignTop),
                                (low, Qt.AlignmentFlag.AlignBottom)):
                painter.drawText(rect.adjusted(5, 2, -5, -2), right | side, format_number(value))
        if self._each:
            self._line(painter, rect, self.target[row], self._came())
            self._line(painter, rect, self.said[row], self._says())
        else:
            self._line(painter, rect, self.seen[row], self._came())
            for value, pen, mark in ((self.target[row, 0], self._came(), "o"),
                                     (self.said[row, 0], self._says(), "x")):
                self._value(painter, rect, self.seen.shape[1], float(value), pen.color(), mark)
        if over and self.over is not None:
            t = self.over[1]
            painter.setPen(QPen(look.color("faint"), 1, Qt.PenStyle.DotLine))
            x = self._point(rect, t, 0.0).x()
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))

    def _point(self, rect: QRectF, t: float, value: float) -> QPointF:
        low, high = self._range
        inner = rect.adjusted(8, 8, -8, -8)
        share = (value - low) / (high - low)
        return QPointF(inner.left() + t / max(1, self.time - 1) * inner.width(),
                       inner.bottom() - share * inner.height())

    def _line(self, painter: QPainter, rect: QRectF, values: Floats, pen: QPen) -> None:
        """Gaps where a value is not finite, and a cross there."""
        painter.setPen(pen)
        piece: list[QPointF] = []
        for t, value in enumerate(values.tolist()):
            if math.isfinite(value):
                piece.append(self._point(rect, t, value))
                continue
            painter.drawPolyline(QPolygonF(piece))
            piece = []
            self._value(painter, rect, t, value, pen.color(), "x")
            painter.setPen(pen)
        painter.drawPolyline(QPolygonF(piece))

    def _value(self, painter: QPainter, rect: QRectF, t: int, value: float, color: QColor,
               mark: str) -> None:
        """A single value; what is not finite is a red cross at half the height."""
        if math.isfinite(value):
            self._mark(painter, self._point(rect, t, value), color, mark)
        else:
            middle = (self._range[0] + self._range[1]) / 2
            self._mark(painter, self._point(rect, t, middle), theme().color("error"), "x")

    @staticmethod
    def _mark(painter: QPainter, at: QPointF, color: QColor, kind: str) -> None:
        painter.setPen(QPen(color, 1.6))
        if kind == "o":
            painter.drawEllipse(at, 3.5, 3.5)
        else:
            for sign in (-1, 1):
                reach = QPointF(3.5, 3.5 * sign)
                painter.drawLine(at - reach, at + reach)

    # -- mouse --------------------------------------------------------------------------------

    def place_at(self, point: QPointF) -> tuple[int, int] | None:
        """(chart, time step) at a point of the widget."""
        for row, rect in self.rects():
            if rect.contains(point):
                share = (point.x() - rect.left() - 8) / max(1.0, rect.width() - 16)
                return row, min(self.time - 1, max(0, round(share * (self.time - 1))))
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.over = self.place_at(event.position())
        self.update()
        if self.over is None:
            self.pointed.emit("")
            return
        row, t = self.over
        came, said = self.at(row, t)
        says = f", the network says {format_number(said)}" if said == said or self._each else ""
        self.pointed.emit(f"sample {self.numbers[row]}, t = {t}: {format_number(came)}{says}")

    def leaveEvent(self, event: QEvent) -> None:
        self.over = None
        self.update()
        self.pointed.emit("")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.place_at(event.position())
        if found is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self.alone = None if self.alone is not None else found[0]
        self.update()


__all__ = ["ForecastGrid", "is_forecast"]
