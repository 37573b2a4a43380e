"""One widget per type of setting. Each shows a value, and says when a person changed it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.inspector.fields import Field, Limits, choice_help, limits_of, readable, show_number
from ui.inspector.number import NumberField
from ui.theme import theme


class Editor(QWidget):
    """The base: `set_value` shows, `edited` tells."""

    edited = Signal(object)
    """A new value, good by the editor's own limits."""
    problem_changed = Signal(str)
    """A sentence about what was typed; empty when it is fine again."""
    finished = Signal()
    """The gesture is over: the next edit is an undo entry of its own."""
    wide = False
    """Takes the whole width of the form, under its title."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field

    def set_value(self, value: Any) -> None:
        raise AssertionError(f"{type(self).__name__} shows no value")

    def _row(self, *widgets: QWidget, spacing: int = 4) -> QHBoxLayout:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(spacing)
        for widget in widgets:
            row.addWidget(widget)
        self.setFocusProxy(widgets[0])
        return row

    def _describe(self, widget: QWidget, more: str = "", name: str = "") -> None:
        """Tooltip and accessible name of one part."""
        tip = "\n".join(text for text in (self.field.help, more) if text)
        widget.setToolTip(tip or self.field.title)
        widget.setAccessibleName(name or self.field.title)
        widget.setAccessibleDescription(tip)


NUMBER_WIDTH = 76
"""Room for 0.0001 and 1e-12 beside a slider."""


class NumberEditor(Editor):
    """An int or a float; with `log`, a slider besides."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        limits = limits_of(field.type)
        self.number = NumberField(
            limits, integer=isinstance(field.type, inspect.IntType), log=field.log)
        self._describe(self.number, str(limits) and f"Allowed: {limits}.")
        self.number.edited.connect(self._number_edited)
        self.number.problem_changed.connect(self.problem_changed)
        self.number.editingFinished.connect(self.finished)
        row = self._row(self.number, spacing=8)
        self.slider: LogSlider | None = None
        if field.log:
            self.slider = LogSlider(limits, float(field.default or 0))
            self._describe(self.slider, name=f"{field.title}, slider")
            self.slider.moved.connect(self._slider_moved)
            self.slider.sliderReleased.connect(self.finished)
            self.number.setFixedWidth(NUMBER_WIDTH)
            row.addWidget(self.slider, 1)

    def set_value(self, value: Any) -> None:
        self.number.set_value(value)
        if self.slider:
            self.slider.show_value(float(value))

    def _number_edited(self, value: Any) -> None:
        if self.slider:
            self.slider.show_value(float(value))
        self.edited.emit(value)

    def _slider_moved(self, value: float) -> None:
        self.number.set_value(value)
        self.edited.emit(value)


class LogSlider(QSlider):
    """Equal distances are equal factors; three decades either side of the usual value, and one
    beyond a value that is out there.
    """

    moved = Signal(float)
    PER_DECADE = 60

    def __init__(self, limits: Limits, usual: float) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._zero = limits.ge == 0
        self._usual = math.log10(usual) if usual > 0 else -3.0
        self._ends = (math.log10(limits.low) if limits.low else -math.inf,
                      math.log10(limits.high) if limits.high else math.inf)
        self._low = 0.0
        self._reach(self._usual)
        self.setSingleStep(6)
        self.setPageStep(self.PER_DECADE // 3)
        self.setMinimumWidth(40)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(lambda place: self.moved.emit(self._value(place)))

    def _reach(self, power: float) -> None:
        """From where to where it goes, with a power of ten that it must show."""
        low, high = self._usual - 3, self._usual + 3
        low, high = (low if power >= low else power - 1), (high if power <= high else power + 1)
        self._low, high = max(low, self._ends[0]), min(high, self._ends[1])
        self.setRange(0, max(1, round((high - self._low) * self.PER_DECADE)))

    def show_value(self, value: float) -> None:
        with QSignalBlocker(self):
            if not self.isSliderDown():
                self._reach(math.log10(value) if value > 0 else self._usual)
            place = (math.log10(value) - self._low) * self.PER_DECADE if value > 0 else 0
            self.setValue(round(place))

    def _value(self, place: int) -> float:
        if place == 0 and self._zero:
            return 0.0
        return float(f"{10 ** (self._low + place / self.PER_DECADE):.2g}")

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class BoolEditor(Editor):
    """Yes or no."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.box = QCheckBox()
        self._describe(self.box)
        self.box.toggled.connect(self._toggled)
        self._row(self.box).addStretch(1)

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self.box):
            self.box.setChecked(bool(value))

    def _toggled(self, on: bool) -> None:
        self.edited.emit(on)
        self.finished.emit()


class Choice(QComboBox):
    """A combo box that a scrolling wheel passes over."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def add(self, value: object, text: str, help: str = "") -> None:
        self.addItem(text, value)
        self.setItemData(self.count() - 1, help or text, Qt.ItemDataRole.ToolTipRole)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ChoiceEditor(Editor):
    """One of a few named values."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.combo = Choice()
        for value in field.choices:
            self.combo.add(value, readable(value), choice_help(value))
        self._describe(self.combo)
        self.combo.currentIndexChanged.connect(self._chosen)
        self._row(self.combo)

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self.combo):
            self.combo.setCurrentIndex(self.field.choices.index(value))
        self._describe(self.combo, choice_help(value))

    def _chosen(self, index: int) -> None:
        self.edited.emit(self.field.choices[index])
        self.finished.emit()


class PairEditor(Editor):
    """(height, width) as "5 × 5". While linked, both change together."""

    def __init__(self, field: Field, kind: inspect.TupleType | None = None,
                 parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        kind = kind or field.type  # type: ignore[assignment]
        assert isinstance(kind, inspect.TupleType)
        self.numbers = tuple(
            NumberField(limits_of(item), integer=True) for item in kind.item_types)
        self.link = QToolButton()
        self.link.setCheckable(True)
        self.link.setProperty("role", "flat")
        self.link.setAccessibleName(f"{field.title}: keep both equal")
        self.link.setToolTip(f"Keep {' and '.join(field.parts)} equal.")
        self.link.toggled.connect(self._show_link)
        theme().changed.connect(self._show_link)
        row = self._row(*self.numbers, self.link, spacing=2)
        row.setStretch(0, 1)
        row.setStretch(1, 1)
        self._known = False
        for number, side in zip(self.numbers, field.parts, strict=True):
            self._describe(number, f"{side.capitalize()}. Allowed: {number.limits}.",
                           f"{field.title}, {side}")
            number.edited.connect(lambda value, n=number: self._number_edited(n, value))
            number.problem_changed.connect(self._problem)
            number.editingFinished.connect(self.finished)
        self._show_link()

    def set_value(self, value: Any) -> None:
        if not self._known:
            self._known = True
            self.link.setChecked(value[0] == value[1])
        elif value[0] != value[1]:
            self.link.setChecked(False)
        for number, part in zip(self.numbers, value, strict=True):
            number.set_value(part)

    def _number_edited(self, edited: NumberField, value: int) -> None:
        if self.link.isChecked():
            for number in self.numbers:
                number.set_value(value)
        self.edited.emit(tuple(number.value() for number in self.numbers))

    def _problem(self) -> None:
        self.problem_changed.emit(next((n.problem for n in self.numbers if n.problem), ""))

    def _show_link(self) -> None:
        linked = self.link.isChecked()
        self.link.setIcon(theme().icon("link-variant" if linked else "link-variant-off",
                                       "accent" if linked else "secondary"))


class ChoiceOrOwnEditor(Editor):
    """A named value, or one's own number or pair: padding "same", "valid", or 2 × 2."""

    OWN = "custom"

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        assert isinstance(field.type, inspect.UnionType)
        own = next(t for t in field.type.types if not isinstance(t, inspect.LiteralType))
        self.combo = Choice()
        for value in field.choices:
            self.combo.add(value, readable(value), choice_help(value))
        self.own: PairEditor | NumberEditor
        self._own: Any
        if isinstance(own, inspect.TupleType):
            self.own = PairEditor(field, own)
            self._own = tuple(int(limits_of(t).low or 0) for t in own.item_types)
            self.combo.add(None, self.OWN, "Your own height and width.")
        else:
            self.own = NumberEditor(replace(field, type=own))
            self._own = int(limits_of(own).low or 0)
            self.combo.add(None, self.OWN, "Your own number.")
        self._describe(self.combo)
        self.combo.currentIndexChanged.connect(self._chosen)
        self.own.edited.connect(self.edited)
        self.own.finished.connect(self.finished)
        self.own.problem_changed.connect(self.problem_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.combo)
        column.addWidget(self.own)
        self.setFocusProxy(self.combo)

    def set_value(self, value: Any) -> None:
        own = not isinstance(value, str)
        with QSignalBlocker(self.combo):
            self.combo.setCurrentIndex(
                len(self.field.choices) if own else self.field.choices.index(value))
        self.own.setVisible(own)
        if own:
            self._own = value
            self.own.set_value(value)

    def _chosen(self, index: int) -> None:
        value = self._own if index == len(self.field.choices) else self.field.choices[index]
        self.set_value(value)
        self.edited.emit(value)
        self.finished.emit()


class TextEditor(Editor):
    """A line of text, or the path of a file."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.line = QLineEdit()
        self._describe(self.line)
        self.line.editingFinished.connect(self._take)
        row = self._row(self.line)
        self._value = ""
        if field.path:
            browse = QToolButton()
            browse.setText("…")
            self._describe(browse, "Choose a file.", f"{field.title}: choose a file")
            browse.clicked.connect(self._browse)
            row.addWidget(browse)

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


class NumbersEditor(Editor):
    """Any number of numbers in a row: a shape, an order of axes, the values of a constant."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        assert isinstance(field.type, inspect.VarTupleType)
        item = field.type.item_type
        item = item.type if isinstance(item, inspect.Metadata) else item
        self._read: type[int] | type[float] = int if isinstance(item, inspect.IntType) else float
        self.line = QLineEdit()
        self.line.setPlaceholderText("none")
        self._describe(self.line, "Numbers with commas, blanks or × between them.")
        self.line.editingFinished.connect(self._take)
        self._row(self.line)
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


class JsonEditor(Editor):
    """Anything else, as JSON: no setting is without a way to change it."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.line = QLineEdit()
        self._describe(self.line)
        self.line.editingFinished.connect(self._take)
        self._row(self.line)
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
