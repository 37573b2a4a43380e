"""Counts of true against predicted classes, and how many of each class are found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ui.theme import contrast, mix, theme, ui_font
from ui.views.numbers import format_share

Counts = NDArray[np.int64]
RECALL = 58
HEAD = 22


def recalls(counts: Counts) -> NDArray[np.float64]:
    """Per true class, the share that is predicted right; NaN for a class without samples."""
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, np.diag(counts) / np.maximum(total, 1), np.nan)


class ConfusionGrid(QWidget):
    """A row per true class, a column per predicted one, coloured by its share of the row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts: Counts = np.zeros((0, 0), np.int64)
        self.classes: tuple[str, ...] = ()
        self._over = (-1, -1)
        self.setFont(ui_font(11))
        self.setMouseTracking(True)
        self.setMinimumSize(120, 100)
        self.setAccessibleName("Confusion matrix")
        self.setToolTip("Rows: the true class; columns: what the network says")

    def sizeHint(self) -> QSize:
        return QSize(320, 260)

    def show_counts(self, counts: Counts, classes: Sequence[str]) -> None:
        self.counts = counts
        self.classes = tuple(classes) or tuple(str(i) for i in range(len(counts)))
        total = counts.sum()
        right = np.trace(counts) / total if total else 0.0
        self.setAccessibleDescription(f"{format_share(float(right))} of {total:,} right")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        n = len(self.counts)
        if not n:
            return
        painter = QPainter(self)
        area, wide, high = self._area()
        share = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        text, light = theme().color("text"), QColor("#ffffff")
        text_fits = wide >= painter.fontMetrics().horizontalAdvance(
            str(int(self.counts.max()))) + 4 and high >= 13
        for i in range(n):
            for j in range(n):
                cell = QRectF(area.left() + j * wide, area.top() + i * high, wide - 1, high - 1)
                color = self._color(float(share[i, j]), i == j)
                painter.fillRect(cell, color)
                if text_fits and self.counts[i, j]:
                    painter.setPen(text if contrast(text, color) > contrast(light, color)
                                   else light)
                    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, str(self.counts[i, j]))
        self._paint_names(painter, area, wide, high)
        self._paint_recall(painter, area, high)
        i, j = self._over
        if i >= 0:
            painter.setPen(QPen(theme().color("accent"), 1))
            painter.drawRect(QRectF(area.left() + j * wide - 0.5, area.top() + i * high - 0.5,
                                    wide, high))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.cell_at(event.position())
        if over != self._over:
            self._over = over
            self.setToolTip(self._sentence(*over))
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._over = (-1, -1)
        self.update()

    def cell_at(self, point: QPointF) -> tuple[int, int]:
        """(true, predicted) under a point, or (-1, -1)."""
        n = len(self.counts)
        if not n:
            return -1, -1
        area, wide, high = self._area()
        i, j = int((point.y() - area.top()) // high), int((point.x() - area.left()) // wide)
        return (i, j) if 0 <= i < n and 0 <= j < n else (-1, -1)

    # -- inside -------------------------------------------------------------------------------

    @staticmethod
    def _color(share: float, right: bool) -> QColor:
        """The more, the stronger: hits in the accent, mistakes in red. The root lets a few
        mistakes be seen beside many hits."""
        strength = min(1.0, share) ** 0.5 * 0.85
        return mix(theme().color("inset"), theme().color("accent_fill" if right else "error"),
                   strength)

    def _area(self) -> tuple[QRectF, float, float]:
        n = len(self.counts)
        names = max(self.fontMetrics().horizontalAdvance(name) for name in self.classes)
        left = min(names + 12, int(0.3 * self.width()))
        area = QRectF(left, HEAD, max(20.0, self.width() - left - RECALL),
                      max(20.0, self.height() - HEAD - 4))
        return area, area.width() / n, area.height() / n

    def _paint_names(self, painter: QPainter, area: QRectF, wide: float, high: float) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(theme().color("secondary"))
        every = max(1, int(np.ceil(13 / high)))
        numbered = not all(name.isdigit() for name in self.classes)
        for i, name in enumerate(self.classes[::every]):
            y = area.top() + i * every * high
            if numbered:
                name = f"{i * every}  {name}"
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(area.left()) - 10)
            painter.drawText(QRectF(0, y, area.left() - 8, high),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(theme().color("faint"))
        # All names, or else all numbers: a mixture reads as nonsense.
        names = list(self.classes)
        if max(metrics.horizontalAdvance(name) for name in names) > wide - 2:
            names = [str(j) if wide > 14 else "" for j in range(len(names))]
        for j, name in enumerate(names):
            box = QRectF(area.left() + j * wide, 2, wide - 2, HEAD - 4)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)
        painter.drawText(QRectF(area.right() + 4, 2, RECALL - 4, HEAD - 4),
                         Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "recall")

    def _paint_recall(self, painter: QPainter, area: QRectF, high: float) -> None:
        every = max(1, int(np.ceil(13 / high)))
        for i, recall in enumerate(recalls(self.counts)):
            if i % every:
                continue
            text = "–" if np.isnan(recall) else format_share(float(recall))
            painter.setPen(theme().color("text"))
            painter.drawText(QRectF(area.right() + 4, area.top() + i * high, RECALL - 4, high),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _sentence(self, i: int, j: int) -> str:
        if i < 0:
            return ""
        return f"{self.counts[i, j]:,} × {self.classes[i]}, called {self.classes[j]}"


__all__ = ["ConfusionGrid", "recalls"]
