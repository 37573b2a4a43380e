"""A recurrent cell over time: gradient norms above its gates and states, or above the network."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.views.numbers import format_number
from ui.views.time_maps import TimeMaps
from ui.views.time_norms import TimeNorms
from ui.views.unrolled import UnrolledNetwork


class CellOverTime(QWidget):
    """The norm of the gradient at each time step, and below it heat maps of one sample, or the
    network unrolled."""

    pointed = Signal()
    """Something else is under the mouse, see `reading`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.norms = TimeNorms(self)
        self.norms.setAccessibleName("Gradient norm at each time step, for this step and the last")
        self.norms.setToolTip("Gradient norm of the state at each time step, over the whole batch; "
                              "fainter lines are those of the last steps. Log axis.")
        self.maps = TimeMaps(self)
        self.maps.setAccessibleName("Gates and states over time, one sample")
        self.unrolled = UnrolledNetwork(self)
        self.unrolled.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.norms, 4)
        column.addWidget(self.maps, 5)
        column.addWidget(self.unrolled, 7)

        self._time = -1
        """The time step under the mouse, in the norms or the network."""
        self._place = (-1, -1, -1)
        """Map, time step and unit under it."""
        self.norms.hovered.connect(lambda x, y: self._point_at(x))
        self.unrolled.pointed.connect(self._point_at)
        self.maps.pointed.connect(self._point_maps)

    def arrange(self, unrolled: bool, with_norms: bool) -> None:
        """Show the network or the maps, and the norms above it or not."""
        self.maps.setVisible(not unrolled)
        self.unrolled.setVisible(unrolled)
        self.norms.setVisible(with_norms)

    def align(self) -> None:
        """The maps stand exactly below the plot: one time axis for both."""
        rect = self.norms.box.sceneBoundingRect()
        self.maps.set_margins(max(20, round(rect.left())),
                              max(8, round(self.norms.width() - rect.right())))

    # -- words --------------------------------------------------------------------------------

    def reading(self) -> str:
        """What is under the mouse in numbers; empty where there is nothing."""
        if self._time >= 0 and self.norms.norms:
            return f"t = {self._time} · {self.norms.reading(self._time)}"
        index, t, unit = self._place
        if 0 <= index < len(self.maps.maps):
            shown = self.maps.maps[index]
            if t < shown.values.shape[0] and unit < shown.values.shape[1]:
                return f"t = {t} · {shown.name}[{unit}] = {format_number(shown.values[t, unit])}"
        return ""

    def about(self, name: str, reverse: bool) -> str:
        """How much is left of the gradient of a kept value where the cell began to read."""
        values = self.norms.norms.get(name, np.empty(0))
        if values.size and not np.isfinite(values).all():
            return "not finite!"
        first, last = (-1, 0) if reverse else (0, -1)
        if values.size > 1 and values[last] > 0:
            return f"|∂{name}| first / last {format_number(values[first] / values[last])}"
        return ""

    def table(self) -> list[list[object]]:
        """What, unit, values over time: a row for each norm and for each unit of each map."""
        norms = [[f"|d{name}|", "", *values.tolist()] for name, values in self.norms.norms.items()]
        return [*norms, *([shown.name, unit, *row.tolist()]
                          for shown in self.maps.maps for unit, row in enumerate(shown.values.T))]

    # -- mouse --------------------------------------------------------------------------------

    def forget_mouse(self) -> None:
        """What it pointed at is gone."""
        self._time, self._place = -1, (-1, -1, -1)

    def _point_at(self, x: float) -> None:
        time = len(next(iter(self.norms.norms.values()), ()))
        self._time = round(x) if math.isfinite(x) and 0 <= round(x) < time else -1
        self.pointed.emit()

    def _point_maps(self, index: int, t: int, unit: int) -> None:
        self._place = (index, t, unit)
        self.pointed.emit()


__all__ = ["CellOverTime"]
