"""While the training thread is busy or has failed: nothing hangs, and everything can be mended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from playground import document as store
from playground import loading as module
from playground.engine import Engine
from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.question import Question
from playground.session import Session
from tests.fake_engine import FakeEngine
from tests.fake_window import change
from tests.sketch import dense, spiral
from tests.waiting import running_engine, wait
from ui.compare import WAITING
from ui.lanes import LOOK_MS, MOST
from ui.main_window import MainWindow
from ui.saving import SavingWindow


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


class Busy:
    """Puts off all answers of a FakeEngine until `end`."""

    def __init__(self, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Question[Any]] = []
        monkeypatch.setattr(engine, "asked_state", lambda renamed: self._ask(engine))

    def _ask(self, engine: FakeEngine) -> Question[Any]:
        self.asked.append(Question(lambda: (engine.state, None)))
        return self.asked[-1]

    def end(self) -> None:
        for question in self.asked:
            if not question.done:
                question()


@pytest.fixture
def busy(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Busy:
    return Busy(engine, monkeypatch)


def test_a_save_while_it_is_busy_says_so_and_comes_through(
        qtbot: QtBot, window: MainWindow, busy: Busy, tmp_path: Path) -> None:
    path, seen = tmp_path / "a.playground", []

    def look() -> None:
        waiting = QApplication.activeModalWidget()
        assert isinstance(waiting, SavingWindow)
        seen.append(waiting.findChildren(QLabel)[0].text())
        assert not path.exists()
        busy.end()

    QTimer.singleShot(500, look)
    assert window.files._save(path)
    assert seen == ["The network is busy. a.playground will be saved at the end of the step or "
                    "compilation that runs."]
    assert store.load(path).state is not None
    assert window.document.clean


def test_a_disk_that_takes_long_is_told_too(
        window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, seen = threading.Event(), []
    monkeypatch.setattr(store, "save", lambda *rest: written.wait(10))

    def look() -> None:
        waiting = QApplication.activeModalWidget()
        assert isinstance(waiting, SavingWindow)
        seen.extend([waiting.text.text(), waiting.cancel.isEnabled()])
        written.set()

    QTimer.singleShot(800, look)
    assert window.files._save(tmp_path / "a.playground")
    assert seen == ["a.playground is being written.", False]


def test_a_save_that_waits_can_be_cancelled(
        window: MainWindow, busy: Busy, tmp_path: Path) -> None:
    change(window)
    QTimer.singleShot(500, lambda: QTest.keyClick(
        QApplication.activeModalWidget(), Qt.Key.Key_Escape))
    assert not window.files._save(tmp_path / "a.playground")
    assert not (tmp_path / "a.playground").exists()
    assert not window.document.clean


def test_a_network_that_is_busy_for_ever_is_told(
        window: MainWindow, busy: Busy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("ui.saving.LIMIT", 0.05)
    monkeypatch.setattr("ui.files.QMessageBox.warning", lambda *args: told.append(args[-1]))
    change(window)
    assert not window.files._save(tmp_path / "a.playground")
    assert "The network is busy" in told[0]
    assert not window.document.clean


def test_an_autosave_waits_for_a_long_step_in_its_own_thread(
        window: MainWindow, busy: Busy) -> None:
    change(window)
    before, start = window.document.graph, time.perf_counter()
    window.recovery.save()
    assert time.perf_counter() - start < 0.25, "the window's thread does not wait"
    change(window)
    time.sleep(0.5)
    busy.end()
    window.recovery.wait()
    kept = store.load(window.recovery.file)
    assert kept.state is not None
    assert kept.graph == before, "weights and graph are those of one moment"
    assert time.monotonic() > window.recovery._rest_until - 10, "waiting is no work"


def test_what_is_saved_by_hand_waits_for_no_autosave(
        window: MainWindow, busy: Busy, tmp_path: Path) -> None:
    """The autosave may wait for a compilation of the document before."""
    change(window)
    window.recovery.save()
    window.files._show(store.Loaded(Graph()), None, "untitled")
    change(window)
    start = time.perf_counter()
    assert window.files._save(tmp_path / "a.playground")
    assert time.perf_counter() - start < 5, "it would wait for ten minutes"
    assert not window.recovery.file.exists()
    assert window.recovery.last_error == ""


def test_a_lane_comes_when_the_network_has_told_its_weights(
        qtbot: QtBot, window: MainWindow, engine: FakeEngine, busy: Busy) -> None:
    button, before = window.compare.keep_button, window.document.graph
    said = button.text()
    button.click()
    button.click()  # a double click makes no twins
    change(window)
    assert "set_lanes" not in engine.names()
    qtbot.waitUntil(lambda: button.text() == WAITING[0])
    assert not button.isEnabled()
    assert len(busy.asked) == 1
    busy.end()
    qtbot.waitUntil(lambda: len(window.lanes.lanes) == 1)
    (lane,) = window.lanes.lanes
    assert lane.graph is before, "weights and graph are those of one moment"
    assert lane.state is engine.state
    assert ("set_lanes", (lane,)) in engine.calls
    assert (button.text(), button.isEnabled()) == (said, True)


def test_one_that_is_on_its_way_counts_as_a_lane(window: MainWindow, busy: Busy) -> None:
    for _ in range(MOST - 1):
        window.compare.keep_button.click()
        busy.end()
        window.lanes._look()
    chip = window.variations.chips[0]
    assert chip.isEnabled()
    window.compare.keep_button.click()
    assert not chip.isEnabled()
    busy.end()
    window.lanes._look()
    assert len(window.lanes.lanes) == MOST


def test_a_lane_that_does_not_come_is_told(
        qtbot: QtBot, window: MainWindow, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
        ) -> None:
    said: list[str] = []
    window.document.refused.connect(said.append)

    def fail() -> None:
        raise MemoryError

    questions = [Question(fail), Question(lambda: None)]
    questions[0]()
    monkeypatch.setattr(engine, "asked_state", lambda renamed: questions.pop(0))
    button = window.compare.keep_button
    button.click()
    assert said == ["The network was not kept as a lane: MemoryError."]
    monkeypatch.setattr("ui.lanes.LIMIT", 0.05)
    button.click()
    qtbot.waitUntil(lambda: len(said) == 2)
    assert "The network is busy" in said[1]
    assert button.isEnabled()
    assert not window.lanes.lanes


def test_another_document_waits_for_no_lane(
        qtbot: QtBot, window: MainWindow, busy: Busy) -> None:
    button = window.compare.keep_button
    button.click()
    qtbot.waitUntil(lambda: button.text() == WAITING[0])
    window.files.show_example(EXAMPLES["perceptron"])
    assert button.isEnabled()
    assert busy.asked[0].done, "given up"
    busy.end()
    qtbot.wait(3 * LOOK_MS)
    assert not window.lanes.lanes


def test_a_lane_on_its_way_begins_anew_with_the_others(
        window: MainWindow, engine: FakeEngine, busy: Busy) -> None:
    before = window.document.graph
    window.compare.keep_button.click()
    window.lanes.change(lambda graph: graph.with_training(graph.training.seeded(7)))
    (lane,) = window.lanes.lanes
    assert lane.graph == before.with_training(before.training.seeded(7))
    assert lane.state is None
    assert busy.asked[0].done, "given up"


def test_who_waits_for_an_engine_that_quits_is_let_go() -> None:
    engine, free = Engine(), threading.Event()
    engine.start()
    engine._commands.put(lambda: free.wait(10))
    asked = engine.asked_state()
    threading.Timer(0.1, free.set).start()
    engine.quit()
    with pytest.raises(CancelledError):
        asked.wait(10)
    assert engine.saved_state() is None


def test_what_is_asked_for_is_of_the_network_of_that_moment(trainer: Engine) -> None:
    graph, free = spiral(dense(4)), threading.Event()
    trainer.load(graph)
    trainer._commands.put(lambda: free.wait(10))
    asked = trainer.asked_state({"dense_1": "hidden"})
    trainer.load(spiral(dense(5)))
    free.set()
    saved = asked.wait(60)
    assert saved is not None
    assert saved[0].parameters["hidden.w"].shape == (4, 2)


def test_a_pause_does_not_end_the_saving_of_a_half_done_step() -> None:
    def stop(text: str) -> None:
        if giving_up:
            raise InterruptedError

    giving_up = False
    session, straight = Session(spiral(dense(4)), progress=stop), Session(spiral(dense(4)))
    for one in (session, straight):
        one.run(3)
        one.run_to("dense_2", "backward")
    session._clock.seconds = 10.0  # slow ones tell of each layer
    giving_up = True
    assert session.saved_state().same_as(straight.saved_state())
    assert session.position == straight.position


def test_who_does_not_close_after_all_trains_on(window: MainWindow, engine: FakeEngine,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.files, "may_discard", lambda: False)
    engine.calls.clear()
    assert not window.close()
    assert "pause" not in engine.names()
