"""Edits after which training begins anew, of the network and of all that trains beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from playground.graph import Graph
from playground.layers.surface import Shift
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.lanes import Lanes


class Restarts(QObject):
    """Another place to start from on a surface, and a variation in the network's place.

    may_reset asks before much training is lost; False where it is to be kept.
    """

    def __init__(self, document: Document, bridge: EngineBridge, lanes: Lanes,
                 may_reset: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._bridge, self._lanes = document, bridge, lanes
        self._may_reset = may_reset
        lanes.tried.connect(self._try_instead)
        document.graph_changed.connect(self._follow_start)

    def move_start(self, node: str, x: float, y: float) -> None:
        """Start from another place: an edit; what follows it does the rest."""
        self._document.attempt("Move the start", lambda graph: graph.with_layer(
            node, Shift(start=(x, y))))

    def _follow_start(self, old: Graph, new: Graph) -> None:
        """Dragged, typed or undone: the network and all lanes begin anew from another place."""
        for node in new.nodes:
            if isinstance(node.layer, Shift) and node.id in old and node != old.node(node.id) and (
                    old.with_layer(node.id, node.layer) == new):
                self._lanes.change(partial(_starting_at, node.id, node.layer))
                self._begin_anew()

    def _try_instead(self, graph: Graph) -> None:
        """A variation takes the network's place, or leaves it again."""
        if self._may_reset():
            self._document.edit("Try instead", graph.with_notes(self._document.graph.notes))
            self._begin_anew()
        self._lanes.changed.emit()  # What was clicked may be as it was.

    def _begin_anew(self) -> None:
        """Initial weights, step 0; and on, where it was running."""
        running = self._bridge.running
        self._bridge.reset()
        if running:
            self._bridge.run()


def _starting_at(id: str, place: Shift, graph: Graph) -> Graph:
    """Another graph with the node at this place, if it has one."""
    return graph.with_layer(id, place) if id in graph else graph
