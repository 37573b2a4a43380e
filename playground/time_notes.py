"""What layers make of the time axis of a sequence: sentences where it is seldom what is meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from playground.graph import Graph
from playground.layers.base import Layer, shapes_of
from playground.layers.conv import Convolution
from playground.layers.data import DataLayer
from playground.layers.file_data import File
from playground.layers.lengths import LENGTHS, knows_lengths
from playground.layers.loss_layer import LossLayer
from playground.layers.pool import GlobalPool, Pool
from playground.layers.shape import Permute

if TYPE_CHECKING:
    from playground.shapes import Check

UNREAD_LENGTHS = (
    "Nothing takes the lengths: what comes after a sample's own steps is taken for time steps too. "
    "Connect lengths to the layers that have an input for it.")


def time_notes(graph: Graph, result: Check) -> Iterator[tuple[str, str]]:
    """Node ids and notes on them."""
    axes = time_axes(graph, result)
    yield from _unread_notes(graph)
    yield from _turned_notes(graph, result, axes)
    yield from _padding_notes(graph, result, axes)


def _unread_notes(graph: Graph) -> Iterator[tuple[str, str]]:
    """Where nothing is connected to lengths, though a layer behind the node would take them."""
    for node in graph.nodes:
        layer = node.layer
        if isinstance(layer, Layer) and LENGTHS in layer.outputs:
            port = layer.outputs.index(LENGTHS)
            if all(e.source_port != port for e in graph.outputs_of(node.id)) and any(
                    isinstance(other.layer, Layer) and LENGTHS in other.layer.inputs
                    and not isinstance(other.layer, LossLayer)
                    and node.id in graph.ancestors(other.id) for other in graph.nodes):
                yield node.id, UNREAD_LENGTHS


def _turned_notes(graph: Graph, result: Check, axes: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Where time steps are taken for channels."""
    for node in graph.nodes:
        layer = node.layer
        if not isinstance(layer, Convolution | Pool | GlobalPool) or layer.ground == "image":
            continue
        inputs, sources = result.inputs.get(node.id), _sources(graph, node.id)
        if inputs and axes.get(sources[0]) == 0:
            steps, features = inputs[0].shape
            yield node.id, (
                f"Takes the {steps} time steps for channels, and goes along the features of each "
                f"({features}): its input is (time, features), and it wants (channels, length). "
                "Put a Permute to 2, 1 before it, and one after it for what goes along time.")


def _padding_notes(graph: Graph, result: Check, axes: dict[str, int]
                   ) -> Iterator[tuple[str, str]]:
    """Where padding counts, as lengths end before it."""
    known: dict[str, str] = {}
    """By node that hands on a padded sequence: who knew the lengths last."""
    for node in graph.order():
        layer, inputs = node.layer, result.inputs.get(node.id, ())
        if not isinstance(layer, Layer) or node.id not in result.signals or not inputs:
            continue
        knows, sources = knows_lengths(graph, node.id), _sources(graph, node.id)
        source = next((id for id in sources if id in known), "")
        before = known.get(source, "")
        if before and not knows:
            told = f"{before} knows where each sample ends, and "
            if layer.whole_time and LENGTHS not in layer.idle_inputs(*shapes_of(inputs)):
                yield node.id, (f"{told}{layer.label} takes what comes after that for time steps "
                                "too. Connect the same lengths to it.")
            if layer.mixes_time(axes[source]):
                yield node.id, (f"{told}{layer.label} takes what comes after that for time steps "
                                f"too: it has no input lengths. {layer.without_padding}")
            if node.learning.penalises_outputs and node.id in axes:
                yield node.id, f"{told}the penalties on outputs count what comes after that too."
        if (knows or before) and node.id in axes:
            known[node.id] = node.id if knows else before


def time_axes(graph: Graph, result: Check) -> dict[str, int]:
    """By node whose samples have a time axis that is known: 0 in (time, features) and in symbols,
    1 in what a Permute has turned to (channels, length).
    """
    axes: dict[str, int] = {}
    for node in graph.order():
        layer, signals = node.layer, result.signals.get(node.id, ())
        if not isinstance(layer, Layer) or not signals:
            continue
        signal, rank = signals[0], len(signals[0].shape)
        if rank != 2 and not (rank == 1 and signal.classes):
            continue
        source = next((id for id in _sources(graph, node.id) if id in axes), "")
        if layer.whole_time or (isinstance(layer, DataLayer) and (
                # In a file of arrays the channels may come first.
                signal.classes or not isinstance(layer, File) or layer.lengths_key)):
            axes[node.id] = 0
        elif source and isinstance(layer, Permute):
            axes[node.id] = layer.axes.index(axes[source] + 1)
        elif source:
            axis, shape = axes[source], result.signals[source][0].shape
            if signal.shape[axis:axis + 1] == shape[axis:axis + 1]:
                axes[node.id] = axis
    return axes


def _sources(graph: Graph, id: str) -> list[str]:
    """The nodes that are connected to one, by its input ports."""
    return [e.source for e in sorted(graph.inputs_of(id), key=lambda e: e.target_port)]
