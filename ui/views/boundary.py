"""What the network says everywhere: classes over a plane, a surface, or a curve over one input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from playground.snapshot import Boundary, LaneView
from ui.lanes import lane_color
from ui.theme import DIVERGING, theme
from ui.views.header import readable
from ui.views.lane_answers import LaneAnswers
from ui.views.legend import Legend
from ui.views.plots import EndLabel, Plot, thin_pen
from ui.views.series import Series

Floats = NDArray[np.float32]
LEVELS = 9
"""Points of a regression are drawn in this many colours: one brush per item is fast, one brush
per point is not."""

ANSWER = ("The network's answer everywhere, stronger where it is surer; filled points are training "
          "data, rings are validation data")
JUDGED = ("What the judge says everywhere, stronger where it is surer: real, or made. Discs are "
          "real points, diamonds made ones; lines show where its gradient pulls made points")


class BoundaryPlot(QWidget):
    """A picture under the data's own points."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boundary: Boundary | None = None
        self._answers: tuple[Boundary | None, ...] = ()
        self.plot = Plot(self, x_counts=False)
        self.plot.setAccessibleName("The network's output over its inputs")
        self.plot.left.setGrid(False)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setZValue(-10)
        self.plot.addItem(self.image, ignoreBounds=True)
        self.curve = self.plot.add_curve()
        self.pulls = pg.PlotCurveItem(connect="pairs")
        self.pulls.setZValue(4)
        self.plot.addItem(self.pulls, ignoreBounds=True)
        self.legend = Legend(self, "{}: its colour here")
        self.lane_answers = LaneAnswers(self.plot)
        self._dots: list[pg.ScatterPlotItem] = []
        self._drawn: tuple[Floats, Floats] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.plot, 1)
        column.addWidget(self.legend)
        self.restyle()

    def show_boundary(self, boundary: Boundary, lanes: Sequence[LaneView] = ()) -> None:
        """The network's answer, and what its lanes say in its place."""
        answers = boundary, *(view.boundary for view in lanes)
        if self._drawn is not None and len(answers) == len(self._answers) and all(
                new is old for new, old in zip(answers, self._answers, strict=True)):
            return
        self.boundary, self._answers = boundary, answers
        one_input = boundary.values.ndim == 1
        self.plot.setToolTip(JUDGED if boundary.judged else ANSWER)
        self.image.setVisible(not one_input)
        self.curve.setVisible(one_input)
        drawn = self.lane_answers.draw(lanes)
        if one_input:
            self._show_curve(boundary, [y for _, _, y in drawn])
        else:
            self._show_image(boundary)
        self._show_points(boundary, one_input)
        ends = np.zeros((0, 2)) if boundary.pulls is None else boundary.pulls.reshape(-1, 2)
        self.pulls.setData(ends[:, 0].astype(float), ends[:, 1].astype(float))
        entries = [(name, theme().series(i)) for i, name in enumerate(boundary.classes)]
        entries += [(lanes[place].lane.name, lane_color(place)) for place, *_ in drawn]
        self.legend.show_names((), entries)
        self.legend.setVisible(bool(entries))

    def restyle(self) -> None:
        self.plot.restyle()
        self.curve.setPen(thin_pen(theme().color("accent")))
        self.pulls.setPen(thin_pen(theme().color("text", 0.7)))
        self._drawn = None

    # -- inside -------------------------------------------------------------------------------

    def _show_image(self, boundary: Boundary) -> None:
        x0, x1, y0, y1 = boundary.extent
        pixels = (class_pixels(boundary.values, boundary.margin, len(boundary.classes))
                  if boundary.classes else value_pixels(boundary.values, _reach(boundary)))
        self.image.setImage(pixels, autoLevels=False, levels=(0, 255))
        self.image.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))
        self.plot.fit([np.array([x0, x1])], [np.array([y0, y1])], margin=0)
        if not boundary.classes:
            reach = _reach(boundary)
            self.plot.gutter.show_labels([
                EndLabel(y1, f"+{reach:.2g}", _readable(DIVERGING[225])),
                EndLabel(y0, f"-{reach:.2g}", _readable(DIVERGING[30]))])
        else:
            self.plot.gutter.show_labels([])

    def _show_curve(self, boundary: Boundary, others: Sequence[Series]) -> None:
        x0, x1, _, _ = boundary.extent
        x = np.linspace(x0, x1, boundary.values.size)
        values = boundary.values.astype(np.float64)
        self.plot.set_curve(self.curve, x, values)
        self.plot.fit([x], [values, boundary.target.astype(np.float64), *others], least_span=1e-3)
        self.plot.gutter.show_labels([])

    def _show_points(self, boundary: Boundary, one_input: bool) -> None:
        """The points rarely change: they are only drawn anew when they do."""
        if self._drawn is not None and (
                np.array_equal(self._drawn[0], boundary.points)
                and np.array_equal(self._drawn[1], boundary.target)):
            return
        self._drawn = (boundary.points, boundary.target)
        for dots in self._dots:
            self.plot.removeItem(dots)
        self._dots = []
        reach = _reach(boundary)
        for points, target, hollow in (
                (boundary.points, boundary.target, False),
                (boundary.validation_points, boundary.validation_target, True)):
            if not len(points):
                continue
            x = points[:, 0]
            y = target if one_input else points[:, 1]
            for i, (color, chosen) in enumerate(
                    _groups(target, len(boundary.classes), reach, one_input)):
                if chosen.any():
                    symbol = "d" if boundary.judged and i == 1 else "o"
                    self._add_dots(x[chosen], y[chosen], color, hollow, symbol)

    def _add_dots(self, x: Floats, y: Floats, color: QColor, hollow: bool, symbol: str) -> None:
        edge = theme().color("panel" if not hollow else "text")
        dots = pg.ScatterPlotItem(
            x=x.astype(float), y=y.astype(float), size=6 if hollow else 7, symbol=symbol,
            pxMode=True,
            pen=pg.mkPen(color if hollow else edge, width=1.5 if hollow else 1),
            brush=None if hollow else pg.mkBrush(color))
        dots.setZValue(5)
        self.plot.addItem(dots, ignoreBounds=True)
        self._dots.append(dots)


def class_pixels(values: Floats, margin: Floats, classes: int) -> NDArray[np.uint8]:
    """Each class in its colour, fading into the panel where the network is unsure."""
    panel = np.array(_rgb(theme().color("panel")), np.float32)
    colors = np.array([_rgb(theme().series(i)) for i in range(max(classes, 2))], np.float32)
    number = np.nan_to_num(values, nan=0.0).astype(int).clip(0, len(colors) - 1)
    # The least a winner can have is an even share.
    even = 1 / max(classes, 2)
    sure = np.nan_to_num(((margin - even) / (1 - even)).clip(0, 1))[..., None] * 0.55 + 0.06
    return smoother(panel + (colors[number] - panel) * sure).astype(np.uint8)


def value_pixels(values: Floats, reach: float) -> NDArray[np.uint8]:
    """A regression's value in red and blue around white."""
    index = np.nan_to_num(values / (2 * reach) + 0.5, nan=0.5).clip(0, 1) * 255
    return smoother(DIVERGING[index.astype(np.uint8)].astype(np.float32)).astype(np.uint8)


def smoother(pixels: Floats, times: int = 3) -> Floats:
    """Colours between those of neighbours (bilinear): the boundary is a line, not a staircase."""
    for axis in (0, 1):
        size = pixels.shape[axis]
        at = ((np.arange(size * times) + 0.5) / times - 0.5).clip(0, size - 1)
        first = np.floor(at).astype(int).clip(0, max(size - 2, 0))
        share = (at - first).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        second = (first + 1).clip(0, size - 1)
        pixels = (pixels.take(first, axis) * (1 - share) + pixels.take(second, axis) * share)
    return pixels


def _reach(boundary: Boundary) -> float:
    """The scale of values and points: the largest target."""
    target = boundary.target[np.isfinite(boundary.target)]
    return float(np.abs(target).max()) or 1.0 if target.size else 1.0


def _groups(target: Floats, classes: int, reach: float, one_input: bool
            ) -> list[tuple[QColor, NDArray[np.bool_]]]:
    """Points of one colour each."""
    if classes:
        return [(theme().series(i), target == i) for i in range(classes)]
    if one_input:
        return [(theme().color("warning"), np.ones(len(target), bool))]
    level = ((target / (2 * reach) + 0.5) * (LEVELS - 1)).round().clip(0, LEVELS - 1)
    shades = DIVERGING[np.linspace(0, 255, LEVELS).astype(int)]
    return [(QColor(*shades[i].tolist()), level == i) for i in range(LEVELS)]


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()


def _readable(rgb: NDArray[np.uint8]) -> QColor:
    return readable(QColor(*rgb.tolist()), theme().color("panel"))


__all__ = ["BoundaryPlot", "class_pixels", "value_pixels"]
