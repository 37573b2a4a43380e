"""The window with the real engine: building, training, saving, and going on after reopening."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from playground import document as store
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.state import SavedState
from tests.drive import close, double_click, open_window, opened, spin
from ui.main_window import MainWindow
from ui.views.feature_maps import FeatureMapsView
from ui.views.gradients import GradientsView
from ui.views.listing import ListingView
from ui.views.listing_model import OPERATION
from ui.views.operations import measures


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    with opened("mlp-spiral", tmp_path) as made:
        yield made


def wait(window: MainWindow, what: object) -> None:
    assert spin(what, 30), window.bridge.snapshot  # type: ignore[arg-type]


def weights(window: MainWindow) -> SavedState:
    saved = window.bridge.asked_state().wait(10)
    assert saved is not None
    return saved[0]


def train(window: MainWindow, steps: int) -> None:
    window.bridge.run_until(step=steps)
    wait(window, lambda: window.bridge.snapshot.step == steps
         and window.bridge.snapshot.state == "paused")


def test_saved_closed_reopened_and_going_on(window: MainWindow, tmp_path: Path) -> None:
    train(window, 300)
    path = tmp_path / "mine.playground"
    window.files.prepared(path).ready()()
    train(window, 500)
    straight = weights(window)
    assert window.files._open(path)
    wait(window, lambda: window.bridge.snapshot.step == 300
         and window.bridge.snapshot.state == "paused")
    train(window, 500)
    again = weights(window)
    for name, values in straight.parameters.items():
        np.testing.assert_array_equal(values, again.parameters[name])


def test_a_document_that_cannot_train_keeps_its_weights(
        window: MainWindow, tmp_path: Path) -> None:
    train(window, 50)
    trained = weights(window)
    path = tmp_path / "broken.playground"
    graph = window.document.graph
    loss = next(n.id for n in graph.nodes if n.layer.kind == "softmax_cross_entropy")
    store.save(path, graph.without([loss]), trained, None, None)
    assert window.files._open(path)
    again = tmp_path / "again.playground"
    window.files.prepared(again).ready()()
    kept = store.load(again).state
    assert kept is not None
    for name, values in trained.parameters.items():
        np.testing.assert_array_equal(values, kept.parameters[name])


def test_the_threshold_is_drawn_where_it_is_now(window: MainWindow) -> None:
    train(window, 50)
    view = window.views["gradients"]
    training = window.document.graph.training
    assert isinstance(view, GradientsView)
    assert view.plot.gutter.labels[0].text == "clip 1"
    window.document.edit("Clip", window.document.graph.with_training(msgspec.structs.replace(
        training, clipping=msgspec.structs.replace(training.clipping, threshold=0.25))))
    window.bridge.step("batch")
    wait(window, lambda: view.plot.gutter.labels[0].text == "clip 0.25")


def test_a_node_put_aside_does_not_disturb_the_training(window: MainWindow) -> None:
    train(window, 100)
    program = window.bridge.snapshot.program
    graph: Graph = window.document.graph.with_node(make_layer("conv2d", {}), 0, 400)
    window.document.edit("Add", graph)
    window.bridge.step("batch")
    wait(window, lambda: window.bridge.snapshot.step == 101)
    assert window.bridge.snapshot.program is program


def test_deleting_a_layer_and_undoing_brings_its_weights_back(window: MainWindow) -> None:
    train(window, 200)
    before = weights(window).parameters["dense_2.w"]
    graph = window.document.graph
    without = graph.without(["dense_2"]).connect("dense_1", "dense_3")
    window.document.edit("Delete", without)
    wait(window, lambda: window.bridge.snapshot.program is not None
         and "dense_2" not in window.bridge.snapshot.program.check.used)
    window.document.stack.undo()
    wait(window, lambda: window.bridge.snapshot.program is not None
         and "dense_2" in window.bridge.snapshot.program.check.used)
    np.testing.assert_array_equal(weights(window).parameters["dense_2.w"], before)


def test_a_double_click_in_the_listing_runs_to_that_instruction(window: MainWindow) -> None:
    train(window, 10)
    view = window.views["program"]
    assert isinstance(view, ListingView)
    window.docks.open("program")
    wait(window, lambda: view.list.isVisible() and view.model.rowCount())
    instructions = view.model.instructions
    # The last of several of one layer and phase, then one of no layer.
    of_a_layer = max(i for i, x in enumerate(instructions)
                     if (x.node, x.phase) == ("dense_2", "backward") and not measures(x))
    of_none = next(i for i, x in enumerate(instructions) if x.node is None and i > of_a_layer)
    for at in (of_a_layer, of_none):
        row = view.model.row_of(at)
        assert row is not None
        index = view.model.index(row, OPERATION)
        view.list.scrollTo(index)
        double_click(view.list, index)
        wait(window, lambda at=at: window.bridge.snapshot.position == at)
        assert window.bridge.snapshot.step == 10


def test_a_data_file_that_has_moved_is_told_on_its_node_alone(
        window: MainWindow, tmp_path: Path) -> None:
    data = tmp_path / "points.csv"
    data.write_text("a,b,kind\n" + "".join(f"{i},{-i},{'xy'[i % 2]}\n" for i in range(40)))
    graph = window.document.graph.without(["spiral_1"]).with_node(
        make_layer("file", {"path": str(data)})).connect("file_1", "dense_1")
    window.document.edit("Own data", graph)
    wait(window, lambda: window.bridge.snapshot.program is not None
         and "file_1" in window.bridge.snapshot.program.check.used)
    data.unlink()
    path = tmp_path / "moved.playground"
    store.save(path, graph, None, None, None)
    assert window.files._open(path)
    seen = window.bridge.snapshot
    spin(lambda: window.bridge.snapshot is not seen, 1)
    assert "points.csv" in window.document.check.errors["file_1"]
    assert window.canvas.canvas.nodes["file_1"].error


def test_reset_leaves_no_picture_of_what_was(qapp: QApplication, tmp_path: Path) -> None:
    window = open_window("cnn-digits", tmp_path)
    window.docks.open("feature_maps")
    maps = window.views["feature_maps"]
    assert isinstance(maps, FeatureMapsView)
    train(window, 30)
    nodes = window.canvas.canvas.nodes
    learning = [id for id in nodes if id.startswith(("conv", "pool", "dense"))]
    wait(window, lambda: all(nodes[id].images for id in learning))
    wait(window, lambda: maps.maps.isVisible())
    maps.maps.grid.enlarge(2)
    maps.refresh()
    window.bridge.reset()
    wait(window, lambda: window.bridge.snapshot.step == 0)
    wait(window, lambda: not any(nodes[id].images for id in learning))
    assert nodes["digits_1"].images
    wait(window, lambda: maps.filters.isVisible() and not maps.maps.isVisible())
    maps.parts["maps"].trigger()
    wait(window, lambda: "Press Run" in maps.empty_text)
    window.bridge.step("batch")
    wait(window, lambda: maps.maps.isVisible() and all(nodes[id].images for id in learning))
    close(window)
    window.deleteLater()
