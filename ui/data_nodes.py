"""From the import dialog to a "My data" node, new or changed."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from playground.graph import Graph
from playground.layers.base import Layer, make_layer
from ui.dialogs.data_import import DataImport
from ui.document import Document

GAP = 160.0
"""Below the lowest node, when a new one is added."""


def import_data(document: Document, parent: QWidget, id: str | None = None,
                path: str = "") -> str | None:
    """Ask for data; give it to node `id`, or to a new node. The id of a new one."""
    layer = document.graph.node(id).layer if id else make_layer("file", {})
    assert isinstance(layer, Layer)
    settings = layer.settings()
    known = settings.get("path", "")
    dialog = DataImport(path or known, parent, settings.get("missing", "error"),
                        settings.get("lengths_key") if known and not path else None)
    if not dialog.exec():
        return None
    changed = layer.with_settings(**dialog.settings())
    if id is not None:
        document.edit(f"Choose data of {id}", document.graph.with_layer(id, changed))
        return None
    graph = document.graph.with_node(changed, *_free_place(document.graph))
    document.edit("Import data", graph)
    new = graph.nodes[-1].id
    document.select({new})
    return new


def _free_place(graph: Graph) -> tuple[float, float]:
    if not graph.nodes:
        return 0.0, 0.0
    return min(node.x for node in graph.nodes), max(node.y for node in graph.nodes) + GAP
