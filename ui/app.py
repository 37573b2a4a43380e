"""Start: application, theme, window; then the engine, once the first picture is painted."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

os.environ.setdefault("QT_API", "pyside6")

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from ui.theme import Mode, apply

if TYPE_CHECKING:
    from ui.main_window import MainWindow

FAILED = 2
SCREENSHOT_MS = 2500
"""By then the engine runs and the first pictures are there."""
SWITCH_INTERVAL = 0.001
"""The training thread's short Python parts must not keep the window waiting 5 ms."""


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window; returns the exit status."""
    options = _parse(argv)
    # What is made until the first picture stays: looking for garbage would cost a tenth of it.
    gc.disable()
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = cast(QApplication, QApplication.instance() or QApplication(sys.argv[:1]))
    app.setApplicationName("playground")
    app.setApplicationDisplayName("Playground")

    from ui.preferences import Preferences

    preferences = Preferences()
    apply(app, cast(Mode, options.theme or preferences.theme))

    from ui.main_window import MainWindow

    window = MainWindow(preferences)
    sys.excepthook = Complaints(window)
    if options.screenshot:
        window.resize(options.width, options.height)
        # Nobody is there to close a dialog.
        window.files.told.disconnect()
        window.files.told.connect(lambda text: sys.stderr.write(f"playground: {text}\n"))
    else:
        fit_screen(window, window.screen().availableSize())
    window.open_first(*_what_to_open(options.what))
    # The engine's imports would compete with the first picture.
    window.painted.connect(window.bridge.start)
    window.painted.connect(_collect_garbage)
    if not options.screenshot:
        window.painted.connect(window.preparing.start)
        window.painted.connect(lambda: window.keep_copies(offer_all=not options.what))
    window.show()
    if options.screenshot:
        QTimer.singleShot(options.wait, lambda: _shoot(window, app, Path(options.screenshot)))
    return app.exec()


def fit_screen(window: QWidget, room: QSize) -> None:
    """A window that is larger than its screen fills it; one that was left otherwise comes back so.
    """
    if window.width() > room.width() or window.height() > room.height():
        window.setWindowState(Qt.WindowState.WindowMaximized)


def _collect_garbage() -> None:
    """From now on; but never again among what the start has made."""
    gc.freeze()
    gc.enable()


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="playground", description="A neural network to build, train and step through.")
    parser.add_argument("what", nargs="?", help="a document or the name of an example")
    parser.add_argument("--theme", choices=("dark", "light", "system"))
    parser.add_argument("--screenshot", metavar="PNG",
                        help="render the window to a file and exit")
    parser.add_argument("--wait", type=int, default=SCREENSHOT_MS, help=argparse.SUPPRESS)
    parser.add_argument("--width", type=int, default=1600, help=argparse.SUPPRESS)
    parser.add_argument("--height", type=int, default=1000, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _what_to_open(what: str | None) -> tuple[Path | None, str | None]:
    from playground.examples import EXAMPLES

    if what in EXAMPLES:
        return None, what
    return (Path(what) if what else None), None


def _shoot(window: MainWindow, app: QApplication, path: Path) -> None:
    is_written = window.grab().save(str(path), "PNG")
    window.bridge.shutdown()
    window.files.claim.release()
    window.recovery.close()
    if not is_written:
        sys.stderr.write(f"playground: {path} could not be written: choose another file\n")
    app.exit(0 if is_written else FAILED)


class Complaints:
    """The exception hook: says what went wrong, once for each cause, and lets the window live."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._told: set[str] = set()

    def __call__(self, kind: type[BaseException], error: BaseException,
                 trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        if issubclass(kind, KeyboardInterrupt):
            self._window.close()
            return
        last = traceback.extract_tb(trace)[-1:] if trace else []
        where = f"{Path(last[0].filename).name}, line {last[0].lineno}" if last else ""
        cause = f"{kind.__name__} {where}"
        # A fault in a picture would come back thirty times a second.
        if cause not in self._told:
            self._told.add(cause)
            QTimer.singleShot(0, lambda: self._window.show_error(
                f"This did not work: {error or kind.__name__} ({where}). "
                "The window goes on; save your work if in doubt."))


if __name__ == "__main__":
    sys.exit(main())
