"""A form for any settings struct: one row per field, sub-forms for structs inside."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from ui.inspector.choice_editors import BoolEditor, Choice, ChoiceEditor, ChoiceOrOwnEditor
from ui.inspector.editor import Editor
from ui.inspector.fields import Field, fields_of, title_of, with_field
from ui.inspector.number_editors import NumberEditor, PairEditor
from ui.inspector.rule import RuleEditor
from ui.inspector.text_editors import JsonEditor, NumbersEditor, TextEditor
from ui.theme import theme

LABEL_WIDTH = 108


class Form(QWidget):
    """The settings of one struct. It never holds a value of its own: `set_value` shows one, and
    `edited` hands out what it would become."""

    edited = Signal(object, str)
    """(the struct with the change, the name of the field)"""
    finished = Signal()

    def __init__(self, cls: type[msgspec.Struct], only: tuple[str, ...] = (),
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cls = cls
        self.rows: dict[str, Row] = {}
        self._value: msgspec.Struct | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        for field in fields_of(cls):
            if only and field.name not in only:
                continue
            row = Row(field, self)
            row.add_to(grid)
            row.editor.edited.connect(lambda value, r=row: self._row_edited(r, value))
            row.editor.finished.connect(self.finished)
            self.rows[field.name] = row

    def set_value(self, value: msgspec.Struct) -> None:
        """Show a struct; text that waits to be corrected stays where its field is the same."""
        old, self._value = self._value, value
        for name, row in self.rows.items():
            if old is None or getattr(old, name) != getattr(value, name):
                row.editor.set_value(getattr(value, name))

    def hide_rows(self, names: frozenset[str]) -> None:
        """Hide the settings of these names, and show all others; "group.name" is one of a group."""
        for name, row in self.rows.items():
            row.set_shown(name not in names)
            if isinstance(row.editor, GroupEditor):
                row.editor.form.hide_rows(frozenset(
                    inner.removeprefix(f"{name}.") for inner in names
                    if inner.startswith(f"{name}.")))

    def _row_edited(self, row: Row, value: Any) -> None:
        assert self._value is not None
        try:
            changed = with_field(self._value, row.field.name, value)
        except ValueError as error:
            row.show_problem(str(error))
            return
        row.show_problem("")
        self._value = changed
        self.edited.emit(changed, row.field.name)


class Row:
    """Title, editor, and the sentence that appears when something is wrong."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        self.field = field
        self.editor = make_editor(field, parent)
        unit = f" · {field.unit}" if field.unit else ""
        self.title = QLabel(field.title + unit, parent)
        self.title.setProperty("role", "secondary")
        self.title.setWordWrap(True)
        self.title.setFixedWidth(LABEL_WIDTH)
        self.title.setToolTip(field.help or field.title)
        self.title.setBuddy(self.editor)
        self.problem = QLabel(parent)
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.editor.problem_changed.connect(self.show_problem)

    def add_to(self, grid: QGridLayout) -> None:
        line = grid.rowCount()
        if self.editor.wide:
            grid.addWidget(self.editor, line, 0, 1, 2)
        elif self.editor.long:
            grid.addWidget(self.title, line, 0, 1, 2)
            line += 1
            grid.addWidget(self.editor, line, 0, 1, 2)
        else:
            top = Qt.AlignmentFlag.AlignVCenter
            grid.addWidget(self.title, line, 0, top)
            grid.addWidget(self.editor, line, 1, top)
        if self.editor.wide:
            self.title.hide()
        grid.addWidget(self.problem, line + 1, 0, 1, 2)

    def set_shown(self, on: bool) -> None:
        self.title.setVisible(on and not self.editor.wide)
        self.editor.setVisible(on)
        self.problem.setVisible(on and bool(self.problem.text()))

    def show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setStyleSheet(f"color: {theme().text('error').name()}")
        self.problem.setVisible(bool(text))
        self.problem.setAccessibleName(text)


class GroupEditor(Editor):
    """A struct inside a struct: its rows, as if they were the form's own; with help, under a title.
    """

    wide = True

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        assert isinstance(field.type, inspect.StructType)
        self.form = Form(field.type.cls, parent=self)
        self.form.edited.connect(lambda value, _: self.edited.emit(value))
        self.form.finished.connect(self.finished)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        if field.help:
            caption = QLabel(field.title.upper(), self)
            caption.setProperty("role", "caption")
            caption.setToolTip(field.help)
            column.addWidget(caption)
        column.addWidget(self.form)
        self.setFocusProxy(self.form)

    def set_value(self, value: Any) -> None:
        self.form.set_value(value)


class VariantEditor(Editor):
    """One of several structs (an optimizer, a schedule): which one, then its settings."""

    wide = True

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.variants = variants_of(field.type)
        self.combo = Choice()
        for cls in self.variants:
            help = (cls.__doc__ or "").strip()
            self.combo.add(cls, title_of(cls), help)
        self.combo.currentIndexChanged.connect(self._chosen)
        title = QLabel(field.title)
        title.setProperty("role", "secondary")
        title.setWordWrap(True)
        title.setFixedWidth(LABEL_WIDTH)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(title, 0, 0)
        self._grid.addWidget(self.combo, 0, 1)
        self.setFocusProxy(self.combo)
        self.form: Form | None = None
        # What was set for each kind, so that a look at another one loses nothing.
        self._remembered: dict[type[msgspec.Struct], msgspec.Struct] = {}

    def set_value(self, value: Any) -> None:
        self._remembered[type(value)] = value
        with QSignalBlocker(self.combo):
            self.combo.setCurrentIndex(self.variants.index(type(value)))
        self._describe(self.combo, (type(value).__doc__ or "").strip())
        if self.form is None or self.form.cls is not type(value):
            self._build(type(value))
        assert self.form is not None
        self.form.set_value(value)

    def _build(self, cls: type[msgspec.Struct]) -> None:
        if self.form is not None:
            self._grid.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self.form = Form(cls, parent=self)
        self.form.edited.connect(lambda value, _: self._form_edited(value))
        self.form.finished.connect(self.finished)
        self._grid.addWidget(self.form, 1, 0, 1, 2)
        self.form.setVisible(bool(self.form.rows))

    def _form_edited(self, value: msgspec.Struct) -> None:
        self._remembered[type(value)] = value
        self.edited.emit(value)

    def _chosen(self, index: int) -> None:
        cls = self.variants[index]
        value = self._remembered.get(cls) or cls()
        self.set_value(value)
        self.edited.emit(value)
        self.finished.emit()


def variants_of(kind: inspect.Type) -> tuple[type[msgspec.Struct], ...]:
    """The struct classes of a union."""
    assert isinstance(kind, inspect.UnionType)
    return tuple(t.cls for t in kind.types if isinstance(t, inspect.StructType))


def make_editor(field: Field, parent: QWidget | None = None) -> Editor:
    """The editor that fits a field's type."""
    match field.type:
        case inspect.BoolType():
            return BoolEditor(field, parent=parent)
        case inspect.IntType() | inspect.FloatType():
            return NumberEditor(field, parent=parent)
        case inspect.LiteralType():
            return ChoiceEditor(field, parent=parent)
        case inspect.TupleType(item_types=(inspect.IntType() | inspect.Metadata(),
                                           inspect.IntType() | inspect.Metadata())):
            return PairEditor(field, parent=parent)
        case inspect.VarTupleType(item_type=item) if isinstance(
                item.type if isinstance(item, inspect.Metadata) else item,
                inspect.IntType | inspect.FloatType):
            return NumbersEditor(field, parent=parent)
        case inspect.StrType():
            return TextEditor(field, parent=parent)
        case inspect.StructType():
            return GroupEditor(field, parent=parent)
        case inspect.UnionType(types=parts):
            if all(isinstance(part, inspect.StructType) for part in parts):
                return VariantEditor(field, parent=parent)
            kinds = {type(part.type if isinstance(part, inspect.Metadata) else part)
                     for part in parts}
            if kinds in ({inspect.LiteralType, inspect.TupleType},
                         {inspect.LiteralType, inspect.IntType},
                         {inspect.LiteralType, inspect.FloatType}):
                return ChoiceOrOwnEditor(field, parent=parent)
            if kinds == {inspect.LiteralType, inspect.StructType}:
                return RuleEditor(field, parent=parent)
    return JsonEditor(field, parent=parent)
