"""Gradient norms of every layer: vanishing, exploding and clipping made visible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from playground.color_numbers import color_numbers
from playground.history import HistoryView
from playground.snapshot import LaneView, Snapshot
from ui.theme import theme
from ui.views.base import Table, View
from ui.views.lane_curves import LaneGradients, name_lanes
from ui.views.legend import Legend, line_colors, line_places
from ui.views.marks import Marks
from ui.views.network import trained_nodes
from ui.views.numbers import format_number
from ui.views.plots import Curve, EndLabel, Plot, thin_pen
from ui.views.profile import Bar, Profile
from ui.views.quantities import QUANTITIES, Quantity
from ui.views.series import Series, bounds, nonfinite_places, on_axis, thin
from ui.views.verdict_chips import VerdictChips

if TYPE_CHECKING:
    from playground.program import Program

RECENT = 240
"""Points of the window "last steps"; a point stands for many steps late in a long run."""
TOTAL = "all layers"
FAR = 30.0


class GradientsView(View):
    """A line per layer before and after clipping, or a bar per layer in network order."""

    title = "Gradient norms"
    name = "gradients"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.quantity = "norm"
        self.nodes: tuple[str, ...] = ()
        self.lines: dict[str, Curve] = {}
        self.clipped_lines: dict[str, Curve] = {}
        self._pointed = ""
        self._penned: object = None
        self._places: dict[str, int] = {}
        self.with_total = False

        self.plot = Plot(self.body)
        self.plot.setAccessibleName("Gradient norm of each layer over steps")
        self.shade = self.plot.add_shade()
        self.guides = [pg.InfiniteLine(angle=0, movable=False) for _ in range(2)]
        for guide in self.guides:
            guide.setZValue(8)
            self.plot.addItem(guide, ignoreBounds=True)
        self.marks = Marks(self.plot)
        self.lane_lines = LaneGradients(self.plot)
        self.profile = Profile(self.body)
        self.legend = Legend(self.body)

        pages = QWidget(self.body)
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.plot)
        self._pages.addWidget(self.profile)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(pages, 1)
        column.addWidget(self.legend)
        self._build_header()

        self.plot.hovered.connect(self._hover)
        self.plot.clicked.connect(lambda *_: self._pick(self._pointed))
        self.legend.pointed.connect(self._point)
        self.legend.clicked.connect(self._pick)
        self.profile.pointed.connect(self._point)
        self.profile.clicked.connect(self._pick)
        self.plot.set_logs(False, True)
        self.add_export_menu()
        self.restyle()

    def _build_header(self) -> None:
        header = self.header
        self.chips = VerdictChips(header)
        self.bars = header.switch(
            "bars", "One bar per layer, from the first layer to the last", self._show_bars)
        self.show_after = header.switch(
            "after clip", "Show the norms after clipping too (the fainter lines)",
            lambda _: self.refresh(), on=True)
        self.beside = header.switch(
            "compare", "One line for the network and one for each lane: of the selected node, or "
            "of all layers", lambda _: self._refit(), on=True)
        self.beside.setVisible(False)
        self.all_time = header.switch(
            "whole run", "The whole run instead of the last steps", lambda _: self._refit())
        self.fit_action = header.command(
            "fit", "Follow the data again (or double-click in the plot)", self._refit)
        self.fit_action.setVisible(False)
        self.plot.zoomed.connect(self._show_fit)
        header.menu.addSeparator()
        self.quantities = header.choice(
            {key: (q.title, q.tip) for key, q in QUANTITIES.items()}, self._show_quantity,
            "norm", buttons=False)

    # -- drawing ------------------------------------------------------------------------------

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None or snapshot.history is None:
            return "Press Run: each layer's gradient norm appears here, step by step."
        if not trained_nodes(snapshot.program):
            return "No layer here learns. Add a dense or convolution layer."
        if not len(snapshot.history.step):
            return "Press Run: each layer's gradient norm appears here, step by step."
        return ""

    def clear(self) -> None:
        super().clear()
        self.chips.clear()

    def draw(self, snapshot: Snapshot) -> None:
        assert snapshot.program is not None
        assert snapshot.history is not None
        history, quantity = snapshot.history, QUANTITIES[self.quantity]
        self._set_nodes(snapshot.program, tuple(
            node for node in trained_nodes(snapshot.program)
            if f"{node}.{quantity.column}" in history.columns
            and (node in snapshot.program.learners or not quantity.column.startswith("grad"))))
        clipping = (snapshot.training or snapshot.program.graph.training).clipping
        self.with_total = self.quantity == "norm" and clipping.mode == "global_norm"
        colors = self._colors()
        self.beside.setVisible(bool(snapshot.lanes))
        compares = bool(snapshot.lanes) and self.beside.isChecked() and not self.bars.isChecked()
        if compares:
            name_lanes(self.legend, snapshot.lanes)
        else:
            self.legend.show_names(self.nodes, [(TOTAL, colors[TOTAL])] if self.with_total else [],
                                   [colors[node] for node in self.nodes])
        if self._pointed not in self.legend.names:  # What was pointed at is no longer drawn.
            self._pointed = ""
        self.chips.show(snapshot.verdict, snapshot.nodes, clipping.mode != "off")

        limit = clipping.threshold if clipping.mode in quantity.clipped_by else math.nan
        clips = self.quantity == "norm" and clipping.mode != "off"
        if compares:
            self._draw_lanes(snapshot.lanes, history, quantity)
            return
        self.lane_lines.hide()
        if self.bars.isChecked():
            self._draw_bars(history, quantity, colors, limit, clips)
        else:
            self._draw_lines(history, quantity, colors, limit, clips)
        self._tell(history, quantity, clips)

    def _draw_lines(self, history: HistoryView, quantity: Quantity,
                    colors: dict[str, QColor], limit: float, clips: bool) -> None:
        start = 0 if self.all_time.isChecked() else max(0, len(history.step) - RECENT)
        step = history.step[start:]
        heights: list[Series] = []
        bad: dict[float, None] = {}
        columns = self.plot.columns() // 2
        for name, curve in self.lines.items():
            raw = self._series(history, name, quantity.column)[start:]
            band = thin(step, raw, limit=columns)
            self.plot.set_curve(curve, band.step, band.mean)
            heights.append(band.mean)
            bad.update(dict.fromkeys(band.step[nonfinite_places(band.mean)].tolist()))
            after = self.clipped_lines[name]
            if clips and self.show_after.isChecked():
                clipped = thin(step, self._series(history, name, "grad_norm")[start:],
                               limit=columns)
                self.plot.set_curve(after, clipped.step, clipped.mean)
                after.setVisible(name in colors)
            else:
                after.hide()
            curve.setVisible(name in colors)
        self._emphasize()
        self._shade_pointed(history, quantity, start, columns)

        guides = [limit] if math.isfinite(limit) else list(quantity.guides)
        for guide, value in zip(self.guides, [*guides, math.nan, math.nan], strict=False):
            guide.setVisible(math.isfinite(value))
            if math.isfinite(value):
                guide.setPos(float(on_axis(value, self.plot.log_y)))
        self.plot.fit([step], [*heights, np.array(_near(guides, heights))],
                      least_span=1.0 if quantity.log else 0.1)
        self.marks.mark_bad(list(bad))
        self.marks.mark_zeros((curve, colors[name]) for name, curve in self.lines.items()
                              if name in colors)
        word, role = ("clip", "error") if math.isfinite(limit) else ("", "healthy")
        labels = [EndLabel(v, f"{word} {format_number(v, 2)}".strip(), theme().text(role))
                  for v in guides if math.isfinite(v)]
        strong = self._strong()
        if strong in self.lines and self.lines[strong].values.size:
            # Where the line ends, which may be a mean of steps; the number is the header's.
            labels.append(EndLabel(float(self.lines[strong].values[-1]),
                                   _told(self._series(history, strong, quantity.column)),
                                   theme().color("text")))
        self.plot.gutter.show_labels(labels)

    def _draw_lanes(self, lanes: Sequence[LaneView], history: HistoryView, quantity: Quantity
                    ) -> None:
        """The network and its lanes, each by one line: too many would be a mess.

        The lines are of the selected node, or of all layers; pointing is at one of the lanes.
        """
        for curve in (*self.lines.values(), *self.clipped_lines.values()):
            curve.hide()
        for item in (self.shade, *self.guides):
            item.setVisible(False)
        self.marks.zeros.clear()
        node = self.selected if self.selected in self.nodes else (
            TOTAL if self.quantity == "norm" else self.nodes[0])
        column, clipped = ((quantity.column, "grad_norm") if node == TOTAL else
                           (f"{node}.{quantity.column}", f"{node}.grad_norm"))
        if self.quantity != "norm" or not self.show_after.isChecked():
            clipped = ""
        first = 0 if self.all_time.isChecked() else max(0, len(history.step) - RECENT)
        start = float(history.step[first])
        heights = self.lane_lines.draw(history, lanes, column, clipped, start, self._pointed)
        self.legend.emphasize(self._pointed)
        self._penned = None  # The legend will name other lines when the nodes are back.
        self.plot.fit([np.array([start]), history.step[-1:]], heights,
                      least_span=1.0 if quantity.log else 0.1)
        self.marks.mark_bad([float(step) for curve, _ in self.lane_lines.curves.values()
                             for step in curve.step[nonfinite_places(curve.values)]])
        self.plot.gutter.show_labels([])
        self.header.note.show_text(node)

    def _draw_bars(self, history: HistoryView, quantity: Quantity,
                   colors: dict[str, QColor], limit: float, clips: bool) -> None:
        both = clips and self.show_after.isChecked()
        bars = []
        for node in self.nodes:
            series = self._series(history, node, quantity.column)
            before = _last(series)
            after = _last(self._series(history, node, "grad_norm")) if both else before
            bars.append(Bar(node, after, before if both else math.nan,
                            colors[node], not np.isnan(series).all()))
        self.profile.show_bars(bars, limit)
        self.profile.emphasize(self._strong())

    def _shade_pointed(self, history: HistoryView, quantity: Quantity, start: int,
                       columns: int) -> None:
        """Lowest and highest of the emphasised line's points; of all lines it would be a mess."""
        name = self._strong()
        self.shade.setVisible(name in self.lines)
        if name not in self.lines:
            return
        column = quantity.column if name == TOTAL else f"{name}.{quantity.column}"
        band = thin(history.step[start:], history.mean(column)[start:],
                    history.low(column)[start:], history.high(column)[start:], columns)
        color = self._colors()[name]
        color.setAlphaF(0.18)
        self.shade.color = color
        self.plot.set_shade(self.shade, band.step, band.low, band.high)

    def _tell(self, history: HistoryView, quantity: Quantity, clips: bool) -> None:
        """The note: the number of the emphasised line, and what clipping makes of it."""
        name = self._strong()
        if name and name in (*self.nodes, TOTAL):
            before = _told(self._series(history, name, quantity.column))
            after = _told(self._series(history, name, "grad_norm")) if clips else before
            text = f"{name} {before}" + (f" · clipped to {after}" if after != before else "")
            self.header.note.show_text(text)
        else:
            self.header.note.show_text("")

    # -- lines --------------------------------------------------------------------------------

    def _set_nodes(self, program: Program, nodes: tuple[str, ...]) -> None:
        names = (*nodes, TOTAL)
        self.nodes = nodes
        numbers = color_numbers(program.graph.nodes)
        self._places = line_places([id for id in numbers if id in nodes], numbers)
        if tuple(self.lines) == names:
            return
        for curve in (*self.lines.values(), *self.clipped_lines.values()):
            self.plot.remove_curve(curve)
        self.lines = {name: self.plot.add_curve() for name in names}
        self.clipped_lines = {name: self.plot.add_curve() for name in names}
        self._penned = None
        self.plot.follow()

    def _series(self, history: HistoryView, name: str, column: str) -> Series:
        """One line's history; the total is measured per step, not per node."""
        column = column if name == TOTAL else f"{name}.{column}"
        if column not in history.columns:
            return np.full(len(history.step), math.nan)
        return history.mean(column)

    def _strong(self) -> str:
        """The line to emphasise: the one under the mouse, else the selected node's."""
        return self._pointed or (self.selected if self.selected in self.nodes else "") or ""

    def _emphasize(self) -> None:
        colors = self._colors()
        key = (self._pointed, self.selected, theme().dark, tuple(colors))
        if key == self._penned:
            return
        self._penned = key
        strong = self._strong()
        for name, color in colors.items():
            alpha = 0.22 if self._pointed and name != strong else 1.0
            color.setAlphaF(alpha)
            self.lines[name].setPen(thin_pen(color))
            # Fainter rather than dashed: dashes of a ragged line are not read as such, and Qt
            # takes four times as long to draw them.
            color.setAlphaF(0.4 * alpha)
            self.clipped_lines[name].setPen(thin_pen(color))
            for curve in (self.lines[name], self.clipped_lines[name]):
                curve.setZValue(5 if name == strong else 1)
        self.legend.emphasize(strong)

    def _colors(self) -> dict[str, QColor]:
        colors: dict[str, QColor] = dict(
            zip(self.nodes, line_colors([self._places[n] for n in self.nodes]), strict=True))
        if self.with_total:
            colors[TOTAL] = theme().color("text")
        return colors

    # -- switches and mouse -------------------------------------------------------------------

    def _show_quantity(self, key: str) -> None:
        self.quantity = key
        quantity = QUANTITIES[key]
        self.header.title.setText(quantity.title)
        self.header.title.setToolTip(quantity.tip)
        self.plot.set_logs(False, quantity.log)
        self.restyle()
        self._refit()

    def _show_bars(self, on: bool) -> None:
        self._pages.setCurrentIndex(1 if on else 0)
        self.legend.setVisible(not on)  # the bars carry their names
        self.refresh()

    def _show_fit(self, zoomed: bool) -> None:
        self.fit_action.setVisible(zoomed)
        self.header.fit()

    def _refit(self) -> None:
        self.plot.follow()
        self.refresh()

    def _hover(self, step: float, value: float) -> None:
        """Point at the line that is nearest to the mouse."""
        if math.isnan(step):
            self._point("")
            return
        low, high = self.plot.box.viewRange()[1]
        height = float(on_axis(value, self.plot.log_y))
        best, best_distance = "", 0.06 * (high - low)
        lanes = {name: before for name, (before, _) in self.lane_lines.curves.items()}
        for name, curve in (self.lines | lanes).items():
            if not curve.isVisible() or not curve.step.size:
                continue
            at = int(np.abs(curve.step - step).argmin())
            there = float(on_axis(curve.values[at], self.plot.log_y))
            if abs(there - height) < best_distance:
                best, best_distance = name, abs(there - height)
        self._point(best)

    def _point(self, name: str) -> None:
        if name != self._pointed:
            self._pointed = name
            self.refresh()

    def _pick(self, name: str) -> None:
        if name in self.nodes:
            self.node_selected.emit(name)

    def selection_changed(self) -> None:
        self._penned = None

    def restyle(self) -> None:
        self._penned = None
        self.plot.restyle()
        self.marks.restyle()
        for guide in self.guides:
            guide.setPen(thin_pen(theme().color(
                "error" if self.quantity == "norm" else "healthy"), dashed=True))

    def table(self) -> Table | None:
        history = self.snapshot.history if self.snapshot else None
        if history is None:
            return None
        names = [c for c in history.columns if "." in c or c.startswith("grad_norm")]
        rows = np.column_stack([history.step, *(history.mean(n) for n in names)]).tolist()
        return ["step", *names], rows


def _near(guides: list[float], heights: list[Series]) -> list[float]:
    """Guides that are worth the room: one far above all lines would flatten them. The label of
    the others stands at the edge."""
    found = bounds(heights)
    return [g for g in guides if found is None or found[0] / FAR < g < found[1] * FAR]


def _told(values: Series) -> str:
    """The last number; what was never measured is not "not a number"."""
    return "–" if np.isnan(values).all() else format_number(_last(values), fixed=True)


def _last(values: Series) -> float:
    return float(values[-1]) if values.size else math.nan


__all__ = ["GradientsView"]
