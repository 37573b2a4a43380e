"""What the training thread does: load a network, run, step, go back, and tell how it stands.

Nothing here knows of threads or windows; `playground.engine` calls it from one thread alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from playground.comparison import Followers
from playground.compiler import CompileError
from playground.data import DataError
from playground.emitter import Phase
from playground.graph import Graph
from playground.history import HistoryView
from playground.lane import Lane
from playground.loading import Known, Loader
from playground.pace import Pace
from playground.program import Program
from playground.progress import Progress
from playground.rate import Rate
from playground.session import Session
from playground.snapshot import Probe, Snapshot, State, as_left
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

NO_NAMES: Mapping[str, str] = {}


class Trainer:
    """One network in training, and the variants beside it.

    progress: told of whatever takes long; it may raise Stopped, and what was begun can go on from
    there later. publish: called when what the network is becomes another, before that takes long.
    """

    def __init__(self, threads: int, progress: Progress, publish: Callable[[], None]) -> None:
        self.threads = threads
        self.state: State = "empty"
        self.changed = True
        """Whether a snapshot would show anything new."""
        self._probes: frozenset[Probe] = frozenset()
        self.pace = Pace(burst=2 * SLICE)
        self._progress, self._publish = progress, publish
        self._loader = Loader(progress)
        self._maker: SnapshotMaker | None = None
        self._message = ""
        self._node: str | None = None
        self._followers = Followers()
        """Variants that train beside it; on the same thread, as it owns all machines."""
        self._rate = Rate()
        self._stops = Stops()
        self._next_validation = 0.0

    @property
    def session(self) -> Session | None:
        """None without a network, and while a large one waits for its first step."""
        return self._loader.session

    def close(self) -> None:
        """Free the network's memory."""
        self._loader.session = None

    # -- commands -----------------------------------------------------------------------------

    def load(self, graph: Graph, saved: SavedState | None = None,
             history: HistoryView | None = None, renamed: Mapping[str, str] = NO_NAMES,
             at_once: bool = False) -> None:
        """Train this graph from now on, see `Engine.load`.

        at_once: get the memory of a large one too, for a step of it comes next.
        """
        was_running = self.state == "running"
        doing: State = "stepping" if self.state == "stepping" else "running"

        def opening() -> None:
            if at_once:
                self.state = doing
            self._publish()

        self.state = "compiling"  # it cannot be given up
        if renamed:
            self._stops.renamed(renamed)
        self._message, self._node = "", None
        self._rate.start()  # the speed of the last network is not that of this one
        session = self._loader.load(graph, self.threads, saved, history, renamed,
                                    at_once=at_once or was_running, opening=opening)
        if session is None:
            self.state, self.changed = "paused", True
            return
        if session.trouble is None:
            self.state = "running" if was_running else "paused"
        else:
            self._settle(session)
        self.changed = True
        if not at_once:  # a large one has a step before it, and is validated after that
            session.validate()

    def unload(self) -> None:
        """Have no network and no variants."""
        self._loader = Loader(self._progress)
        self._followers = Followers()
        self._stops.clear()
        self.state, self.changed = "empty", True
        self._message, self._node = "", None

    def set_training(self, training: Training) -> None:
        """Change numbers without starting anew; more than numbers needs another program."""
        self.changed = True
        if (another := self._loader.set_training(training)) is not None:
            self.load(another)

    def set_threads(self, threads: int) -> None:
        """Share batches among so many threads from now on, where that is worth it."""
        self.threads = threads
        try:
            if self.session is not None:
                self.load(self.session.graph)
        finally:
            self.set_lanes(self._followers.lanes)

    def set_lanes(self, lanes: tuple[Lane, ...]) -> None:
        """Train these variants beside the network."""
        state = self.state
        if lanes and state != "empty":
            self.state = "compiling"
        try:
            self._followers.set(lanes, self.threads, self._progress)
        finally:
            self.state, self.changed = state, True

    def run(self, step: int | None = None, epoch: int | None = None,
            condition: Condition | None = None) -> None:
        """Run until so many steps or epochs are finished, a number says so, or paused."""
        self._load_what_waits()
        if self.session is None or self.session.trouble is not None:
            return
        self._message, self._stops.condition = "", condition
        if epoch is not None:
            session = self.session
            step = session.step + (
                epoch * session.program.batches_per_epoch - session.steps_of_epochs)
        self.pace.start(step)
        self._rate.start()
        self.state, self.changed = "running", True

    def toggle_stop(self, place: Breakpoint) -> None:
        """Let Run stop before an instruction of the program, each time; or no more."""
        self._stops.toggle(place)
        self.changed = True

    def clear_stops(self) -> None:
        """Let Run stop before none."""
        self._stops.clear()
        self.changed = True

    def pause(self) -> None:
        """Stand once the variants have caught up, or PATIENCE is at its end."""
        if self.state == "running":
            self.state, self.changed = "paused", True
            if self.session is not None:
                end = time.perf_counter() + PATIENCE
                while time.perf_counter() < end and self._catch_up(self.session):
                    pass
                self.session.validate()
                self._followers.validate()

    def step(self, unit: Unit) -> None:
        """Go to the end of the current instruction, layer, phase, pass, batch or epoch."""
        if unit == "epoch":
            # In slices, as it may take long: one can watch it, and pause.
            self._load_what_waits()
            if self.session is not None:
                self.run(epoch=self.session.epoch + 1)
        else:
            self._once(lambda session: session.forward_to(unit))

    def back(self, unit: Unit) -> None:
        """Go back to the start of the current one, or to the one before."""
        self._once(lambda session: session.back(unit))

    def run_to(self, node: str, phase: Phase | None) -> None:
        """Run until this node comes next."""
        self._once(lambda session: session.run_to(node, phase))

    def run_to_instruction(self, index: int, program: Program) -> None:
        """Run until this instruction comes next, unless there is another program meanwhile."""
        self._once(lambda session: session.program is program
                   and session.run_to_instruction(index))

    def reset(self) -> None:
        """Initial weights, step 0."""
        self._once(self._reset)

    def watch(self, probes: frozenset[Probe]) -> None:
        """What the next snapshots should hold."""
        if probes != self._probes:
            self._probes, self.changed = probes, True

    # -- what goes on by itself ---------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether there is something to go on with."""
        return self.state == "running" or self._catching_up()

    def go_on(self) -> None:
        """A slice of training, or of the variants that catch up with it."""
        if self.session is None:
            return
        if self.state == "running":
            self._train(self.session)
        elif self._catching_up():
            self._catch_up(self.session)
            if not self._catching_up():
                self._followers.validate()

    def _train(self, session: Session) -> None:
        if self._catch_up(session):
            return
        if time.perf_counter() >= self._next_validation:
            self._validate(session)
        if self.pace.is_reached(session.step):
            self.pause()
            return
        most = self.pace.allowance(session.step)
        if most == 0:
            time.sleep(0.005)
            return
        before = session.step
        self._loader.trained()
        reached = self._stops.run_for(session, SLICE, most)
        self._rate.add(session.step - before)
        self.changed = True
        if session.trouble is not None or reached:
            self._settle(session, reached)

    def _catching_up(self) -> bool:
        """Whether variants go on although the network stands."""
        return (self.session is not None and self.state in ("paused", "diverged")
                and self._followers.behind(self.session.step))

    def _catch_up(self, session: Session) -> bool:
        """Let the variants do what the network has done; False when they have."""
        if not self._followers.behind(session.step):
            return False
        self._followers.follow(session.step, SLICE / 2)
        self.changed = True
        return True

    def _validate(self, session: Session) -> None:
        started = time.perf_counter()
        session.validate()
        self._followers.validate()
        took = time.perf_counter() - started
        self._next_validation = started + max(0.1, took / VALIDATION_SHARE)

    # -- how it stands ------------------------------------------------------------------------

    def stand(self) -> None:
        """What took long was given up; what had begun can go on from there."""
        self.state, self.changed = "paused", True

    def fail(self, error: Exception) -> str:
        """Stand because of a failure; gives the sentence for the user."""
        self.state, self.changed = "failed", True
        self._message, self._node = _sentence(error), None
        return self._message

    def saved(self, renamed: Mapping[str, str]) -> Known | None:
        """What a document keeps; of nodes that are called otherwise (old id -> new id)."""
        return self._loader.known(renamed)

    def snapshot(self) -> Snapshot:
        """All that the window was asked to show."""
        status = Snapshot(
            state=self.state, message=self._message, node=self._node,
            steps_per_second=self._rate.value() if self.state == "running" else 0.0)
        status = replace(status, lanes=self._followers.views(status, self._probes))
        if self.session is None:
            self._maker = None
            left = self._loader.left
            return status if left is None else as_left(status, *left)
        if self._maker is None or self._maker.session is not self.session:
            self._maker = SnapshotMaker(self.session)
        return replace(self._maker.make(status, self._probes),
                       stops=self._stops.places(self.session.program))

    # -- inside -------------------------------------------------------------------------------

    def _load_what_waits(self) -> None:
        if (waiting := self._loader.what_waits()) is not None:
            self.load(*waiting, at_once=True)

    def _once(self, work: Callable[[Session], object]) -> None:
        """Do one thing and stay paused."""
        state, self.state = self.state, "stepping"
        self._load_what_waits()
        session = self.session
        if session is None:
            self.state = state
            return
        self.state = "stepping"
        before = session.step, session.position
        try:
            work(session)
        finally:
            if (session.step, session.position) != before:
                self._loader.trained()
        self._followers.go_back(session.step)
        self._followers.follow(session.step, PATIENCE)
        self._settle(session)
        self.changed = True

    def _settle(self, session: Session, reached: str = "") -> None:
        """Stand where the session is: paused, between steps validated, or because of what is not
        finite."""
        trouble = session.trouble
        self.state = "diverged" if trouble else "paused"
        self._message = trouble.text if trouble else reached
        self._node = trouble.node if trouble else None
        if session.position == 0 and not trouble:
            session.validate()

    def _reset(self, session: Session) -> None:
        self.state = "compiling"  # it cannot be given up
        self._loader.forget()
        session.reset()
        self._followers.reset()


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
