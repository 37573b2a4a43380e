"""A convolution or a pooling as the matrix that it is: zeros, shared weights, routed gradients."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from playground.conv_matrix import weight_places
from playground.layers.base import Layer, Shape, size_of
from playground.layers.conv import Convolution
from playground.pool_matrix import has_matrix, pool_matrix
from playground.shapes import sources_of
from playground.snapshot import Probe, Snapshot, TensorProbe
from ui.elided import Elided
from ui.spin import Spin
from ui.theme import theme, ui_font
from ui.views.base import Table, View
from ui.views.matrix_picture import MatrixPicture, Places
from ui.views.network import node_order, tensors_of
from ui.views.numbers import format_number, format_share
from ui.views.pictures import PictureGrid, Tile, largest

if TYPE_CHECKING:
    from playground.program import Program

Floats = NDArray[np.float32]
MOST_PLACES = 1_000_000
"""A larger matrix would be a grey dust, and slow to draw."""
SECONDS = 0.12
"""Between two pictures while it runs: 8 Hz, as fast as numbers can be followed."""
CROPPED = 4
"""Places, in each direction, that a kernel is moved to when the input is cropped."""


@dataclass(frozen=True)
class Matrix:
    """places: equal numbers are one weight, -1 a zero. values: what stands there. x, y: the
    shapes of what its columns and rows are."""

    places: Places
    values: Floats
    x: Shape
    y: Shape


class MatrixView(View):
    """y = m x, for the selected convolution or pooling. Left the kernel; or what goes through a
    pooling in the batch: values, and gradients before and after."""

    title = "As a matrix"
    name = "matrix"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix: Matrix | None = None
        self._drawn: object = None
        self._asked: object = None
        self._drawn_at = 0.0
        self.picture = MatrixPicture(self.body)
        self.picture.setAccessibleName("The layer's matrix: rows are outputs, columns inputs")
        self.picture.pointed.connect(self._point)
        self.small = PictureGrid(self.body)
        self.small.setAccessibleName("The kernel, or values and gradients of the pooling")
        self.small.pointed.connect(self._point_small)
        self.line = Elided("secondary")
        self.line.setFont(ui_font(12))
        self.filter = self._spin("filter ", "Which output channel, or which channel of a pooling")
        self.channel = self._spin("channel ", "Which input channel of the filter")
        self.sample = self._spin("sample ", "Which sample of the batch")
        pictures = self._pictures = QHBoxLayout()
        pictures.setSpacing(16)
        pictures.addWidget(self.small, 1)
        pictures.addWidget(self.picture, 4)
        controls = QHBoxLayout()
        controls.setSpacing(8)
        for spin in (self.filter, self.channel, self.sample):
            controls.addWidget(spin)
        controls.addWidget(self.line, 1)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(8)
        column.addLayout(pictures, 1)
        column.addLayout(controls)

        header = self.header
        self.parts = header.choice({
            "one": ("one filter", "From one input channel to one output channel"),
            "all": ("all channels", "The whole layer: a block for each pair of channels"),
        }, lambda _: self.refresh(), "one")
        self.crop = header.switch("crop", "A smaller input, so that single entries can be seen",
                                  lambda _: self.refresh())
        self.by_value = header.switch(
            "values", "Colours tell the weights' values instead of which weight it is",
            lambda _: self.refresh())
        self.add_export_menu()

    def _spin(self, prefix: str, tip: str) -> Spin:
        spin = Spin(self.body)
        spin.setPrefix(prefix)
        spin.setRange(0, 999)
        spin.setMaximumWidth(110)
        spin.setToolTip(tip)
        spin.setAccessibleName(tip)
        spin.valueChanged.connect(lambda _: self.refresh())
        return spin

    # -- what to show -------------------------------------------------------------------------

    def node(self) -> str | None:
        """The selected node if it has a matrix, else the first that has."""
        program = self.snapshot.program if self.snapshot else None
        if program is None:
            return None
        able = [id for id in node_order(program) if id in program.check.inputs
                and _has_matrix(program.graph.node(id).layer)]
        return self.selected if self.selected in able else next(iter(able), None)

    def wanted(self) -> frozenset[Probe]:
        program, node = self.snapshot.program if self.snapshot else None, self.node()
        if program is None or node is None:
            return frozenset()
        if _is_conv(program, node):
            return frozenset({_weights_of(program, node)})
        return frozenset(self._pool_probes(program, node))

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Run or Step: a convolution or pooling is shown as a matrix here."
        program, node = snapshot.program, self.node()
        if node is None:
            return "No layer here is a convolution or pooling. Add one to see its matrix."
        layer = program.graph.node(node).layer
        if isinstance(layer, Convolution) and layer.padding_mode != "zeros":
            return (f"The border of {node} is not zeros: inputs count twice there, and no weight "
                    "has one place. Set its padding mode to zeros.")
        rows, columns = self._size(program, node)
        if rows * columns > MOST_PLACES:
            ways = [way for way, on in (("choose one filter", self._part() == "all"),
                                        ("crop the input", not self.crop.isChecked())) if on]
            return (f"The matrix of {node} has {rows:,} × {columns:,} places, too many to draw. "
                    + (f"Above, {' or '.join(ways)}." if ways and _is_conv(program, node) else
                       "Select a layer behind a pooling."))
        if not self.wanted() & snapshot.values.keys():
            return "Press Run or Step: a pooling has a matrix for each sample that it has seen."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        program, node = snapshot.program, self.node()
        assert program is not None
        assert node is not None
        now = time.perf_counter()
        asked = (program, node, self._part(), self.crop.isChecked(), self.by_value.isChecked(),
                 self.filter.value(), self.channel.value(), self.sample.value(), theme().dark)
        if snapshot.state == "running" and asked == self._asked and now - self._drawn_at < SECONDS:
            return
        self._asked, self._drawn_at = asked, now
        is_conv = _is_conv(program, node)
        self.channel.setVisible(is_conv and self._part() == "one")
        self.filter.setVisible(not is_conv or self._part() == "one")
        self.filter.setPrefix("filter " if is_conv else "channel ")
        self.sample.setVisible(not is_conv)
        for action in (*self.parts.values(), self.crop):
            action.setEnabled(is_conv)
        self._pictures.setStretch(0, 1 if is_conv else 2)
        if is_conv:
            self._draw_convolution(snapshot, program, node)
        else:
            self._draw_pooling(snapshot, program, node)
        self.header.note.show_text(node)
        self._point(*self.picture.over)

    def _draw_convolution(self, snapshot: Snapshot, program: Program, node: str) -> None:
        w = snapshot.values.get(_weights_of(program, node))
        layer, x = self._convolution(program, node)
        if w is None:
            return
        if self._part() == "one":
            self.filter.setMaximum(w.shape[0] - 1)
            self.channel.setMaximum(w.shape[1] - 1)
            w = w[self.filter.value(), self.channel.value()][None, None]
        y = layer.output_shape(x)
        key = (program, layer, x)
        if self._drawn != key or self.matrix is None:
            places = weight_places(layer, w.shape, x)
            self._drawn = key
        else:
            places = self.matrix.places
        values = np.where(places >= 0, w.ravel()[places], np.float32(0))
        self.matrix = Matrix(places, values, x, y)
        self.picture.show_matrix(places, values, self.by_value.isChecked())
        first = np.atleast_2d(w[0, 0])
        self.small.show_maps(first[None], largest(w), tiles=[Tile(
            "kernel", "The weights that the matrix is made of, filter and channel as below")])

    def _draw_pooling(self, snapshot: Snapshot, program: Program, node: str) -> None:
        source, *others = self._pool_probes(program, node)
        self.sample.setMaximum(program.batch - 1)
        x = snapshot.values.get(source)
        if x is None:
            return
        self.filter.setMaximum(len(x) - 1)
        channel = self.filter.value()
        layer = program.graph.node(node).layer
        assert isinstance(layer, Layer)
        values = pool_matrix(layer, x[channel])
        self._drawn = None
        y = layer.output_shape((1, *x.shape[1:]))
        # Every row has one colour: where that output comes from, and where its gradient goes.
        rows = np.arange(len(values), dtype=np.int32)[:, None]
        places = np.where(values != 0, rows, np.int32(-1))
        self.matrix = Matrix(places, values, (1, *x.shape[1:]), y)
        self.picture.show_matrix(places, values, self.by_value.isChecked())
        maps = [("x", np.atleast_2d(x[channel]))]
        for caption, probe in zip(("∂y", "∂x"), others, strict=True):
            if (found := snapshot.values.get(probe)) is not None:
                maps.append((caption, np.atleast_2d(found[channel])))
        self._show_maps(maps)

    def _show_maps(self, maps: Sequence[tuple[str, Floats]]) -> None:
        """Maps of different sizes and scales, each stretched to the largest and to its own."""
        height, width = np.max([values.shape for _, values in maps], axis=0)
        tips = {"x": "One channel as it comes in", "∂y": "The gradient that arrives from behind, "
                "one value for each window", "∂x": "Where it goes on to"}
        stretched = []
        for _, values in maps:
            rows = np.arange(height) * values.shape[0] // height
            columns = np.arange(width) * values.shape[1] // width
            stretched.append(values[rows][:, columns] / largest(values))
        self.small.show_maps(np.stack(stretched), 1.0,
                             tiles=[Tile(caption, tips[caption]) for caption, _ in maps])

    # -- inside -------------------------------------------------------------------------------

    def _part(self) -> str:
        return next(key for key, action in self.parts.items() if action.isChecked())

    def _convolution(self, program: Program, node: str) -> tuple[Convolution, Shape]:
        """The layer and its input, as far as they are shown."""
        layer, x = program.graph.node(node).layer, program.check.inputs[node][0].shape
        assert isinstance(layer, Convolution)
        if self._part() == "one":
            layer, x = msgspec.structs.replace(layer, channels=1, groups=1), (1, *x[1:])
        if self.crop.isChecked():
            reach, stride = layer.window.reach, layer.window.stride
            most = [reach[axis] + (CROPPED - 1) * stride[axis] for axis in range(2)]
            x = (x[0], *(min(size, limit) for size, limit in zip(
                x[1:], most[-len(x[1:]):], strict=True)))
        return layer, x

    def _size(self, program: Program, node: str) -> tuple[int, int]:
        """Rows and columns of what is asked for."""
        if _is_conv(program, node):
            layer, x = self._convolution(program, node)
            return size_of(layer.output_shape(x)), size_of(x)
        x = program.check.inputs[node][0].shape
        return size_of(program.check.signals[node][0].shape) // x[0], size_of(x[1:])

    def _pool_probes(self, program: Program, node: str) -> tuple[TensorProbe, ...]:
        """What comes in, the gradient of what goes out, and that of what comes in."""
        source = sources_of(program.graph, node)[0]
        assert source is not None
        before, port = source
        layer = program.graph.node(before).layer
        assert isinstance(layer, Layer)
        name = layer.outputs[port]
        names = [f"{before}.{name}", f"{node}.dy", f"{before}.d{name}"]
        # Where others read it too, the gradient of the source is not this layer's alone.
        if len(program.graph.outputs_of(before)) > 1 or names[2] not in program.tensors:
            names.pop()
        return tuple(TensorProbe(name, sample=self.sample.value()) for name in names)

    def _point_small(self, index: int, row: int, column: int) -> None:
        """What is pointed at in a picture beside a pooling's matrix is marked in it: a value's
        column, or the row of a gradient that arrives.
        """
        program, matrix = self.snapshot and self.snapshot.program, self.matrix
        marked = (-1, -1)
        if matrix and program and index >= 0 and not _is_conv(program, self.node() or ""):
            shape = matrix.y if index == 1 else matrix.x
            height, width = (1, *shape[1:])[-2:]
            _, shown_height, shown_width = self.small.values.shape
            number = row * height // shown_height * width + column * width // shown_width
            marked = (number, -1) if index == 1 else (-1, number)
        self.picture.mark(*marked)

    def _point(self, row: int, column: int) -> None:
        matrix, program, node = self.matrix, self.snapshot and self.snapshot.program, self.node()
        if matrix is None or not program or node is None:
            return
        if row < 0 or row >= len(matrix.places) or column >= matrix.places.shape[1]:
            self.line.show_text(self._summary(matrix, _is_conv(program, node)))
            return
        out, into = _place(row, matrix.y), _place(column, matrix.x)
        place, value = int(matrix.places[row, column]), float(matrix.values[row, column])
        where = f"output {out}, input {into}: "
        if place < 0:
            self.line.show_text(where + "zero, it does not look there")
        elif _is_conv(program, node):
            kernel = tensors_of(program, node_with_weights(program, node))["w"].shape[2:]
            at = np.unravel_index(place % size_of(kernel), kernel)
            self.line.show_text(
                f"{where}k[{', '.join(str(i) for i in at)}] = {format_number(value)}")
        else:
            share = "all" if value == 1 else format_share(value)
            self.line.show_text(f"{where}{share} of the gradient goes there")

    def _summary(self, matrix: Matrix, is_conv: bool) -> str:
        rows, columns = matrix.places.shape
        zeros = int((matrix.places < 0).sum())
        text = (f"{rows:,} × {columns:,} places: {zeros:,} zeros "
                f"({format_share(zeros / matrix.places.size)}), ")
        if is_conv:
            return text + f"{len(np.unique(matrix.places[matrix.places >= 0])):,} weights"
        each = (matrix.places >= 0).sum(axis=1)
        return text + (f"{each.min()} in a row" if each.min() == each.max() else
                       f"{each.min()} to {each.max()} in a row") + ", nothing to learn"

    def table(self) -> Table | None:
        if self.matrix is None:
            return None
        names = [f"input {_place(i, self.matrix.x)}" for i in range(self.matrix.places.shape[1])]
        return ["output", *names], [
            [f"{_place(i, self.matrix.y)}", *row]
            for i, row in enumerate(self.matrix.values.tolist())]


def _has_matrix(layer: object) -> bool:
    return isinstance(layer, Convolution) or has_matrix(layer)


def _is_conv(program: Program, node: str) -> bool:
    return node in program.graph and isinstance(program.graph.node(node).layer, Convolution)


def node_with_weights(program: Program, node: str) -> str:
    """The node itself, or the one whose weights it uses."""
    return program.graph.node(node).shares or node


def _weights_of(program: Program, node: str) -> TensorProbe:
    return TensorProbe(f"{node_with_weights(program, node)}.w")


def _place(number: int, shape: Shape) -> str:
    """Where the value of this number is, as [channel, row, column]; of one channel without it."""
    at = np.unravel_index(number, shape)
    return f"[{', '.join(str(i) for i in (at[1:] if shape[0] == 1 and len(at) > 1 else at))}]"


__all__ = ["Matrix", "MatrixView"]
