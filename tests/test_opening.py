"""Examples in the real window with the real engine: they open, show their panels, and train."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from playground.examples import EXAMPLES
from tests.drive import opened, spin
from ui.main_window import MainWindow

SAMPLE = ("mlp-spiral", "local-minima", "deep-sigmoid", "conv-matrix", "gradient-descent",
          "lstm-by-hand", "sine", "char-lstm", "autoencoder", "gan")
"""Quick ones; between them, one for each kind of panel that an example puts in front, but for
those that look at a large convolution."""
LEFT_OUT = {"excitation"}


@pytest.fixture(scope="module")
def window(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    """One for all of them, as a user has."""
    with opened(None, tmp_path_factory.mktemp("window"), (1280, 800)) as made:
        yield made


def test_the_sample_has_one_of_each_panel() -> None:
    panels = {panel for example in EXAMPLES.values() for panel in example.panels}
    assert panels - LEFT_OUT - {"feature_maps"} == {
        panel for name in SAMPLE for panel in EXAMPLES[name].panels}


@pytest.mark.parametrize("name", SAMPLE)
def test_opens_and_trains(window: MainWindow, name: str) -> None:
    def stands_after(steps: int) -> bool:
        snapshot = window.bridge.snapshot
        return (snapshot.program is not None and snapshot.state == "paused"
                and snapshot.program.graph == window.document.graph and snapshot.step >= steps)

    example = EXAMPLES[name]
    window.files.show_example(example)
    assert len(window.canvas.canvas.nodes) == len(set(example.graph.drawn().values()))
    assert spin(lambda: stands_after(0), 60), window.bridge.snapshot
    first = window.bridge.snapshot.step
    window.bridge.step("batch")
    assert spin(lambda: stands_after(first + 1), 60), window.bridge.snapshot
    assert np.isfinite(window.bridge.snapshot.history.values[-1]).any()
    for panel in example.panels:
        view = window.views[panel]
        assert spin(lambda view=view: view.isVisible() and not view.missing(
            window.bridge.snapshot), 10), panel
        assert spin(lambda view=view: drawn(view) > 1, 10), f"{panel} is blank"


def drawn(view: object) -> int:
    """How many colours there are in what a panel shows."""
    image = view.body.grab().toImage().scaled(200, 120)  # type: ignore[attr-defined]
    return len({image.pixel(x, y) for x in range(0, 200, 3) for y in range(0, 120, 3)})
