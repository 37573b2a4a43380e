"""The window as a whole: opening, editing, saving, closing; and that everything has a name."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress

import pytest
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QSlider,
    QWidget,
)

from playground import document as store
from playground.examples import EXAMPLES
from playground.layers.base import make_layer
from playground.snapshot import Snapshot
from tests.fake_engine import FakeEngine
from ui.app import Complaints
from ui.data_nodes import import_data
from ui.dialogs.data_import import DataImport, problem_of
from ui.dialogs.gallery import Gallery
from ui.dialogs.help import LayerHelp, layer_page
from ui.dialogs.recovery import RecoveryQuestion
from ui.dialogs.shortcuts import CANVAS, ShortcutsDialog
from ui.keys import keeps
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.recovery import Crashed
from ui.theme import apply, theme


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def make_window(qtbot, tmp_path, engine, monkeypatch):
    # Windows of earlier tests are gone; what they connected must not answer.
    with suppress(RuntimeError), warnings.catch_warnings(action="ignore"):
        theme().changed.disconnect()
    apply(QApplication.instance(), "dark")
    for box in ("question", "warning", "information"):  # A dialog would wait for ever.
        monkeypatch.setattr(QMessageBox, box, lambda *args: pytest.fail(f"asked: {args[1:]}"))

    def make(create=lambda: engine) -> MainWindow:
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        window = MainWindow(Preferences(settings), create, tmp_path / "recovery")
        qtbot.addWidget(window, before_close_func=lambda w: setattr(
            w.files, "may_discard", lambda: True))
        window.resize(1280, 800)
        return window

    return make


@pytest.fixture
def window(qtbot, make_window, engine) -> MainWindow:
    window = make_window()
    window.show()
    window.open_first(example="mlp-spiral")
    window.bridge.start()
    qtbot.waitUntil(lambda: engine.graph is not None)
    return window


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


def change(window: MainWindow) -> None:
    graph = window.document.graph
    window.document.edit("Note", graph.with_node(make_layer("dense", {}), 0, 400))


# -- the start --------------------------------------------------------------------------------


def test_it_opens_on_the_spiral_ready_to_run(window, engine):
    assert window.document.graph == EXAMPLES["mlp-spiral"].graph
    assert engine.graph == window.document.graph
    assert "run" not in engine.names()
    assert window.document.clean


def test_the_engine_starts_after_the_window_shows(make_window, engine):
    window = make_window()
    window.open_first(example="mlp-spiral")
    assert engine.calls == []


def test_every_control_has_a_name_and_a_tooltip(window):
    window.document.select({"dense_1"})
    for kind in (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider):
        for widget in window.findChildren(kind):
            if widget.objectName().startswith("qt_") or isinstance(
                    widget.parent(), (QLineEdit, QMessageBox)) or not widget.isVisible():
                continue
            where = f"{type(widget).__name__} in {type(widget.parent()).__name__}"
            name = widget.accessibleName() or getattr(widget, "text", str)()
            if "TabBar" not in where:
                assert name, where
                assert widget.toolTip(), where


def test_every_menu_entry_says_what_it_does(window):
    for menu in window.menus.all:
        for action in menu.actions():
            assert action.isSeparator() or (action.text() and action.toolTip()), action.text()


def test_no_key_means_two_things(window):
    seen: dict[str, str] = {}
    for menu in window.menus.all:
        for action in menu.actions():
            for key in action.shortcuts():
                text = key.toString()
                assert seen.setdefault(text, action.text()) == action.text(), text
    assert {"Space", "F10", "F11", "Shift+F10", "Ctrl+R", "?", "Ctrl+Z", "Ctrl+Y", "Ctrl+S",
            "Ctrl+D", "Ctrl+F", "F"} <= set(seen)


def test_it_fits_a_small_screen(window):
    window.resize(1280, 800)
    QApplication.processEvents()
    assert window.minimumSizeHint().width() <= 1280
    assert window.minimumSizeHint().height() <= 760
    assert window.canvas.width() > 600
    assert window.canvas.height() > 300


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_theme_changes_while_open(window, mode):
    window.set_theme(mode)
    assert theme().dark == (mode == "dark")
    assert window.preferences.theme == mode
    assert not window.grab().isNull()


# -- layout -----------------------------------------------------------------------------------


def test_panels_are_remembered(qtbot, make_window):
    first = make_window()
    first.show()
    first.docks.all["gradients"].hide()
    first.close()
    second = make_window()
    second.show()
    assert second.docks.all["gradients"].isHidden()
    second.docks.reset()
    assert not second.docks.all["gradients"].isHidden()


def test_a_floating_panel_comes_back_in_front(qtbot, make_window, monkeypatch):
    first = make_window()
    first.show()
    first.docks.all["loss"].setFloating(True)
    first.close()
    second = make_window()
    raised = []
    loss = second.docks.all["loss"]
    monkeypatch.setattr(loss, "raise_", lambda: raised.append(second.isVisible()))
    second.show()
    qtbot.waitUntil(lambda: raised == [True])
    assert loss.isFloating()
    assert loss.isVisible()


def test_an_example_opens_with_its_notes(window):
    notes = window.docks.all["notes"]
    assert "Press Space." in window.notes.text.toPlainText()
    assert not notes.isHidden()
    window.notes.close_button.click()
    assert notes.isHidden()
    about, = (a for a in window.menus.help.actions() if "Network" in a.text())
    about.trigger()
    assert not notes.isHidden()
    window.files.new()
    assert notes.isHidden()
    assert "no notes" in window.notes.text.toPlainText()


def test_small_examples_open_at_a_speed_to_watch(window, engine):
    assert ("set_speed", 300.0) in engine.calls
    bar = window.training_bar
    assert bar.speed.accessibleName() == "speed 300/s"
    bar.full_speed.click()
    assert engine.calls[-1] == ("set_speed", None)
    assert bar.speed.accessibleName() == "speed max"
    assert bar.full_speed.isHidden()


# -- files ------------------------------------------------------------------------------------


def test_save_and_open(window, engine, tmp_path, monkeypatch):
    file = tmp_path / "net.playground"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(file), ""))
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
    assert engine.calls[-1][:2] == ("load", loaded.graph) or engine.calls[-2][0] == "load"


def test_the_graph_alone_is_text(window, tmp_path, monkeypatch):
    file = tmp_path / "net.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(file), ""))
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
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: told.append(args[1:3]))
    window = make_window()
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
    assert "mlp-spiral" in asked[0]
    assert window.recovery.file.exists(), "later"
    answer_recovery(monkeypatch, "open")
    second.open_first()
    assert second.document.graph == graph
    assert not second.document.clean
    assert second.recovery.crashed() == [], "no other window is offered it meanwhile"
    assert window.recovery.file.exists(), "the only copy there is"
    second.recovery.save()
    second.recovery.wait()
    assert second.recovery.file.exists()
    assert not window.recovery.file.exists()


def test_a_recovered_document_saves_to_where_it_came_from(window, tmp_path):
    file, original = tmp_path / "copy.playground", tmp_path / "net.playground"
    store.save(file, EXAMPLES["perceptron"].graph)
    assert window.files.recover(Crashed(file, "net.playground", original, 0.0))
    assert not window.document.clean
    assert window.files.save()
    assert store.load(original).graph == EXAMPLES["perceptron"].graph


def test_the_question_after_a_crash_names_the_time_and_can_wait(qtbot, tmp_path):
    question = RecoveryQuestion(Crashed(tmp_path, "net", None, 86_400.0))
    qtbot.addWidget(question)
    assert "January 1970 at " in question.text()
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


def test_closing_ends_the_thread_and_leaves_nothing(window, engine, tmp_path):
    assert window.close()
    assert engine.names()[-1] == "quit"
    assert list((tmp_path / "recovery").iterdir()) == []


# -- parts together ---------------------------------------------------------------------------


def test_undo_and_redo_by_the_menu(window):
    before = window.document.graph
    change(window)
    after = window.document.graph
    undo, redo = (a for a in window.menus.edit.actions()[:2])
    undo.trigger()
    assert window.document.graph == before
    redo.trigger()
    assert window.document.graph == after


def test_a_palette_entry_becomes_a_node(window):
    window.palette_panel.layer_chosen.emit("dense")
    assert len(window.document.graph.nodes) == len(EXAMPLES["mlp-spiral"].graph.nodes) + 1


def test_the_status_tells_what_is_missing(window):
    window.document.edit("Clear", window.document.graph.without(
        {node.id for node in window.document.graph.nodes}))
    assert "empty" in window.status._state.accessibleName()
    assert not window.run_actions.run.isEnabled()
    window.document.stack.undo()
    assert window.run_actions.run.isEnabled()


def test_selection_reaches_inspector_and_views(window):
    window.document.select({"dense_2"})
    assert window.inspector.node_page.isVisible()
    assert all(view.selected == "dense_2" for view in window.views.values())


def test_a_refused_edit_is_told(window):
    window.document.attempt("Cycle", lambda graph: graph.connect("dense_2", "dense_1"))
    assert window.document.clean


def test_pictures_of_panels(window, tmp_path, monkeypatch):
    for view in window.views.values():
        file = tmp_path / f"{view.name}.png"
        view.save_picture(file)
        assert file.read_bytes().startswith(b"\x89PNG")


def test_keys_belong_to_what_has_the_focus(window):
    space = QKeyEvent(QKeyEvent.Type.ShortcutOverride, Qt.Key.Key_Space,
                      Qt.KeyboardModifier.NoModifier, " ")
    letter = QKeyEvent(QKeyEvent.Type.ShortcutOverride, Qt.Key.Key_R,
                       Qt.KeyboardModifier.NoModifier, "r")
    assert keeps(window.examples_button, space)
    assert not keeps(window.canvas, space)
    assert not keeps(window.canvas, letter)
    assert keeps(window.outline, letter)
    assert not keeps(window.outline, space)


# -- dialogs ----------------------------------------------------------------------------------


def test_the_gallery_finds_examples(qtbot):
    gallery = Gallery(EXAMPLES.values())
    qtbot.addWidget(gallery)
    gallery.search.setText("spiral")
    assert gallery.chosen().name == "mlp-spiral"
    assert "spiral" in gallery.note.toPlainText().lower()
    gallery.search.setText("no such thing")
    assert gallery.chosen() is None


def test_every_layer_has_a_page(qtbot):
    from playground.layers import LAYERS

    dialog = LayerHelp("dense")
    qtbot.addWidget(dialog)
    assert "Dense" in dialog.page.toPlainText()
    for cls in LAYERS.values():
        assert cls.label in layer_page(cls)


def test_all_keys_are_listed(qtbot, window):
    dialog = ShortcutsDialog([*window.menus.shortcuts(), CANVAS])
    qtbot.addWidget(dialog)
    texts = {label.text() for label in dialog.findChildren(QWidget) if hasattr(label, "text")}
    assert {"Space", "F10", "F11", "Shift+F10", "Step Instruction"} <= texts


def test_the_list_of_keys_is_the_same_at_any_moment(window):
    change(window)
    window.document.stack.undo()
    edit = dict(window.menus.shortcuts())["Edit"]
    assert [text for _, text in edit[:2]] == ["Undo", "Redo"]


def test_enter_in_the_path_looks_and_does_not_import(qtbot, tmp_path):
    file = tmp_path / "flowers.csv"
    file.write_text("width,kind\n" + "1,a\n3,b\n" * 20)
    dialog = DataImport()
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.path.setFocus()
    qtbot.waitUntil(dialog.path.hasFocus)
    qtbot.keyClicks(dialog.path, str(file))
    qtbot.keyClick(dialog.path, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert "40 samples" in dialog.summary.text()
    assert dialog._import.hasFocus()


def test_data_with_an_error_is_not_imported(qtbot, tmp_path):
    file = tmp_path / "gaps.csv"
    file.write_text("width,kind\n" + "1,a\n,b\n" * 20)
    dialog = DataImport(str(file))
    qtbot.addWidget(dialog)
    dialog.accept()
    assert dialog.result() != QDialog.DialogCode.Accepted
    assert dialog.summary.text()


def test_gaps_can_be_dropped_or_filled_and_the_preview_shows_it(qtbot, tmp_path):
    file = tmp_path / "gaps.csv"
    file.write_text("width,height,kind\n" + "1,5,a\n,6,b\n3,NA,a\n4,8,b\n" * 20)
    dialog = DataImport(str(file))
    qtbot.addWidget(dialog)

    def cell(row, column):
        return dialog.table.item(row, column)

    assert cell(1, 0).text() == "missing"
    assert cell(2, 1).text() == "NA"
    red = cell(1, 0).foreground().color()
    assert red != cell(0, 0).foreground().color()
    dialog.accept()
    assert dialog.result() != QDialog.DialogCode.Accepted

    dialog.missing.setCurrentIndex(dialog.missing.findData("drop"))
    assert [cell(row, 2).font().strikeOut() for row in range(4)] == [False, True, True, False]
    assert dialog.settings()["missing"] == "drop"
    assert problem_of(dialog.settings()) == ""

    dialog.missing.setCurrentIndex(dialog.missing.findData("mean"))
    assert (cell(1, 0).text(), cell(1, 1).text(), cell(2, 1).text()) == ("mean", "6", "mean")
    assert not cell(1, 0).font().strikeOut()
    dialog.target.setCurrentText("width")
    dialog.target.activated.emit(0)
    assert cell(1, 0).text() == "missing", "what is to be predicted is not made up"
    dialog.target.setCurrentText("kind")
    dialog.accept()
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_the_choice_for_gaps_is_remembered_by_the_node(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "gaps.csv"
    file.write_text("width,kind\n" + "1,a\n,b\n3,b\n" * 20)

    def drop(self):
        self.missing.setCurrentIndex(self.missing.findData("drop"))
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(DataImport, "exec", drop)
    id = import_data(window.document, window, path=str(file))
    assert window.document.graph.node(id).layer.missing == "drop"
    assert id not in window.document.check.errors
    seen = []
    monkeypatch.setattr(DataImport, "exec", lambda self: seen.append(self.missing.currentData()))
    import_data(window.document, window, id)
    assert seen == ["drop"]


def test_imported_data_is_in_view(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "flowers.csv"
    file.write_text("width,kind\n" + "1,a\n3,b\n" * 20)
    monkeypatch.setattr(DataImport, "exec", lambda self: QDialog.DialogCode.Accepted)
    for _ in range(3):
        window._import(str(file))
    box = window.canvas.canvas.nodes[window.document.selected_node.id].box()
    view = window.canvas
    assert view.mapToScene(view.viewport().rect()).boundingRect().contains(box)


def test_a_table_is_looked_at_before_it_is_imported(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "flowers.csv"
    file.write_text("width,height,kind\n" + "1,2,a\n3,4,b\n" * 20)
    dialog = DataImport(str(file))
    qtbot.addWidget(dialog)
    assert "40 samples" in dialog.summary.text()
    assert "2 classes" in dialog.summary.text()
    assert dialog.table.rowCount() == 20
    dialog.target.setCurrentText("width")
    dialog.target.activated.emit(0)
    assert dialog.settings() == {
        "path": str(file), "target_column": "width", "task": "auto", "missing": "error"}

    monkeypatch.setattr(DataImport, "exec", lambda self: QDialog.DialogCode.Accepted)
    import_data(window.document, window, path=str(file))
    node = window.document.selected_node
    assert node.layer.path == str(file)
    assert window.document.check.signals[node.id][0].shape == (2,)
    assert window.document.stack.count() == 1


def test_data_that_cannot_be_read_says_why(qtbot, tmp_path):
    dialog = DataImport(str(tmp_path / "nothing.csv"))
    qtbot.addWidget(dialog)
    assert "nothing.csv" in dialog.summary.text()
    assert not dialog._import.isEnabled()


def test_a_fault_is_told_once_and_the_window_lives(qtbot, window, monkeypatch, capsys):
    told = []
    monkeypatch.setattr(window, "show_error", told.append)
    hook = Complaints(window)
    for _ in range(3):
        try:
            raise ValueError("odd")
        except ValueError as error:
            hook(type(error), error, error.__traceback__)
    qtbot.wait(20)
    assert len(told) == 1
    assert "odd" in told[0]
    assert "ValueError" in capsys.readouterr().err


# -- the real engine --------------------------------------------------------------------------


def test_space_trains_the_real_network(qtbot, make_window, tmp_path):
    from ui.engine_bridge import create_engine

    window = make_window(create_engine)
    window.show()
    window.open_first(example="mlp-spiral")
    window.bridge.start()
    qtbot.waitUntil(lambda: window.bridge.snapshot.state == "paused", timeout=60_000)
    assert window.bridge.snapshot.step == 0
    seen: list[Snapshot] = []
    window.bridge.snapshot_ready.connect(seen.append)
    qtbot.keyClick(window.canvas, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.bridge.snapshot.step > 200, timeout=20_000)
    qtbot.keyClick(window.canvas, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.bridge.snapshot.state == "paused", timeout=5_000)
    qtbot.keyClick(window.canvas, Qt.Key.Key_F11)
    qtbot.waitUntil(lambda: window.bridge.snapshot.position == 1, timeout=5_000)
    assert "paused before" in window.status._state.accessibleName()
    file = tmp_path / "trained.playground"
    assert window.files._save(file)
    step = window.bridge.snapshot.step
    assert store.load(file).state.step == step
    window.files.new()
    assert window.files.open(file)
    qtbot.waitUntil(lambda: window.bridge.snapshot.step == step, timeout=10_000)
    window.close()

