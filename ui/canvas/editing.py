"""The edits that the canvas, its menus and the palette offer: each is one undo entry.

They change the document and know nothing of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from playground.graph import Edge, Graph, GraphError, Node
from playground.graph_json import DocumentError, decode, encode
from playground.layers import LAYERS
from playground.layers.base import Layer
from playground.shapes import parameter_shapes
from ui.canvas.layout import GAP_X, Box, Place, Size, arrange_in, snap
from ui.canvas.room import around, free_step, make_room, overlap
from ui.document import Document

NEW_SIZE: Size = (168.0, 112.0)
"""The size of a usual node."""
PASTE_STEP = 24.0

Measure = Callable[[Graph], Mapping[str, Size]]
"""How large the nodes of a graph will be drawn: an error on a node makes it larger."""


def usual_sizes(graph: Graph) -> dict[str, Size]:
    """Without a canvas all nodes are alike."""
    return dict.fromkeys(graph.places(), NEW_SIZE)


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
        boxes, drawn = boxes_of(document.graph, measure), document.graph.drawn()
        place, _ = make_room(boxes, drawn[edge.source], drawn[edge.target], NEW_SIZE)
        return add_layer(document, kind, *place, measure)

    def change(graph: Graph) -> Graph:
        graph = graph.with_node(layer)
        return _put_between(graph, graph.nodes[-1].id, edge, measure)

    return _added(document, f"Insert {layer.label}", change)


def goes_between(graph: Graph, name: str) -> bool:
    """Whether what is drawn under a name can be moved into an edge: a node that passes data on, and
    is connected to nothing or stands between two others."""
    layer = graph.node(name).layer if name in graph else None
    if not isinstance(layer, Layer) or not layer.inputs or not layer.outputs:
        return False
    return (len(graph.inputs_of(name)), len(graph.outputs_of(name))) in ((0, 0), (1, 1))


def move_between(document: Document, id: str, edge: Edge, measure: Measure = usual_sizes) -> bool:
    """Move a node into an edge, and make room for it. Where it stood, its neighbours are joined."""
    def change(graph: Graph) -> Graph:
        before, after = graph.inputs_of(id), graph.outputs_of(id)
        graph = graph.without_edges([*before, *after])
        for into, out in zip(before, after, strict=True):
            graph = graph.with_edge(
                Edge(into.source, into.source_port, out.target, out.target_port))
        return _put_between(graph, id, edge, measure)

    return document.attempt(f"Move {id} between {edge.source} and {edge.target}", change)


def connect(document: Document, edge: Edge, instead: Edge | None = None) -> bool:
    """Add an edge. It takes the place of the one that is at its input, and of the one that it was
    when an end of that was dragged elsewhere."""
    return document.attempt(f"Connect {edge.source} to {edge.target}",
                            lambda graph: connected(graph, edge, instead))


def connected(graph: Graph, edge: Edge, instead: Edge | None = None) -> Graph:
    """What `connect` makes of a graph. Raises GraphError."""
    old = taken(graph, edge)
    return graph.without_edges([e for e in (old, instead) if e]).with_edge(edge)


def taken(graph: Graph, edge: Edge) -> Edge | None:
    """The edge that is at the input where this one leads."""
    return next((e for e in graph.inputs_of(edge.target) if e.target_port == edge.target_port),
                None)


def disconnect(document: Document, edge: Edge) -> bool:
    return document.edit(f"Disconnect {edge.source} from {edge.target}",
                         document.graph.without_edges([edge]))


def move(document: Document, places: Mapping[str, Place], merge: str | None = None) -> bool:
    text = f"Move {_names(places)}"
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
    text = f"Delete {_names(nodes)}" if nodes else "Delete connection"
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
    document.edit(f"{what} {_names(ids)}", graph)
    document.select(ids)
    return ids


def duplicate(document: Document, measure: Measure = usual_sizes) -> tuple[str, ...]:
    """A copy of the selected part, beside it."""
    if not document.selection:
        return ()
    return paste_text(document, copy_text(document), measure=measure, what="Duplicate")


def tidy(document: Document, sizes: Mapping[str, Size], room: Size) -> bool:
    """Lay the whole network out anew, for a room of this size."""
    places = arrange_in(document.graph, sizes, room)
    return document.edit("Tidy up", document.graph.moved(places))


def toggle_frozen(document: Document) -> bool:
    """Freeze the weights of the selected nodes; let them learn again when all are frozen.

    Nodes that share weights have those of their owner frozen.
    """
    graph, check = document.graph, document.check
    chosen = {graph.node(id).shares or id for id in document.selection
              if parameter_shapes(graph, check, id)}
    if not chosen:
        document.refused.emit("Nothing that is selected has weights to freeze.")
        return False
    freeze = not all(graph.node(id).learning.frozen for id in chosen)
    for id in sorted(chosen):
        graph = graph.with_learning(id, msgspec.structs.replace(
            graph.node(id).learning, frozen=freeze))
    return document.edit(f"{'Freeze' if freeze else 'Unfreeze'} {_names(chosen)}", graph)


def fold(document: Document, measure: Measure = usual_sizes) -> bool:
    """Draw the selected nodes as one, in their midst, where it covers no other."""
    ids = document.selection

    def change(graph: Graph) -> Graph:
        folded = graph.with_fold(ids, 0, 0)
        name, boxes = folded.folds[-1].name, boxes_of(graph, measure)
        left, top, width, height = around(boxes[id] for id in ids)
        others = boxes_of(folded, measure)
        size = others.pop(name)[2:]
        x, y = snap(left + (width - size[0]) / 2), snap(top + (height - size[1]) / 2)
        dx, dy = free_step([(x, y, *size)], list(others.values()))
        return graph.with_fold(ids, x + dx, y + dy, name)

    return document.attempt(f"Fold {len(ids)} layers", change)


def unfold(document: Document, measure: Measure = usual_sizes) -> bool:
    """Draw the members of the selected folds one by one, where they cover no others."""
    folds = [fold for fold in document.graph.folds
             if not document.selection.isdisjoint(fold.members)]
    if not folds:
        document.refused.emit("Nothing that is selected is folded.")
        return False
    graph = document.graph
    for fold in folds:
        graph = graph.without_fold(fold.name)
        graph = _settled(graph, map(graph.node, fold.members), measure)
    return document.edit(f"Unfold {folds[0].name}" if len(folds) == 1
                         else f"Unfold {len(folds)} blocks", graph)


def why_not(document: Document, edge: Edge, instead: Edge | None = None) -> str:
    """Why the graph would refuse this edge; empty when it would not."""
    try:
        connected(document.graph, edge, instead)
    except GraphError as error:
        return str(error)
    return ""


def boxes_of(graph: Graph, measure: Measure) -> dict[str, Box]:
    """Where all that is drawn of a graph stands."""
    sizes = measure(graph)
    return {id: (*place, *sizes[id]) for id, place in graph.places().items()}


def _names(ids: Collection[str]) -> str:
    """One by its name, several by their number."""
    return next(iter(ids)) if len(ids) == 1 else f"{len(ids)} layers"


def _put_between(graph: Graph, id: str, edge: Edge, measure: Measure) -> Graph:
    """A node that is connected to nothing, put into an edge; the others make room."""
    graph = (graph.without_edges([edge])
             .with_edge(Edge(edge.source, edge.source_port, id, 0))
             .with_edge(Edge(id, 0, edge.target, edge.target_port)))
    boxes, drawn = boxes_of(graph, measure), graph.drawn()
    size = boxes.pop(id)[2:]
    place, moved = make_room(boxes, drawn[edge.source], drawn[edge.target], size)
    graph = graph.moved({**moved, id: place})
    return _settled(graph, [graph.node(id)], measure)


def _settled(graph: Graph, new: Iterable[Node], measure: Measure) -> Graph:
    """New nodes, together, at the nearest place where they cover none of the others."""
    boxes, drawn = boxes_of(graph, measure), graph.drawn()
    group = {name: boxes.pop(name) for name in {drawn[node.id] for node in new}}
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
