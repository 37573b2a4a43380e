"""The dialogs of the window: gallery, help, keys, import of data."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QDialog,
    QWidget,
)

from playground.examples import EXAMPLES
from tests.data_files import paint
from tests.fake_window import change
from ui.app import Complaints
from ui.data_nodes import import_data
from ui.dialogs import data_check
from ui.dialogs.data_check import problem_of
from ui.dialogs.data_import import DataImport, describe
from ui.dialogs.gallery import Gallery
from ui.dialogs.help import LayerHelp, layer_page
from ui.dialogs.shortcuts import CANVAS, ShortcutsDialog


def test_the_gallery_finds_examples(qtbot):
    gallery = Gallery(EXAMPLES.values())
    qtbot.addWidget(gallery)
    gallery.search.setText("spiral")
    assert gallery.chosen().name == "mlp-spiral"
    assert "spiral" in gallery.note.toPlainText().lower()
    gallery.search.setText("zebra crossing")
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


def checked(qtbot, dialog: DataImport) -> DataImport:
    """The dialog once all of the file is read."""
    qtbot.waitUntil(lambda: not dialog._reader.busy)
    return dialog


def look_at(qtbot, file) -> DataImport:
    dialog = DataImport(str(file))
    qtbot.addWidget(dialog)
    return checked(qtbot, dialog)


def accept_imports(qtbot, monkeypatch) -> None:
    """Answer the dialog with Import."""
    def accept(dialog: DataImport) -> QDialog.DialogCode:
        checked(qtbot, dialog).accept()
        assert dialog.result() == QDialog.DialogCode.Accepted
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(DataImport, "exec", accept)


FLOWERS = "width,kind\n" + "1,a\n3,b\n" * 20
"""A table of 40 samples."""


@pytest.fixture
def typing(qtbot, tmp_path):
    """A dialog whose path has the focus, and what could be typed there."""
    file = tmp_path / "flowers.csv"
    file.write_text(FLOWERS)
    dialog = DataImport()
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.path.setFocus()
    qtbot.waitUntil(dialog.path.hasFocus)
    return dialog, str(file)


def test_enter_in_the_path_looks_and_does_not_import(qtbot, typing):
    dialog, path = typing
    qtbot.keyClicks(dialog.path, path)
    qtbot.keyClick(dialog.path, Qt.Key.Key_Return)
    checked(qtbot, dialog)
    assert dialog.isVisible()
    assert "40 samples" in dialog.summary.text()
    assert dialog._import.hasFocus()


def test_a_path_that_leads_somewhere_is_looked_at_without_a_key(qtbot, typing):
    dialog, path = typing
    dialog._pause.setInterval(1)
    qtbot.keyClicks(dialog.path, path[:-1])
    qtbot.waitUntil(lambda: not dialog._pause.isActive())
    assert "Choose a file" in dialog.summary.text(), "half a path is no mistake yet"
    qtbot.keyClicks(dialog.path, path[-1])
    qtbot.waitUntil(lambda: "40 samples" in dialog.summary.text())
    assert dialog.path.hasFocus()


def test_without_a_file_there_is_nothing_to_choose(qtbot, tmp_path):
    dialog = DataImport()
    qtbot.addWidget(dialog)
    choices = (dialog.target, dialog.task, dialog.missing, dialog.image_size)
    assert all(choice.isHidden() for choice in choices)
    file = tmp_path / "flowers.csv"
    file.write_text(FLOWERS)
    dialog._take(str(file))
    checked(qtbot, dialog)
    assert [choice.isHidden() for choice in choices] == [False, False, False, True]


def test_another_file_begins_with_its_own_columns(qtbot, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("width,label\n" + "1,a\n2,b\n" * 20)
    second.write_text("1,2,x\n3,4,y\n" * 20)
    dialog = look_at(qtbot, first)
    assert dialog.target.currentText() == "label"
    dialog.path.setText(str(second))
    dialog.path.editingFinished.emit()
    checked(qtbot, dialog)
    assert "has no column" not in dialog.summary.text()
    assert dialog.target.currentText() == dialog.target.itemText(2)
    assert dialog._import.isEnabled()


@pytest.mark.parametrize(("content", "why"), [
    ("width,kind\n" + "1,a\n2,b\n" * 30 + ",a\n", "line 62"), ("width,kind\n", "")])
def test_the_preview_promises_nothing_that_import_refuses(qtbot, tmp_path, content, why):
    file = tmp_path / "bad.csv"
    file.write_text(content)
    dialog = look_at(qtbot, file)
    assert not dialog._import.isEnabled()
    assert why in dialog.summary.text()
    assert dialog.summary.text()


def test_one_of_a_kind_has_no_plural(qtbot, tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("width,kind\n1,a\n")
    dialog = look_at(qtbot, file)
    assert dialog._preview is not None
    assert "1 samples" not in describe(dialog._preview)
    assert "1 sample" in describe(dialog._preview)


def test_pictures_are_shown_as_they_will_be(qtbot, tmp_path):
    paint(tmp_path / "cat/a.png", (0, 255, 0), (6, 4))
    paint(tmp_path / "dog/a.png", (255, 0, 0), (60, 40))
    dialog = look_at(qtbot, tmp_path)
    assert "each 3 × 28 × 28, brought from sizes 4 × 6 to 40 × 60" in dialog.summary.text()
    assert dialog.table.isHidden()
    assert [tile.caption for tile in dialog.pictures.tiles] == ["cat", "dog"]
    assert dialog.pictures.values.shape == (2, 28, 28)
    dialog.image_size.setValue(8)
    checked(qtbot, dialog)
    assert dialog.pictures.values.shape == (2, 8, 8)
    dialog.image_size.setValue(0)
    checked(qtbot, dialog)
    assert "give a size" in dialog.summary.text()
    assert dialog.pictures.isHidden()
    paint(tmp_path / "dog/a.png", (255, 0, 0), (6, 4))
    dialog._look()
    checked(qtbot, dialog)
    assert "each 3 × 4 × 6 · 2 classes" in dialog.summary.text(), "nothing is brought to anything"


def test_data_with_an_error_is_not_imported(qtbot, tmp_path):
    file = tmp_path / "gaps.csv"
    file.write_text("width,kind\n" + "1,a\n,b\n" * 20)
    dialog = look_at(qtbot, file)
    dialog.accept()
    checked(qtbot, dialog)
    assert dialog.result() != QDialog.DialogCode.Accepted
    assert dialog.summary.text()


def test_gaps_can_be_dropped_or_filled_and_the_preview_shows_it(qtbot, tmp_path):
    file = tmp_path / "gaps.csv"
    file.write_text("width,height,kind\n" + "1,5,a\n,6,b\n3,NA,a\n4,8,b\n" * 20)
    dialog = look_at(qtbot, file)

    def cell(row, column):
        return dialog.table.item(row, column)

    assert cell(1, 0).text() == "missing"
    assert cell(2, 1).text() == "NA"
    red = cell(1, 0).foreground().color()
    assert red != cell(0, 0).foreground().color()
    dialog.accept()
    checked(qtbot, dialog)
    assert dialog.result() != QDialog.DialogCode.Accepted

    dialog.missing.setCurrentIndex(dialog.missing.findData("drop"))
    checked(qtbot, dialog)
    assert [cell(row, 2).font().strikeOut() for row in range(4)] == [False, True, True, False]
    assert dialog.settings()["missing"] == "drop"
    assert problem_of(dialog.settings()) == ""

    dialog.missing.setCurrentIndex(dialog.missing.findData("mean"))
    checked(qtbot, dialog)
    assert (cell(1, 0).text(), cell(1, 1).text(), cell(2, 1).text()) == ("mean", "6", "mean")
    assert not cell(1, 0).font().strikeOut()
    dialog.target.setCurrentText("width")
    dialog.target.activated.emit(0)
    checked(qtbot, dialog)
    assert cell(1, 0).text() == "missing", "what is to be predicted is not made up"
    dialog.target.setCurrentText("kind")
    dialog.accept()  # which has another look first
    checked(qtbot, dialog)
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_the_choice_for_gaps_is_remembered_by_the_node(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "gaps.csv"
    file.write_text("width,kind\n" + "1,a\n,b\n3,b\n" * 20)

    def drop(self):
        checked(qtbot, self).missing.setCurrentIndex(self.missing.findData("drop"))
        checked(qtbot, self)
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(DataImport, "exec", drop)
    id = import_data(window.document, window, path=str(file))
    assert window.document.graph.node(id).layer.missing == "drop"
    assert id not in window.document.check.errors
    seen = []
    monkeypatch.setattr(DataImport, "exec", lambda self: seen.append(self.missing.currentData()))
    import_data(window.document, window, id)
    assert seen == ["drop"]


def test_lengths_are_found_told_and_can_be_left_out(qtbot, window, tmp_path, monkeypatch):
    file, lengths = tmp_path / "steps.npz", np.arange(40) % 4 + 3
    x = np.ones((40, 7, 2))
    np.savez(file, x=x, y=np.arange(40) % 2, lengths=lengths, ends=lengths + 1)
    dialog = look_at(qtbot, file)
    assert not dialog.lengths.isHidden()
    assert dialog.lengths.currentData() == "lengths"
    assert dialog.summary.text() == (
        "NumPy arrays: 40 samples · each 7 × 2 · lengths 3 to 6 · 2 classes: 0 (20), 1 (20)")
    dialog.lengths.setCurrentIndex(dialog.lengths.findData("ends"))
    dialog.lengths.activated.emit(2)
    checked(qtbot, dialog)
    assert "lengths 4 to 7" in dialog.summary.text()

    accept_imports(qtbot, monkeypatch)
    id = import_data(window.document, window, path=str(file))
    assert window.document.graph.node(id).layer.outputs == ("x", "target", "lengths")
    assert id not in window.document.check.errors

    def leave_out(self):
        assert checked(qtbot, self).lengths.currentData() == "lengths"
        self.lengths.setCurrentIndex(0)
        self.lengths.activated.emit(0)
        assert "lengths" not in checked(qtbot, self).summary.text()
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(DataImport, "exec", leave_out)
    import_data(window.document, window, id)
    assert window.document.graph.node(id).layer.outputs == ("x", "target")
    chosen = []
    monkeypatch.setattr(DataImport, "exec", lambda self: chosen.append(
        checked(qtbot, self).lengths.currentData()))
    import_data(window.document, window, id)
    assert chosen == [""], "the node remembers"

    np.savez(file, x=x, y=np.arange(40) % 2, lengths=lengths + 2)
    dialog = look_at(qtbot, file)
    assert "'lengths': sample 4 has the length 8" in dialog.summary.text()
    assert not dialog._import.isEnabled()
    dialog.lengths.setCurrentIndex(0)
    dialog.lengths.activated.emit(0)
    checked(qtbot, dialog)
    assert dialog._import.isEnabled()
    table = tmp_path / "table.csv"
    table.write_text(FLOWERS)
    dialog._take(str(table))
    assert checked(qtbot, dialog).lengths.isHidden()
    dialog._take(str(file))
    assert checked(qtbot, dialog).lengths.currentData() == "lengths", "another file begins anew"


def test_imported_data_is_in_view(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "flowers.csv"
    file.write_text(FLOWERS)
    accept_imports(qtbot, monkeypatch)
    for _ in range(3):
        window.import_file(str(file))
    box = window.canvas.canvas.nodes[window.document.selected_node.id].box()
    view = window.canvas
    assert view.mapToScene(view.viewport().rect()).boundingRect().contains(box)


def test_a_table_is_looked_at_before_it_is_imported(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "flowers.csv"
    file.write_text("width,height,kind\n" + "1,2,a\n3,4,b\n" * 20)
    dialog = look_at(qtbot, file)
    assert "40 samples" in dialog.summary.text()
    assert "2 classes" in dialog.summary.text()
    assert dialog.table.rowCount() == 20
    dialog.target.setCurrentText("width")
    dialog.target.activated.emit(0)
    checked(qtbot, dialog)
    assert dialog.settings() == {
        "path": str(file), "target_column": "width", "task": "auto", "missing": "error",
        "lengths_key": ""}

    accept_imports(qtbot, monkeypatch)
    import_data(window.document, window, path=str(file))
    node = window.document.selected_node
    assert node.layer.path == str(file)
    assert window.document.check.signals[node.id][0].shape == (2,)
    assert window.document.stack.count() == 1


def test_a_sorted_table_has_all_its_classes_once_it_is_read(qtbot, tmp_path, monkeypatch):
    file = tmp_path / "sorted.csv"
    file.write_text("width,kind\n" + "1,a\n" * 3000 + "2,b\n" * 3000 + "3,c\n" * 3000)
    go_on, real = threading.Event(), data_check.problem_of

    def slow(settings):
        assert go_on.wait(10)
        return real(settings)

    monkeypatch.setattr(data_check, "problem_of", slow)
    dialog = DataImport(str(file))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "1 class in the first 2,000 rows: a (2,000)" in dialog.summary.text())
    go_on.set()
    checked(qtbot, dialog)
    assert dialog.summary.text() == (
        "Table: 9,000 samples · 2 columns · 3 classes: a (3,000), b (3,000), c (3,000)")


def test_data_that_cannot_be_read_says_why(qtbot, tmp_path):
    dialog = look_at(qtbot, tmp_path / "nothing.csv")
    assert "nothing.csv" in dialog.summary.text()
    assert not dialog._import.isEnabled()


def test_a_large_file_is_checked_while_the_dialog_lives(qtbot, tmp_path, monkeypatch):
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text(FLOWERS)
    large.write_text("width,kind\n" + "1,a\n3,b\n" * 30)
    go_on, real, asked = threading.Event(), data_check.problem_of, []

    def slow(settings):
        asked.append(settings["path"])
        if settings["path"] == str(large):
            assert go_on.wait(10)
            return "the large one is bad"
        return real(settings)

    monkeypatch.setattr(data_check, "problem_of", slow)
    start = time.perf_counter()
    dialog = DataImport(str(large))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "60 samples" in dialog.summary.text())
    assert time.perf_counter() - start < 5
    assert dialog.summary.text().endswith("Checking all of it…")
    assert dialog.table.rowCount() == 20, "the first rows can be read meanwhile"
    assert not dialog._import.isEnabled()
    dialog.path.setText(str(small))
    dialog.path.editingFinished.emit()
    dialog.task.activated.emit(0)
    assert dialog.summary.text() == "Checking…"
    assert dialog.table.isHidden()
    go_on.set()
    qtbot.waitUntil(dialog._import.isEnabled)
    assert "40 samples" in dialog.summary.text()
    assert asked == [str(large), str(small)], "one at a time, and the last wish alone"


def test_a_reader_that_is_asked_again_by_its_listener_reads_once(qtbot, monkeypatch):
    """As Import does, when what was checked is no longer what is chosen."""
    read, heard, owner = [], [], QObject()

    def findings(wish):
        read.append(wish.path)
        yield data_check.Finding(wish, None, "", is_final=True)

    monkeypatch.setattr(data_check, "findings", findings)
    reader, first, second = data_check.Reader(owner), data_check.Wish("a"), data_check.Wish("b")

    def hear(finding):
        heard.append(finding.wish)
        if finding.wish == first:
            reader.look(second)

    reader.found.connect(hear)
    reader.look(first)
    qtbot.waitUntil(lambda: not reader.busy)
    assert heard == [first, second]
    assert read == ["a", "b"]
    reader.look(second)
    reader.look(data_check.Wish("b"))  # an equal one, perhaps of a file that has changed
    qtbot.waitUntil(lambda: not reader.busy)
    assert set(heard[2:]) == {second}, "it is answered, too"


def test_import_goes_on_once_another_size_is_checked(qtbot, tmp_path):
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for i in range(8):
            image = QImage(8, 8, QImage.Format.Format_RGB32)
            image.fill(40 * i)
            image.save(str(tmp_path / kind / f"{i}.png"))
    dialog = look_at(qtbot, tmp_path)
    assert dialog._import.isEnabled()
    dialog.image_size.setValue(16)
    dialog.accept()
    qtbot.waitUntil(lambda: dialog.result() == QDialog.DialogCode.Accepted)
    assert dialog.settings() == {
        "path": str(tmp_path), "image_size": 16, "lengths_key": ""}


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
