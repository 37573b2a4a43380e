"""Saving never takes what somebody else has written, nor what this app cannot put back."""

from __future__ import annotations

import gc
import os
import threading
import weakref
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox

from playground import document as store
from playground.cli import main
from playground.examples import EXAMPLES
from playground.question import Question
from playground.snapshot import Snapshot
from playground.state import SavedState
from tests import document_files
from tests.fake_window import change
from ui.canvas import editing
from ui.dialogs.changed import ChangedQuestion
from ui.inspector.panel import NodePage
from ui.recovery import Crashed
from ui.saving import SavingWindow

OTHER = EXAMPLES["perceptron"].graph


def answer(monkeypatch, what: str) -> list[str]:
    asked: list[str] = []

    def reply(self) -> str:
        asked.append(self.text())
        return what

    monkeypatch.setattr(ChangedQuestion, "answer", reply)
    return asked


@pytest.fixture
def opened(window, tmp_path: Path) -> Path:
    """A document that the window has open, with an edit to save."""
    path = tmp_path / "net.playground"
    store.save(path, EXAMPLES["mlp-spiral"].graph)
    assert window.files.open(path)
    change(window)
    return path


# -- in the window --------------------------------------------------------------------------------


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


# -- what is not everywhere yet ---------------------------------------------------------------


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


# -- a failing autosave ---------------------------------------------------------------------------


def test_an_autosave_without_its_note_is_tried_again(window, monkeypatch):
    change(window)
    recovery, real, tried = window.recovery, Path.write_text, []

    def full(path, *args, **options):
        if path.suffix == ".part":
            tried.append(path)
            raise OSError(28, "No space left on device")
        return real(path, *args, **options)

    def autosave():
        recovery._rest_until = 0.0
        recovery.save()
        recovery.wait()

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", full)
        autosave()
        assert "No space left" in recovery.last_error
        autosave()
        assert len(tried) == 2
    autosave()
    assert recovery.last_error == ""
    assert recovery.file.with_suffix(".json").exists()


def test_a_failing_autosave_is_told_once_and_tried_again(qtbot, window, monkeypatch):
    said = []
    monkeypatch.setattr(window.canvas, "say", lambda text, *rest: said.append(text))
    change(window)

    def full(*args):
        raise store.DocumentError("it could not be saved: No space left on device.")

    def autosave():
        window.recovery._rest_until = 0.0
        window.recovery.save()
        window.recovery.wait()

    with monkeypatch.context() as broken:
        broken.setattr(store, "save", full)
        for _ in range(2):
            autosave()
        qtbot.waitUntil(lambda: bool(said))
    label = window.status._autosave
    assert label.text() == "not autosaved"
    assert "No space left on device. Save by hand" in label.toolTip()
    assert said == [label.toolTip()]
    autosave()
    assert window.recovery.file.exists(), "nothing has changed, but nothing was saved either"
    qtbot.waitUntil(lambda: not label.text())


def test_a_save_by_hand_makes_up_for_a_copy_that_failed(qtbot, window, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(window.canvas, "say", lambda text, *rest: said.append(text))

    def full(*args):
        raise store.DocumentError("it could not be saved: No space left on device.")

    def fail():
        change(window)
        with monkeypatch.context() as broken:
            broken.setattr(store, "save", full)
            window.recovery._rest_until = 0.0
            window.recovery.save()
            window.recovery.wait()
        qtbot.waitUntil(lambda: window.status._autosave.text() == "not autosaved")

    fail()
    assert window.files._save(tmp_path / "a.playground")
    assert not window.status._autosave.text()
    fail()
    assert len(said) == 2, "another failure is told again"


def test_a_folder_for_copies_that_cannot_be_made_is_told(make_window, tmp_path, monkeypatch):
    (tmp_path / "recovery").write_text("a file is in the way")
    window = make_window()
    said = []
    monkeypatch.setattr(window.canvas, "say", lambda text, *rest: said.append(text))
    assert window.recovery.last_error == said[0]
    assert said[0].startswith("Autosave is off: ")
    assert window.status._autosave.text() == "not autosaved"
    assert window.files._save(tmp_path / "a.playground")
    assert window.status._autosave.text() == "not autosaved", "it stays off"


# -- what is missing from a document --------------------------------------------------------------


@pytest.mark.parametrize("gone", ["weights.safetensors", "state.safetensors", "history.csv",
                                  "thumbnail.png"])
def test_a_member_that_is_missing_opens_read_only(tmp_path, gone, capsys):
    whole, part = tmp_path / "whole.playground", tmp_path / "part.playground"
    store.save(whole, document_files.network(), document_files.state(),
               document_files.history().view(), b"\x89PNG")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(part, "w") as target:
        for info in source.infolist():
            if info.filename != gone:
                target.writestr(info, source.read(info))
    loaded = store.load(part)
    assert loaded.read_only
    assert [note for note in loaded.notes if f"its member {gone} is missing" in note]
    assert bool(loaded.lost) == (gone == "weights.safetensors")
    assert not store.load(whole).read_only
    before = part.read_bytes()
    assert main(["train", str(part), "--steps", "1", "--save", str(part)]) == 2
    assert part.read_bytes() == before
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("ahead", [-6, 1 << 60])
def test_epochs_that_cannot_be_are_refused(tmp_path, ahead):
    path = tmp_path / "net.playground"
    for value in (0, -5, ahead):
        store.save(path, document_files.network(), SavedState(step=5, ahead=value))
        assert store.load(path).read_only == (value == ahead)
        with zipfile.ZipFile(path) as archive:  # versions that do not know it need not know
            assert (b"ahead" in archive.read("state.safetensors")) == (value != 0)


# -- on the command line --------------------------------------------------------------------------


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    path = tmp_path / "net.playground"
    assert main(["train", "perceptron", "--steps", "5", "--save", str(path)]) == 0
    return path


def test_what_was_saved_while_it_trained_is_left_alone(trained, monkeypatch, capsys):
    from playground import headless

    def train(*args, **options):
        outcome = real(*args, **options)
        store.save(trained, OTHER, SavedState(step=77))
        return outcome

    real = headless.train
    monkeypatch.setattr(headless, "train", train)
    assert main(["train", str(trained), "--steps", "5", "--save", str(trained)]) == 2
    beside = trained.with_name("net-2.playground")
    assert f"is in {beside}." in capsys.readouterr().err
    state, other = store.load(beside).state, store.load(trained)
    assert state is not None
    assert state.step == 10
    assert other.graph == OTHER


@pytest.mark.parametrize("name", ["net.playground", "new.playground", "graph.json", "thesis.pdf",
                                  "link.csv"])
def test_a_log_replaces_nothing_but_a_log(trained, name, capsys):
    folder = trained.parent
    (folder / "thesis.pdf").write_bytes(b"%PDF-1.7 years of work")
    (folder / "link.csv").symlink_to(trained)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    capsys.readouterr()
    for what in (trained, "perceptron"):
        assert main(["train", str(what), "--steps", "1", "--log", str(folder / name)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_log_replaces_a_log_and_goes_to_pipes(tmp_path):
    log = tmp_path / "log.csv"
    log.touch()
    for _ in range(2):
        assert main(["train", "perceptron", "--steps", "3", "--log", str(log)]) == 0
        assert log.read_text().startswith("step,")
    assert main(["train", "perceptron", "--steps", "3", "--log", os.devnull]) == 0


# -- the window from the command line -------------------------------------------------------------


@pytest.mark.parametrize("content", ["directory", "pipe", b"", b"{}", b"PK nonsense"])
@pytest.mark.parametrize("more", [[], ["--screenshot", "a.png"]])
def test_a_bad_file_ends_with_a_line(tmp_path, monkeypatch, capsys, content, more):
    monkeypatch.setattr("playground.cli._from_desktop", lambda: False)
    monkeypatch.setattr("ui.app.main", lambda words: pytest.fail("the window opens"))
    path = tmp_path / "bad.playground"
    if content == "directory":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    assert main([str(path), *more]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_can_be_no_document_opens_no_window(tmp_path, monkeypatch, capsys, kind):
    """Whoever starts this has no terminal; yet no file manager hands over a folder or a pipe."""
    monkeypatch.setattr("playground.cli._from_desktop", lambda: True)
    monkeypatch.setattr("ui.app.main", lambda words: pytest.fail("the window opens"))
    path = tmp_path / "odd"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    assert main([str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", [[], ["train"], ["summary"]])
@pytest.mark.parametrize("name", ["", "a" * 5000])
def test_names_that_cannot_be(command, name, capsys, monkeypatch):
    monkeypatch.setattr("ui.app.main", lambda words: pytest.fail("the window opens"))
    assert main([*command, name]) == 2
    err = capsys.readouterr().err
    assert "There is no file and no example" in err
    assert err.count("\n") == 1
    assert len(err) < 2000


@pytest.mark.parametrize("option", ["--log", "--save"])
def test_names_that_cannot_be_written(option, capsys):
    name = "a" * 5000 + (".csv" if option == "--log" else ".playground")
    assert main(["train", "perceptron", option, name]) == 2
    err = capsys.readouterr().err
    assert "cannot be written" in err
    assert err.count("\n") == 1


def test_without_a_screen_there_is_a_line(monkeypatch, capsys):
    monkeypatch.setattr("ui.app.main", lambda words: pytest.fail("the window opens"))
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["perceptron"]) == 2
    assert "needs a screen" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ui.app.main", lambda words: pytest.fail("the window opens"))
    assert main(["perceptron", "--screenshot", str(tmp_path / "no" / "a.png")]) == 2
    assert "cannot be written" in capsys.readouterr().err
