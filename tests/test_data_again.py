"""Data whose file was away: the node is well again as soon as the file is back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from playground.data import DataError
from playground.layers import data as layers
from playground.layers.base import make_layer
from tests.fake_engine import FakeEngine
from tests.on_canvas import click
from tests.sketch import dense, spiral
from ui.canvas.face import CHOOSE, LOOK_AGAIN
from ui.canvas.node_size import placed_ways
from ui.inspector.panel import NodePage
from ui.main_window import MainWindow
from ui.second_look import CHECKING

ROWS = "a,b,kind\n" + "".join(f"{i},{-i},{'xy'[i % 2]}\n" for i in range(40))


@pytest.fixture
def data(window: MainWindow, tmp_path: Path) -> Path:
    """A file that the network on the canvas needs, and that is not there."""
    path = tmp_path / "points.csv"
    graph = window.document.graph.without(["spiral_1"]).with_node(
        make_layer("file", {"path": str(path)}), 0, 300).connect("file_1", "dense_1")
    window.document.edit("Own data", graph)
    window.canvas.fit()
    assert "points.csv" in window.document.check.errors["file_1"]
    return path


def looking(qtbot: QtBot, window: MainWindow) -> AbstractContextManager[Any]:
    """What is begun here looks again, and is waited for."""
    return qtbot.waitSignal(window.document.looked_again)


def look(qtbot: QtBot, window: MainWindow) -> bool:
    """Look again; whether anything has changed."""
    before = window.document.check.errors
    with looking(qtbot, window):
        window.document.look_again()
    return window.document.check.errors != before


def spot(window: MainWindow, way: str) -> QPointF:
    item = window.canvas.canvas.nodes["file_1"]
    place = dict(placed_ways(item.face, len(item.lines)))[way]
    assert item.rect().contains(place), "on the node"
    return item.pos() + place.center()


def test_a_click_on_the_node_looks_again(
        qtbot: QtBot, window: MainWindow, engine: FakeEngine, data: Path) -> None:
    count = window.document.stack.count()
    with looking(qtbot, window):
        click(window.canvas, spot(window, LOOK_AGAIN))
    assert "Nothing has changed" in window.canvas._message.text()
    data.write_text(ROWS)
    engine.calls.clear()
    with looking(qtbot, window):
        click(window.canvas, spot(window, LOOK_AGAIN))
    item = window.canvas.canvas.nodes["file_1"]
    assert not item.error
    assert not item.face.ways_out
    assert window.document.check.trainable
    assert "load" in engine.names()
    assert window.document.stack.count() == count, "nothing to undo"


def test_a_click_on_the_node_chooses_other_data(window: MainWindow, data: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[Any] = []
    monkeypatch.setattr("ui.main_window.import_data", lambda *rest: chosen.append(rest[-1]))
    click(window.canvas, spot(window, CHOOSE))
    assert chosen == ["file_1"]


def test_who_comes_back_to_the_window_finds_it_mended(qtbot: QtBot, window: MainWindow, data: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    data.write_text(ROWS)
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    with looking(qtbot, window):
        QApplication.sendEvent(window, QEvent(QEvent.Type.ActivationChange))
    assert not window.document.check.errors


def test_the_keyboard_and_the_inspector_can_too(
        qtbot: QtBot, window: MainWindow, data: Path) -> None:
    window.document.select({"file_1"})
    window.docks.open("inspector")
    words = [action.text() for action in window.canvas.actions_.menu().actions()]
    assert words[:2] == [LOOK_AGAIN, CHOOSE]
    page = window.inspector.findChild(NodePage)
    assert page is not None
    button, = (b for b in page.findChildren(QPushButton) if b.text() == LOOK_AGAIN)
    assert not button.isHidden()
    data.write_text(ROWS)
    with looking(qtbot, window):
        button.click()
    assert button.isHidden()
    assert window.canvas.actions_.menu().actions()[0].text() != LOOK_AGAIN


def test_the_inspector_says_that_nothing_has_changed(
        qtbot: QtBot, window: MainWindow, data: Path) -> None:
    window.document.select({"file_1"})
    window.docks.open("inspector")
    button, = (b for b in window.inspector.findChildren(QPushButton) if b.text() == LOOK_AGAIN)
    with looking(qtbot, window):
        button.click()
    assert "Nothing has changed" in window.canvas._message.text()


def test_a_way_out_that_is_not_needed_any_more(
        qtbot: QtBot, window: MainWindow, data: Path) -> None:
    """Mended while the menu was open."""
    window.document.select({"file_1"})
    before = window.canvas._message.text()
    data.write_text(ROWS)
    assert look(qtbot, window)
    window.canvas.go_out(LOOK_AGAIN)
    assert window.canvas._message.text() == before


def test_a_bad_file_is_read_once(qtbot: QtBot, window: MainWindow, data: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be large, and every dialog that closes brings one back to the window."""
    read, open_data = list[str](), layers.data.open_data

    def reading(path: str, **settings: Any) -> Any:
        read.append(path)
        return open_data(path, **settings)

    monkeypatch.setattr(layers.data, "open_data", reading)
    data.write_text(ROWS + "oops,2,\n")
    look(qtbot, window)
    why = window.document.check.errors["file_1"]
    for _ in range(3):
        assert not look(qtbot, window)
    assert len(read) == 1
    assert window.document.check.errors["file_1"] == why
    data.write_text(ROWS)
    assert look(qtbot, window)
    assert not window.document.check.errors


def test_a_disk_that_could_not_be_read_is_asked_again(
        qtbot: QtBot, window: MainWindow, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission, or a network that was away: the file looks the same before and after."""
    def refused(path: str, **settings: Any) -> Any:
        raise DataError("not allowed") from PermissionError()

    data.write_text(ROWS)
    with monkeypatch.context() as broken:
        broken.setattr(layers.data, "open_data", refused)
        look(qtbot, window)
        assert window.document.check.errors["file_1"] == "not allowed"
    assert look(qtbot, window)
    assert not window.document.check.errors


def test_a_node_without_a_file_can_only_choose_one(window: MainWindow) -> None:
    window.document.edit("Add", window.document.graph.with_node(make_layer("file", {}), 0, 400))
    assert window.canvas.canvas.nodes["file_1"].face.ways_out == (CHOOSE,)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, data: Path
         ) -> Iterator[tuple[threading.Event, list[str]]]:
    """The file is mended, and to read it lasts until the event; also the threads that read."""
    free, readers, open_data = threading.Event(), list[str](), layers.data.open_data

    def reading(path: str, **settings: Any) -> Any:
        readers.append(threading.current_thread().name)
        assert free.wait(10)
        return open_data(path, **settings)

    monkeypatch.setattr(layers.data, "open_data", reading)
    monkeypatch.setattr("ui.patience.UNNOTICED", 1e-3)
    data.write_text(ROWS)
    yield free, readers
    free.set()


def test_a_large_file_is_read_beside_the_window(
        qtbot: QtBot, window: MainWindow, slow: tuple[threading.Event, list[str]]) -> None:
    free, readers = slow
    window.docks.open("inspector")
    with looking(qtbot, window):
        click(window.canvas, spot(window, LOOK_AGAIN))
        item = window.canvas.canvas.nodes["file_1"]
        assert (item.face.hint, item.face.ways_out, item.error) == (CHECKING, (), "")
        assert window.document.check.graph_error == f"file_1: {CHECKING}"
        page = window.inspector.findChild(NodePage)
        assert page is not None
        assert page.notes.text() == CHECKING
        window.document.look_again()  # it does
        free.set()
    assert readers == ["background"]
    assert not item.face.waiting
    assert window.document.check.trainable
    assert CHECKING not in page.notes.text()


def test_a_look_that_fails_is_told_and_changes_nothing(
        qtbot: QtBot, window: MainWindow, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(graph: object) -> None:
        raise MemoryError

    why = window.document.check.errors
    with monkeypatch.context() as broken, qtbot.captureExceptions() as caught:
        broken.setattr("ui.second_look.check", full)
        assert not look(qtbot, window)
    assert [kind for kind, _, _ in caught] == [MemoryError]
    assert window.document.check.errors == why
    data.write_text(ROWS)
    assert look(qtbot, window)


def test_an_edit_while_a_file_is_read(
        qtbot: QtBot, window: MainWindow, slow: tuple[threading.Event, list[str]]) -> None:
    """It needs the file: it waits for the one reader, and what was shown meanwhile is gone."""
    free, readers = slow
    with looking(qtbot, window):
        window.document.look_again()
        threading.Timer(0.1, free.set).start()
        window.document.edit("Move", window.document.graph.moved({"file_1": (40, 300)}))
        assert window.document.check.trainable
    assert readers == ["background"]
    assert window.document.check.trainable


def test_another_document_does_not_wait_for_the_file(
        qtbot: QtBot, window: MainWindow, slow: tuple[threading.Event, list[str]]) -> None:
    free, _ = slow
    with looking(qtbot, window):
        window.document.look_again()
        window.document.replace(spiral(dense(4)))
        assert window.document.check.trainable
        free.set()
    assert "file_1" not in window.document.check.errors
