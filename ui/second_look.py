"""A graph whose files were wrong, checked anew in a thread: they may be large."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from playground.graph import Graph, Node
from playground.shapes import Check, check
from ui.patience import begun

POLL_MS = 30
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
        self._thread: threading.Thread | None = None
        self._wrong: tuple[Node, ...] = ()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._take)

    @property
    def busy(self) -> bool:
        return self._thread is not None

    def begin(self, graph: Graph, wrong: Iterable[Node]) -> bool:
        """Check this graph, because of these nodes; whether it is still to be waited for."""
        self.found, self._wrong = None, tuple(wrong)
        self._thread = begun(lambda: self._look(graph), "reading")
        self._timer.start()
        self._take()
        return self.busy

    def wait_for(self, graph: Graph) -> None:
        """Let it end, where a graph needs what is being read: it would be read twice otherwise."""
        layers = [node.layer for node in self._wrong]
        if self._thread is not None and any(node.layer in layers for node in graph.nodes):
            self._thread.join()

    def _look(self, graph: Graph) -> None:
        self.found = check(graph)

    def _take(self) -> None:
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            self._timer.stop()
            self.done.emit()
