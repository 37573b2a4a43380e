"""Single samples and what the network says of them: pictures in a grid, with questions about them
as cards, words with their labels, forecasts as curves, other data in a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from playground.snapshot import Predictions, PredictionsProbe, SplitName
from ui.theme import theme, ui_font
from ui.views.array_table import ALIGN, number_table
from ui.views.forecasts import ForecastGrid, is_forecast
from ui.views.numbers import format_number, format_share
from ui.views.picture_table import PictureTable
from ui.views.pictures import PictureGrid, Tile, brightness, grey_levels
from ui.views.questions import Card, QuestionCards
from ui.views.token_rows import TokenRows

Floats = NDArray[np.float32]
Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
PAGE = 24
SMALLEST = (32, 84)
"""Pixels of a picture with a short caption, and with a long one."""
MOST_FEATURES = 8
OUTCOME = 3
"""Columns before the features: truth, prediction, and how wrong that is."""


@dataclass(frozen=True)
class Judged:
    """Predictions with what follows from them, row by row."""

    predictions: Predictions
    truth: tuple[str, ...]
    said: tuple[str, ...]
    wrong: NDArray[np.bool_]
    badness: NDArray[np.float64]
    """How far from right: 1 - probability of the true class, the share of wrong steps, or the mean
    absolute error."""


def judge(p: Predictions) -> Judged:
    """Compare the outputs with the targets. One output of two classes is a probability."""
    output = p.output.reshape(len(p.output), -1).astype(np.float64)
    target = p.target.reshape(len(p.target), -1)
    if not p.classes:
        error = (np.abs(output - target).mean(axis=1) if output.shape == target.shape
                 else np.abs(output[:, 0] - target[:, 0]))
        return Judged(p, tuple(format_number(t) for t in target[:, 0]),
                      tuple(format_number(o) for o in output[:, 0]),
                      np.zeros(len(target), bool), error)
    target = target[:, 0]
    if output.shape[1] == 1:
        output = np.hstack([1 - output, output])
    true = target.astype(int).clip(0, output.shape[1] - 1)
    winner = output.argmax(axis=1)
    rows = np.arange(len(true))
    names = [*p.classes, *(str(i) for i in range(len(p.classes), output.shape[1]))]
    said = tuple(f"{names[w]} {format_share(float(output[i, w]))}" for i, w in enumerate(winner))
    if p.steps is not None and p.steps.target.shape[1] > 1:
        asked = p.steps.target >= 0
        mistakes = (asked & (p.steps.said != p.steps.target)).sum(axis=1)
        return Judged(p, tuple(names[t] for t in true), said, mistakes > 0,
                      mistakes / asked.sum(axis=1))
    return Judged(p, tuple(names[t] for t in true), said, winner != true,
                  1 - output[rows, true])


def _said(judged: Judged, i: int) -> str:
    """The class that the network names, without how sure it is."""
    return judged.said[i].rsplit(" ", 2)[0]


def caption(judged: Judged, i: int) -> str:
    """Below a picture: its class, or the wrong one; of numbers, the true one and the network's."""
    if judged.predictions.classes:
        return f"✗ {_said(judged, i)}" if judged.wrong[i] else judged.truth[i]
    p = judged.predictions
    return " → ".join(format_number(float(values[i].flat[0]), 2) for values in (p.target, p.output))


class PredictionsModel(QAbstractTableModel):
    """Truth, prediction, error and features of each sample."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.judged: Judged | None = None
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._header: tuple[str, ...] = ()

    def show_judged(self, judged: Judged, order: NDArray[np.intp]) -> None:
        features = min(MOST_FEATURES, judged.predictions.x.reshape(len(order), -1).shape[1])
        # First what it is about: a narrow panel shows no more than three or four columns.
        header = ("truth", "prediction", "" if judged.predictions.classes else "error",
                  *(f"x{i + 1}" for i in range(features)))
        reset = header != self._header or len(order) != len(self.order)
        if reset:
            self.beginResetModel()
        self.judged, self.order, self._header = judged, order, header
        if reset:
            self.endResetModel()
        elif len(order):
            self.dataChanged.emit(self.index(0, 0),
                                  self.index(len(order) - 1, len(header) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self.order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self._header)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if self.judged is None:
            return None
        i, column = int(self.order[index.row()]), index.column()
        if role == Role.TextAlignmentRole:
            return ALIGN
        if role == Role.ForegroundRole and self.judged.wrong[i]:
            return theme().text("error")
        if role != Role.DisplayRole:
            return None
        if column >= OUTCOME:
            return format_number(float(self.judged.predictions.x[i].reshape(-1)[column - OUTCOME]))
        if column < 2:
            return (self.judged.truth, self.judged.said)[column][i]
        if self.judged.predictions.classes:
            return "✗" if self.judged.wrong[i] else ""
        return format_number(float(self.judged.badness[i]))

    def headerData(
            self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if role != Role.DisplayRole:
            return None
        return (self._header[section] if orientation == Qt.Orientation.Horizontal
                else str(int(self.order[section])))


class PredictionsPanel(QWidget):
    """One page of samples."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = 0
        self.split: SplitName = "validation"
        self.worst_first = False
        self.judged: Judged | None = None
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self.grid = PictureGrid(self)
        self.grid.largest = 110
        self.grid.setAccessibleName("Samples with the true and the predicted class")
        self.grid.clicked.connect(
            lambda i: self.grid.enlarge(None if self.grid.alone is not None else i))
        self.model = PredictionsModel(self)
        self.rows = number_table("Samples, truth and prediction", self)
        self.rows.setModel(self.model)
        self.back = QPushButton("‹", self)
        self.back.setToolTip("Earlier samples")
        self.on = QPushButton("›", self)
        self.on.setToolTip("Later samples")
        for button, by in ((self.back, -PAGE), (self.on, PAGE)):
            button.setAccessibleName(button.toolTip())
            button.setFixedSize(26, 24)
            button.setProperty("role", "flat")
            button.clicked.connect(lambda _=False, by=by: self._turn(by))
        self.told = QLabel(self)
        self.told.setProperty("role", "secondary")
        self.told.setFont(ui_font(12))
        self._about = self._reading = ""

        self.words = TokenRows(self)
        self.words.setAccessibleName("Words with their true and their predicted labels")
        self.curves = ForecastGrid(self)
        self.curves.setAccessibleName("Forecasts: what came, and what the network says")
        self.pairs = PictureTable(self)
        self.pairs.setAccessibleName("Samples, and below each what the network makes of it")
        self.asked = QuestionCards(self)
        self.asked.setAccessibleName("Pictures, a question about each, and the answers")
        self.pairs.pointed.connect(self._tell_pair)
        self.asked.pointed.connect(self._tell)
        self.words.pointed.connect(self._tell)
        self.curves.pointed.connect(self._tell)
        pages = QWidget(self)
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.grid)
        self._pages.addWidget(self.rows)
        self._pages.addWidget(self.words)
        self._pages.addWidget(self.curves)
        self._pages.addWidget(self.pairs)
        self._pages.addWidget(self.asked)
        foot = QHBoxLayout()
        foot.addWidget(self.back)
        foot.addWidget(self.on)
        foot.addWidget(self.told, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 6)
        column.setSpacing(4)
        column.addWidget(pages, 1)
        column.addLayout(foot)

    def probe(self) -> PredictionsProbe:
        return PredictionsProbe(self.split, self.start, PAGE)

    def show_predictions(self, p: Predictions) -> None:
        if not len(p.x):
            self.start = 0
            return
        self.judged = judged = judge(p)
        self.order = (np.argsort(-judged.badness, kind="stable") if self.worst_first
                      else np.arange(len(p.x)))
        if p.rebuilt:
            self._pages.setCurrentWidget(self.pairs)
            self._show_pairs(judged)
        elif p.x.ndim == 4 and p.words:
            self._pages.setCurrentWidget(self.asked)
            self._show_questions(judged)
        elif p.x.ndim == 4:
            self._pages.setCurrentWidget(self.grid)
            self._show_pictures(judged)
        elif p.steps is not None:
            self._pages.setCurrentWidget(self.words)
            self.words.show_steps(p, self.order, self.start)
        elif is_forecast(p):
            self._pages.setCurrentWidget(self.curves)
            self.curves.show_forecasts(p, self.order, self.start)
        else:
            self._pages.setCurrentWidget(self.rows)
            self.model.show_judged(judged, self.order)
        self._about = f"{self.start}–{self.start + len(p.x) - 1} of {self.split} · " + (
            self._mistakes(judged) if p.classes
            else f"mean error {format_number(float(judged.badness.mean()))}")
        if self._pages.currentWidget() is self.grid and not p.classes:
            self._about += " · truth → network"
        self._tell(self._reading)
        self.back.setEnabled(self.start > 0)
        self.on.setEnabled(len(p.x) == PAGE)

    @staticmethod
    def _mistakes(judged: Judged) -> str:
        steps = judged.predictions.steps
        if steps is None or steps.target.shape[1] == 1:
            return f"{int(judged.wrong.sum())} wrong"
        asked = steps.target >= 0
        wrong = int((asked & (steps.said != steps.target)).sum())
        return f"{wrong:,} of {int(asked.sum()):,} steps wrong"

    def _tell(self, reading: str) -> None:
        """What is under the mouse, else what is on this page."""
        self._reading = reading
        self.told.setText(reading or self._about)

    def _show_pictures(self, judged: Judged) -> None:
        tiles = [Tile(
            caption=caption(judged, i),
            tip=f"Sample {self.start + i}: {judged.truth[i]}; the network says {judged.said[i]}",
            role="error" if judged.wrong[i] else "") for i in self.order]
        # The words below need room.
        widest = max(self.grid.fontMetrics().horizontalAdvance(tile.caption) for tile in tiles)
        self.grid.smallest = min(SMALLEST[1], max(SMALLEST[0], widest))
        self.grid.show_colors(grey_levels(judged.predictions.x[self.order]), tiles)

    def _show_questions(self, judged: Judged) -> None:
        p = judged.predictions
        cards = [Card(f"{p.words[i]}?",
                      f"✗ {_said(judged, i)}, not {judged.truth[i]}" if judged.wrong[i]
                      else judged.truth[i], bool(judged.wrong[i]),
                      f"{p.words[i]}? {judged.truth[i]}; the network says {judged.said[i]}")
                 for i in self.order]
        self.asked.show_cards(grey_levels(p.x[self.order]), cards)

    def _show_pairs(self, judged: Judged) -> None:
        """A column for each sample: as it is, with noise if there is any, and as it comes back."""
        p, ends = judged.predictions, brightness(judged.predictions.x)
        rows = {"sample": p.x, **({} if p.noisy is None else {"noisy": p.noisy}),
                "rebuilt": p.output}
        pixels = np.stack([grey_levels(part[self.order], ends) for part in rows.values()])
        self.pairs.show_pictures(pixels, tuple(rows), flow=True)

    def _tell_pair(self, _: int, column: int) -> None:
        if self.judged is None or not 0 <= column < len(self.order):
            self._tell("")
            return
        i = int(self.order[column])
        self._tell(f"sample {self.start + i}: mean error "
                   f"{format_number(float(self.judged.badness[i]))}")

    def _turn(self, by: int) -> None:
        self.start = max(0, self.start + by)
        self.grid.enlarge(None)


__all__ = ["Judged", "PredictionsModel", "PredictionsPanel", "caption", "judge"]
