"""Numbers that are older than, or foreign to, what stands beside them: they say so, or go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.graph import Graph
from playground.layers.base import make_layer
from playground.snapshot import Snapshot
from playground.training import SGD
from tests.drive import opened, spin
from ui.main_window import MainWindow
from ui.status_bar import _metric
from ui.views.base import View
from ui.views.header import Chip


@pytest.fixture(scope="module")
def window(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    """At step 40, for all tests: each leaves it as it was."""
    with opened("mlp-spiral", tmp_path_factory.mktemp("window")) as made:
        made.bridge.run_until(step=40)
        assert spin(lambda: made.bridge.snapshot.step == 40 and not made.bridge.running, 30)
        yield made


def told(view: View) -> str:
    """What the header tells to eyes and ears: of the note and the chips, not of the controls."""
    header = view.header
    return "".join(
        [header.note.text() + header.note.accessibleName() + header.note.toolTip()]
        + [chip.accessibleName() + chip.toolTip() for chip in header.findChildren(Chip)
           if chip.isVisible()])


def painted(chip: Chip) -> bool:
    """Whether anything of a chip can be seen."""
    image = chip.grab().toImage()
    return len({image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}) > 1


def test_a_chip_can_be_veiled_and_keeps_its_place(qtbot: QtBot) -> None:
    chip = Chip()
    qtbot.addWidget(chip)
    chip.show_text("val 97 %", "healthy", "of all samples")
    size = chip.sizeHint()
    chip.resize(size)
    assert painted(chip)
    chip.veil(True)
    chip.show_text("val 98 %", "healthy", "of all samples")
    assert not painted(chip)
    assert not chip.accessibleName() + chip.toolTip()
    assert chip.sizeHint() == size
    chip.veil(False)
    assert painted(chip)
    assert chip.accessibleName() == "val 98 %"


def train_faster(window: MainWindow, rate: float) -> None:
    graph = window.document.graph
    window.document.edit("Rate", graph.with_training(msgspec.structs.replace(
        graph.training, optimizer=SGD(learning_rate=rate, momentum=0.9))))


def test_without_nodes_nothing_is_shown_of_the_last_network(window: MainWindow) -> None:
    loss, drawn = window.views["loss"], window.document.graph
    assert not loss.empty_text
    window.document.edit("Delete all", Graph())
    assert loss.empty_text
    assert window.bridge.snapshot.program is None
    window.document.stack.undo()
    assert window.document.graph == drawn
    assert not loss.empty_text
    assert window.bridge.snapshot.step == 40


def test_panels_are_dimmed_while_they_show_another_network(window: MainWindow) -> None:
    loss, scene = window.views["loss"], window.canvas.canvas
    assert {"loss", "gradients", "output"} <= {v.name for v in window._following if told(v)}
    graph = window.document.graph
    assert spin(lambda: scene.has_thumbnail("dense_1"), 10)
    wide = make_layer("dense", {"units": 3})
    window.document.edit("Cut", graph.with_layer("dense_1", wide).without(["loss_1"]))
    assert window.bridge.differs
    assert spin(lambda: window.bridge.outdated, 5)
    assert loss._veil.isVisible()
    assert loss._veil.size() == loss._veil._over.size()
    assert all(not told(view) for view in window._following), "nor do numbers in headers"
    assert not scene.has_thumbnail("dense_1"), "what it shows is of eight units"
    assert scene.has_thumbnail("dense_2"), "this one is as it was"
    window.document.stack.undo()
    assert spin(lambda: not window.bridge.outdated, 5)
    assert not loss._veil.isVisible()
    assert "train" in told(loss)


def test_numbers_of_the_training_are_not_another_network(window: MainWindow) -> None:
    seen: list[bool] = []
    window.bridge.outdated_changed.connect(seen.append)
    train_faster(window, 0.5)
    assert not window.bridge.differs
    assert spin(lambda: window.bridge.snapshot.training == window.document.graph.training, 10)
    assert not seen
    window.document.stack.undo()


@pytest.mark.parametrize(("state", "step", "at", "text"), [
    ("paused", 500, 500, "val accuracy 98.6 %"),
    ("paused", 501, 500, "val accuracy 98.6 % (step 500)"),
    ("diverged", 9000, 500, "val accuracy 98.6 % (step 500)"),
    ("running", 934, 0, "val accuracy 98.6 % (step 0)"),
    ("running", 934, 900, "val accuracy 98.6 %"),
    ("running", 934, None, "val accuracy 98.6 %")])
def test_an_old_validation_says_of_which_step_it_is(
        state: str, step: int, at: int | None, text: str) -> None:
    assert _metric(Snapshot(state=state, step=step, metric_name="accuracy",  # type: ignore[arg-type]
                            validation_metric=0.986, validation_step=at)) == text


def test_what_was_never_validated_is_not_called_nan(window: MainWindow) -> None:
    seen = window.bridge.snapshot
    assert seen.history is not None
    none = np.empty(0)
    never = replace(seen, validation_loss=np.nan, validation_metric=np.nan, history=replace(
        seen.history, validation_step=none, validation_loss=none, validation_metric=none))
    assert _metric(never) == ""
    nan = np.array([np.nan])
    assert "NaN" in _metric(replace(never, history=replace(
        seen.history, validation_step=np.zeros(1), validation_loss=nan, validation_metric=nan)))


def test_a_pause_validates(window: MainWindow) -> None:
    assert window.bridge.snapshot.validation_step == window.bridge.snapshot.step == 40
    assert "step" not in _metric(window.bridge.snapshot)


def test_one_validation_is_no_curve(window: MainWindow) -> None:
    loss = window.views["loss"]
    window.bridge.reset()
    assert spin(lambda: window.bridge.snapshot.step == 0
                and window.bridge.snapshot.state == "paused", 10)
    assert loss.empty_text, "a dash at step 0 is no loss yet"
    history = window.bridge.snapshot.history
    assert history is not None
    assert np.array_equal(history.validation_step, [0])
    window.bridge.step("batch")
    assert spin(lambda: window.bridge.snapshot.step == 1, 10)
    assert not loss.empty_text


def test_speed_is_that_of_the_open_network(window: MainWindow) -> None:
    engine = window.bridge._engine
    assert engine is not None
    assert engine._trainer._rate.value() > 0
    window.document.edit("Wide", window.document.graph.with_layer(
        "dense_1", make_layer("dense", {"units": 9})))
    assert spin(lambda: not window.bridge.differs, 30)
    assert engine._trainer._rate.value() == 0
