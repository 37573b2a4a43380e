"""A variant of a network, to be trained beside it: before and after, with and without."""

from __future__ import annotations

from dataclasses import dataclass

from playground.graph import Graph
from playground.history import HistoryView
from playground.state import SavedState


@dataclass(frozen=True, eq=False)
class Lane:
    """A network under a name of its own. (The lanes of a Program are shards of the batch.)

    state, history: where it goes on from, when its weights are not to be drawn. help: what to
    look at beside the network that it is a variant of. instead: what it shows is no curve, so it is
    to take the network's place.
    """

    name: str
    graph: Graph
    state: SavedState | None = None
    history: HistoryView | None = None
    help: str = ""
    instead: bool = False

    @property
    def key(self) -> str:
        """The name as one word, for the command line."""
        return self.name.lower().replace(" ", "-")
