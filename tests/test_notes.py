"""The notes of a network: read, written in the window, undone, saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from playground import document as store
from playground.examples import EXAMPLES
from playground.graph_json import MAX_NOTES
from tests.fake_engine import FakeEngine
from tests.fake_window import open_window
from ui.main_window import MainWindow
from ui.notes import ABOVE, NotesPanel

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine
           ) -> MainWindow:
    window = open_window(qtbot, tmp_path, monkeypatch, engine)
    window.files.new()
    window.docks.open("notes")
    return window


def write(window: MainWindow, qtbot: QtBot, text: str) -> NotesPanel:
    notes = window.notes
    if not notes.editing:
        notes.edit_button.click()
    qtbot.waitUntil(notes.editor.hasFocus)
    for number, line in enumerate(text.split("\n")):
        if number:
            qtbot.keyClick(notes.editor, Qt.Key.Key_Return)
        qtbot.keyClicks(notes.editor, line)
    return notes


def test_what_is_written_is_shown_and_saved(
        window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    notes = write(window, qtbot, "# Mine\n\nA *good* one")
    assert window.document.graph.notes == "# Mine\n\nA *good* one"
    assert not window.document.clean
    qtbot.keyClick(notes.editor, Qt.Key.Key_Escape)
    assert not notes.editing
    assert not notes.edit_button.isChecked()
    assert notes.text.toPlainText().split() == ["Mine", "A", "good", "one"]
    assert window.files._save(tmp_path / "mine.playground")
    assert store.load(tmp_path / "mine.playground").graph.notes == "# Mine\n\nA *good* one"


def test_writing_is_undone_by_stretches(window: MainWindow, qtbot: QtBot) -> None:
    notes = write(window, qtbot, "first")
    qtbot.keyClick(notes.editor, Qt.Key.Key_Return)
    qtbot.keyClicks(notes.editor, "second")
    assert window.document.stack.count() == 2
    qtbot.keyClick(notes.editor, Qt.Key.Key_Z, CONTROL)
    assert notes.editor.toPlainText() == window.document.graph.notes == "first\n"
    assert notes.editing
    qtbot.keyClick(notes.editor, Qt.Key.Key_Z, CONTROL)
    assert window.document.graph.notes == ""
    assert window.document.clean
    qtbot.keyClick(notes.editor, Qt.Key.Key_Y, CONTROL)
    assert notes.editor.toPlainText() == "first\n"


def test_the_caret_stays_where_one_writes(window: MainWindow, qtbot: QtBot) -> None:
    notes = write(window, qtbot, "ac")
    qtbot.keyClick(notes.editor, Qt.Key.Key_Left)
    qtbot.keyClicks(notes.editor, "b")
    assert window.document.graph.notes == "abc"
    assert notes.editor.textCursor().position() == 2


def test_writing_is_no_change_of_the_network(
        window: MainWindow, qtbot: QtBot, engine: FakeEngine) -> None:
    window.files.show_example(EXAMPLES["mlp-spiral"])
    qtbot.waitUntil(lambda: engine.graph is not None)
    loads = engine.names().count("load")
    write(window, qtbot, "Watch this. ")
    assert window.document.graph.notes.startswith("Watch this. ")
    assert engine.names().count("load") == loads


def test_another_document_is_read_first(window: MainWindow, qtbot: QtBot) -> None:
    notes = write(window, qtbot, "mine")
    window.document.stack.setClean()
    window.files.open_example(EXAMPLES["perceptron"])
    assert not notes.editing
    assert "neuron" in notes.text.toPlainText()


def test_more_than_a_document_holds_is_refused(window: MainWindow, qtbot: QtBot) -> None:
    notes = write(window, qtbot, "kept")
    with qtbot.waitSignal(window.document.refused) as told:
        notes.editor.setPlainText("x" * (MAX_NOTES + 1))
    assert "Shorten them" in told.args[0]
    assert notes.editor.toPlainText() == window.document.graph.notes == "kept"


def test_one_reads_on_lesson_by_lesson(window: MainWindow, qtbot: QtBot) -> None:
    notes, document = window.notes, window.notes.text.document()
    window.files.show_example(EXAMPLES["gan"])
    window.docks.open("notes")
    bar = notes.text.verticalScrollBar()
    qtbot.waitUntil(lambda: notes.next_button.isVisible() and bar.value() == 0)
    tops = {round(document.documentLayout().blockBoundingRect(block).top()): block.text()
            for i in range(document.blockCount())
            if (block := document.findBlockByNumber(i)).text()}
    seen = []
    while notes.next_button.isVisible():
        before = bar.value()
        notes.next_button.click()
        assert before < bar.value() <= before + bar.pageStep(), "nothing is left out"
        seen.append(tops.get(bar.value() + ABOVE, ""))
    assert bar.value() == bar.maximum()
    lessons = [text.split()[0] for text in seen if text]
    assert lessons[:3] == ["Press", "Look", "Step"]
    notes.edit_button.click()
    assert notes.next_button.isHidden()
    notes.edit_button.click()
    window.document.edit("Write notes", window.document.graph.with_notes("# Short"))
    qtbot.waitUntil(notes.next_button.isHidden)
