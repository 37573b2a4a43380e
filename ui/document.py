"""The open document: one graph value, its undo stack, and what is selected.

Every change of the network goes through `Document.edit`. Weights are not here: the engine knows
by itself what an edit took, and gives it back when the edit is undone (`playground.shelf`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from playground.graph import Edge, Graph, GraphError, Node
from playground.layers.data import DataLayer
from playground.shapes import Check, check
from ui.second_look import SecondLook, meanwhile

UNDO_LIMIT = 500
MERGE_ID = 1
"""One id for all edits; whether two belong together is told by their merge keys."""


class EditCommand(QUndoCommand):
    """Replace the document's graph; undo puts the old value back."""

    def __init__(self, document: Document, text: str, after: Graph,
                 merge: Hashable | None) -> None:
        super().__init__(text)
        self._document = document
        self._before = document.graph
        self._after = after
        self._merge = merge
        self._selected = document.selection, document.selected_edges

    def redo(self) -> None:
        self._document._show(self._after)

    def undo(self) -> None:
        document, selected = self._document, self._document.selection
        document._show(self._before)
        if selected - document.selection:  # What this edit had brought was selected.
            document.select(*self._selected)

    def id(self) -> int:
        return MERGE_ID if self._merge is not None else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take over a following edit of the same gesture: a drag or a run of a spin box."""
        if not isinstance(other, EditCommand) or other._merge != self._merge:
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True


class Document(QObject):
    """A graph that can be edited, undone, selected in, and saved."""

    graph_changed = Signal(object, object)
    """(old graph, new graph)"""
    selection_changed = Signal(object)
    """frozenset of node ids"""
    edges_selected = Signal(object)
    """frozenset of edges"""
    title_changed = Signal(str)
    """The title, with a dot in front when there are unsaved changes."""
    refused = Signal(str)
    """A sentence: an edit that cannot be. Nothing has changed."""
    looked_again = Signal()
    """See `look_again`."""

    def __init__(self, graph: Graph | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._graph = graph or Graph()
        self._check: Check | None = None
        self._look = SecondLook(self)
        self._look.done.connect(self._looked)
        self._before = self._meanwhile = Check()
        """While it looks: what was known before, and what is shown meanwhile."""
        self._selection: frozenset[str] = frozenset()
        self._selected_edges: frozenset[Edge] = frozenset()
        self._path: Path | None = None
        self._name = "untitled"
        self._trained = False
        self._gesture = 0
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(UNDO_LIMIT)
        self.stack.cleanChanged.connect(self._tell_title)

    # -- the graph ----------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        return self._graph

    @property
    def check(self) -> Check:
        """Shapes and errors of the current graph."""
        if self._check is None:
            self._look.wait_for(self._graph)
            self._check = check(self._graph)
        return self._check

    def look_again(self) -> None:
        """Check anew what stands in files, where that was wrong; `looked_again` tells the end.

        What takes long is read in a thread; until then the nodes wait, see `meanwhile`.
        """
        if self._look.busy:
            return
        wrong = [node for node in self._graph.nodes
                 if node.id in self.check.errors and isinstance(node.layer, DataLayer)
                 and node.layer.paths]
        if not wrong:
            self.looked_again.emit()
            return
        self._before = self._meanwhile = self.check
        if self._look.begin(self._graph, wrong):
            self._meanwhile = meanwhile(self.check, [node.id for node in wrong])
            self._now_known(self._meanwhile)

    def edit(self, text: str, graph: Graph, merge: Hashable | None = None) -> bool:
        """Make `graph` the current one, as one undo entry called `text`.

        Edits in a row with the same merge key become one entry, until `end_gesture`. Returns
        whether anything changed.
        """
        if graph == self._graph:
            return False
        key = None if merge is None else (merge, self._gesture)
        self.stack.push(EditCommand(self, text, graph, key))
        return True

    def attempt(self, text: str, change: Callable[[Graph], Graph],
                merge: Hashable | None = None) -> bool:
        """Edit by a function of the graph; what the graph refuses is told, not raised."""
        try:
            graph = change(self._graph)
        except (GraphError, ValueError) as error:
            self.refused.emit(str(error))
            return False
        return self.edit(text, graph, merge)

    def end_gesture(self) -> None:
        """The mouse is up, or the field is left: what follows is an undo entry of its own."""
        self._gesture += 1

    # -- selection ----------------------------------------------------------------------------

    @property
    def selection(self) -> frozenset[str]:
        """The ids of the selected nodes."""
        return self._selection

    @property
    def selected_edges(self) -> frozenset[Edge]:
        return self._selected_edges

    @property
    def selected_node(self) -> Node | None:
        """The selected node when it is the only one."""
        if len(self._selection) != 1:
            return None
        return self._graph.node(next(iter(self._selection)))

    def select(self, ids: Iterable[str], edges: Iterable[Edge] = ()) -> None:
        """Select these nodes and edges, and nothing else; of a fold all members."""
        nodes = frozenset(id for name in ids for id in self._graph.members(name)) & {
            node.id for node in self._graph.nodes}
        links = frozenset(edges) & frozenset(self._graph.edges)
        nodes_differ, links_differ = nodes != self._selection, links != self._selected_edges
        self._selection, self._selected_edges = nodes, links
        if nodes_differ:
            self.selection_changed.emit(nodes)
        if links_differ:
            self.edges_selected.emit(links)

    # -- the file -----------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def name(self) -> str:
        """The file's name, or the example's."""
        return self._path.name if self._path else self._name

    @property
    def clean(self) -> bool:
        """Whether everything is saved."""
        return self.stack.isClean()

    @property
    def title(self) -> str:
        return self.name if self.clean and not self._trained else f"• {self.name}"

    def set_trained(self, trained: bool) -> None:
        """Whether there is training worth saving; the title shows it."""
        if trained != self._trained:
            self._trained = trained
            self.title_changed.emit(self.title)

    def replace(self, graph: Graph, path: Path | None = None, name: str = "untitled") -> None:
        """Open another graph; the undo history starts anew."""
        self.select(())
        self._path, self._name, self._trained = path, name, False
        self.stack.clear()
        self.stack.setClean()  # an empty stack that was not clean stays so when it is cleared
        self._show(graph)
        self.title_changed.emit(self.title)

    def saved(self, path: Path) -> None:
        """What is open now stands in `path`."""
        self._path, self._trained = path, False
        self.stack.setClean()
        self.title_changed.emit(self.title)

    # -- inside -------------------------------------------------------------------------------

    def _looked(self) -> None:
        if self._check is self._meanwhile:  # no edit has come between, which checks by itself
            self._now_known(self._look.found or self._before)
        self.looked_again.emit()

    def _now_known(self, known: Check) -> None:
        """The same graph, and something else is known of it."""
        changed, self._check = known.errors != self.check.errors, known
        if changed:
            self.graph_changed.emit(self._graph, self._graph)

    def _tell_title(self, clean: bool) -> None:
        self.title_changed.emit(self.title)

    def _show(self, graph: Graph) -> None:
        old, self._graph, self._check = self._graph, graph, None
        # What is gone cannot stay selected; listeners may ask for the selection at any time.
        gone = self._selection - {node.id for node in graph.nodes}
        lost = self._selected_edges - frozenset(graph.edges)
        self._selection -= gone
        self._selected_edges -= lost
        self.graph_changed.emit(old, graph)
        if gone:
            self.selection_changed.emit(self._selection)
        if lost:
            self.edges_selected.emit(self._selected_edges)
