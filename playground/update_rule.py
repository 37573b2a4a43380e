"""What an optimizer is: settings, what it keeps, and the instructions of an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec import Meta

import kernels
from playground.emitter import Operand
from playground.sizes import Shape
from playground.tensor import DType, Region, Tensor

if TYPE_CHECKING:
    from playground.graph import Graph
    from playground.layout import Layout
    from playground.shapes import Check

LearningRate = Annotated[float, Meta(
    ge=0, le=1000, title="Learning rate", description="The step size lr.", extra={"log": True})]
Momentum = Annotated[float, Meta(
    ge=0, lt=1, title="Momentum", description="How much of the last step carries on, m.")]
WeightDecay = Annotated[float, Meta(
    ge=0, le=10, title="Weight decay", description="L2 penalty on weights and biases.",
    extra={"log": True})]
Epsilon = Annotated[float, Meta(
    gt=0, le=1, title="ε", description="Keeps the division finite.", extra={"log": True})]


@dataclass(frozen=True)
class Kept:
    """An array that an optimizer keeps for the whole network, beside its slots for each node."""

    shape: Shape
    region: Region = "optimizer"
    dtype: DType = "float32"


@dataclass(frozen=True)
class Step:
    """The update of a step as an optimizer sees it.

    emit: appends an instruction; node= says whose it is. hyper: numbers by name, with the
    learning rate of now. kept: by the names of `Optimizer.keeps`. forward, backward: emit these
    anew, for the same batch with the weights as they then are.
    """

    layout: Layout
    emit: Callable[..., None]
    forward: Callable[[], None]
    backward: Callable[[], None]
    hyper: Mapping[str, Tensor]
    kept: Mapping[str, Tensor]


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the parameters follow their gradients. The fields are the settings."""

    label: ClassVar[str]
    hyper: ClassVar[tuple[str, ...]]
    """Settings that live in the arena, so that they can change while the network trains."""
    full_batch: ClassVar[bool] = False
    """Each step takes all samples of the training part, whatever the batch size is."""

    learning_rate: LearningRate

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays as large as the parameters, kept from step to step."""
        return ()

    @property
    def kernel(self) -> str:
        """The update of one node, of kernels.optimizer."""
        raise AssertionError(f"{type(self).__name__} has no kernel")

    @property
    def structure(self) -> tuple[object, ...]:
        """What a program is compiled for: the settings that are not in the arena."""
        return (type(self), *(getattr(self, name) for name in self.__struct_fields__
                              if name not in self.hyper))

    def keeps(self, layout: Layout) -> Mapping[str, Kept]:
        """Arrays for the network as a whole, by name."""
        return {}

    def obstacle(self, graph: Graph, check: Check) -> str:
        """Why this optimizer cannot train this network, as a sentence; empty when it can."""
        return ""

    def prepare(self, step: Step) -> Mapping[str, Tensor]:
        """Emit what comes before the nodes' updates; gives more operands for them, by name."""
        return {}

    def emit(self, emit: Callable[..., None], *, squares: Tensor | None,
             **known: Operand) -> None:
        """Emit the update of one node.

        known: n, weights, gradient, counters, the slots, hyper, and what `prepare` gave. squares
        gets Σ update² and Σ w², if wanted; a kernel of the same name with "_plain" behind
        it leaves that out, another takes 0.
        """
        kernel = getattr(kernels.optimizer, self.kernel)
        if squares is None:
            kernel = getattr(kernels.optimizer, f"{self.kernel}_plain", kernel)
        known["squares"] = 0 if squares is None else squares
        emit(kernel, **{name: known[name] for name in kernel.operands})


__all__ = [
    "Epsilon", "Kept", "LearningRate", "Momentum", "Optimizer", "Step", "WeightDecay"]
