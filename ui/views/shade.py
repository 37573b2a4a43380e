"""The area between two curves: a faint band with about as many corners as pixels."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from ui.guarded import guarded
from ui.views.series import Series, all_finite


class Shade(pg.GraphicsObject):  # type: ignore[misc]
    """Drawn as an image, a column of pixels for each x: a polygon takes Qt ten times as long."""

    def __init__(self) -> None:
        super().__init__()
        self._x = self._low = self._high = np.empty(0)
        self._bounds = QRectF()
        self.color = QColor()
        self.setZValue(-5)

    def set_data(self, x: Series, low: Series, high: Series) -> None:
        if not all(map(all_finite, (x, low, high))):
            fine = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
            x, low, high = x[fine], low[fine], high[fine]
        self.prepareGeometryChange()
        self._x, self._low, self._high = x, low, high
        self._bounds = QRectF()
        if x.size:
            left, bottom = float(self._x[0]), float(self._low.min())
            self._bounds = QRectF(left, bottom, float(self._x[-1]) - left,
                                  float(self._high.max()) - bottom)
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds

    @guarded
    def paint(self, painter: QPainter, *_: object) -> None:
        if not self._x.size:
            return
        place, ratio = painter.worldTransform(), painter.device().devicePixelRatio()
        seen = place.mapRect(painter.clipBoundingRect() & self._bounds)
        first, end = math.floor(seen.left() * ratio), math.ceil(seen.right() * ratio)
        top, bottom = math.floor(seen.top() * ratio), math.ceil(seen.bottom() * ratio)
        if end <= first or bottom <= top:
            return
        # In pixels of the screen, whose rows count from the top.
        columns, rows = np.arange(first, end) + 0.5, np.arange(top, bottom, dtype=np.float32)
        at = ratio * (self._x * place.m11() + place.dx())
        upper, lower = (np.interp(columns, at, ratio * (y * place.m22() + place.dy())).astype(
            np.float32) for y in (self._high, self._low))
        cover = np.minimum(lower, rows[:, None] + 1) - np.maximum(upper, rows[:, None])
        pixels = _tints(self.color)[(255 * cover.clip(0, 1)).astype(np.uint8)]
        image = QImage(pixels.data, len(columns), len(rows), 4 * len(columns),
                       QImage.Format.Format_ARGB32_Premultiplied)
        painter.resetTransform()
        painter.drawImage(QRectF(first / ratio, top / ratio, len(columns) / ratio,
                                 len(rows) / ratio), image)


def _tints(color: QColor) -> NDArray[np.uint32]:
    """A colour at 256 shares of its opacity, as pixels."""
    opacity = np.linspace(0, color.alphaF(), 256)[:, None]
    parts = np.round(opacity * [255, color.red(), color.green(), color.blue()]).astype(np.uint32)
    packed: NDArray[np.uint32] = parts @ np.array([1 << 24, 1 << 16, 1 << 8, 1], np.uint32)
    return packed


__all__ = ["Shade"]
