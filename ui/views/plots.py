"""A plot as the drawings have it: few quiet grid lines, curves, and labels beside them.

It uses pyqtgraph in the ways that were measured to be fast: pens of width 1, data that is already
thinned, no automatic ranges, and axes that are only redrawn when their range really changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ui.guarded import guarded
from ui.theme import theme, ui_font
from ui.views.numbers import format_count, format_number
from ui.views.series import Series, all_finite, bounds, edge_on_axis, on_axis, spread
from ui.views.shade import Shade

AXIS_PIXELS = 11
LABEL = 7
"""Pixels from the middle of a number on the left axis to its top."""
GUTTER = 16
"""Pixels of it without labels: half a number at the end of the axis below has room."""
SHRINK_EVERY = 15
"""Frames between two looks at whether the ranges could be smaller. Growing is immediate."""


@dataclass(frozen=True)
class EndLabel:
    """Text beside the plot at a height, in data units."""

    value: float
    text: str
    color: QColor


class NumberAxis(pg.AxisItem):  # type: ignore[misc]
    """Few round ticks with compact numbers, linear or logarithmic; the numbers are never bold,
    never rotated, and have no line."""

    paint = guarded(pg.AxisItem.paint)

    def __init__(self, orientation: str, counts: bool = False) -> None:
        super().__init__(orientation, showValues=True, maxTickLength=0)
        self.log = False
        self.counts = counts
        self.spacing = 64 if orientation == "bottom" else 36
        """Pixels from tick to tick, at least."""
        self.enableAutoSIPrefix(False)
        self.setStyle(tickFont=ui_font(AXIS_PIXELS), tickTextOffset=6, autoExpandTextSpace=False,
                      autoReduceTextSpace=False, hideOverlappingLabels=False)
        if orientation == "bottom":
            self.setHeight(20)
        else:
            self.setWidth(44)
            self.setGrid(255)

    def updateAutoSIPrefix(self) -> None:
        """There is no label to bring up to date, which costs more than drawing the axis."""

    def restyle(self) -> None:
        self.setTextPen(theme().color("faint"))
        self.setPen(QPen(Qt.PenStyle.NoPen))
        pen = QPen(theme().color("line"))
        pen.setWidth(1)
        pen.setCosmetic(True)
        self.setTickPen(pen)

    def set_log(self, log: bool) -> None:
        self.log = log
        self.picture = None
        self.update()

    def tickValues(
            self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        room = max(2.0, size / self.spacing)
        if self.orientation == "left" and size > 2 * LABEL:
            # A line whose number has no room at the edge would say nothing.
            low, high = (low + (high - low) * LABEL / size, high - (high - low) * LABEL / size)
        place = log_ticks if self.log else even_ticks
        ticks = place(low, high, room)
        if len(ticks) < 2:  # One number alone tells no distance: closer, while they can be read.
            ticks = place(low, high, 1.8 * room)
        if self.counts and not self.log:  # There are no half steps.
            ticks = [tick for tick in ticks if tick == round(tick)]
        return [(1.0, ticks)]

    def tickStrings(
            self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        numbers = [10.0**v for v in values] if self.log else list(values)
        if self.counts:
            texts = [format_count(round(n, 6)) for n in numbers]
            # The last label that has room on both sides says what is counted.
            low, high = self.range
            width = self.size().width()
            for i in reversed(range(len(texts))):
                if 30 < (values[i] - low) / ((high - low) or 1) * width < width - 30:
                    texts[i] = f"step {texts[i]}"
                    break
            return texts
        if not self.log:
            return [format_number(n, 6) for n in numbers]
        # Within less than a decade, two digits may not tell them apart.
        told = ([format_number(n, digits) for n in numbers] for digits in (2, 3, 4, 6))
        return next((texts for texts in told if len(set(texts)) == len(texts)),
                    [format_number(n, 6) for n in numbers])


def even_ticks(low: float, high: float, room: float) -> list[float]:
    """Round numbers 1, 2, 5 · 10^k apart."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return []
    raw = span / room
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next((m * unit for m in (1, 2, 5, 10) if m * unit >= raw), 10 * unit)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float, room: float) -> list[float]:
    """Exponents: decades, thinned where they are many, with 2 and 5 between where few."""
    if not high > low or not math.isfinite(high - low):
        return []
    decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    for between in ((1, 2, 5), (1, 3), (1,)):
        ticks = [d + math.log10(m) for d in range(math.floor(low), math.ceil(high) + 1)
                 for m in between]
        ticks = [t for t in ticks if low - 1e-9 <= t <= high + 1e-9]
        if 2 <= len(ticks) <= room:
            return ticks
    if len(decades) > room:
        each = math.ceil(len(decades) / room)
        return [float(d) for d in decades if d % each == 0]
    if len(decades) >= 2:
        return [float(d) for d in decades]
    # Less than a decade: even numbers, placed by their logarithm.
    return [math.log10(v) for v in even_ticks(10**low, 10**high, room) if v > 0]


class Gutter(pg.AxisItem):  # type: ignore[misc]
    """The strip right of the plot, where labels stand beside their curves and never on them."""

    def __init__(self) -> None:
        super().__init__("right", showValues=False)
        self.labels: tuple[EndLabel, ...] = ()
        self.log = False
        self.setWidth(GUTTER)

    def updateAutoSIPrefix(self) -> None:
        """As above."""

    def show_labels(self, labels: Sequence[EndLabel]) -> None:
        labels = tuple(label for label in labels if math.isfinite(label.value))
        if labels == self.labels:
            return
        self.labels = labels
        metrics = QFontMetricsF(ui_font(AXIS_PIXELS))
        width = max((metrics.horizontalAdvance(label.text) for label in labels), default=0.0)
        width = math.ceil(width) + 12
        # The plot must not jitter, and all of it be drawn anew, whenever a number gains a digit.
        if not width <= self.fixedWidth <= width + 3 * AXIS_PIXELS:
            self.setWidth(width + AXIS_PIXELS)
        self.update()

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        view = self.linkedView()
        if view is None or not self.labels:
            return
        height = self.size().height()
        low, high = view.viewRange()[1]
        wanted = []
        for label in self.labels:
            at = on_axis(label.value, self.log)
            share = 0.0 if not np.isfinite(at) else (float(at) - low) / ((high - low) or 1)
            wanted.append(height * (1 - min(1.0, max(0.0, share))))
        painter.setFont(ui_font(AXIS_PIXELS))
        for label, y in zip(self.labels, spread(wanted, 14, 7, height - 7), strict=True):
            painter.setPen(label.color)
            # Cut off at its own edge: what is drawn outside stays there when it moves.
            painter.drawText(QRectF(6, y - 8, self.size().width() - 6, 16),
                             Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                             label.text)


class Curve(pg.PlotCurveItem):  # type: ignore[misc]
    """A line of width 1 that remembers its numbers in data units."""

    paint = guarded(pg.PlotCurveItem.paint)

    def __init__(self) -> None:
        super().__init__(skipFiniteCheck=True)
        self.step: Series = np.empty(0)
        self.values: Series = np.empty(0)


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """Curves over steps. Values are given in data units; the plot places them on its axes."""

    hovered = Signal(float, float)
    """Where the mouse is, in data units; NaN when it has left."""
    clicked = Signal(float, float)
    zoomed = Signal(bool)
    """The user has taken hold of the ranges (True) or has given them back."""

    def __init__(self, parent: QWidget | None = None, x_counts: bool = True) -> None:
        self.gutter = Gutter()
        self.left = NumberAxis("left")
        self.bottom = NumberAxis("bottom", counts=x_counts)
        super().__init__(parent, axisItems={
            "left": self.left, "bottom": self.bottom, "right": self.gutter}, enableMenu=False)
        self.log_x = self.log_y = False
        self.following = True
        self._frames = 0
        self._end = -math.inf
        self._curves: list[Curve] = []
        item = self.getPlotItem()
        # Grid lines belong to the axis, which would otherwise be drawn over the curves.
        self.left.setZValue(-1000)
        item.hideButtons()
        item.showAxis("right")
        item.layout.setContentsMargins(0, 6, 4, 0)
        self.box = item.getViewBox()
        self.box.disableAutoRange()
        self.box.setDefaultPadding(0)
        self.box.sigRangeChangedManually.connect(self._taken)
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._pressed)
        self.setAntialiasing(True)
        self.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        # The page's own menu (copy, save, switches) is the view's.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.restyle()

    def restyle(self) -> None:
        self.setBackground(theme().color("panel"))
        for axis in (self.left, self.bottom):
            axis.restyle()

    # -- content ------------------------------------------------------------------------------

    def add_curve(self) -> Curve:
        curve = Curve()
        self.addItem(curve, ignoreBounds=True)
        self._curves.append(curve)
        return curve

    def remove_curve(self, curve: Curve) -> None:
        self._curves.remove(curve)
        self.removeItem(curve)

    def add_shade(self) -> Shade:
        shade = Shade()
        self.addItem(shade, ignoreBounds=True)
        return shade

    def set_curve(self, curve: Curve, step: Series, values: Series) -> None:
        """Gaps where a value is not finite, or not positive on a logarithmic axis."""
        curve.step, curve.values = step, values
        x, y = on_axis(step, self.log_x), on_axis(values, self.log_y)
        if all_finite(x) and all_finite(y):
            if x.size == 1:  # One point alone would not be seen: a short dash.
                x, y = x + np.array([-0.1, 0.1]), np.repeat(y, 2)
            curve.setData(x, y, connect="all", skipFiniteCheck=True)
            return
        fine = np.isfinite(x) & np.isfinite(y)
        if fine.any():
            # A point of its own, with nothing on either side, would not be seen: keep pairs.
            connect = (fine[:-1] & fine[1:]).astype(np.int32)
            curve.setData(np.where(fine, x, x[fine][0]), np.where(fine, y, y[fine][0]),
                          connect=np.append(connect, 0), skipFiniteCheck=True)
        else:
            curve.setData(np.empty(0), np.empty(0))

    def set_shade(self, shade: Shade, step: Series, low: Series, high: Series) -> None:
        shade.set_data(on_axis(step, self.log_x), edge_on_axis(low, self.log_y),
                       edge_on_axis(high, self.log_y))

    def set_logs(self, x: bool, y: bool) -> None:
        if (x, y) == (self.log_x, self.log_y):
            return
        self.log_x, self.log_y = x, y
        self.bottom.set_log(x)
        self.left.set_log(y)
        self.gutter.log = y
        self.follow()

    # -- ranges -------------------------------------------------------------------------------

    def follow(self) -> None:
        """Fit the ranges to the data from now on."""
        self.following = True
        self._frames = 0
        self.zoomed.emit(False)

    def fit(self, x: list[Series], y: list[Series], least_span: float = 0.0,
            margin: float = 0.06) -> None:
        """Let the ranges hold these values (data units): grow at once, shrink now and then, and
        when the data ends earlier than before: that was a future which is gone."""
        across = bounds([on_axis(a, self.log_x) for a in x])
        up = bounds([on_axis(a, self.log_y) for a in y])
        end = across[1] if across is not None else -math.inf
        shorter, self._end = end < self._end, end
        if shorter and not self.following and end < self.box.viewRange()[0][0]:
            self.follow()  # what the user had taken hold of is gone, too
        if not self.following:
            return
        shrink = shorter or self._frames % SHRINK_EVERY == 0
        self._frames += 1
        if across is not None:
            low, high = across
            if high <= low:
                low, high = low - 0.5, high + 0.5
            old_low, old_high = self.box.viewRange()[0]
            # A few percent ahead, so that not every frame redraws the axis.
            if shrink or low < old_low or high > old_high or low - old_low > 0.1 * (high - low):
                self.box.setXRange(low, high + (0.01 if margin else 0) * (high - low), padding=0)
        if up is not None:
            low, high = up
            margin *= max(high - low, least_span, abs(high) * 1e-6, 1e-12)
            if high - low < least_span:
                middle = (low + high) / 2
                low, high = middle - least_span / 2, middle + least_span / 2
            old_low, old_high = self.box.viewRange()[1]
            if low < old_low or high > old_high or (shrink and (
                    low - old_low > 3 * margin or old_high - high > 3 * margin)):
                self.box.setYRange(low - margin, high + margin, padding=0)
        # Now, not while it is painted: a curve that moves then is painted once more.
        self.scene().prepareForPaint()

    def columns(self) -> int:
        """How many points across are worth drawing."""
        return max(100, min(2000, int(self.box.width())))

    # -- mouse --------------------------------------------------------------------------------

    def _taken(self, *_: object) -> None:
        if self.following:
            self.following = False
            self.zoomed.emit(True)

    def _data_at(self, place: QPointF) -> tuple[float, float]:
        if not self.box.sceneBoundingRect().contains(place):
            return math.nan, math.nan
        at = self.box.mapSceneToView(place)
        return (10.0 ** at.x() if self.log_x else at.x(),
                10.0 ** at.y() if self.log_y else at.y())

    def _moved(self, place: QPointF) -> None:
        self.hovered.emit(*self._data_at(place))

    def _pressed(self, event: object) -> None:
        place = event.scenePos()  # type: ignore[attr-defined]
        if event.double():  # type: ignore[attr-defined]
            self.follow()
        else:
            self.clicked.emit(*self._data_at(place))

    def leaveEvent(self, event: object) -> None:
        self.hovered.emit(math.nan, math.nan)
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton:
            event.ignore()
            return
        super().mousePressEvent(event)


def thin_pen(color: QColor, dashed: bool = False) -> QPen:
    """Width 1: wider pens draw many times slower."""
    pen = QPen(color)
    pen.setWidth(1)
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([5, 4])
    return pen


__all__ = ["Curve", "EndLabel", "Gutter", "NumberAxis", "Plot", "even_ticks", "log_ticks",
           "thin_pen"]
