"""The window while it trains: frame times, what it costs the training, start-up, memory.

    python -m tests.bench.window [--seconds S] [--minutes M] [--json]

frames: intervals between two updates of all panels, window at 30 Hz, Loss, Gradient norms,
Feature maps, Output and Program visible. share: steps per second beside those without a window,
measured in turn. start: a new process until the first frame is painted, over one that only
imports PySide6, pyqtgraph and numba, in turn. edit: from a changed layer to the first finished
step. memory: growth of the process after the first minute of --minutes of training.
Runs offscreen unless QT_QPA_PLATFORM says otherwise; takes medians.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.drive import close, open_window, rest, spin

IMPORTS = "import PySide6.QtWidgets, pyqtgraph, numba"
FIRST_FRAME = """
import os, sys
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Eye(QObject):
    def eventFilter(self, window, event):
        if event.type() == QEvent.Type.Paint:  # all panels are painted before the timer's turn
            QTimer.singleShot(0, lambda: (sys.stdout.flush(), os._exit(0)))
        return False
class Application(QApplication):
    def exec(self):
        window, = (w for w in self.topLevelWidgets() if isinstance(w, QMainWindow))
        eye = Eye(window)
        window.installEventFilter(eye)
        return super().exec()
import ui.app
ui.app.QApplication = Application
ui.app.main([])
"""


def frames(window: Any, seconds: float) -> tuple[list[float], float]:
    """Milliseconds between frames, and steps per second meanwhile."""
    marks: list[float] = []
    first: list[tuple[float, int]] = []

    def mark(snapshot: Any) -> None:
        marks.append(time.perf_counter())
        first.append((marks[-1], snapshot.step))

    window.bridge.run()
    spin(lambda: window.bridge.running, 10)
    rest(1.0)
    window.bridge.snapshot_ready.connect(mark)
    rest(seconds)
    window.bridge.snapshot_ready.disconnect(mark)
    window.bridge.pause()
    spin(lambda: not window.bridge.running, 10)
    rate = (first[-1][1] - first[0][1]) / (first[-1][0] - first[0][0])
    return [1000 * (b - a) for a, b in itertools.pairwise(marks)], rate


def headless(example: str, seconds: float) -> float:
    """Steps per second of the same network without a window, in this process."""
    from playground.examples import EXAMPLES
    from playground.session import Session

    session = Session(EXAMPLES[example].graph)
    session.run(50)
    start, before = time.perf_counter(), session.step
    while time.perf_counter() - start < seconds:
        session.run_for(0.03)
    return (session.step - before) / (time.perf_counter() - start)


def measure_training(example: str, seconds: float, rounds: int = 3) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        window = open_window(example, Path(folder))
        intervals: list[float] = []
        ratios = []
        for _ in range(rounds):
            alone = headless(example, seconds / 2)
            part, rate = frames(window, seconds)
            intervals += part
            ratios.append(rate / alone)
        close(window)
    intervals.sort()
    return {"frame_ms_median": statistics.median(intervals),
            "frame_ms_95": intervals[int(0.95 * len(intervals))],
            "share_of_headless_speed": statistics.median(ratios), "steps_per_second": rate}


def measure_start(rounds: int = 5) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"XDG_CONFIG_HOME": home}
        # Warm means that Python's compiled files are there, as after any start.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def run(code: str) -> float:
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, env=environment,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           cwd=Path(__file__).parents[2])
            return time.perf_counter() - begin

        run(FIRST_FRAME)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(run(FIRST_FRAME))
            theirs.append(run(IMPORTS))
    return {"first_frame_s": statistics.median(ours), "imports_s": statistics.median(theirs),
            "ratio": statistics.median(a / b for a, b in zip(ours, theirs, strict=True))}


def measure_edit(rounds: int = 9) -> dict[str, float]:
    """Seconds from an edited layer to its first finished step, kernels warm."""
    from playground.examples import EXAMPLES
    from playground.session import Session

    result = {}
    for name in ("mlp-spiral", "cnn-digits", "lenet5"):
        graph = EXAMPLES[name].graph
        first = next(n for n in graph.nodes if n.layer.kind in ("dense", "conv2d"))
        width = "units" if first.layer.kind == "dense" else "channels"
        Session(graph).run(1)
        times = []
        for i in range(rounds):
            changed = graph.with_layer(
                first.id, first.layer.with_settings(**{width: 11 + i}))
            begin = time.perf_counter()
            Session(changed).run(1)
            times.append(time.perf_counter() - begin)
        result[name] = 1000 * statistics.median(times)
    return result


def resident() -> float:
    """Memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def measure_memory(minutes: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        window = open_window("mlp-spiral", Path(folder))
        window.bridge.run()
        rest(60)
        start = resident()
        seen = []
        for _ in range(max(1, round(2 * (minutes - 1)))):
            rest(30)
            seen.append(resident() - start)
        close(window)
    return {"after_a_minute_mb": start, "growth_mb": seen[-1], "largest_growth_mb": max(seen)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--minutes", type=float, default=0,
                        help="measure memory alone, for so long")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    if options.minutes:
        result["memory"] = measure_memory(options.minutes)
    else:
        result |= {"start": measure_start(), "edit_ms": measure_edit()}
        for example in ("mlp-spiral", "cnn-digits"):
            result[example] = measure_training(example, options.seconds)
    if options.json:
        print(json.dumps(result))
        return
    for name, values in result.items():
        print(name)
        for key, value in values.items():
            print(f"  {key:28}{value:12.3f}")


if __name__ == "__main__":
    main()
