"""What networks knew when they were edited: an undo brings it back.

An edit keeps what still fits (the same node, name and shape), and the rest would be gone for
good. So each network that has trained is kept when another takes its place:

- Where nothing has trained since, it comes back as it was: weights, optimizer, history, the
  middle of a step, and mostly the past that one can step back to.
- Where training went on, what fits keeps its newer values, and each node that does not fit is
  taken, whole, from the newest network in which it did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from playground.graph import Graph
from playground.history import HistoryView
from playground.program import Program
from playground.session import Session
from playground.shapes import network
from playground.state import SavedState, Sizes, node_of

MOST_BYTES = 512 << 20
"""Of the states; the oldest are forgotten first, the newest never."""
MOST_ALIVE = 256 << 20
"""Of an arena: a larger network is kept as its state alone."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A network as it was left. fresh: whether nothing has trained since."""

    key: object
    saved: SavedState
    history: HistoryView
    session: Session | None
    fresh: bool = True


class Shelf:
    """The networks of one document, in the order in which they were left."""

    def __init__(self) -> None:
        self._kept: list[Kept] = []
        self._is_new = True
        """Whether the network of now knows what is not kept yet."""

    def keep(self, session: Session) -> tuple[SavedState, HistoryView]:
        """Another network takes this one's place; gives what the other one can go on from."""
        saved, history = session.saved_state(), session.history.view()
        if self._is_new:
            alive = session.arena.values.nbytes <= MOST_ALIVE
            key = _key(session.graph, session.threads)
            others = [kept for kept in self._kept if kept.key != key]
            self._kept = [*others, Kept(key, saved, history, session if alive else None)]
            self._is_new = False
            while len(self._kept) > 1 and sum(k.saved.nbytes for k in self._kept) > MOST_BYTES:
                del self._kept[0]
        return saved, history

    def trained(self) -> None:
        """The network of now has gone on: what is kept is of an earlier moment."""
        self._is_new = True
        if any(kept.fresh for kept in self._kept):
            self._kept = [replace(kept, fresh=False, session=None) for kept in self._kept]

    def renamed(self) -> None:
        """The nodes have other names now, under which nothing is kept yet.

        Whoever goes on under them takes the past of the old one along.
        """
        self._is_new = True
        self._kept = [replace(kept, session=None) for kept in self._kept]

    def find(self, graph: Graph, threads: int, now: SavedState | None) -> Kept | None:
        """This very network, if it is to come back as it was.

        Also where training went on in a network that has nothing in common with it: `now`.
        """
        key = _key(graph, threads)
        for kept in self._kept:
            if kept.key == key and (kept.fresh or now is None or not _related(now, kept.saved)):
                return kept
        return None

    def filled(self, saved: SavedState, program: Program) -> SavedState:
        """`saved`, with the nodes that it does not fit as they were when they last did."""
        wanted: dict[str, Sizes] = {}
        for name in program.parameters:
            tensor = program.tensors[name]
            wanted.setdefault(node_of(name), {})[name] = tensor.shape
        for kept in reversed(self._kept):
            nodes = {node for node, sizes in wanted.items()
                     if not saved.fits(sizes) and kept.saved.fits(sizes)}
            saved = saved.with_nodes(nodes, kept.saved)
        return saved


def _key(graph: Graph, threads: int) -> object:
    return network(graph), graph.training.structure, threads


def _related(a: SavedState, b: SavedState) -> bool:
    """Whether any weights of one fit the other."""
    return any(b.fits({name: values.shape}) for name, values in a.parameters.items())
