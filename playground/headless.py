"""Training without a window, from start to end: what the command line and the tests run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playground.evaluator import Evaluation
from playground.graph import Graph
from playground.history import HistoryView
from playground.session import Session
from playground.state import SavedState

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


def train(graph: Graph, *, steps: int | None = None, epochs: int | None = None, threads: int = 1,
          saved: SavedState | None = None, history: HistoryView | None = None,
          preparing: Callable[[str], None] | None = None,
          ready: Callable[[], None] | None = None,
          progress: Callable[[Session, int], None] | None = None) -> Outcome:
    """Train for so many steps or epochs (one of the two), going on from `saved` if given.

    ready is called when the network fits and training begins; progress gets the session and the
    steps that are left. Ctrl+C ends the run early, not badly.
    """
    session = Session(graph, threads=threads, progress=preparing)
    if saved is not None:
        session.restore(saved, history, keep_position=False)
    if ready is not None:
        ready()
    begin = session.step
    per_epoch = session.program.batches_per_epoch
    total = steps if steps is not None else (epochs or 1) * per_epoch
    every = max(per_epoch, -(-total // VALIDATIONS))
    state: Literal["done", "diverged", "interrupted"] = "done"
    started = time.perf_counter()
    validating = 0.0
    try:
        while (done := session.step - begin) < total and session.trouble is None:
            session.run_for(SLICE, min(total - done, every - done % every))
            if (session.step - begin) % every == 0:
                before = time.perf_counter()
                session.validate()
                validating += time.perf_counter() - before
            if progress is not None:
                progress(session, total - (session.step - begin))
    except KeyboardInterrupt:
        state = "interrupted"
    seconds = time.perf_counter() - started - validating
    if session.trouble is not None:
        state = "diverged"
    data = session.data
    nodes = dict.fromkeys(name.partition(".")[0] for name in session.program.parameters)
    return Outcome(
        session, state, session.trouble.text if session.trouble else "", session.step - begin,
        seconds,
        session.evaluator.evaluate(data.x_train, data.target_train), session.validate(),
        {node: (session.measured(f"{node}.grad_norm_before"),
                session.measured(f"{node}.grad_norm")) for node in nodes})
