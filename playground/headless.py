"""Training without a window, from start to end: what the command line and the tests run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playground.effort import useful_threads
from playground.evaluator import Evaluation
from playground.graph import Graph
from playground.history import HistoryView
from playground.session import Session
from playground.state import SavedState, node_of

VALIDATIONS = 50
"""At most this many on the way, at fixed steps: the same run gives the same history."""
SLICE = 0.2
"""Seconds between two reports of progress."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. gradient_norms: of each node, before and after clipping, last step."""

    session: Session
    state: Literal["done", "diverged", "interrupted"]
    message: str
    steps: int
    """Steps of this run; `session.step` counts those of earlier runs too."""
    seconds: float
    train: Evaluation
    validation: Evaluation
    gradient_norms: dict[str, tuple[float, float]]


class Run:
    """A network on its way through so many steps or epochs (one of the two).

    It goes on from `saved` if given, and validates at fixed steps.
    """

    def __init__(self, graph: Graph, *, steps: int | None = None, epochs: int | None = None,
                 threads: int = 1, saved: SavedState | None = None,
                 history: HistoryView | None = None,
                 preparing: Callable[[str], None] | None = None) -> None:
        self.session = Session(graph, threads=useful_threads(graph, threads), progress=preparing)
        if saved is not None:
            self.session.restore(saved, history, keep_position=False)
        self._begin = self.session.step
        per_epoch = self.session.program.batches_per_epoch
        self.total = steps if steps is not None else (epochs or 1) * per_epoch
        self._every = max(per_epoch, -(-self.total // VALIDATIONS))
        self._seconds = 0.0

    @property
    def done(self) -> int:
        """Steps of this run; `session.step` counts those of earlier runs too."""
        return self.session.step - self._begin

    @property
    def left(self) -> int:
        """Steps that are to come; none after a step that is not finite."""
        return 0 if self.session.trouble is not None else self.total - self.done

    def go_on(self, seconds: float = SLICE) -> None:
        """Train for about so long, and validate where that is due."""
        started = time.perf_counter()
        self.session.run_for(seconds, min(self.left, self._every - self.done % self._every))
        self._seconds += time.perf_counter() - started
        if self.done % self._every == 0:
            self.session.validate()

    def outcome(self, interrupted: bool = False) -> Outcome:
        """How far it came; validates."""
        session, trouble = self.session, self.session.trouble
        data = session.data
        nodes = dict.fromkeys(node_of(name) for name in session.program.parameters)
        return Outcome(
            session, "diverged" if trouble else "interrupted" if interrupted else "done",
            trouble.text if trouble else "", self.done, self._seconds,
            session.evaluator.evaluate(data.x_train, data.target_train), session.validate(),
            {node: (session.measured(f"{node}.grad_norm_before"),
                    session.measured(f"{node}.grad_norm")) for node in nodes})


def train(graph: Graph, *, steps: int | None = None, epochs: int | None = None, threads: int = 1,
          saved: SavedState | None = None, history: HistoryView | None = None,
          preparing: Callable[[str], None] | None = None,
          ready: Callable[[], None] | None = None,
          progress: Callable[[Session, float], None] | None = None) -> Outcome:
    """Train for so many steps or epochs (one of the two), going on from `saved` if given.

    ready is called when the network fits and training begins; progress gets the session and the
    share of this run that is done, 0..1. Ctrl+C ends the run early, not badly.
    """
    run = Run(graph, steps=steps, epochs=epochs, threads=threads, saved=saved, history=history,
              preparing=preparing)
    if ready is not None:
        ready()
    interrupted = False
    try:
        while run.left:
            run.go_on()
            if progress is not None:
                progress(run.session, run.done / run.total)
    except KeyboardInterrupt:
        interrupted = True
    return run.outcome(interrupted)
