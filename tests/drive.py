"""The real window, driven from a script: for benchmarks, pictures and tests."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

from PySide6.QtCore import QEventLoop, QModelIndex, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication

from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.theme import Mode, apply

WAIT_MS = 5


def open_window(example: str | None, folder: Path, mode: Mode = "dark",
                size: tuple[int, int] = (1600, 1000), full_speed: bool = True) -> MainWindow:
    """A shown window that has the example loaded and is ready to run.

    Settings and recovery files go to `folder`, never to the user's own.
    """
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    sys.setswitchinterval(0.001)
    apply(app, mode)
    settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(Preferences(settings), recovery_folder=folder)
    window.resize(*size)
    window.open_first(None, example)
    window.show()
    if full_speed:
        window.training_bar.speed_slider.set_speed(None)
    window.bridge.start()
    spin(lambda: window.bridge.snapshot.state == "paused", 60)
    return window


@contextlib.contextmanager
def opened(example: str | None, folder: Path, size: tuple[int, int] = (1600, 1000)
           ) -> Iterator[MainWindow]:
    """Such a window, closed and gone afterwards."""
    window = open_window(example, folder, size=size)
    try:
        yield window
    finally:
        close(window)
        window.deleteLater()


def spin(until: Callable[[], bool], seconds: float) -> bool:
    """Let the event loop run until something is so; False when the time is up."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        loop = QEventLoop()
        QTimer.singleShot(WAIT_MS, loop.quit)
        # Not QTest.qWait: it keeps Python's lock while it waits, and the training thread stands.
        loop.exec()
        if until():
            return True
    return until()


def rest(seconds: float) -> None:
    """Let the event loop run."""
    spin(lambda: False, seconds)


def close(window: MainWindow) -> None:
    """Close without asking for unsaved changes."""
    with mock.patch.object(window.files, "may_discard", return_value=True):
        window.close()


def double_click(view: QAbstractItemView, index: QModelIndex) -> None:
    """Both clicks at one place, as a hand makes them: what the first one does may move the rows."""
    place = view.visualRect(index).center()
    for click in (QTest.mouseClick, QTest.mouseDClick):
        click(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QApplication.processEvents()
