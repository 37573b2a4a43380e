"""The outline: the network as a tree of text. Screen readers, which cannot see the canvas, read
and select nodes and edges here."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QTreeView, QWidget

from playground.graph import Edge
from playground.snapshot import NodeStatistics
from ui.canvas import editing, gradient
from ui.canvas.face import Face, faces, signal_of
from ui.canvas.folding import fold_face, whole
from ui.document import Document
from ui.seen import is_seen

THING = Qt.ItemDataRole.UserRole + 1
"""The name of a node or a fold, or an Edge."""


class Outline(QTreeView):
    """Nodes in network order, each with the edges that leave it; those of a fold below it.

    What is selected here is selected on the canvas.
    """

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self._faces: dict[str, Face] = {}
        self._folded: dict[str, str] = {}
        self._statistics: Mapping[str, NodeStatistics] = {}
        self._largest = 0.0
        self._rows: dict[str | Edge, QStandardItem] = {}
        self._busy = False
        self._model = QStandardItemModel(self)
        self.setModel(self._model)
        self.setHeaderHidden(True)
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTreeView.SelectionMode.ExtendedSelection)
        self.setAccessibleName("Outline of the network")
        self.setAccessibleDescription(
            "Every layer in order, with its connections below. Delete removes the selected.")
        self.setToolTip("The network as text, in the order in which data flows.")
        self.selectionModel().selectionChanged.connect(self._select)
        document.graph_changed.connect(self._rebuild)
        document.selection_changed.connect(self._show_selection)
        document.edges_selected.connect(self._show_selection)
        self._rebuild()

    def show_statistics(self, statistics: Mapping[str, NodeStatistics]) -> None:
        """Bring the live words up to date, where they are seen."""
        self._statistics = statistics
        self._largest = gradient.largest_norm(statistics)
        self.refresh()

    def refresh(self) -> None:
        """Say of each node what is known now, when it can be seen."""
        if not is_seen(self):
            return
        for id, face in self._faces.items():
            text = self._describe(face)
            if (row := self._rows[id]).text() != text:
                row.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            editing.delete_selection(self.document)
        else:
            super().keyPressEvent(event)

    def _rebuild(self, *_: object) -> None:
        document = self.document
        found = faces(document.graph, document.check)
        found |= {fold.name: fold_face(document.graph, fold, found)
                  for fold in document.graph.folds}
        folded = {id: fold.name for fold in document.graph.folds for id in fold.members}
        if self._folded == folded and (
                [row for row in self._rows if isinstance(row, str)] == list(found)) and (
                {e for e in self._rows if isinstance(e, Edge)} == set(document.graph.edges)):
            self._faces = found  # A setting has changed: the tree stays as it is, also open rows.
            for id, face in found.items():
                self._rows[id].setText(self._describe(face))
            return
        self._busy = True
        self._faces, self._folded = found, folded
        self._model.clear()
        self._rows.clear()
        for node in document.graph.order():
            row = self._row(node.id, self._describe(found[node.id]))
            fold = folded.get(node.id)
            if fold is None:
                self._model.appendRow(row)
            else:
                if fold not in self._rows:
                    self._model.appendRow(self._row(fold, self._describe(found[fold])))
                self._rows[fold].appendRow(row)
            for edge in document.graph.outputs_of(node.id):
                signal = signal_of(document.check, edge)
                row.appendRow(self._row(
                    edge, f"to {edge.target}" + (f", {signal}" if signal else "")))
        self._rows = {id: self._rows[id] for id in found} | {
            e: row for e, row in self._rows.items() if isinstance(e, Edge)}
        self._busy = False
        self._show_selection()

    def _row(self, thing: str | Edge, text: str) -> QStandardItem:
        row = QStandardItem(text)
        row.setData(thing, THING)
        self._rows[thing] = row
        return row

    def _describe(self, face: Face) -> str:
        whose = gradient.worst(face.members or (face.id,), self._statistics, self._largest)
        live = gradient.describe(self._statistics[whose], self._largest) if whose else ""
        if live and face.members:
            live = f"{whose}: {live}"
        return f"{face.describe()}, {live}" if live else face.describe()

    def _select(self, *_: object) -> None:
        if self._busy:
            return
        things = [index.data(THING) for index in self.selectedIndexes()]
        self._busy = True
        self.document.select((t for t in things if isinstance(t, str)),
                             [t for t in things if isinstance(t, Edge)])
        self._busy = False

    def _show_selection(self, *_: object) -> None:
        if self._busy:
            return
        self._busy = True
        chosen = QItemSelection()
        things: list[str | Edge] = [*whole(self.document.graph, self.document.selection),
                                    *self.document.selected_edges]
        for thing in things:
            if (row := self._rows.get(thing)) is not None:
                chosen.select(row.index(), row.index())
        self.selectionModel().select(
            chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if len(things) == 1 and (row := self._rows.get(things[0])) is not None:
            self.selectionModel().setCurrentIndex(
                row.index(), QItemSelectionModel.SelectionFlag.NoUpdate)
            self.scrollTo(row.index())
        self._busy = False
