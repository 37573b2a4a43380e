"""An engine that records what it is told and gives the snapshots it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playground.graph import Graph
from playground.question import Question, answered
from playground.snapshot import Probe, Snapshot
from playground.state import SavedState


class FakeEngine:
    """Answers like `playground.engine.Engine`, at once and without a thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.graph: Graph | None = None
        self.renamed: dict[str, str] = {}
        self.watched: frozenset[Probe] = frozenset()
        self.next: Snapshot | None = None
        self.state = SavedState(step=3)

    def __getattr__(self, name: str) -> Callable[..., None]:
        def record(*args: Any, **kwargs: Any) -> None:
            self.calls.append((name, *args, *kwargs.items()))

        return record

    def load(self, graph: Graph, saved: SavedState | None = None, history: object = None,
             renamed: Mapping[str, str] | None = None) -> None:
        self.graph, self.renamed = graph, dict(renamed or {})
        self.calls.append(("load", graph, saved))

    def watch(self, probes: frozenset[Probe]) -> None:
        self.watched = probes
        self.calls.append(("watch", probes))

    def take_snapshot(self) -> Snapshot | None:
        snapshot, self.next = self.next, None
        return snapshot

    def asked_state(self, renamed: Mapping[str, str]) -> Question[tuple[SavedState, None]]:
        return answered((self.state, None))

    def names(self) -> list[str]:
        """What was called, in order."""
        return [call[0] for call in self.calls]
