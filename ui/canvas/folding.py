"""The network as it is drawn: folds stand for their members. Values without Qt.

A fold's ports are those of its members that lead out of it, or that wait for a connection; each
knows the node it belongs to, so an edge is the same edge whether its ends are folded or not.
"""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from playground.graph import Edge, Fold, Graph, Node, UnknownLayer
from playground.shapes import Check
from ui.canvas.face import Face, Port, faces

BADGE = 18
"""Characters of what goes in and comes out that leave room for a fold's name."""


def drawn_faces(graph: Graph, check: Check) -> dict[str, Face]:
    """The face of all that is drawn, by name; a fold comes where its first member would."""
    found = faces(graph, check)
    made: dict[str, Face] = {}
    for id, name in graph.drawn().items():
        fold = graph.fold(name)
        if fold is None:
            made[name] = found[id]
        elif name not in made:
            made[name] = fold_face(graph, fold, found)
    return made


def fold_face(graph: Graph, fold: Fold, found: Mapping[str, Face]) -> Face:
    """The face of a fold, from those of its members."""
    inside = set(fold.members)
    parts = [found[id] for id in fold.members]
    fed = {(e.target, e.target_port) for e in graph.edges
           if e.source in inside and e.target in inside}
    read = {(e.source, e.source_port) for e in graph.edges
            if e.source in inside and e.target not in inside}
    inputs = tuple(_called(part, port) for part in parts for port in part.inputs
                   if port.end not in fed and (port.connected or not port.optional))
    outputs = tuple(_called(part, port) for part in parts for port in part.outputs
                    if port.end in read or not port.connected)
    parameters = sum(part.parameters for part in parts)
    learning = [part for part in parts if part.parameters]
    wrong = next((part for part in parts if part.error), None)
    waits = next((part for part in parts if part.waiting), None)
    count = f"{len(parts)} layers"
    return Face(
        id=fold.name, title="Fold", category="", badge=_through(inputs, outputs),
        subtitle=f"{count} · {parameters:,} params" if parameters else count,
        help="Several layers, drawn as one. Double-click to see them again.",
        error=f"{wrong.id}: {wrong.error}" if wrong else "",
        notes=tuple(f"{part.id}: {note}" for part in parts for note in part.notes),
        inputs=inputs, outputs=outputs, picture="strip", parameters=parameters,
        frozen=bool(learning) and all(part.frozen for part in learning),
        members=fold.members, families=tuple(part.category for part in parts),
        waiting=f"{waits.id}: {waits.waiting}" if waits else "")


def drawn_network(graph: Graph, edges: Iterable[Edge]) -> tuple[list[str], list[Edge]]:
    """The names of all that is drawn, in network order, and these edges between them.

    A node between two members of a fold would close a cycle: the edge back is left out.
    """
    drawn, places = graph.drawn(), graph.places()
    nodes = {name: graph.node(name) if name in graph else
             Node(id=name, layer=UnknownLayer(kind="fold")) for name in places}
    kept = [msgspec.structs.replace(e, source=drawn[e.source], target=drawn[e.target])
            for e in edges if drawn[e.source] != drawn[e.target]]
    # In the order of first members, as far as the edges leave a choice.
    names = list(dict.fromkeys(drawn[node.id] for node in graph.order()))
    rank = {name: i for i, name in enumerate(names)}
    while True:
        seen = Graph(tuple(nodes[name] for name in names), tuple(kept))
        try:
            return [node.id for node in seen.order()], kept
        except graphlib.CycleError as error:
            cycle = error.args[1]
            source, target = min(itertools.pairwise(cycle), key=lambda e: rank[e[1]])
            kept = [e for e in kept if (e.source, e.target) != (source, target)]


def seen_edges(graph: Graph) -> Iterator[Edge]:
    """The edges that are not hidden in a fold."""
    drawn = graph.drawn()
    return (e for e in graph.edges if drawn[e.source] != drawn[e.target])


def whole(graph: Graph, ids: Iterable[str]) -> frozenset[str]:
    """Nodes, with the name of a fold in place of its members where all of them are there."""
    chosen = set(ids)
    folds = [fold for fold in graph.folds if chosen.issuperset(fold.members)]
    hidden = {id for fold in folds for id in fold.members}
    return frozenset(chosen - hidden) | {fold.name for fold in folds}


def _called(part: Face, port: Port) -> Port:
    """A member's port, called by both names."""
    return replace(port, name=f"{part.id}.{port.name}")


def _through(inputs: Iterable[Port], outputs: Iterable[Port]) -> str:
    """"28×28 → 10", from the ports that are connected outside, or what comes out alone."""
    sides = [[port.shape for port in ports if port.shape] for ports in (inputs, outputs)]
    shown = [" + ".join(side) if len(side) < 3 else f"{len(side)} ports" for side in sides]
    text = " → ".join(side for side in shown if side)
    return text if len(text) <= BADGE else shown[1]
