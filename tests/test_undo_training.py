"""An edit can be undone with all that it took: what the network had learned comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from playground import shelf
from playground.engine import Engine
from playground.graph import Graph
from playground.history import HistoryView
from playground.layers.base import make_layer
from playground.optimizers import Adam
from playground.session import Session
from playground.state import SavedState
from playground.training import SGD, Clipping
from tests.drive import opened, spin
from tests.sketch import dense, spiral
from tests.waiting import running_engine, wait
from ui.main_window import MainWindow

HIDDEN = ("dense_1", "dense_2")


@pytest.fixture
def engine() -> Iterator[Engine]:
    yield from running_engine()


def network() -> Graph:
    return spiral(dense(4), dense(5))


def wider(graph: Graph, node: str = "dense_1", units: int = 6) -> Graph:
    layer = graph.node(node).layer.with_settings(units=units)  # type: ignore[union-attr]
    return graph.with_layer(node, layer)


def load(engine: Engine, graph: Graph) -> None:
    engine.load(graph)
    assert engine.ask(lambda session: session.graph == graph, 60)


def train(engine: Engine, step: int) -> None:
    engine.run_until(step=step)
    wait(engine, lambda s: s.step == step and s.state == "paused")


def saved(engine: Engine) -> tuple[SavedState, HistoryView]:
    found = engine.saved_state()
    assert found is not None
    assert found[1] is not None
    return found[0], found[1]


def same(a: SavedState, b: SavedState, node: str) -> bool:
    """Whether a node's weights are the same."""
    return all(np.array_equal(values, b.parameters[name]) for name, values in a.parameters.items()
               if name.startswith(f"{node}."))


# -- right after it -------------------------------------------------------------------------------


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("instructions", [0, 17])
def test_right_after_an_edit_everything_comes_back(
        engine: Engine, monkeypatch: pytest.MonkeyPatch, alive: bool, instructions: int) -> None:
    if not alive:
        monkeypatch.setattr(shelf, "MOST_ALIVE", 0)
    graph = network()
    load(engine, graph)
    train(engine, 40)
    for _ in range(instructions):
        engine.step("instruction")
    state, history = saved(engine)
    load(engine, wider(graph))
    assert not same(saved(engine)[0], state, "dense_1")
    load(engine, graph)
    again, past = saved(engine)
    assert again.same_as(state)
    assert again.position == instructions
    assert past.columns == history.columns
    np.testing.assert_array_equal(past.values, history.values)
    engine.step("batch")
    straight = Session(graph)
    straight.run(40)
    straight.advance(instructions)
    straight.forward_to("batch")
    assert saved(engine)[0].same_as(straight.saved_state())


def test_one_can_still_step_back_behind_the_edit(engine: Engine) -> None:
    graph = network()
    load(engine, graph)
    train(engine, 40)
    load(engine, wider(graph))
    load(engine, graph)
    engine.back("batch")
    assert wait(engine, lambda s: s.step == 39).can_step_back


def test_another_optimizer_and_back_keeps_the_velocity(engine: Engine) -> None:
    graph = network()
    load(engine, graph)
    train(engine, 40)
    state, _ = saved(engine)
    adam = Adam(learning_rate=0.01)
    engine.set_training(spiral(optimizer=adam).training)
    wait(engine, lambda s: s.program is not None and s.program.graph.training.optimizer == adam)
    engine.set_training(graph.training)
    wait(engine, lambda s: s.program is not None and s.program.graph.training == graph.training)
    assert saved(engine)[0].same_as(state)


def test_another_batch_size_leaves_the_epochs_as_many_as_they_were(engine: Engine) -> None:
    graph = network()
    load(engine, graph)
    per_epoch = engine.ask(lambda session: session.program.batches_per_epoch)
    assert per_epoch is not None
    train(engine, 3 * per_epoch)
    engine.set_training(spiral(batch=7).training)
    wait(engine, lambda s: s.batches_per_epoch not in (0, per_epoch) and s.epoch == 3)
    engine.step("epoch")
    after = wait(engine, lambda s: s.state == "paused" and s.step > 3 * per_epoch)
    assert (after.epoch, after.batch_in_epoch) == (4, 0)
    assert after.step == 3 * per_epoch + after.batches_per_epoch


def test_numbers_changed_since_then_hold(engine: Engine) -> None:
    graph = network()
    load(engine, graph)
    train(engine, 5)
    load(engine, wider(graph))
    slower = spiral(optimizer=SGD(learning_rate=0.01, momentum=0.9)).training
    load(engine, graph.with_training(slower))
    rate = engine.ask(lambda session: float(session.values("training.learning_rate")[0]))
    assert rate == pytest.approx(0.01)


def test_a_network_that_diverged_is_so_again(engine: Engine) -> None:
    graph = spiral(dense(4, "relu"), optimizer=SGD(learning_rate=1e25),
                   clipping=Clipping(mode="off"))
    load(engine, graph)
    engine.run()
    message = wait(engine, lambda s: s.state == "diverged").message
    load(engine, wider(graph))
    load(engine, graph)
    assert wait(engine, lambda s: s.state == "diverged").message == message


def test_edits_in_a_row_and_their_undos_end_where_they_began(engine: Engine) -> None:
    graph = network()
    load(engine, graph)
    train(engine, 30)
    state, _ = saved(engine)
    edits = [graph, wider(graph), wider(wider(graph), "dense_2", 3)]
    edits.append(edits[-1].without(["dense_2"]).connect("dense_1", "dense_3"))
    for step in edits[1:] + edits[::-1] + edits[1:] + edits[::-1]:
        load(engine, step)
    assert saved(engine)[0].same_as(state)


def test_a_redo_brings_back_what_was_learned_after_the_edit(engine: Engine) -> None:
    graph, edited = network(), wider(network())
    load(engine, graph)
    train(engine, 30)
    load(engine, edited)
    train(engine, 60)
    state, _ = saved(engine)
    load(engine, graph)
    load(engine, edited)
    assert saved(engine)[0].same_as(state)


def test_a_rename_between_an_edit_and_its_undo(engine: Engine) -> None:
    graph = network()
    load(engine, graph)
    train(engine, 30)
    state, _ = saved(engine)
    named = graph.renamed("dense_1", "hidden")
    engine.load(named, renamed={"dense_1": "hidden"})
    load(engine, wider(named, "hidden"))
    load(engine, named)
    engine.load(graph, renamed={"hidden": "dense_1"})
    assert saved(engine)[0].same_as(state)
    engine.back("batch")
    wait(engine, lambda s: s.step == 29)


# -- after more training --------------------------------------------------------------------------


def test_after_more_training_what_fits_stays_new_and_the_rest_comes_back(engine: Engine) -> None:
    graph = spiral(dense(4), dense(5), dense(5))
    load(engine, graph)
    train(engine, 30)
    before, _ = saved(engine)
    load(engine, wider(graph))
    train(engine, 60)
    newer, _ = saved(engine)
    load(engine, graph)
    after, history = saved(engine)
    assert after.step == 60
    assert history.step[-1] == 60
    for node in HIDDEN:
        assert same(before, after, node), "its shapes had changed"
    for node in ("dense_3", "dense_4"):
        assert same(newer, after, node)
        assert not same(before, after, node)
    assert after.optimizer.keys() == before.optimizer.keys()
    name = next(name for name in before.optimizer if name.startswith("dense_1."))
    np.testing.assert_array_equal(after.optimizer[name], before.optimizer[name])


def test_a_network_with_nothing_in_common_leaves_all_as_it_was(engine: Engine) -> None:
    graph = spiral(dense(4))
    load(engine, graph)
    train(engine, 30)
    state, _ = saved(engine)
    load(engine, spiral(dense(7), classes=3))
    train(engine, 10)
    load(engine, graph)
    assert saved(engine)[0].same_as(state)


def test_reset_and_another_document_forget_it(engine: Engine) -> None:
    graph = network()
    fresh = Session(graph).saved_state()
    for forget in (engine.reset, engine.unload):
        load(engine, graph)
        train(engine, 30)
        load(engine, wider(graph))
        forget()
        load(engine, graph)
        assert saved(engine)[0].same_as(fresh)
        engine.unload()


def test_the_oldest_is_forgotten_first(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = network()
    size = Session(graph).saved_state().nbytes
    monkeypatch.setattr(shelf, "MOST_BYTES", 2.5 * size)
    networks = [wider(graph, units=units) for units in (6, 7, 8)]
    for number, each in enumerate([graph, *networks], 1):
        load(engine, each)
        train(engine, 10 * number)
    kept = engine._trainer._loader._shelf._kept
    assert [k.session for k in kept] == [None] * len(kept)
    assert len(kept) < 3
    assert kept[-1].saved.step == 30


# -- any walk -------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["units", "units_2", "delete", "batch", "undo", "redo", "train",
                                 "part"]), min_size=4, max_size=14))
def test_the_way_back_never_loses_what_was_learned(walk: list[str]) -> None:
    """All edits undone at the end: where nothing has trained, bit for bit what it was; and however
    much has, no node begins anew.
    """
    engine = Engine()
    engine.start()
    try:
        graphs, at = [network()], 0
        load(engine, graphs[0])
        train(engine, 3)
        before, has_trained = saved(engine)[0], False
        for act in walk:
            if act == "train":
                train(engine, saved(engine)[0].step + 2)
                has_trained = True
            elif act == "part":
                engine.step("layer")
                has_trained = True
            elif act in ("undo", "redo"):
                at = max(0, at - 1) if act == "undo" else min(len(graphs) - 1, at + 1)
                load(engine, graphs[at])
            else:
                graphs = [*graphs[:at + 1], _edited(graphs[at], act)]
                at += 1
                load(engine, graphs[at])
        load(engine, graphs[0])
        end = saved(engine)[0]
        assert end.parameters.keys() == before.parameters.keys()
        if not has_trained:
            assert end.same_as(before)
        fresh = Session(graphs[0]).saved_state()
        for node in (*HIDDEN, "dense_3"):
            assert not same(end, fresh, node), f"{node} has begun anew"
    finally:
        engine.quit()


def _edited(graph: Graph, act: str) -> Graph:
    match act:
        case "units":
            return wider(graph, "dense_1", graph.node("dense_1").layer.units % 5 + 3)  # type: ignore
        case "units_2" if "dense_2" in graph:
            return wider(graph, "dense_2", graph.node("dense_2").layer.units % 5 + 3)  # type: ignore
        case "delete" if "dense_2" in graph:
            return graph.without(["dense_2"]).connect("dense_1", "dense_3")
        case "delete" | "units_2":
            edge = next(edge for edge in graph.edges if edge.target == "dense_3")
            layer = make_layer("dense", {"units": 4})
            graph = graph.without_edges([edge]).with_node(layer, id="dense_2")
            return graph.connect("dense_1", "dense_2").connect("dense_2", "dense_3")
        case _:
            return graph.with_training(spiral(batch=graph.training.batch % 7 + 2).training)


# -- in the window --------------------------------------------------------------------------------


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    with opened("mlp-spiral", tmp_path) as made:
        yield made


def test_undo_in_the_window_while_paused_and_while_it_trains(window: MainWindow) -> None:
    def until(what: object) -> None:
        assert spin(what, 30), window.bridge.snapshot  # type: ignore[arg-type]

    def units() -> int:
        program = window.bridge.snapshot.program
        return program.graph.node("dense_1").layer.units if program else 0  # type: ignore

    window.bridge.run_until(step=200)
    until(lambda: window.bridge.snapshot.step == 200 and not window.bridge.running)
    document, before = window.document, window.bridge.asked_state().wait(10)
    assert before is not None
    count = document.graph.node("dense_1").layer.units  # type: ignore[union-attr]
    document.edit("Units", wider(document.graph, "dense_1", count + 1))
    until(lambda: units() == count + 1)
    document.stack.undo()
    until(lambda: units() == count)
    after = window.bridge.asked_state().wait(10)
    assert after is not None
    assert after[0].same_as(before[0])
    assert window.bridge.snapshot.can_step_back

    window.bridge.run()
    until(lambda: window.bridge.snapshot.step > 400)
    document.stack.redo()
    until(lambda: units() == count + 1 and window.bridge.running)
    document.stack.undo()
    until(lambda: units() == count and window.bridge.running)
    window.bridge.pause()
    until(lambda: not window.bridge.running)
    fresh, now = Session(document.graph).saved_state(), window.bridge.asked_state().wait(10)
    assert now is not None
    assert not same(now[0], fresh, "dense_1")
