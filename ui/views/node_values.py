"""Every tensor of the selected node: as a picture, as a histogram, and number by number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from playground.layers.base import show_shape, size_of
from playground.snapshot import Probe, Snapshot, TensorProbe
from ui.theme import theme, ui_font
from ui.views.array_table import ArrayModel, number_table
from ui.views.base import Table, View
from ui.views.histogram import Histogram, statistics
from ui.views.network import (
    category,
    has_batch_axis,
    sample_shape,
    tensors_of,
    trained_nodes,
)
from ui.views.numbers import format_number
from ui.views.pictures import PictureGrid, largest

Floats = NDArray[np.float32]
FAMILIAR = {
    "weights": "attention weights",
    "w": "weights w", "b": "bias b", "dw": "gradient of weights ∂w", "db": "gradient of bias ∂b",
    "y": "output y", "dy": "gradient of output ∂y", "z": "before activation z",
    "dz": "gradient before activation ∂z", "x": "data x", "target": "target",
    "batch_mean": "mean of the batch",
    "batch_var": "variance of the batch",
    "running_mean": "running mean", "running_var": "running variance",
}
ATTENDS = {3: ("sample", "query", "key"), 4: ("sample", "head", "query", "key")}
"""The axes of attention weights, with one head and with several."""
VALUES = 40_000
"""Of larger batches, only as many samples are copied as make about this many values."""


class NodeValuesView(View):
    """The numbers behind a node."""

    title = "Tensor"
    name = "node_values"

    def __init__(self, parent: QWidget | None = None, embedded: bool = False) -> None:
        super().__init__(parent)
        self.values: Floats = np.zeros((0, 1), np.float32)
        self._lead: tuple[int, ...] = (1,)
        """How the pictures are counted: the axes before their rows and columns."""
        self._listed: tuple[object, ...] = ()
        self._preferred = ""
        """The tensor that was chosen by hand; before that, each node shows what it is about."""

        self.tensor = QComboBox(self.body)
        self.tensor.setToolTip("Which tensor of the node to look at")
        self.tensor.setAccessibleName("Tensor")
        # Its longest entry must not make the inspector wider than its place.
        self.tensor.setMinimumContentsLength(6)
        self.tensor.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.tensor.currentIndexChanged.connect(self._choose)
        self.shape = QLabel(self.body)
        self.shape.setProperty("role", "secondary")
        self.shape.setFont(ui_font(12))
        self.picture = PictureGrid(self.body)
        self.picture.setAccessibleName("Values as a picture: red positive, blue negative")
        self.picture.pointed.connect(self._point)
        self.picture.clicked.connect(self._enlarge)
        self.histogram = Histogram(self.body)
        self.line = QLabel(self.body)
        self.line.setProperty("role", "secondary")
        self.line.setFont(ui_font(11))
        self.line.setWordWrap(True)
        self.model = ArrayModel(self)
        self.numbers = number_table("Values of the tensor", self.body)
        self.numbers.setModel(self.model)

        pages = QWidget(self.body)
        self._pages = QStackedLayout(pages)
        seen = QWidget(pages)
        both = QVBoxLayout(seen)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(8)
        both.addWidget(self.picture, 3)
        both.addWidget(self.histogram, 2)
        self._pages.addWidget(seen)
        self._pages.addWidget(self.numbers)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.tensor, 1)
        top.addWidget(self.shape)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(pages, 1)
        column.addWidget(self.line)

        self.as_numbers = self.header.switch(
            "numbers", "Every value as a number", self._show_numbers)
        self.log = self.header.switch(
            "log", "Logarithmic counts in the histogram", self.histogram.set_log)
        if embedded:
            self.header.title.hide()
            self.setMinimumHeight(300)
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def node(self) -> str | None:
        program = self.snapshot.program if self.snapshot else None
        if program is None:
            return None
        if self.selected is not None and tensors_of(program, self.selected):
            return self.selected
        return next(iter(trained_nodes(program)), None) if self.selected is None else None

    def wanted(self) -> frozenset[Probe]:
        probe = self._probe()
        return frozenset() if probe is None else frozenset({probe})

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Run or Step: the values of the selected node appear here."
        if self.node() is not None:
            return ""
        if not self.selected:
            return "Select a node to see its values."
        if self.selected not in snapshot.program.check.used:
            return (f"{self.selected} takes no part in the training, and holds no values. Connect "
                    "it on the way from the data to a loss, or select another node.")
        return f"{self.selected} holds no values of its own. Select another node."

    def draw(self, snapshot: Snapshot) -> None:
        self._list_tensors()
        probe = self._probe()
        values = snapshot.values.get(probe) if probe is not None else None
        node = self.node()
        assert snapshot.program is not None
        if probe is not None:
            tensor = snapshot.program.tensors[probe.name]
            self.shape.setText(show_shape(tensor.shape))
        self.header.note.show_text(node or "")
        if values is None:
            self._forget("" if snapshot.step or snapshot.position
                         else "Nothing is computed yet. Press Run or Step.")
            return
        self.values = np.asarray(values, np.float32)
        family = category(snapshot.program, node)
        self.line.setText(str(statistics(self.values)))
        if self.as_numbers.isChecked():
            self.model.show_array(self.values)
            return
        self.picture.show_array(self._sample(snapshot), largest(self.values))
        self.histogram.show_values(self.values, theme().family(family))

    def clear(self) -> None:
        super().clear()
        self._forget()

    def _forget(self, why: str = "") -> None:
        """Of a value that is not there, nothing is seen; least of all another one."""
        self.values = np.zeros((0, 1), np.float32)
        self.line.setText(why)
        self.model.show_array(self.values)
        self.picture.show_maps(np.zeros((0, 1, 1), np.float32))
        self.histogram.clear()

    def _sample(self, snapshot: Snapshot) -> Floats:
        """Of a batch of images or sequences the first sample; of a batch of vectors all."""
        probe = self._probe()
        assert probe is not None
        assert snapshot.program is not None
        tensor = snapshot.program.tensors[probe.name]
        shown = self.values
        if has_batch_axis(tensor) and self.values.ndim > 2 and len(self.values):
            shown = self.values[0]
        self._lead = shown.shape[:-2] or (1,)
        return shown

    def _probe(self) -> TensorProbe | None:
        program, node = self.snapshot.program if self.snapshot else None, self.node()
        if program is None or node is None:
            return None
        tensors = tensors_of(program, node)
        key = self._preferred if self._preferred in tensors else _first(list(tensors))
        if not key:
            return None
        each = size_of(sample_shape(tensors[key]))
        return TensorProbe(f"{node}.{key}", limit=max(1, min(64, VALUES // max(1, each))))

    def _list_tensors(self) -> None:
        program, node = self.snapshot.program if self.snapshot else None, self.node()
        if program is None or node is None:
            return
        keys = sorted(tensors_of(program, node), key=_rank)
        if self._listed != (node, *keys):
            self._listed = (node, *keys)
            self.tensor.blockSignals(True)
            self.tensor.clear()
            for key in keys:
                self.tensor.addItem(_title(key), key)
            self.tensor.blockSignals(False)
        probe = self._probe()
        at = self.tensor.findData(probe.name[len(node) + 1:]) if probe else -1
        if at != self.tensor.currentIndex():
            self.tensor.blockSignals(True)
            self.tensor.setCurrentIndex(at)
            self.tensor.blockSignals(False)

    def _choose(self, _: int) -> None:
        key = self.tensor.currentData()
        if isinstance(key, str):
            self._preferred = key  # kept for the next node: compare the same tensor of two layers
            self.picture.enlarge(None)
            self.refresh()

    def selection_changed(self) -> None:
        self.picture.enlarge(None)

    def _enlarge(self, index: int) -> None:
        alone = self.picture.alone is not None or len(self.picture.values) < 2
        self.picture.enlarge(None if alone else index)

    def _show_numbers(self, on: bool) -> None:
        self._pages.setCurrentIndex(1 if on else 0)
        self.refresh()

    def _point(self, index: int, row: int, column: int) -> None:
        if index < 0:
            self.header.note.show_text(self.node() or "")
            return
        value = format_number(self.picture.values[index, row, column], 4)
        place = [*map(int, np.unravel_index(index, self._lead)), row, column]
        axes = ATTENDS.get(self.values.ndim) if self.tensor.currentData() == "weights" else None
        told = str(place) if axes is None else ", ".join(
            f"{axis} {at}" for axis, at in zip(axes, place, strict=True))
        self.header.note.show_text(f"{told} = {value}")

    def table(self) -> Table | None:
        rows = self.values.reshape(-1, self.values.shape[-1]) if self.values.ndim else (
            self.values.reshape(1, 1))
        return [str(i) for i in range(rows.shape[1])], rows.tolist()


def _stem(key: str) -> str:
    """The name without its number: y2 is the second of several outputs."""
    return key if key in FAMILIAR else key.rstrip("0123456789")


def _title(key: str) -> str:
    stem = _stem(key)
    return FAMILIAR[stem] + key[len(stem):] if stem in FAMILIAR else key


def _rank(key: str) -> tuple[int, str]:
    order, stem = list(FAMILIAR), _stem(key)
    return (order.index(stem) if stem in order else len(order), key)


def _first(keys: list[str]) -> str | None:
    return min(keys, key=_rank) if keys else None


__all__ = ["NodeValuesView"]
