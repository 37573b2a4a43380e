"""Loss and metric over the steps: is it learning, and does it hold for unseen data?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QVBoxLayout, QWidget

from playground.data import PreparedData
from playground.history import HistoryView
from playground.shapes import targets
from playground.snapshot import Snapshot
from ui.theme import theme
from ui.views.base import Table, View
from ui.views.lane_curves import LaneCurves, name_lanes
from ui.views.legend import Legend
from ui.views.numbers import format_number, format_share, of_step
from ui.views.plots import Curve, EndLabel, Plot, thin_pen
from ui.views.series import RECENT, Band, Series, bounds, first_nonfinite, recent, smooth, thin
from ui.views.single_losses import SingleLosses, single_losses, take_turns

Shown = Literal["loss", "metric"]
NOTHING = 1e-6
"""A loss that never exceeds this is as good as 0: its course is that of rounding. Of targets that
are small themselves, it is this share of their variance."""
AS_GOOD_AS_ZERO = ("Nothing here exceeds 1e-6: it lies on the ground of the plot, for rounding has "
                   "a share in its course. Zoom in to see that.")


class LossView(View):
    """Train (a smooth line over a faint band of lowest to highest) and validation."""

    title = "Loss"
    name = "loss"
    tells_progress = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown: Shown = "loss"
        # Losses fall by factors, accuracies by points: each remembers its own axis.
        self._log_y = {"loss": True, "metric": False}
        self._falls_below_zero = self._is_nothing = False
        self.plot = Plot(self.body)
        self.plot.setAccessibleName("Loss over steps")
        self.band = self.plot.add_shade()
        self.train = self.plot.add_curve()
        self.validation = self.plot.add_curve()
        self.train.setZValue(2)
        self.validation.setZValue(3)
        self.mark = pg.InfiniteLine(angle=90, movable=False)
        self.mark.setZValue(4)
        self.plot.addItem(self.mark, ignoreBounds=True)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self.mark.hide()
        self._cursor.hide()

        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(0)
        column.addWidget(self.plot, 1)
        self.legend = Legend(
            self.body, "{}: training is the solid line, validation the dashed one")
        self.legend.hide()
        column.addWidget(self.legend)
        self.lanes = LaneCurves(self.plot)
        self.singles = SingleLosses(self.plot)
        self._readable: list[tuple[str, Curve]] = []
        """What can be read under the mouse: names and curves."""

        header = self.header
        self.badge = header.chip()
        header.choice({
            "loss": ("loss", "Show the loss"),
            "metric": ("metric", "Show the accuracy, or the mean error of a regression"),
        }, self._show_column, "loss")
        self.each = header.switch(
            "each", "Each loss of a network that has several: of a GAN, the judge's and the "
            "maker's", lambda _: self.refresh(), on=True)
        self.each.setVisible(False)
        self.log_y = header.switch("log y", "Logarithmic value axis", self._set_log_y, on=True)
        self.log_x = header.switch("log x", "Logarithmic step axis: the beginning in detail",
                                   lambda _: self._axes())
        self.fit_action = header.command(
            "fit", "Follow the data again (or double-click in the plot)", self._follow)
        self.fit_action.setVisible(False)
        self.plot.zoomed.connect(self._show_fit)
        self.plot.hovered.connect(self._hover)
        self.add_export_menu()
        self.restyle()
        self._axes()

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.history is None or not (
                len(snapshot.history.step) or len(snapshot.history.validation_step) > 1):
            return "Press Run: the loss appears here from the first step on."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        history = snapshot.history
        assert history is not None
        # A critic's loss goes below 0, which no logarithm shows.
        lanes = [view.history for view in snapshot.lanes if view.history is not None]
        singles = self._singles(snapshot)
        seen_below = [*(h.mean(self.shown) for h in (history, *lanes)),
                      *(history.mean(f"{id}.loss") for id in singles)]
        self._falls_below_zero = any(bool((values < 0).any()) for values in seen_below)
        reach = bounds([*seen_below, *(self._seen(h) for h in (history, *lanes))])
        self._is_nothing = reach is not None and 0 <= reach[0] <= reach[1] < NOTHING and not (
            self.shown == "metric" and self._is_share) and reach[1] < NOTHING * _scale(snapshot)
        self.plot.set_logs(self.log_x.isChecked(), self._is_log)
        columns = self.plot.columns()
        train = thin(history.step, history.mean(self.shown), history.low(self.shown),
                     history.high(self.shown), columns)
        seen = self._seen(history)
        validation = thin(history.validation_step, seen, limit=columns)
        line = smooth(train.mean, len(train.mean) // 40)

        self.plot.set_curve(self.train, train.step, line)
        self.plot.set_shade(self.band, train.step, train.low, train.high)
        self.plot.set_curve(self.validation, validation.step, validation.mean)
        self._pen_validation()
        others = self.lanes.draw(snapshot.lanes, lambda h: h.mean(self.shown), self._seen)
        name_lanes(self.legend, snapshot.lanes)
        in_turns = bool(singles) and take_turns(snapshot)
        # Beside their sum, whose two curves have the first two colours.
        first = 0 if in_turns else 2
        tints = [theme().series(first + place) for place in range(len(singles))]
        own = self.singles.draw(history, singles, tints)
        if singles:
            self.legend.show_names(singles, of_names=tints)
            self.legend.show()
        # A faint band for each would be a mess: with lanes, there is none.
        self.band.setVisible(not (snapshot.lanes or singles))
        for curve in (self.train, self.validation):
            curve.setVisible(not in_turns)
        start = np.array([1.0 if self.plot.log_x else 0.0])
        total = [] if in_turns else [line, validation.mean]
        heights = [*total, *others, *own] if snapshot.lanes or singles else (
            self._heights(train, line, validation))
        if self._is_nothing:
            heights = [np.array([0.0, 100 * NOTHING])]
        self.plot.fit([start, train.step, validation.step, *(h.step[-1:] for h in lanes)], heights,
                      least_span=0.1 if self.plot.log_y else 0.0)
        self._readable = [*([] if in_turns else [("train", self.train),
                                                 ("val", self.validation)]),
                          *zip(singles, self.singles.curves, strict=True)]
        self._label(snapshot, history, line, seen, singles if in_turns else ())
        self._mark_nonfinite(snapshot, history, seen)

    def clear(self) -> None:
        super().clear()
        self.badge.show_text("", "error")

    def restyle(self) -> None:
        color = theme().color
        self.plot.restyle()
        self.train.setPen(thin_pen(color("accent")))
        self._pen_validation()
        self.band.color = color("accent", 0.2)
        self.mark.setPen(thin_pen(color("error"), dashed=True))
        self._cursor.setPen(thin_pen(color("line_strong")))

    def table(self) -> Table | None:
        history = self.snapshot.history if self.snapshot else None
        if history is None:
            return None
        names = [c for c in ("loss", "metric", "learning_rate") if c in history.columns]
        each = [f"{id}.loss" for id in single_losses(self.snapshot)] if self.snapshot else []
        header = ["split", "step", *names, *each]
        rows: list[list[object]] = [
            ["train", *row] for row in np.column_stack(
                [history.step, *(history.mean(n) for n in (*names, *each))]).tolist()]
        rows += [["validation", *row] for row in np.column_stack(
            [history.validation_step, history.validation_loss,
             history.validation_metric]).tolist()]
        for view in self.snapshot.lanes if self.snapshot else ():
            if (lane := view.history) is not None:
                rows += [[f"train {view.lane.name}", *row] for row in np.column_stack(
                    [lane.step, *(lane.mean(n) for n in names)]).tolist()]
                rows += [[f"validation {view.lane.name}", *row] for row in np.column_stack(
                    [lane.validation_step, lane.validation_loss,
                     lane.validation_metric]).tolist()]
        return header, rows

    # -- inside -------------------------------------------------------------------------------

    def _pen_validation(self) -> None:
        """A colour of its own; among lanes, that of the network, dashed."""
        among = bool(self.snapshot and self.snapshot.lanes)
        self.validation.setPen(thin_pen(
            theme().color("accent" if among else "warning"), dashed=among))

    def _seen(self, history: HistoryView) -> Series:
        """What is shown, of the validation part."""
        return history.validation_loss if self.shown == "loss" else history.validation_metric

    def _singles(self, snapshot: Snapshot) -> tuple[str, ...]:
        """The losses that are drawn one by one."""
        shown = self.shown == "loss" and self.each.isChecked() and not snapshot.lanes
        found = single_losses(snapshot)
        self.each.setVisible(bool(found) and self.shown == "loss")
        return found if shown else ()

    def _heights(self, train: Band, line: Series, validation: Band) -> list[Series]:
        """What the value axis must hold: lines always, the band's wildest percent not."""
        finite = np.isfinite(train.high) & np.isfinite(train.low)
        if not finite.any():
            return [line, validation.mean]
        extremes = np.array([np.percentile(train.low[finite], 1),
                             np.percentile(train.high[finite], 99)])
        return [line, validation.mean, extremes]

    def _label(self, snapshot: Snapshot, history: HistoryView, line: Series, seen: Series,
               in_turns: Sequence[str]) -> None:
        """Numbers are the history's own: a curve's last point depends on how wide it is drawn."""
        text = self._text
        # One batch of all samples is no sample of others: there is nothing to average.
        most = 1 if snapshot.batches_per_epoch == 1 else RECENT
        now, steps = recent(history.step, history.mean(self.shown), most)
        last_train = float(line[-1]) if line.size else math.nan
        last_seen = float(seen[-1]) if seen.size else math.nan
        self.header.title.setText(
            "Loss" if self.shown == "loss" else (snapshot.metric_name or "metric").capitalize())
        parts = [f"{id} {text(recent(history.step, history.mean(f'{id}.loss'), most)[0])}"
                 for id in in_turns] or ([f"train {text(now)}"] if steps else []) + (
            [f"val {text(last_seen)}{of_step(snapshot)}"] if seen.size else [])
        if not self._cursor.isVisible():
            self.header.note.show_text(
                " · ".join(parts), f"{'each' if in_turns else 'train'}: the mean of the last "
                f"{steps:,} steps" if steps > 1 else "")
        # With lanes the legend names the colours, and "val" is told by its dashes. One point makes
        # no curve that a label could stand beside.
        self.plot.gutter.show_labels([] if snapshot.lanes or in_turns else [
            EndLabel(value, label, theme().text(role)) for value, label, role in (
                (last_train, "train", "accent"),
                (last_seen if seen.size > 1 else math.nan, "val", "warning"))
            if math.isfinite(value)])
        self.plot.setAccessibleDescription(", ".join(parts))

    def _text(self, value: float) -> str:
        if self.shown == "metric" and self._is_share:
            return format_share(value)
        return format_number(value, fixed=True)

    @property
    def _is_share(self) -> bool:
        return self.snapshot is not None and "accuracy" in self.snapshot.metric_name

    def _mark_nonfinite(self, snapshot: Snapshot, history: HistoryView, seen: Series) -> None:
        found = (first_nonfinite(history.step, history.mean(self.shown))
                 or first_nonfinite(history.validation_step, seen))
        if found is None and snapshot.state == "diverged" and not math.isfinite(snapshot.loss):
            # The step that failed was never finished, so the history does not have it.
            found = (snapshot.step + 1.0, "NaN" if math.isnan(snapshot.loss) else "Inf")
        if found is None:
            self.mark.hide()
            self.badge.show_text(*("✓ as good as 0", "healthy", AS_GOOD_AS_ZERO)
                                 if self._is_nothing else ("", "error"))
            return
        step, what = found
        self.badge.show_text(f"✕ {what} at step {step:,.0f}", "error",
                             snapshot.message or "From here on the loss is not a number.")
        self.mark.setPos(math.log10(max(step, 1)) if self.plot.log_x else step)
        self.mark.show()

    def _show_column(self, key: str) -> None:
        self.shown = "metric" if key == "metric" else "loss"
        self.log_y.setChecked(self._log_y[self.shown])
        self.plot.follow()
        self._axes()

    def _set_log_y(self, on: bool) -> None:
        self._log_y[self.shown] = on
        self._axes()

    def _axes(self) -> None:
        self.plot.set_logs(self.log_x.isChecked(), self._is_log)
        self.refresh()

    @property
    def _is_log(self) -> bool:
        return self._log_y[self.shown] and not (self._falls_below_zero or self._is_nothing)

    def _show_fit(self, zoomed: bool) -> None:
        self.fit_action.setVisible(zoomed)
        self.header.fit()

    def _follow(self) -> None:
        self.plot.follow()
        self.refresh()

    def _hover(self, step: float, _: float) -> None:
        """Read the values under the mouse."""
        if math.isnan(step) or not self.train.step.size:
            if self._cursor.isVisible():
                self._cursor.hide()
                self.refresh()
            return
        parts: list[str] = []
        for name, curve in self._readable:
            if curve.step.size:
                at = int(np.abs(curve.step - step).argmin())
                if not parts:
                    near = float(curve.step[at])
                    parts.append(f"step {near:,.0f}")
                    self._cursor.setPos(math.log10(max(near, 1e-9)) if self.plot.log_x else near)
                parts.append(f"{name} {self._text(float(curve.values[at]))}")
        self._cursor.show()
        self.header.note.show_text(" · ".join(parts))


__all__ = ["LossView"]


def _scale(snapshot: Snapshot) -> float:
    """The variance of what the losses compare with, where it is less than 1."""
    program = snapshot.program
    if program is None:
        return 1.0
    found = [targets(program.graph, loss) for loss in program.check.losses]
    return min((_variance(program.data, port) for id, port in filter(None, found)
                if id == program.data_node), default=1.0)


def _variance(data: PreparedData, port: int) -> float:
    """Of an output of the data, where it is numbers; classes are told apart as if it were 1."""
    if port > 1 or (port and data.dataset.classes):
        return 1.0
    return min(1.0, float(np.var(data.target_train if port else data.x_train)))
