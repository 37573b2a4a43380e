"""What takes long is told piece by piece, and can be stopped in between."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from playground import evaluator, first_weights, keyframes, session
from playground.engine import Engine
from playground.graph import Graph
from playground.initializers import PIECE
from playground.session import Session
from playground.snapshot import Snapshot
from tests.sketch import dense, spiral
from tests.waiting import running_engine, wait


class Enough(Exception):
    """Raised by who has heard enough."""


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Graph:
    """A network that counts as large, though it is not."""
    for module in (session, evaluator):
        monkeypatch.setattr(module, "LARGE", 0)
    return spiral(dense(6), dense(5))


def layers_of(made: Session) -> list[tuple[str, str | None]]:
    return [key for key, _ in itertools.groupby(
        (i.phase, i.node) for i in made.program.instructions)]


def shown(phase: str, node: str | None) -> str:
    return f"Step 1: {phase}" + (f" of {node}" if node else "")


def weights(made: Session) -> dict[str, np.ndarray]:
    return {name: made.values(name).copy() for name in made.program.parameters}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_many_weights_are_told_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_weights, "DRAWN", 2 * PIECE)
    monkeypatch.setattr(first_weights, "MANY", 5 * PIECE)
    told: list[str] = []
    units = 5 * PIECE // 1024
    graph = spiral(dense(1024), dense(units))
    made = Session(graph, progress=told.append)
    assert [text for text in told if "drawn" in text] == [
        f"Weights of dense_2 are drawn: {share} %" for share in (0, 40, 80)]
    # Not by other numbers than who says nothing.
    assert same(weights(made), weights(Session(graph)))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_long_step_is_told_layer_by_layer(large: Graph, threads: int) -> None:
    told: list[str] = []
    made = Session(large, threads=threads, progress=told.append)
    told.clear()
    made.run(1)
    assert told == [shown(*layer) for layer in layers_of(made)]
    # From the second step on its time is known: it does not take long.
    told.clear()
    made.run(50)
    assert not told
    silent = Session(large, threads=threads)
    silent.run(51)
    assert same(weights(made), weights(silent))


def test_a_long_step_can_be_stopped_at_each_layer_and_goes_on(large: Graph) -> None:
    silent = Session(large)
    silent.run(1)
    layers = layers_of(silent)
    for stop in range(len(layers)):
        heard: list[str] = []

        def progress(text: str, heard: list[str] = heard, stop: int = stop) -> None:
            heard.extend([text] if text.startswith("Step") else [])
            if len(heard) == stop + 1:
                raise Enough

        made = Session(large, progress=progress)
        with pytest.raises(Enough):
            made.run(1)
        assert (made.instruction.phase, made.instruction.node) == layers[stop]
        heard.append("the rest")
        made.run(1)
        assert (made.step, made.position) == (1, 0)
        assert same(weights(made), weights(silent))


def test_validation_is_told_layer_by_layer_and_between_batches(
        large: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    made = Session(large, progress=told.append)
    told.clear()
    expected = Session(large).validate().loss
    assert made.validate().loss == expected
    assert [text for text in told if "dense" in text] == [
        f"Validation: forward of dense_{i}" for i in (1, 2, 3)]
    monkeypatch.setattr(evaluator, "SLOW", -1.0)
    monkeypatch.setattr(evaluator, "MOST_BYTES", 1024)
    made = Session(large, progress=told.append)
    told.clear()
    samples, batch = len(made.data.x_validation), made.evaluator.batch
    assert batch < samples / 2
    made.validate()
    assert [text for text in told if text.startswith("Samples")] == [
        f"Samples are validated: {start:,} of {samples:,}"
        for start in range(batch, samples, batch)]


def test_a_large_copy_to_step_back_to_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyframes, "COPIED", 100)
    told: list[str] = []
    made = Session(spiral(dense(40)), progress=told.append)
    size = len(made.arena.state)
    assert [text for text in told if "kept" in text] == [
        f"The state is kept, to step back to: {start / size:.0%}"
        for start in range(100, size, 100)]
    before = weights(made)
    made.run(3)
    made.go_to(0)
    assert same(weights(made), before)


# -- in the engine --------------------------------------------------------------------------------


@pytest.fixture
def engine() -> Iterator[Engine]:
    yield from running_engine()


class Mailbox(deque[Snapshot]):
    """Notes the state of every snapshot that is put into it."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(maxlen=1)
        self.seen = seen

    def append(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot.state)
        super().append(snapshot)


def stop_at(engine: Engine, monkeypatch: pytest.MonkeyPatch, text: str,
            stop: Callable[[], None]) -> threading.Event:
    """Let `stop` be called just before the engine would tell this text the first time."""
    reached, tell = threading.Event(), engine._trainer._loader._progress

    def show(said: str) -> None:
        if said == text and not reached.is_set():
            stop()
            reached.set()
        tell(said)

    monkeypatch.setattr(engine._trainer._loader, "_progress", show)
    return reached


@pytest.mark.parametrize("act", ["step", "run"])
def test_pause_stops_a_long_step_between_two_layers(
        engine: Engine, large: Graph, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    reached = stop_at(engine, monkeypatch, "Step 1: backward of dense_2", engine.pause)
    engine.load(large)
    wait(engine, lambda s: s.state == "paused")
    if act == "step":
        engine.step("batch")
    else:
        engine.run()
    assert reached.wait(30)
    stopped = wait(engine, lambda s: s.state == "paused" and s.position > 0)
    assert stopped.program is not None
    assert stopped.step == 0
    instruction = stopped.program.instructions[stopped.position]
    assert (instruction.phase, instruction.node) == ("backward", "dense_2")
    assert not stopped.progress
    engine.step("batch")
    wait(engine, lambda s: s.state == "paused" and s.step == 1)
    silent = Session(large)
    silent.run(1)
    went = engine.ask(weights)
    assert went is not None
    assert same(went, weights(silent))


def test_a_network_that_is_prepared_for_a_step_does_not_run(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.loading.LARGE", 1)
    monkeypatch.setattr(first_weights, "MANY", 1)
    seen: list[str] = []
    monkeypatch.setattr(engine, "_mailbox", Mailbox(seen))
    engine.load(spiral(dense(4)))
    wait(engine, lambda s: s.state == "paused")
    seen.clear()
    engine.step("layer")
    assert wait(engine, lambda s: s.state == "paused" and s.program is not None).position > 0
    assert "stepping" in seen
    assert "running" not in seen


@pytest.mark.parametrize("stop", ["pause", "unload"])
def test_what_is_prepared_for_a_run_can_be_given_up(
        engine: Engine, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    monkeypatch.setattr("playground.loading.LARGE", 1)
    monkeypatch.setattr(first_weights, "MANY", 1)
    text = "Weights of dense_2 are drawn: 0 %"
    reached = stop_at(engine, monkeypatch, text, getattr(engine, stop))
    graph = spiral(dense(4))
    engine.load(graph)
    wait(engine, lambda s: s.state == "paused")
    engine.run()
    assert reached.wait(30)
    if stop == "unload":
        wait(engine, lambda s: s.state == "empty")
        engine.load(graph)
    given_up = wait(engine, lambda s: s.state == "paused")
    assert given_up.program is None
    engine.run_until(step=3)
    assert wait(engine, lambda s: s.state == "paused" and s.program is not None).step == 3


def test_a_pause_without_anything_to_stop_stops_nothing_later(engine: Engine) -> None:
    engine.load(spiral(dense(4)))
    engine.pause()
    engine.pause()
    engine.run_until(step=200)
    assert wait(engine, lambda s: s.state == "paused" and s.step > 0).step == 200


def test_each_pause_stops_what_comes_before_it(
        engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them and a Run between, all while something else takes long."""
    monkeypatch.setattr("playground.loading.LARGE", 1)
    monkeypatch.setattr(first_weights, "MANY", 1)
    engine.load(spiral(dense(4)))
    wait(engine, lambda s: s.state == "paused")
    free = threading.Event()
    engine._commands.put(lambda: free.wait(30))
    engine.pause()
    engine.run()
    engine.pause()
    free.set()
    assert engine.ask(lambda session: session.step) is None, "nothing was loaded"
    engine.run_until(step=3)
    assert wait(engine, lambda s: s.state == "paused" and s.program is not None).step == 3


def test_the_progress_is_shown_over_what_was_there_before(
        engine: Engine, large: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    free, shown = threading.Event(), threading.Event()
    announce = engine._announce

    def told(text: str) -> None:
        announce(text)
        if text == "Step 1: backward of dense_2":
            shown.set()
            free.wait(30)

    monkeypatch.setattr(engine, "_announce", told)
    engine.load(large)
    before = wait(engine, lambda s: s.state == "paused")
    engine.step("batch")
    assert shown.wait(30)
    during = engine.take_snapshot()
    free.set()
    assert during is not None
    assert (during.state, during.progress) == ("stepping", "Step 1: backward of dense_2")
    assert during.program is before.program


def test_a_network_that_stands_does_not_run_while_it_is_validated(
        engine: Engine, large: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "SLOW", -1.0)
    monkeypatch.setattr(evaluator, "MOST_BYTES", 1024)
    told: list[tuple[str, str]] = []
    announce = engine._announce

    def listen(text: str) -> None:
        told.append((engine._trainer.state, text))
        announce(text)

    monkeypatch.setattr(engine, "_announce", listen)
    seen: list[str] = []
    monkeypatch.setattr(engine, "_mailbox", Mailbox(seen))
    engine.load(large)
    wait(engine, lambda s: s.state == "paused" and not s.progress)
    engine.step("batch")
    wait(engine, lambda s: s.state == "paused" and s.step == 1 and not s.progress)
    assert any(text.startswith("Samples are validated") for _, text in told)
    assert "running" not in seen
