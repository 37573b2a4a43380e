"""Opening, saving, recovering and closing in the window."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import (
    QFileDialog,
    QMessageBox,
)

from playground import document as store
from playground.examples import EXAMPLES
from playground.snapshot import Snapshot
from tests.fake_window import change
from ui.dialogs.recovery import RecoveryQuestion
from ui.recovery import Crashed


def answer(monkeypatch, button: QMessageBox.StandardButton) -> list[str]:
    asked: list[str] = []

    def question(parent, title, text, *rest):
        asked.append(text)
        return button

    monkeypatch.setattr(QMessageBox, "question", question)
    return asked


def answer_recovery(monkeypatch, what: str) -> list[str]:
    asked: list[str] = []

    def reply(self):
        asked.append(self.text())
        return what

    monkeypatch.setattr(RecoveryQuestion, "answer", reply)
    return asked


def test_save_and_open(window, engine, tmp_path, monkeypatch):
    file = tmp_path / "net.playground"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **rest: (str(file), ""))
    change(window)
    assert not window.document.clean
    assert window.files.save()
    assert window.document.clean
    assert window.windowTitle().startswith("net.playground")
    loaded = store.load(file)
    assert loaded.graph == window.document.graph
    assert loaded.state is not None
    assert loaded.state.step == 3
    assert loaded.thumbnail.startswith(b"\x89PNG")
    assert window.preferences.recent == [file]
    window.files.new()
    assert window.document.graph.nodes == ()
    assert window.files.open(file)
    assert window.document.graph == loaded.graph
    assert [call[1] for call in engine.calls if call[0] == "load"][-1] == loaded.graph


def test_the_graph_alone_is_text(window, tmp_path, monkeypatch):
    file = tmp_path / "net.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **rest: (str(file), ""))
    assert window.files.save_graph()
    assert json.loads(file.read_text())
    assert store.load(file).graph == window.document.graph


@pytest.mark.parametrize("content", [b"", b"PK nonsense", b"{}", b"\0\1\2"])
def test_a_bad_file_leaves_the_old_document(window, tmp_path, monkeypatch, content):
    told = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: told.append(args[2]))
    file = tmp_path / "bad.playground"
    file.write_bytes(content)
    before = window.document.graph
    assert not window.files.open(file)
    assert window.document.graph == before
    assert len(told) == 1
    assert str(file) in told[0]


def test_a_file_that_is_not_there_is_told_in_the_window(make_window, tmp_path, monkeypatch):
    told = []
    window = make_window()
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: told.append(args[1:3]))
    window.show()
    window.open_first(tmp_path / "gone.playground")
    (title, sentence), = told
    assert title == "gone.playground cannot be opened"
    assert "No such file" in sentence
    assert window.document.graph == EXAMPLES["mlp-spiral"].graph


def test_unsaved_changes_are_asked_about(window, monkeypatch):
    change(window)
    graph = window.document.graph
    asked = answer(monkeypatch, QMessageBox.StandardButton.Cancel)
    window.files.new()
    window.close()
    assert window.document.graph == graph
    assert window.isVisible()
    assert len(asked) == 2
    answer(monkeypatch, QMessageBox.StandardButton.Discard)
    window.files.new()
    assert window.document.graph.nodes == ()


def test_long_training_counts_as_unsaved(window, monkeypatch):
    window.bridge.training_seconds = 1000.0
    asked = answer(monkeypatch, QMessageBox.StandardButton.Cancel)
    window.files.new()
    assert "trained weights" in asked[0]


def test_a_dropped_file_opens(window, tmp_path):
    file = tmp_path / "net.json"
    store.save(file, EXAMPLES["perceptron"].graph)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    window.dropEvent(QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier))
    assert window.document.graph == EXAMPLES["perceptron"].graph


def test_autosave_and_recovery(qtbot, make_window, window, monkeypatch):
    window.recovery.save()
    assert not window.recovery.file.exists(), "nothing to lose yet"
    change(window)
    window.recovery.save()
    window.recovery.wait()
    assert window.recovery.last_error == ""
    assert store.load(window.recovery.file).graph == window.document.graph
    # As after a crash: the file is there, the lock is not.
    graph = window.document.graph
    window.recovery._held.unlock()
    window.recovery._owned = False
    asked = answer_recovery(monkeypatch, "later")
    second = make_window()
    second.open_first()
    second.keep_copies()
    assert "mlp-spiral" in asked[0]
    assert window.recovery.file.exists(), "later"
    answer_recovery(monkeypatch, "open")
    second.keep_copies()
    assert second.document.graph == graph
    assert not second.document.clean
    third = make_window()
    third.keep_copies()
    assert len(asked) == 1, "no other window is offered it meanwhile"
    assert window.recovery.file.exists(), "the only copy there is"
    second.recovery.save()
    second.recovery.wait()
    assert second.recovery.file.exists()
    assert not window.recovery.file.exists()


def test_what_is_undone_leaves_no_copy(qtbot, window, engine):
    def autosave():
        window.recovery._rest_until = 0.0
        window.recovery.save()
        window.recovery.wait()

    engine.next = Snapshot(state="paused")
    qtbot.waitUntil(lambda: window.bridge.snapshot.state == "paused")
    change(window)
    autosave()
    assert window.recovery.file.exists()
    window.document.stack.undo()
    assert window.document.clean
    autosave()
    assert not window.recovery.file.exists(), "it would be offered after a crash"
    window.document.stack.redo()
    autosave()
    assert store.load(window.recovery.file).graph == window.document.graph


@pytest.mark.parametrize("is_it", [True, False])
def test_a_window_with_a_file_is_offered_the_copies_of_that_file(
        make_window, window, tmp_path, monkeypatch, is_it):
    file, other = tmp_path / "net.playground", tmp_path / "other.playground"
    for path in (file, other):
        store.save(path, EXAMPLES["perceptron"].graph)
    assert window.files.open(file)
    change(window)
    window.recovery.save()
    window.recovery.wait()
    window.recovery._held.unlock()
    window.recovery._owned = False
    window.files.claim.release()
    asked = answer_recovery(monkeypatch, "later")
    second = make_window()
    second.open_first(file if is_it else other)
    second.keep_copies(offer_all=False)
    assert len(asked) == is_it


def test_what_is_opened_after_a_recovery_is_not_changed(window, tmp_path):
    file = tmp_path / "copy.playground"
    store.save(file, EXAMPLES["perceptron"].graph)
    assert window.files.recover(Crashed(file, "net.playground", None, 0.0))
    window.document.replace(EXAMPLES["lenet5"].graph)
    assert window.document.clean
    assert not window.files.unsaved


def test_another_network_shows_no_pictures_of_the_last(window):
    canvas = window.canvas.canvas
    canvas.set_thumbnail("dense_1", [QImage(4, 4, QImage.Format.Format_RGB32)])
    canvas.set_badge("loss_1", "0.4")
    window.files.show_example(EXAMPLES["mlp-digits"])
    assert "dense_1" in canvas.nodes
    assert not canvas.has_thumbnail("dense_1")
    assert canvas._badges["loss_1"] is None


def test_a_recovered_document_saves_to_where_it_came_from(window, tmp_path):
    file, original = tmp_path / "copy.playground", tmp_path / "net.playground"
    store.save(file, EXAMPLES["perceptron"].graph)
    assert window.files.recover(Crashed(file, "net.playground", original, 0.0))
    assert not window.document.clean
    assert window.files.save()
    assert store.load(original).graph == EXAMPLES["perceptron"].graph


def test_a_recovered_example_has_its_variations_again(window, tmp_path):
    file, graph = tmp_path / "copy.playground", EXAMPLES["vqa"].graph
    store.save(file, graph.moved({"join": (0, 900)}))
    window.files.new()
    assert not window.lanes.offered
    assert window.files.recover(Crashed(file, "vqa", None, 0.0))
    assert window.lanes.offered == EXAMPLES["vqa"].variations != ()
    assert window.document.graph.node("join").y == 900
    assert not window.document.clean
    # A file that happens to have an example's name is somebody's own.
    assert window.files.recover(Crashed(file, "vqa", tmp_path / "vqa", 0.0))
    assert not window.lanes.offered


def test_the_speed_is_the_window_s_and_an_example_s_goes_with_it(window, make_window, engine):
    slider = window.training_bar.speed_slider
    assert slider.speed() == EXAMPLES["mlp-spiral"].speed is not None
    slider.choose(20.0)  # of this example
    window.files.new()
    assert slider.speed() is None
    assert ("set_speed", None) in engine.calls
    slider.choose(50.0)  # my own
    window.files.open_example(EXAMPLES["mlp-spiral"])
    assert slider.speed() == EXAMPLES["mlp-spiral"].speed
    window.files.open_example(EXAMPLES["cnn-digits"])
    assert slider.speed() == 50.0
    window.files.new()
    assert slider.speed() == 50.0
    window.close()
    assert window.preferences.speed == 50.0
    assert make_window().training_bar.speed_slider.speed() == 50.0
    window.preferences._settings.setValue("speed", "fast")  # somebody else's hand
    assert window.preferences.speed is None


def test_the_question_after_a_crash_names_the_time_and_can_wait(qtbot, tmp_path):
    question = RecoveryQuestion(Crashed(tmp_path, "net", None, 86_400.0, step=1_347_511))
    qtbot.addWidget(question)
    assert "January 1970 at " in question.text()
    assert "at step 1,347,511" in question.text()
    assert [button.text() for button in question.buttons()].count("Later") == 1
    assert question.escapeButton().text() == "Later"


def test_training_alone_is_autosaved_and_shown_in_the_title(qtbot, window, engine):
    engine.next = Snapshot(state="paused", step=500)
    qtbot.waitUntil(lambda: window.bridge.snapshot.step == 500)
    assert window.document.clean
    window.recovery.save()
    window.recovery.wait()
    assert window.recovery.file.exists()
    assert not window.windowTitle().startswith("•")
    window.bridge.training_seconds = 11.0
    engine.next = Snapshot(state="paused", step=501)
    qtbot.waitUntil(lambda: window.windowTitle().startswith("•"))
    assert window.files.unsaved


def test_a_document_trained_further_is_asked_about_however_short_it_took(
        qtbot, window, engine, tmp_path, monkeypatch):
    file = tmp_path / "net.playground"
    store.save(file, EXAMPLES["perceptron"].graph)
    assert window.files.open(file)
    engine.next = Snapshot(state="paused", step=0)
    qtbot.waitUntil(lambda: window.bridge.snapshot.state == "paused")
    assert not window.files.unsaved
    engine.next = Snapshot(state="paused", step=1)
    qtbot.waitUntil(lambda: window.windowTitle().startswith("•"))
    asked = answer(monkeypatch, QMessageBox.StandardButton.Cancel)
    window.files.new()
    assert "the trained weights of net.playground" in asked[0]


def test_closing_ends_the_thread_and_leaves_nothing(window, engine, tmp_path):
    assert window.close()
    assert engine.names()[-1] == "quit"
    assert list((tmp_path / "recovery").iterdir()) == []
