"""Pictures and tables to take away: what is asked, what is written, and what is told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox

from ui.dialogs.save_path import save_to
from ui.export_pictures import fill_pictures
from ui.main_window import MainWindow
from ui.panels import PANELS

BUTTONS = QMessageBox.StandardButton


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences of warnings."""
    sentences = list[str]()
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: sentences.append(args[-1]))
    return sentences


def choose(monkeypatch: pytest.MonkeyPatch, path: Path, replace: Any = BUTTONS.Yes) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **rest: (str(path), ""))
    monkeypatch.setattr(QMessageBox, "question", lambda *args: replace)


def entries(window: MainWindow) -> dict[str, Any]:
    menu = QMenu(window)
    fill_pictures(window.canvas, window.views, window.docks.open, menu)
    return {action.text(): action for action in menu.actions()}


def test_the_network_and_every_panel_can_be_exported(
        window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
        ) -> None:
    found = entries(window)
    assert list(found) == ["Network…", *(f"{panel.title}…" for panel in PANELS.values())]
    for number, action in enumerate(found.values()):
        choose(monkeypatch, tmp_path / f"picture {number}")  # without a suffix
        action.trigger()
        assert not QImage(str(tmp_path / f"picture {number}.png")).isNull()
    assert not told


def test_a_panel_that_is_exported_is_shown(
        window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who exports it sees what; and a panel that is not there has nothing to show."""
    assert not window.views["surface"].isVisible()
    choose(monkeypatch, tmp_path / "surface.png")
    entries(window)["Surface…"].trigger()
    assert window.views["surface"].isVisible()


def test_the_picture_of_the_network_is_all_of_it(window: MainWindow) -> None:
    whole = window.canvas.whole().toImage()
    content = window.canvas.content()
    assert whole.width() > 2 * content.width()
    assert whole.height() > 2 * content.height()
    window.canvas.set_zoom(3.0)
    window.canvas.centerOn(content.bottomRight() * 3)
    assert window.canvas.whole().toImage() == whole


def test_what_could_not_be_written_is_told(
        window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
        ) -> None:
    choose(monkeypatch, tmp_path / "no folder" / "picture.png")
    entries(window)["Loss…"].trigger()
    choose(monkeypatch, tmp_path / "full.csv")
    save_to(window, "Save", "a.csv", (".csv",), lambda path: False)
    assert "picture.png could not be written (No such file or directory)." in told[0]
    assert "full.csv could not be written." in told[1]


def test_a_file_is_replaced_only_when_that_is_wanted(
        window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
        ) -> None:
    there = tmp_path / "loss.png"
    there.write_text("mine")
    choose(monkeypatch, tmp_path / "loss", BUTTONS.Cancel)
    entries(window)["Loss…"].trigger()
    assert there.read_text() == "mine"
    choose(monkeypatch, tmp_path / "loss")
    entries(window)["Loss…"].trigger()
    assert there.read_bytes().startswith(b"\x89PNG")
    assert not told
