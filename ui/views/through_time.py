"""Through time: gradients, gates and states of a recurrent node, or who attends to whom."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from playground.layers.direction import Track, work_name
from playground.layers.unrolled import RecurrentLayer
from playground.snapshot import Probe, Snapshot, TensorProbe, WorkspaceProbe
from ui.elided import Elided
from ui.spin import Spin
from ui.theme import ui_font
from ui.views.attention_maps import AttentionMaps
from ui.views.base import Table, View
from ui.views.cell_over_time import CellOverTime
from ui.views.network import node_order
from ui.views.series import Series
from ui.views.time_maps import TimeMap
from ui.views.time_steps import (
    TITLES,
    attends,
    cuts,
    is_signed,
    next_time,
    outputs,
    part,
    recurrent,
)
from ui.views.truncation import Truncation
from ui.views.unrolled import Shade, Steps

if TYPE_CHECKING:
    from playground.program import Program

SECONDS = 0.12
"""Between two pictures while it runs: 8 Hz, as fast as numbers can be followed."""
UNROLLED: dict[str, tuple[str, Shade]] = {
    "unrolled: states": ("@state", "state"), "unrolled: gradients": ("@gradient", "gradient")}
"""Choices that draw the network instead of maps: text -> (data, colour of the boxes)."""
ROOM = 210
"""Pixels of height from which on the norms stand above the drawing too."""
NO_NODE = ("No layer here works through time. Add an LSTM, GRU or Elman RNN after data that are "
           "sequences, or an attention.")


class ThroughTimeView(View):
    """Of a recurrent node: gradient norms over time, and below them heat maps of gates and states
    of one sample, or the network unrolled. Of an attention: its weights, queries down and keys
    across."""

    title = "Through time"
    name = "through_time"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.over_time = CellOverTime(self.body)
        self.attention = AttentionMaps(self.body)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.over_time)
        padded = QWidget(self.body)
        inner = QVBoxLayout(padded)
        inner.setContentsMargins(12, 0, 12, 0)
        inner.addWidget(self.attention)
        self._pages.addWidget(padded)

        self.what = self._box("What to show of the cell: its gates and states, or the network "
                              "unrolled over time")
        self.what.currentIndexChanged.connect(lambda _: self._again())
        self.cell = self._box("Which layer and direction")
        self.cell.currentIndexChanged.connect(lambda _: self._another())
        self.sample = Spin(self)
        self.sample.setPrefix("sample ")
        self.sample.setToolTip("Which sample of the batch; the norms are of the whole batch")
        self.sample.setAccessibleName("Sample")
        self.sample.valueChanged.connect(lambda _: self._again())
        for widget in (self.what, self.cell, self.sample):
            widget.setFixedHeight(28)
            self.header.add(widget)
        self.line = Elided("secondary")
        self.line.setFont(ui_font(12))
        self.truncation = Truncation(self.body)
        self.truncation.edited.connect(self._truncate)
        self.truncation.finished.connect(self.change_done)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 0, 12, 0)
        foot.addWidget(self.line, 1)
        foot.addWidget(self.truncation)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(2)
        column.addLayout(self._pages, 1)
        column.addLayout(foot)

        self.over_time.pointed.connect(self._tell)
        self.over_time.maps.clicked.connect(self._enlarge)
        self.attention.pointed.connect(self._point_attention)
        self._listed: tuple[object, ...] = ()
        self._drawn_at = -math.inf
        self._program: Program | None = None
        self._pointed: tuple[int, int, int] = (-1, -1, -1)
        self.add_export_menu()

    def _box(self, tip: str) -> QComboBox:
        box = QComboBox(self)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setToolTip(tip)
        box.setAccessibleName(tip)
        return box

    # -- what to show -------------------------------------------------------------------------

    def node(self) -> str | None:
        """The selected node if it works through time; else the first recurrent one, or the first
        attention."""
        program = self.snapshot.program if self.snapshot else None
        if program is None:
            return None
        if self.selected is not None and (recurrent(program, self.selected)
                                          or attends(program, self.selected)):
            return self.selected
        order = node_order(program)
        return next((id for test in (recurrent, attends) for id in order if test(program, id)),
                    None)

    def layer(self) -> RecurrentLayer | None:
        """Of the shown node, if that is recurrent."""
        program, node = self.snapshot.program if self.snapshot else None, self.node()
        return recurrent(program, node) if program is not None and node is not None else None

    def tracks(self) -> tuple[Track, ...]:
        """What is shown of the cell."""
        layer = self.layer()
        if layer is None:
            return ()
        tracks = layer.tracks(*self._place(layer))
        if self.shade is not None:
            return tuple(track for track in tracks if track.name == layer.output)
        chosen = [track for track in tracks if track.name == self.what.currentData()]
        return tuple(chosen) or tracks

    @property
    def shade(self) -> Shade | None:
        """What colours the boxes of the unrolled network, when that is drawn."""
        return next((shade for data, shade in UNROLLED.values()
                     if data == self.what.currentData()), None)

    def wanted(self) -> frozenset[Probe]:
        node, layer = self.node(), self.layer()
        if node is None:
            return frozenset()
        if layer is None:
            return frozenset({WorkspaceProbe(f"{node}.weights", self.sample.value())})
        return frozenset({*self._norm_probes(node, layer).values(),
                          *(self._track_probe(node, track) for track in self.tracks())})

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Run or Step: what a recurrent layer does over time appears here."
        if self.node() is None:
            return NO_NODE
        if not any(probe in snapshot.values for probe in self.wanted()) and not (
                snapshot.step or snapshot.position):
            return f"Nothing is computed yet. Press Run or Step to see {self.node()} through time."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        now = time.perf_counter()
        if snapshot.state == "running" and now - self._drawn_at < SECONDS:
            return
        self._drawn_at = now
        program, node = snapshot.program, self.node()
        assert program is not None
        assert node is not None
        if program is not self._program:
            self._program = program
            self.over_time.norms.forget()
        self.sample.setMaximum(max(0, program.batch - 1))
        layer = self.layer()
        self._list(node, layer)
        self._pages.setCurrentIndex(0 if layer is not None else 1)
        if layer is None:
            self._draw_attention(snapshot, node)
        else:
            self._draw_steps(snapshot, node, layer)
        self._tell()

    def clear(self) -> None:
        super().clear()
        for widget in (self.what, self.cell, self.sample):
            widget.hide()

    def _draw_steps(self, snapshot: Snapshot, node: str, layer: RecurrentLayer) -> None:
        values = snapshot.values
        norms: dict[str, Series] = {
            name: np.asarray(values[probe], np.float64)
            for name, probe in self._norm_probes(node, layer).items() if probe in values}
        maps = [TimeMap(track.name, part(track, values[probe], layer),
                        is_signed(track, values[probe]))
                for track in self.tracks()
                if (probe := self._track_probe(node, track)) in values]
        number, reverse = self._place(layer)
        steps = len(maps[0].values) if maps else 0
        cut = cuts(layer, steps, reverse)
        if not norms or not maps:
            self._drawn_at = -math.inf  # The answers are on their way: show them at once.
        shown, shade, now = self.over_time, self.shade, next_time(snapshot, node)
        shown.arrange(unrolled=shade is not None,
                      with_norms=shade is None or self.body.height() >= ROOM)
        if norms:
            shown.norms.show_norms(snapshot.step, norms, cut)
        if shade is not None and maps and norms:
            shown.unrolled.show_steps(Steps(
                maps[0].name, maps[0].values, norms[layer.kept[0]], cut,
                outputs(layer, number, steps, reverse), reverse, now), shade)
        shown.maps.show_maps(maps, cut, now)
        if steps:
            self.truncation.show_setting(layer.truncate, steps)
        shown.align()

    def _draw_attention(self, snapshot: Snapshot, node: str) -> None:
        weights = snapshot.values.get(WorkspaceProbe(f"{node}.weights", self.sample.value()))
        if weights is None:
            self._drawn_at = -math.inf  # It is on its way: show it at once.
            self.attention.forget()
        else:
            self.attention.show_weights(weights)

    # -- controls -----------------------------------------------------------------------------

    def _list(self, node: str, layer: RecurrentLayer | None) -> None:
        """The choices that this node has; those made stay where they still make sense."""
        names = tuple(t.name for t in layer.tracks()) if layer is not None else ()
        places = tuple(layer.places()) if layer is not None else ()
        for widget, needed in ((self.what, layer is not None), (self.cell, len(places) > 1),
                               (self.sample, True), (self.truncation, layer is not None)):
            widget.setVisible(needed)
        listed = (names, places)
        if listed == self._listed:
            return
        self._listed = listed
        chosen = self.what.currentData()
        self._fill(self.what, [
            ("all", ""), *((text, data) for text, (data, _) in UNROLLED.items()),
            *((TITLES.get(name, name), name) for name in names)], chosen)
        self._fill(self.cell, [
            (f"{f'{number + 1} ' if layer is not None and layer.layers > 1 else ''}"
             f"{'back' if reverse else 'forward'}", (number, reverse))
            for number, reverse in places], self.cell.currentData())

    @staticmethod
    def _fill(box: QComboBox, items: list[tuple[str, object]], chosen: object) -> None:
        box.blockSignals(True)
        box.clear()
        for text, data in items:
            box.addItem(text, data)
        at = next((i for i, (_, data) in enumerate(items) if data == chosen), 0)
        box.setCurrentIndex(at if items else -1)
        box.blockSignals(False)

    def _place(self, layer: RecurrentLayer) -> tuple[int, bool]:
        """Layer and direction of the shown cell."""
        chosen = self.cell.currentData()
        places = list(layer.places())
        # Qt hands a tuple back as a list.
        return next((p for p in places if chosen and tuple(chosen) == p), places[0])

    def _again(self) -> None:
        """Show at once what was chosen."""
        self._drawn_at = -math.inf
        self.refresh()

    def _another(self) -> None:
        """Another cell: the trail is not its own."""
        self.over_time.norms.forget()
        self._again()

    def selection_changed(self) -> None:
        self._pointed = (-1, -1, -1)
        self.over_time.forget_mouse()
        self.attention.enlarge(None)
        self.over_time.norms.forget()
        self._drawn_at = -math.inf

    def restyle(self) -> None:
        self.over_time.norms.restyle()
        self._drawn_at = -math.inf

    def _truncate(self, steps: int) -> None:
        node = self.node()
        if node is not None and self.layer() is not None:
            self.setting_changed.emit(node, "truncate", steps)

    def _enlarge(self, index: int) -> None:
        """One map alone, or all again."""
        alone = len(self.over_time.maps.maps) == 1
        name = "" if alone else self.over_time.maps.maps[index].name
        self.what.setCurrentIndex(max(0, self.what.findData(name)))

    # -- probes -------------------------------------------------------------------------------

    def _norm_probes(self, node: str, layer: RecurrentLayer) -> dict[str, TensorProbe]:
        place = self._place(layer)
        return {name: TensorProbe(f"{node}.{work_name(f'{name}_grad_norm', *place)}")
                for name in layer.kept}

    def _track_probe(self, node: str, track: Track) -> WorkspaceProbe:
        return WorkspaceProbe(f"{node}.{track.array}", self.sample.value(), axis=1)

    # -- words --------------------------------------------------------------------------------

    def _tell(self) -> None:
        """What is under the mouse in numbers, else what the picture is of."""
        self.line.show_text(self._reading() or self._about())

    def _reading(self) -> str:
        if self._pages.currentIndex() == 1:
            return self.attention.reading(*self._pointed)
        return self.over_time.reading()

    def _about(self) -> str:
        node, layer = self.node() or "", self.layer()
        if layer is None:
            return self.attention.about(node)
        rest = self.over_time.about(layer.kept[0], reverse=self._place(layer)[1])
        return f"{node} · {rest}" if rest else node

    def _point_attention(self, index: int, row: int, column: int) -> None:
        self._pointed = (index, row, column)
        self._tell()

    def table(self) -> Table | None:
        if self._pages.currentIndex() == 1:
            return self.attention.table()
        return ["what", "unit", "values over time"], self.over_time.table()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._again()


__all__ = ["ThroughTimeView"]
