"""A rule by name, or one with numbers of its own: how weights start."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect
from PySide6.QtCore import QSignalBlocker, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QWidget

from ui.inspector.choice_editors import Choice
from ui.inspector.editor import Editor
from ui.inspector.fields import (
    Field,
    choice_help,
    fields_of,
    limits_of,
    readable,
    title_of,
    with_field,
)
from ui.inspector.number import NumberField
from ui.inspector.number_editors import NUMBER_WIDTH


class RuleEditor(Editor):
    """The rules in one list; the numbers of one that has some stand beside it on the same line,
    or below it where there is no room."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        assert isinstance(field.type, inspect.UnionType)
        structs = [t.cls for t in field.type.types if isinstance(t, inspect.StructType)]
        self.combo = Choice()
        self.rules: tuple[Any, ...] = (*field.choices, *structs)
        for name in field.choices:
            self.combo.add(name, readable(name), choice_help(name))
        for cls in structs:
            self.combo.add(None, title_of(cls).lower(), _help(cls))
        self.combo.currentIndexChanged.connect(self._chosen)
        self._line = self._row(self.combo)
        self._line.setStretch(0, 1)
        self.numbers: dict[str, NumberField] = {}
        self._numbers_of: type[msgspec.Struct] | None = None
        self._value: Any = None
        # What was set for each, so that a look at another one loses nothing.
        self._remembered: dict[type[msgspec.Struct], msgspec.Struct] = {}

    def set_value(self, value: Any) -> None:
        self._value = value
        cls = type(value) if isinstance(value, msgspec.Struct) else None
        with QSignalBlocker(self.combo):
            self.combo.setCurrentIndex(self.rules.index(cls or value))
        self._describe(self.combo, _help(cls) if cls else choice_help(value))
        if cls is not self._numbers_of:
            self._build(cls)
        if cls is not None:
            self._remembered[cls] = value
        for name, number in self.numbers.items():
            number.set_value(getattr(value, name))

    def minimumSizeHint(self) -> QSize:
        parts = [self.combo, *self.numbers.values()]
        return QSize(max(part.minimumSizeHint().width() for part in parts),
                     super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        room = self.width() - sum(
            number.width() + self._line.spacing() for number in self.numbers.values())
        self._line.setDirection(
            QBoxLayout.Direction.LeftToRight if room >= self.combo.minimumSizeHint().width()
            else QBoxLayout.Direction.TopToBottom)

    def _build(self, cls: type[msgspec.Struct] | None) -> None:
        for number in self.numbers.values():
            self._line.removeWidget(number)
            number.hide()
            number.deleteLater()
        if self.numbers:
            self.problem_changed.emit("")
        self.numbers, self._numbers_of = {}, cls
        for field in fields_of(cls) if cls is not None else ():
            self.numbers[field.name] = _number(self, self._line, field)
        self._arrange()

    def _chosen(self, index: int) -> None:
        rule = self.rules[index]
        value = self._remembered.get(rule) or rule() if isinstance(rule, type) else rule
        self.set_value(value)
        self.edited.emit(value)
        self.finished.emit()

    def number_edited(self, name: str, number: Any) -> None:
        self.set_value(with_field(self._value, name, number))
        self.edited.emit(self._value)


def _number(editor: RuleEditor, line: QHBoxLayout, field: Field) -> NumberField:
    """The field of one number of a rule, at the end of the line."""
    limits = limits_of(field.type)
    number = NumberField(limits, integer=False, log=field.log)
    number.setFixedWidth(NUMBER_WIDTH)
    tip = f"{field.title}. {field.help}\nAllowed: {limits}."
    number.setToolTip(tip)
    number.setAccessibleName(f"{editor.field.title}, {field.title.lower()}")
    number.setAccessibleDescription(tip)
    number.edited.connect(lambda value: editor.number_edited(field.name, value))
    number.problem_changed.connect(editor.problem_changed)
    number.editingFinished.connect(editor.finished)
    line.addWidget(number)
    return number


def _help(cls: type[msgspec.Struct]) -> str:
    return (cls.__doc__ or "").strip()
