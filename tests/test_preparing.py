"""All kernels are compiled in the background, so that none is left when a layer is dropped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

import ui.preparing
from kernels.jit import KERNELS
from playground import preparing
from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.layers import LAYERS
from playground.optimizers import OPTIMIZERS
from playground.second_order import LeastSquares
from playground.snapshot import Snapshot
from playground.training import Training
from tests.cases import CASES
from tests.networks import Samples, row, sandwich
from ui.main_window import MainWindow

ROOT = Path(__file__).parents[1]
FOUR = """
import dataclasses, os, sys, time
import numba
from kernels import ahead, elementwise, jit
wanted = [elementwise.copy, elementwise.add, elementwise.add_into, elementwise.multiply]
# Of the lowest priority, a busy machine would let the tests wait.
lowest, ahead._LOWEST_PRIORITY = ahead._LOWEST_PRIORITY, 0
def names():
    return " ".join(sorted(path.partition(".")[2] for path in jit.cached() if "element" in path))
def wait(until):
    end = time.monotonic() + 120
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)
def fill():
    filler = ahead.Filler(lambda: wanted)
    wait(lambda: not filler.busy)
    return filler
"""
"""What the scripts have in common: four small kernels, and which of them the cache has."""
ALL_FOUR = "add add_into copy multiply"


def start(cache: Path, script: str) -> subprocess.Popen[str]:
    """A Python process with this folder of compiled kernels."""
    return subprocess.Popen(
        [sys.executable, "-c", FOUR + script], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PLAYGROUND_CACHE_DIR": str(cache)})


def run(cache: Path, script: str) -> list[str]:
    """What a script prints."""
    process = start(cache, script)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output.splitlines()


def test_fills_an_empty_cache_once(tmp_path: Path) -> None:
    script = """
ahead._KERNELS_PER_PROCESS = 3
filler = fill()
print(filler.number, filler.count, filler._process is None, any(k.is_compiled for k in wanted))
print(names())
"""
    assert run(tmp_path, script) == ["4 4 False False", ALL_FOUR]
    assert run(tmp_path, script) == ["0 0 True False", ALL_FOUR]


def test_stop_ends_the_process_and_the_next_start_goes_on(tmp_path: Path) -> None:
    left, count, *rest = run(tmp_path, """
filler = ahead.Filler(lambda: wanted)
wait(lambda: filler.number == 2)
filler.stop()
assert filler._process.returncode is not None and not filler.busy
filler.stop()
print(4 - len(names().split()), fill().count, names(), sep="\\n")
ahead.compile_all(wanted, print)  # they are loaded: nothing takes time
""")
    assert left == count
    assert 2 <= int(left) <= 3, "the first is done, and the second perhaps"
    assert rest == [ALL_FOUR]


@pytest.mark.skipif(os.name != "posix", reason="priorities have other names")
def test_has_the_lowest_priority(tmp_path: Path) -> None:
    assert run(tmp_path, """
ahead._LOWEST_PRIORITY = lowest
before = os.getpriority(os.PRIO_PROCESS, 0)
filler = ahead.Filler(lambda: wanted)
wait(lambda: filler.number)
print(os.getpriority(os.PRIO_PROCESS, filler._process.pid))
filler.stop()
assert os.getpriority(os.PRIO_PROCESS, 0) == before
""") == ["19"]


@pytest.mark.skipif(os.name != "posix", reason="asks ps")
def test_ends_with_a_window_that_was_killed(tmp_path: Path) -> None:
    process = start(tmp_path, """
filler = ahead.Filler(lambda: wanted)
wait(lambda: filler.number == 1)
print(filler._process.pid, flush=True)
time.sleep(600)
""")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert _runs(child)
    process.kill()
    process.communicate()
    end = time.monotonic() + 180
    while _runs(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], text=True, capture_output=True)
    return done.stdout.strip()[:1] not in ("", "Z")


def test_two_windows_may_fill_the_same_cache(tmp_path: Path) -> None:
    assert run(tmp_path, """
fillers = [ahead.Filler(lambda: wanted), ahead.Filler(lambda: wanted)]
wait(lambda: not any(filler.busy for filler in fillers))
print(names())
ahead.compile_all(wanted, print)
""") == [ALL_FOUR]


def test_what_fails_is_harmless(tmp_path: Path) -> None:
    assert run(tmp_path, """
python, folder = sys.executable, numba.config.CACHE_DIR
for sys.executable in ("/nowhere/python", "/bin/false"):
    fill().stop()
sys.executable = python
numba.config.CACHE_DIR = ""  # a home that cannot be written to: nobody knows what is missing
print(fill().count)
numba.config.CACHE_DIR = folder
print(names())
wanted.insert(0, dataclasses.replace(elementwise.add, name="broken"))
print(fill().number, names())
""") == ["0", "", f"5 {ALL_FOUR}"]


# -- what there is to compile ---------------------------------------------------------------------


def test_layers_examples_losses_and_optimizers_need_no_other_kernel() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "from kernels.ahead import every_kernel\n"
         "for kernel in every_kernel(): print(kernel.function.__module__, kernel.name)"],
        check=True, text=True, capture_output=True, cwd=ROOT).stdout.splitlines()
    graphs = [sandwich(case.layer, case.shapes, 2)[0] for case in CASES]
    graphs += [row(Samples(shape=(5,), classes=3), ("dense", {"units": 3}),
                   ("softmax_cross_entropy", {}), training=Training(optimizer=optimizer()))
               for optimizer in OPTIMIZERS if optimizer is not LeastSquares]
    programs = [compile_program(graph, lanes=lanes) for graph in graphs for lanes in (1, 2)]
    programs += [compile_program(example.graph) for example in EXAMPLES.values()]
    used = {kernel.name: kernel for program in programs for kernel in program.kernels}
    # Others are called outside of programs, as those that augment images.
    known = used | {name: kernel for name, kernel in KERNELS.items()
                    if not kernel.function.__module__.startswith("tests.")}
    assert {f"{kernel.function.__module__} {name}" for name, kernel in known.items()} <= set(found)
    assert len(used) > len(LAYERS)


# -- the window -----------------------------------------------------------------------------------


@pytest.fixture
def filler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One that does what the test says; `made` counts how many there are."""
    made = SimpleNamespace(number=0, count=0, busy=True, made=0, stopped=False)

    def stop() -> None:
        made.stopped = True

    def prepare_all() -> Any:
        made.made += 1
        return made

    made.stop = stop
    monkeypatch.setattr(preparing, "prepare_all", prepare_all)
    monkeypatch.setattr(ui.preparing, "LOOK_MS", 5)
    return made


def test_begins_when_the_first_network_is_ready(filler: Any, window: MainWindow, qtbot: QtBot
                                                ) -> None:
    said = window.status._preparing
    window.bridge._show(Snapshot(state="paused"))
    assert filler.made == 0, "only the app starts it"
    window.preparing.start()
    for state in ("empty", "compiling"):
        window.bridge._show(Snapshot(state=state))
    assert filler.made == 0
    for state in ("paused", "running", "compiling", "paused"):
        window.bridge._show(Snapshot(state=state))
    assert filler.made == 1
    assert not said.isVisible()
    filler.number, filler.count = 37, 150
    qtbot.waitUntil(said.isVisible)
    assert said.text() == "preparing layers: 37 of 150"
    assert "once" in said.toolTip()
    filler.busy = False
    qtbot.waitUntil(lambda: not said.isVisible())
    window.bridge._show(Snapshot(state="paused"))
    assert filler.made == 1


def test_ends_with_the_window(filler: Any, window: MainWindow) -> None:
    window.preparing.start()
    window.bridge._show(Snapshot(state="paused"))
    window.close()
    assert filler.stopped


def test_a_window_that_closes_early_starts_none(filler: Any, window: MainWindow) -> None:
    window.preparing.start()
    window.close()
    window.bridge._show(Snapshot(state="paused"))
    assert filler.made == 0


def test_the_environment_turns_it_off(window: MainWindow) -> None:
    assert os.environ["PLAYGROUND_PREPARE"] == "0"
    assert preparing.prepare_all() is None
    window.preparing.start()
    window.bridge._show(Snapshot(state="paused"))
    assert window.preparing._filler is None
