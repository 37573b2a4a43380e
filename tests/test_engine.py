"""The training thread: commands in, snapshots out, nothing piles up, nothing stays behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import msgspec
import numpy as np
import pytest

from playground import snapshot_maker
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.learning import Learning
from playground.session import Session
from playground.snapshot import (
    BoundaryProbe,
    ConfusionProbe,
    PredictionsProbe,
    Probe,
    TensorProbe,
    TimingsProbe,
)
from playground.trainer import Trainer
from playground.training import SGD
from tests.sketch import chain, dense, spiral
from tests.waiting import running_engine, wait


@pytest.fixture
def engine() -> Iterator[Engine]:
    yield from running_engine()


def test_it_runs_pauses_and_goes_on(engine: Engine) -> None:
    engine.load(spiral(dense(4)))
    assert wait(engine, lambda s: s.state == "paused").step == 0
    engine.run()
    wait(engine, lambda s: s.state == "running" and s.step > 100)
    engine.pause()
    paused = wait(engine, lambda s: s.state == "paused")
    time.sleep(0.1)
    engine.watch(frozenset({TimingsProbe()}))
    assert wait(engine, lambda s: bool(s.values)).step == paused.step
    assert paused.history is not None
    assert np.isfinite(paused.validation_loss)


def test_it_trains_as_a_session_does(engine: Engine) -> None:
    graph = spiral(dense(4))
    engine.load(graph)
    engine.run_until(step=500)
    wait(engine, lambda s: s.state == "paused" and s.step == 500)
    session = Session(graph)
    session.run(500)
    saved = engine.saved_state()
    assert saved is not None
    state, history = saved
    assert len(history) == 500
    np.testing.assert_array_equal(state.parameters["dense_1.w"], session.values("dense_1.w"))


def test_stepping_and_going_back(engine: Engine) -> None:
    engine.load(spiral(dense(4)))
    engine.step("layer")
    assert wait(engine, lambda s: s.position > 0).state == "paused"
    engine.step("batch")
    wait(engine, lambda s: s.step == 1)
    engine.back("instruction")
    snapshot = wait(engine, lambda s: s.step == 0)
    assert snapshot.program is not None
    assert snapshot.position == len(snapshot.program.instructions) - 1
    engine.run_to("dense_1", "backward")
    snapshot = wait(engine, lambda s: s.step == 1)
    assert snapshot.program.instructions[snapshot.position].node == "dense_1"  # type: ignore
    engine.reset()
    wait(engine, lambda s: s.step == 0 and s.position == 0)


def test_every_probe_is_answered(engine: Engine) -> None:
    probes: set[Probe] = {
        BoundaryProbe(16), ConfusionProbe(), PredictionsProbe(count=5), TimingsProbe(),
        TensorProbe("dense_1.w"), TensorProbe("dense_1.dw"), TensorProbe("dense_1.y", sample=3),
        TensorProbe("dense_1.y", sample=2, source="validation"), TensorProbe("nobody.w")}
    engine.load(spiral(dense(4)))
    engine.watch(frozenset(probes))
    engine.run_until(step=50)
    values = wait(engine, lambda s: s.step == 50 and bool(s.values)).values
    assert set(values) == probes - {TensorProbe("nobody.w")}
    assert values[BoundaryProbe(16)].values.shape == (16, 16)
    assert values[ConfusionProbe()].sum() == 40
    assert values[PredictionsProbe(count=5)].output.shape == (5, 2)
    assert values[TensorProbe("dense_1.y", sample=3)].shape == (4,)
    assert values[TensorProbe("dense_1.y", sample=2, source="validation")].shape == (4,)


def test_a_slow_reader_causes_no_backlog(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = Trainer.snapshot
    monkeypatch.setattr(Trainer, "snapshot", lambda self: made.append(1) or original(self))
    engine.load(spiral(dense(4)))
    engine.run()
    wait(engine, lambda s: s.state == "running" and s.step > 10)
    made.clear()
    taken = 0
    for _ in range(5):
        time.sleep(0.1)
        taken += engine.take_snapshot() is not None
    assert len(made) <= taken + 1


def test_parameters_survive_an_edit_and_training_goes_on(engine: Engine) -> None:
    graph = spiral(dense(4), dense(6))
    engine.load(graph)
    engine.run()
    wait(engine, lambda s: s.step > 200)
    changed = graph.with_layer("dense_2", graph.node("dense_2").layer.with_settings(units=7))
    engine.load(changed)
    snapshot = wait(engine, lambda s: s.program is not None and s.program.graph == changed
                    and s.state == "running")
    assert snapshot.step > 200
    assert snapshot.history is not None
    assert len(snapshot.history) > 0


def test_of_edits_that_wait_only_the_last_is_compiled(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, busy = [], threading.Event()

    def make(graph: Graph, **options: Any) -> Session:
        compiled.append(graph)
        return Session(graph, **options)

    engine.load(spiral(dense(4)))
    wait(engine, lambda s: s.state == "paused")
    monkeypatch.setattr("playground.loading.Session", make)
    asking = threading.Thread(target=engine.ask, args=(lambda _: busy.wait(30),))
    asking.start()
    dragged = [spiral(dense(4)).with_learning("dense_1", Learning(l2=i / 100))
               for i in range(1, 9)]
    for graph in dragged[:4]:
        engine.load(graph)
    engine.watch(frozenset())  # what comes between them keeps its place
    for graph in dragged[4:]:
        engine.load(graph)
    busy.set()
    asking.join()
    wait(engine, lambda s: s.program is not None and s.program.graph == dragged[-1])
    assert compiled == [dragged[3], dragged[-1]]


def test_the_learning_rate_changes_without_a_new_program(engine: Engine) -> None:
    graph = spiral(dense(4))
    engine.load(graph)
    engine.run()
    program = wait(engine, lambda s: s.step > 10).program
    engine.set_training(msgspec.structs.replace(graph.training, optimizer=SGD(learning_rate=0.5)))
    snapshot = wait(engine, lambda s: abs(s.learning_rate - 0.5) < 1e-6)
    assert snapshot.program is program


def test_divergence_names_the_node_and_stops(engine: Engine) -> None:
    engine.load(spiral(dense(6, "relu"), optimizer=SGD(learning_rate=1e25)).with_training(
        msgspec.structs.replace(spiral().training, optimizer=SGD(learning_rate=1e25),
                                clipping=msgspec.structs.replace(
                                    spiral().training.clipping, mode="off"))))
    engine.run()
    snapshot = wait(engine, lambda s: s.state == "diverged")
    assert snapshot.node is not None
    assert "Lower the learning rate" in snapshot.message
    assert snapshot.verdict.kind == "diverged"
    engine.back("batch")
    assert wait(engine, lambda s: s.state == "paused").message == ""


def test_a_graph_that_cannot_train_is_told_and_does_not_kill_the_thread(engine: Engine) -> None:
    engine.load(chain("spiral", dense(2)))
    assert "no loss" in wait(engine, lambda s: s.state == "failed").message
    engine.load(spiral(dense(4)))
    wait(engine, lambda s: s.state == "paused")


def test_the_speed_limit_holds(engine: Engine) -> None:
    engine.load(spiral(dense(4)))
    engine.set_speed(40)
    engine.run()
    start = wait(engine, lambda s: s.step > 0)
    time.sleep(0.5)
    engine.pause()
    end = wait(engine, lambda s: s.state == "paused")
    assert end.step - start.step <= 40


def test_threads_change_while_it_trains(engine: Engine) -> None:
    engine.load(spiral(dense(128), dense(128)))
    engine.run()
    wait(engine, lambda s: s.step > 50)
    engine.set_threads(2)
    snapshot = wait(engine, lambda s: s.program is not None and s.program.lanes == 2
                    and s.state == "running")
    assert wait(engine, lambda s: s.step > snapshot.step + 50).state == "running"


def test_a_whole_epoch_can_be_paused(engine: Engine) -> None:
    engine.load(spiral(dense(4), batch=1))
    engine.set_speed(20)
    engine.step("epoch")
    wait(engine, lambda s: s.state == "running" and s.step > 0)
    engine.pause()
    assert wait(engine, lambda s: s.state == "paused").epoch == 0
    engine.set_speed(None)
    engine.step("epoch")
    snapshot = wait(engine, lambda s: s.state == "paused")
    assert (snapshot.epoch, snapshot.batch_in_epoch, snapshot.position) == (1, 0, 0)


def test_weights_outlive_a_network_that_could_not_be_loaded(engine: Engine) -> None:
    graph = spiral(dense(4))
    engine.load(graph)
    engine.run_until(step=50)
    wait(engine, lambda s: s.state == "paused" and s.step == 50)
    before = engine.saved_state()
    engine.load(chain("spiral", dense(2)))
    wait(engine, lambda s: s.state == "failed")
    engine.run()
    engine.step("batch")
    during = engine.saved_state()
    engine.load(graph)
    assert wait(engine, lambda s: s.state == "paused").step == 50
    after = engine.saved_state()
    assert before is not None
    assert during is not None
    assert after is not None
    assert before[0].same_as(during[0])
    assert before[0].same_as(after[0])


def test_a_document_opens_in_the_middle_of_a_step_while_another_is_open(engine: Engine) -> None:
    session = Session(spiral(dense(4)))
    session.run(3)
    session.advance(5)
    engine.load(spiral(dense(3)))
    engine.load(session.graph, session.saved_state())
    snapshot = wait(engine, lambda s: s.state == "paused" and s.step == 3)
    assert snapshot.position == 5


def test_no_snapshot_is_lost_between_looking_and_taking(engine: Engine) -> None:
    engine.load(spiral(dense(2)))
    wait(engine, lambda s: s.state == "paused")
    for step in range(1, 300):
        engine.step("batch")
        wait(engine, lambda s, step=step: s.step == step, 5)


def test_reset_forgets_what_measuring_cost() -> None:
    session = Session(spiral(dense(4)))
    for _ in session.program.instructions:
        session.forward_to("instruction")
    assert np.isfinite(session.microseconds()).all()
    assert session.instrumentation() == 0, "one step, done by hand, is no measure"
    session.run(1000)
    assert session.instrumentation() > 0
    session.reset()
    assert session.instrumentation() == 0
    assert np.isnan(session.microseconds()).all()


def test_a_fault_in_a_probe_costs_its_picture_and_not_the_training(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real, faults = snapshot_maker.answer, []

    def answer(session: Session, probe: Probe) -> object:
        if isinstance(probe, BoundaryProbe):
            faults.append(probe)
            raise ZeroDivisionError("a picture that cannot be made")
        return real(session, probe)

    monkeypatch.setattr(snapshot_maker, "answer", answer)
    engine.load(spiral(dense(4)))
    engine.watch(frozenset({BoundaryProbe(resolution=8), TimingsProbe()}))
    engine.run()
    shown = wait(engine, lambda s: s.step > 300 and bool(faults))
    assert shown.state == "running"
    assert set(shown.values) == {TimingsProbe()}
    assert [str(fault) for fault in shown.faults] == ["a picture that cannot be made"]
    monkeypatch.setattr(snapshot_maker, "answer", real)
    wait(engine, lambda s: BoundaryProbe(resolution=8) in s.values)


def test_a_large_network_takes_memory_when_it_runs(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.loading.LARGE", 1)
    graph = spiral(dense(4))
    engine.load(graph)
    opened = wait(engine, lambda s: s.state == "paused")
    assert opened.program is None
    assert engine.saved_state() is None
    engine.set_training(msgspec.structs.replace(graph.training, optimizer=SGD(learning_rate=0.5)))
    engine.step("batch")
    done = wait(engine, lambda s: s.program is not None and s.step == 1)
    assert done.state == "paused"
    assert engine.ask(lambda session: session.graph.training.optimizer.learning_rate) == 0.5
    engine.load(graph)
    assert wait(engine, lambda s: s.state == "paused" and s.program is None)
    kept = engine.saved_state()
    assert kept is not None
    assert kept[0].step == 1
    engine.run_until(step=3)
    assert wait(engine, lambda s: s.state == "paused" and s.program is not None).step == 3
    engine.load(graph)
    engine.unload()
    engine.run()
    assert wait(engine, lambda s: s.state == "empty").program is None


def test_vgg16_opens_without_its_weights(engine: Engine) -> None:
    engine.load(EXAMPLES["vgg16"].graph)
    assert wait(engine, lambda s: s.state == "paused").program is None
    assert engine.ask(lambda session: session.step) is None


@pytest.mark.parametrize("at", ["useful_threads", "Session"])
def test_a_failed_load_loses_no_weights(
        engine: Engine, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    trained = Session(spiral(dense(4)))
    trained.run(3)
    fails = Mock(side_effect=MemoryError)
    with monkeypatch.context() as patch:
        patch.setattr(f"playground.loading.{at}", fails)
        engine.load(trained.graph, trained.saved_state(), trained.history.view())
        wait(engine, lambda s: s.state == "failed")
    kept = engine.saved_state()
    assert kept is not None
    assert kept[0].step == 3
    np.testing.assert_equal(kept[0].parameters, trained.saved_state().parameters)
    engine.step("batch")
    assert wait(engine, lambda s: s.state == "paused" and s.step > 3).step == 4


@pytest.mark.parametrize("at", ["useful_threads", "Session", "Shelf.keep"])
def test_after_a_failed_edit_the_old_network_does_not_run(
        engine: Engine, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    engine.load(spiral(dense(4)))
    engine.step("batch")
    wait(engine, lambda s: s.step == 1)
    with monkeypatch.context() as patch:
        patch.setattr(f"playground.loading.{at}", Mock(side_effect=MemoryError))
        engine.load(spiral(dense(4), dense(5)))
        wait(engine, lambda s: s.state == "failed")
        engine.run()
        assert wait(engine, lambda s: s.state == "failed").step <= 1
    engine.step("batch")
    snapshot = wait(engine, lambda s: s.state == "paused" and s.step == 2)
    assert snapshot.program is not None
    assert "dense_3.w" in snapshot.program.parameters


def test_a_large_document_shows_how_far_it_was_before_it_gets_memory(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Session(spiral(dense(4)))
    trained.run(30)
    trained.validate()
    monkeypatch.setattr("playground.loading.LARGE", 1)
    engine.load(trained.graph, trained.saved_state(), trained.history.view())
    snapshot = wait(engine, lambda s: s.state == "paused")
    assert snapshot.program is None
    assert (snapshot.step, snapshot.epoch) == (30, trained.epoch)
    assert trained.validation is not None
    assert snapshot.validation_loss == trained.validation.loss
    assert snapshot.validation_step == 30
    assert snapshot.history is not None
    np.testing.assert_array_equal(snapshot.history.step, trained.history.view().step)
    engine.unload()
    engine.load(trained.graph)
    assert wait(engine, lambda s: s.state == "paused").step == 0
