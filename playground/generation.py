"""Where a network makes samples: which node is a code, where its decoder begins, what is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from playground.graph import Graph
from playground.layers.base import Layer, Shape, size_of
from playground.layers.data import DataLayer
from playground.layers.noise import GaussianNoise
from playground.layers.source import Constant, Source
from playground.shapes import Check

CODE: Shape = (2,)
"""A code of two numbers is a place in the plane."""


@dataclass(frozen=True)
class Decoder:
    """The part of a network that draws a picture of two numbers.

    entrance: the node whose values it starts from. code: the node whose values are the codes of
    samples; the same one, or where the entrance has noise added, what it is added to. output: the
    node whose values are the pictures.
    """

    entrance: str
    code: str
    output: str

    @property
    def drawn(self) -> bool:
        """Whether training draws its codes at random around those of samples."""
        return self.entrance != self.code


def find_decoder(graph: Graph, check: Check, loss: str) -> Decoder | None:
    """The first node of two numbers that all of the picture, which `loss` compares, is made of."""
    output = _prediction(graph, loss)
    if output is None or len(_shape(check, output)) != 3:
        return None
    for id in check.used:
        if (_shape(check, id) == CODE and id in graph.ancestors(output)
                and not _from_data(graph, graph.ancestors(output, without=id))):
            return Decoder(id, _before_noise(graph, check, id), output)
    return None


def find_rebuilt(graph: Graph, check: Check, loss: str) -> str | None:
    """The node that gives samples back as they are, or better: of their shape, made of them."""
    output, samples = _prediction(graph, loss), _sample_shape(graph, check)
    if output is None or len(samples) != 3 or _shape(check, output) != samples:
        return None
    return output if _from_data(graph, graph.ancestors(output)) else None


def find_generator(graph: Graph, check: Check) -> str | None:
    """The last node that makes what looks like a sample (of that shape) of random numbers alone."""
    samples, found = _sample_shape(graph, check), None
    for id in check.used:
        before = graph.ancestors(id)
        if (_shape(check, id) == samples and not isinstance(graph.node(id).layer, Source)
                and _random(graph, before) and not _from_data(graph, before | {id})):
            found = id
    return found


def find_made(graph: Graph, check: Check, loss: str) -> str | None:
    """The node that shows how good a network is at making samples: of a generator, of a decoder
    that codes can be drawn for, or the samples rebuilt."""
    decoder = find_decoder(graph, check, loss)
    return (find_generator(graph, check)
            or (decoder.output if decoder is not None and decoder.drawn else None)
            or find_rebuilt(graph, check, loss))


def find_noise(graph: Graph, check: Check) -> tuple[str, GaussianNoise] | None:
    """The layer that makes samples noisy before anything else sees them, while training."""
    for id in check.used:
        layer, inputs = graph.node(id).layer, graph.inputs_of(id)
        if isinstance(layer, GaussianNoise) and inputs and isinstance(
                graph.node(inputs[0].source).layer, DataLayer):
            return id, layer
    return None


def hidden_node(graph: Graph, check: Check, loss: str) -> str | None:
    """What is left when the output layer is removed: the node before the last one that learns, of
    those that the loss hangs on. Of a network that rebuilds its samples, the narrowest place.
    """
    output = _prediction(graph, loss)
    if output is None:
        return None
    if find_rebuilt(graph, check, loss) is not None:
        above = graph.ancestors(output)
        passed = [id for id in check.used if id in above
                  and _from_data(graph, graph.ancestors(id))
                  and not _from_data(graph, graph.ancestors(output, without=id))]
        return min(passed, key=lambda id: size_of(_shape(check, id)), default=None)
    learns = [id for id in check.used
              if check.parameters.get(id, 0) and id in graph.ancestors(output) | {output}]
    if not learns:
        return None
    inputs = graph.inputs_of(learns[-1])
    return inputs[0].source if inputs else None


def _prediction(graph: Graph, loss: str) -> str | None:
    edges = graph.inputs_of(loss)
    return edges[0].source if edges else None


def _shape(check: Check, id: str) -> Shape:
    signals = check.signals.get(id, ())
    return signals[0].shape if signals else ()


def _sample_shape(graph: Graph, check: Check) -> Shape:
    return next((_shape(check, id) for id in check.used
                 if isinstance(graph.node(id).layer, DataLayer)), ())


def _from_data(graph: Graph, ids: Iterable[str]) -> bool:
    return any(isinstance(graph.node(id).layer, DataLayer) for id in ids)


def _random(graph: Graph, ids: Iterable[str]) -> bool:
    layers = (graph.node(id).layer for id in ids)
    return any(isinstance(layer, Source) and not isinstance(layer, Constant) for layer in layers)


def _before_noise(graph: Graph, check: Check, code: str) -> str:
    """The nearest node of the same shape that is made of the sample alone, without random
    numbers."""
    row = [code]
    while row:
        for id in row:
            before = graph.ancestors(id)
            layer = graph.node(id).layer
            if (isinstance(layer, Layer) and _shape(check, id) == _shape(check, code)
                    and _from_data(graph, before) and not _random(graph, before)):
                return id
        row = [edge.source for id in row for edge in graph.inputs_of(id)]
    return code


__all__ = ["CODE", "Decoder", "find_decoder", "find_generator", "find_made",
           "find_noise", "find_rebuilt", "hidden_node"]
