"""While the training thread is busy or has failed: nothing hangs, and everything can be mended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from playground import engine as module
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.session import Session
from tests.fake_engine import FakeEngine
from tests.sketch import dense, spiral
from tests.waiting import running_engine, wait
from ui.main_window import MainWindow


@pytest.fixture
def trainer() -> Iterator[Engine]:
    yield from running_engine()


def test_quitting_gives_up_what_is_being_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(*args: Any, progress: Callable[[str], None], **rest: Any) -> Session:
        while True:
            begun.set()
            progress("Preparing a kernel")
            time.sleep(0.001)

    monkeypatch.setattr(module, "Session", endless)
    engine = Engine()
    engine.start()
    engine.load(spiral(dense(4)))
    assert begun.wait(10)
    engine.quit()  # would never return
    assert not [thread for thread in threading.enumerate() if thread.name == "training"]


def test_who_asks_a_busy_network_is_told(trainer: Engine) -> None:
    free, asked = threading.Event(), []
    trainer.load(spiral(dense(4)))
    wait(trainer, lambda s: s.state == "paused")
    trainer._commands.put(lambda: free.wait(10))
    with pytest.raises(TimeoutError, match=r"busy.*Try again in a moment"):
        trainer.ask(lambda session: asked.append(session), timeout=0.05)
    free.set()
    assert trainer.ask(lambda session: session.step) == 0
    assert not asked  # who has gone gets no answer


@pytest.mark.parametrize("mend", ["set_training", "reset"])
def test_a_network_that_did_not_fit_can_be_tried_again(
        trainer: Engine, monkeypatch: pytest.MonkeyPatch, mend: str) -> None:
    full = True

    def session(graph: Any, **rest: Any) -> Session:
        if full:
            raise MemoryError
        return Session(graph, **rest)

    monkeypatch.setattr(module, "Session", session)
    graph = spiral(dense(4))
    trainer.load(graph)
    assert "not enough memory" in wait(trainer, lambda s: s.state == "failed").message
    full = False
    if mend == "reset":
        trainer.reset()
    else:
        trainer.set_training(graph.training.seeded(3))
    wait(trainer, lambda s: s.state == "paused")
    trainer.run()
    wait(trainer, lambda s: s.step > 10)


# -- in the window --------------------------------------------------------------------------------


def test_a_document_is_loaded_once(window: MainWindow, engine: FakeEngine) -> None:
    engine.calls.clear()
    window.files.show_example(EXAMPLES["perceptron"])
    assert [name for name in engine.names() if name in ("load", "unload")] == ["unload", "load"]


def test_nothing_drives_a_network_that_is_not_the_one_drawn(
        window: MainWindow, engine: FakeEngine) -> None:
    graph = window.document.graph
    window.document.edit("Delete", graph.without({"loss_1"}))
    assert not window.document.check.trainable
    engine.calls.clear()
    bridge = window.bridge
    for act in (bridge.run, bridge.reset, lambda: bridge.step("layer"),
                lambda: bridge.back("layer"), lambda: bridge.run_to("dense_1"),
                lambda: bridge.run_until(step=9)):
        act()
    assert not engine.names()
    window.document.stack.undo()
    bridge.run()
    assert engine.names()[-1] == "run"


def busy(timeout: float = 0.0) -> None:
    raise TimeoutError("The network is busy. Try again in a moment.")


def test_saving_while_it_is_busy_says_so(window: MainWindow, engine: FakeEngine, tmp_path: Any,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(engine, "saved_state", busy)
    monkeypatch.setattr("ui.files.QMessageBox.warning", lambda *args: told.append(args[-1]))
    assert not window.files._save(tmp_path / "a.playground")
    assert told == ["The network is busy. Try again in a moment."]


def test_an_autosave_that_was_not_possible_is_tried_again(
        window: MainWindow, engine: FakeEngine, tmp_path: Any,
        monkeypatch: pytest.MonkeyPatch) -> None:
    graph = window.document.graph
    window.document.edit("Rename", graph.with_notes("changed"))
    ready = engine.saved_state
    monkeypatch.setattr(engine, "saved_state", busy)
    assert window.files.autosave(tmp_path / "a.playground") is None
    monkeypatch.setattr(engine, "saved_state", ready)
    write = window.files.autosave(tmp_path / "a.playground")
    assert write is not None
    write()
    assert (tmp_path / "a.playground").exists()


def test_who_does_not_close_after_all_trains_on(window: MainWindow, engine: FakeEngine,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.files, "may_discard", lambda: False)
    engine.calls.clear()
    assert not window.close()
    assert "pause" not in engine.names()
