"""From the import dialog to a data node, new or changed."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from playground.fitting import fitted
from playground.graph import Graph
from playground.layers.data import DataLayer
from playground.layers.sequence_data import Characters
from ui.dialogs.data_import import DataImport
from ui.document import Document

GAP = 160.0
"""Below the lowest node, when a new one is added."""


def import_data(document: Document, parent: QWidget, id: str | None = None,
                path: str = "") -> str | None:
    """Ask for data; give it to node `id`, to one that the dialog names, or to a new one.

    Layers that other data make too small grow with it. Gives the node that has the data.
    """
    before = document.graph
    known = before.node(id).layer if id else None
    assert known is None or isinstance(known, DataLayer)
    texts = {node.id: node.layer for node in before.nodes if isinstance(node.layer, Characters)}
    dialog = DataImport(path or getattr(known, "path", ""), parent, known,
                        {} if id else texts)
    if not dialog.exec():
        return None
    place = id or dialog.place()
    if place:
        graph = fitted(before.with_layer(place, dialog.layer()), place)
        document.edit(f"Choose data of {place}", graph)
    else:
        graph = before.with_node(dialog.layer(), *_free_place(before))
        place = graph.nodes[-1].id
        document.edit("Import data", graph)
        document.select({place})
    return place


def resized(before: Graph, after: Graph, data: str) -> str:
    """Which layers have grown or shrunk with the data of a node, as a sentence; empty: none."""
    ids = [node.id for node in after.nodes if node.id != data and node.id in before
           and node.layer != before.node(node.id).layer]
    if not ids:
        return ""
    return (f"{' and '.join(ids)} {'has' if len(ids) == 1 else 'have'} been made as large as "
            f"{data} wants.")


def _free_place(graph: Graph) -> tuple[float, float]:
    if not graph.nodes:
        return 0.0, 0.0
    return min(node.x for node in graph.nodes), max(node.y for node in graph.nodes) + GAP
