"""A graph whose files were wrong, checked anew in a thread: they may be large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from playground.graph import Graph, Node
from playground.shapes import Check, check
from ui import patience
from ui.background import Background

CHECKING = "Checking the file…"
"""What a node says meanwhile."""


def meanwhile(known: Check, ids: Iterable[str]) -> Check:
    """What is known while the files of these nodes are read: they wait, and are not wrong."""
    ids = frozenset(ids)
    why = next((f"{id}: {CHECKING}" for id in ids
                if known.graph_error == f"{id}: {known.errors[id]}"), known.graph_error)
    return replace(known, errors=known.errors | dict.fromkeys(ids, CHECKING),
                   waiting=known.waiting | ids, graph_error=why)


class SecondLook(QObject):
    """Checks one graph at a time."""

    done = Signal()
    """`found` is there."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.found: Check | None = None
        """None where the check itself has failed, which is told like any other mistake."""
        self._wrong: tuple[Node, ...] = ()
        self._work = Background(self)
        self._work.came.connect(self._came)
        self._work.ended.connect(self.done)

    @property
    def busy(self) -> bool:
        return self._work.busy

    def begin(self, graph: Graph, wrong: Iterable[Node]) -> bool:
        """Check this graph, because of these nodes; whether it is still to be waited for."""
        self.found, self._wrong = None, tuple(wrong)
        self._work.start(partial(_checked, graph), patience.UNNOTICED)
        return self.busy

    def wait_for(self, graph: Graph) -> None:
        """Let it end, where a graph needs what is being read: it would be read twice otherwise."""
        layers = [node.layer for node in self._wrong]
        if any(node.layer in layers for node in graph.nodes):
            self._work.wait()

    def _came(self, found: Check) -> None:
        self.found = found


def _checked(graph: Graph) -> Iterator[Check]:
    yield check(graph)
