"""Before and after: the panel of the variants that train beside the network, and the chips that
open those of an example."""

from __future__ import annotations

import math

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.lane import Lane
from playground.snapshot import LaneView, Probe, Snapshot
from ui.elided import Elided
from ui.inspector.fields import Limits
from ui.inspector.number import NumberField
from ui.lanes import MOST, OWN, Lanes, lane_color
from ui.theme import theme, ui_font
from ui.views.header import Note
from ui.views.legend import FlowLayout
from ui.views.numbers import format_number, format_share

RATES = Limits(ge=0, le=1000)
RATE_WIDTH = 78
SETTLED_MS = 250
"""So long after the last step of its rate a lane begins anew: once, while an arrow is held."""
KEEP = ("Keep as a lane", "Pin the network with its weights and its training as they are now. "
        "Whatever is changed afterwards trains beside it. Lanes last until another document is "
        "opened; files do not hold them.")
WAITING = ("Waiting…", "The network is busy, as while it is compiled or a long step runs. As it "
           "was at the click, it becomes a lane at the end of that.")
HOW = ("Keep the network as it is now as a lane, then change it: activation, clipping, learning "
       "rate. Run trains both on the same batches, and the panels Loss and Gradient norms draw "
       "them over each other.")


class VariationChip(QAbstractButton):
    """A variation of the example: pressed, it trains beside the network, in the dot's colour, or
    takes the network's place.
    """

    def __init__(self, lane: Lane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lane = lane
        self.place: int | None = None
        self.setText(lane.name)
        self.setFont(ui_font(12))
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        how = "Try instead" if lane.instead else "Train beside it"
        self.setAccessibleName(f"{how}: {lane.name}")

    def show_place(self, place: int | None, full: bool) -> None:
        """Its place among the lanes, None where it is none of them."""
        self.place = place
        self.setChecked(place is not None)
        self.setEnabled(place is not None or not full)
        self.setToolTip(f"{self.lane.help}\n\n" + (
            "Click to take it away again." if place is not None
            else f"There are {MOST} lanes; take one away first." if full
            else "Click to train it beside the network, on the same batches."))
        self.update()

    def show_stands(self, stands: bool) -> None:
        """Whether it has the network's place."""
        self.setChecked(stands)
        self.setToolTip(f"{self.lane.help}\n\n" + (
            "Click to put the network back; its weights are drawn anew." if stands else
            "Click to put it in the network's place; its weights are drawn anew."))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 34, 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        color = theme().color
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = self.rect().adjusted(0, 0, -1, -1).toRectF().translated(0.5, 0.5)
        strong = self.underMouse() or self.hasFocus()
        painter.setPen(color("accent" if self.hasFocus() else
                             "line_strong" if strong or self.isChecked() else "line"))
        painter.setBrush(color("hover" if strong or self.isChecked() else "inset"))
        painter.drawRoundedRect(frame, 12.5, 12.5)
        dot = QRect(10, self.height() // 2 - 4, 8, 8)
        if self.place is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(lane_color(self.place))
            painter.drawEllipse(dot)
        elif self.lane.instead:
            painter.setPen(color("accent" if self.isChecked() else "faint"))
            painter.setBrush(color("accent") if self.isChecked() else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(dot)
        else:
            painter.setPen(color("faint" if self.isEnabled() else "disabled"))
            middle = dot.center()
            painter.drawLine(middle.x() - 3, middle.y(), middle.x() + 4, middle.y())
            painter.drawLine(middle.x(), middle.y() - 3, middle.x(), middle.y() + 4)
        painter.setPen(color("text" if self.isEnabled() else "disabled"))
        painter.drawText(self.rect().adjusted(24, 0, -8, 0),
                         Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())


class Variations(QWidget):
    """The chips of the open example's variations; hidden where it has none. Their caption is put
    into place by whom they belong to.
    """

    def __init__(self, lanes: Lanes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lanes = lanes
        self.chips: list[VariationChip] = []
        self.caption = QLabel()
        self.caption.setProperty("role", "caption")
        self.caption.setToolTip("Variations of this example: one thing is different, all else the "
                                "same, batches and seeds too.")
        self._flow = QWidget()
        self._layout = FlowLayout(self._flow, gap=6)
        self._layout.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._flow)
        policy = self._flow.sizePolicy()
        policy.setHeightForWidth(True)
        self._flow.setSizePolicy(policy)
        lanes.opened.connect(self._rebuild)
        lanes.changed.connect(self._refresh)
        theme().changed.connect(self.update)
        self._rebuild()

    def _rebuild(self) -> None:
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.chips = [VariationChip(lane, self._flow) for lane in self._lanes.offered]
        for chip in self.chips:
            chip.clicked.connect(lambda _=False, chip=chip: self._toggle(chip))
            self._layout.addWidget(chip)
            chip.show()
        self.setVisible(bool(self.chips))
        self.caption.setVisible(bool(self.chips))
        instead = any(chip.lane.instead for chip in self.chips)
        self.caption.setText("TRY INSTEAD" if instead else "TRAIN BESIDE IT")
        self._flow.updateGeometry()
        self._refresh()

    def _toggle(self, chip: VariationChip) -> None:
        self._lanes.toggle(chip.lane)

    def _refresh(self) -> None:
        for chip in self.chips:
            if chip.lane.instead:
                chip.show_stands(self._lanes.stands(chip.lane))
                continue
            chip.show_place(self._lanes.place_of(chip.lane.name), self._lanes.full)


class LaneRow(QWidget):
    """One lane: its colour, its name, how it does, and a button to take it away.

    It stays, and with it the field that is being edited, when the lane gets another rate.
    """

    def __init__(self, lanes: Lanes, lane: Lane | None, place: int) -> None:
        super().__init__()
        self._lanes = lanes
        self.lane, self.place = lane, place
        self.name = Elided("title" if lane is None else "")
        self.name.show_text(OWN if lane is None else lane.name)
        if lane is not None and lane.help:
            self.name.setToolTip(f"{lane.name}: {lane.help}")
        self.told = Note()
        self.costs = Note()
        for note in (self.told, self.costs):
            note.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self.told)
        row = QHBoxLayout()
        row.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 4, 0, 4)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.costs)
        if lane is not None:
            self._edited = QTimer(self)
            self._edited.setSingleShot(True)
            self._edited.setInterval(SETTLED_MS)
            self._edited.timeout.connect(self._set_rate)
            self.rate = NumberField(RATES, integer=False, log=True)
            self.rate.set_value(_rate(lane))
            self.rate.setFixedWidth(RATE_WIDTH)
            self.rate.setToolTip(f"The learning rate of {lane.name}; it begins anew with another.")
            self.rate.setAccessibleName(f"Learning rate of {lane.name}")
            self.rate.edited.connect(lambda _: self._edited.start())
            row.addWidget(self.rate)
            self.away = QToolButton()
            self.away.setProperty("role", "flat")
            self.away.setToolTip(f"Take the lane {lane.name} away")
            self.away.setAccessibleName(f"Take the lane {lane.name} away")
            self.away.clicked.connect(self._take_away)
            row.addWidget(self.away)
        self.restyle()

    def show_lane(self, lane: Lane, place: int) -> None:
        """The same lane, at another place or with another rate."""
        if lane is not self.lane:
            self.lane = lane
            self.rate.set_value(_rate(lane))
        if place != self.place:
            self.place = place
            self.update()

    def _set_rate(self) -> None:
        assert self.lane is not None
        self._lanes.set_rate(self.lane, self.rate.value())

    def _take_away(self) -> None:
        assert self.lane is not None
        self._lanes.remove(self.lane)

    def restyle(self) -> None:
        if self.lane is not None:
            self.away.setIcon(theme().icon("close"))
        self.update()

    def show_state(self, text: str, tip: str = "") -> None:
        self.told.show_text(text, tip)

    def show_costs(self, parameters: int, seconds: float) -> None:
        """How large it is, and what one of its steps takes by itself."""
        parts = [f"{parameters:,} parameters"] if parameters else []
        if math.isfinite(seconds):
            parts.append(f"{format_number(1e3 * seconds)} ms per step" if seconds >= 1e-3 else
                         f"{format_number(1e6 * seconds)} µs per step")
        self.costs.show_text(" · ".join(parts))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("accent") if self.lane is None else lane_color(self.place))
        painter.drawEllipse(QRect(2, 9, 8, 8))


class ComparePanel(QWidget):
    """The network and its lanes, with what to train beside it and how."""

    def __init__(self, lanes: Lanes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lanes = lanes
        self.rows: list[LaneRow] = []
        self.keep_button = QPushButton()
        self.keep_button.clicked.connect(lanes.keep)
        self.reset_button = QPushButton("Start all anew")
        self.reset_button.setToolTip(
            "Reset the network and all lanes: initial weights, step 0, the same batches.")
        self._how = QLabel(HOW)
        self._how.setProperty("role", "secondary")
        self._how.setWordWrap(True)
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.keep_button, 1)
        buttons.addWidget(self.reset_button, 1)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(12)
        column.addLayout(buttons)
        column.addLayout(self._list)
        column.addWidget(self._how)
        variations = Variations(lanes)
        column.addWidget(variations.caption)
        column.addWidget(variations)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        lanes.changed.connect(self._follow)
        theme().changed.connect(self._restyle)
        self._follow()

    def probes(self) -> frozenset[Probe]:
        return frozenset()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """How the network and each lane do."""
        if not self.rows or not self.isVisible():
            return
        share = "accuracy" in snapshot.metric_name
        own, *others = self.rows
        own.show_state(_state(snapshot.step, snapshot.validation_loss,
                              snapshot.validation_metric, share))
        if snapshot.program is not None:
            # After Reset none of its steps has been timed: those before it are another run's.
            own.show_costs(snapshot.program.check.total_parameters,
                           snapshot.seconds_per_step if snapshot.step else math.nan)
        views = {view.lane.name: view for view in snapshot.lanes}
        for row in others:
            assert row.lane is not None
            view = views.get(row.lane.name)
            if view is not None:
                _tell(row, view, share)
                row.show_costs(view.parameters, view.seconds_per_step)

    def _follow(self) -> None:
        """A row for the network and for each lane; those that were there stay."""
        lanes = self._lanes.lanes
        known = {row.lane.name if row.lane else OWN: row for row in self.rows}
        self.rows = []
        for place, lane in enumerate((None, *lanes) if lanes else (), -1):
            row = known.pop(lane.name if lane else OWN, None)
            if row is None:
                row = LaneRow(self._lanes, lane, place)
                self._list.addWidget(row)
            elif lane is not None:
                row.show_lane(lane, place)
            self.rows.append(row)
        for row in known.values():
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._how.setVisible(not lanes)
        waiting = self._lanes.waiting
        text, tip = WAITING if waiting else KEEP
        self.keep_button.setText(text)
        self.keep_button.setToolTip(tip)
        self.keep_button.setEnabled(not waiting and not self._lanes.full)

    def _restyle(self) -> None:
        for row in self.rows:
            row.restyle()


def _rate(lane: Lane) -> float:
    return lane.graph.training.optimizer.learning_rate


def _tell(row: LaneRow, view: LaneView, share: bool) -> None:
    if view.history is None:
        row.show_state(f"✕ {view.message}", view.message)
    elif view.message:
        row.show_state(f"✕ diverged at {view.step:,}", view.message)
    else:
        row.show_state(_state(view.step, view.validation_loss, view.validation_metric, share))


def _state(step: int, loss: float, metric: float, share: bool) -> str:
    """What counts comes first: the rest is left out where room is short."""
    parts = [format_share(metric)] if share and math.isfinite(metric) else []
    if math.isfinite(loss):
        parts.append(f"val {format_number(loss, fixed=True)}")
    return " · ".join([*parts, f"step {step:,}"])
