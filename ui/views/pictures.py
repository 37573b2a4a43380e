"""Arrays as pictures: a grid of small maps that can be pointed at, clicked, and read as numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import magnitude_image, signed_image, theme, ui_font
from ui.views.numbers import cuts_number, format_number

Floats = NDArray[np.float32]
GAP = 4
CAPTION = 15
SMALLEST = 12
LARGEST = 150
READABLE = 24
"""A map with more rows or columns than this is a picture, not a table."""
NUMBER_CELL = 26
"""Pixels that a cell needs to hold a number."""


@dataclass(frozen=True)
class Tile:
    """What stands under a map and how it is framed; `role` is a colour of the theme."""

    caption: str = ""
    tip: str = ""
    role: str = ""


def as_maps(values: Floats, wrap: int = 64) -> Floats:
    """Any array as maps (n, height, width): vectors wrap into a strip, matrices are one map.

    The last row of a strip may have cells that no value fills.
    """
    if values.ndim == 0:
        return values.reshape(1, 1, 1)
    if values.ndim == 1:
        if values.size <= wrap:
            return values.reshape(1, 1, -1)
        rows = -(-values.size // wrap)
        padded = np.full(rows * wrap, np.nan, np.float32)
        padded[:values.size] = values
        return padded.reshape(1, rows, wrap)
    if values.ndim == 2:
        return values[None]
    return values.reshape(-1, *values.shape[-2:])


def largest(values: Floats) -> float:
    """The largest finite magnitude, for one scale over many maps; 1 when all is zero."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) or 1.0 if finite.size else 1.0


def brightness(x: Floats) -> tuple[float, float]:
    """The darkest and the brightest value."""
    finite = x[np.isfinite(x)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def grey_levels(x: Floats, ends: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Samples (n, channels, height, width) as colour pictures (n, height, width, 3), one range
    of brightness for all (`ends`: those of others); what has not three channels shows its first
    one in grey."""
    low, high = brightness(x) if ends is None else ends
    levels = (np.nan_to_num(x, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1)
    pixels = (levels.clip(0, 1) * 255).astype(np.uint8)
    if x.shape[1] == 3:
        return pixels.transpose(0, 2, 3, 1)
    return np.repeat(pixels[:, 0, :, :, None], 3, axis=3)


def _even(size: float, values: int) -> float:
    """A size that gives each of so many values whole pixels, where that costs little: they look
    even."""
    return size - size % values if size >= 4 * values else size


class PictureGrid(QWidget):
    """Maps of one size, as large as they fit; what does not fit is counted, not hidden."""

    pointed = Signal(int, int, int)
    """Map, row and column under the mouse; -1 when there is none."""
    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: Floats = np.zeros((0, 1, 1), np.float32)
        self.scale = 1.0
        self._cells = 1
        self.tiles: Sequence[Tile] = ()
        self.columns: int | None = None
        self.largest = LARGEST
        self.smallest = SMALLEST
        self._atlas = QImage()
        self._alone: int | None = None
        self._over = -1
        self.setMouseTracking(True)
        self.setFont(ui_font(11))
        self.setMinimumSize(40, 40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    # -- content ------------------------------------------------------------------------------

    def show_maps(self, values: Floats, scale: float | None = None, signed: bool = True,
                  tiles: Sequence[Tile] = (), cells: int | None = None) -> None:
        """Maps (n, height, width) on one scale. cells: how many of a map, row by row, hold a
        value; nothing is drawn in those after them. None: all."""
        self.values = values
        self.scale = largest(values) if scale is None else scale
        self.tiles = tiles
        if self._alone is not None and self._alone >= len(values):
            self._alone = None
        # One picture for all maps: one conversion, and one image to draw from.
        n, height, width = values.shape
        picture = signed_image if signed else magnitude_image
        self._atlas = (picture(values.reshape(n * height, width), self.scale)
                       if values.size else QImage())
        self._cells = height * width if cells is None else cells
        if self._cells < height * width:
            self._atlas.convertTo(QImage.Format.Format_ARGB32_Premultiplied)
            for cell in range(self._cells, height * width):
                row, column = divmod(cell, width)
                for index in range(n):
                    self._atlas.setPixelColor(column, index * height + row,
                                              Qt.GlobalColor.transparent)
        self.setAccessibleDescription(f"{n} maps of {height}×{width}")
        self.update()

    def show_array(self, values: Floats, scale: float | None = None) -> None:
        """Any array as maps on one scale; the cells that fill up the last row stay empty."""
        maps = as_maps(values)
        self.show_maps(maps, scale, cells=values.size // max(1, len(maps)))

    def show_colors(self, pixels: NDArray[np.uint8], tiles: Sequence[Tile] = ()) -> None:
        """Colour pictures (n, height, width, 3)."""
        n, height, width, _ = pixels.shape
        self.values = pixels.mean(axis=3, dtype=np.float32) / 255
        self.scale, self.tiles, self._cells = 1.0, tiles, height * width
        flat = np.ascontiguousarray(pixels.reshape(n * height, width, 3))
        self._atlas = QImage(flat.data, width, n * height, 3 * width,
                             QImage.Format.Format_RGB888).copy()
        self.update()

    def _filled(self, row: int, column: int) -> bool:
        """Whether a cell of a map holds a value."""
        width: int = self.values.shape[2]
        return row * width + column < self._cells

    def lines(self, index: int) -> list[list[float]]:
        """A map's values, row by row, without the cells that hold none."""
        width = self.values.shape[2]
        return [line[:max(0, self._cells - row * width)]
                for row, line in enumerate(self.values[index].tolist())]

    @property
    def alone(self) -> int | None:
        """The one map that fills the widget, if any."""
        return self._alone

    def enlarge(self, index: int | None) -> None:
        self._alone = index if index is None or index < len(self.values) else None
        self.update()

    # -- layout -------------------------------------------------------------------------------

    def _shown(self) -> list[int]:
        return [self._alone] if self._alone is not None else list(range(len(self.values)))

    def _layout(self) -> tuple[int, float, float, int]:
        """(columns, tile width, tile height, tiles that fit)."""
        n = len(self._shown())
        _, height, width = self.values.shape
        if n == 0 or not self.values.size:
            return 1, 0, 0, 0
        if self._alone is not None and max(height, width) <= READABLE:
            # Few enough values to read: they get all the room, whatever the shape.
            return 1, float(self.width()), float(self.height()), 1
        caption = CAPTION if any(tile.caption for tile in self.tiles) else 0
        # Long strips would be hairlines: their values become rectangles instead.
        aspect = min(4.0, max(0.25, height / width))
        biggest = self.largest if self._alone is None and n > 1 else 10_000
        best = (1, 0.0)
        for columns in [self.columns] if self.columns else range(1, n + 1):
            rows = -(-n // columns)
            across = (self.width() + GAP) / columns - GAP
            down = ((self.height() + GAP) / rows - GAP - caption) / aspect
            size = min(across, down, biggest)
            if size > best[1] + 0.5:
                best = (columns, size)
        columns, size = best
        if size < self.smallest and n > 1:
            size = float(self.smallest)
            columns = max(1, int((self.width() + GAP) / (size + GAP)))
            room = self.height() - CAPTION + GAP
            rows = max(1, int(room / (size * aspect + GAP + caption)))
            # What is left between the rows and the columns makes them larger.
            size = _even(max(size, min((self.width() + GAP) / columns - GAP,
                                       (room / rows - GAP - caption) / aspect, biggest)), width)
            columns = max(columns, int((self.width() + GAP) / (size + GAP)))
            return columns, size, size * aspect, min(n, columns * rows)
        if self._alone is None and n > 1:
            size = _even(size, width)
        return columns, size, size * aspect, n

    def rects(self) -> list[QRectF]:
        """Where the maps are drawn, as many as fit."""
        columns, width, height, fit = self._layout()
        down = height + GAP + (CAPTION if any(tile.caption for tile in self.tiles) else 0)
        return [QRectF(place % columns * (width + GAP), place // columns * down, width, height)
                for place in range(fit)]

    # -- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        shown, rects = self._shown(), self.rects()
        if not rects:
            return
        painter = QPainter(self)
        _, rows, columns = self.values.shape
        width, height = rects[0].width(), rects[0].height()
        # More values than pixels: averaged, or single ones would win at random.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, columns > width)
        for index, target in zip(shown, rects, strict=False):
            painter.drawImage(target, self._atlas, QRectF(0, index * rows, columns, rows))
        painter.setPen(theme().color("line"))
        painter.drawRects([rect.adjusted(0, 0, -0.5, -0.5) for rect in rects])
        for index, target in zip(shown, rects, strict=False):
            if index < len(self.tiles) or index == self._over:
                self._frame(painter, target, index)
            if len(shown) == 1 and width / columns >= NUMBER_CELL and height / rows >= 13:
                self._numbers(painter, target, self.values[index])
        if len(rects) < len(shown):
            painter.setPen(theme().color("faint"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft,
                             f"and {len(shown) - len(rects):,} more")

    def _frame(self, painter: QPainter, target: QRectF, index: int) -> None:
        tile = self.tiles[index] if index < len(self.tiles) else Tile()
        pointed = index == self._over and len(self.values) > 1
        painter.setPen(QPen(theme().color(tile.role or ("accent" if pointed else "line")),
                            2 if tile.role else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(target.adjusted(0, 0, -0.5, -0.5))
        if tile.caption and self._alone is None:
            painter.setPen(theme().text(tile.role) if tile.role else theme().color("secondary"))
            area = QRectF(target.left(), target.bottom(), target.width(), CAPTION)
            text = painter.fontMetrics().elidedText(
                tile.caption, Qt.TextElideMode.ElideRight, int(area.width()))
            if cuts_number(text):  # The number alone says more than its name.
                text = tile.caption.rsplit(" ", 1)[-1]
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def _numbers(self, painter: QPainter, target: QRectF, values: Floats) -> None:
        rows, columns = values.shape
        wide, high = target.width() / columns, target.height() / rows
        painter.setFont(ui_font(int(max(9, min(13, wide / 4.2)))))
        for i in range(rows):
            for j in range(columns):
                if not self._filled(i, j):
                    break
                value = float(values[i, j])
                cell = QRectF(target.left() + j * wide, target.top() + i * high, wide, high)
                # Both maps are pale where text is black: near zero, or near the largest.
                color = self._atlas_color(target, cell)
                painter.setPen(QColor("#10151c") if color.lightnessF() > 0.55
                               else QColor("#ffffff"))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, format_number(value, 2))
        painter.setFont(self.font())

    def _atlas_color(self, target: QRectF, cell: QRectF) -> QColor:
        index = self._alone if self._alone is not None else 0
        _, rows, columns = self.values.shape
        x = int((cell.center().x() - target.left()) / target.width() * columns)
        y = int((cell.center().y() - target.top()) / target.height() * rows)
        return self._atlas.pixelColor(x, index * rows + y)

    # -- mouse --------------------------------------------------------------------------------

    def place_at(self, point: QPointF) -> tuple[int, int, int]:
        """(map, row, column) at a point of the widget, or -1s."""
        _, rows, columns = self.values.shape
        for index, rect in zip(self._shown(), self.rects(), strict=False):
            if rect.contains(point):
                row = math.floor((point.y() - rect.top()) / rect.height() * rows)
                column = math.floor((point.x() - rect.left()) / rect.width() * columns)
                row, column = min(row, rows - 1), min(column, columns - 1)
                return (index, row, column) if self._filled(row, column) else (-1, -1, -1)
        return -1, -1, -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.place_at(event.position())
        if found[0] != self._over:
            self._over = found[0]
            self.setToolTip(self.tiles[found[0]].tip if 0 <= found[0] < len(self.tiles) else "")
            self.update()
        self.pointed.emit(*found)

    def leaveEvent(self, event: QEvent) -> None:
        self._over = -1
        self.update()
        self.pointed.emit(-1, -1, -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.place_at(event.position())[0]
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(index)
        else:
            super().mousePressEvent(event)


__all__ = ["PictureGrid", "Tile", "as_maps", "brightness", "grey_levels", "largest"]
