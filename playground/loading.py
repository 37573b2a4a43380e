"""How a graph becomes a network that trains, and what that one knows at the start.

It goes on from a document's state, from the network before an edit, or from its own past. Nothing
here knows of running, of variants or of snapshots: `playground.trainer` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from playground.effort import useful_threads
from playground.graph import Graph
from playground.history import HistoryView
from playground.progress import Progress, Stopped
from playground.session import Session
from playground.shapes import check
from playground.shelf import Shelf
from playground.state import SavedState
from playground.training import Training

LARGE = 1 << 30
"""Networks that may need so many bytes get memory when they first run, not when they open."""

Known = tuple[SavedState, HistoryView | None]
"""What a network has learned, and its curves."""


class Loader:
    """Has the session of the network that was loaded last.

    progress: told of whatever takes long; when it raises Stopped, the network waits once more.
    """

    def __init__(self, progress: Progress) -> None:
        self.session: Session | None = None
        self.left: Known | None = None
        """Of a network without a session: the next one may go on from it."""
        self._progress = progress
        self._graph: Graph | None = None
        """What was to be loaded last, even if that has failed."""
        self._is_loaded = False
        """Whether the session trains it."""
        self._later: tuple[Graph, bool] | None = None
        """A large network that has not run yet, and whether its state is a document's."""
        self._shelf = Shelf()
        """What this network knew before it was edited."""

    def load(self, graph: Graph, threads: int, saved: SavedState | None,
             history: HistoryView | None, renamed: Mapping[str, str], *, at_once: bool,
             opening: Callable[[], None]) -> Session | None:
        """See `Engine.load`; None where the network waits for its first step.

        at_once: get the memory of a large one too. opening: called before what may take long.
        """
        self._graph, self._is_loaded = graph, False
        old, is_document = self.session, saved is not None
        if saved is not None:
            self._shelf = Shelf()
        else:
            saved, history = self._known_so_far()
        if saved is not None and renamed:
            saved = saved.renamed(renamed)
            history = history and history.renamed(renamed)
            self._shelf.renamed()
        self._later = None
        try:
            threads = useful_threads(graph, threads)
            kept = self._shelf.find(graph, threads, saved)
            if kept is not None:
                saved, history = kept.saved, kept.history
            if not at_once and sum(check(graph).memory.values()) >= LARGE:
                self._later = graph, is_document
                self._leave(saved, history)
                return None
            opening()
            if kept is not None and kept.session is not None:
                session = kept.session
                session.graph = graph
                session.set_training(graph.training)
            else:
                session = Session(graph, threads=threads, progress=self._progress)
                goes_on = renamed and old is not None and not is_document and session.inherit(old)
                if saved is not None and not goes_on:
                    session.restore(self._shelf.filled(saved, session.program), history,
                                    keep_position=is_document or kept is not None)
        except Exception as error:
            # The old network must not run on under the picture of the new one; what it has
            # learned is still there to be saved, or for the next one to go on from.
            if isinstance(error, Stopped):
                self._later = graph, is_document
            self._leave(saved, history)
            raise
        self.session, self.left, self._is_loaded = session, None, True
        return session

    def what_waits(self) -> tuple[Graph, SavedState | None, HistoryView | None] | None:
        """What to load before the next step: a large network, or one that has failed, as perhaps
        it works now."""
        if self._later is not None:
            graph, is_document = self._later
            return (graph, *self.left) if is_document and self.left else (graph, None, None)
        if self._is_loaded or self._graph is None:
            return None
        return self._graph, None, None

    def set_training(self, training: Training) -> Graph | None:
        """Change numbers; gives what is to be loaded where that needs another program."""
        if self._later is not None:
            self._later = (self._later[0].with_training(training), self._later[1])
        elif self.session is not None and self.session.set_training(training):
            self._graph = self.session.graph
        elif self._graph is not None:
            return self._graph.with_training(training)
        return None

    def trained(self) -> None:
        """The session has gone on."""
        self._shelf.trained()

    def forget(self) -> None:
        """Whatever comes, nothing shall go on from an earlier network."""
        self._shelf = Shelf()

    def known(self, renamed: Mapping[str, str]) -> Known | None:
        """What a document keeps; of nodes that are called otherwise (old id -> new id)."""
        session = self.session
        known = self.left if session is None else (session.saved_state(), session.history.view())
        if known is None or not renamed:
            return known
        state, history = known
        return state.renamed(renamed), history and history.renamed(renamed)

    def _known_so_far(self) -> tuple[SavedState | None, HistoryView | None]:
        """Of the network before an edit, which goes to the shelf."""
        if self.session is not None:
            return self._shelf.keep(self.session)
        return self.left or (None, None)

    def _leave(self, saved: SavedState | None, history: HistoryView | None) -> None:
        """Have no session, and keep what it would have gone on from."""
        self.session, self.left = None, None if saved is None else (saved, history)
