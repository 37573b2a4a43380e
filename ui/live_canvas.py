"""What the network does, shown on its nodes: pictures, gradient ticks, the node at work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from playground.emitter import Instruction
from playground.graph import Graph
from playground.layers.base import Layer, Signal
from playground.layers.data import DataLayer
from playground.layers.loss_layer import LossLayer
from playground.layers.unrolled import RecurrentLayer
from playground.snapshot import Probe, ResponsesProbe, Snapshot, TensorProbe, WorkspaceProbe
from ui.canvas.face import is_plane, shows_means
from ui.canvas.node_size import picture_rect
from ui.canvas.scene import CanvasScene
from ui.channel_means import channel_means
from ui.colormaps import SEQUENTIAL, magnitude_image, signed_image
from ui.theme import theme
from ui.views.numbers import format_number

Floats = NDArray[np.float32]
TILES = 4
STRIP_WIDTH = 32
"""Units in one row of a strip; a longer vector is folded into two rows."""
EVERY = 3
"""Pictures and ticks change with every third snapshot, at 10 Hz: more would only flicker."""
POINTS = 200
MEANS = ("batch_mean", "running_mean")
"""Of a batch norm: those of the batch, and those of validation."""
CHANNELS_FIRST = ("conv", "pool")
"""Families whose sequences are (channels, length); all others are (time, features)."""
ROLL = 16
"""Rows of a picture of symbols over time: more would be thinner than a pixel."""


class LiveCanvas(QWidget):
    """Feeds the scene from snapshots; to the bridge it is a view like any other."""

    def __init__(self, scene: CanvasScene, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._scene = scene
        self._count = 0
        self._has_run = False
        self._drawn: dict[str, object] = {}
        self._outdated = False
        self._shown: Snapshot | None = None
        self._last_run: tuple[Graph, int] | None = None
        """Of which network and step the ticks and pictures are, where there are any."""

    def isVisible(self) -> bool:
        """As long as the canvas is."""
        return any(view.isVisible() for view in self._scene.views())

    def probes(self) -> frozenset[Probe]:
        wanted: set[Probe] = set()
        check = self._scene.document.check
        plane = is_plane(self._scene.document.graph, check)
        if plane:
            wanted.add(ResponsesProbe(limit=TILES))
        for id in check.used:
            if id not in check.signals:
                continue  # Its error stands on it: a data file that is not there any more.
            layer = self._scene.document.graph.node(id).layer
            if not isinstance(layer, Layer) or isinstance(layer, LossLayer):
                continue
            if isinstance(layer, DataLayer):
                # Samples change with the batch; points only make a picture all together.
                if self._has_run and not _is_points(check.signals[id][0]):
                    wanted.add(TensorProbe(f"{id}.x", limit=3))
                else:
                    wanted |= {TensorProbe(f"{id}.{port}", limit=POINTS, source="data")
                               for port in ("x", "target")}
            elif isinstance(layer, RecurrentLayer) and layer.returns != "sequence":
                # The last state alone is a strip; how it came about is a picture.
                wanted.add(_states(id, layer))
            elif shows_means(layer) and not plane:
                wanted |= {TensorProbe(f"{id}.{name}") for name in MEANS}
            elif not layer.is_view:
                wanted |= {TensorProbe(f"{id}.{port}", sample=0) for port in layer.outputs}
        return frozenset(wanted)

    def set_outdated(self, on: bool) -> None:
        """What a node shows goes while it is of another node, of the network before an edit."""
        self._outdated = on
        if self._shown is not None:
            self.show_snapshot(self._shown)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        scene, self._shown = self._scene, snapshot
        failed = snapshot.node if snapshot.state in ("diverged", "failed") else None
        scene.set_failed(failed, (snapshot.brief or snapshot.message) if failed else "")
        instructions = snapshot.program.instructions if snapshot.program is not None else ()
        scene.set_stops(frozenset(filter(None, (instructions[i].node for i in snapshot.stops))))
        self._show_active(snapshot)
        self._has_run = snapshot.step > 0 or snapshot.position > 0
        self._count += 1
        if snapshot.state == "running" and self._count % EVERY:
            return
        still = self._is_still_shown(snapshot)
        if self._outdated:
            snapshot = self._of_the_same(snapshot)
        if not still:
            self._show_measured(snapshot)
        responses: dict[str, Floats] = {}
        for probe, values in snapshot.values.items():
            if isinstance(probe, ResponsesProbe):
                responses = values
        for id, maps in responses.items():
            scene.set_thumbnail(id, [signed_image(m, _scale(maps)) for m in maps])
        outputs: dict[str, dict[str, Floats]] = {}
        means: dict[str, dict[str, Floats]] = {}
        for probe, values in snapshot.values.items():
            if not isinstance(probe, TensorProbe | WorkspaceProbe):
                continue
            id, _, port = probe.name.rpartition(".")
            if id not in scene.document.graph or id not in scene.document.check.signals:
                continue  # The snapshot is of the network before an edit.
            layer = scene.document.graph.node(id).layer
            if not isinstance(layer, Layer) or (isinstance(probe, TensorProbe)
                    and isinstance(layer, DataLayer) and probe.sample is not None):
                continue  # One sample of the data is what another view has asked for.
            if isinstance(probe, WorkspaceProbe):
                if isinstance(layer, RecurrentLayer) and probe == _states(id, layer):
                    scene.set_thumbnail(id, [signed_image(values[1:].T)])
                continue
            if isinstance(layer, RecurrentLayer) and layer.returns != "sequence":
                continue
            if shows_means(layer) and port in MEANS:
                means.setdefault(id, {})[port] = values
            elif probe.sample == 0 and port in layer.outputs:
                outputs.setdefault(id, {})[port] = values if layer.category in CHANNELS_FIRST or (
                    values.ndim != 2) else values.T
            elif port == "x" and values.ndim == 4:
                scene.set_thumbnail(id, [_photograph(x) for x in values[:3]])
            elif port == "x" and values.ndim == 3:  # sequences: time from left to right
                scene.set_thumbnail(id, [signed_image(x.T) for x in values[:3]])
            elif port == "x" and values.ndim == 2:
                signals = scene.document.check.signals[id]
                if symbols := signals[0].classes:
                    scene.set_thumbnail(id, [_roll(x, symbols) for x in values[:3]])
                elif not _is_points(signals[0]):
                    scene.set_thumbnail(id, [signed_image(_folded(x)) for x in values[:3]])
                # Points stay as they are until the network is another one.
                elif self._drawn.get(id) is not snapshot.program or not scene.has_thumbnail(id):
                    self._drawn[id] = snapshot.program
                    target = snapshot.values.get(
                        TensorProbe(f"{id}.target", limit=POINTS, source="data"),
                        np.zeros(len(values)))
                    scene.set_thumbnail(id, [_points(values, target, bool(signals[1].classes))])
        for id, found in means.items():
            item = scene.nodes.get(id)
            if item is not None and len(found) == len(MEANS) and item.face.picture == "map":
                size = picture_rect(item.face, item.rect().width()).size()
                batch, running = (found[name] for name in MEANS)
                scene.set_thumbnail(id, [channel_means(batch, running, size)])
        for id, found in outputs.items():
            if id not in responses:
                scene.set_thumbnail(id, _pictures([found[port] for port in sorted(found)]))

    def _is_still_shown(self, snapshot: Snapshot) -> bool:
        """Whether nothing has run only because other threads were chosen: what the last step has
        left is on the canvas, and nowhere else."""
        now = None if snapshot.program is None else (snapshot.program.graph, snapshot.step)
        if snapshot.nodes:
            self._last_run = now if snapshot.step else None
            return False
        if snapshot.state == "paused" and now != self._last_run:
            self._last_run = None
        return self._last_run is not None

    def _show_measured(self, snapshot: Snapshot) -> None:
        """What the last step has left besides values: ticks and losses."""
        scene = self._scene
        scene.show_statistics(snapshot.nodes)
        if snapshot.program is not None:
            for id, loss in snapshot.losses.items():
                # NaN is what the loss is before its first step has come to it, too.
                measured = not np.isnan(loss) or snapshot.state == "diverged"
                scene.set_badge(id, format_number(loss) if measured else None)
        if snapshot.state == "paused" and not snapshot.nodes:
            # Nothing has run since the weights are what they are: no old pictures either.
            for node in scene.document.graph.nodes:
                if isinstance(node.layer, Layer) and node.layer.category != "data":
                    scene.set_thumbnail(node.id, [])

    def _of_the_same(self, snapshot: Snapshot) -> Snapshot:
        """Only what is of nodes that are still the same; the others lose what they have shown."""
        if snapshot.program is None:
            return snapshot
        graph, check = self._scene.document.graph, self._scene.document.check
        before, measured = snapshot.program.graph, snapshot.program.check
        others = {node.id for node in graph.nodes if node.id not in before
                  or type(node.layer) is not type(before.node(node.id).layer)
                  or check.signals.get(node.id) != measured.signals.get(node.id)}
        for id in others:
            self._scene.set_thumbnail(id, [])
            self._scene.set_badge(id, None)
        values = {probe: {id: maps for id, maps in found.items() if id not in others}
                  if isinstance(probe, ResponsesProbe) else found
                  for probe, found in snapshot.values.items()
                  if getattr(probe, "name", "").rpartition(".")[0] not in others}
        return replace(
            snapshot, values=values,
            nodes={id: found for id, found in snapshot.nodes.items() if id not in others},
            losses={id: found for id, found in snapshot.losses.items() if id not in others})

    def _show_active(self, snapshot: Snapshot) -> None:
        program = snapshot.program
        stopped = snapshot.state in ("paused", "diverged") and snapshot.position > 0
        if program is None or not stopped:
            self._scene.set_active(None)
            return
        instruction: Instruction = program.instructions[snapshot.position]
        text = "" if instruction.time is None else f"t = {instruction.time}"
        node = snapshot.nodes.get(instruction.node or "")
        if instruction.phase in ("clip", "update") and node is not None and (
                np.isfinite(node.grad_norm_before)):
            text = f"|g| {format_number(node.grad_norm_before)}"
        self._scene.set_active(instruction.node, instruction.phase, text)


def _is_points(x: Signal) -> bool:
    """Whether the data's samples are points of a plane."""
    return x.shape == (2,) and not x.classes


def _pictures(outputs: list[Floats]) -> list[QImage]:
    """One sample's outputs: of each the first maps of (channels, height, width), a sequence with
    time across, or a strip."""
    each = max(1, TILES // len(outputs))
    images: list[QImage] = []
    for y in outputs[:TILES]:
        images += ([signed_image(m, _scale(y[:each])) for m in y[:each]] if y.ndim == 3
                   else [signed_image(y if y.ndim == 2 else _folded(y.reshape(-1)))])
    return images


def _states(id: str, layer: RecurrentLayer) -> WorkspaceProbe:
    """What the top layer's cell gives over time."""
    return WorkspaceProbe(f"{id}.{layer.tracks(layer.layers - 1)[-1].array}", axis=1)


def _roll(x: Floats, symbols: int) -> QImage:
    """Numbers of symbols (time,) like a piano roll: a mark in the symbol's row at each step."""
    rows = min(symbols, ROLL)
    marks = np.zeros((rows, x.size), np.float32)
    at = x.astype(int).clip(0, symbols - 1) * rows // symbols
    marks[rows - 1 - at, np.arange(x.size)] = 1
    return magnitude_image(marks, 1.0)


def _folded(y: Floats) -> Floats:
    """A vector as one row or two, with the last row filled up."""
    if y.size <= STRIP_WIDTH:
        return y[None]
    width = -(-y.size // 2) if y.size <= 4 * STRIP_WIDTH else 2 * STRIP_WIDTH
    rows = min(4, -(-y.size // width))
    filled = np.zeros(rows * width, np.float32)
    filled[:min(y.size, filled.size)] = y[:filled.size]
    return filled.reshape(rows, width)


def _photograph(x: Floats) -> QImage:
    """An image (channels, height, width), whatever its scale."""
    low, high = float(x.min()), float(x.max())
    levels = (x - low) / ((high - low) or 1.0)
    if len(x) == 3:
        pixels = np.ascontiguousarray((levels * 255).astype(np.uint8).transpose(1, 2, 0))
        height, width = pixels.shape[:2]
        return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    return magnitude_image(levels[0], 1.0)


def _points(x: Floats, target: Floats, is_classes: bool) -> QImage:
    """A small scatter of points (n, 2), coloured by class or by value, on the node's own ground."""
    width, height = 240, 80
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    low, high = x.min(axis=0), x.max(axis=0)
    place = (x - low) / np.maximum(high - low, 1e-6)
    values = np.asarray(target, np.float32).reshape(len(x), -1)[:, 0]
    share = (values - values.min()) / max(float(np.ptp(values)), 1e-6)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    side = height - 12
    for (px, py), value, part in zip(place, values, share, strict=True):
        color = theme().series(int(value)) if is_classes else (
            QColor(*SEQUENTIAL[round(float(part) * 255)].tolist()))
        painter.setBrush(color)
        painter.drawEllipse(QPointF((width - side) / 2 + px * side, 6 + (1 - py) * side), 3.5, 3.5)
    painter.end()
    return image


def _scale(values: Floats) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 1.0

