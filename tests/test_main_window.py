"""The window as a whole: start, layout, its parts together; and that everything has a name."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QSlider,
    QStyle,
)

from playground import document as store
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.snapshot import Snapshot
from tests.fake_window import change
from ui import menu_entries
from ui.keys import keeps
from ui.seen import is_seen
from ui.theme import theme
from ui.top_bar import DocumentTitle

# -- the start ------------------------------------------------------------------------------------


def test_it_opens_on_the_spiral_ready_to_run(window, engine):
    assert window.document.graph == EXAMPLES["mlp-spiral"].graph
    assert engine.graph == window.document.graph
    assert "run" not in engine.names()
    assert window.document.clean


def test_the_engine_starts_after_the_window_shows(make_window, engine):
    window = make_window()
    window.open_first(example="mlp-spiral")
    assert engine.calls == []


def test_the_name_stands_there_without_its_suffix(window, tmp_path):
    window.document.saved(tmp_path / "mine.playground")
    assert window.findChild(DocumentTitle).name.whole == "mine"
    assert "mine.playground" in window.windowTitle()


def test_the_subtitle_leaves_out_what_does_not_fit(qtbot, window):
    about = window.findChild(DocumentTitle).about
    whole = "Spiral · 1,234 parameters"
    about.show_text(whole)
    seen = set()
    for width in range(400, 60, -3):
        about.resize(width, about.height())
        seen.add(about.text())
        assert whole in (about.text(), about.toolTip())
    assert seen == {whole, "Spiral"}


def test_the_choice_of_threads_is_kept(qtbot, make_window, engine, monkeypatch):
    monkeypatch.setattr(menu_entries, "MOST_THREADS", 4)

    def threads(window):
        menu, = (action.menu() for action in window.menus.run.actions()
                 if action.menu() and "hreads" in action.text())
        return menu.actions()

    first = make_window()
    assert [action.isChecked() for action in threads(first)] == [True, False, False, False]
    threads(first)[2].trigger()
    assert first.preferences.threads == 3
    second = make_window()
    assert [action.isChecked() for action in threads(second)] == [False, False, True, False]
    second.bridge.start()
    qtbot.waitUntil(lambda: ("set_threads", 3) in engine.calls)
    monkeypatch.setattr(menu_entries, "MOST_THREADS", 2)  # on a smaller machine
    assert [action.isChecked() for action in threads(make_window())] == [False, True]


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


# -- layout ---------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("first", [True, False])
def test_an_empty_canvas_opens_beside_the_inspector(qtbot, make_window, tmp_path, first):
    """Whether the window begins with it or comes to it from an example."""
    store.save(tmp_path / "empty.json", Graph())
    window = make_window()
    window.open_first(tmp_path / "empty.json" if first else None)
    window.show()
    window.files.new()
    for name in ("inspector", "gradients"):
        qtbot.waitUntil(lambda name=name: is_seen(window.docks.all[name]))
    assert window.docks.all["notes"].isHidden()
    assert not is_seen(window.docks.all["compare"])


def test_questions_have_no_icons_of_another_world(window, qtbot):
    button = QMessageBox.StandardButton
    question = QMessageBox(QMessageBox.Icon.Warning, "Save?", "Save the changes? They are lost "
                           "otherwise.", button.Save | button.Discard | button.Cancel, window)
    qtbot.addWidget(question)
    question.show()
    assert all(each.icon().isNull() for each in question.buttons())
    pictures = [label for label in question.findChildren(QLabel) if label.objectName() ==
                "qt_msgboxex_icon_label"]
    assert pictures
    assert all(label.size().isEmpty() for label in pictures)
    hint = QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons
    box = question.findChild(QDialogButtonBox)
    assert not box.style().styleHint(hint, None, box)  # desktops that would add them


def test_small_examples_open_at_a_speed_to_watch(window, engine):
    assert ("set_speed", 300.0) in engine.calls
    bar = window.training_bar
    assert bar.speed.accessibleName() == "speed 300/s"
    bar.full_speed.click()
    assert engine.calls[-1] == ("set_speed", None)
    assert bar.speed.accessibleName() == "speed max"
    assert bar.full_speed.isHidden()


# -- parts together -------------------------------------------------------------------------------


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


def test_undo_in_a_field_is_the_document_s_where_its_text_has_nothing_to_undo(qtbot, window):
    def press(widget, key, modifier=Qt.KeyboardModifier.NoModifier):
        qtbot.keyClick(widget, key, modifier)
        QApplication.processEvents()

    control, document = Qt.KeyboardModifier.ControlModifier, window.document
    window.activateWindow()
    document.select({"dense_1"})
    before = document.graph
    number = window.inspector.node_page.form.rows["units"].editor.number
    number.setFocus()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is number)
    old = number.lineEdit().text()
    number.lineEdit().selectAll()
    qtbot.keyClicks(number, "65")
    press(number, Qt.Key.Key_Z, control)
    assert number.lineEdit().text() != "65", "the typing was undone"
    assert document.graph == before
    number.lineEdit().selectAll()
    qtbot.keyClicks(number, "65")
    press(number, Qt.Key.Key_Return)
    assert document.graph.node("dense_1").layer.units == 65
    press(number, Qt.Key.Key_Z, control)
    assert document.graph == before
    assert number.lineEdit().text() == old
    press(number, Qt.Key.Key_Y, control)
    assert document.graph.node("dense_1").layer.units == 65


# -- the real engine ------------------------------------------------------------------------------


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
