"""How often what takes long is made anew, and what is remembered."""

from __future__ import annotations

import time

import pytest

from playground import snapshot_maker
from playground.examples import EXAMPLES
from playground.session import Session
from playground.snapshot import ConfusionProbe, DecodedProbe, Probe, Snapshot, TimingsProbe
from playground.snapshot_maker import SLOW_SECONDS, SLOW_SHARE, SnapshotMaker

RUNNING, PAUSED = Snapshot(state="running"), Snapshot(state="paused")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Probe]:
    """What was answered, in order; an answer takes 50 ms."""
    seen: list[Probe] = []

    def answer(_: Session, probe: Probe) -> str:
        seen.append(probe)
        time.sleep(0.05)
        return f"answer {len(seen)}"

    monkeypatch.setattr(snapshot_maker, "answer", answer)
    return seen


@pytest.fixture
def maker() -> SnapshotMaker:
    return SnapshotMaker(Session(EXAMPLES["mlp-spiral"].graph))


def test_what_takes_long_is_made_less_often(maker: SnapshotMaker, asked: list[Probe]) -> None:
    probe = ConfusionProbe()
    first = maker.make(RUNNING, [probe]).values[probe]
    assert maker.make(RUNNING, [probe]).values[probe] == first
    time.sleep(SLOW_SECONDS)  # enough for an answer that takes no time
    assert maker.make(RUNNING, [probe]).values[probe] == first
    time.sleep(0.05 / SLOW_SHARE)
    assert maker.make(RUNNING, [probe]).values[probe] != first


def test_while_paused_each_answer_is_of_now(maker: SnapshotMaker, asked: list[Probe]) -> None:
    probe = ConfusionProbe()
    assert maker.make(PAUSED, [probe]).values[probe] != maker.make(PAUSED, [probe]).values[probe]


def test_what_only_has_to_be_copied_is_always_of_now(
        maker: SnapshotMaker, asked: list[Probe]) -> None:
    maker.make(RUNNING, [TimingsProbe()])
    maker.make(RUNNING, [TimingsProbe()])
    assert len(asked) == 2


def test_answers_that_nobody_asks_for_any_more_are_forgotten(
        maker: SnapshotMaker, asked: list[Probe]) -> None:
    """A marker that is dragged asks for another place at each moment."""
    for i in range(5):
        maker.make(RUNNING, [DecodedProbe((float(i),), (0.0,))])
    assert len(asked) == 5
    assert len([key for key in maker._made if key is not None]) == 1
