"""The window with an engine that only records, for tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from playground.layers.base import make_layer
from tests.fake_engine import FakeEngine
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.theme import apply, theme


def make_window(qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch,
                create: Callable[[], object]) -> MainWindow:
    """A window that is not shown yet; settings and recovery files go to `folder`."""
    # Windows of earlier tests are gone; what they connected must not answer.
    with suppress(RuntimeError), warnings.catch_warnings(action="ignore"):
        theme().changed.disconnect()
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply(app, "dark")
    for box in ("question", "warning", "information"):  # A dialog would wait for ever.
        monkeypatch.setattr(QMessageBox, box, lambda *args: pytest.fail(f"asked: {args[1:]}"))
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(Preferences(settings), create, folder / "recovery")
    qtbot.addWidget(window, before_close_func=lambda w: setattr(
        w.files, "may_discard", lambda: True))
    window.resize(1280, 800)
    return window


def open_window(qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine,
                example: str = "mlp-spiral") -> MainWindow:
    """A shown window with an example."""
    window = make_window(qtbot, folder, monkeypatch, lambda: engine)
    window.show()
    window.open_first(example=example)
    window.bridge.start()
    qtbot.waitUntil(lambda: engine.graph is not None)
    return window


def change(window: MainWindow) -> None:
    """An edit."""
    graph = window.document.graph
    window.document.edit("Note", graph.with_node(make_layer("dense", {}), 0, 400))
