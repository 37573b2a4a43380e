"""What a node shows: everything its picture needs to know, as a value without Qt.

Two equal faces look the same, so a node is drawn anew only when its face differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from playground.graph import Edge, Graph, Node, UnknownLayer
from playground.layers.base import Layer, Signal, shapes_of, tooltip
from playground.layers.data import DataLayer
from playground.layers.norm import BatchNorm
from playground.shapes import Check, parameter_shapes
from ui.second_look import CHECKING

Picture = Literal["none", "strip", "map", "tiles", "data"]
"""The room for thumbnails: nothing, one flat strip, one map with time across, a row of squares, or
the data's squares."""


LOOK_AGAIN, CHOOSE = "Look again", "Choose…"
"""Ways out of an error of data."""
WAYS_OUT = {LOOK_AGAIN: "Read the file anew, after it was put back or mended",
            CHOOSE: "Pick a file or folder, with a preview of what is in it"}
"""What each of them does."""
BADGE = 12
"""Characters of several shapes that leave room for the name."""


@dataclass(frozen=True)
class Port:
    name: str
    shape: str
    """"6×28×28", or empty while unknown."""
    connected: bool
    optional: bool = False
    end: tuple[str, int] = ("", 0)
    """The node that it is a port of, and which."""
    help: str = ""
    """What it is for, where its name alone does not tell."""

    def describe(self, direction: str) -> str:
        """The port's tooltip."""
        note = "" if self.connected else " (optional)" if self.optional else " (not connected)"
        return f"{direction} {self.name}{note}" + (f": {self.shape}" if self.shape else "")


@dataclass(frozen=True)
class Face:
    id: str
    title: str
    category: str
    badge: str
    subtitle: str
    help: str
    error: str
    """What contradicts itself."""
    notes: tuple[str, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    picture: Picture
    parameters: int
    frozen: bool = False
    shares: str = ""
    """The node whose weights it uses."""
    members: tuple[str, ...] = ()
    """Of a fold: the nodes that are drawn as this one, ..."""
    families: tuple[str, ...] = ()
    """... and their categories."""
    waiting: str = ""
    """What is not connected yet, or being read: a sentence."""
    ways_out: tuple[str, ...] = ()
    """What can be clicked on below the sentence, where the data's file is what is wrong."""

    @property
    def trouble(self) -> str:
        """The error in a word."""
        if not self.error:
            return ""
        if self.error.startswith("Needs ") and "of memory" in self.error:
            return "memory"
        if self.badge == "unknown":
            return "unknown"
        return "data" if self.category == "data" else "shape"

    @property
    def reads(self) -> bool:
        """Whether it waits for its file to be read."""
        return self.waiting.endswith(CHECKING)

    @property
    def hint(self) -> str:
        """What it waits for, in a few words."""
        return CHECKING if self.reads else "not connected yet" if self.waiting else ""

    @property
    def marks(self) -> dict[str, str]:
        """The small icons beside the badge, and what they mean."""
        marks = {"lock": "frozen"} if self.frozen else {}
        return marks | {"link-variant": f"weights of {self.shares}"} if self.shares else marks

    def describe(self) -> str:
        """The node in words, for tooltips and screen readers."""
        shape = f"shape {self.badge}" if self.members else f"output {self.badge}"
        parts = [self.id, self.title, self.subtitle, shape if self.badge else ""]
        if self.members:
            parts.append(f"of {', '.join(self.members)}")
        elif self.parameters:
            parts.append(f"{self.parameters:,} parameters")
        parts += self.marks.values()
        if self.error:
            parts.append(f"wrong: {self.error}")
        if self.waiting:
            parts.append(self.waiting if self.reads else f"{self.hint}: {self.waiting}")
        return ", ".join(part for part in parts if part)


def faces(graph: Graph, check: Check) -> dict[str, Face]:
    """The face of every node."""
    incoming: dict[str, dict[int, Edge]] = {node.id: {} for node in graph.nodes}
    used: dict[str, set[int]] = {node.id: set() for node in graph.nodes}
    for e in graph.edges:
        incoming[e.target][e.target_port] = e
        used[e.source].add(e.source_port)
    plane = is_plane(graph, check)
    return {node.id: _face(node, check, incoming[node.id], used[node.id], plane,
                           is_frozen(graph, check, node.id)) for node in graph.nodes}


def is_frozen(graph: Graph, check: Check, id: str) -> bool:
    """Whether a node has weights, its own or another one's, and they stay as they are."""
    node = graph.node(id)
    owner = graph.node(node.shares) if node.shares in graph else node
    return owner.learning.frozen and bool(parameter_shapes(graph, check, id))


def is_plane(graph: Graph, check: Check) -> bool:
    """Whether the data are points of a plane: units then show what they answer over it."""
    return any(isinstance(node.layer, DataLayer)
               and node.id in check.signals and check.signals[node.id][0].shape == (2,)
               for node in graph.nodes)


def signal_of(check: Check, edge: Edge) -> Signal | None:
    """What flows along an edge, when it is known."""
    signals = check.signals.get(edge.source, ())
    return signals[edge.source_port] if edge.source_port < len(signals) else None


def _face(node: Node, check: Check, incoming: dict[int, Edge], used: set[int],
          plane: bool, frozen: bool) -> Face:
    layer = node.layer
    signals = check.signals.get(node.id, ())
    if not isinstance(layer, Layer):
        return Face(
            node.id, layer.kind, "data", "unknown", "", "A layer of another version.",
            check.errors.get(node.id, layer.why), (),
            _input_ports(node.id, tuple(f"x{i}" for i in incoming), frozenset(), {}, incoming,
                         check),
            tuple(Port(f"y{i}", "", True, end=(node.id, i)) for i in used), "none", 0)
    names = layer.inputs
    if layer.variadic:  # One more than is connected: there is always room for another.
        names = tuple(f"x{i + 1}" for i in range(max(2, max(incoming, default=-1) + 2)))
    idle = layer.idle_inputs(*shapes_of(check.inputs.get(node.id, ())))
    while names and names[-1] in idle and len(names) - 1 not in incoming:
        names = names[:-1]
    optional = frozenset(layer.optional)
    if layer.variadic:
        optional |= frozenset(names[2:])
    outputs = tuple(
        Port(name, str(signals[i]) if i < len(signals) else "", i in used, end=(node.id, i))
        for i, name in enumerate(layer.outputs))
    shape = signals[0].shape if signals else ()
    why, waits = check.errors.get(node.id, ""), node.id in check.waiting
    return Face(
        node.id, layer.label, layer.category,
        _badge(outputs[:1] if isinstance(layer, DataLayer) else outputs),
        layer.subtitle(), tooltip(type(layer)), "" if waits else why,
        check.notes.get(node.id, ()),
        _input_ports(node.id, names, optional, layer.input_help, incoming, check),
        outputs, _picture(layer, shape, plane), check.parameters.get(node.id, 0), frozen,
        node.shares, waiting=why if waits else "",
        ways_out=ways_out(layer) if why and not waits else ())


def ways_out(layer: Layer | UnknownLayer) -> tuple[str, ...]:
    """Of data in a file that cannot be read."""
    if not isinstance(layer, DataLayer) or not layer.paths:
        return ()
    named = any(getattr(layer, name) for name in layer.paths)
    return (*(LOOK_AGAIN,) * named, CHOOSE)


def _badge(outputs: tuple[Port, ...]) -> str:
    """The shape of what comes out; of several outputs a few shapes, or their number."""
    shapes = [port.shape for port in outputs]
    if not all(shapes) or len(set(shapes)) == 1 < len(shapes):
        return f"{len(shapes)} × {shapes[0]}" if shapes and shapes[0] else ""
    text = " + ".join(shapes)
    return text if len(text) <= BADGE or len(shapes) == 1 else f"{len(shapes)} outputs"


def _input_ports(id: str, names: tuple[str, ...], optional: frozenset[str],
                 help: Mapping[str, str], incoming: dict[int, Edge], check: Check
                 ) -> tuple[Port, ...]:
    ports = []
    for i, name in enumerate(names):
        signal = signal_of(check, incoming[i]) if i in incoming else None
        ports.append(Port(name, str(signal) if signal else "", i in incoming, name in optional,
                          (id, i), help.get(name, "")))
    return tuple(ports)


def shows_means(layer: Layer) -> bool:
    """Whether a node shows the means that it takes away, rather than what comes out."""
    return isinstance(layer, BatchNorm) and layer.remembers


def _picture(layer: Layer, shape: tuple[int, ...], plane: bool) -> Picture:
    if isinstance(layer, DataLayer):
        return "data"
    if not shape or getattr(layer, "is_view", False):
        return "none"
    if plane or (len(shape) == 3 and not shows_means(layer)):
        return "tiles"
    return "map" if (len(shape) == 2 or layer.category == "recurrent" or shows_means(layer)) else (
        "strip")
