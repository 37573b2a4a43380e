"""What a layer sees while it emits its instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from playground.tensor import Tensor

if TYPE_CHECKING:
    from kernels.jit import Kernel

Phase = Literal["load", "forward", "loss", "backward", "clip", "update"]

Operand = Tensor | NDArray[Any] | int | float
"""An array stays outside the arena: what never changes, such as a constant's values."""


@dataclass(frozen=True, eq=False)
class Instruction:
    """One call of a kernel, and what it belongs to."""

    kernel: Kernel
    operands: Mapping[str, Operand]
    node: str | None
    phase: Phase
    time: int | None = None
    """The time step of a recurrent layer."""
    lane: int = 0
    """The batch shard that it works on."""
    shares: bool = False
    """The lanes share out one array here, not the batch."""

    def __post_init__(self) -> None:
        self.kernel.check(self.operands)

    @property
    def reads(self) -> tuple[Tensor, ...]:
        return tuple(o for n in self.kernel.inputs
                     if isinstance(o := self.operands[n], Tensor))

    @property
    def writes(self) -> tuple[Tensor, ...]:
        return tuple(o for n in self.kernel.outputs
                     if isinstance(o := self.operands[n], Tensor))


@dataclass(frozen=True)
class Picked:
    """Vectors that are rows of a table, one for each symbol.

    symbols: (batch, time). table: (vocabulary, features).
    """

    symbols: Tensor
    table: Tensor | NDArray[Any]

    @property
    def vocabulary(self) -> int:
        return self.table.shape[0]


@dataclass(frozen=True)
class Emitter:
    """A node's tensors in one phase, and the way to append instructions.

    batch: samples in this lane. x, y: the tensors of the input and output ports, (batch, *shape).
    dx, dy: gradients of the loss with respect to them; dx[i] is None where nobody needs it.
    training: whether layers do what they do in training alone, such as dropout. picked: what the
    first input was made from, where the layer looks up symbols. w, dw: parameters and their
    gradients by name. running: what lasts over the steps and is not learned. work: the layer's
    workspace by name.
    """

    append: Callable[..., None]
    batch: int
    training: bool
    picked: Picked | None
    x: tuple[Tensor, ...]
    y: tuple[Tensor, ...]
    dx: tuple[Tensor | None, ...]
    dy: tuple[Tensor, ...]
    w: Mapping[str, Tensor]
    dw: Mapping[str, Tensor]
    running: Mapping[str, Tensor]
    work: Mapping[str, Tensor]
    counters: Tensor
    """int64 counters; [0] is the number of finished steps. For counter-based random numbers."""
    random_key: int
    """Differs between nodes, lanes and dropout seeds; an operand for counter-based randomness."""
    share: Callable[..., None]
    """share(kernel, count, operands): append an instruction on `count` things of the whole batch,
    such as channels, of which every lane takes a share. operands(first, own) are those of a share.
    """
    total: int
    """Samples of the whole step, over all lanes: losses divide by it, so that lanes add up."""

    def emit(self, kernel: Kernel, *, time: int | None = None, **operands: Operand) -> None:
        """Append an instruction; the operands carry the kernel's own names."""
        self.append(kernel, operands, time)
