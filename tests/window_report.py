"""Runs inside the app's process: starts the app as it is, and writes down what the window shows.

    python tests/window_report.py REPORT [ARGUMENTS OF playground...]

A JSON line is appended to the file REPORT twice a second. Positions are pixels of the screen.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QWidget

import ui.main_window
from playground.cli import main
from ui.palette import KIND

PERIOD_MS = 500


def place(widget: QWidget, x: int = 0, y: int = 0) -> list[int]:
    """A point of a widget on the screen."""
    point = widget.mapToGlobal(QPoint(x, y))
    return [point.x(), point.y()]


def palette(window: Any) -> dict[str, list[int]]:
    """The middle of each entry that can be seen."""
    entries = window.palette_panel.list
    found = {}
    for row in range(entries.layers.rowCount()):
        index = entries.layers.index(row, 0)
        middle = entries.visualRect(index).center()
        if index.data(KIND) and entries.viewport().rect().contains(middle):
            found[index.data(KIND)] = place(entries.viewport(), middle.x(), middle.y())
    return found


def describe(window: Any) -> dict[str, Any]:
    canvas, snapshot = window.canvas.viewport(), window.bridge.snapshot
    search = window.palette_panel.search
    return {
        "search": place(search, search.width() // 2, search.height() // 2),
        "palette": palette(window),
        "canvas": [*place(canvas), canvas.width(), canvas.height()],
        "nodes": [node.id for node in window.document.graph.nodes],
        "step": snapshot.step, "state": snapshot.state, "message": snapshot.message,
        "active": window.isActiveWindow(),
    }


def report_to(path: str) -> None:
    """From now on, each main window reports."""
    original = ui.main_window.MainWindow.__init__

    def start(window: Any, *arguments: Any, **named: Any) -> None:
        original(window, *arguments, **named)

        def write() -> None:
            with open(path, "a") as file:
                file.write(json.dumps(describe(window)) + "\n")

        timer = QTimer(window)
        timer.timeout.connect(write)
        timer.start(PERIOD_MS)

    ui.main_window.MainWindow.__init__ = start  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    report_to(sys.argv.pop(1))
    sys.exit(main())
