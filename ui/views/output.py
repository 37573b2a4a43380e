"""What the network gives: a decision boundary, a confusion matrix, single predictions, or what it
has made over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from playground.snapshot import (
    BoundaryProbe,
    ConfusionProbe,
    FilmProbe,
    PredictionsProbe,
    Probe,
    Snapshot,
)
from ui.views.base import Table, View
from ui.views.boundary import BoundaryPlot
from ui.views.confusion import ConfusionGrid, recalls
from ui.views.film import FilmStrip
from ui.views.network import data_nodes, generates, makes_samples, sample_shape
from ui.views.numbers import format_number, format_share, of_step
from ui.views.predictions import PredictionsPanel

if TYPE_CHECKING:
    from playground.program import Program

Mode = Literal["boundary", "confusion", "predictions"]
MODES: tuple[Mode, ...] = ("boundary", "confusion", "predictions")
CLASS_NAMES = PredictionsProbe(count=1)
"""The confusion matrix has no names of its own."""


class OutputView(View):
    """One of three pictures of the output, the first that suits the data unless chosen; or, of a
    network that makes samples, a film of them."""

    title = "Output"
    name = "output"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chosen: Mode | None = None
        self.boundary = BoundaryPlot(self.body)
        self.confusion = ConfusionGrid(self.body)
        self.predictions = PredictionsPanel(self.body)
        pages = QWidget(self.body)
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.boundary)
        padded = QWidget(pages)
        inner = QVBoxLayout(padded)
        inner.setContentsMargins(12, 0, 12, 8)
        inner.addWidget(self.confusion)
        self._pages.addWidget(padded)
        self._pages.addWidget(self.predictions)
        self.film = FilmStrip(self.body)
        self._pages.addWidget(self.film)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(pages)

        self.modes = self.header.choice({
            "boundary": ("boundary", "The output over the plane of two inputs, or over one input"),
            "confusion": ("confusion", "True against predicted classes"),
            "predictions": ("samples", "Single samples and what the network says of them"),
        }, self._choose, "boundary")
        self.over_time = self.header.switch(
            "over time", "What the network made on its way, always of the same random numbers or "
                         "samples", lambda _: self.refresh())
        self.worst = self.header.switch(
            "worst first", "Sort the samples: the most mistaken first", self._sort)
        self.train = self.header.switch(
            "train", "Training data instead of validation data", self._split)
        self.header.note_room = 0
        self.add_export_menu()

    # -- what to show -------------------------------------------------------------------------

    def mode(self) -> Mode:
        """The chosen one where the data allow it, or else what suits them."""
        allowed = self.allowed()
        if self.chosen in allowed:
            return self.chosen
        if "boundary" in allowed:
            return "boundary"
        program = self.snapshot.program if self.snapshot else None
        if "confusion" not in allowed or program is None or (
                len(_input_shape(program)) == 3 or _has_tokens(program)):
            return "predictions"
        return "confusion"

    def allowed(self) -> tuple[Mode, ...]:
        """A boundary needs one or two features, and a confusion matrix classes; both it and samples
        need an answer, which a generator does not give."""
        program = self.snapshot.program if self.snapshot else None
        answers = program is None or not generates(program)
        needs: dict[Mode, bool] = {
            "boundary": program is not None and _input_shape(program) in ((1,), (2,)),
            "confusion": answers and self._has_classes(), "predictions": answers}
        return tuple(mode for mode in MODES if needs[mode])

    def wanted(self) -> frozenset[Probe]:
        if self.snapshot is None or self.snapshot.program is None:
            return frozenset()
        if self._shows_film():
            return frozenset({FilmProbe()})
        mode = self.mode()
        if mode == "boundary":
            return frozenset({BoundaryProbe()})
        if mode == "confusion":
            return frozenset({self._confusion_probe(), CLASS_NAMES})
        return frozenset({self.predictions.probe()})

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Press Run: what the network gives appears here."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        mode, is_film = self.mode(), self._shows_film()
        self._offer(mode, is_film)
        self._pages.setCurrentIndex(len(MODES) if is_film else MODES.index(mode))
        values = snapshot.values
        if is_film:
            if (found := values.get(FilmProbe())) is not None:
                self.film.show_film(found)
        elif mode == "boundary" and (found := values.get(BoundaryProbe())) is not None:
            self.boundary.show_boundary(found, snapshot.lanes)
        elif mode == "confusion":
            counts, names = values.get(self._confusion_probe()), values.get(CLASS_NAMES)
            if counts is not None:
                self.confusion.show_counts(counts, names.classes if names is not None else ())
        elif (found := values.get(self.predictions.probe())) is not None:
            self.predictions.show_predictions(found)
        self.header.note.show_text(self._note(snapshot))

    def _note(self, snapshot: Snapshot) -> str:
        value = snapshot.validation_metric
        if value != value or not snapshot.metric_name:
            return ""
        text = (format_share(value) if "accuracy" in snapshot.metric_name
                else format_number(value, fixed=True))
        return f"val {text}{of_step(snapshot)}"

    def clear(self) -> None:
        super().clear()
        self._offer(self.mode(), False)

    def restyle(self) -> None:
        self.boundary.restyle()

    def table(self) -> Table | None:
        mode = self.mode()
        if self._shows_film() and (film := self.film.film) is not None:
            return ["step", "sample", *(f"x{i}" for i in range(film.originals[0].size))], [
                [frame.step, i, *sample.ravel().tolist()]
                for frame in film.frames for i, sample in enumerate(frame.samples)]
        if mode == "confusion":
            grid = self.confusion
            rows = [[name, *counts, recall] for name, counts, recall in zip(
                grid.classes, grid.counts.tolist(), recalls(grid.counts), strict=True)]
            return ["true \\ predicted", *grid.classes, "recall"], rows
        if mode == "predictions" and (judged := self.predictions.judged) is not None:
            start = self.predictions.start
            return ["sample", "truth", "prediction", "badness"], [
                [start + i, judged.truth[i], judged.said[i], judged.badness[i]]
                for i in self.predictions.order]
        if mode == "boundary" and (found := self.boundary.boundary) is not None:
            values = found.values if found.values.ndim == 2 else found.values[None]
            return [f"x{i}" for i in range(values.shape[1])], values.tolist()
        return None

    # -- inside -------------------------------------------------------------------------------

    def _offer(self, mode: Mode, is_film: bool) -> None:
        """What can be chosen, and what is."""
        allowed = self.allowed()
        self.over_time.setVisible(self._makes_samples() and bool(allowed))
        self.worst.setVisible(mode == "predictions" and not is_film)
        self.train.setVisible(mode != "boundary" and not is_film)
        for key, action in self.modes.items():
            action.setVisible(key in allowed)
            action.blockSignals(True)
            action.setChecked(key == mode and not is_film)
            action.blockSignals(False)

    def _confusion_probe(self) -> ConfusionProbe:
        return ConfusionProbe(self.predictions.split)

    def _has_classes(self) -> bool:
        """Whether the metric counts hits; the program does not name the classes."""
        return self.snapshot is not None and "accuracy" in self.snapshot.metric_name

    def _makes_samples(self) -> bool:
        program = self.snapshot.program if self.snapshot else None
        return program is not None and makes_samples(program)

    def _shows_film(self) -> bool:
        return self._makes_samples() and (self.over_time.isChecked() or not self.allowed())

    def _choose(self, key: str) -> None:
        self.over_time.setChecked(False)
        self.chosen = next(mode for mode in MODES if mode == key)
        self.refresh()

    def _sort(self, on: bool) -> None:
        self.predictions.worst_first = on
        self.refresh()

    def _split(self, on: bool) -> None:
        self.predictions.split = "train" if on else "validation"
        self.predictions.start = 0
        self.refresh()


def _has_tokens(program: Program) -> bool:
    """Whether samples are words or characters: sentences say more than a matrix."""
    return any(program.check.signals[node][0].classes > 0 for node in data_nodes(program))


def _input_shape(program: Program) -> tuple[int, ...]:
    name = next((f"{node}.x" for node in data_nodes(program)
                 if f"{node}.x" in program.tensors), None)
    return sample_shape(program.tensors[name]) if name else ()


__all__ = ["MODES", "OutputView"]
