"""Marks at the edges of a plot, for what its axes have no place for: no point is left out."""

from __future__ import annotations

from collections.abc import Iterable

import pyqtgraph as pg
from PySide6.QtGui import QColor

from ui.theme import theme
from ui.views.plots import Curve, Plot

INSET = 0.03
"""From the edge, as a share of the height."""


class Marks:
    """Red crosses at the top for what is not finite, triangles at the bottom for zeros."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.bad, self.zeros = (pg.ScatterPlotItem(symbol=symbol, size=8, pen=None)
                                for symbol in ("x", "t"))
        for marks in (self.bad, self.zeros):
            marks.setZValue(10)
            plot.addItem(marks, ignoreBounds=True)

    def mark_bad(self, steps: list[float]) -> None:
        """The steps with a point that is not a number."""
        low, high = self._plot.box.viewRange()[1]
        self.bad.setData(steps, [high - INSET * (high - low)] * len(steps))

    def mark_zeros(self, curves: Iterable[tuple[Curve, QColor]]) -> None:
        """Where curves are zero, in their colours, if the axis is logarithmic."""
        low, high = self._plot.box.viewRange()[1]
        marks = [{"pos": (step, low + INSET * (high - low)), "brush": color}
                 for curve, color in curves if self._plot.log_y
                 for step in curve.step[curve.values == 0]]
        if marks or len(self.zeros.data):
            self.zeros.setData(marks)

    def restyle(self) -> None:
        self.bad.setPen(pg.mkPen(theme().color("error"), width=2))
