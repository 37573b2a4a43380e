"""Makes the snapshots: copies of what a session shows, on the thread that owns it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from playground.diagnosis import verdict_of
from playground.probes import answer
from playground.program import NODE_STATISTICS
from playground.session import Session
from playground.snapshot import NodeStatistics, Probe, Snapshot, Verdict

_PARAMETER_STATISTICS = frozenset({
    "grad_norm_before", "grad_max", "grad_zeros", "nonfinite", "grad_norm", "update_ratio"})


def make_snapshot(status: Snapshot, session: Session, probes: Iterable[Probe]) -> Snapshot:
    """`status` (what the engine knows of itself) with all that the session shows."""
    history = session.history.view()
    validation, nan = session.validation, float("nan")
    measured = session.has_run
    return replace(
        status,
        brief=session.trouble.brief if session.trouble else "",
        program=session.program, position=session.position, step=session.step,
        epoch=session.epoch, batch_in_epoch=session.batch_in_epoch,
        batches_per_epoch=session.program.batches_per_epoch,
        instrumentation=session.instrumentation(), can_step_back=session.can_step_back,
        loss=session.measured("loss") if measured else nan,
        metric=session.measured("metric") if measured else nan,
        metric_name=session.metric_name,
        validation_loss=validation.loss if validation else nan,
        validation_metric=validation.metric if validation else nan,
        learning_rate=session.measured("learning_rate") if measured else nan,
        nodes=_statistics(session) if measured else {},
        history=history,
        verdict=(verdict_of(history, session.program.learners) if status.state != "diverged"
                 else Verdict("diverged", status.message)),
        values=_answers(session, probes))


def _answers(session: Session, probes: Iterable[Probe]) -> dict[Probe, object]:
    answers: dict[Probe, object] = {}
    for probe in probes:
        try:
            with np.errstate(all="ignore"):
                value = answer(session, probe)
        except Exception:
            # A picture that cannot be made must not end the training that it shows. This snapshot
            # has no answer then, as where the network has nothing of the kind; the next one tries
            # again.
            continue
        if value is not None:
            answers[probe] = value
    return answers


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
