"""Data whose file was away: the node is well again as soon as the file is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtWidgets import QApplication, QPushButton

from playground.data import DataError
from playground.layers import data as layers
from playground.layers.base import make_layer
from tests.fake_engine import FakeEngine
from tests.on_canvas import click
from ui.canvas.face import CHOOSE, LOOK_AGAIN
from ui.canvas.node_size import placed_ways
from ui.inspector.panel import NodePage
from ui.main_window import MainWindow

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


def spot(window: MainWindow, way: str) -> QPointF:
    item = window.canvas.canvas.nodes["file_1"]
    place = dict(placed_ways(item.face, len(item.lines)))[way]
    assert item.rect().contains(place), "on the node"
    return item.pos() + place.center()


def test_a_click_on_the_node_looks_again(
        window: MainWindow, engine: FakeEngine, data: Path) -> None:
    count = window.document.stack.count()
    click(window.canvas, spot(window, LOOK_AGAIN))
    assert "Nothing has changed" in window.canvas._message.text()
    data.write_text(ROWS)
    engine.calls.clear()
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


def test_who_comes_back_to_the_window_finds_it_mended(window: MainWindow, data: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    data.write_text(ROWS)
    monkeypatch.setattr(window, "isActiveWindow", lambda: True)
    QApplication.sendEvent(window, QEvent(QEvent.Type.ActivationChange))
    assert not window.document.check.errors


def test_the_keyboard_and_the_inspector_can_too(window: MainWindow, data: Path) -> None:
    window.document.select({"file_1"})
    window.docks.open("inspector")
    words = [action.text() for action in window.canvas.actions_.menu().actions()]
    assert words[:2] == [LOOK_AGAIN, CHOOSE]
    page = window.inspector.findChild(NodePage)
    assert page is not None
    button, = (b for b in page.findChildren(QPushButton) if b.text() == LOOK_AGAIN)
    assert not button.isHidden()
    data.write_text(ROWS)
    button.click()
    assert button.isHidden()
    assert window.canvas.actions_.menu().actions()[0].text() != LOOK_AGAIN


def test_the_inspector_says_that_nothing_has_changed(window: MainWindow, data: Path) -> None:
    window.document.select({"file_1"})
    window.docks.open("inspector")
    button, = (b for b in window.inspector.findChildren(QPushButton) if b.text() == LOOK_AGAIN)
    button.click()
    assert "Nothing has changed" in window.canvas._message.text()


def test_a_way_out_that_is_not_needed_any_more(window: MainWindow, data: Path) -> None:
    """Mended while the menu was open."""
    window.document.select({"file_1"})
    before = window.canvas._message.text()
    data.write_text(ROWS)
    assert window.document.look_again()
    window.canvas.go_out(LOOK_AGAIN)
    assert window.canvas._message.text() == before


def test_a_bad_file_is_read_once(window: MainWindow, data: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be large, and every dialog that closes brings one back to the window."""
    read, open_data = list[str](), layers.data.open_data

    def reading(path: str, **settings: Any) -> Any:
        read.append(path)
        return open_data(path, **settings)

    monkeypatch.setattr(layers.data, "open_data", reading)
    data.write_text(ROWS + "oops,2,\n")
    window.document.look_again()
    why = window.document.check.errors["file_1"]
    for _ in range(3):
        assert not window.document.look_again()
    assert len(read) == 1
    assert window.document.check.errors["file_1"] == why
    data.write_text(ROWS)
    assert window.document.look_again()
    assert not window.document.check.errors


def test_a_disk_that_could_not_be_read_is_asked_again(
        window: MainWindow, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permission, or a network that was away: the file looks the same before and after."""
    def refused(path: str, **settings: Any) -> Any:
        raise DataError("not allowed") from PermissionError()

    data.write_text(ROWS)
    with monkeypatch.context() as broken:
        broken.setattr(layers.data, "open_data", refused)
        window.document.look_again()
        assert window.document.check.errors["file_1"] == "not allowed"
    assert window.document.look_again()
    assert not window.document.check.errors


def test_a_node_without_a_file_can_only_choose_one(window: MainWindow) -> None:
    window.document.edit("Add", window.document.graph.with_node(make_layer("file", {}), 0, 400))
    assert window.canvas.canvas.nodes["file_1"].face.ways_out == (CHOOSE,)
