"""Questions that views ask about the network behind a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.layers.base import Layer

if TYPE_CHECKING:
    from playground.program import Program
    from playground.tensor import Tensor


def node_order(program: Program) -> tuple[str, ...]:
    """Node ids from the data to the loss."""
    return tuple(node.id for node in program.graph.order())


def trained_nodes(program: Program) -> tuple[str, ...]:
    """The nodes that have parameters, in network order."""
    owners = {tensor.node for tensor in program.tensors.values() if tensor.region == "parameters"}
    return tuple(id for id in node_order(program) if id in owners)


def category(program: Program | None, node: str | None) -> str:
    """The family of a node, "" where there is none."""
    if program is None or node is None or node not in program.graph:
        return ""
    layer = program.graph.node(node).layer
    return layer.category if isinstance(layer, Layer) else ""


def data_nodes(program: Program) -> tuple[str, ...]:
    return tuple(id for id in node_order(program) if category(program, id) == "data")


def tensors_of(program: Program, node: str) -> dict[str, Tensor]:
    """A node's tensors by their short name: "w", "dw", "y"."""
    start = f"{node}."
    return {name[len(start):]: tensor for name, tensor in program.tensors.items()
            if name.startswith(start)}


def has_batch_axis(tensor: Tensor) -> bool:
    # What a layer leaves before its activation lies in its workspace, sample by sample too.
    return (tensor.region in ("activations", "activation_gradients", "batch")
            or tensor.name.endswith((".z", ".dz")))


def sample_shape(tensor: Tensor) -> tuple[int, ...]:
    """The shape without the batch axis."""
    return tensor.shape[1:] if has_batch_axis(tensor) else tensor.shape


__all__ = ["category", "data_nodes", "has_batch_axis", "node_order", "sample_shape", "tensors_of",
           "trained_nodes"]
