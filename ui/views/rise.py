"""One number that grows, as a small curve, with a line for what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme, ui_font

HEIGHT = 40


class Rise(QWidget):
    """Values from left to right; the goal is dashed. What is not finite is left out."""

    def __init__(self, goal_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: Sequence[float] = ()
        self.goal = float("nan")
        self._goal_name = goal_name
        self.setFixedHeight(HEIGHT)
        self.setFont(ui_font(11))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_values(self, values: Sequence[float], goal: float) -> None:
        self.values, self.goal = values, goal
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = np.array([*self.values, self.goal, 0.0])
        finite = shown[np.isfinite(shown)]
        low, high = float(finite.min()), float(finite.max())
        area = QRectF(self.rect()).adjusted(1, 3, -3, -3)

        def at(step: float, value: float) -> QPointF:
            across = step / max(1, len(self.values) - 1)
            return QPointF(area.left() + across * area.width(),
                           area.bottom() - (value - low) / ((high - low) or 1) * area.height())

        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("line"), 1))
        painter.drawLine(at(0, 0.0), QPointF(area.right(), at(0, 0.0).y()))
        if np.isfinite(self.goal):
            y = at(0, self.goal).y()
            painter.setPen(QPen(theme().color("secondary"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            # Below the line unless there is no room: above it the curve goes by.
            below = y + painter.fontMetrics().height() <= area.bottom()
            text = QRectF(area.left(), y if below else y - 16, area.width() - 2, 16)
            painter.setPen(theme().color("secondary"))
            painter.drawText(text, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                             self._goal_name)
        painter.setPen(QPen(theme().series(0), 1.6))
        painter.drawPolyline(QPolygonF([
            at(i, value) for i, value in enumerate(self.values) if np.isfinite(value)]))
