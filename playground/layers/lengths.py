"""The optional input `lengths` of what works along time: how many steps of a sample are its own.

One number for each sample, rounded and kept between 0 and the time steps there are; the steps after
them are padding. Without a connection all steps are the sample's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import kernels
from playground.emitter import Emitter, Operand
from playground.layers.base import Layer, Shape, ShapeError, show_shape, size_of
from playground.tensor import Tensor

if TYPE_CHECKING:
    from playground.graph import Graph
    from playground.tensor import Tensor

LENGTHS = "lengths"


def optional_inputs(x: Sequence[Any], count: int) -> tuple[Any, ...]:
    """All `count` inputs of a layer, None where nothing is connected."""
    return (*x, *(None,) * count)[:count]


def check_lengths(lengths: Shape | None) -> None:
    """Raise ShapeError unless there is one number for each sample, or no connection."""
    if lengths is not None and size_of(lengths) != 1:
        raise ShapeError(
            "The input lengths takes one number for each sample, how many time steps are its "
            f"own, got {show_shape(lengths)}.")


def lengths_of(e: Emitter, port: int) -> Operand:
    """The lengths that come in at this port, or 0: all samples are whole."""
    lengths = optional_inputs(e.x, port + 1)[port]
    return 0 if lengths is None else lengths


def clear_padding(e: Emitter, port: int, x: Tensor, y: Tensor) -> None:
    """Emit y = x (batch, time, features) with 0 after the samples' own steps. y may be x.

    For what a weight of 0 multiplies: 0 times infinity is no number.
    """
    batch, times, features = x.shape
    e.emit(kernels.padding.replace_padding, batch=batch, times=times, features=features,
           value=0.0, lengths=lengths_of(e, port), x=x, y=y)


def lengths_backward(e: Emitter, port: int) -> None:
    """Lengths count something: their gradient is 0, should anybody ask."""
    dlengths = optional_inputs(e.dx, port + 1)[port]
    if dlengths is not None:
        e.emit(kernels.elementwise.fill_zero, n=dlengths.size, y=dlengths)


class LengthsLayer(Layer, frozen=True, kw_only=True):
    """Has the input `lengths`, and gives a gradient to its first input alone."""

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            self.input_gradient(e, dx)
        lengths_backward(e, self.inputs.index(LENGTHS))

    def input_gradient(self, e: Emitter, dx: Tensor) -> None:
        """Emit the gradient of the first input."""
        raise AssertionError(f"{self.kind} has no gradient")


def knows_lengths(graph: Graph, id: str) -> bool:
    """Whether the input lengths of a node is connected."""
    layer = graph.node(id).layer
    return isinstance(layer, Layer) and LENGTHS in layer.inputs and any(
        e.target_port == layer.inputs.index(LENGTHS) for e in graph.inputs_of(id))
