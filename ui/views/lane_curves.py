"""The curves of the lanes: variants that train beside the network, drawn over its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtGui import QColor

from playground.history import HistoryView
from playground.snapshot import LaneView
from ui.lanes import OWN, lane_color
from ui.theme import theme
from ui.views.legend import Legend
from ui.views.plots import Curve, Plot, thin_pen
from ui.views.series import Series, smooth, thin

Pick = Callable[[HistoryView], Series]


class LaneCurves:
    """For each lane the training (solid) and the validation (dashed) in the lane's colour."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.curves: list[tuple[Curve, Curve]] = []
        self._colors: list[QColor] = []

    def draw(self, lanes: Sequence[LaneView], train: Pick, validation: Pick) -> list[Series]:
        """Draw what `train` and `validation` take from each history; gives all heights.

        A lane that has diverged is drawn as far as the axis goes: it would flatten the others.
        """
        self._have(len(lanes))
        heights: list[Series] = []
        columns = self._plot.columns()
        for view, (solid, dashed) in zip(lanes, self.curves, strict=True):
            history = view.history
            if history is None:
                for curve in (solid, dashed):
                    self._plot.set_curve(curve, np.empty(0), np.empty(0))
                continue
            band = thin(history.step, train(history), limit=columns)
            line = smooth(band.mean, len(band.mean) // 40)
            seen = thin(history.validation_step, validation(history), limit=columns)
            self._plot.set_curve(solid, band.step, line)
            self._plot.set_curve(dashed, seen.step, seen.mean)
            if not view.message:
                heights += [line, seen.mean]
        return heights

    def _have(self, count: int) -> None:
        while len(self.curves) < count:
            self.curves.append((self._plot.add_curve(), self._plot.add_curve()))
        while len(self.curves) > count:
            for curve in self.curves.pop():
                self._plot.remove_curve(curve)
        colors = [lane_color(place) for place in range(count)]
        if colors != self._colors:
            self._colors = colors
            for color, (solid, dashed) in zip(colors, self.curves, strict=True):
                solid.setPen(thin_pen(color))
                dashed.setPen(thin_pen(color, dashed=True))
                solid.setZValue(1)
                dashed.setZValue(1)


class LaneGradients:
    """One line for the network and one for each lane, fainter after clipping."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.curves: dict[str, tuple[Curve, Curve]] = {}

    def draw(self, own: HistoryView, lanes: Sequence[LaneView], column: str, clipped: str,
             start: float, pointed: str = "") -> list[Series]:
        """Draw a column of each history from a step on, and the one after clipping if there is
        one to draw; gives the heights.

        What has no such column, as a lane without that node, has no line. Where one is pointed
        at, the others are faint.
        """
        histories = [own, *(view.history for view in lanes)]
        entries = lane_entries(lanes)
        self._have([name for name, _ in entries])
        heights: list[Series] = []
        for (name, color), history in zip(entries, histories, strict=True):
            behind = bool(pointed) and name != pointed
            for curve, of, alpha in zip(self.curves[name], (column, clipped), (1.0, 0.4),
                                        strict=True):
                shown = history is not None and of in history
                curve.setVisible(shown)
                if history is None or not shown:
                    continue
                first = int(np.searchsorted(history.step, start))
                band = thin(history.step[first:], history.mean(of)[first:],
                            limit=self._plot.columns() // 2)
                color.setAlphaF(alpha * (0.22 if behind else 1.0))
                curve.setPen(thin_pen(color))
                self._plot.set_curve(curve, band.step, band.mean)
                heights.append(band.mean)
        return heights

    def hide(self) -> None:
        self._have([])

    def _have(self, names: list[str]) -> None:
        if list(self.curves) == names:
            return
        for curve in (curve for both in self.curves.values() for curve in both):
            self._plot.remove_curve(curve)
        self.curves = {name: (self._plot.add_curve(), self._plot.add_curve()) for name in names}
        for before, after in self.curves.values():
            before.setZValue(2)
            after.setZValue(1)


def name_lanes(legend: Legend, lanes: Sequence[LaneView]) -> None:
    """The network and its lanes in a legend, which is hidden where there are none."""
    legend.setVisible(bool(lanes))
    if lanes:
        legend.show_names([], lane_entries(lanes))


def lane_entries(lanes: Sequence[LaneView]) -> list[tuple[str, QColor]]:
    """The network first, then each lane by its name."""
    return [(OWN, theme().color("accent")),
            *((view.lane.name, lane_color(place)) for place, view in enumerate(lanes))]


__all__ = ["LaneCurves", "LaneGradients", "lane_entries", "name_lanes"]
