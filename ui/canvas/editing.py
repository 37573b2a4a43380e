"""The edits that the canvas, its menus and the palette offer: each is one undo entry.

They change the document and know nothing of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from playground.graph import Edge, Graph, GraphError, Node
from playground.graph_json import DocumentError, decode, encode
from playground.layers import LAYERS
from playground.layers.base import Layer
from ui.canvas.layout import GAP_X, Box, Place, Size, arrange, snap
from ui.canvas.room import around, free_step, make_room, overlap
from ui.document import Document

NEW_SIZE: Size = (168.0, 112.0)
"""The size of a usual node."""
PASTE_STEP = 24.0

Measure = Callable[[Graph], Mapping[str, Size]]
"""How large the nodes of a graph will be drawn: an error on a node makes it larger."""


def usual_sizes(graph: Graph) -> dict[str, Size]:
    """Without a canvas all nodes are alike."""
    return {node.id: NEW_SIZE for node in graph.nodes}


def add_layer(document: Document, kind: str, x: float, y: float,
              measure: Measure = usual_sizes, after: str | None = None) -> str | None:
    """Add a layer near a place, connected to `after` where that has an output. Its id."""
    layer = LAYERS[kind]()

    def change(graph: Graph) -> Graph:
        graph = graph.with_node(layer, snap(x), snap(y))
        source = graph.node(after).layer if after else None
        if after and layer.inputs and isinstance(source, Layer) and source.outputs:
            graph = graph.connect(after, graph.nodes[-1].id)
        return _settled(graph, graph.nodes[-1:], measure)

    return _added(document, f"Add {layer.label}", change)


def beside(box: Box) -> Place:
    """Where a node that follows this one begins."""
    return box[0] + box[2] + GAP_X, box[1]


def insert_layer(document: Document, kind: str, edge: Edge, measure: Measure = usual_sizes
                 ) -> str | None:
    """Put a layer into an edge, and make room for it; its id.

    One that cannot pass data on is only added.
    """
    layer = LAYERS[kind]()
    if not layer.inputs or not layer.outputs:
        boxes = boxes_of(document.graph, measure)
        place, _ = make_room(boxes, edge.source, edge.target, NEW_SIZE)
        return add_layer(document, kind, *place, measure)

    def change(graph: Graph) -> Graph:
        graph = graph.without_edges([edge]).with_node(layer)
        id = graph.nodes[-1].id
        graph = (graph.with_edge(Edge(edge.source, edge.source_port, id, 0))
                 .with_edge(Edge(id, 0, edge.target, edge.target_port)))
        boxes = boxes_of(graph, measure)
        new = boxes.pop(id)
        place, moved = make_room(boxes, edge.source, edge.target, new[2:])
        graph = graph.moved({**moved, id: place})
        return _settled(graph, graph.nodes[-1:], measure)

    return _added(document, f"Insert {layer.label}", change)


def connect(document: Document, edge: Edge, instead: Edge | None = None) -> bool:
    """Add an edge, in place of another one when an end of that was dragged elsewhere."""
    if edge == instead:
        return False
    gone = [instead] if instead else []
    return document.attempt(
        f"Connect {edge.source} to {edge.target}",
        lambda graph: graph.without_edges(gone).with_edge(edge))


def disconnect(document: Document, edge: Edge) -> bool:
    return document.edit(f"Disconnect {edge.source} from {edge.target}",
                         document.graph.without_edges([edge]))


def move(document: Document, places: Mapping[str, Place], merge: str | None = None) -> bool:
    text = f"Move {next(iter(places))}" if len(places) == 1 else f"Move {len(places)} layers"
    return document.edit(text, document.graph.moved(places), merge)


def rename(document: Document, old: str, new: str) -> bool:
    if document.attempt(f"Rename {old} to {new}", lambda graph: graph.renamed(old, new.strip())):
        document.select([new.strip()])
        return True
    return False


def delete_selection(document: Document) -> bool:
    """Remove the selected nodes, with their edges, and the selected edges."""
    nodes, edges = document.selection, document.selected_edges
    if not nodes and not edges:
        return False
    if len(nodes) == 1:
        text = f"Delete {next(iter(nodes))}"
    else:
        text = f"Delete {len(nodes)} layers" if nodes else "Delete connection"
    return document.edit(text, document.graph.without(nodes).without_edges(edges))


def select_all(document: Document) -> None:
    document.select((node.id for node in document.graph.nodes), document.graph.edges)


def copy_text(document: Document) -> str:
    """The selected part of the network as text: the same JSON as in files."""
    return encode(document.graph.part(document.selection)).decode()


def paste_text(document: Document, text: str, at: Place | None = None,
               measure: Measure = usual_sizes, seen: Box | None = None,
               what: str = "Paste") -> tuple[str, ...]:
    """Add the part of a network that a text describes; the new ids, which become selected.

    It goes to `at`, else beside where it came from, else (when nothing of that can be `seen`)
    into the middle of what is seen; arranged as it was, where it covers no other node.
    """
    try:
        part = decode(text.encode()).graph
    except DocumentError:
        document.refused.emit("The clipboard holds no layers. Copy some on a canvas first.")
        return ()
    if not part.nodes:
        return ()
    dx, dy = _where_to_paste(around(boxes_of(part, usual_sizes).values()), at, seen)
    try:
        graph, ids = document.graph.pasted(part, dx, dy)
        graph = _settled(graph, graph.nodes[-len(ids):], measure)
    except GraphError as error:
        document.refused.emit(str(error))
        return ()
    document.edit(f"{what} {ids[0]}" if len(ids) == 1 else f"{what} {len(ids)} layers", graph)
    document.select(ids)
    return ids


def duplicate(document: Document, measure: Measure = usual_sizes) -> tuple[str, ...]:
    """A copy of the selected part, beside it."""
    if not document.selection:
        return ()
    return paste_text(document, copy_text(document), measure=measure, what="Duplicate")


def tidy(document: Document, sizes: Mapping[str, Size], width: float) -> bool:
    """Lay the whole network out anew."""
    places = arrange(document.graph, sizes, width)
    return document.edit("Tidy up", document.graph.moved(places))


def why_not(document: Document, edge: Edge, instead: Edge | None = None) -> str:
    """Why the graph would refuse this edge; empty when it would not."""
    try:
        document.graph.without_edges([instead] if instead else []).with_edge(edge)
    except GraphError as error:
        return str(error)
    return ""


def boxes_of(graph: Graph, measure: Measure) -> dict[str, Box]:
    """Where the nodes of a graph stand."""
    sizes = measure(graph)
    return {node.id: (node.x, node.y, *sizes[node.id]) for node in graph.nodes}


def _settled(graph: Graph, new: Iterable[Node], measure: Measure) -> Graph:
    """New nodes, together, at the nearest place where they cover none of the others."""
    boxes = boxes_of(graph, measure)
    group = {node.id: boxes.pop(node.id) for node in new}
    dx, dy = free_step(list(group.values()), list(boxes.values()))
    return graph.moved({id: (box[0] + dx, box[1] + dy) for id, box in group.items()})


def _where_to_paste(part: Box, at: Place | None, seen: Box | None) -> Place:
    """By how much what is pasted is moved, if there is room."""
    left, top, width, height = part
    if at is not None:
        return at[0] - left, at[1] - top
    beside = (left + PASTE_STEP, top + PASTE_STEP, width, height)
    if seen is None or overlap(beside, seen):
        return PASTE_STEP, PASTE_STEP
    return (snap(seen[0] + (seen[2] - width) / 2 - left),
            snap(seen[1] + (seen[3] - height) / 2 - top))


def _added(document: Document, text: str, change: Callable[[Graph], Graph]) -> str | None:
    if not document.attempt(text, change):
        return None
    id = document.graph.nodes[-1].id
    document.select([id])
    return id
