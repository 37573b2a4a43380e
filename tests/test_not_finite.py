"""Outputs that are no numbers are never taken for an answer."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from playground.examples import EXAMPLES
from playground.probes import answer
from playground.session import Session
from playground.snapshot import BoundaryProbe, ConfusionProbe, Snapshot
from playground.snapshot_maker import SnapshotMaker
from tests.fake_engine import FakeEngine
from ui.main_window import MainWindow
from ui.status_bar import _metric


@pytest.fixture(scope="module")
def broken() -> Session:
    """A classifier whose outputs are all NaN."""
    session = Session(EXAMPLES["mlp-spiral"].graph)
    session.run(1)
    for name in session.program.parameters:
        session.values(name)[...] = 1e38
    session.validate()
    return session


def test_it_has_no_accuracy(broken: Session) -> None:
    assert broken.validation is not None
    assert np.isnan(broken.validation.loss)
    assert np.isnan(broken.validation.metric)


def test_it_has_no_classes(broken: Session) -> None:
    boundary: Any = answer(broken, BoundaryProbe(resolution=8))
    assert np.isnan(boundary.values).all()
    assert np.isnan(boundary.margin).all()
    counts: Any = answer(broken, ConfusionProbe())
    assert counts.shape == (2, 2)
    assert not counts.any()


def test_the_window_says_so(broken: Session) -> None:
    snapshot = SnapshotMaker(broken).make(Snapshot(state="paused"), ())
    assert _metric(snapshot) == "val loss NaN"
    assert _metric(Snapshot(state="paused")) == ""


def test_a_picture_that_fails_is_told_once(window: MainWindow, engine: FakeEngine,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: told.append(error))
    fault = ZeroDivisionError("a picture that cannot be made")
    for _ in range(3):
        window.bridge._show(Snapshot(state="running", faults=(fault,)))
    assert told == [fault]
