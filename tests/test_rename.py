"""A node that is called otherwise is the same node: nothing that it learned is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from playground import document as store
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.session import Session
from playground.state import SavedState
from playground.training import Clipping
from tests.drive import opened, spin
from tests.sketch import dense, spiral
from ui.canvas import editing
from ui.main_window import MainWindow

# -- the graph ------------------------------------------------------------------------------------


def test_a_rename_is_told_from_the_values() -> None:
    graph = spiral(dense(4))
    renamed = graph.renamed("dense_1", "hidden")
    assert renamed.renamings_since(graph) == {"dense_1": "hidden"}
    assert graph.renamings_since(renamed) == {"hidden": "dense_1"}


def test_other_edits_are_no_renames() -> None:
    graph = spiral(dense(4))
    layer = make_layer("dense", {"units": 5})
    replaced = graph.without(["dense_1"]).with_node(layer, id="hidden")
    for other in (replaced, graph.with_layer("dense_1", layer), graph.with_node(layer),
                  graph.moved({"dense_1": (9, 9)}), Graph()):
        assert other.renamings_since(graph) == {}


# -- the session ----------------------------------------------------------------------------------


@pytest.mark.parametrize("instructions", [0, 21])
def test_the_past_comes_along(instructions: int) -> None:
    graph = spiral(dense(5), dense(4))
    old, straight = Session(graph), Session(graph)
    for session in (old, straight):
        session.run(40)
        session.advance(instructions)
    new = Session(graph.renamed("dense_1", "hidden"))
    assert new.inherit(old)
    assert (new.step, new.position) == (straight.step, straight.position)
    assert new.measured("hidden.grad_norm") == straight.measured("dense_1.grad_norm")
    np.testing.assert_array_equal(new.history.view().mean("hidden.grad_norm"),
                                  straight.history.view().mean("dense_1.grad_norm"))
    for session in (new, straight):
        assert session.can_step_back
        assert session.back("batch")
        assert session.back("epoch")
        session.run(30)
    assert new.arena.state.tobytes() == straight.arena.state.tobytes()


def test_another_network_is_not_gone_on_with() -> None:
    old = Session(spiral(dense(5)))
    old.run(3)
    for graph in (spiral(dense(6)), spiral(dense(5, "relu")),
                  spiral(dense(5), clipping=Clipping(mode="value", threshold=1.0))):
        session = Session(graph)
        assert not session.inherit(old)
        assert session.step == 0


def test_what_a_deleted_node_left_does_not_hide_its_heir() -> None:
    values = {name: np.full(2, number, np.float32)
              for number, name in enumerate(("a.w", "b.w", "loss"))}
    state = SavedState(step=1, parameters=values, optimizer=values, running=values)
    renamed = state.renamed({"b": "a"})
    assert {name: array[0] for name, array in renamed.parameters.items()} == {"a.w": 1, "loss": 2}
    swapped = state.renamed({"a": "b", "b": "a"})
    assert {name: array[0] for name, array in swapped.optimizer.items()} == {
        "b.w": 0, "a.w": 1, "loss": 2}


# -- the window -----------------------------------------------------------------------------------


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    with opened("mlp-spiral", tmp_path) as made:
        made.bridge.run_until(step=200)
        wait(made, lambda: made.bridge.snapshot.step == 200
             and made.bridge.snapshot.state == "paused")
        yield made


def wait(window: MainWindow, what: object) -> None:
    assert spin(what, 30), window.bridge.snapshot  # type: ignore[arg-type]


def saved(window: MainWindow) -> SavedState:
    found = window.bridge.asked_state().wait(10)
    assert found is not None
    return found[0]


def shows(window: MainWindow, node: str) -> None:
    """Wait until the engine has the network with this node."""
    wait(window, lambda: (program := window.bridge.snapshot.program) is not None
         and node in program.check.used)


def test_a_rename_and_its_undo_keep_all_that_was_learned(window: MainWindow) -> None:
    before, history = saved(window), window.bridge.snapshot.history
    assert history is not None
    assert editing.rename(window.document, "dense_1", "hidden")
    shows(window, "hidden")
    after, snapshot = saved(window), window.bridge.snapshot
    assert after.same_as(before.renamed({"dense_1": "hidden"}))
    assert snapshot.step == 200
    assert snapshot.can_step_back
    assert snapshot.history is not None
    np.testing.assert_array_equal(snapshot.history.mean("hidden.grad_norm"),
                                  history.mean("dense_1.grad_norm"))
    window.document.stack.undo()
    shows(window, "dense_1")
    assert saved(window).same_as(before)
    assert window.bridge.snapshot.can_step_back


def test_a_rename_while_nothing_can_run_is_remembered(window: MainWindow, tmp_path: Path) -> None:
    before = saved(window)
    graph = window.document.graph
    cut = next(edge for edge in graph.edges if edge.target == "dense_2")
    editing.disconnect(window.document, cut)
    editing.rename(window.document, "dense_1", "first")
    editing.rename(window.document, "first", "hidden")
    path = tmp_path / "cut.playground"
    window.files.prepared(path)()
    kept = store.load(path).state
    assert kept is not None
    np.testing.assert_array_equal(kept.parameters["hidden.w"], before.parameters["dense_1.w"])
    window.document.stack.setIndex(window.document.stack.index() - 1)
    editing.connect(window.document, type(cut)("first", 0, "dense_2", 0))
    shows(window, "first")
    assert saved(window).same_as(before.renamed({"dense_1": "first"}))


def test_a_document_that_cannot_train_yet_can_be_renamed_in(
        window: MainWindow, tmp_path: Path) -> None:
    trained, graph = saved(window), window.document.graph
    loss = next(n.id for n in graph.nodes if n.layer.kind == "softmax_cross_entropy")
    path = tmp_path / "broken.playground"
    store.save(path, graph.without([loss]), trained, None, None)
    window.bridge.training_seconds = 0
    assert window.files._open(path)
    editing.rename(window.document, "dense_1", "hidden")
    np.testing.assert_array_equal(saved(window).parameters["hidden.w"],
                                  trained.parameters["dense_1.w"])
    last = window.document.graph.order()[-1].id
    with_loss = window.document.graph.with_node(make_layer("softmax_cross_entropy", {}), 900, 0)
    window.document.edit("Add", with_loss.connect(last, with_loss.nodes[-1].id))
    shows(window, "hidden")
    np.testing.assert_array_equal(saved(window).parameters["hidden.w"],
                                  trained.parameters["dense_1.w"])
