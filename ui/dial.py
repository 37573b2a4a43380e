"""A number of an example under a slider: turned, the network begins anew with it and is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from playground.graph import Graph
from playground.snapshot import Snapshot
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.views.numbers import format_number

if TYPE_CHECKING:
    from playground.examples.base import Dial


class DialRow(QWidget):
    """The slider of the open example's dial; hidden where it has none.

    Each turn edits the document, draws the weights anew and runs one step, so that what it does
    to the gradient is seen at once. While a turn is under way the next one waits. may_reset:
    whether the training so far may be lost; asks, and then nothing changes where it may not.
    """

    def __init__(self, document: Document, bridge: EngineBridge, may_reset: Callable[[], bool],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._bridge, self._may_reset = document, bridge, may_reset
        self._dial: Dial | None = None
        self._under_way = False
        self._title = QLabel()
        self._title.setProperty("role", "secondary")
        self._value = QLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.valueChanged.connect(lambda _: self._turned())
        self.slider.sliderReleased.connect(document.end_gesture)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._title)
        row.addWidget(self.slider, 1)
        row.addWidget(self._value)
        self._value.setFixedWidth(self._value.fontMetrics().horizontalAdvance("0.000"))
        document.graph_changed.connect(lambda old, new: self._follow())
        bridge.snapshot_ready.connect(self._seen)
        self.hide()

    def open(self, dial: Dial | None) -> None:
        """Another document is open, with this dial or none."""
        self._dial, self._under_way = dial, False
        self.setVisible(dial is not None)
        if dial is not None:
            self._title.setText(dial.title)
            with QSignalBlocker(self.slider):
                self.slider.setRange(0, dial.places)
            self.slider.setToolTip(dial.help)
            self.slider.setAccessibleName(dial.title)
            self._follow()

    def _follow(self) -> None:
        """Show what the graph has, whoever has set it."""
        if self._dial is None:
            return
        value = self._in(self._document.graph)
        if value is None:
            self.open(None)
            return
        low, high, places = self._dial.low, self._dial.high, self._dial.places
        with QSignalBlocker(self.slider):
            if abs(value - self._at()) > 1e-9:
                self.slider.setValue(round((value - low) / (high - low) * places))
        self._value.setText(format_number(value))

    def _in(self, graph: Graph) -> float | None:
        """The number in a graph; None where its node is gone."""
        try:
            return self._dial.get(graph) if self._dial is not None else None
        except KeyError:
            return None

    def _at(self) -> float:
        """The number that the slider stands for."""
        assert self._dial is not None
        low, high, places = self._dial.low, self._dial.high, self._dial.places
        return round(low + (high - low) * self.slider.value() / places, 6)

    def _turned(self) -> None:
        if self._dial is None or self._under_way:
            return
        dial, value = self._dial, self._at()
        if not self._may_reset():
            self.slider.setSliderDown(False)  # The mouse was let go elsewhere, in the question.
            self._follow()
            return
        if self._document.attempt(f"Change {dial.title.lower()}",
                                  lambda graph: dial.set(graph, value), ("dial", dial.title)):
            self._under_way = True
            running = self._bridge.running
            self._bridge.reset()
            if running:
                self._bridge.run()
            else:
                self._bridge.step("batch")

    def _seen(self, snapshot: Snapshot) -> None:
        """A turn has been played: on to where the slider is by now."""
        if self._under_way and snapshot.state != "compiling" and snapshot.program is not None and (
                snapshot.step > 0 or snapshot.state in ("diverged", "failed")):
            value = self._in(snapshot.program.graph)
            if value is not None and value == self._in(self._document.graph):
                self._under_way = False
                if abs(self._at() - value) > 1e-9:
                    self._turned()
