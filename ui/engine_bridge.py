"""Between the window and the training thread: commands down, snapshots up, 30 times a second.

The window pulls: a timer takes the newest snapshot and asks for the next, so nothing piles up.
Only views that can be seen are asked what they want to see.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from playground.graph import Graph
from playground.question import Question, answered
from playground.shapes import network
from playground.snapshot import Probe, Snapshot, as_left
from ui.document import Document

if TYPE_CHECKING:
    from playground.emitter import Phase
    from playground.engine import Engine
    from playground.history import HistoryView
    from playground.lane import Lane
    from playground.session import Unit
    from playground.state import SavedState
    from playground.stops import Condition

    Saved = tuple[SavedState, HistoryView | None]

T = TypeVar("T")
FRAME_MS = 33
GRACE = 0.3
"""Seconds that panels may show the network before an edit: a short compilation would only flash."""
STARTING = Snapshot(state="compiling", progress="Starting")


class View(Protocol):
    """What the bridge needs of a view (a QWidget)."""

    def probes(self) -> frozenset[Probe]: ...

    def show_snapshot(self, snapshot: Snapshot) -> None: ...

    def isVisible(self) -> bool: ...


def create_engine() -> Engine:
    """The real engine. Imported late: the machine loads while the window is already painted."""
    from playground.engine import Engine

    return Engine()


class EngineBridge(QObject):
    """Owns the engine, keeps it at the document's graph, and feeds the views."""

    snapshot_ready = Signal(object)
    """The newest Snapshot."""
    fps_changed = Signal(float)
    failed = Signal(str)
    """The engine could not start: a sentence."""
    outdated_changed = Signal(bool)
    """Whether the snapshot is, for more than a moment, of another network than the drawn one."""

    def __init__(self, document: Document, create: Callable[[], Engine] = create_engine,
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._create = create
        self._engine: Engine | None = None
        self._starting: threading.Thread | None = None
        self._start_error = ""
        self._made: Engine | None = None
        self._waiting: list[Callable[[Engine], Any]] = []
        self._views: list[View] = []
        self._watched: frozenset[Probe] | None = None
        self._loaded: Graph | None = None
        self._closed = False
        """Between two documents."""
        self._told: list[Exception] = []
        self._kept: Saved | None = None
        """What came with a document that cannot train yet: it must not get lost."""
        self._renamed: dict[str, str] = {}
        """Nodes that got another id since the last load: old -> new."""
        self._frames: deque[float] = deque(maxlen=31)
        self.training_seconds = 0.0
        """How long it has trained since the weights were last new or saved."""
        self.snapshot = self._newest = STARTING
        """What is shown, and what the engine has told last: of an empty canvas, nothing."""
        self.outdated = False
        self._goes_on = False
        """Whether it runs, or would if it did not have to be compiled first."""
        self._differs_since: float | None = None
        self._compared: tuple[Graph, Graph, bool] | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)
        document.graph_changed.connect(self._graph_changed)

    # -- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the engine in the background and begin to pull. Call it once the window shows."""
        if self._starting is None:
            self._show(STARTING)
            self._starting = threading.Thread(
                target=self._make_engine, name="engine start", daemon=True)
            self._starting.start()
            self._timer.start()
            self._follow()

    def shutdown(self) -> None:
        """Stop pulling and join the training thread."""
        self._timer.stop()
        if self._starting is not None:
            self._starting.join()
        self._adopt_engine()
        if self._engine is not None:
            self._engine.quit()
            self._engine = None

    def _make_engine(self) -> None:
        try:
            engine = self._create()
            engine.start()
        except Exception as error:  # it must reach the user, whatever it is
            self._start_error = f"The training engine could not start: {error}"
            return
        self._made = engine

    def _adopt_engine(self) -> None:
        """Take over the engine that the background thread has made, with what waits for it."""
        if self._engine is None and self._made is not None:
            self._engine, self._made = self._made, None
            waiting, self._waiting = self._waiting, []
            for command in waiting:
                command(self._engine)

    def _send(self, command: Callable[[Engine], Any]) -> None:
        """Tell the engine now, or as soon as there is one."""
        if self._engine is not None:
            command(self._engine)
        else:
            self._waiting.append(command)

    # -- views --------------------------------------------------------------------------------

    def add_view(self, view: View) -> None:
        """From now on the view gets what it asks for while it can be seen; first of all, what
        there is."""
        self._views.append(view)
        view.show_snapshot(self.snapshot)

    def _living(self) -> list[View]:
        """The views that Qt has not deleted meanwhile."""
        self._views = [view for view in self._views
                       if not isinstance(view, QObject) or shiboken6.isValid(view)]
        return self._views

    def _tick(self) -> None:
        if self._start_error:
            message, self._start_error = self._start_error, ""
            self._show(Snapshot(state="failed", message=message))
            self.failed.emit(message)
        self._adopt_engine()
        if self._engine is None:
            return
        self._judge()
        wanted: frozenset[Probe] = frozenset().union(
            *(_guarded(view.probes) or () for view in self._living() if view.isVisible()))
        if wanted != self._watched:
            self._watched = wanted
            self._engine.watch(wanted)
        snapshot = self._engine.take_snapshot()
        if snapshot is not None:
            self._show(snapshot)
        self._measure()

    def _show(self, snapshot: Snapshot) -> None:
        self._newest = snapshot
        if not self._document.graph.nodes:
            if snapshot.program is not None:
                snapshot = Snapshot(state="empty")
        elif snapshot.state == "empty" and self._kept:
            snapshot = as_left(snapshot, *self._kept)
        if snapshot.state != "compiling":
            self._goes_on = snapshot.state == "running"
        elif self._goes_on:
            snapshot = replace(
                snapshot, progress=f"{snapshot.progress or 'Compiling'}; runs when ready")
        self.snapshot = snapshot
        for fault in snapshot.faults:
            if fault not in self._told:
                self._told.append(fault)
                sys.excepthook(type(fault), fault, fault.__traceback__)
        # Hidden views too: they draw nothing, and have something to show once they are looked at.
        for view in self._living():
            _guarded(partial(view.show_snapshot, snapshot))
        self.snapshot_ready.emit(snapshot)

    @property
    def differs(self) -> bool:
        """Whether the snapshot is of another network than the one that is drawn now."""
        program, drawn = self.snapshot.program, self._document.graph
        if program is None:
            return False
        shown = program.graph
        if self._compared is None or self._compared[0] is not shown or (
                self._compared[1] is not drawn):
            self._compared = shown, drawn, network(shown) != network(drawn)
        return self._compared[2]

    def _judge(self) -> None:
        """Tell when pictures have become those of another network, and when they are not any more.
        """
        now = time.perf_counter()
        if not self.differs:
            self._differs_since = None
        elif self._differs_since is None:
            self._differs_since = now
        outdated = self._differs_since is not None and now - self._differs_since > GRACE
        if outdated != self.outdated:
            self.outdated = outdated
            self.outdated_changed.emit(outdated)

    def _measure(self) -> None:
        now = time.perf_counter()
        if self.running and self._frames:
            self.training_seconds += now - self._frames[-1]
        self._frames.append(now)
        if len(self._frames) == self._frames.maxlen and (
                span := self._frames[-1] - self._frames[0]) > 0:
            self.fps_changed.emit((len(self._frames) - 1) / span)
            self._frames.clear()
            self._frames.append(now)

    # -- the document ---------------------------------------------------------------------------

    def close(self) -> None:
        """The document is about to become another one: its graph goes on from nothing here."""
        self._closed, self._goes_on = True, False
        self._loaded, self._kept, self._renamed = None, None, {}
        self._send(lambda engine: engine.unload())

    def open(self, state: SavedState | None = None, history: HistoryView | None = None) -> None:
        """The document is another one now: train it from this state, or from the beginning."""
        if not self._closed:
            self.close()
        self._closed = False
        self.training_seconds = 0.0
        graph = self._document.graph
        self._kept = (state, history) if state is not None else None
        if self._document.check.trainable:
            self._loaded = graph
            self._send(lambda engine: engine.load(graph, state, history))

    def _graph_changed(self, old: Graph, new: Graph) -> None:
        names = new.renamings_since(old)
        if names and self._loaded is not None:
            # Some may have been renamed before, or even back, since the last load.
            before = {now: was for was, now in self._renamed.items()}
            self._renamed |= {before.get(was, was): now for was, now in names.items()}
        if names and self._kept:
            self._kept = _renamed(self._kept, names)
        self._follow()
        if bool(old.nodes) != bool(new.nodes):
            self._show(self._newest)
            # Once more when the canvas, which hears of it later, has its nodes again.
            QTimer.singleShot(0, self, lambda: self._show(self._newest))

    def _follow(self) -> None:
        """Keep the engine at the document's graph; what only moves costs no compilation."""
        if self._starting is None or self._closed:
            return
        graph, loaded = self._document.graph, self._loaded
        if not self._document.check.trainable:
            # What would run on is no longer what is drawn.
            self.pause()
        elif loaded is None or network(graph) != network(loaded):
            state, history = self._kept if loaded is None and self._kept else (None, None)
            self._loaded = graph
            renamed, self._renamed = self._renamed, {}
            self._send(lambda engine: engine.load(graph, state, history, renamed))
        elif graph.training != loaded.training:
            self._loaded = graph
            self._send(lambda engine: engine.set_training(graph.training))

    # -- commands -------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self.snapshot.state == "running"

    @property
    def stepping(self) -> bool:
        """Whether a single step is on its way, which takes a while where the network is large."""
        return self.snapshot.state == "stepping"

    @property
    def will_run(self) -> bool:
        """Whether it begins to run by itself, once it is compiled."""
        return self._goes_on and self.snapshot.state == "compiling"

    def _go_on(self, on: bool) -> None:
        """Say so at once, where what is compiled says nothing new for a while."""
        self._goes_on = on
        if self._newest.state == "compiling":
            self._show(self._newest)

    def _drive(self, command: Callable[[Engine], Any]) -> None:
        """Tell the engine what only makes sense where it has the network that is drawn."""
        if self._document.check.trainable:
            self._send(command)

    def run(self) -> None:
        self._drive(lambda engine: engine.run())
        self._go_on(self._document.check.trainable)

    def pause(self) -> None:
        self._send(lambda engine: engine.pause())
        self._go_on(False)

    def toggle(self) -> None:
        """Run or pause, whichever it is not doing; or let a step end where it is."""
        if self.running or self.stepping or self.will_run:
            self.pause()
        else:
            self.run()

    def step(self, unit: Unit) -> None:
        self._drive(lambda engine: engine.step(unit))

    def back(self, unit: Unit) -> None:
        self._drive(lambda engine: engine.back(unit))

    def run_to(self, node: str, phase: Phase | None = None) -> None:
        self._drive(lambda engine: engine.run_to(node, phase))

    def run_to_instruction(self, index: int) -> None:
        """Run until an instruction of the program that is shown comes next."""
        program = self.snapshot.program
        if program is not None:
            self._drive(lambda engine: engine.run_to_instruction(index, program))

    def run_until(self, step: int | None = None, epoch: int | None = None,
                  condition: Condition | None = None) -> None:
        self._drive(lambda engine: engine.run_until(step, epoch, condition))

    def toggle_stop(self, instruction: int) -> None:
        """Let Run stop before an instruction of the program that is shown; or no more."""
        from playground.stops import breakpoints_of

        if self.snapshot.program is not None:
            place = breakpoints_of(self.snapshot.program)[instruction]
            self._drive(lambda engine: engine.toggle_stop(place))

    def clear_stops(self) -> None:
        self._send(lambda engine: engine.clear_stops())

    def reset(self) -> None:
        self.training_seconds = 0.0
        self._drive(lambda engine: engine.reset())
        self._go_on(False)

    def set_speed(self, steps_per_second: float | None) -> None:
        self._send(lambda engine: engine.set_speed(steps_per_second))

    def set_threads(self, threads: int) -> None:
        self._send(lambda engine: engine.set_threads(threads))

    def set_lanes(self, lanes: Sequence[Lane]) -> None:
        """Train these variants beside the network."""
        self._send(lambda engine: engine.set_lanes(lanes))

    def asked_state(self) -> Question[Saved | None]:
        """The weights and all that training needs to go on, of this moment's network; None while
        there are none.

        The window's thread must not wait for it: look now and then whether it is answered, or
        wait in another thread.
        """
        if self._engine is None or self._loaded is None:
            return answered(self._kept)
        return self._engine.asked_state(dict(self._renamed))


def _renamed(saved: Saved, names: Mapping[str, str]) -> Saved:
    """State and history with nodes called otherwise (old id -> new id)."""
    state, history = saved
    return state.renamed(names), None if history is None else history.renamed(names)


def _guarded(act: Callable[[], T]) -> T | None:
    """One view's fault is told once by the window's hook, and does not stop the others."""
    try:
        return act()
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return None
