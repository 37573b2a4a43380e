"""The thread that trains. It owns the session; the window sends commands and takes snapshots.

Nothing here knows of a window. Commands are functions put in a queue; a snapshot is made only
when the last one has been taken, so that a slow window never causes a backlog.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from playground.comparison import Followers
from playground.compiler import CompileError
from playground.data import DataError
from playground.effort import useful_threads
from playground.emitter import Phase
from playground.graph import Graph
from playground.history import HistoryView
from playground.lane import Lane
from playground.pace import Pace
from playground.program import Program
from playground.question import Question
from playground.rate import Rate
from playground.session import Session
from playground.shapes import check
from playground.shelf import Shelf
from playground.snapshot import Probe, Snapshot, State
from playground.snapshot_maker import SnapshotMaker
from playground.state import SavedState
from playground.stops import Breakpoint, Condition, Stops
from playground.training import Training
from playground.units import Unit

SLICE = 0.02
"""Seconds of one call of the machine: how long pausing may take."""
PATIENCE = 0.2
"""Seconds that a pause or a step waits in all for variants that are a few steps behind."""
VALIDATION_SHARE = 0.04
"""At most this share of the time goes into validating."""
LARGE = 1 << 30
"""Networks that may need so many bytes get memory when they first run, not when they open."""

NO_NAMES: Mapping[str, str] = {}


class Stopped(Exception):
    """What Run or Step have begun is given up, because of a pause or of another document."""


Command = Callable[[], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Edit:
    """The command to train an edited graph; with another one behind it, it can be left out."""

    load: Callable[[], None]

    def __call__(self) -> None:
        self.load()


class Engine:
    """Trains one network at a time. All public methods may be called from any thread."""

    def __init__(self, threads: int = 1) -> None:
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)
        self.threads = threads
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._graph: Graph | None = None
        """What was to be loaded last, even if that has failed."""
        self._session: Session | None = None
        self._maker: SnapshotMaker | None = None
        self._state: State = "empty"
        self._message = ""
        self._node: str | None = None
        self._quitting = False
        self._stopping = threading.Event()
        """What takes long shall be given up: the command that says so waits in the queue."""
        self._probes: frozenset[Probe] = frozenset()
        self._wanted = threading.Event()
        self._wanted.set()
        self._changed = True
        self._mailbox: deque[Snapshot] = deque(maxlen=1)
        """The newest snapshot until it is taken; a deque, because taking must be one act."""
        self._last = Snapshot(state="empty")
        """The last one that was made in full."""
        self._unloaded: tuple[SavedState, HistoryView | None] | None = None
        """The state of a network that is not loaded: the next one may go on from it."""
        self._shelf = Shelf()
        """What this network knew before it was edited."""
        self._later: tuple[Graph, bool] | None = None
        """A large network that has not run yet, and whether its state is a document's."""
        self._followers = Followers()
        """Variants that train beside it; on the same thread, as it owns all machines."""
        self._rate = Rate()
        self._pace = Pace(burst=2 * SLICE)
        self._stops = Stops()
        self._next_validation = 0.0

    def start(self) -> None:
        self._thread.start()

    def quit(self) -> None:
        """Stop the thread and wait for it. Kernels that are not compiled yet stay so."""
        self._quitting = True
        self._commands.put(lambda: None)  # wakes it up
        if self._thread.is_alive():
            self._thread.join()
        while (command := self._next_command(0.0)) is not None:
            if isinstance(command, Question):
                command.give_up()  # somebody waits for an answer that will not come

    # -- commands -----------------------------------------------------------------------------

    def load(self, graph: Graph, saved: SavedState | None = None,
             history: HistoryView | None = None,
             renamed: Mapping[str, str] | None = None) -> None:
        """Train this graph from now on.

        With `saved`, go on from there. Otherwise it is an edit: parameters with the same node,
        name and shape keep their values, what an earlier edit took comes back where it fits again
        (see `playground.shelf`), and training goes on if it was running. `renamed` (old id -> new
        id) tells which nodes are only called otherwise: they keep theirs, and where nothing else
        is new, so does the past that one can step back to.
        """
        if saved is None and not renamed:
            self._commands.put(Edit(partial(self._load, graph)))
        else:
            self._commands.put(lambda: self._load(graph, saved, history, renamed or {}))

    def unload(self) -> None:
        """Have no network (the canvas shows one that cannot train)."""
        self._stopping.set()
        self._commands.put(self._unload)

    def set_lanes(self, lanes: Sequence[Lane]) -> None:
        """Train these variants beside the network, step by step with it; they catch up first.

        A lane that was there goes on where it is. `unload` takes them all away.
        """
        self._commands.put(lambda: self._set_lanes(tuple(lanes)))

    def set_training(self, training: Training) -> None:
        """Change numbers such as the learning rate without starting anew."""
        self._commands.put(lambda: self._set_training(training))

    def run(self) -> None:
        """Run until paused."""
        self._commands.put(self._go)

    def run_until(self, step: int | None = None, epoch: int | None = None,
                  condition: Condition | None = None) -> None:
        """Run until so many steps or epochs are finished, or until a number says so."""
        self._commands.put(lambda: self._go(step, epoch, condition))

    def toggle_stop(self, place: Breakpoint) -> None:
        """Let Run stop before an instruction of the program, each time; or no more."""
        self._commands.put(lambda: self._toggle_stop(place))

    def clear_stops(self) -> None:
        """Let Run stop before none."""
        self._commands.put(self._clear_stops)

    def pause(self) -> None:
        """Stop; a slow step between two of its layers, one that is being prepared at once."""
        self._stopping.set()
        self._commands.put(self._pause)

    def step(self, unit: Unit) -> None:
        """Go to the end of the current instruction, layer, phase, batch or epoch."""
        self._commands.put(lambda: self._step(unit))

    def back(self, unit: Unit) -> None:
        """Go back to the start of the current one, or to the one before."""
        self._commands.put(lambda: self._once(lambda s: s.back(unit)))

    def run_to(self, node: str, phase: Phase | None = None) -> None:
        """Run until this node comes next."""
        self._commands.put(lambda: self._once(lambda s: s.run_to(node, phase)))

    def run_to_instruction(self, index: int, program: Program) -> None:
        """Run until this instruction comes next, unless there is another program meanwhile."""
        self._commands.put(lambda: self._once(
            lambda s: s.program is program and s.run_to_instruction(index)))

    def reset(self) -> None:
        """Initial weights, step 0."""
        self._commands.put(lambda: self._once(self._reset))

    def set_speed(self, steps_per_second: float | None) -> None:
        """Run no faster than this; None: as fast as it goes."""
        self._commands.put(lambda: self._pace.set_speed(steps_per_second))

    def set_threads(self, threads: int) -> None:
        """Train on so many threads from now on, each with a shard of the batch."""
        self._commands.put(lambda: self._set_threads(threads))

    def watch(self, probes: frozenset[Probe]) -> None:
        """What the next snapshots should hold."""
        self._commands.put(lambda: self._watch(probes))

    def take_snapshot(self) -> Snapshot | None:
        """The newest snapshot, once; None when nothing new has happened. Asks for the next."""
        try:
            return self._mailbox.pop()
        except IndexError:
            return None
        finally:
            self._wanted.set()

    def saved_state(self, timeout: float = 10.0
                    ) -> tuple[SavedState, HistoryView | None] | None:
        """What a document keeps, as copies; None without a network. Waits for the thread."""
        return self.asked_state().wait(timeout)

    def asked_state(self, renamed: Mapping[str, str] = NO_NAMES
                    ) -> Question[tuple[SavedState, HistoryView | None] | None]:
        """The same for who waits elsewhere; of nodes that are called otherwise (old id -> new id).

        It is of the network that was loaded last, and answered between two steps or commands.
        """
        return self._put(Question(lambda: self._saved_now(renamed)))

    def ask(self, question: Callable[[Session], T], timeout: float = 10.0) -> T | None:
        """Let the training thread answer a question; None without a network.

        Raises TimeoutError, with a sentence, while it is busy for longer than `timeout` seconds.
        """
        asked = Question(lambda: question(self._session) if self._session else None)
        return self._put(asked).wait(timeout)

    def _put(self, question: Question[T]) -> Question[T]:
        if self._thread.is_alive() and not self._quitting:
            self._commands.put(question)
        else:
            question()
        return question

    # -- the thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._quitting:
            self._obey()
            try:
                if self._state == "running" and self._session is not None:
                    self._train(self._session)
                elif self._session is not None and self._catching_up():
                    self._catch_up(self._session)
                    if not self._catching_up():
                        self._followers.validate()
                if self._wanted.is_set() and self._changed:
                    self._publish()
            except Stopped:
                self._stand()
            except Exception as error:  # The window must hear of any failure, and live on.
                self._fail(error)
        self._session = None

    def _obey(self) -> None:
        """Carry out what was commanded; sleep while there is nothing to do."""
        # While idle, wake up now and then: a snapshot may have been asked for.
        patience = 0.0 if self._state == "running" or self._catching_up() else 0.02
        command = self._next_command(patience)
        while command is not None and not self._quitting:
            # While a slider is dragged, edits come faster than they compile: the last one counts.
            following = self._next_command(0.0) if isinstance(command, Edit) else None
            if not isinstance(following, Edit):
                try:
                    command()
                except Stopped:
                    self._stand()
                except Exception as error:  # As in _work.
                    self._fail(error)
            command = following or self._next_command(0.0)
        if command is not None:
            self._commands.put(command)  # quit() tells who waits for it

    def _next_command(self, patience: float) -> Command | None:
        try:
            return self._commands.get(timeout=patience)
        except queue.Empty:
            return None

    def _train(self, session: Session) -> None:
        if self._catch_up(session):
            return
        if time.perf_counter() >= self._next_validation:
            self._validate(session)
        if self._pace.is_reached(session.step):
            self._pause()
            return
        most = self._pace.allowance(session.step)
        if most == 0:
            time.sleep(0.005)
            return
        before = session.step
        self._shelf.trained()
        reached = self._stops.run_for(session, SLICE, most)
        self._rate.add(session.step - before)
        self._changed = True
        if session.trouble is not None or reached:
            self._settle(session, reached)

    def _catching_up(self) -> bool:
        """Whether variants go on although the network stands."""
        return (self._session is not None and self._state in ("paused", "diverged")
                and self._followers.behind(self._session.step))

    def _catch_up(self, session: Session) -> bool:
        """Let the variants do what the network has done; False when they have."""
        if not self._followers.behind(session.step):
            return False
        self._followers.follow(session.step, SLICE / 2)
        self._changed = True
        return True

    def _validate(self, session: Session) -> None:
        started = time.perf_counter()
        session.validate()
        self._followers.validate()
        took = time.perf_counter() - started
        self._next_validation = started + max(0.1, took / VALIDATION_SHARE)

    def _load(self, graph: Graph, saved: SavedState | None = None,
              history: HistoryView | None = None, renamed: Mapping[str, str] = NO_NAMES,
              at_once: bool = False) -> None:
        was_running, self._graph = self._state == "running", graph
        doing: State = "stepping" if self._state == "stepping" else "running"
        self._state = "compiling"  # it cannot be given up
        old, is_document = self._session, saved is not None
        if is_document:
            self._shelf = Shelf()
        elif old is not None:
            saved, history = self._shelf.keep(old)
        elif self._unloaded is not None:
            saved, history = self._unloaded
        if saved is not None and renamed:
            saved = saved.renamed(renamed)
            history = history.renamed(renamed) if history is not None else None
            self._shelf.renamed()
            self._stops.renamed(renamed)
        threads = useful_threads(graph, self.threads)
        kept = self._shelf.find(graph, threads, saved)
        if kept is not None:
            saved, history = kept.saved, kept.history
        self._message, self._node, self._later = "", None, None
        self._rate.start()  # the speed of the last network is not that of this one
        if not (at_once or was_running) and sum(check(graph).memory.values()) >= LARGE:
            self._session, self._later = None, (graph, is_document)
            self._unloaded = (saved, history) if saved is not None else None
            self._state, self._changed = "paused", True
            return
        if at_once:
            self._state = doing
        self._publish()
        try:
            if kept is not None and kept.session is not None:
                session = kept.session
                session.graph = graph
                session.set_training(graph.training)
            else:
                session = Session(graph, threads=threads, progress=self._show_progress)
                goes_on = renamed and old is not None and not is_document and session.inherit(old)
                if saved is not None and not goes_on:
                    session.restore(self._shelf.filled(saved, session.program), history,
                                    keep_position=is_document or kept is not None)
        except Exception:
            # The old network must not run on under the picture of the new one.
            self._session = None
            self._unloaded = (saved, history) if saved is not None else None
            raise
        self._session, self._unloaded = session, None
        if session.trouble is None:
            self._state = "running" if was_running else "paused"
        else:
            self._settle(session)
        self._changed = True
        if not at_once:  # a large one has a step before it, and is validated after that
            session.validate()

    def _load_what_waits(self) -> None:
        """A large network is loaded before its first step."""
        if (later := self._later) is not None:
            graph, is_document = later
            saved, history = self._unloaded if is_document and self._unloaded else (None, None)
            try:
                self._load(graph, saved, history, at_once=True)
            except Stopped:
                self._later = later
                raise
            return
        if self._session is None and self._graph is not None:
            self._load(self._graph, at_once=True)  # it has failed: perhaps it works now

    def _announce(self, text: str) -> None:
        """Say what takes long now. Nothing else is new: to answer the views takes long too."""
        state = self._state if self._state in ("compiling", "stepping") else "running"
        self._mailbox.append(replace(self._last, state=state, message="", progress=text))

    def _show_progress(self, text: str) -> None:
        """As _announce; what Run or Step have begun ends here when it shall not go on."""
        if self._quitting:
            raise InterruptedError("The window closes.")
        if self._stopping.is_set() and self._state != "compiling":
            raise Stopped
        self._announce(text)

    def _stand(self) -> None:
        """What took long was given up; what had begun can go on from there."""
        self._state, self._changed = "paused", True

    def _saved_now(self, renamed: Mapping[str, str]
                   ) -> tuple[SavedState, HistoryView | None] | None:
        session = self._session
        saved = self._unloaded if session is None else (
            session.saved_state(), session.history.view())
        if saved is None or not renamed:
            return saved
        state, history = saved
        return state.renamed(renamed), history and history.renamed(renamed)

    def _unload(self) -> None:
        self._stopping.clear()
        self._graph = self._session = self._unloaded = self._later = None
        self._shelf = Shelf()
        self._followers = Followers()
        self._stops.clear()
        self._state, self._changed = "empty", True
        self._message, self._node = "", None

    def _set_training(self, training: Training) -> None:
        if self._later is not None:
            self._later = (self._later[0].with_training(training), self._later[1])
        elif self._session is not None and self._session.set_training(training):
            self._graph, self._changed = self._session.graph, True
        elif self._graph is not None:
            self._load(self._graph.with_training(training))

    def _toggle_stop(self, place: Breakpoint) -> None:
        self._stops.toggle(place)
        self._changed = True

    def _clear_stops(self) -> None:
        self._stops.clear()
        self._changed = True

    def _go(self, step: int | None = None, epoch: int | None = None,
            condition: Condition | None = None) -> None:
        self._load_what_waits()
        if self._session is None or self._session.trouble is not None:
            return
        self._message, self._stops.condition = "", condition
        if epoch is not None:
            session = self._session
            step = session.step + (
                epoch * session.program.batches_per_epoch - session.steps_of_epochs)
        self._pace.start(step)
        self._rate.start()
        self._state, self._changed = "running", True

    def _pause(self) -> None:
        self._stopping.clear()
        if self._state == "running":
            self._state, self._changed = "paused", True
            if self._session is not None:
                end = time.perf_counter() + PATIENCE
                while time.perf_counter() < end and self._catch_up(self._session):
                    pass
                self._session.validate()
                self._followers.validate()

    def _step(self, unit: Unit) -> None:
        if unit == "epoch":
            # In slices, as it may take long: one can watch it, and pause.
            self._load_what_waits()
            if self._session is not None:
                self._go(epoch=self._session.epoch + 1)
        else:
            self._once(lambda session: session.forward_to(unit))

    def _once(self, work: Callable[[Session], object]) -> None:
        """Do one thing and stay paused."""
        state, self._state = self._state, "stepping"
        self._load_what_waits()
        session = self._session
        if session is None:
            self._state = state
            return
        self._state = "stepping"
        before = session.step, session.position
        try:
            work(session)
        finally:
            if (session.step, session.position) != before:
                self._shelf.trained()
        self._followers.go_back(session.step)
        self._followers.follow(session.step, PATIENCE)
        self._settle(session)
        self._changed = True

    def _settle(self, session: Session, reached: str = "") -> None:
        """Stand where the session is: paused, between steps validated, or because of what is not
        finite."""
        trouble = session.trouble
        self._state = "diverged" if trouble else "paused"
        self._message = trouble.text if trouble else reached
        self._node = trouble.node if trouble else None
        if session.position == 0 and not trouble:
            session.validate()

    def _reset(self, session: Session) -> None:
        self._state = "compiling"  # it cannot be given up
        self._shelf = Shelf()
        session.reset()
        self._followers.reset()

    def _set_threads(self, threads: int) -> None:
        self.threads = threads
        try:
            if self._session is not None:
                self._load(self._session.graph)
        finally:
            self._set_lanes(self._followers.lanes)

    def _set_lanes(self, lanes: tuple[Lane, ...]) -> None:
        state = self._state
        if lanes and state != "empty":
            self._state = "compiling"
        try:
            self._followers.set(lanes, self.threads, self._show_progress)
        finally:
            self._state, self._changed = state, True

    def _watch(self, probes: frozenset[Probe]) -> None:
        if probes != self._probes:
            self._probes, self._changed = probes, True

    def _fail(self, error: Exception) -> None:
        self._state, self._changed = "failed", True
        self._message = _sentence(error)
        self._node = None
        # Not a full snapshot: making one may be what failed.
        self._mailbox.append(Snapshot(state="failed", message=self._message))

    # -- snapshots ----------------------------------------------------------------------------

    def _publish(self) -> None:
        self._wanted.clear()
        self._changed = False
        self._last = self._snapshot()
        self._mailbox.append(self._last)

    def _snapshot(self) -> Snapshot:
        status = Snapshot(
            state=self._state, message=self._message, node=self._node,
            steps_per_second=self._rate.value() if self._state == "running" else 0.0)
        status = replace(status, lanes=self._followers.views(status, self._probes))
        if self._session is None:
            self._maker = None
            return status
        if self._maker is None or self._maker.session is not self._session:
            self._maker = SnapshotMaker(self._session)
        return replace(self._maker.make(status, self._probes),
                       stops=self._stops.places(self._session.program))


def _sentence(error: Exception) -> str:
    """What to tell the user; our own errors are sentences already."""
    if isinstance(error, CompileError | DataError):
        return str(error)
    if isinstance(error, MemoryError):
        return ("There is not enough memory for this network. Choose fewer units or channels, or "
                "a smaller batch.")
    return (f"Training has stopped because of a mistake in this program "
            f"({type(error).__name__}: {error}). Save your work, and reset or change the network "
            "to go on.")
