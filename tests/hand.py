"""What a hand does to the editors of settings."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from ui.inspector.choice_editors import BoolEditor, ChoiceEditor, ChoiceOrOwnEditor
from ui.inspector.editor import Editor
from ui.inspector.form import GroupEditor, VariantEditor
from ui.inspector.number import NumberField
from ui.inspector.number_editors import NumberEditor, PairEditor
from ui.inspector.rule import RuleEditor
from ui.inspector.text_editors import NumbersEditor, TextEditor


def typed(qtbot, number: NumberField, text: str) -> None:
    number.selectAll()
    qtbot.keyClicks(number, text)
    qtbot.keyClick(number, Qt.Key.Key_Return)


def change(editor: Editor) -> None:
    """Do to a row what a hand can do, so that it holds another value."""
    match editor:
        case NumberEditor():
            before = editor.number.value()
            editor.number.stepBy(1)
            if editor.number.value() == before:  # At its upper limit.
                editor.number.stepBy(-1)
        case BoolEditor():
            editor.box.click()
        case ChoiceEditor() | ChoiceOrOwnEditor() | VariantEditor() | RuleEditor():
            combo = editor.combo
            combo.setCurrentIndex((combo.currentIndex() + 1) % combo.count())
        case PairEditor():
            editor.numbers[0].stepBy(1)
        case NumbersEditor():
            written(editor.line, "2" if editor.line.text() != "2" else "3")
        case TextEditor():
            written(editor.line, "elsewhere")
        case GroupEditor():
            change(next(iter(editor.form.rows.values())).editor)
        case _:
            raise AssertionError(f"no hand knows a {type(editor).__name__}")


def written(line: QLineEdit, text: str) -> None:
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)
