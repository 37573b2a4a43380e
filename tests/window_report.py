"""Runs inside the app's process: starts the app as it is, and writes down what the window shows.

    python tests/window_report.py REPORT [ARGUMENTS OF playground...]

A JSON line is appended to the file REPORT twice a second. Positions are pixels of the screen.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from PySide6.QtCore import QPoint, QPointF, QTimer
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


def ports(window: Any) -> dict[str, list[int]]:
    """Each port of the network, as "dense_1 in 0"."""
    view = window.canvas
    return {f"{port.end[0]} {'out' if port.output else 'in'} {port.end[1]}": on_screen(
        view, port.center()) for item in view.canvas.nodes.values()
        for port in (*item.input_items, *item.output_items)}


def edges(window: Any) -> dict[str, list[int]]:
    """The middle of each edge, as "dense_1 > dense_2"."""
    view = window.canvas
    return {f"{edge.source} > {edge.target}": on_screen(view, item.path().pointAtPercent(0.5))
            for edge, item in view.canvas.edges.items()}


def on_screen(view: Any, spot: QPointF) -> list[int]:
    """A point of the canvas."""
    point = view.mapFromScene(spot)
    return place(view.viewport(), point.x(), point.y())


def describe(window: Any) -> dict[str, Any]:
    canvas, snapshot = window.canvas.viewport(), window.bridge.snapshot
    search = window.palette_panel.search
    return {
        "search": place(search, search.width() // 2, search.height() // 2),
        "palette": palette(window),
        "canvas": [*place(canvas), canvas.width(), canvas.height()],
        "nodes": {id: on_screen(window.canvas, item.box().center())
                  for id, item in window.canvas.canvas.nodes.items()},
        "ports": ports(window), "edges": edges(window),
        "said": window.canvas._message.text() if window.canvas._message.isVisible() else "",
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
