"""Drives the installed app like a person: a real X server, a real pointer, real keys (xdotool).

What the window shows, and where, comes from window_report.py, which runs inside the app's process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playground import document

PATIENCE = 180
"""Seconds; the first start ever compiles kernels."""


class App:
    """The running program, as far as its window shows."""

    def __init__(self, python: str, home: Path) -> None:
        self.python, self.home = python, home
        self.report_file = home / "report.jsonl"
        self.log = (home / "app.log").open("w")
        self.process: subprocess.Popen[bytes] | None = None
        kept = {k: v for k, v in os.environ.items()
                if not k.startswith(("XDG_", "QT_", "PLAYGROUND_", "PYTHON"))}
        self.environment = kept | {
            "HOME": str(home), "QT_QPA_PLATFORM": "xcb", "XDG_RUNTIME_DIR": str(home),
            "PLAYGROUND_PREPARE": "0"}

    def run(self, *arguments: str) -> None:
        """The command `playground` without a window, to its end."""
        command = Path(self.python).with_name("playground")
        subprocess.run([command, *arguments], cwd=self.home, env=self.environment, check=True,
                       timeout=PATIENCE, stdout=self.log, stderr=self.log)

    def open(self, *arguments: str) -> None:
        report = Path(__file__).with_name("window_report.py")
        self.process = subprocess.Popen(
            [self.python, "-P", report, self.report_file, *arguments], cwd=self.home,
            env=self.environment, stdout=self.log, stderr=self.log)

    def report(self) -> dict[str, Any]:
        """The newest complete line; empty before the first."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the app ended with {self.process.returncode}:\n{self.output}")
        if not self.report_file.exists():
            return {}
        lines = self.report_file.read_text().split("\n")
        return json.loads(lines[-2]) if len(lines) > 1 else {}

    def wait(self, what: str, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            report = self.report()
            if report and condition(report):
                return report
            time.sleep(0.2)
        raise AssertionError(f"waited in vain: {what}. Last report: {self.report()}")

    @property
    def output(self) -> str:
        return (self.home / "app.log").read_text()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def xdotool(*arguments: object) -> str:
    done = subprocess.run(["xdotool", *map(str, arguments)], check=True, capture_output=True,
                          text=True, timeout=60)
    return done.stdout.strip()


def drag(start: tuple[int, int], end: tuple[int, int], moves: int = 12) -> None:
    """As a hand does it: press, many small moves, a rest, release."""
    xdotool("mousemove", *start)
    time.sleep(0.3)
    xdotool("mousedown", 1)
    for i in range(1, moves + 1):
        time.sleep(0.08)
        xdotool("mousemove", *(round(a + (b - a) * i / moves)
                               for a, b in zip(start, end, strict=True)))
    time.sleep(0.4)
    xdotool("mouseup", 1)


def drive(python: str, home: Path, kind: str = "dense") -> str:
    """The whole visit; returns what happened, in a sentence."""
    app = App(python, home)
    try:
        app.run("train", "mlp-spiral", "--steps", "1", "--save", "mine.playground")
        app.open("mine.playground")
        report = app.wait("the network to be there", lambda r: r["state"] == "paused")
        xdotool("mousemove", *report["search"], "click", 1)
        app.wait("the window to be active", lambda r: r["active"])
        xdotool("type", "--delay", 60, kind)
        report = app.wait("the search to find it and nothing else", lambda r: (
            kind in r["palette"] and "flatten" not in r["palette"]))
        nodes = report["nodes"]
        x, y, width, height = report["canvas"]
        spot = (x + width // 2, y + height * 9 // 10)
        drag(tuple(report["palette"][kind]), spot)
        report = app.wait("the dropped layer", lambda r: len(r["nodes"]) == len(nodes) + 1)
        added = (set(report["nodes"]) - set(nodes)).pop()
        assert added.startswith(kind), added

        xdotool("mousemove", x + 4, y + 4, "click", 1)
        xdotool("key", "space")
        report = app.wait("training to run", lambda r: r["state"] == "running" and r["step"] > 50)
        xdotool("key", "space")
        report = app.wait("training to pause", lambda r: r["state"] == "paused")
        xdotool("key", "ctrl+s")
        file = home / "mine.playground"
        app.wait("the file to be written", lambda r: added in document.load(file).graph)
        loaded = document.load(file)
        assert loaded.state is not None, "the saved file lacks weights"
        assert loaded.state.step >= 50
        xdotool("key", "ctrl+q")
        assert app.process is not None
        assert app.process.wait(30) == 0, app.output
        return (f"dragged {added} onto the canvas, trained to step {loaded.state.step}, "
                "saved, opened the file, closed the app")
    finally:
        app.close()


def rewire(python: str, home: Path) -> str:
    """Draw and undraw edges on the canvas; returns what happened, in a sentence."""
    app = App(python, home)

    def drag_and_undo(start: list[int], end: list[int], wanted: set[str], said: str = "") -> None:
        drag((start[0], start[1]), (end[0], end[1]))
        report = app.wait(f"the edges {wanted}", lambda r: r["edges"].keys() == wanted)
        assert said in report["said"], report["said"]
        assert report["ports"].keys() >= {"dense_1 in 0", "dense_1 out 0"}
        xdotool("key", "ctrl+z")
        app.wait("all to be as it was", lambda r: r["edges"] == before["edges"]
                 and r["nodes"] == before["nodes"] and r["ports"] == before["ports"])

    try:
        app.run("train", "mlp-spiral", "--steps", "1", "--save", "mine.playground")
        app.open("mine.playground")
        report = app.wait("the network to be there", lambda r: r["state"] == "paused")
        x, y, width, height = report["canvas"]
        free = [x + width // 2, y + height - 40]
        xdotool("mousemove", x + 4, y + 4, "click", 1)
        xdotool("mousemove", *report["search"], "click", 1)
        app.wait("the window to be active", lambda r: r["active"])
        xdotool("type", "--delay", 60, "relu")
        report = app.wait("the search to find it", lambda r: "relu" in r["palette"])
        drag(tuple(report["palette"]["relu"]), (x + width // 4, y + height - 60))
        before = app.wait("the dropped layer", lambda r: "relu_1" in r["nodes"])
        chain = {"spiral_1 > dense_1", "dense_1 > dense_2", "dense_2 > dense_3",
                 "dense_3 > loss_1"}
        assert before["edges"].keys() == chain
        drag_and_undo(before["nodes"]["relu_1"], before["edges"]["dense_1 > dense_2"],
                      chain - {"dense_1 > dense_2"} | {"dense_1 > relu_1", "relu_1 > dense_2"})
        drag_and_undo(before["ports"]["dense_1 out 0"], before["ports"]["dense_3 in 0"],
                      chain - {"dense_2 > dense_3"} | {"dense_1 > dense_3"},
                      "dense_3 now takes dense_1 in place of dense_2")
        drag_and_undo(before["ports"]["dense_2 in 0"], before["ports"]["relu_1 in 0"],
                      chain - {"dense_1 > dense_2"} | {"dense_1 > relu_1"})
        drag_and_undo(before["ports"]["dense_2 in 0"], free, chain - {"dense_1 > dense_2"})
        return "put a layer into an edge, replaced, moved and removed edges, and undid it all"
    finally:
        app.close()


def python() -> str:
    """The Python that the app is installed for: PLAYGROUND_PYTHON, or this one."""
    return os.environ.get("PLAYGROUND_PYTHON") or sys.executable
