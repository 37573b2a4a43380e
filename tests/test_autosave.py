"""An autosave that fails is told once, and tried again."""

from __future__ import annotations

from pathlib import Path

from playground import document as store
from tests.fake_window import change


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
