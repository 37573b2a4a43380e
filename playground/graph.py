"""The network as a value: nodes, edges and training settings. An edit returns a new Graph.

The graph knows nothing of windows, programs or weights. It refuses what no network can be
(cycles, taken or unknown ports); whether shapes fit is told by `playground.shapes`.
"""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from playground.color_numbers import with_colors
from playground.layers import LAYERS, Layer
from playground.learning import Learning
from playground.training import Training


class GraphError(Exception):
    """An edit the graph refuses; the text is a sentence for the user."""


class UnknownLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A node of a kind that this version does not know: kept and saved as it came, never run."""

    kind: str
    raw: dict[str, Any] = {}
    why: str = ""
    """The sentence that says what is wrong with it."""

    def settings(self) -> dict[str, Any]:
        return self.raw


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A layer at a place on the canvas. `id` is short, stable and unique: "conv_1"."""

    id: str
    layer: Layer | UnknownLayer
    x: float = 0.0
    y: float = 0.0
    learning: Learning = Learning()
    shares: str = ""
    """The node whose parameters this one uses, instead of its own."""
    color: int | None = None
    """See `playground.color_numbers`."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.layer.inputs if isinstance(self.layer, Layer) else ()


class Edge(msgspec.Struct, frozen=True, order=True):
    """From output port `source_port` of node `source` to input port `target_port` of `target`.

    Ports count from 0. A variadic layer has as many input ports as it needs.
    """

    source: str
    source_port: int
    target: str
    target_port: int


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes that are drawn as one, for the eye only: shapes and training know nothing of it.

    x, y: where that one stands. Its members keep their places for when they are seen again.
    """

    name: str
    members: tuple[str, ...]
    x: float = 0.0
    y: float = 0.0


class Graph(msgspec.Struct, frozen=True):
    """Nodes in the order in which they were added, edges sorted, and how to train.

    Nodes and folds have no name in common, and no node is in two folds.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    training: Training = Training()
    notes: str = ""
    folds: tuple[Fold, ...] = ()

    # -- reading ------------------------------------------------------------------------------

    def node(self, id: str) -> Node:
        for node in self.nodes:
            if node.id == id:
                return node
        raise KeyError(id)

    def __contains__(self, id: object) -> bool:
        return any(node.id == id for node in self.nodes)

    def inputs_of(self, id: str) -> tuple[Edge, ...]:
        """The edges into a node, by port."""
        return tuple(sorted((e for e in self.edges if e.target == id),
                            key=lambda e: e.target_port))

    def outputs_of(self, id: str) -> tuple[Edge, ...]:
        return tuple(e for e in self.edges if e.source == id)

    def order(self) -> tuple[Node, ...]:
        """The nodes so that each comes after its inputs; ties keep the order of `nodes`."""
        return tuple(_topological(self.nodes, self.edges))

    def new_id(self, kind: str) -> str:
        """The first free "conv_1", "conv_2", ..."""
        return self._free_name(LAYERS[kind].stem if kind in LAYERS else kind)

    def free_port(self, id: str) -> int | None:
        """The first input port of a node that nothing is connected to."""
        layer = self.node(id).layer
        if not isinstance(layer, Layer):
            return None
        taken = {e.target_port for e in self.edges if e.target == id}
        ports = len(taken) + 1 if layer.variadic else len(layer.inputs)
        return next((port for port in range(ports) if port not in taken), None)

    def fold(self, name: str) -> Fold | None:
        """The fold of that name."""
        return next((fold for fold in self.folds if fold.name == name), None)

    def members(self, name: str) -> tuple[str, ...]:
        """The nodes that a name stands for: a fold's members, or the node itself."""
        fold = self.fold(name)
        return fold.members if fold else (name,)

    def drawn(self) -> dict[str, str]:
        """As what each node is drawn: node id -> the name of its fold, or its own."""
        folded = {id: fold.name for fold in self.folds for id in fold.members}
        return {node.id: folded.get(node.id, node.id) for node in self.nodes}

    def places(self) -> dict[str, tuple[float, float]]:
        """Where all that is drawn stands: folds, and the nodes in none."""
        drawn = self.drawn()
        return {node.id: (node.x, node.y) for node in self.nodes if drawn[node.id] == node.id} | {
            fold.name: (fold.x, fold.y) for fold in self.folds}

    # -- editing ------------------------------------------------------------------------------

    def with_node(self, layer: Layer | UnknownLayer, x: float = 0.0, y: float = 0.0,
                  id: str | None = None) -> Graph:
        """Add a node; its id is the last node's of the result unless given."""
        id = id or self.new_id(layer.kind)
        self._check_name(id)
        node = Node(id=id, layer=layer, x=x, y=y)
        return msgspec.structs.replace(self, nodes=(*self.nodes, node))

    def ancestors(self, id: str, without: str | None = None) -> set[str]:
        """All nodes that a node is made of; not those that take part by way of `without` only."""
        found: set[str] = set()
        waiting = [id]
        while waiting:
            for edge in self.inputs_of(waiting.pop()):
                if edge.source not in found and edge.source != without:
                    found.add(edge.source)
                    waiting.append(edge.source)
        return found

    def without(self, ids: Iterable[str]) -> Graph:
        """Remove nodes and the edges that touch them; who shared their weights gets its own."""
        gone = set(ids)
        left = tuple(msgspec.structs.replace(n, shares="") if n.shares in gone else n
                     for n in self.nodes if n.id not in gone)
        return self._replace(
            nodes=with_colors(self.nodes, left),
            edges=tuple(e for e in self.edges if not {e.source, e.target} & gone),
            folds=_folds((fold, tuple(id for id in fold.members if id not in gone))
                         for fold in self.folds))

    def with_edge(self, edge: Edge) -> Graph:
        """Connect two ports. Raises GraphError for unknown or taken ports and for cycles."""
        self._check_ports(edge)
        for other in self.edges:
            if (other.target, other.target_port) == (edge.target, edge.target_port):
                raise GraphError(
                    f"{edge.target} already takes its input from {other.source}. "
                    "Remove that connection first, or join both with Add or Concat.")
        edges = (*self.edges, edge)
        try:
            _topological(self.nodes, edges)
        except graphlib.CycleError as error:
            raise GraphError(
                f"Connecting {edge.source} to {edge.target} would close a cycle: data must "
                "flow one way, from the data node to the loss.") from error
        return self._replace(edges=tuple(sorted(edges)))

    def connect(self, source: str, target: str, source_port: int = 0,
                target_port: int | None = None) -> Graph:
        """Connect to the first free input port, or to the one given."""
        if target_port is None:
            port = self.free_port(target) if target in self else 0
            target_port = 0 if port is None else port
        return self.with_edge(Edge(source, source_port, target, target_port))

    def without_edges(self, edges: Iterable[Edge]) -> Graph:
        gone = set(edges)
        return self._replace(edges=tuple(e for e in self.edges if e not in gone))

    def with_layer(self, id: str, layer: Layer) -> Graph:
        """Give a node other settings (or another kind with the same ports).

        Edges from outputs that it has no longer go with them.
        """
        graph = self.without_edges(
            e for e in self.outputs_of(id) if e.source_port >= len(layer.outputs))
        return graph._with_nodes({id: msgspec.structs.replace(self.node(id), layer=layer)})

    def with_learning(self, id: str, learning: Learning) -> Graph:
        """Let a node learn in another way."""
        return self._with_nodes({id: msgspec.structs.replace(self.node(id), learning=learning)})

    def with_shared(self, id: str, root: str) -> Graph:
        """Let a node use the parameters of another; "": its own again. Raises GraphError."""
        if root and root not in self:
            raise GraphError(f"There is no node called {root} to share weights with.")
        asked = root
        if root and self.node(root).shares:
            # All point at the one that owns them.
            root = self.node(root).shares
        if root == id and root != asked:
            raise GraphError(f"{asked} already uses the weights of {id}.")
        if root == id:
            raise GraphError(f"{id} cannot share its weights with itself.")
        own = self.node(id)
        changed = {id: msgspec.structs.replace(own, shares=root)}
        for node in self.nodes:
            if root and node.shares == id:
                changed[node.id] = msgspec.structs.replace(node, shares=root)
        shared = self._with_nodes(changed)
        return shared._replace(nodes=with_colors(self.nodes, shared.nodes))

    def moved(self, places: Mapping[str, tuple[float, float]]) -> Graph:
        """Put nodes elsewhere on the canvas; a fold takes its members along."""
        folds, nodes = [], {id: place for id, place in places.items() if id in self}
        for fold in self.folds:
            if fold.name in places:
                x, y = places[fold.name]
                for node in map(self.node, fold.members):
                    nodes[node.id] = (node.x + x - fold.x, node.y + y - fold.y)
                fold = msgspec.structs.replace(fold, x=float(x), y=float(y))
            folds.append(fold)
        return self._replace(folds=tuple(folds))._with_nodes({
            id: msgspec.structs.replace(self.node(id), x=float(x), y=float(y))
            for id, (x, y) in nodes.items()})

    def with_fold(self, ids: Iterable[str], x: float, y: float, name: str = "") -> Graph:
        """Draw these nodes as one, at (x, y). Raises GraphError."""
        chosen, drawn = set(ids), self.drawn()
        members = tuple(node.id for node in self.order() if node.id in chosen)
        if len(members) < 2:
            raise GraphError("Folding draws several nodes as one. Select two or more.")
        for id in members:
            if drawn[id] != id:
                raise GraphError(f"{id} is folded into {drawn[id]}, and folds do not nest. Unfold "
                                 "that first.")
        name = name or self._free_name("block")
        self._check_name(name)
        return self._replace(folds=(*self.folds, Fold(
            name=name, members=members, x=float(x), y=float(y))))

    def without_fold(self, name: str) -> Graph:
        """Draw the members of a fold one by one again."""
        return self._replace(folds=tuple(fold for fold in self.folds if fold.name != name))

    def renamed(self, old: str, new: str) -> Graph:
        """Give a node another id, or a fold another name."""
        if not new.isidentifier():
            raise GraphError(f"{new!r} cannot be a name: use letters, digits and underscores, "
                             "starting with a letter.")
        if new != old:
            self._check_name(new)
        swap = {old: new}
        return self._replace(
            nodes=tuple(msgspec.structs.replace(n, id=swap.get(n.id, n.id),
                                                shares=swap.get(n.shares, n.shares))
                        for n in self.nodes),
            edges=tuple(sorted(Edge(swap.get(e.source, e.source), e.source_port,
                                    swap.get(e.target, e.target), e.target_port)
                               for e in self.edges)),
            folds=tuple(msgspec.structs.replace(
                fold, name=swap.get(fold.name, fold.name),
                members=tuple(swap.get(id, id) for id in fold.members)) for fold in self.folds))

    def renamings_since(self, older: Graph) -> dict[str, str]:
        """Nodes that only got another id in one edit: old id -> new id.

        Such an edit leaves a node where it is, in the list and on the canvas. It is told from the
        values alone, so that undoing a rename is a rename as well.
        """
        if len(self.nodes) != len(older.nodes):
            return {}
        return {old.id: new.id for old, new in zip(older.nodes, self.nodes, strict=True)
                if old.id != new.id and old.id not in self and new.id not in older
                and msgspec.structs.replace(old, id=new.id) == new}

    def with_training(self, training: Training) -> Graph:
        return self._replace(training=training)

    def with_notes(self, notes: str) -> Graph:
        """Say something else about the network (Markdown)."""
        return self._replace(notes=notes)

    def pasted(self, other: Graph, dx: float, dy: float) -> tuple[Graph, tuple[str, ...]]:
        """Add copies of another graph's nodes and inner edges; returns the new ids too."""
        graph, names = self, {}
        for node in other.nodes:
            graph = graph.with_node(node.layer, node.x + dx, node.y + dy)
            names[node.id] = graph.nodes[-1].id
        for node in other.nodes:
            # Copies share among themselves; a copy of one alone shares with the original.
            root = names.get(node.shares, node.shares if node.shares in self else "")
            if root in self and graph.node(root).shares:
                root = graph.node(root).shares
            copy = graph.node(names[node.id])
            graph = graph._with_nodes({copy.id: msgspec.structs.replace(
                copy, learning=node.learning, shares=root)})
        for e in other.edges:
            if e.source in names and e.target in names:
                graph = graph.with_edge(
                    Edge(names[e.source], e.source_port, names[e.target], e.target_port))
        for fold in other.folds:
            graph = graph.with_fold((names[id] for id in fold.members), fold.x + dx, fold.y + dy)
        return graph, tuple(names.values())

    def part(self, ids: Iterable[str]) -> Graph:
        """Only these nodes, the edges between them and the folds of them (for the clipboard)."""
        kept = set(ids)
        return Graph(nodes=tuple(n for n in self.nodes if n.id in kept),
                     edges=tuple(e for e in self.edges if {e.source, e.target} <= kept),
                     folds=tuple(fold for fold in self.folds if kept.issuperset(fold.members)))

    # -- inside -------------------------------------------------------------------------------

    def _replace(self, **changes: Any) -> Graph:
        return msgspec.structs.replace(self, **changes)

    def _with_nodes(self, changed: Mapping[str, Node]) -> Graph:
        return self._replace(nodes=tuple(changed.get(n.id, n) for n in self.nodes))

    def _free_name(self, stem: str) -> str:
        """The first of "conv_1", "conv_2", ... that neither a node nor a fold has."""
        taken = {node.id for node in self.nodes} | {fold.name for fold in self.folds}
        return next(name for number in itertools.count(1)
                    if (name := f"{stem}_{number}") not in taken)

    def _check_name(self, name: str) -> None:
        if name in self or self.fold(name):
            raise GraphError(f"There is already a node called {name}. Choose another name.")

    def _check_ports(self, edge: Edge) -> None:
        for id in (edge.source, edge.target):
            if id not in self:
                raise GraphError(f"There is no node called {id} to connect.")
        source, target = self.node(edge.source).layer, self.node(edge.target).layer
        if isinstance(source, Layer) and not 0 <= edge.source_port < len(source.outputs):
            raise GraphError(f"{edge.source} has no output number {edge.source_port + 1}"
                             + (": it ends the network." if not source.outputs else "."))
        if isinstance(target, Layer) and not (
                edge.target_port >= 0 and
                (target.variadic or edge.target_port < len(target.inputs))):
            raise GraphError(f"{edge.target} has no input number {edge.target_port + 1}"
                             + (": it takes nothing, it is where data starts."
                                if not target.inputs else "."))


def _folds(changed: Iterable[tuple[Fold, tuple[str, ...]]]) -> tuple[Fold, ...]:
    """Folds with other members; one of a single node is none."""
    return tuple(msgspec.structs.replace(fold, members=members)
                 for fold, members in changed if len(members) > 1)


def _topological(nodes: Iterable[Node], edges: Iterable[Edge]) -> list[Node]:
    nodes = list(nodes)
    place = {node.id: i for i, node in enumerate(nodes)}
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter(
        {node.id: () for node in nodes})
    for e in edges:
        sorter.add(e.target, e.source)
    sorter.prepare()
    order: list[Node] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        order += [nodes[place[id]] for id in ready]
        sorter.done(*ready)
    return order


__all__ = ["LAYERS", "Edge", "Fold", "Graph", "GraphError", "Node", "UnknownLayer"]
