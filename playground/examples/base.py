"""What an example is, and how a chain of layers is laid out on the canvas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from playground.graph import Graph
from playground.lane import Lane
from playground.layers.base import Layer
from playground.numbers import short_exponent
from playground.state import SavedState
from playground.training import Training

PITCH_X, PITCH_Y = 208, 176
"""Between the corners of two nodes in a row, and between two rows."""
ROW = 5
WIDE = 1.25
"""Columns that a data set of symbols takes: its port says how many symbols there are."""
SHARES = ("accuracy", "ambiguous_accuracy", "clipped_share", "samples_on_modes",
          "digits_recognised", "patterns_above_images", "neighbours_gained")
"""The metrics that are told in per cent."""


@dataclass(frozen=True)
class Mark:
    """What an example must reach with its shipped seeds; steps or epochs say by when.

    metric: one of `measures.MEASURES`.
    """

    metric: str
    sense: Literal[">=", "<="]
    value: float
    steps: int | None = None
    epochs: int | None = None

    def __str__(self) -> str:
        count, unit = (self.steps, "step") if self.steps else (self.epochs, "epoch")
        length = f"{count:,} {unit}{'' if count == 1 else 's'}"
        return f"{self.name} {self.sense} {self.show(self.value)} after {length}"

    @property
    def name(self) -> str:
        """Of the metric, in words."""
        return self.metric.replace("_", " ")

    def show(self, value: float) -> str:
        """A value of the metric, as it is told."""
        if self.metric in SHARES:
            return f"{value:.1%}"
        return short_exponent(f"{value:.3g}")

    def holds(self, value: float) -> bool:
        return value >= self.value if self.sense == ">=" else value <= self.value


@dataclass(frozen=True)
class Dial:
    """A number of the network that one turns while one looks: the weights are drawn anew with it.

    get, set: the number in a graph, and the graph with another. places: into how many parts the
    way from low to high is divided.
    """

    title: str
    low: float
    high: float
    get: Callable[[Graph], float]
    set: Callable[[Graph, float], Graph]
    help: str
    places: int = 60


@dataclass(frozen=True)
class Example:
    """A network of the gallery."""

    name: str
    title: str
    description: str
    graph: Graph
    mark: Mark
    speed: float | None = None
    """Steps per second at which one can watch it learn; None where full speed is not too fast."""
    state: SavedState | None = None
    """Weights to begin with, where they are not drawn."""
    variations: tuple[Lane, ...] = ()
    """What to train beside it, at a click: one thing is different, all else the same."""
    dial: Dial | None = None
    panels: tuple[str, ...] = ()
    """The panels that show what it is about, by name: brought to the front when it opens."""
    selected: str = ""
    """The node that the panels show first."""

    @property
    def note(self) -> str:
        """What to press, what to look at and why, in Markdown; part of the document."""
        return self.graph.notes


def chain(*layers: Layer, training: Training, notes: str, row: int = ROW, first: float = 1
          ) -> Graph:
    """Layers one after another, data first, loss last, in rows like lines of text.

    first: how many columns the first node takes.
    """
    graph = Graph(notes=notes.strip() + "\n").with_training(training)
    before: str | None = None
    for i, layer in enumerate(layers):
        down, column = divmod(i, row)
        place = column + first - 1 if column else 0
        graph = graph.with_node(layer, PITCH_X * place, PITCH_Y * down)
        if before is not None:
            graph = graph.connect(before, graph.nodes[-1].id)
        before = graph.nodes[-1].id
    return graph


def trained_otherwise(name: str, graph: Graph, help: str = "", **settings: object) -> Lane:
    """The same network with other settings of training."""
    return Lane(name, graph.with_training(msgspec.structs.replace(graph.training, **settings)),
                help=help)


def set_otherwise(name: str, graph: Graph, *ids: str, help: str = "", **settings: object) -> Lane:
    """The same network with other settings of some layers, which must all have them."""
    for id in ids:
        layer = msgspec.structs.replace(graph.node(id).layer, **settings)
        assert isinstance(layer, Layer)
        graph = graph.with_layer(id, layer)
    return Lane(name, graph, help=help)


def seeded(seed: int, **settings: object) -> Training:
    """Training settings with one seed for weights, order and dropout."""
    return msgspec.structs.replace(
        Training(weight_seed=seed, shuffle_seed=seed, dropout_seed=seed), **settings)
