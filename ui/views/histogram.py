"""How values are spread: a histogram fit to the bulk, that counts what lies outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme, ui_font
from ui.views.numbers import format_number, format_share

BINS = 41
SAMPLE = 40_000
"""The quantiles of more values than this come from an even selection."""


@dataclass(frozen=True)
class Statistics:
    """What one line says about an array."""

    minimum: float
    maximum: float
    mean: float
    deviation: float
    zeros: float
    nonfinite: int
    size: int

    def __str__(self) -> str:
        n = format_number
        text = (f"min {n(self.minimum)} · max {n(self.maximum)} · mean {n(self.mean)} · "
                f"dev {n(self.deviation)} · zeros {format_share(self.zeros)}")
        return text + (f" · ✕ {self.nonfinite:,} NaN/Inf" if self.nonfinite else "")


def statistics(values: NDArray[np.float32]) -> Statistics:
    flat = values.ravel()
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        nan = float("nan")
        return Statistics(nan, nan, nan, nan, 0.0, flat.size, flat.size)
    return Statistics(
        float(finite.min()), float(finite.max()), float(finite.mean(dtype=np.float64)),
        float(finite.std(dtype=np.float64)), float(np.count_nonzero(finite == 0)) / flat.size,
        int(flat.size - finite.size), flat.size)


def bulk_histogram(values: NDArray[np.float32], bins: int = BINS
                   ) -> tuple[NDArray[np.int64], float, float, int]:
    """(counts, low, high, values outside low..high).

    A few outliers must not press all others into one bar, so the range is that of the middle
    99 %, and symmetric where zero is inside: the sign can then be seen at once.
    """
    flat = values.ravel()
    finite = flat[np.isfinite(flat)]
    sample = finite[::max(1, finite.size // SAMPLE)]
    if not finite.size:
        return np.zeros(bins, np.int64), -1.0, 1.0, 0
    low, high = (float(q) for q in np.quantile(sample, (0.005, 0.995)))
    if low < 0 < high:
        high = max(-low, high)
        low = -high
    if not high > low:
        reach = abs(low) * 0.1 or 1.0
        low, high = low - reach, high + reach
    counts, _ = np.histogram(finite, bins, (low, high))
    return counts.astype(np.int64), low, high, int(finite.size - counts.sum())


class Histogram(QWidget):
    """Bars in a family's colour; the axis tells the ends and zero."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.low, self.high, self.outside = -1.0, 1.0, 0
        self.log = False
        self.color = QColor(theme().color("accent"))
        self.setFont(ui_font(11))
        self.setMinimumHeight(64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Histogram")
        self.setToolTip("How the values are spread: the middle 99 %; what lies outside is counted")

    def sizeHint(self) -> QSize:
        return QSize(200, 96)

    def show_values(self, values: NDArray[np.float32], color: QColor) -> None:
        self.counts, self.low, self.high, self.outside = bulk_histogram(values)
        self.color = color
        self.update()

    def clear(self) -> None:
        self.counts = np.zeros(0, np.int64)
        self.update()

    def set_log(self, on: bool) -> None:
        self.log = on
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.counts.size:
            return
        painter = QPainter(self)
        area = QRectF(0, 2, self.width(), self.height() - 20)
        heights = np.log1p(self.counts) if self.log else self.counts.astype(float)
        heights = heights / (heights.max() or 1.0) * area.height()
        step = area.width() / len(heights)
        for i, height in enumerate(heights.tolist()):
            if height > 0:
                # At least one pixel: a rare value is not the same as none.
                height = max(1.0, height)
                painter.fillRect(QRectF(i * step, area.bottom() - height, max(1.0, step - 1),
                                        height), self.color)
        painter.setPen(QPen(theme().color("line"), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        row = QRectF(0, area.bottom() + 2, area.width(), 16)
        painter.setPen(theme().color("faint"))
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft, format_number(self.low, 2))
        right = format_number(self.high, 2)
        if self.outside:
            right = f"{self.outside:,} outside · {right}"
        painter.drawText(row, Qt.AlignmentFlag.AlignRight, right)
        if self.low < 0 < self.high:
            x = area.width() * -self.low / (self.high - self.low)
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            if not self.outside:
                painter.drawText(QRectF(x - 20, row.top(), 40, 16), Qt.AlignmentFlag.AlignHCenter,
                                 "0")


__all__ = ["Histogram", "Statistics", "bulk_histogram", "statistics"]
