"""Import of symbols and of texts: what a file is taken for, and what goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.layers.file_data import File
from playground.layers.sequence_data import Characters
from playground.sampling import vocabulary_of
from playground.session import Session
from playground.shapes import check
from tests.data_files import save
from tests.import_dialog import accept_imports, checked, look_at
from ui.data_nodes import import_data
from ui.dialogs.data_import import DataImport

TEXT = "Äpfel, Birnen & Quitten wachsen auf Bäumen.\nDas weiß jedes Kind! (Sagt man.)\n" * 40
CHARACTERS = len(set(TEXT))


def words(folder: Path, **arrays: Any) -> Path:
    """Whole numbers of seven time steps for 40 samples."""
    x = np.random.default_rng(0).integers(0, 30, (40, 7))
    x[0, 0] = 29
    np.savez(folder / "words.npz", **{"x": x, "y": np.arange(40) % 2, **arrays})
    return folder / "words.npz"


def text(folder: Path, name: str = "mine.txt", content: str = TEXT) -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def choose(qtbot: QtBot, dialog: DataImport, reading: str) -> None:
    dialog.reading.setCurrentIndex(dialog.reading.findData(reading))
    dialog.reading.activated.emit(0)
    checked(qtbot, dialog)


def cells(dialog: DataImport, row: int) -> list[str]:
    return [dialog.table.item(row, column).text() for column in range(dialog.table.columnCount())]


# -- symbols --------------------------------------------------------------------------------------


def test_whole_numbers_may_be_values_or_symbols(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = look_at(qtbot, words(tmp_path))
    assert [dialog.reading.itemData(i) for i in range(2)] == ["values", "symbols"]
    assert not dialog.reading.isHidden()
    assert dialog.reading.currentData() == "values", "there is no sign of symbols"
    x = np.load(tmp_path / "words.npz")["x"]
    assert cells(dialog, 1) == [" ".join(map(str, x[1])), "1"]
    assert dialog.table.horizontalHeaderItem(0).text() == "sample\nvalues"
    choose(qtbot, dialog, "symbols")
    assert dialog.summary.text() == (
        "NumPy arrays: 40 samples · each 7 symbols of 30 · 2 classes: 0 (20), 1 (20)")
    assert cells(dialog, 1) == [" ".join(map(str, x[1])), "1"]
    assert dialog.table.horizontalHeaderItem(0).text() == "sample\nsymbols"
    assert dialog.settings()["holds"] == "symbols"


@pytest.mark.parametrize(("arrays", "wanted"), [
    ({"lengths": np.arange(40) % 7 + 1}, "symbols"),
    ({"y": np.arange(280).reshape(40, 7) % 5}, "symbols"),
    ({"vocabulary": np.array(["w"] * 30)}, "symbols"),
    ({"y": np.arange(280).reshape(40, 7) / 5}, "values"),
    ({"x": np.ones((40, 7))}, None), ({"x": np.ones((40, 1, 7), int)}, None)])
def test_symbols_are_suggested_where_there_is_a_sign_of_them(
        qtbot: QtBot, tmp_path: Path, arrays: dict[str, Any], wanted: str | None) -> None:
    dialog = look_at(qtbot, words(tmp_path, **arrays))
    assert dialog.reading.currentData() == wanted
    assert dialog.reading.isHidden() == (wanted is None)


def test_padding_is_not_shown_and_lengths_are_told(qtbot: QtBot, tmp_path: Path) -> None:
    names = np.array(["(none)", *(f"word{n}" for n in range(29))])
    x = np.full((40, 7), -1)
    x[:, :2], x[0, :3] = 3, [1, 2, 29]
    dialog = look_at(qtbot, words(
        tmp_path, x=x, lengths=np.where(np.arange(40), 2, 3), vocab=names))
    assert "each 7 symbols of 30 · lengths 2 to 3" in dialog.summary.text()
    assert cells(dialog, 0) == ["word0 word1 word28", "0"]
    dialog.lengths.setCurrentIndex(0)
    dialog.lengths.activated.emit(0)
    checked(qtbot, dialog)
    assert "sample 1 holds -1 at time step 4" in dialog.summary.text()
    assert not dialog._import.isEnabled()


def test_the_node_remembers_what_it_holds(
        qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = words(tmp_path, lengths=np.full(40, 4))

    def as_values(self: DataImport) -> QDialog.DialogCode:
        assert checked(qtbot, self).reading.currentData() == "symbols"
        choose(qtbot, self, "values")
        return QDialog.DialogCode.Accepted

    accept_imports(qtbot, monkeypatch)
    id = import_data(window.document, window, path=str(file))
    assert window.document.graph.node(id).layer.holds == "symbols"
    assert str(window.document.check.signals[id][0]) == "7 of 30 classes"
    monkeypatch.setattr(DataImport, "exec", as_values)
    import_data(window.document, window, id)
    assert window.document.graph.node(id).layer.holds == "values"
    seen = []
    monkeypatch.setattr(DataImport, "exec", lambda self: seen.append(
        checked(qtbot, self).reading.currentData()))
    import_data(window.document, window, id)
    assert seen == ["values"]


def test_another_file_has_symbols_of_its_own(
        qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = words(tmp_path)
    (tmp_path / "other").mkdir()
    other = words(tmp_path / "other", x=np.arange(280).reshape(40, 7) % 90)
    layer = File(path=str(file), holds="symbols", vocabulary=50, train_fraction=0.5)
    window.document.edit("Open", Graph().with_node(layer, id="data"))
    accept_imports(qtbot, monkeypatch)
    import_data(window.document, window, "data")
    assert window.document.graph.node("data").layer == layer
    monkeypatch.setattr(DataImport, "exec", lambda self: (
        self._take(str(other)), choose(qtbot, checked(qtbot, self), "symbols"), True)[-1])
    import_data(window.document, window, "data")
    assert not window.document.check.errors
    assert window.document.graph.node("data").layer == File(
        path=str(other), holds="symbols", train_fraction=0.5)


def test_pictures_and_first_samples_take_turns(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = look_at(qtbot, words(tmp_path))
    pictures = save(tmp_path / "pictures.npz", x=np.eye(8, dtype=np.uint8)[None].repeat(6, 0),
                    y=np.arange(6) % 2)
    for path, are_pictures in ((pictures, True), (words(tmp_path), False)):
        dialog._take(str(path))
        checked(qtbot, dialog)
        assert dialog.pictures.isHidden() != are_pictures
        assert dialog.table.isHidden() == dialog.reading.isHidden() == are_pictures


# -- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "content", "wanted"), [
    ("a.txt", TEXT, "text"), ("a.txt", "1 2 3\n4 5 6\n" * 20, "table"),
    ("a.md", "# One\n\nword, word\n" * 20, "text"),
    ("a.py", "def f(x):\n    return x\n" * 9, "text"),
    ("a.data", "5.1,3.5,Iris\n4.9,3.0,Other\n" * 20, "table"),
    ("a.csv", TEXT, None), ("a.csv", "1,2,a\n3,4,b\n" * 20, None)])
def test_a_file_of_text_is_a_text_unless_it_is_a_table(
        qtbot: QtBot, tmp_path: Path, name: str, content: str, wanted: str | None) -> None:
    dialog = look_at(qtbot, text(tmp_path, name, content))
    assert dialog.reading.currentData() == wanted
    assert dialog.reading.isHidden() == (wanted is None)


def test_how_a_file_is_encoded_does_not_make_it_a_text(qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "flowers.txt"
    for encoding in ("utf-16", "cp1252"):
        file.write_bytes(("Größe,Art\n" + "1,ä\n3,b\n" * 20).encode(encoding))
        assert "40 samples" in look_at(qtbot, file).summary.text()
    file.write_bytes(TEXT.encode("cp1252"))
    dialog = look_at(qtbot, file)
    assert "no text in UTF-8" in dialog.summary.text()
    assert not dialog._import.isEnabled()


def test_a_text_is_looked_at_before_it_is_imported(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = look_at(qtbot, text(tmp_path))
    assert dialog.summary.text() == (
        f"Text: {len(TEXT):,} characters · {CHARACTERS} different ones · windows of 40")
    assert cells(dialog, 0) == [TEXT[:40], TEXT[40]]
    what_follows = {cells(dialog, row)[1] for row in range(dialog.table.rowCount())}
    assert "␣" in what_follows
    assert not any(map(str.isspace, what_follows)), "an empty cell"
    assert dialog.target.isHidden()
    assert dialog.settings() == {"path": str(tmp_path / "mine.txt")}
    choose(qtbot, dialog, "table")
    assert "cells, but the table has" in dialog.summary.text()
    assert not dialog._import.isEnabled()
    assert not dialog.reading.isHidden(), "the way back"
    choose(qtbot, dialog, "text")
    assert dialog._import.isEnabled()
    dialog._take(str(text(tmp_path, "short.txt", "too short")))
    assert "not enough for two windows" in checked(qtbot, dialog).summary.text()
    assert not dialog._import.isEnabled()


def test_a_text_becomes_a_node_where_there_is_none(
        qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept_imports(qtbot, monkeypatch)
    before = window.document.graph
    id = import_data(window.document, window, path=str(text(tmp_path)))
    layer = window.document.graph.node(id).layer
    assert isinstance(layer, Characters)
    assert id not in before
    assert id not in window.document.check.errors
    # A table in its place, and a text again.
    table = text(tmp_path, "flowers.csv", "width,kind\n" + "1,a\n3,b\n" * 20)
    for path, cls in ((table, File), (tmp_path / "mine.txt", Characters)):
        monkeypatch.setattr(DataImport, "exec", lambda self, path=path: (
            self._take(str(path)), checked(qtbot, self), QDialog.DialogCode.Accepted)[-1])
        assert import_data(window.document, window, id) == id
        assert type(window.document.graph.node(id).layer) is cls
        assert window.document.graph.node(id).layer.path == str(path)


def test_an_own_text_goes_into_the_example(
        qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept_imports(qtbot, monkeypatch)
    graph = EXAMPLES["char-lstm"].graph
    window.document.edit("Open", graph)
    window.import_file(str(text(tmp_path)))
    found = window.document.graph
    assert len(found.nodes) == len(graph.nodes)
    layer = found.node("text_1").layer
    assert (layer.path, layer.steps, layer.predict) == (str(tmp_path / "mine.txt"), 50, "each")
    assert window.document.check.trainable, window.document.check.graph_error
    # In lower case there are fewer characters than in Jane Austen's text.
    count = len(set(TEXT.lower()))
    assert count < found.node("embedding_1").layer.vocabulary == 44
    assert found.node("dense_1").layer.units == count
    assert "dense_1 has been made as large as text_1 wants" in window.canvas._message.text()
    session = Session(found)
    session.run(2)
    assert np.isfinite(session.measured("loss"))
    assert vocabulary_of(session.program) == tuple(sorted(set(TEXT.lower())))
    window.document.stack.undo()
    assert window.document.graph == graph


def test_a_text_may_go_to_a_node_of_its_own(
        qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = EXAMPLES["char-lstm"].graph
    window.document.edit("Open", graph)

    def to_a_new_one(self: DataImport) -> QDialog.DialogCode:
        assert checked(qtbot, self).into.currentText() == "text_1, in place of Jane Austen"
        self.into.setCurrentIndex(self.into.findData(""))
        self.into.activated.emit(1)
        checked(qtbot, self)
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(DataImport, "exec", to_a_new_one)
    window.import_file(str(text(tmp_path)))
    assert window.document.graph.node("text_1") == graph.node("text_1")
    assert window.document.graph.node("text_2").layer == Characters(
        path=str(tmp_path / "mine.txt"))


def test_a_short_text_fits_the_windows_of_its_node(
        qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is of the node that will read it."""
    graph = EXAMPLES["char-lstm"].graph
    window.document.edit("Open", graph.with_layer(
        "text_1", Characters(steps=5, stride=1, predict="each")))
    accept_imports(qtbot, monkeypatch)
    window.import_file(str(text(tmp_path, "short.txt", "abracadabra" * 4)))
    assert check(window.document.graph).trainable
