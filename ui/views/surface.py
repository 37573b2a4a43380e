"""The loss as a landscape over two weights, and the paths of the network and its lanes on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from playground.history import HistoryView
from playground.layers.surface import MINIMA, Shift, Surface
from playground.program import Program
from playground.snapshot import Probe, Snapshot, SurfaceProbe, TensorProbe
from playground.state import node_of
from ui.colormaps import SEQUENTIAL
from ui.theme import theme
from ui.views.base import Table, View
from ui.views.boundary import smoother
from ui.views.lane_curves import lane_entries, name_lanes
from ui.views.legend import Legend
from ui.views.numbers import format_number
from ui.views.plots import Curve, Plot, thin_pen
from ui.views.series import Series

Extent = tuple[float, float, float, float]
Path = tuple[Series, Series]

LEVELS = 16
"""Bands of height, even on a logarithmic scale."""
FINER = 8
"""Pixels along each side of a computed height."""
WIDTH = 0.8
"""Of the picture before anything has moved, in the unit of `REACH`."""
MARGIN = 0.25
"""Room around the paths, as a share of their extent."""
REACH = 5.0
"""Times the distance of the start from 0 (at least 1): what goes further leaves the picture."""
DEPTH = 1e-5
"""The lowest band, as a share of the highest: below that all is floor."""


class SurfaceView(View):
    """Lines of equal loss, a path for each optimizer, and the start, which can be dragged."""

    title = "Surface"
    name = "surface"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.extent: Extent | None = None
        self._program: Program | None = None
        self.paths: dict[str, Curve] = {}
        self.plot = Plot(self.body, x_counts=False)
        self.plot.setAccessibleName("Loss over two weights, and the way of training on it")
        self.image = pg.ImageItem(axisOrder="row-major")
        self.image.setZValue(-20)
        self.plot.addItem(self.image, ignoreBounds=True)
        self.dots = pg.ScatterPlotItem(size=9)
        self.dots.setZValue(10)
        self.plot.addItem(self.dots, ignoreBounds=True)
        self.start = pg.TargetItem(size=14, movable=True)
        self.start.setZValue(12)
        self.start.sigPositionChangeFinished.connect(self._moved)
        self.plot.addItem(self.start, ignoreBounds=True)
        self.legend = Legend(self.body, "{}: its way over the surface")
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(0)
        column.addWidget(self.plot, 1)
        column.addWidget(self.legend)
        self.header.command("fit", "Fit the picture to the paths", self._fit)
        self.add_export_menu()
        self.restyle()

    # -- what it asks for -----------------------------------------------------------------------

    def wanted(self) -> frozenset[Probe]:
        if self._program is None:
            return frozenset()
        probes: set[Probe] = {TensorProbe(_tensor(c)) for c in self._program.followed[:2]}
        if self.extent is not None:
            probes.add(SurfaceProbe(self.extent))
        return frozenset(probes)

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "The loss over two weights appears here once the network can train."
        if len(snapshot.program.followed) < 2:
            return ("Only a network of two to four weights can be drawn as a surface. Open the "
                    "example gradient-descent.")
        return ""

    # -- drawing --------------------------------------------------------------------------------

    def draw(self, snapshot: Snapshot) -> None:
        program = snapshot.program
        assert program is not None
        if self._program is None or program.graph != self._program.graph:
            self._program, self.extent = program, None
        columns = program.followed[:2]
        now = _weights(snapshot, columns)
        paths = self._paths(snapshot, columns, now)
        self._frame(paths)
        self._draw_heights(snapshot)
        self._draw_paths(snapshot, paths)
        name_lanes(self.legend, snapshot.lanes)
        node = self._movable(program)
        first = next(iter(paths.values()))
        self.start.setVisible(bool(node) and bool(first[0].size))
        if node and first[0].size and not self.start.moving:
            self.start.setPos(float(first[0][0]), float(first[1][0]))
        if now is not None:
            self.header.note.show_text(
                f"{columns[0]} {format_number(now[0])} · {columns[1]} {format_number(now[1])}")

    def _paths(self, snapshot: Snapshot, columns: Sequence[str],
               now: tuple[float, float] | None) -> dict[str, Path]:
        """The way of each: where every step's gradient was measured, and where it is by now."""
        histories: list[HistoryView | None] = [
            snapshot.history, *(view.history for view in snapshot.lanes)]
        start = self._start_of(snapshot.program)
        paths = {}
        for (name, _), history in zip(lane_entries(snapshot.lanes), histories, strict=True):
            x, y = (history.mean(c) if history is not None and c in history else np.empty(0)
                    for c in columns)
            if start is not None and history is not None:
                # Late in a long run the first points stand for many steps.
                x, y = np.append(start[0], x), np.append(start[1], y)
            paths[name] = (x, y)
        own = next(iter(paths))  # The network itself comes first.
        if now is not None and all(math.isfinite(v) for v in now):
            x, y = paths[own]
            paths[own] = np.append(x, now[0]), np.append(y, now[1])
        return paths

    def _frame(self, paths: dict[str, Path]) -> None:
        """A picture that holds the paths and known minima, with room around; a new one when a path
        leaves it."""
        box = [math.inf, -math.inf, math.inf, -math.inf]
        least = 1.0
        for x, y in paths.values():
            if not x.size:
                continue
            near = np.isfinite(x) & np.isfinite(y)
            least = max(1.0, float(np.hypot(x[0], y[0])))
            near &= np.hypot(x - x[0], y - y[0]) < REACH * least
            if near.any():
                box = [min(box[0], float(x[near].min())), max(box[1], float(x[near].max())),
                       min(box[2], float(y[near].min())), max(box[3], float(y[near].max()))]
        for right, above in self._minima():
            box = [min(box[0], right), max(box[1], right), min(box[2], above), max(box[3], above)]
        if not box[0] <= box[1] or (self.extent is not None and _within(box, self.extent)):
            return
        across, up = box[1] - box[0], box[3] - box[2]
        if max(across, up) < WIDTH * least:  # Nothing has moved yet.
            across = up = WIDTH * least
        # No narrow strips: what is across a valley is worth seeing too.
        across, up = max(across, up / 6), max(up, across / 6)
        middle = (box[0] + box[1]) / 2, (box[2] + box[3]) / 2
        half = across * (0.5 + MARGIN), up * (0.5 + MARGIN)
        self.extent = (middle[0] - half[0], middle[0] + half[0],
                       middle[1] - half[1], middle[1] + half[1])
        self.plot.box.setRange(QRectF(self.extent[0], self.extent[2], 2 * half[0], 2 * half[1]),
                               padding=0)

    def _minima(self) -> Sequence[tuple[float, float]]:
        """Where the ways may end, where the surface is one that is known."""
        if self._program is None:
            return ()
        layer = self._program.graph.node(self._program.loss_node).layer
        return MINIMA[layer.surface] if isinstance(layer, Surface) else ()

    def _draw_heights(self, snapshot: Snapshot) -> None:
        heights = snapshot.values.get(SurfaceProbe(self.extent)) if self.extent else None
        if heights is None or self.extent is None:
            return
        x0, x1, y0, y1 = self.extent
        self.image.setImage(height_pixels(heights), autoLevels=False)
        self.image.setRect(QRectF(x0, y0, x1 - x0, y1 - y0))

    def _draw_paths(self, snapshot: Snapshot, paths: dict[str, Path]) -> None:
        if list(self.paths) != list(paths):
            for curve in self.paths.values():
                self.plot.remove_curve(curve)
            self.paths = {name: self.plot.add_curve() for name in paths}
        ends = []
        for (name, color), (x, y) in zip(lane_entries(snapshot.lanes), paths.values(),
                                         strict=True):
            self.paths[name].setPen(pg.mkPen(color, width=2))
            self.plot.set_curve(self.paths[name], x, y)
            if x.size and math.isfinite(x[-1]) and math.isfinite(y[-1]):
                ends.append({"pos": (float(x[-1]), float(y[-1])), "brush": color,
                             "pen": pg.mkPen(theme().color("panel"), width=1)})
        self.dots.setData(ends)

    # -- the start ------------------------------------------------------------------------------

    def _movable(self, program: Program) -> str:
        """The node whose start can be dragged, if there is one."""
        node = node_of(program.followed[0])
        return node if isinstance(program.graph.node(node).layer, Shift) else ""

    def _start_of(self, program: Program | None) -> tuple[float, float] | None:
        """Where the paths begin, if a node says it."""
        if program is None or not (node := self._movable(program)):
            return None
        layer = program.graph.node(node).layer
        assert isinstance(layer, Shift)
        return layer.start[0], layer.start[-1]

    def _moved(self, _: object) -> None:
        if self._program is not None and (node := self._movable(self._program)):
            place = self.start.pos()
            self.start_moved.emit(node, round(place.x(), 4), round(place.y(), 4))

    def _fit(self) -> None:
        self.extent = None
        self.refresh()

    def restyle(self) -> None:
        self.plot.restyle()
        self.start.setPen(thin_pen(theme().color("text")))

    def table(self) -> Table | None:
        snapshot = self.snapshot
        if snapshot is None or snapshot.program is None:
            return None
        columns = snapshot.program.followed[:2]
        rows = [[name, *place] for name, path in self._paths(snapshot, columns, None).items()
                for place in np.column_stack(path).tolist()]
        return ["path", *columns], rows


def height_pixels(heights: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Bands of equal height, even on a logarithmic scale above the lowest; NaN and Inf at the top.
    """
    finite = np.isfinite(heights)
    if not finite.any():
        return np.zeros((*heights.shape, 3), np.uint8)
    low, high = heights[finite].min(), heights[finite].max()
    span = max(float(high - low), 1e-30)
    above = np.where(finite, heights - low, span) / span
    # The logarithm of each computed height, then the bands: smooth lines between few points.
    fine = smoother(np.log10(np.maximum(above, DEPTH))[..., None].astype(np.float32), FINER)[..., 0]
    level = np.clip(np.floor((fine / -math.log10(DEPTH) + 1) * LEVELS), 0, LEVELS - 1)
    share = (level + 0.5) / LEVELS
    panel = theme().color("panel")
    ground = np.array([panel.red(), panel.green(), panel.blue()], np.float32)
    colors = SEQUENTIAL[(share * 255).astype(np.uint8)].astype(np.float32)
    pixels: NDArray[np.uint8] = (ground + (colors - ground) * 0.42).astype(np.uint8)
    return pixels


def _within(box: Sequence[float], extent: Extent) -> bool:
    return (extent[0] <= box[0] and box[1] <= extent[1] and extent[2] <= box[2]
            and box[3] <= extent[3])


def _tensor(column: str) -> str:
    """The tensor that a weight is of: "dense_1.w" of "dense_1.w[0]"."""
    return column.partition("[")[0]


def _weights(snapshot: Snapshot, columns: Sequence[str]) -> tuple[float, float] | None:
    """The two weights as they are now."""
    found = []
    for column in columns:
        values = snapshot.values.get(TensorProbe(_tensor(column)))
        if values is None:
            return None
        found.append(float(np.ravel(values)[int(column.partition("[")[2][:-1])]))
    return found[0], found[1]


__all__ = ["SurfaceView", "height_pixels"]
