"""What the lanes say, as lines over the network's own picture: curves, or cuts between two classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg

from playground.snapshot import Boundary, LaneView
from ui.lanes import lane_color
from ui.theme import theme
from ui.views.plots import Plot
from ui.views.series import Series

WIDTH = 2


class LaneAnswers:
    """One line for each lane, in its colour. The network's own answer is the picture below them."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.lines: dict[str, pg.PlotCurveItem] = {}

    def draw(self, lanes: Sequence[LaneView]) -> list[tuple[int, Series, Series]]:
        """Draw what there is; gives the place of each lane that has a line, and its points."""
        self._have([view.lane.name for view in lanes])
        # The halo sets a line apart from a field of nearly its own colour.
        halo = pg.mkPen(theme().color("panel"), width=2 * WIDTH)
        drawn = []
        for place, (view, line) in enumerate(zip(lanes, self.lines.values(), strict=True)):
            x, y = answer_line(view.boundary)
            pairs = view.boundary is not None and view.boundary.values.ndim == 2
            line.setData(x, y, connect="pairs" if pairs else "finite",
                         pen=pg.mkPen(lane_color(place), width=WIDTH), shadowPen=halo)
            if x.size:
                drawn.append((place, x, y))
        return drawn

    def _have(self, names: list[str]) -> None:
        if list(self.lines) == names:
            return
        for line in self.lines.values():
            self._plot.removeItem(line)
        self.lines = {}
        for name in names:
            line = pg.PlotCurveItem(antialias=True)
            line.setZValue(6)
            self._plot.addItem(line, ignoreBounds=True)
            self.lines[name] = line


def answer_line(boundary: Boundary | None) -> tuple[Series, Series]:
    """A curve over one input; over two, pairs of points between which the two classes are equally
    likely. Nothing where there are more classes, or none, or no answer.
    """
    nothing = np.empty(0), np.empty(0)
    if boundary is None:
        return nothing
    x0, x1, y0, y1 = boundary.extent
    values = boundary.values.astype(float)
    if values.ndim == 1:
        return np.linspace(x0, x1, values.size), values
    if len(boundary.classes) != 2 or not np.isfinite(values).all():
        return nothing
    margin = boundary.margin.astype(float)
    likely = np.where(values == 1, margin, 1 - margin)
    found = np.array(pg.isocurve(likely, 0.5), float).reshape(-1, 2)
    rows, columns = likely.shape
    return x0 + found[:, 1] / columns * (x1 - x0), y0 + found[:, 0] / rows * (y1 - y0)


__all__ = ["LaneAnswers", "answer_line"]
