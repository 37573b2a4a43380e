"""A save holds all that was done, and leaves nothing behind; one that fails closes no window."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMessageBox

from playground import document as store
from playground.examples import EXAMPLES
from playground.question import Question
from playground.state import SavedState
from tests.fake_window import change
from tests.opened_document import OTHER, open_edited
from ui.canvas import editing
from ui.dialogs.changed import ChangedQuestion
from ui.inspector.panel import NodePage
from ui.saving import SavingWindow


@pytest.fixture
def opened(window, tmp_path: Path) -> Path:
    return open_edited(window, tmp_path)


# -- what is not everywhere yet -------------------------------------------------------------------


def test_a_rename_while_the_engine_starts_is_saved(window, make_window, engine, tmp_path):
    weights = np.ones((16, 2), np.float32)
    path, start = tmp_path / "net.playground", threading.Event()
    store.save(path, EXAMPLES["mlp-spiral"].graph,
               SavedState(step=5, parameters={"dense_1.w": weights}))
    second = make_window(lambda: start.wait(30) and engine)
    second.show()
    assert second.files.open(path)
    second.bridge.start()
    editing.rename(second.document, "dense_1", "first")
    editing.rename(second.document, "first", "hidden")
    assert second.files.save()
    start.set()
    state = store.load(path).state
    assert state is not None
    assert set(state.parameters) == {"hidden.w"}


@pytest.mark.parametrize("act", ["save", "close"])
@pytest.mark.parametrize("field", ["name", "number"])
def test_what_is_typed_and_not_yet_entered_is_saved(
        qtbot, window, opened, monkeypatch, act, field):
    window.document.stack.undo()
    window.docks.open("inspector")
    window.document.select({"dense_1"})
    page = window.inspector.findChild(NodePage)
    line = page.header.name if field == "name" else page.form.rows["units"].editor.number
    qtbot.waitUntil(line.isVisible)
    window.activateWindow()
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    line.selectAll()
    qtbot.keyClicks(line, "hidden" if field == "name" else "13")
    assert window.document.clean
    if act == "save":
        assert window.files.save()
        saved = store.load(opened).graph
        assert "hidden" in saved if field == "name" else saved.node("dense_1").layer.units == 13
    else:
        cancel = QMessageBox.StandardButton.Cancel
        monkeypatch.setattr(QMessageBox, "question", lambda *rest: cancel)
        assert not window.files.may_discard()


# -- what is left of a save, and what becomes of one that fails -----------------------------------


def test_a_save_leaves_no_window_and_no_state_behind(qtbot, window, opened, monkeypatch):
    kept = []
    asked = window.bridge.asked_state
    monkeypatch.setattr(window.bridge, "asked_state", lambda: remembered(asked()))

    def remembered(question):
        kept.append(weakref.ref(question))
        return question

    for _ in range(3):
        assert window.files.save()
        change(window)
    qtbot.waitUntil(lambda: not window.findChildren(SavingWindow))
    gc.collect()
    assert [ref() for ref in kept] == [None] * 3


@pytest.mark.parametrize("word", ["Replace", "Cancel"])
def test_a_question_that_is_answered_is_gone(qtbot, window, word):
    question = ChangedQuestion(Path("net.playground"), window)
    button, = (button for button in question.buttons() if button.text() == word)
    QTimer.singleShot(0, button.click)
    assert question.answer() == word.lower()
    qtbot.waitUntil(lambda: not window.findChildren(ChangedQuestion))


@pytest.mark.parametrize(("error", "told"), [
    (MemoryError(), "not enough memory"), (KeyError("dense_1.w"), "KeyError: 'dense_1.w'")])
def test_closing_with_save_stays_when_it_cannot_be_saved(
        window, engine, opened, monkeypatch, error, told):
    def fail():
        raise error

    def asked(renamed):
        question = Question(fail)
        question()
        return question

    warned, before = [], opened.read_bytes()
    monkeypatch.setattr(engine, "asked_state", asked)
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: warned.append(args[2]))
    monkeypatch.setattr(QMessageBox, "question", lambda *args: QMessageBox.StandardButton.Save)
    assert not window.close()
    assert told in warned[0]
    assert window.isVisible()
    assert not window.document.clean
    assert "shutdown" not in engine.names()
    assert opened.read_bytes() == before


def test_a_question_that_ends_by_a_fault_does_not_close(window, engine, monkeypatch):
    def fail():
        raise ValueError("odd")

    event = QCloseEvent()
    assert event.isAccepted()
    with monkeypatch.context() as broken:
        broken.setattr(window.files, "may_discard", fail)
        with pytest.raises(ValueError, match="odd"):
            window.closeEvent(event)
    assert not event.isAccepted()
    assert window.isVisible()
    assert "shutdown" not in engine.names()


def test_a_graph_alone_does_not_wait_for_the_network(window, engine, monkeypatch, tmp_path):
    path = tmp_path / "net.json"
    monkeypatch.setattr(engine, "asked_state", lambda renamed: pytest.fail("not needed"))
    store.save(path, OTHER)
    assert window.files.open(path)
    change(window)
    assert window.files.save()
    assert store.load(path).graph == window.document.graph
