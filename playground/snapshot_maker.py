"""Makes the snapshots: copies of what a session shows, on the thread that owns it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

import numpy as np

from playground.diagnosis import verdict_of
from playground.probes import answer
from playground.program import NODE_STATISTICS
from playground.session import Session
from playground.snapshot import (
    NodeStatistics,
    Probe,
    Snapshot,
    SurfaceProbe,
    TensorProbe,
    TimingsProbe,
    Verdict,
)

T = TypeVar("T")
SURFACE_SECONDS = 1.0
"""A surface takes thousands of runs, and mostly stays as it is."""
SLOW_SECONDS = 0.12
"""A moving picture at 8 Hz; at 30 Hz the window and the training would wait for each other."""
SLOW_SHARE = 0.2
"""Of the time, at most, for one answer: what takes longer to make is made less often."""

_PARAMETER_STATISTICS = frozenset({
    "grad_norm_before", "grad_max", "grad_zeros", "nonfinite", "grad_norm", "update_ratio"})


class SnapshotMaker:
    """Makes snapshots of one session. While it runs, what takes long is made anew at 8 Hz only."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._faults: dict[type, Exception] = {}
        self._made: dict[Probe | None, tuple[float, object]] = {}
        """Until when the answer to a probe is fresh, and the answer; None stands for the verdict.
        """

    def make(self, status: Snapshot, probes: Iterable[Probe]) -> Snapshot:
        """`status` (what the engine knows of itself) with all that the session shows."""
        session = self.session
        history = session.history.view()
        validation, nan = session.validation, float("nan")
        measured = session.has_run
        if status.state == "diverged":
            verdict = Verdict("diverged", status.message)
        else:
            verdict = self._remembered(
                status, None, lambda: verdict_of(history, session.program.learners))
        answers = self.answers(status, probes)
        return replace(
            status, faults=tuple(self._faults.values()),
            brief=session.trouble.brief if session.trouble else "",
            program=session.program, training=session.graph.training,
            position=session.position, step=session.step,
            epoch=session.epoch, batch_in_epoch=session.batch_in_epoch,
            batches_per_epoch=session.program.batches_per_epoch,
            instrumentation=session.instrumentation(), can_step_back=session.can_step_back,
            loss=session.measured("loss") if measured else nan,
            losses={id: _loss_of(session, id) if measured else nan
                    for id in session.program.check.losses},
            metric=session.measured("metric") if measured else nan,
            metric_name=session.metric_name,
            validation_loss=validation.loss if validation else nan,
            validation_metric=validation.metric if validation else nan,
            validation_step=session.validation_step if validation else None,
            learning_rate=session.measured("learning_rate") if measured else nan,
            nodes=_statistics(session) if measured else {},
            seconds_per_step=session.seconds_per_step,
            history=history, verdict=verdict, values=answers)

    def answers(self, status: Snapshot, probes: Iterable[Probe]) -> dict[Probe, object]:
        """What the probes ask for; those that cannot be answered are not there."""
        answers: dict[Probe, object] = {}
        asked = frozenset(probes)
        self._made = {key: made for key, made in self._made.items() if key is None or key in asked}
        for probe in asked:
            try:
                with np.errstate(all="ignore"):
                    if _is_slow(probe):
                        value = self._remembered(
                            status, probe, partial(answer, self.session, probe))
                    else:
                        value = answer(self.session, probe)
            except Exception as fault:
                # A picture that cannot be made must not end the training that it shows. This
                # snapshot has no answer then, as where the network has nothing of the kind; the
                # next one tries again.
                self._faults.setdefault(type(probe), fault)
                continue
            if value is not None:
                answers[probe] = value
        return answers

    def _remembered(self, status: Snapshot, key: Probe | None, make: Callable[[], T]) -> T:
        """The last answer while the network runs and it is fresh enough, else a new one."""
        until, value = self._made.get(key, (0.0, None))
        started = time.perf_counter()
        if status.state == "running" and value is not None and started < until:
            return cast(T, value)
        value = make()
        took = time.perf_counter() - started
        least = SURFACE_SECONDS if isinstance(key, SurfaceProbe) else SLOW_SECONDS
        self._made[key] = (started + max(least, took / SLOW_SHARE), value)
        return value


def _loss_of(session: Session, id: str) -> float:
    single = len(session.program.check.losses) == 1
    return session.measured("loss" if single else f"{id}.loss")


def _is_slow(probe: Probe) -> bool:
    """Whether the network must be run to answer."""
    if isinstance(probe, TensorProbe):
        return probe.source == "validation"
    return not isinstance(probe, TimingsProbe)


def _statistics(session: Session) -> dict[str, NodeStatistics]:
    """The last measurements of each node; NaN for what a node does not have."""
    nodes: dict[str, NodeStatistics] = {}
    learners = set(session.program.learners)
    for i, column in enumerate(session.program.columns):
        node, _, name = column.rpartition(".")
        if not node or name != NODE_STATISTICS[0]:
            continue
        values = dict(zip(NODE_STATISTICS, session.row[i:i + len(NODE_STATISTICS)].tolist(),
                          strict=True))
        for statistic in NODE_STATISTICS:
            if node not in learners and statistic in _PARAMETER_STATISTICS:
                values[statistic] = float("nan")
        nodes[node] = NodeStatistics(**values)
    return nodes
