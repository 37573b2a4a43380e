"""The gradient's norm at each time step: how far back a recurrent network really learns."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from ui.theme import theme
from ui.views.numbers import format_number
from ui.views.plots import EndLabel, Plot, thin_pen
from ui.views.series import Series, bounds, on_axis

TRAIL = 6
"""Earlier steps that fade behind the newest one."""


class TimeNorms(Plot):
    """A line for each kept value (h, c) over time, on a log axis, with those of a few earlier
    steps behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, x_counts=False)
        self.set_logs(False, True)
        self.box.setMouseEnabled(False, False)  # it shares its time axis with the maps below
        self.left.spacing = 22  # it is low, and a number or two must be there
        self.bottom.setStyle(showValues=False)
        self.bottom.setHeight(4)
        self.norms: dict[str, Series] = {}
        self.cuts: Sequence[float] = ()
        self._trail: deque[tuple[int, dict[str, Series]]] = deque(maxlen=TRAIL + 1)
        self._lines = [self.add_curve() for _ in range(2 * (TRAIL + 1))]
        self._cuts = pg.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        self.addItem(self._cuts, ignoreBounds=True)
        self.bad_marks = pg.ScatterPlotItem(symbol="x", size=9, pen=None)
        self.addItem(self.bad_marks, ignoreBounds=True)
        self.setMinimumHeight(56)

    def forget(self) -> None:
        """The next norms are of another cell, or of another network."""
        self._trail.clear()
        self.norms = {}
        for line in self._lines:
            line.setData(np.empty(0), np.empty(0))
        self.gutter.show_labels([])

    def show_norms(self, step: int, norms: Mapping[str, Series], cuts: Sequence[float]) -> None:
        """norms: of each kept value, (time,). cuts: where gradients end their way back."""
        self.norms, self.cuts = dict(norms), cuts
        while self._trail and self._trail[-1][0] >= step:  # the same step again, or a step back
            self._trail.pop()
        self._trail.append((step, self.norms))
        time = np.arange(len(next(iter(norms.values()))), dtype=float)
        newest, lines = len(self._trail) - 1, iter(self._lines)
        for age, (_, past) in enumerate(reversed(self._trail)):
            for number, values in enumerate(past.values()):
                line = next(lines)
                color = theme().series(number)
                color.setAlphaF(1.0 if age == 0 else 0.45 * (1 - age / (newest + 1)))
                line.setPen(thin_pen(color))
                line.setZValue(-age)
                self.set_curve(line, time, values)
        for line in lines:
            line.setData(np.empty(0), np.empty(0))
        self._mark(time)
        if self.box.viewRange()[0] != [-0.5, time.size - 0.5]:
            self.box.setXRange(-0.5, time.size - 0.5, padding=0)
        self.fit([], [values for _, past in self._trail for values in past.values()],
                 least_span=2.0, margin=0.12)
        self.gutter.show_labels([
            EndLabel(self._end_of(values), f"|∂{name}|", theme().series(number))
            for number, (name, values) in enumerate(self.norms.items())])

    def reading(self, t: int) -> str:
        return ", ".join(f"|∂{name}| = {format_number(values[t])}"
                         for name, values in self.norms.items() if t < len(values))

    def _mark(self, time: Series) -> None:
        """Cuts as dashed lines; what is not finite as a cross, as high as the rest goes."""
        places = np.repeat(np.asarray(self.cuts, float), 2)
        self._cuts.setPen(thin_pen(theme().text("warning"), dashed=True))
        self._cuts.setData(places, np.tile([-60.0, 60.0], len(self.cuts)), connect="pairs")
        bad = np.zeros(time.size, bool)
        for values in self.norms.values():
            bad |= ~np.isfinite(values)
        top = bounds([on_axis(v, True) for v in self.norms.values()])
        self.bad_marks.setBrush(theme().color("error"))
        self.bad_marks.setData(time[bad], np.full(int(bad.sum()), top[1] if top else 0.0))

    @staticmethod
    def _end_of(values: Series) -> float:
        """Where the line ends that the label stands beside."""
        shown = values[np.isfinite(values) & (values > 0)]
        return float(shown[-1]) if shown.size else float("nan")


__all__ = ["TRAIL", "TimeNorms"]
