"""Networks trained side by side, for before and after: the same steps, in turn, on one thread.

What the same seeds draw is the same for all: the order of the samples and so the batches, the
weights of layers with the same name and shape, the random numbers of dropout. Each network is a
session of its own and comes out bit for bit as if it had been trained alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from playground.compiler import CompileError
from playground.data import DataError
from playground.effort import useful_threads
from playground.headless import SLICE, Outcome, Run
from playground.history import HistoryView
from playground.lane import Lane
from playground.session import Session
from playground.snapshot import Boundary, BoundaryProbe, LaneView, Probe, Snapshot
from playground.snapshot_maker import SnapshotMaker
from playground.state import SavedState


def compare(lanes: Sequence[Lane], *, steps: int | None = None, epochs: int | None = None,
            threads: int = 1, preparing: Callable[[str], None] | None = None,
            ready: Callable[[], None] | None = None,
            progress: Callable[[Session, float], None] | None = None) -> tuple[Outcome, ...]:
    """Train all lanes for the same steps (epochs are those of the first), in turn.

    ready is called when all of them fit; progress gets the session that has just gone on and the
    share of its run that is done, 0..1. Ctrl+C ends all of them early.
    """
    runs: list[Run] = []
    for lane in lanes:
        runs.append(Run(lane.graph, steps=runs[0].total if runs else steps, epochs=epochs,
                        threads=threads, saved=lane.state, history=lane.history,
                        preparing=preparing))
    if ready is not None:
        ready()
    interrupted = False
    try:
        while waiting := [run for run in runs if run.left]:
            behind = min(waiting, key=lambda run: run.done)
            behind.go_on(SLICE / len(runs))
            if progress is not None:
                progress(behind.session, behind.done / behind.total)
    except KeyboardInterrupt:
        interrupted = True
    return tuple(run.outcome(interrupted) for run in runs)


class Followers:
    """Lanes that keep up with a network in training, step by step. Owned by one thread."""

    def __init__(self) -> None:
        self._followers: list[_Follower] = []

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(follower.lane for follower in self._followers)

    def set(self, lanes: Sequence[Lane], threads: int,
            progress: Callable[[str], None] | None = None) -> None:
        """Have these lanes from now on; one that was there goes on where it is.

        One that comes under its old name with another learning rate or the like begins anew.
        """
        known = {follower.lane.name: follower for follower in self._followers}
        followers: list[_Follower] = []
        for lane in lanes:
            follower = known.pop(lane.name, None)
            if follower is None or not follower.become(lane):
                follower = _Follower(lane, threads, progress)
            follower.use(threads, progress)
            followers.append(follower)
        self._followers = followers

    def behind(self, step: int) -> bool:
        """Whether any lane has yet to do a step that the network has done."""
        return any(follower.steps_to(step) for follower in self._followers)

    def follow(self, step: int, seconds: float) -> None:
        """Let the lanes that are behind go on up to this step, for about so long in all."""
        behind = [follower for follower in self._followers if follower.steps_to(step)]
        for follower in behind:
            follower.follow(step, seconds / len(behind))

    def go_back(self, step: int) -> None:
        """Let no lane be ahead of this step, as far as its past reaches."""
        for follower in self._followers:
            follower.go_back(step)

    def reset(self) -> None:
        """Initial weights, step 0."""
        for follower in self._followers:
            follower.reset()

    def validate(self) -> None:
        for follower in self._followers:
            if follower.session is not None and follower.session.trouble is None:
                follower.session.validate()

    def views(self, status: Snapshot, probes: Iterable[Probe]) -> tuple[LaneView, ...]:
        """How they do. status, probes: what the engine knows of itself, and is asked."""
        boundary = [probe for probe in probes if isinstance(probe, BoundaryProbe)]
        return tuple(follower.view(status, boundary) for follower in self._followers)


class _Follower:
    """One lane and its session; none where the network cannot train."""

    def __init__(self, lane: Lane, threads: int, progress: Callable[[str], None] | None) -> None:
        self.lane, self.threads = lane, threads
        self.session: Session | None = None
        self._error = ""
        self._maker: SnapshotMaker | None = None
        self._state, self._history = lane.state, lane.history
        """Where it begins; nothing once it was reset."""
        self._compile(progress)
        self._begin()

    def _compile(self, progress: Callable[[str], None] | None) -> None:
        self.session, self._error = None, ""
        try:
            threads = useful_threads(self.lane.graph, self.threads)
            self.session = Session(self.lane.graph, threads=threads, progress=progress)
            self._maker = SnapshotMaker(self.session)
        except (CompileError, DataError) as error:
            self._error = str(error)
        except MemoryError:
            self._error = "There is not enough memory for this network beside the other."

    def _begin(self) -> None:
        if self.session is not None:
            self.session.reset()
            self._go_on_from(self._state, self._history)

    def _go_on_from(self, state: SavedState | None, history: HistoryView | None) -> None:
        if self.session is not None:
            if state is not None:
                self.session.restore(state, history, keep_position=False)
            self.session.validate()

    def become(self, lane: Lane) -> bool:
        """Begin anew as a lane that differs in numbers such as the learning rate, if in anything.

        False where it is another network, or begins elsewhere.
        """
        old = self.lane
        if lane is old:
            return True
        if lane.state is not old.state or self.session is None or (
                lane.graph.with_training(old.graph.training) != old.graph) or (
                not self.session.set_training(lane.graph.training)):
            return False
        self.lane = lane
        self._begin()
        return True

    def use(self, threads: int, progress: Callable[[str], None] | None) -> None:
        """Go on where it is, on so many threads."""
        if threads == self.threads:
            return
        old, self.threads = self.session, threads
        self._compile(progress)
        if old is None:
            self._begin()
        else:
            self._go_on_from(old.saved_state(), old.history.view())

    def reset(self) -> None:
        """Initial weights, step 0, also where it had begun later."""
        self._state, self._history = None, None
        self._begin()

    def steps_to(self, step: int) -> int:
        """Steps that it can do up to this one."""
        session = self.session
        if session is None or session.trouble is not None:
            return 0
        return max(0, step - session.step)

    def follow(self, step: int, seconds: float) -> None:
        if self.session is not None and (left := self.steps_to(step)):
            self.session.run_for(seconds, left)

    def go_back(self, step: int) -> None:
        session = self.session
        if session is not None and session.step > step and not (
                session.go_to(step * len(session.program.code))):
            self._begin()

    def view(self, status: Snapshot, probes: Iterable[BoundaryProbe]) -> LaneView:
        session = self.session
        if session is None or self._maker is None:
            return LaneView(self.lane, message=self._error)
        nan = float("nan")
        found = self._maker.answers(status, probes)
        validation = session.validation
        return LaneView(
            self.lane, session.step, session.trouble.text if session.trouble else "",
            session.history.view(), validation.loss if validation else nan,
            validation.metric if validation else nan,
            next((value for value in found.values() if isinstance(value, Boundary)), None),
            session.program.check.total_parameters, session.seconds_per_step)
