"""The thread that trains. It owns the session; the window sends commands and takes snapshots.

Nothing here knows of a window. Commands are functions put in a queue; a snapshot is made only
when the last one has been taken, so that a slow window never causes a backlog.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from playground.emitter import Phase
from playground.graph import Graph
from playground.history import HistoryView
from playground.lane import Lane
from playground.program import Program
from playground.progress import Stopped
from playground.question import Question
from playground.session import Session
from playground.snapshot import Probe, Snapshot
from playground.state import SavedState
from playground.stops import Breakpoint, Condition
from playground.trainer import NO_NAMES, Trainer
from playground.training import Training
from playground.units import Unit

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
        self._trainer = Trainer(threads, self._show_progress, self._publish)
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._quitting = False
        self._stopping: deque[None] = deque()
        """One for each command in the queue that wants what takes long to be given up."""
        self._wanted = threading.Event()
        self._wanted.set()
        self._mailbox: deque[Snapshot] = deque(maxlen=1)
        """The newest snapshot until it is taken; a deque, because taking must be one act."""
        self._last = Snapshot(state="empty")
        """The last one that was made in full."""

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
            self._commands.put(Edit(partial(self._trainer.load, graph)))
        else:
            self._commands.put(lambda: self._trainer.load(graph, saved, history, renamed or {}))

    def unload(self) -> None:
        """Have no network (the canvas shows one that cannot train)."""
        self._stopping.append(None)
        self._commands.put(self._unload)

    def set_lanes(self, lanes: Sequence[Lane]) -> None:
        """Train these variants beside the network, step by step with it; they catch up first.

        A lane that was there goes on where it is. `unload` takes them all away.
        """
        self._commands.put(lambda: self._trainer.set_lanes(tuple(lanes)))

    def set_training(self, training: Training) -> None:
        """Change numbers such as the learning rate without starting anew."""
        self._commands.put(lambda: self._trainer.set_training(training))

    def run(self) -> None:
        """Run until paused."""
        self._commands.put(self._trainer.run)

    def run_until(self, step: int | None = None, epoch: int | None = None,
                  condition: Condition | None = None) -> None:
        """Run until so many steps or epochs are finished, or until a number says so."""
        self._commands.put(lambda: self._trainer.run(step, epoch, condition))

    def toggle_stop(self, place: Breakpoint) -> None:
        """Let Run stop before an instruction of the program, each time; or no more."""
        self._commands.put(lambda: self._trainer.toggle_stop(place))

    def clear_stops(self) -> None:
        """Let Run stop before none."""
        self._commands.put(self._trainer.clear_stops)

    def pause(self) -> None:
        """Stop; a slow step between two of its layers, one that is being prepared at once."""
        self._stopping.append(None)
        self._commands.put(self._pause)

    def step(self, unit: Unit) -> None:
        """Go to the end of the current instruction, layer, phase, batch or epoch."""
        self._commands.put(lambda: self._trainer.step(unit))

    def back(self, unit: Unit) -> None:
        """Go back to the start of the current one, or to the one before."""
        self._commands.put(lambda: self._trainer.back(unit))

    def run_to(self, node: str, phase: Phase | None = None) -> None:
        """Run until this node comes next."""
        self._commands.put(lambda: self._trainer.run_to(node, phase))

    def run_to_instruction(self, index: int, program: Program) -> None:
        """Run until this instruction comes next, unless there is another program meanwhile."""
        self._commands.put(lambda: self._trainer.run_to_instruction(index, program))

    def reset(self) -> None:
        """Initial weights, step 0."""
        self._commands.put(self._trainer.reset)

    def set_speed(self, steps_per_second: float | None) -> None:
        """Run no faster than this; None: as fast as it goes."""
        self._commands.put(lambda: self._trainer.pace.set_speed(steps_per_second))

    def set_threads(self, threads: int) -> None:
        """Train on so many threads from now on, each with a shard of the batch."""
        self._commands.put(lambda: self._trainer.set_threads(threads))

    def watch(self, probes: frozenset[Probe]) -> None:
        """What the next snapshots should hold."""
        self._commands.put(lambda: self._trainer.watch(probes))

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
        return self._put(Question(lambda: self._trainer.saved(renamed)))

    def ask(self, question: Callable[[Session], T], timeout: float = 10.0) -> T | None:
        """Let the training thread answer a question; None without a network.

        Raises TimeoutError, with a sentence, while it is busy for longer than `timeout` seconds.
        """
        asked = Question(lambda: question(session)
                         if (session := self._trainer.session) else None)
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
            self._try(self._go_on)
        self._trainer.close()

    def _go_on(self) -> None:
        self._trainer.go_on()
        if self._wanted.is_set() and self._trainer.changed:
            self._publish()

    def _obey(self) -> None:
        """Carry out what was commanded; sleep while there is nothing to do."""
        # While idle, wake up now and then: a snapshot may have been asked for.
        command = self._next_command(0.0 if self._trainer.is_busy else 0.02)
        while command is not None and not self._quitting:
            # While a slider is dragged, edits come faster than they compile: the last one counts.
            following = self._next_command(0.0) if isinstance(command, Edit) else None
            if not isinstance(following, Edit):
                self._try(command)
            command = following or self._next_command(0.0)
        if command is not None:
            self._commands.put(command)  # quit() tells who waits for it

    def _next_command(self, patience: float) -> Command | None:
        try:
            return self._commands.get(timeout=patience)
        except queue.Empty:
            return None

    def _try(self, work: Command) -> None:
        """Do it; the window must hear of any failure, and live on."""
        try:
            work()
        except Stopped:
            self._trainer.stand()
        except Exception as error:
            # Not a full snapshot: making one may be what failed.
            self._mailbox.append(Snapshot(state="failed", message=self._trainer.fail(error)))

    def _unload(self) -> None:
        self._stopping.pop()
        self._trainer.unload()

    def _pause(self) -> None:
        self._stopping.pop()
        self._trainer.pause()

    # -- what the window hears ----------------------------------------------------------------

    def _publish(self) -> None:
        self._wanted.clear()
        self._trainer.changed = False
        self._last = self._trainer.snapshot()
        self._mailbox.append(self._last)

    def _announce(self, text: str) -> None:
        """Say what takes long now. Nothing else is new: to answer the views takes long too."""
        self._mailbox.append(replace(
            self._last, state=self._trainer.state, message="", progress=text))

    def _show_progress(self, text: str) -> None:
        """As _announce; what Run or Step have begun ends here when it shall not go on."""
        if self._quitting:
            raise InterruptedError("The window closes.")
        if self._stopping and self._trainer.state != "compiling":
            raise Stopped
        self._announce(text)
