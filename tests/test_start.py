"""The start: the first picture is whole, and nothing is loaded or built that it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from playground.examples import EXAMPLES, Example
from tests.fake_engine import FakeEngine
from ui.main_window import MainWindow
from ui.panels import PANELS

LATE = ("numba", "llvmlite", "scipy", "PIL", "kernels.jit", "playground.engine",
        "playground.session", "playground.compiler", "ui.views.through_time",
        "ui.views.feature_maps", "ui.views.node_values", "ui.views.augmentation",
        "ui.views.excitation")
"""What must wait until the first picture is painted."""
MODULES_AT_THE_FIRST_PICTURE = """
import os, sys
import ui.app
from ui.engine_bridge import EngineBridge
def start(bridge):
    print(*sys.modules, sep="\\n", flush=True)
    os._exit(0)
EngineBridge.start = start
ui.app.main([])
"""


KEEPS_COPIES = """
import os, sys
import ui.app
from ui.main_window import MainWindow
keep = MainWindow.keep_copies
def kept(window, offer_all):
    keep(window, offer_all)
    print(window.recovery.file.with_suffix(".lock").exists(), offer_all, flush=True)
    os._exit(0)
MainWindow.keep_copies = kept
ui.app.main(sys.argv[1:])
"""


@pytest.mark.parametrize("what", [[], ["perceptron"]])
def test_autosave_runs_whatever_the_window_opens(what: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEEPS_COPIES, *what], capture_output=True, text=True, check=True,
        timeout=120, cwd=Path(__file__).parents[1],
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})
    assert done.stdout.split() == ["True", str(not what)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What a first start has loaded when its engine is about to start."""
    home = str(tmp_path_factory.mktemp("home"))
    done = subprocess.run(
        [sys.executable, "-c", MODULES_AT_THE_FIRST_PICTURE], capture_output=True, text=True,
        check=True, timeout=120, cwd=Path(__file__).parents[1],
        env=os.environ | {"XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home})
    return set(done.stdout.split())


def test_what_the_first_picture_does_not_need_is_not_loaded(loaded: set[str]) -> None:
    assert "ui.views.loss" in loaded
    assert [name for name in LATE if name in loaded] == []


@pytest.fixture(scope="module")
def files() -> dict[str, set[str]]:
    """The files of the gallery, with the names of their examples."""
    assert all(example.graph.nodes for example in EXAMPLES.values())  # loads them all
    return {name: {value.name for value in vars(module).values() if isinstance(value, Example)}
            for name, module in sys.modules.items() if name.startswith("playground.examples.")}


def test_of_the_gallery_only_the_first_example_is_built(
        loaded: set[str], files: dict[str, set[str]]) -> None:
    assert {name for name in loaded if files.get(name)} == {"playground.examples.plane"}


def test_the_gallery_names_every_example_that_there_is(files: dict[str, set[str]]) -> None:
    assert set().union(*files.values()) == set(EXAMPLES)


def test_every_panel_is_what_its_place_says(window: MainWindow) -> None:
    for name, panel in PANELS.items():
        assert window.views[name].name == name
        assert not panel.beside or panel.beside in PANELS


def test_the_first_picture_is_the_whole_one(make_window, engine: FakeEngine, qtbot: QtBot) -> None:
    window: MainWindow = make_window()
    window.open_first()
    pictures = []
    window.painted.connect(
        lambda: pictures.append(window.screen().grabWindow(window.winId()).toImage()))
    window.show()
    qtbot.waitUntil(lambda: bool(pictures))
    qtbot.wait(200)
    assert pictures == [window.grab().toImage()]
    in_front = {name for name in PANELS if not window.docks.all[name].visibleRegion().isEmpty()}
    assert in_front == {"loss", "gradients", "output", "program"}
    assert engine.calls == [], "it starts after the first picture"


def test_panels_behind_a_tab_ask_for_nothing(window: MainWindow, qtbot: QtBot) -> None:
    tensor, program = window.views["node_values"], window.views["program"]
    assert program.probes()
    window.docks.open("node_values")
    assert not program.probes()
    assert tensor.snapshot is window.bridge.snapshot
    window.docks.open("program")
    assert program.probes()
    assert not tensor.probes()
