"""The variants that train beside the document's network: before and after, with and without."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QColor

from playground.document import clause
from playground.graph import Graph
from playground.lane import Lane
from playground.question import Question
from playground.shapes import network
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.inspector.fields import with_field
from ui.saving import LIMIT, UNNOTICED
from ui.theme import theme

if TYPE_CHECKING:
    from playground.history import HistoryView
    from playground.state import SavedState

MOST = 6
"""Lanes at once: each has a colour of its own, and a share of the time."""
FIRST_COLOR = 2
"""Of the theme's series; those before are the network's own, for training and validation."""
OWN = "this network"
LOOK_MS = 33
"""Between two looks whether the network has answered."""


def lane_color(place: int) -> QColor:
    """The colour of a lane by its place in the list."""
    return theme().series(FIRST_COLOR + place)


@dataclass
class Keeping:
    """A network on its way to a lane: drawn as at the click, with the weights that it had then."""

    graph: Graph
    asked: Question[tuple[SavedState, HistoryView | None] | None]
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has been waited for the weights."""
        return time.monotonic() - self.since


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
        self._keeping: Keeping | None = None
        self.waiting = False
        """Whether the network takes its time to tell the weights that are to be kept."""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        document.graph_changed.connect(lambda old, new: self.changed.emit())

    def open(self, offered: tuple[Lane, ...] = ()) -> None:
        """Another document is open, with these variations; the bridge has let the lanes go."""
        if (keeping := self._take()) is not None:
            keeping.asked.give_up()
        self.lanes, self.offered, self._own = (), offered, self._document.graph
        self.opened.emit()
        self.changed.emit()

    @property
    def full(self) -> bool:
        return len(self.lanes) + (self._keeping is not None) >= MOST

    def keep(self) -> None:
        """Go on training the network as it is now, whatever becomes of the one on the canvas.

        The lane comes when the network has told its weights; until then there is no second one.
        """
        if self._keeping is not None:
            return
        if not self._document.check.trainable:
            self._document.refused.emit(
                f"This network cannot train, so there is nothing to compare with: "
                f"{self._document.check.graph_error}")
            return
        self._keeping = Keeping(self._document.graph, self._bridge.asked_state())
        self._timer.start()
        self._look()
        if self._keeping is not None:
            self.changed.emit()

    def _look(self) -> None:
        """Have the lane if its weights are there; say what is waited for when that takes long."""
        keeping = self._keeping
        assert keeping is not None, "the timer runs only while there is one"
        if not keeping.asked.done and keeping.seconds < LIMIT:
            if not self.waiting and keeping.seconds > UNNOTICED:
                self.waiting = True
                self.changed.emit()
            return
        self._take()
        try:
            state, history = keeping.asked.wait(0) or (None, None)
        except CancelledError:  # the window closes
            return
        except Exception as error:  # whatever it is, it must reach the user
            reason = clause(error) or type(error).__name__
            self._document.refused.emit(f"The network was not kept as a lane: {reason}.")
            self.changed.emit()
            return
        self._set((*self.lanes, self._lane(keeping.graph, state, history)))

    def _lane(self, graph: Graph, state: SavedState | None = None,
              history: HistoryView | None = None) -> Lane:
        """A lane under a name that says that it was there before what came since."""
        taken = {lane.name for lane in self.lanes}
        names = ("before", *(f"before {n}" for n in range(2, 2 + MOST)))
        return Lane(next(name for name in names if name not in taken), graph, state, history)

    def _take(self) -> Keeping | None:
        """What is on its way, if anything; it is waited for no more."""
        self._timer.stop()
        keeping, self._keeping, self.waiting = self._keeping, None, False
        return keeping

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
        lanes = self.lanes
        if (keeping := self._take()) is not None:  # its weights are not needed any more
            keeping.asked.give_up()
            lanes = (*lanes, self._lane(keeping.graph))
        if lanes:
            self._set(tuple(map(changed, lanes)))

    def _set(self, lanes: tuple[Lane, ...]) -> None:
        self.lanes = lanes
        self._bridge.set_lanes(lanes)
        self.changed.emit()
