"""Your own data: choose a file or folder, see what is in it, say what to predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from playground.data import Preview
from playground.data.readers import NAMES
from playground.data.table import MISSING
from playground.data.wording import lengths_told
from playground.numbers import plural
from ui.dialogs.data_check import Finding, Reader, Wish
from ui.spin import Spin
from ui.theme import theme
from ui.views.pictures import PictureGrid, Tile, grey_levels

FORMATS = {"csv": "Table", "npz": "NumPy arrays", "idx": "IDX images",
           "images": "Folder of images"}
MISSING_CHOICES = {
    "error": "are an error", "drop": "drop their rows", "mean": "take the mean of their column"}
"""What becomes of empty cells: the setting, and how it reads."""
PAUSE_MS = 400
"""Of typing, after which a path that leads somewhere is looked at."""
FILTER = f"Data ({' '.join(NAMES)});;All files (*)"


class DataImport(QDialog):
    """`settings()` gives what the "My data" node needs."""

    def __init__(self, path: str = "", parent: QWidget | None = None, missing: str = "error",
                 lengths: str | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import data")
        self.resize(720, 520)
        self._preview: Preview | None = None
        self._reader = Reader(self)
        self._reader.found.connect(self._show)
        self._checked: dict[str, Any] | None = None
        """The settings that can be used."""
        self._wants = ""
        """What follows when they can: "accept", or "focus" on Import."""
        self._looked_at = path
        """The path whose column to predict and lengths are chosen."""

        self.path = QLineEdit(path)
        self.path.setPlaceholderText("A CSV table, .npz, IDX file, or a folder of images per class")
        self.path.setAccessibleName("File or folder")
        self.path.setToolTip("The file or folder to read")
        self.path.editingFinished.connect(self._look)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._look_if_there)
        self.path.textEdited.connect(lambda _: self._pause.start())
        file, folder = QPushButton("File…"), QPushButton("Folder…")
        file.setToolTip("Choose a file")
        folder.setToolTip("Choose a folder that holds one folder of images per class")
        file.clicked.connect(self._choose_file)
        folder.clicked.connect(self._choose_folder)
        for button in (file, folder):
            button.setAutoDefault(False)
        top = QHBoxLayout()
        top.addWidget(self.path)
        top.addWidget(file)
        top.addWidget(folder)

        self.target = QComboBox()
        self.target.setAccessibleName("Column to predict")
        self.target.setToolTip("The column that the network learns to predict")
        self.target.activated.connect(lambda _: self._look())
        self.task = QComboBox()
        self.task.addItems(["auto", "classification", "regression"])
        self.task.setAccessibleName("Task")
        self.task.setToolTip("Predict classes or numbers; auto decides by the column")
        self.task.activated.connect(lambda _: self._look())
        self.missing = QComboBox()
        for value, text in MISSING_CHOICES.items():
            self.missing.addItem(text, value)
        self.missing.setCurrentIndex(list(MISSING_CHOICES).index(missing))
        self.missing.setAccessibleName("Missing values")
        self.missing.setToolTip("What becomes of cells that are empty, or say NA or the like")
        self.missing.currentIndexChanged.connect(lambda _: self._look())
        self.image_size = Spin()
        self.image_size.setRange(0, 512)
        self.image_size.setValue(28)
        self.image_size.setSuffix(" px")
        self.image_size.setSpecialValueText("as they are")
        self.image_size.setAccessibleName("Image size")
        self.image_size.setToolTip("All images are brought to this height and width")
        self.image_size.setKeyboardTracking(False)
        self.image_size.valueChanged.connect(lambda _: self._look())
        self.lengths = QComboBox()
        self.lengths.setAccessibleName("Lengths")
        self.lengths.setToolTip(
            "The array that says how many time steps of each sample are its own")
        if lengths is not None:
            self._offer_lengths((lengths,) if lengths else ())
            self.lengths.setCurrentIndex(self.lengths.count() - 1)
        self.lengths.activated.connect(lambda _: self._look())
        self._options = QWidget()
        self._grid = QGridLayout(self._options)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._labels: dict[QWidget, QLabel] = {}
        rows: tuple[tuple[str, QWidget], ...] = (
            ("Predict", self.target), ("Task", self.task),
            ("Missing values", self.missing), ("Image size", self.image_size),
            ("Lengths", self.lengths))
        for line, (text, widget) in enumerate(rows):
            label = QLabel(text)
            label.setProperty("role", "secondary")
            label.setBuddy(widget)
            self._labels[widget] = label
            self._grid.addWidget(label, line, 0)
            self._grid.addWidget(widget, line, 1)

        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.table = QTableWidget()
        self.table.setAccessibleName("The first rows")
        self.table.setToolTip("The first rows of the file")
        self.table.horizontalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setStyleSheet("QTableView::item { padding: 0 5px; }")  # below the titles
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.pictures = PictureGrid()
        self.pictures.setAccessibleName("Some of the pictures")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._import = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._import.setText("Import")
        self._import.setProperty("role", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)

        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.summary)
        column.addWidget(self._options)
        column.addWidget(self.table, 1)
        column.addWidget(self.pictures, 1)
        column.addStretch()  # without rows, the sentence stays at the top
        column.addWidget(buttons)
        self._show_seen(None)
        self._look()

    def settings(self) -> dict[str, Any]:
        """The settings of the data node that change."""
        return self._wish().settings(self._preview)

    def accept(self) -> None:
        """Take it, unless the node would only show an error."""
        if self.settings() == self._checked:
            super().accept()
        else:
            self._look("accept")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter in the path shows what is there; it is not yet the wish to import it."""
        if self.path.hasFocus() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._import.isEnabled():
                self._import.setFocus(Qt.FocusReason.OtherFocusReason)
            else:
                self._wants = "focus"
        else:
            super().keyPressEvent(event)

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose data", self.path.text(), FILTER)
        self._take(name)

    def _choose_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self, "Choose a folder", self.path.text()))

    def _take(self, name: str) -> None:
        if name:
            self.path.setText(name)
            self._look()

    def _look_if_there(self) -> None:
        path = self.path.text().strip()
        if path != self._looked_at and Path(path).exists():
            self._look()

    def _wish(self) -> Wish:
        return Wish(self.path.text().strip(), self.target.currentText(), self.task.currentText(),
                    self.missing.currentData(), self.image_size.value(),
                    self.lengths.currentData())

    def _look(self, wants: str = "") -> None:
        """Find out what the file holds, or why it cannot be read."""
        self._wants = wants
        path = self.path.text().strip()
        if path != self._looked_at:
            self._looked_at = path
            self.target.clear()
            self.lengths.clear()
            self._show_seen(None)
        self._checked = None
        self._import.setEnabled(False)
        if path:
            self._tell("Checking…", "secondary")
            self._reader.look(self._wish())
        else:
            self._reader.stop()
            self._tell("Choose a file to see what is in it.", "secondary")

    def _show(self, finding: Finding) -> None:
        """What the reader has found."""
        seen, problem = finding.seen, finding.problem
        self._show_seen(seen)
        if problem or seen is None:
            self._tell(problem, "error")
        else:
            about = describe(seen)
            self._tell(about if finding.is_final else f"{about} · Checking all of it…",
                       "secondary")
        if not finding.is_final:
            return
        wants, self._wants = self._wants, ""
        if not problem:
            self._checked = finding.wish.settings(seen)
            self._import.setEnabled(True)
            if wants == "accept":
                self.accept()
            elif wants == "focus" and self.path.hasFocus():
                self._import.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_seen(self, seen: Preview | None) -> None:
        self._preview = seen
        pictures = seen.pictures if seen is not None else ()
        self.table.setVisible(seen is not None and bool(seen.rows) and not pictures)
        self.pictures.setVisible(bool(pictures))
        if pictures:
            self.pictures.show_colors(grey_levels(np.stack([shown.x for shown in pictures])),
                                      [Tile(shown.name, shown.name) for shown in pictures])
        self._show_options(seen)
        if seen is not None:
            self._show_rows(seen)

    def _tell(self, text: str, role: str) -> None:
        self.summary.setStyleSheet(f"color: {theme().text(role).name()}")
        self.summary.setText(text)

    def _show_options(self, seen: Preview | None) -> None:
        kind = seen.format if seen is not None else None
        shown: dict[QWidget, bool] = {
            self.target: kind == "csv", self.task: kind == "csv", self.missing: kind == "csv",
            self.image_size: kind == "images",
            self.lengths: seen is not None and bool(seen.lengths_keys)}
        for widget, visible in shown.items():
            widget.setVisible(visible)
            self._labels[widget].setVisible(visible)
        if seen is not None and seen.format == "csv":
            columns = [self.target.itemText(i) for i in range(self.target.count())]
            if columns != list(seen.columns):
                self.target.clear()
                self.target.addItems(list(seen.columns))
                self.target.setCurrentIndex(len(seen.columns) - 1)
        if seen is not None:
            self._offer_lengths(seen.lengths_keys)
            self.lengths.setCurrentIndex(self.lengths.findData(seen.lengths_key))

    def _offer_lengths(self, keys: tuple[str, ...]) -> None:
        self.lengths.clear()
        self.lengths.addItem("none: every sample is whole", "")
        for key in keys:
            self.lengths.addItem(key, key)

    def _show_rows(self, seen: Preview) -> None:
        self.table.setColumnCount(len(seen.columns))
        self.table.setRowCount(len(seen.rows))
        self.table.setHorizontalHeaderLabels(
            [f"{name}\n{kind}" for name, kind in zip(seen.columns, seen.kinds, strict=True)])
        for row, cells in enumerate(seen.rows):
            gaps = self._gaps(seen, cells)
            for column, cell in enumerate(cells[:len(seen.columns)]):
                # The mean of what is to be predicted would be made up: a gap there stays one.
                choice = self.missing.currentData()
                if choice == "mean" and seen.columns[column] == self.target.currentText():
                    choice = "error"
                self.table.setItem(row, column, _cell(cell, column in gaps, bool(gaps), choice))
        self.table.resizeColumnsToContents()

    def _gaps(self, seen: Preview, cells: tuple[str, ...]) -> set[int]:
        """The columns in which a row of a table has no value."""
        if seen.format != "csv":
            return set()
        return {column for column, cell in enumerate(cells) if cell.strip().lower() in MISSING}


def _cell(text: str, gap: bool, gap_in_row: bool, choice: str) -> QTableWidgetItem:
    """A cell as it will be read: left out, filled in, or refused."""
    item = QTableWidgetItem(text)
    font = item.font()
    if gap_in_row and choice == "drop":
        font.setStrikeOut(True)
        item.setForeground(theme().color("faint"))
        item.setToolTip("This row has a gap and is left out.")
    elif gap and choice == "mean":
        font.setItalic(True)
        item.setText("mean")
        item.setForeground(theme().color("secondary"))
        item.setToolTip("The mean of the column's other values is taken.")
    elif gap:
        item.setText(text or "missing")
        item.setForeground(theme().text("error"))
        item.setToolTip("There is no value here. Choose above what becomes of such cells.")
    item.setFont(font)
    return item


def describe(seen: Preview) -> str:
    """What a file holds, in a line."""
    about = "" if seen.count_is_exact else "about "
    parts = [f"{FORMATS[seen.format]}: {about}{seen.count:,} "
             f"{'sample' if seen.count == 1 else 'samples'}"]
    if seen.format == "csv":
        parts.append(plural(len(seen.columns), "column"))
    sizes = tuple(_by(size) for size in dict.fromkeys(seen.sizes))
    stored = (f"sizes {' to '.join(sizes)}" if len(sizes) > 1 else "".join(sizes)
              ) if seen.sizes != 2 * (seen.shape[1:],) else ""
    if seen.shape:
        parts.append(f"each {_by(seen.shape)}" + (f", brought from {stored}" if stored else ""))
    elif stored:
        parts.append(stored)
    if seen.lengths is not None:
        parts.append(lengths_told(seen.lengths))
    where = f" in the first {seen.first_rows:,} rows" if seen.first_rows else ""
    if seen.classes:
        shown = ", ".join(f"{name} ({count:,})" for name, count in
                          list(zip(seen.classes, seen.class_counts, strict=True))[:6])
        more = f", and {len(seen.classes) - 6} more" if len(seen.classes) > 6 else ""
        parts.append(f"{plural(len(seen.classes), 'class', 'classes')}{where}: {shown}{more}")
    elif seen.format == "csv":
        parts.append(f"a number to predict{where}")
    return " · ".join(parts)


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
