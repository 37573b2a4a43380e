"""What is typed in a line: text, the path of a file, numbers in a row, JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect
from PySide6.QtWidgets import QFileDialog, QLineEdit, QToolButton, QWidget

from ui.inspector.editor import Editor
from ui.inspector.fields import Field, show_number


class LineEditor(Editor):
    """The base: a line whose text is taken at Enter, or when the focus leaves."""

    about = ""
    """How to write it, after the help of the setting."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.line = QLineEdit()
        self._describe(self.line, self.about)
        self.line.editingFinished.connect(self._take)
        self._beside = self._row(self.line)

    def _take(self) -> None:
        raise AssertionError(f"{type(self).__name__} reads no line")


class TextEditor(LineEditor):
    """A line of text, or the path of a file."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._value = ""
        self.long = field.path
        if field.path:
            browse = QToolButton()
            browse.setText("…")
            self._describe(browse, "Choose a file.", f"{field.title}: choose a file")
            browse.clicked.connect(self._browse)
            self._beside.addWidget(browse)

    def set_value(self, value: Any) -> None:
        if value != self._value or not self.line.isModified():
            self._value = value
            self.line.setText(value)

    def _take(self) -> None:
        self.line.setModified(False)  # from now on undo is the document's
        if self.line.text() != self._value:
            self._value = self.line.text()
            self.edited.emit(self._value)
            self.finished.emit()

    def _browse(self) -> None:
        start = str(Path(self._value).parent) if self._value else ""
        if self.field.name.endswith("folder"):
            name = QFileDialog.getExistingDirectory(self, self.field.title, start)
        else:
            name, _ = QFileDialog.getOpenFileName(self, self.field.title, start)
        if name:
            self.line.setText(name)
            self._take()


class NumbersEditor(LineEditor):
    """Any number of numbers in a row: a shape, an order of axes, the values of a constant."""

    about = "Numbers with commas, blanks or × between them."

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        assert isinstance(field.type, inspect.VarTupleType)
        item = field.type.item_type
        item = item.type if isinstance(item, inspect.Metadata) else item
        self._read: type[int] | type[float] = int if isinstance(item, inspect.IntType) else float
        self.line.setPlaceholderText("none")
        self._value: tuple[float, ...] = ()

    def set_value(self, value: Any) -> None:
        self._value = tuple(value)
        self.line.setText(", ".join(show_number(number) for number in value))

    def _take(self) -> None:
        words = re.split(r"[\s,;×x]+", self.line.text().strip())
        try:
            value = tuple(self._read(word) for word in words if word)
        except ValueError:
            kind = "whole numbers" if self._read is int else "numbers"
            self.problem_changed.emit(f"Write {kind} with commas between them, such as 3, 8, 8.")
            return
        self.problem_changed.emit("")
        if value != self._value:
            self._value = value
            self.edited.emit(value)
            self.finished.emit()


class JsonEditor(LineEditor):
    """Anything else, as JSON: no setting is without a way to change it."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._text = ""

    def set_value(self, value: Any) -> None:
        text = json.dumps(msgspec.to_builtins(value))
        if text != self._text:
            self._text = text
            self.line.setText(text)

    def _take(self) -> None:
        if self.line.text() == self._text:
            return
        try:
            value = json.loads(self.line.text())
        except ValueError:
            self.problem_changed.emit(f"Not JSON; for instance {self._text}.")
            return
        self._text = self.line.text()
        self.line.setModified(False)
        self.problem_changed.emit("")
        self.edited.emit(value)
        self.finished.emit()
