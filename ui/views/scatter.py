"""Samples as points of a plane, coloured by class, with a marker to drag and pictures behind."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.guarded import guarded
from ui.theme import SEQUENTIAL, mix, theme, ui_font
from ui.views.legend import Legend
from ui.views.pictures import PictureGrid, Tile
from ui.views.plots import Plot

Floats = NDArray[np.float32]
REACH = 14
"""Pixels from the mouse within which a point is meant."""
MOVE = 0.02
"""How far an arrow key moves the marker, as a share of the picture."""
DOT, SMALL_DOT = 7, 5
"""Pixels; the small ones leave pictures behind them to be seen."""
PORTRAIT = 96
"""Pixels of the picture of the point under the mouse, at most."""
PICTURE, MOST_PICTURES = 36, (24, 14)
"""Pixels that a picture behind the points has, at least, and how many there are across and down."""
ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0),
          Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class AxisName(pg.LabelItem):  # type: ignore[misc]
    """The meaning of an axis, on a ground of its own: points may lie below it."""

    @guarded
    def paint(self, painter: QPainter, *_: object) -> None:
        if self.text:
            painter.fillRect(self.itemRect(), _ground())


class Scatter(QWidget):
    """Points of the plane; those of one class in one colour, with its name in their middle."""

    pointed = Signal(int)
    """The point under the mouse, -1 when there is none."""
    marked = Signal()
    """The user has moved the marker."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.points: Floats = np.zeros((0, 2), np.float32)
        self.labels: NDArray[np.int64] | None = None
        self.classes: tuple[str, ...] = ()
        self.ordered = False
        self.moved = False
        """Whether the marker stands where the user has put it."""
        self._over = -1
        self._strong = ""
        self.plot = Plot(self, x_counts=False)
        self.plot.left.setGrid(False)
        self.plot.setAccessibleName("Samples in two dimensions")
        self.plot.hovered.connect(self._hover)
        self.plot.clicked.connect(self._click)
        self.picture = pg.ImageItem(axisOrder="row-major")
        self.picture.setZValue(-10)
        self.picture.setOpacity(0.8)
        self.plot.addItem(self.picture, ignoreBounds=True)
        self._dots: list[pg.ScatterPlotItem] = []
        self._names: list[pg.TextItem] = []
        self.marker = pg.TargetItem((0, 0), size=18, symbol="crosshair", movable=True)
        self.marker.setZValue(30)
        self.marker.sigPositionChanged.connect(self._dragged)
        self.plot.addItem(self.marker, ignoreBounds=True)
        self.marker.hide()
        self.ring = pg.ScatterPlotItem(size=12, brush=None)
        self.ring.setZValue(20)
        self.plot.addItem(self.ring, ignoreBounds=True)
        self.across, self.up = AxisName(), AxisName()
        for label, corner, offset in ((self.across, (1, 1), (-4, 0)), (self.up, (0, 0), (4, 0))):
            label.setParentItem(self.plot.box)
            label.setZValue(30)
            label.anchor(itemPos=corner, parentPos=corner, offset=offset)
        self.legend = Legend(self)
        """For the page to place: it is as wide as the page."""
        self.legend.pointed.connect(self._emphasize)
        self.portrait = PictureGrid(self)
        self.portrait.setAccessibleName("The sample under the mouse")
        self.portrait.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.portrait.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.plot, 1)
        self.restyle()

    # -- content ------------------------------------------------------------------------------

    def show_points(self, points: Floats, labels: NDArray[np.int64] | None,
                    classes: tuple[str, ...], ordered: bool = False) -> None:
        """points (n, 2), labels (n,) with a class number for each, or None. ordered: the classes
        are ranges, from low to high."""
        if len(points) != len(self.points) or classes != self.classes:
            self._strong, self._over = "", -1
            self.ring.setData([], [])
        recolored = (bool(classes), ordered) != (bool(self.classes), self.ordered)
        self.ordered = ordered
        self.points, self.labels, self.classes = points, labels, classes
        groups = self._groups()
        before = len(self._dots)
        while len(self._dots) > len(groups):
            self.plot.removeItem(self._dots.pop())
        while len(self._dots) < len(groups):
            dots = pg.ScatterPlotItem(size=DOT, pxMode=True)
            dots.setZValue(5)
            self.plot.addItem(dots, ignoreBounds=True)
            self._dots.append(dots)
        if len(groups) != before or recolored:
            self._dress()
        for dots, (_, chosen) in zip(self._dots, groups, strict=True):
            fine = points[chosen & np.isfinite(points).all(axis=1)].astype(float)
            dots.setData(fine[:, 0], fine[:, 1])
        self._name_groups(groups)
        self.legend.show_names((), [
            (name, self._color(i)) for i, name in enumerate(classes)])
        self.legend.setVisible(bool(classes))
        for entry in self.legend.entries.values():
            entry.setToolTip(f"{entry.text()}: point here to see where its samples are")
        fine = points[np.isfinite(points).all(axis=1)].astype(float)
        if len(fine):
            low, high = fine.min(axis=0), fine.max(axis=0)
            reach = np.maximum(0.05 * (high - low), 1e-6)
            self.plot.fit([np.array([low[0] - reach[0], high[0] + reach[0]])],
                          [fine[:, 1]], least_span=1e-6)
        if self._over >= 0:
            self._show_ring()

    def name_axes(self, across: str, up: str, numbers: bool = True) -> None:
        """What the axes mean; numbers: whether theirs mean anything."""
        color = theme().color("secondary").name()
        for label, text in ((self.across, across), (self.up, up)):
            if label.text != text or label.opts.get("color") != color:
                label.setText(text, color=color, size="8pt")
        for axis in (self.plot.left, self.plot.bottom):
            axis.setStyle(showValues=numbers)

    def show_pictures(self, pixels: NDArray[np.uint8] | None,
                      extent: tuple[float, float, float, float] = (0, 1, 0, 1)) -> None:
        """Colour pictures (rows, columns, height, width, 3) side by side over x0, x1, y0, y1; the
        first row is at the top. None: nothing behind the points."""
        self.picture.setVisible(pixels is not None)
        small = pixels is not None
        if small == self.across.isVisible():
            self.across.setVisible(not small)  # They could not be read there.
            self.up.setVisible(not small)
            for dots in self._dots:
                dots.setSize(SMALL_DOT if small else DOT)
        if pixels is None:
            return
        ground = theme().color("panel")
        rows, columns, height, width, _ = pixels.shape
        frame = np.empty((rows, columns, height + 2, width + 2, 3), np.uint8)
        frame[...] = ground.red(), ground.green(), ground.blue()
        frame[:, :, 1:-1, 1:-1] = pixels
        whole = frame.transpose(0, 2, 1, 3, 4).reshape(rows * (height + 2), -1, 3)
        x0, x1, y0, y1 = extent
        self.picture.setImage(np.ascontiguousarray(whole[::-1]), autoLevels=False, levels=(0, 255))
        self.picture.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))

    def extent(self) -> tuple[float, float, float, float]:
        """What is in sight: x0, x1, y0, y1."""
        (x0, x1), (y0, y1) = self.plot.box.viewRange()
        return x0, x1, y0, y1

    def places(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The middles of as many pictures as have room: x from the left, y from the top."""
        x0, x1, y0, y1 = self.extent()
        width, height = self.plot.box.width(), self.plot.box.height()
        size = max(PICTURE, width / MOST_PICTURES[0], height / MOST_PICTURES[1])
        columns, rows = max(2, round(width / size)), max(2, round(height / size))
        return (tuple(round(x0 + (i + 0.5) / columns * (x1 - x0), 4) for i in range(columns)),
                tuple(round(y1 - (i + 0.5) / rows * (y1 - y0), 4) for i in range(rows)))

    def show_portrait(self, pixels: NDArray[np.uint8] | None) -> None:
        """The picture (height, width, 3) of the point under the mouse, in the corner farthest from
        it; None: of none."""
        self.portrait.setVisible(pixels is not None and self._over >= 0)
        if pixels is None or self._over < 0:
            return
        x0, x1, _, _ = self.extent()
        is_left = self.points[self._over, 0] < (x0 + x1) / 2
        size = min(PORTRAIT, self.width() // 4)
        box = self.plot.box.sceneBoundingRect()
        self.portrait.setGeometry(
            round(box.right()) - size - 2 if is_left else round(box.left()) + 4,
            round(box.top()) + 2, size, size)
        self.portrait.show_colors(pixels[None], [Tile(role="accent")])
        self.portrait.raise_()

    # -- the marker ---------------------------------------------------------------------------

    @property
    def marked_at(self) -> tuple[float, float]:
        at = self.marker.pos()
        return float(at.x()), float(at.y())

    def show_marker(self, shown: bool) -> None:
        """It stands in the middle of the points until the user moves it."""
        self.marker.setVisible(shown)
        fine = self.points[np.isfinite(self.points).all(axis=1)]
        if shown and not self.moved and len(fine):
            self._place(*(float(v) for v in np.median(fine, axis=0)))

    def put_marker(self, x: float, y: float) -> None:
        """Move the marker, as the user does."""
        self.moved = True
        self._place(x, y)
        self.marked.emit()

    def _place(self, x: float, y: float) -> None:
        self.marker.blockSignals(True)
        self.marker.setPos(x, y)
        self.marker.blockSignals(False)

    def _dragged(self, *_: object) -> None:
        self.moved = True
        self.marked.emit()

    def _click(self, x: float, y: float) -> None:
        if self.marker.isVisible() and math.isfinite(x):
            self.put_marker(x, y)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = ARROWS.get(Qt.Key(event.key()))
        if step is None or not self.marker.isVisible():
            super().keyPressEvent(event)
            return
        x0, x1, y0, y1 = self.extent()
        x, y = self.marked_at
        self.put_marker(x + step[0] * MOVE * (x1 - x0), y + step[1] * MOVE * (y1 - y0))

    # -- the mouse ----------------------------------------------------------------------------

    def nearest(self, x: float, y: float) -> int:
        """The point within reach of a place in the plane, or -1."""
        if not len(self.points) or not math.isfinite(x):
            return -1
        x0, x1, y0, y1 = self.extent()
        scale = np.array([self.plot.box.width() / ((x1 - x0) or 1),
                          self.plot.box.height() / ((y1 - y0) or 1)])
        away = np.hypot(*((self.points - [x, y]) * scale).T)
        if not np.isfinite(away).any():
            return -1
        index = int(np.nanargmin(away))
        return index if away[index] <= REACH else -1

    def _hover(self, x: float, y: float) -> None:
        index = self.nearest(x, y)
        if index != self._over:
            self._over = index
            self._show_ring()
            self.pointed.emit(index)

    def _show_ring(self) -> None:
        at = self.points[self._over:self._over + 1] if self._over >= 0 else self.points[:0]
        self.ring.setData(at[:, 0].astype(float), at[:, 1].astype(float))

    def _emphasize(self, name: str) -> None:
        self._strong = name
        self.legend.emphasize(name)
        self._dress()

    # -- looks --------------------------------------------------------------------------------

    def restyle(self) -> None:
        self.plot.restyle()
        text = theme().color("text")
        self.marker.setPen(pg.mkPen(text, width=2))
        self.marker.setHoverPen(pg.mkPen(theme().color("accent"), width=2))
        self.marker.setBrush(pg.mkBrush(theme().color("panel", 0.5)))
        self.marker.setHoverBrush(pg.mkBrush(theme().color("accent", 0.3)))
        self.ring.setPen(pg.mkPen(text, width=2))
        self._dress()
        for name in self._names:
            self._dress_name(name)

    def _color(self, number: int) -> QColor:
        if not self.classes:
            return theme().color("accent")
        if self.ordered:
            # The ends of the map are too close to the ground, one in each theme.
            place = (number + 0.5) / len(self.classes)
            return QColor(*SEQUENTIAL[round(40 + 190 * place)].tolist())
        return theme().class_color(number)

    def _groups(self) -> list[tuple[str, NDArray[np.bool_]]]:
        if self.labels is None:
            return [("", np.ones(len(self.points), bool))]
        return [(name, self.labels == i) for i, name in enumerate(self.classes)]

    def _dress(self) -> None:
        """Colours of the points: those of other classes step back while one is pointed at. It
        takes as long as drawing them."""
        panel = theme().color("panel")
        for i, dots in enumerate(self._dots):
            color = self._color(i)
            weak = bool(self._strong) and self.classes[i:i + 1] != (self._strong,)
            dots.setBrush(pg.mkBrush(mix(panel, color, 0.2) if weak else color))
            dots.setPen(pg.mkPen(panel, width=1))
            dots.setZValue(5 if weak else 6)

    def _name_groups(self, groups: Sequence[tuple[str, NDArray[np.bool_]]]) -> None:
        """Each class's name in the middle of its points: colours alone do not tell ten apart."""
        fine = np.isfinite(self.points).all(axis=1)
        named = [(name, self.points[chosen & fine]) for name, chosen in groups
                 if name and not self.ordered]
        named = [(name, points) for name, points in named if len(points)]
        while len(self._names) > len(named):
            self.plot.removeItem(self._names.pop())
        while len(self._names) < len(named):
            item = pg.TextItem(anchor=(0.5, 0.5))
            item.setFont(ui_font(12, QFont.Weight.Bold))
            item.setZValue(15)
            self._dress_name(item)
            self.plot.addItem(item, ignoreBounds=True)
            self._names.append(item)
        for item, (name, points) in zip(self._names, named, strict=True):
            if item.toPlainText() != name:
                item.setText(name)
            item.setPos(*(float(v) for v in np.median(points, axis=0)))
        self._part_names()

    def _part_names(self) -> None:
        """Names that would lie on another one are left out: the legend and the mouse tell them."""
        taken: list[QRectF] = []
        metrics = QFontMetricsF(ui_font(12, QFont.Weight.Bold))
        for item in self._names:
            at = self.plot.box.mapViewToScene(item.pos())
            box = QRectF(0, 0, metrics.horizontalAdvance(item.toPlainText()), metrics.height())
            box.moveCenter(at)
            item.setVisible(not any(box.intersects(other) for other in taken))
            if item.isVisible():
                taken.append(box)

    @staticmethod
    def _dress_name(item: pg.TextItem) -> None:
        item.setColor(theme().color("text"))
        item.fill = pg.mkBrush(_ground())
        item.border = pg.mkPen(None)


def _ground() -> QColor:
    """Behind words that stand among points."""
    return theme().color("panel", 0.7)


__all__ = ["Scatter"]
