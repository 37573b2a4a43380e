"""What a node makes of samples, in two dimensions; and of a code, what the decoder draws there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from playground.generation import Decoder, find_decoder, hidden_node
from playground.representation import turned_like
from playground.snapshot import (
    DecodedProbe,
    Probe,
    Representation,
    RepresentationProbe,
    Snapshot,
)
from ui.elided import Elided
from ui.theme import ui_font
from ui.views.base import Table, View
from ui.views.network import main_output
from ui.views.numbers import format_count, format_number, format_share
from ui.views.pictures import PictureGrid, Tile, brightness, grey_levels
from ui.views.scatter import Scatter
from ui.views.tsne_job import TsneJob

if TYPE_CHECKING:
    from playground.program import Program

Floats = NDArray[np.float32]
Mode = Literal["plane", "tsne"]
LIVE, FOR_TSNE = 500, 1000
"""Samples of the moving picture, and of the one that is made once."""
KEPT = 50
"""Principal components that t-SNE reads: the rest is noise, and costs time."""
SIDE = (0.28, 64, 200)
"""Of the width, that the picture beside the plane have: a share, and limits in pixels."""


class RepresentationView(View):
    """The validation samples where the chosen node puts them: two values as they are, more by
    their principal components, live; or by t-SNE, a picture of one moment."""

    title = "Representation"
    name = "representation"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mode: Mode = "plane"
        self.shown: Representation | None = None
        self.job: TsneJob | None = None
        self._wants_tsne = False
        self._map: tuple[str, int, Representation, Floats] | None = None
        """Of the last t-SNE: node, step, its samples and where they are."""
        self._running: tuple[str, int, Representation] | None = None
        self._used: Representation | None = None
        """What the last run read: refreshing waits for another answer."""
        self._trouble = ""
        self._program: Program | None = None
        self._default: str | None = None
        self._decoder: Decoder | None = None
        self._over = -1

        self.scatter = Scatter(self.body)
        self.scatter.pointed.connect(self._point)
        self.scatter.marked.connect(self._mark)
        self.decoded = PictureGrid(self.body)
        self.decoded.setAccessibleName("What the decoder draws of the place of the marker")
        self.side = QWidget(self.body)
        beside = QVBoxLayout(self.side)
        beside.setContentsMargins(0, 6, 12, 0)
        beside.addWidget(self.decoded, 1)
        self.progress = QProgressBar(self.body)
        self.progress.setFixedHeight(3)
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 100)
        self.progress.setAccessibleName("How far t-SNE is")
        self.line = Elided("secondary")
        self.line.setFont(ui_font(12))
        self.line.setContentsMargins(12, 0, 12, 0)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.scatter, 1)
        row.addWidget(self.side)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(2)
        column.addWidget(self.progress)
        column.addLayout(row, 1)
        column.addWidget(self.scatter.legend)
        column.addWidget(self.line)
        self.progress.hide()

        self.modes = self.header.choice({
            "plane": ("PCA", "The two directions in which the samples differ most, live; two "
                             "values are shown as they are"),
            "tsne": ("t-SNE", "Who is near whom among all values: a picture of one moment, made "
                              "in a few seconds"),
        }, self._choose, "plane")
        self.pictures = self.header.switch(
            "pictures", "What the decoder draws of each place of the plane, behind the points",
            lambda _: self._again())
        self.again = self.header.command(
            "refresh", "Make the picture anew, of the network as it is now", self._refresh_tsne)
        self.again.setVisible(False)
        self.header.note_room = 0
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def node(self) -> str | None:
        """The selected node if something comes out of it; else the code, or what is left of the
        network without its output layer."""
        program = self.snapshot.program if self.snapshot else None
        if program is None:
            return None
        self._look_at(program)
        if (self.selected is not None and self.selected in program.check.used
                and main_output(program, self.selected)):
            return self.selected
        return self._default

    def decoder(self) -> Decoder | None:
        """Where the plane shown is that of a code which a decoder follows."""
        node, found = self.node(), self._decoder
        fits = found is not None and node in (found.entrance, found.code)
        return found if fits and self.mode == "plane" else None

    def wanted(self) -> frozenset[Probe]:
        node = self.node()
        if node is None:
            return frozenset()
        probes: set[Probe] = set()
        if self.mode == "plane":
            probes.add(RepresentationProbe(node, limit=LIVE))
        elif self._wants_tsne:
            probes.add(RepresentationProbe(node, KEPT, FOR_TSNE))
        if self.decoder() is not None and self.shown is not None:
            x, y = self.scatter.marked_at
            probes.add(DecodedProbe((x,), (y,)))
            if self.pictures.isChecked():
                probes.add(DecodedProbe(*self.scatter.places()))
        return frozenset(probes)

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Run: where the network puts its samples appears here."
        if self.node() is None:
            return "No node here holds values of samples. Select one on the canvas."
        return self._trouble if self.mode == "tsne" else ""

    def draw(self, snapshot: Snapshot) -> None:
        node = self.node()
        assert node is not None
        if self.mode == "plane":
            found = snapshot.values.get(RepresentationProbe(node, limit=LIVE))
            if found is not None:
                self._show_plane(found)
        else:
            found = snapshot.values.get(RepresentationProbe(node, KEPT, FOR_TSNE))
            if self._wants_tsne and found is not None and found is not self._used:
                self._start(found, snapshot.step)
            self._show_map(node)
        self._show_side(snapshot)
        self._dress_header(node)

    def selection_changed(self) -> None:
        self._turn_to_node()

    def restyle(self) -> None:
        self.scatter.restyle()

    def unseen(self) -> None:
        """Nobody looks: what runs ends, and begins anew when somebody does."""
        self._wants_tsne = self._wants_tsne or self.job is not None
        self._stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        share, least, most = SIDE
        self.side.setFixedWidth(round(min(most, max(least, share * self.width()))) + 12)
        super().resizeEvent(event)

    def table(self) -> Table | None:
        if self.shown is None:
            return None
        labels = self.shown.labels
        return ["sample", "class", "x", "y"], [
            [i, "" if labels is None else self.shown.classes[labels[i]], *place]
            for i, place in enumerate(self.scatter.points.tolist())]

    # -- the plane ----------------------------------------------------------------------------

    def _show_plane(self, found: Representation) -> None:
        if found is self.shown:
            return
        before, values = self.shown, found.values
        if found.units == 1:
            values = np.hstack([values, np.zeros_like(values)])
        elif found.shares is not None and before is not None and before.node == found.node:
            values = turned_like(values, self.scatter.points)
        self.shown = found
        self.scatter.show_points(values, found.labels, found.classes, found.ordered)
        if found.shares is None:
            self.scatter.name_axes(f"{found.node} · value 1",
                                   "value 2" if found.units > 1 else "")
        else:
            across, up = (f"component {i + 1} · {format_share(float(share))}"
                          for i, share in enumerate(found.shares))
            self.scatter.name_axes(across, up)
        self.scatter.show_marker(self.decoder() is not None)

    def _show_side(self, snapshot: Snapshot) -> None:
        """The decoded picture, the sample under the mouse, and pictures behind the points."""
        shown, decoder = self.shown, self.decoder()
        self.side.setVisible(decoder is not None)
        if shown is None or shown.x.ndim != 4:
            self.scatter.show_pictures(None)
            self.scatter.show_portrait(None)
            return
        ends = brightness(shown.x)
        for probe, drawn in snapshot.values.items():
            # Of the place of a moment ago, if the marker has moved since.
            if decoder is None or not isinstance(probe, DecodedProbe):
                continue
            pixels = grey_levels(drawn.reshape(-1, *drawn.shape[2:]), ends)
            if len(probe.x) == 1:
                self.decoded.show_colors(pixels, [
                    Tile("decoded", f"What the decoder draws of ({probe.x[0]:.2f}, "
                                    f"{probe.y[0]:.2f}). Drag the marker, or click into the "
                                    "plane.")])
            elif self.pictures.isChecked():
                self.scatter.show_pictures(
                    pixels.reshape(*drawn.shape[:2], *pixels.shape[1:]), _extent(probe))
        if not self.pictures.isChecked() or decoder is None:
            self.scatter.show_pictures(None)
        pointed = 0 <= self._over < len(shown.x)
        self.scatter.show_portrait(
            grey_levels(shown.x[self._over][None], ends)[0] if pointed else None)

    # -- t-SNE --------------------------------------------------------------------------------

    def _refresh_tsne(self) -> None:
        """Start anew; or stop, while it runs."""
        if self.job is not None:
            self._stop()
        else:
            self._trouble, self._wants_tsne = "", True
        self._again()

    def _start(self, found: Representation, step: int) -> None:
        self._stop()
        self._wants_tsne = False
        self._running, self._used = (found.node, step, found), found
        self.job = TsneJob(found.values)
        self.job.moved.connect(self._moved)
        self.job.ended.connect(self._ended)
        self.progress.show()
        self.job.start()

    def _stop(self) -> None:
        if self.job is not None:
            self.job.stop()
        self.job, self._running = None, None
        self.progress.setValue(0)
        self.progress.hide()

    def _moved(self, job: object, share: float, points: Floats) -> None:
        if job is not self.job or self._running is None:
            return  # a report of one that was stopped meanwhile
        self._map = (*self._running, points)
        self.progress.setValue(round(100 * share))
        self._again()

    def _ended(self, job: object, points: Floats | None, sentence: str) -> None:
        if job is not self.job or self._running is None:
            return
        if points is not None:
            self._map = (*self._running, points)
        self._trouble = sentence
        self._stop()
        self._again()

    def _show_map(self, node: str) -> None:
        if self._map is None or self._map[0] != node:
            self.scatter.show_points(np.zeros((0, 2), np.float32), None, ())
            self.shown = None
        else:
            _, _, self.shown, points = self._map
            self.scatter.show_points(points, self.shown.labels, self.shown.classes,
                                     self.shown.ordered)
        self.scatter.name_axes("", "", numbers=False)
        self.scatter.show_marker(False)

    # -- inside -------------------------------------------------------------------------------

    def _look_at(self, program: Program) -> None:
        """What never changes about a network; what was shown of another one goes."""
        if program is self._program:
            return
        self._program = program
        graph, check, loss = program.graph, program.check, program.loss_node
        self._decoder = find_decoder(graph, check, loss)
        self._default = (self._decoder.code if self._decoder is not None
                         else hidden_node(graph, check, loss))
        self._map = None
        self._stop()
        self._turn_to_node()

    def _choose(self, key: str) -> None:
        self.mode = "tsne" if key == "tsne" else "plane"
        self.scatter.plot.follow()
        self._turn_to_node()
        self._again()

    def _turn_to_node(self) -> None:
        """Another node or mode: what was shown is of no use for it."""
        self.shown, self._trouble = None, ""
        self.scatter.moved = False
        self.scatter.plot.follow()
        node = self.node()
        if self.mode == "plane" or (self._running is not None and self._running[0] != node):
            self._stop()
        self._wants_tsne = (self.mode == "tsne" and self.job is None
                            and (self._map is None or self._map[0] != node))

    def _dress_header(self, node: str) -> None:
        found, decoder = self.shown, self.decoder()
        direct = found is not None and found.shares is None and self.mode == "plane"
        self.modes["plane"].setText("values" if direct else "PCA")
        self.pictures.setVisible(decoder is not None)
        self.again.setVisible(self.mode == "tsne")
        self.again.setText("refresh" if self.job is None else "stop")
        units = f" · {format_count(found.units)} units" if found is not None else ""
        self.header.note.show_text(f"{node}{units}")
        self._tell()

    def _tell(self) -> None:
        """The sample under the mouse, or what the picture is."""
        shown = self.shown
        if shown is not None and 0 <= self._over < len(self.scatter.points):
            x, y = (format_number(float(v)) for v in self.scatter.points[self._over])
            self.line.show_text(f"sample {self._over}: {self._name(self._over)} at ({x}, {y})"
                              if self.mode == "plane" else
                              f"sample {self._over}: {self._name(self._over)}")
            return
        if self.mode == "tsne":
            self.line.show_text(self._tsne_line())
            return
        if shown is None:
            self.line.show_text("")
            return
        lost = int((~np.isfinite(self.scatter.points).all(axis=1)).sum())
        text = f"{len(shown.values)} validation samples"
        if shown.shares is not None:
            text += (f" in two directions with {format_share(float(shown.shares.sum()))} of the "
                     "variance")
        if lost:
            text += f", {lost} of them with values that are not finite, and so not here"
        if self.decoder() is not None:
            text += " · drag the marker to decode a place"
        self.line.show_text(text)

    def _tsne_line(self) -> str:
        if self._running is not None:
            return (f"t-SNE of step {format_count(self._running[1])}: {self.progress.value()} % "
                    f"of the way, {len(self._running[2].values)} samples")
        if self._map is not None and self.shown is not None:
            return (f"t-SNE of step {format_count(self._map[1])}, {len(self.shown.values)} "
                    "samples: near is alike, far says little")
        return "t-SNE begins…" if self._wants_tsne else "Press refresh to make it."

    def _name(self, index: int) -> str:
        shown = self.shown
        if shown is None or shown.labels is None or not index < len(shown.labels):
            return "no class"
        number: int = shown.labels[index]
        return shown.classes[number]

    def _point(self, index: int) -> None:
        self._over = index
        self._again()

    def _mark(self) -> None:
        self._again()

    def _again(self) -> None:
        if self.snapshot is not None:
            self.refresh()


def _extent(probe: DecodedProbe) -> tuple[float, float, float, float]:
    """Of the pictures around the places, which are evenly spaced: x0, x1, y0, y1."""
    half_x, half_y = (abs(at[1] - at[0]) / 2 for at in (probe.x, probe.y))
    return probe.x[0] - half_x, probe.x[-1] + half_x, probe.y[-1] - half_y, probe.y[0] + half_y


__all__ = ["RepresentationView"]
