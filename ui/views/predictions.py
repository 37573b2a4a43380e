"""Single samples and what the network says of them: pictures in a grid, other data in a table."""

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
from ui.views.numbers import format_number, format_share
from ui.views.pictures import PictureGrid, Tile, grey_levels

Floats = NDArray[np.float32]
Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
PAGE = 24
MOST_FEATURES = 8


@dataclass(frozen=True)
class Judged:
    """Predictions with what follows from them, row by row."""

    predictions: Predictions
    truth: tuple[str, ...]
    said: tuple[str, ...]
    wrong: NDArray[np.bool_]
    badness: NDArray[np.float64]
    """How far from right: 1 - probability of the true class, or the absolute error."""


def judge(p: Predictions) -> Judged:
    """Compare the outputs with the targets. One output of two classes is a probability."""
    output = p.output.reshape(len(p.output), -1).astype(np.float64)
    target = p.target.reshape(len(p.target), -1)[:, 0]
    if not p.classes:
        error = np.abs(output[:, 0] - target)
        return Judged(p, tuple(format_number(t) for t in target),
                      tuple(format_number(o) for o in output[:, 0]),
                      np.zeros(len(target), bool), error)
    if output.shape[1] == 1:
        output = np.hstack([1 - output, output])
    true = target.astype(int).clip(0, output.shape[1] - 1)
    winner = output.argmax(axis=1)
    rows = np.arange(len(true))
    names = [*p.classes, *(str(i) for i in range(len(p.classes), output.shape[1]))]
    said = tuple(f"{names[w]} {format_share(float(output[i, w]))}" for i, w in enumerate(winner))
    return Judged(p, tuple(names[t] for t in true), said, winner != true,
                  1 - output[rows, true])


class PredictionsModel(QAbstractTableModel):
    """Features, truth, prediction and error of each sample."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.judged: Judged | None = None
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._header: tuple[str, ...] = ()

    def show_judged(self, judged: Judged, order: NDArray[np.intp]) -> None:
        features = min(MOST_FEATURES, judged.predictions.x.reshape(len(order), -1).shape[1])
        header = (*(f"x{i + 1}" for i in range(features)), "truth", "prediction",
                  "" if judged.predictions.classes else "error")
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
        features = len(self._header) - 3
        if column < features:
            return format_number(float(self.judged.predictions.x[i].reshape(-1)[column]))
        if column == features:
            return self.judged.truth[i]
        if column == features + 1:
            return self.judged.said[i]
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
        self.grid.smallest = 56  # the words below need room
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

        pages = QWidget(self)
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.grid)
        self._pages.addWidget(self.rows)
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
        is_picture = p.x.ndim == 4
        self._pages.setCurrentIndex(0 if is_picture else 1)
        if is_picture:
            self._show_pictures(judged)
        else:
            self.model.show_judged(judged, self.order)
        wrong = int(judged.wrong.sum())
        text = f"{self.start}–{self.start + len(p.x) - 1} of {self.split}"
        self.told.setText(f"{text} · {wrong} wrong" if p.classes else
                          f"{text} · mean error {format_number(float(judged.badness.mean()))}")
        self.back.setEnabled(self.start > 0)
        self.on.setEnabled(len(p.x) == PAGE)

    def _show_pictures(self, judged: Judged) -> None:
        tiles = [Tile(
            caption=f"✗ {judged.said[i].rsplit(' ', 2)[0]}" if judged.wrong[i] else judged.truth[i],
            tip=f"Sample {self.start + i}: {judged.truth[i]}; the network says {judged.said[i]}",
            role="error" if judged.wrong[i] else "") for i in self.order]
        self.grid.show_colors(grey_levels(judged.predictions.x[self.order]), tiles)

    def _turn(self, by: int) -> None:
        self.start = max(0, self.start + by)
        self.grid.enlarge(None)


__all__ = ["Judged", "PredictionsModel", "PredictionsPanel", "judge"]
