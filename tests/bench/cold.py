"""A machine that has never compiled a kernel: `python -m tests.bench.cold [EXAMPLE]`.

train: seconds of `playground train EXAMPLE --steps 1`, from the start of the process to its end,
and the processor's seconds that it and its helpers took: on two free cores about half of them pass.
window: seconds from the start of the process until the window shows that the first step is done,
when Run is pressed as soon as it can be; what the status bar says meanwhile; the longest time for
which it says nothing new, and the longest for which the window stands still. Each with an empty
cache of its own; runs offscreen unless QT_QPA_PLATFORM says otherwise.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
WANTED = 15.0
PATIENCE = 600.0


def cold(command: list[str]) -> tuple[float, float, str]:
    """A Python process without compiled kernels: seconds, processor seconds, what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PLAYGROUND_CACHE_DIR": folder}
        before, begin = os.times(), time.perf_counter()
        done = subprocess.run([sys.executable, *command], check=True, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              cwd=Path(__file__).parents[2])
        seconds, after = time.perf_counter() - begin, os.times()
        busy = (after.children_user - before.children_user
                + after.children_system - before.children_system)
        return seconds, busy, done.stdout


def in_window(example: str, began: float) -> dict[str, Any]:
    """Run in a process of its own, started at `began`."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from tests.drive import close, open_window, spin
    from ui.elided import Elided
    from ui.main_window import MainWindow

    app = QApplication([])
    said: list[tuple[float, str]] = []
    looks: list[float] = []

    def look() -> None:
        looks.append(time.time())
        for window in app.topLevelWidgets():
            if isinstance(window, MainWindow) and (
                    shown := window.status.findChild(Elided)):
                text = shown.whole
                if not said or said[-1][1] != text:
                    said.append((looks[-1] - began, text))

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(10)
    with tempfile.TemporaryDirectory() as folder:
        window = open_window(example, Path(folder))
        spin(lambda: window.bridge.snapshot.state == "paused", PATIENCE)
        window.preparing.start()  # as the app does: it is at work beside the first step
        window.bridge.run()
        spin(lambda: window.bridge.snapshot.step > 0, PATIENCE)
        seconds = time.time() - began
        timer.stop()
        close(window)
    times = [at for at, _ in said if at < seconds] + [seconds]
    return {"seconds": seconds, "said": said,
            "longest_silence": max(b - a for a, b in itertools.pairwise(times)),
            "longest_standstill": max(b - a for a, b in itertools.pairwise(looks))}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("example", nargs="?", default="lenet5")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.began:
        print(json.dumps(in_window(arguments.example, arguments.began)))
        return
    seconds, busy, _ = cold(
        ["-m", "playground", "train", arguments.example, "--steps", "1", "--json"])
    *_, printed = cold(["-m", "tests.bench.cold", arguments.example, "--began", str(time.time())])
    result = {"wanted": WANTED, "train": seconds, "train_processor": busy,
              "window": json.loads(printed)}
    if arguments.json:
        print(json.dumps(result))
        return
    window = result["window"]
    for at, text in window["said"]:
        print(f"{at:7.1f} s  {text}")
    print(f"first step: {seconds:.1f} s without a window ({busy:.1f} s of the processor), "
          f"{window['seconds']:.1f} s with it; wanted: {WANTED:.0f}\n"
          f"longest without news: {window['longest_silence']:.1f} s; "
          f"window still for {window['longest_standstill']:.2f} s")


if __name__ == "__main__":
    main()
