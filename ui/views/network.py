"""Questions that views ask about the network behind a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from playground.generation import find_generator, find_made
from playground.layers.base import Layer

if TYPE_CHECKING:
    from playground.program import Program
    from playground.tensor import Tensor


@dataclass(frozen=True)
class _Facts:
    """What is asked of a program thirty times a second and never changes."""

    order: tuple[str, ...]
    trained: tuple[str, ...]
    tensors: Mapping[str, dict[str, Tensor]]
    """node -> short name -> tensor."""
    made: str | None
    """Where it makes samples, if it does."""
    generates: bool
    """Whether it makes them of random numbers alone."""


_known: WeakKeyDictionary[Program, _Facts] = WeakKeyDictionary()


def _facts(program: Program) -> _Facts:
    facts = _known.get(program)
    if facts is None:
        order = tuple(node.id for node in program.graph.order())
        owners = {t.node for t in program.tensors.values() if t.region == "parameters"}
        tensors: dict[str, dict[str, Tensor]] = {}
        for name, tensor in program.tensors.items():
            node, _, short = name.partition(".")
            tensors.setdefault(node, {})[short] = tensor
        facts = _known[program] = _Facts(
            order, tuple(id for id in order if id in owners), tensors,
            find_made(program.graph, program.check, program.loss_node),
            find_generator(program.graph, program.check) is not None)
    return facts


def node_order(program: Program) -> tuple[str, ...]:
    """Node ids from the data to the loss."""
    return _facts(program).order


def trained_nodes(program: Program) -> tuple[str, ...]:
    """The nodes that have parameters, in network order."""
    return _facts(program).trained


def makes_samples(program: Program) -> bool:
    """Whether it generates or rebuilds what its data look like."""
    return _facts(program).made is not None


def generates(program: Program) -> bool:
    """Whether it makes samples of random numbers: what it says of real ones is a judge's score,
    and no answer that could be right."""
    return _facts(program).generates


def category(program: Program | None, node: str | None) -> str:
    """The family of a node, "" where there is none."""
    if program is None or node is None or node not in program.graph:
        return ""
    layer = program.graph.node(node).layer
    return layer.category if isinstance(layer, Layer) else ""


def main_output(program: Program, node: str) -> str | None:
    """The name of a node's first output port, which stands for it in pictures."""
    layer = program.graph.node(node).layer if node in program.graph else None
    return layer.outputs[0] if isinstance(layer, Layer) and layer.outputs else None


def data_nodes(program: Program) -> tuple[str, ...]:
    return tuple(id for id in node_order(program) if category(program, id) == "data")


def tensors_of(program: Program, node: str) -> Mapping[str, Tensor]:
    """A node's tensors by their short name: "w", "dw", "y"."""
    return _facts(program).tensors.get(node, {})


def has_batch_axis(tensor: Tensor) -> bool:
    # What a layer leaves before its activation lies in its workspace, sample by sample too.
    return (tensor.region in ("activations", "activation_gradients", "batch")
            or tensor.name.endswith((".z", ".dz")))


def sample_shape(tensor: Tensor) -> tuple[int, ...]:
    """The shape without the batch axis."""
    return tensor.shape[1:] if has_batch_axis(tensor) else tensor.shape


__all__ = ["category", "data_nodes", "has_batch_axis", "main_output", "makes_samples", "node_order",
           "sample_shape", "tensors_of", "trained_nodes"]
