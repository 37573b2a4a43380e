"""What a layer looks for (filters) and what it finds in one sample (feature maps)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from playground.layers.base import show_shape
from playground.snapshot import Probe, Snapshot, TensorProbe
from ui.elided import Elided
from ui.spin import Spin
from ui.theme import ui_font
from ui.views.base import Table, View
from ui.views.network import (
    category,
    data_nodes,
    main_output,
    node_order,
    sample_shape,
    tensors_of,
    trained_nodes,
)
from ui.views.numbers import format_number
from ui.views.pictures import PictureGrid, grey_levels, largest

if TYPE_CHECKING:
    from playground.program import Program

Floats = NDArray[np.float32]
MOST_MOVED = 4
"""Pixels."""
Source = Literal["batch", "validation"]


class Section(QWidget):
    """A caption over a grid of pictures."""

    toggled = Signal()
    """A map was enlarged or put back."""

    def __init__(self, caption: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = caption
        self.caption = QLabel(caption.upper(), self)
        self.caption.setProperty("role", "caption")
        self.caption.setToolTip(tip)
        self.grid = PictureGrid(self)
        self.grid.setAccessibleName(caption)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.caption)
        column.addWidget(self.grid, 1)
        self.grid.clicked.connect(self._toggle)

    def show_array(self, values: Floats | None, name: str, shape: str, picture: bool,
                   reach: float | None = None) -> None:
        """Signed numbers, or a picture as people see it. reach: the largest number of the scale,
        where that is not theirs.
        """
        if values is None:
            return
        self.name = name
        alone = "" if self.grid.alone is None else f" · number {self.grid.alone}"
        self.caption.setText(f"{name.upper()} · {shape}{alone}")
        if picture and values.ndim == 3 and values.shape[0] in (1, 3):
            self.grid.show_colors(grey_levels(values[None]))
        else:
            self.grid.show_array(values, largest(values) if reach is None else reach)

    def _toggle(self, index: int) -> None:
        self.grid.enlarge(None if self.grid.alone is not None or len(self.grid.values) < 2
                          else index)
        self.toggled.emit()


class FeatureMapsView(View):
    """Input, filters and feature maps of the selected node, or of the first convolution."""

    title = "Filters & feature maps"
    name = "feature_maps"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.input = Section("input", "The sample that goes in", self.body)
        self.filters = Section(
            "filters", "The weights; red is positive, blue negative, one scale for all. "
            "Click one to enlarge it.", self.body)
        self.maps = Section(
            "maps", "What the layer gives for this sample, one scale for all. "
            "Click one to enlarge it.", self.body)

        self.sections = (self.input, self.filters, self.maps)
        for section in self.sections:
            section.toggled.connect(self.refresh)

        self.source = QComboBox(self.body)
        self.source.addItems(["this batch", "validation"])
        self.source.setToolTip("Samples of the batch in training (what stepping shows), or of the "
                               "validation data with the weights as they are")
        self.source.setAccessibleName("Where the sample comes from")
        self.sample = Spin(self.body)
        self.sample.setRange(0, 999_999)
        self.sample.setPrefix("sample ")
        self.sample.setToolTip("Which sample to show")
        self.sample.setAccessibleName("Sample")
        self.moved = Spin(self.body)
        self.moved.setRange(-MOST_MOVED, MOST_MOVED)
        self.moved.setPrefix("moved ")
        self.moved.setSuffix(" px")
        for box in (self.sample, self.moved):
            box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.moved.setToolTip(
            "Move the sample to the right before it goes in, or to the left (-): what the layer "
            "gives stands beside what it gives unmoved, with how much has changed. Pooling is what "
            "makes that less.")
        self.moved.setAccessibleName("Pixels by which the sample is moved")
        self.moved.valueChanged.connect(self._move)
        self.reading = Elided("secondary")
        self.reading.setFont(ui_font(12))
        self._told = ""
        self.source.currentIndexChanged.connect(lambda _: self.refresh())
        self.sample.valueChanged.connect(lambda _: self.refresh())

        self._columns = QHBoxLayout()
        self._columns.setSpacing(16)
        for section, stretch in ((self.input, 2), (self.filters, 4), (self.maps, 6)):
            self._columns.addWidget(section, stretch)
            section.grid.pointed.connect(
                lambda i, r, c, section=section: self._point(section, i, r, c))
        controls = QHBoxLayout()
        controls.setSpacing(8)
        controls.addWidget(self.source)
        controls.addWidget(self.sample)
        controls.addWidget(self.moved)
        controls.addWidget(self.reading, 1)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(8)
        column.addLayout(self._columns, 1)
        column.addLayout(controls)

        header = self.header
        self.parts = header.choice({
            "all": ("both", "Filters and feature maps"),
            "filters": ("filters", "Only the filters"),
            "maps": ("maps", "Only the feature maps"),
        }, lambda _: self.refresh(), "all")
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def node(self) -> str | None:
        """The selected node if it has something to show, else the first convolution."""
        program = self.snapshot.program if self.snapshot else None
        if program is None:
            return None
        if self.selected is not None and (_weights(program, self.selected)
                                          or _output(program, self.selected)):
            return self.selected
        trained = trained_nodes(program)
        like_conv = [n for n in trained
                     if (w := _weights(program, n)) and len(program.tensors[w].shape) >= 3]
        others = [n for n in node_order(program) if _output(program, n)]
        return next(iter((*like_conv, *trained, *others)), None)

    def wanted(self) -> frozenset[Probe]:
        program = self.snapshot.program if self.snapshot else None
        node = self.node()
        if program is None or node is None:
            return frozenset()
        probes: set[Probe] = set()
        part = self._part()
        weights, output = _weights(program, node), _output(program, node)
        if weights and part != "maps" and not self._moves():
            probes.add(TensorProbe(weights))
        if part != "filters":
            for name in (output, _input(program)):
                if name:
                    probes |= {self._of_sample(name), self._of_sample(name, self._moves())}
        return frozenset(probes)

    def _of_sample(self, name: str, moved: int = 0) -> TensorProbe:
        source: Source = "validation" if self.source.currentIndex() else "batch"
        return TensorProbe(name, sample=self.sample.value(), source=source, moved=moved)

    def _moves(self) -> int:
        """By how many pixels; pictures can be moved, as the network sees them anew: not those of
        the batch in training."""
        possible = (self.source.currentIndex() and self._part() != "filters"
                    and self._is_picture())
        return self.moved.value() if possible else 0

    def _is_picture(self) -> bool:
        program = self.snapshot.program if self.snapshot else None
        name = _input(program) if program is not None else None
        return bool(program and name and len(sample_shape(program.tensors[name])) == 3)

    def _move(self) -> None:
        """Only a validation sample can be moved."""
        if self.moved.value():
            self.source.setCurrentIndex(1)
        self.refresh()

    def selection_changed(self) -> None:
        for section in self.sections:
            section.grid.enlarge(None)

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Run or Step: filters and feature maps appear here."
        if self.node() is None:
            return "Add a convolution or dense layer to see its filters."
        if self._part() == "maps" and not snapshot.nodes and not (
                self.wanted() & snapshot.values.keys()):
            return "Press Run or Step: feature maps appear here."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        program, node = snapshot.program, self.node()
        assert program is not None
        assert node is not None
        if self.source.currentIndex() == 0:
            self.sample.setMaximum(max(0, program.batch - 1))
        else:
            self.sample.setMaximum(999_999)
        self.moved.setVisible(self._is_picture() and self._part() != "filters")
        if not snapshot.nodes:
            for section in self.sections:  # What was enlarged may be gone, after a reset.
                if section is not self.filters:
                    section.grid.enlarge(None)
        weights, output, data = _weights(program, node), _output(program, node), _input(program)
        wanted, moves = self.wanted(), self._moves()

        def of_sample(name: str | None, moved: int) -> Floats | None:
            probe = self._of_sample(name or "", moved)
            return snapshot.values.get(probe) if probe in wanted else None

        before, after = of_sample(output, 0), of_sample(output, moves)
        given, moved = of_sample(data, 0), of_sample(data, moves)
        maps = output is not None and len(sample_shape(program.tensors[output])) > 1
        caption = "maps" if maps else "outputs"
        self._show(self.input, "input", program, data, moved, picture=True)
        self._tell(f"input: {change(given, moved):.0%} changed"
                   if moves and given is not None and moved is not None else "")
        self._columns.setStretch(1, 6 if moves else 4)
        if moves and before is not None and after is not None:
            reach = max(largest(before), largest(after))
            self._show(self.filters, f"{caption} before", program, output, before, reach=reach)
            self._show(self.maps, "moved", program, output, after, reach=reach,
                       told=f"{change(before, after):.0%} changed")
        else:
            probe = TensorProbe(weights or "")
            shape = program.tensors[weights].shape if weights else ()
            self._show(self.filters, "filters" if len(shape) > 2 else "weights", program, weights,
                       snapshot.values.get(probe) if probe in wanted else None)
            self._show(self.maps, caption, program, output, after)
        where = "validation" if self.source.currentIndex() else "batch"
        self.header.note.show_text(
            node if self._part() == "filters"
            else f"{node} · {where} sample {self.sample.value()}")

    def _tell(self, text: str) -> None:
        """What stands below the maps where no number of them is pointed at."""
        if self.reading.whole == self._told:
            self.reading.show_text(text)
        self._told = text

    def _show(self, section: Section, caption: str, program: Program, name: str | None,
              values: Floats | None, picture: bool = False, reach: float | None = None,
              told: str = "") -> None:
        shape = told or (show_shape(sample_shape(program.tensors[name])) if name else "")
        # An enlarged map has the panel to itself: its numbers need the room.
        alone = next((s for s in self.sections if s.grid.alone is not None), section)
        section.setVisible(values is not None and section is alone)
        section.show_array(values, caption, shape, picture, reach)

    def _part(self) -> str:
        return next(key for key, action in self.parts.items() if action.isChecked())

    def _point(self, section: Section, index: int, row: int, column: int) -> None:
        if index < 0:
            self.reading.show_text(self._told)
            return
        values = section.grid.values[index]
        what = f"{section.name.rstrip('s')} {index}"
        if section.name == "filters" and (name := self._weights_shape()) and len(name) == 4:
            what = f"filter {index // name[1]}, channel {index % name[1]}"
        finite = values[np.isfinite(values)]
        span = (f"{format_number(finite.min())} … {format_number(finite.max())}" if finite.size
                else "nothing finite")
        self.reading.show_text(
            f"{what} · {span} · [{row}, {column}] = {format_number(values[row, column])}")

    def _weights_shape(self) -> tuple[int, ...] | None:
        program, node = self.snapshot.program if self.snapshot else None, self.node()
        name = _weights(program, node) if program and node else None
        return program.tensors[name].shape if program and name else None

    def table(self) -> Table | None:
        rows: list[list[object]] = []
        for section in self.sections:
            if section.isHidden():
                continue
            for i in range(len(section.grid.values)):
                rows += [[section.name, i, r, *line]
                         for r, line in enumerate(section.grid.lines(i))]
        return ["what", "map", "row", "values"], rows

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            for section in self.sections:
                section.grid.enlarge(None)
            self.refresh()
        else:
            super().keyPressEvent(event)


def _weights(program: Program, node: str) -> str | None:
    """The node's first parameter with at least two axes."""
    return next((tensor.name for tensor in tensors_of(program, node).values()
                 if tensor.region == "parameters" and len(tensor.shape) >= 2), None)


def _output(program: Program, node: str) -> str | None:
    port = main_output(program, node)
    tensor = tensors_of(program, node).get(port) if port else None
    return tensor.name if tensor is not None and category(program, node) != "loss" else None


def change(before: Floats, after: Floats) -> float:
    """How far `after` is from `before`, as a share of how large that is."""
    size = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / size if size else float("nan")


def _input(program: Program) -> str | None:
    """What comes out of the first data node."""
    return next((f"{data}.x" for data in data_nodes(program) if f"{data}.x" in program.tensors),
                None)


__all__ = ["FeatureMapsView", "change"]
