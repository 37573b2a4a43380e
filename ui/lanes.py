"""The variants that train beside the document's network: before and after, with and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

from playground.graph import Graph
from playground.lane import Lane
from playground.shapes import network
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.inspector.fields import with_field
from ui.theme import theme

MOST = 6
"""Lanes at once: each has a colour of its own, and a share of the time."""
FIRST_COLOR = 2
"""Of the theme's series; those before are the network's own, for training and validation."""
OWN = "this network"


def lane_color(place: int) -> QColor:
    """The colour of a lane by its place in the list."""
    return theme().series(FIRST_COLOR + place)


class Lanes(QObject):
    """Which variants there are, and which the open example offers. The engine trains them."""

    changed = Signal()
    opened = Signal()
    """Another document is open: it has no lanes yet."""
    tried = Signal(object)
    """A Graph is to take the place of the document's: that of a variation, or the example's own."""

    def __init__(self, document: Document, bridge: EngineBridge,
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._bridge = document, bridge
        self.lanes: tuple[Lane, ...] = ()
        self.offered: tuple[Lane, ...] = ()
        """The variations of the open example."""
        self._own = document.graph
        """The open example's network, to come back to."""
        document.graph_changed.connect(lambda old, new: self.changed.emit())

    def open(self, offered: tuple[Lane, ...] = ()) -> None:
        """Another document is open, with these variations; the bridge has let the lanes go."""
        self.lanes, self.offered, self._own = (), offered, self._document.graph
        self.opened.emit()
        self.changed.emit()

    @property
    def full(self) -> bool:
        return len(self.lanes) >= MOST

    def keep(self) -> None:
        """Go on training the network as it is now, whatever becomes of the one on the canvas."""
        if not self._document.check.trainable:
            self._document.refused.emit(
                f"This network cannot train, so there is nothing to compare with: "
                f"{self._document.check.graph_error}")
            return
        try:
            state, history = self._bridge.saved_state() or (None, None)
        except TimeoutError as error:
            self._document.refused.emit(str(error))
            return
        taken = {lane.name for lane in self.lanes}
        names = ("before", *(f"before {n}" for n in range(2, 2 + MOST)))
        name = next(name for name in names if name not in taken)
        self._set((*self.lanes, Lane(name, self._document.graph, state, history)))

    def place_of(self, name: str) -> int | None:
        """Where a lane stands in the list; names are unique, and stay when its rate changes."""
        return next((i for i, lane in enumerate(self.lanes) if lane.name == name), None)

    def toggle(self, lane: Lane) -> None:
        """Train a variation too, or no longer; or put it in the network's place, or back."""
        if lane.instead:
            self.tried.emit(self._own if self.stands(lane) else lane.graph)
            return
        place = self.place_of(lane.name)
        if place is not None:
            self.remove(self.lanes[place])
        elif not self.full:
            self._set((*self.lanes, lane))

    def stands(self, lane: Lane) -> bool:
        """Whether a variation has the network's place."""
        graph = self._document.graph
        return network(graph) == network(lane.graph) and graph.training == lane.graph.training

    def remove(self, lane: Lane) -> None:
        self._set(tuple(other for other in self.lanes if other is not lane))

    def set_rate(self, lane: Lane, rate: float) -> None:
        """Another learning rate: the lane begins anew with it, and catches up."""
        training = lane.graph.training
        optimizer = with_field(training.optimizer, "learning_rate", rate)
        changed = replace(lane, graph=lane.graph.with_training(
            msgspec.structs.replace(training, optimizer=optimizer)))
        self._set(tuple(changed if other is lane else other for other in self.lanes))

    def change(self, how: Callable[[Graph], Graph]) -> None:
        """Change all lanes, and what is offered, in the same way; lanes begin anew."""
        def changed(lane: Lane) -> Lane:
            return replace(lane, graph=how(lane.graph), state=None, history=None)

        self.offered = tuple(map(changed, self.offered))
        self.opened.emit()
        if self.lanes:
            self._set(tuple(map(changed, self.lanes)))

    def _set(self, lanes: tuple[Lane, ...]) -> None:
        self.lanes = lanes
        self._bridge.set_lanes(lanes)
        self.changed.emit()
