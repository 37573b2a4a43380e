"""How long one waits for an example: `python -m tests.bench.opening [NAME ...]`.

One window opens the examples in turn, kernels compiled before. picture: until the network is
painted. ready: until it can run (data made, memory laid out, weights drawn). step: from Run to the
first finished step. silence: the longest time, from opening to that step, in which nothing on the
screen said that something goes on. freeze: the longest time in which the window did not answer.
Exit code 1 when a picture takes longer than a second, or a silence two.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from playground.examples import EXAMPLES
from playground.session import Session
from tests.drive import close, open_window
from ui.main_window import MainWindow

clock = time.perf_counter
PICTURE, SILENCE = 1.0, 2.0
"""Seconds that are allowed."""
PATIENCE = 120.0
WAIT_MS = 5


@dataclass
class Waits:
    """Seconds."""

    picture: float = 0.0
    ready: float = 0.0
    step: float = 0.0
    silence: float = 0.0
    freeze: float = 0.0


def signs(window: MainWindow) -> tuple[object, ...]:
    """What of the screen tells that something goes on."""
    snapshot = window.bridge.snapshot
    return snapshot.state, snapshot.progress, snapshot.step, snapshot.position, id(snapshot.program)


def is_there(window: MainWindow, step: int) -> bool:
    """Whether the document's network stands after so many steps. A large one has no program before
    its first step."""
    snapshot = window.bridge.snapshot
    graph = snapshot.program.graph if snapshot.program is not None else None
    return (snapshot.state == "paused" and snapshot.step == step
            and (graph == window.document.graph or (graph is None and step == 0)))


def watch(window: MainWindow, step: int, waits: Waits) -> float:
    """Let the event loop run until the step is done; gives the seconds that took."""
    start = told = clock()
    seen = signs(window)
    while clock() - start < PATIENCE:
        before = clock()
        loop = QEventLoop()
        QTimer.singleShot(WAIT_MS, loop.quit)
        loop.exec()
        now = clock()
        waits.freeze = max(waits.freeze, now - before)
        if signs(window) != seen:
            waits.silence, told, seen = max(waits.silence, now - told), now, signs(window)
        if is_there(window, step):
            break
    return clock() - start


def measure(window: MainWindow, name: str) -> Waits:
    waits = Waits()
    start = clock()
    window.files.show_example(EXAMPLES[name])
    while not any(window.canvas.canvas.nodes):
        QApplication.processEvents()
    QApplication.processEvents()
    window.canvas.viewport().repaint()
    waits.picture = waits.freeze = clock() - start
    waits.ready = waits.picture + watch(window, 0, waits)
    window.training_bar.speed_slider.set_speed(None)
    window.bridge.step("batch")
    waits.step = watch(window, 1, waits)
    waits.silence = max(waits.silence, waits.freeze)
    return waits


def warm(name: str) -> None:
    """Compile what the example needs, and forget the session."""
    Session(EXAMPLES[name].graph).run(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="examples; all by default")
    parser.add_argument("--cpu", action="store_true", help="count this process's own time instead "
                        "of the clock's, on a machine that works for others too")
    options = parser.parse_args()
    if options.cpu:
        global clock
        clock = time.process_time
    if unknown := [name for name in options.names if name not in EXAMPLES]:
        parser.error(f"no such example: {', '.join(unknown)}")
    late = False
    print(f"{'example':28}{'picture':>9}{'ready':>9}{'step':>9}{'silence':>9}{'freeze':>9}")
    with tempfile.TemporaryDirectory() as folder:
        window = open_window(None, Path(folder), size=(1280, 800))
        for name in options.names or EXAMPLES:
            warm(name)
            waits = measure(window, name)
            wrong = waits.picture > PICTURE or waits.silence > SILENCE
            late |= wrong
            print(f"{name:28}{waits.picture:9.2f}{waits.ready:9.2f}{waits.step:9.2f}"
                  f"{waits.silence:9.2f}{waits.freeze:9.2f}{'  TOO LONG' * wrong}", flush=True)
        close(window)
    return int(late)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
