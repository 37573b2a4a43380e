"""Saving asks before it takes what somebody else has written, or leaves out what was trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox

from playground import document as store
from playground.snapshot import Snapshot
from tests.fake_window import change
from tests.opened_document import OTHER, open_edited
from ui.dialogs.changed import ChangedQuestion
from ui.recovery import Crashed


def answer(monkeypatch, what: str) -> list[str]:
    asked: list[str] = []

    def reply(self) -> str:
        asked.append(self.text())
        return what

    monkeypatch.setattr(ChangedQuestion, "answer", reply)
    return asked


@pytest.fixture
def opened(window, tmp_path: Path) -> Path:
    return open_edited(window, tmp_path)


def test_what_another_window_saved_is_asked_about(window, opened, monkeypatch):
    store.save(opened, OTHER)
    asked = answer(monkeypatch, "cancel")
    assert not window.files.save()
    assert "net.playground has been changed by another" in asked[0]
    assert store.load(opened).graph == OTHER
    assert not window.document.clean
    answer(monkeypatch, "replace")
    assert window.files.save()
    assert store.load(opened).graph == window.document.graph


def test_both_can_be_kept(window, opened, monkeypatch, tmp_path):
    store.save(opened, OTHER)
    answer(monkeypatch, "save as")
    mine = tmp_path / "mine.playground"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **rest: (str(mine), ""))
    assert window.files.save()
    assert store.load(opened).graph == OTHER
    assert store.load(mine).graph == window.document.graph
    assert window.document.path == mine


def test_save_as_over_it_asks_too(window, opened, monkeypatch):
    store.save(opened, OTHER)
    asked = answer(monkeypatch, "cancel")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **rest: (str(opened), ""))
    assert not window.files.save_as()
    assert asked
    assert store.load(opened).graph == OTHER


def test_one_s_own_saves_are_not_asked_about(window, opened):
    for _ in range(2):
        assert window.files.save()  # a question would wait for ever
        change(window)
    opened.unlink()
    assert window.files.save(), "there is nothing to lose"


def test_a_file_that_is_open_in_another_window_is_told(window, make_window, opened, tmp_path):
    def opens(second, path) -> list[str]:
        told = []
        second.files.told.disconnect()
        second.files.told.connect(told.append)
        assert second.files.open(path)
        return told

    second = make_window()
    assert "net.playground is open in another window too" in opens(second, opened)[0]
    link = tmp_path / "link.playground"
    link.symlink_to(opened)
    assert opens(second, link)
    assert opens(second, opened), "having another one open takes nothing away"
    window.document.stack.setClean()
    window.files.new()
    assert not opens(second, opened)
    assert opens(window, link)
    second.files.claim.release()
    assert not [lock for lock in (tmp_path / "recovery").glob("*.lock")
                if lock.stem not in (window.recovery.file.stem, second.recovery.file.stem)]


def test_a_recovered_copy_does_not_replace_a_newer_original(window, make_window, opened,
                                                            monkeypatch, tmp_path):
    window.recovery.save()
    window.recovery.wait()
    window.recovery._held.unlock()
    window.recovery._owned = False
    second = make_window()
    left, = second.recovery.crashed()
    assert left.seen == store.stamp(opened)
    assert second.files.recover(left)
    asked = answer(monkeypatch, "cancel")
    store.save(opened, OTHER)
    assert not second.files.save()
    assert len(asked) == 1
    # A note from before this was written down: nobody knows, so it is asked.
    assert second.files.recover(Crashed(left.file, "net", opened, 0.0))
    assert not second.files.save()
    assert len(asked) == 2


def test_weights_are_not_saved_into_a_graph_alone(qtbot, window, engine, monkeypatch, tmp_path):
    path, target = tmp_path / "net.json", tmp_path / "net.playground"
    store.save(path, OTHER)
    assert window.files.open(path)
    change(window)
    assert window.files.save(), "a drawing that has not trained"
    engine.next = Snapshot(state="paused", step=500)
    qtbot.waitUntil(lambda: window.bridge.snapshot.step == 500)
    told, asked = [], []
    window.files.told.disconnect()
    window.files.told.connect(told.append)

    def choose(parent, title, start, *rest, **options):
        asked.append(start)
        return str(tmp_path / "net"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    assert window.files.save()
    assert "would be lost" in told[0]
    assert asked == [str(target)]
    assert store.load(target).state is not None


@pytest.mark.parametrize(("typed", "saved"), [("net", "net.playground"),
                                              ("net.v2", "net.v2.playground"),
                                              ("net.playground", "net.playground")])
def test_a_name_that_is_completed_is_asked_about(window, monkeypatch, tmp_path, typed, saved):
    path = tmp_path / saved
    store.save(path, OTHER)
    monkeypatch.setattr(QFileDialog, "getSaveFileName",
                        lambda *args, **rest: (str(tmp_path / typed), ""))
    asked = []

    def question(parent, title, text, *rest):
        asked.append(text)
        return buttons.Yes if len(asked) == 2 else buttons.Cancel

    buttons = QMessageBox.StandardButton
    monkeypatch.setattr(QMessageBox, "question", question)
    assert not window.files.save_as()
    assert f"{saved} exists already" in asked[0]
    assert store.load(path).graph == OTHER
    assert window.files.save_as()
    assert store.load(path).graph == window.document.graph


def test_the_question_can_be_left_by_escape(qtbot, tmp_path):
    question = ChangedQuestion(tmp_path / "net.playground")
    qtbot.addWidget(question)
    assert question.escapeButton().text() == "Cancel"
    assert question.defaultButton().text() == "Save As…"


@pytest.mark.parametrize("has_file", [True, False])
def test_one_enter_too_many_saves_nothing_under_an_example_s_name(
        window, tmp_path, monkeypatch, has_file):
    if has_file:
        store.save(tmp_path / "net.playground", OTHER)
        assert window.files.open(tmp_path / "net.playground")
    change(window)
    defaults = []
    monkeypatch.setattr(QMessageBox, "question", lambda *rest: defaults.append(rest[-1]))
    assert not window.files.may_discard()
    buttons = QMessageBox.StandardButton
    assert defaults == [buttons.Save if has_file else buttons.Cancel]
