"""Yes or no, one of a few named values, and a named value or one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import inspect
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget

from ui.inspector.editor import Editor
from ui.inspector.fields import Field, choice_help, limits_of, readable
from ui.inspector.number_editors import NumberEditor, PairEditor
from ui.inspector.unscrolled import Unscrolled


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


class Choice(Unscrolled, QComboBox):
    """A combo box of a form, which may be narrow."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def add(self, value: object, text: str, help: str = "") -> None:
        self.addItem(text, value)
        self.setItemData(self.count() - 1, help or text, Qt.ItemDataRole.ToolTipRole)


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
            # 0, or what is nearest to it.
            self._own = max(0, int(limits_of(own).low or 0))
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
