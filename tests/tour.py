"""Pictures of every state of the window: python tests/tour.py OUT [NAME ...]

Looked at with every change of the window, as a picky designer would. Each picture is the real
window with real training, rendered offscreen; names are those of the files.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import msgspec

from playground.graph import Graph
from playground.layers.base import Layer, make_layer
from playground.training import SGD, Clipping
from tests import time_graphs
from tests.drive import close, open_window, rest, spin
from ui.main_window import MainWindow
from ui.theme import Mode

Scene = Callable[[MainWindow], None]
SMALL = (1280, 800)


def run(window: MainWindow, steps: int, seconds: float = 20) -> None:
    """Train, and pause after so many steps or seconds."""
    window.bridge.run_until(step=window.bridge.snapshot.step + steps)
    spin(lambda: window.bridge.running, 5)
    spin(lambda: not window.bridge.running, seconds)
    window.bridge.pause()
    spin(lambda: not window.bridge.running, 5)
    rest(0.4)


def edit(window: MainWindow, graph: Graph) -> None:
    """Change the network, and wait for it: a cold machine compiles for a while."""
    window.document.edit("Change", graph)
    bridge = window.bridge
    if window.document.check.trainable:
        spin(lambda: not bridge.differs and bridge.snapshot.state not in ("compiling", "empty"),
             120)
    rest(0.5)


def training(window: MainWindow, **changes: object) -> Graph:
    """The document's graph, trained otherwise."""
    graph = window.document.graph
    return graph.with_training(msgspec.structs.replace(graph.training, **changes))


def activation(graph: Graph, name: str) -> Graph:
    """Every hidden layer with this activation."""
    for node in graph.nodes:
        layer = node.layer
        if isinstance(layer, Layer) and getattr(layer, "activation", "identity") != "identity":
            graph = graph.with_layer(node.id, layer.with_settings(activation=name))
    return graph


def running(window: MainWindow) -> None:
    """A moment of training: still running when the picture is taken."""
    window.bridge.run()
    rest(4)


def inside_backward(window: MainWindow) -> None:
    run(window, 60)
    window.document.select({"conv_2"})
    window.bridge.run_to("conv_2", "backward")
    rest(0.8)


def shape_error(window: MainWindow) -> None:
    run(window, 40)
    graph = window.document.graph
    last = graph.node("flatten_1")
    layer = make_layer("conv2d", {"channels": 12})
    graph = graph.with_node(layer, last.x - 40, last.y + 176)
    new = graph.nodes[-1].id
    edit(window, graph.connect("flatten_1", new))
    window.document.select({new})
    window.canvas.fit()
    rest(0.5)


def diverged(window: MainWindow) -> None:
    graph = training(window, optimizer=SGD(learning_rate=50.0, momentum=0.9), clipping=Clipping())
    edit(window, activation(graph, "leaky_relu"))
    window.bridge.run()
    spin(lambda: window.bridge.snapshot.state == "diverged", 20)
    rest(0.5)


def vanishing(window: MainWindow) -> None:
    run(window, 400)


def exploding(window: MainWindow) -> None:
    edit(window, training(window, optimizer=SGD(learning_rate=0.6, momentum=0.9),
                          clipping=Clipping()))
    run(window, 300)


def clipped(window: MainWindow) -> None:
    edit(window, training(window, clipping=Clipping(mode="global_norm", threshold=0.5)))
    run(window, 300)


def confusion(window: MainWindow) -> None:
    run(window, 300)
    window.document.select({"conv_1"})
    rest(0.5)


def empty(window: MainWindow) -> None:
    edit(window, Graph())


def through_time(graph: Graph, node: str, steps: int, panel: str) -> Scene:
    """A network of sequences, trained a little, with this node chosen and this panel in front."""
    def scene(window: MainWindow) -> None:
        edit(window, graph)
        window.document.select({node})
        window.docks.open(panel)
        window.canvas.fit()
        run(window, steps)
        rest(0.5)

    return scene


def inside_time(window: MainWindow) -> None:
    """Stopped at a time step on the way back."""
    through_time(time_graphs.adding(steps=30), "lstm_1", 200, "through_time")(window)
    window.bridge.run_to("lstm_1", "backward")
    rest(0.5)
    for _ in range(16):
        window.bridge.step("instruction")
        rest(0.1)


def stopped(window: MainWindow) -> None:
    """At a breakpoint, with another one in the same node."""
    program = window.bridge.snapshot.program
    assert program is not None
    for phase in ("forward", "backward"):
        window.bridge.toggle_stop(program.index_of("dense_2", phase))
    window.docks.open("program")
    window.bridge.run()
    rest(1.5)


def compared(window: MainWindow) -> None:
    """Two variations train beside the network, and what it was itself."""
    window.docks.open("compare")
    for chip in window.variations.chips[:2]:
        chip.click()
    run(window, 2000)
    window.compare.keep_button.click()
    rest(1)


def broken_data(window: MainWindow) -> None:
    """The file of the data has gone; the node offers the ways out."""
    graph, old = window.document.graph, window.document.graph.node("spiral_1")
    graph = graph.without([old.id]).with_node(
        make_layer("file", {"path": "points of the summer.csv"}), old.x, old.y)
    edit(window, graph.connect("file_1", "dense_1"))
    window.document.select({"file_1"})
    window.docks.open("inspector")
    window.canvas.fit()
    rest(0.5)


def _in_both_modes(name: str, scene: Scene, size: tuple[int, int] = (1600, 1000)
                   ) -> dict[str, tuple[str, Mode, tuple[int, int], Scene]]:
    return {f"{name}{end}": ("mlp-spiral", mode, size, scene)
            for end, mode in (("", "dark"), ("-light", "light"))}


SCENES: dict[str, tuple[str, Mode, tuple[int, int], Scene]] = {
    "first-start": ("mlp-spiral", "dark", (1600, 1000), lambda window: rest(1)),
    "first-start-light": ("mlp-spiral", "light", (1600, 1000), lambda window: rest(1)),
    "spiral-training": ("mlp-spiral", "dark", (1600, 1000), running),
    "cnn-training": ("cnn-digits", "light", (1600, 1000), running),
    "inside-backward": ("lenet5", "dark", (1600, 1000), inside_backward),
    "inside-backward-light": ("lenet5", "light", (1600, 1000), inside_backward),
    "shape-error": ("lenet5", "dark", (1600, 1000), shape_error),
    "diverged": ("mlp-digits", "light", (1600, 1000), diverged),
    "vanishing": ("deep-sigmoid", "dark", (1600, 1000), vanishing),
    "exploding": ("deep-relu", "light", (1600, 1000), exploding),
    "clipped": ("mlp-spiral", "dark", (1600, 1000), clipped),
    "small": ("cnn-digits", "dark", SMALL, confusion),
    "small-light": ("cnn-digits", "light", SMALL, confusion),
    "empty": ("mlp-spiral", "light", (1600, 1000), empty),
    **_in_both_modes("through-time", through_time(
        time_graphs.adding(steps=30, truncate=10), "lstm_1", 400, "through_time")),
    **_in_both_modes("through-time-gru", through_time(
        time_graphs.slots(), "gru_1", 60, "through_time")),
    **_in_both_modes("attention", through_time(
        time_graphs.attending(), "attention_1", 400, "through_time")),
    **_in_both_modes("words", through_time(time_graphs.slots(), "gru_1", 60, "output")),
    **_in_both_modes("forecast", through_time(time_graphs.waves(), "elman_1", 60, "output")),
    **_in_both_modes("forecast-last", through_time(
        time_graphs.waves("last"), "elman_1", 60, "output")),
    **_in_both_modes("inside-time", inside_time),
    **_in_both_modes("breakpoint", stopped, SMALL),
    **_in_both_modes("compare", compared, SMALL),
    **_in_both_modes("broken-data", broken_data, SMALL),
}
TWICE = ("spiral-training", "inside-backward-light")
"""Rendered at a scale of 2 as well."""


def shoot(name: str, out: Path) -> None:
    example, mode, size, scene = SCENES[name]
    scale = "@2x" if os.environ.get("QT_SCALE_FACTOR") == "2" else ""
    with tempfile.TemporaryDirectory() as folder:
        window = open_window(example, Path(folder), mode, size,
                             full_speed=not name.startswith("first-start"))
        scene(window)
        window.grab().save(str(out / f"{name}{scale}.png"))
        close(window)


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "tour")
    out.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:] or list(SCENES)
    if len(names) == 1:
        shoot(names[0], out)
        return
    # A process each: every picture is that of a newly started window.
    for name in names:
        for scale in ("1", "2") if name in TWICE else ("1",):
            subprocess.run([sys.executable, __file__, str(out), name], check=True,
                           env={**os.environ, "QT_SCALE_FACTOR": scale})
            sys.stdout.write(f"{name} {scale}x\n")


if __name__ == "__main__":
    main()
