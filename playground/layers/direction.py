"""One direction of one layer of a recurrent node: its tensors, and the order of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import kernels
from playground.emitter import Emitter, Operand, Picked
from playground.sizes import size_of
from playground.tensor import Tensor

BLOCK_ROWS, BLOCK_SIZE = 192, 192 * 512
"""Rows (samples times steps) and floats of a block's gradients: what the steps on the way back
leave for the gradients of the weights must still be in the second-level cache then."""


def block_steps(batch: int, width: int) -> int:
    """How many time steps on the way back make a block."""
    rows = max(1, BLOCK_SIZE // width // BLOCK_ROWS) * BLOCK_ROWS
    return max(1, rows // batch)


@dataclass(frozen=True)
class Track:
    """A value of a cell over time: some columns of an array (time, batch, width).

    array: its name in the workspace. start, units: the columns. first: the entry of time step 0.
    """

    name: str
    array: str
    start: int
    units: int
    first: int = 0


@dataclass(frozen=True)
class Direction:
    """What a cell needs to emit one of its steps.

    layer: counts from 0. reverse: from the last time step to the first. time: the steps.
    inputs: features of a step of x, which is (time, batch, inputs). truncate: gradients end
    their way back after so many steps; 0 for never. lengths: int32 (batch,), where the samples
    end, or 0: all are whole. has_state: whether the first states come from outside. wants_state:
    whether somebody wants their gradients. outside: whether the output of each step gets a
    gradient from outside the cell.

    A state, as "h", is kept before and after every step: (time + 1, batch, units). All else has
    one entry for each time step.
    """

    e: Emitter
    layer: int
    reverse: bool
    time: int
    inputs: int
    truncate: int
    lengths: Tensor | int
    has_state: bool
    wants_state: bool
    outside: bool

    @property
    def batch(self) -> int:
        return self.e.batch

    @property
    def rows(self) -> int:
        """Of all time steps as one matrix."""
        return self.time * self.e.batch

    @property
    def order(self) -> range:
        """The time steps as they follow each other."""
        return range(self.time)[::-1] if self.reverse else range(self.time)

    def starts(self, t: int) -> int:
        """1 where the states before this step are 0."""
        # Lengths that are not numbers make the first states NaN.
        return int(t == self.order[0] and not self.has_state and not self.lengths)

    def cuts(self, t: int) -> int:
        """1 where no gradient goes back from this step to the one before it."""
        done = self.order.index(t)
        if done == 0:
            return int(not self.wants_state)
        return int(self.truncate > 0 and done % self.truncate == 0)

    def onward(self, t: int) -> int:
        """Where the step after this one on the way back lies in the arrays of all: 1, -1, or 0."""
        return 0 if t == self.order[0] else -self.order.step

    def blocks(self, order: range) -> list[range]:
        """The time steps in this order, a block at a time."""
        count = self.work("dgates").shape[0]
        return [order[first:first + count] for first in range(0, self.time, count)]

    # -- instructions for many time steps at once ---------------------------------------------

    def pack_inputs(self, width: int) -> None:
        """Emit the packing of weight_ih."""
        self.e.emit(kernels.packed.pack_transposed, terms=self.inputs, columns=width,
                    w=self.w("weight_ih"), packed=self.work("packed_inputs"))

    def project(self, steps: range, x: Tensor | Picked, width: int, *biases: str | None) -> None:
        """Emit gates = x weight_ihᵀ + the two biases, for a block of steps.

        x (time, batch, inputs)
        """
        gates = self.entries(self.work("gates"), steps)
        if isinstance(x, Tensor):
            self._project(len(steps) * self.batch, self.entries(x, steps), width, biases, gates)
            return
        projections = self.work("projections")
        if steps[0] == self.order[0]:
            self._project(x.vocabulary, x.table, width, biases, projections)
        self.e.emit(kernels.symbols.look_up_projections, **self._places(steps), width=width,
                    vocabulary=x.vocabulary, lengths=self.lengths, symbols=x.symbols,
                    projections=projections, b=self.work("bias"), z=gates)

    def _project(self, rows: int, x: Operand, width: int, biases: Sequence[str | None],
                 z: Tensor) -> None:
        b_ih, b_hh = (self.w(name) if name else 0 for name in biases)
        self.e.emit(kernels.recurrent.project_inputs, rows=rows, inputs=self.inputs, width=width,
                    x=x, w=self.work("packed_inputs"), b_ih=b_ih, b_hh=b_hh, z=z,
                    b=self.work("bias"))

    def _places(self, steps: range) -> dict[str, int]:
        """Where a block's symbols stand among those of (batch, time)."""
        return {"first": min(steps), "steps": len(steps), "longest": self.time,
                "batch": self.batch}

    def input_weight_gradient(self, steps: range, x: Tensor | Picked) -> None:
        """Emit what a block of steps adds to the gradients of weight_ih and bias_ih."""
        dy = self.work("dgates")
        if isinstance(x, Tensor):
            self.gradients(steps, dy, x, "weight_ih", "bias_ih")
            return
        self.e.emit(
            kernels.symbols.symbol_weight_gradient, **self._places(steps), inputs=self.inputs,
            units=dy.shape[2], vocabulary=x.vocabulary, **self._turns(steps), symbols=x.symbols,
            table=x.table, dy=dy, picked=self.work("picked"), sums=self.work("weight_ih_sums"),
            dw=self.dw("weight_ih"), db=self.dw("bias_ih") if self.has("bias_ih") else 0)

    def _turns(self, steps: range) -> dict[str, int]:
        """Whether a block is the first, and the last, on the way back."""
        return {"begins": int(steps[0] == self.order[-1]), "ends": int(steps[-1] == self.order[0])}

    def gradients(self, steps: range, dy: Tensor, x: Tensor, weight: str, bias: str = "",
                  rows: tuple[int, int] | None = None) -> None:
        """Emit what a block of steps adds to the gradients of some rows of a weight, and of a bias.

        y = x weightᵀ + bias; x (time, batch, inputs), dy (block, batch, rows)
        """
        inputs, units = x.shape[2], dy.shape[2]
        first, end = rows or (0, units)
        dw, sums = self.dw(weight), self.work(f"{weight}_sums")
        self.e.emit(
            kernels.recurrent.recurrent_weight_gradient, rows=len(steps) * self.batch,
            inputs=inputs, units=units, **self._turns(steps), x=self.entries(x, steps), dy=dy,
            sums=sums.part(first * inputs, (inputs, end - first), sums.name),
            dw=dw.part(first * inputs, (end - first, inputs), dw.name),
            db=self.dw(bias) if self.has(bias) else 0)

    def input_gradient(self, steps: range, dx: Tensor) -> None:
        """Emit the gradient of the inputs of a block of steps: dx (time, batch, inputs)."""
        dy = self.work("dgates")
        self.e.emit(kernels.dense.dense_input_gradient, batch=len(steps) * self.batch,
                    inputs=self.inputs, units=dy.shape[2], dy=dy, w=self.w("weight_ih"),
                    dx=self.entries(dx, steps))

    def same_bias(self, bias: str, other: str) -> None:
        """Emit the gradient of a bias that stands beside another one."""
        if self.has(bias):
            db = self.dw(bias)
            self.e.emit(kernels.elementwise.copy, n=db.size, x=db, y=self.dw(other))

    # -- tensors ------------------------------------------------------------------------------

    def w(self, name: str) -> Operand:
        """A parameter, or 0 where the layer has none of the kind."""
        return self.e.w.get(parameter_name(name, self.layer, self.reverse), 0)

    def has(self, name: str) -> bool:
        return parameter_name(name, self.layer, self.reverse) in self.e.w

    def dw(self, name: str) -> Tensor:
        return self.e.dw[parameter_name(name, self.layer, self.reverse)]

    def work(self, name: str) -> Tensor:
        return self.e.work[work_name(name, self.layer, self.reverse)]

    def at(self, name: str, t: int) -> Tensor:
        """What belongs to a time step."""
        tensor = self.work(name)
        return _entry(tensor, t, f"{tensor.name}[{t}]")

    def in_block(self, name: str, t: int) -> Tensor:
        """What belongs to a time step, and is kept until its block has been gone through."""
        tensor = self.work(name)
        (steps,) = (steps for steps in self.blocks(self.order[::-1]) if t in steps)
        return _entry(tensor, t - min(steps), f"{tensor.name}[{t}]")

    def entries(self, tensor: Tensor, steps: range) -> Tensor:
        """What belongs to the time steps of a block."""
        shape = tensor.shape[1:]
        return tensor.part(min(steps) * size_of(shape), (len(steps), *shape), tensor.name)

    def after(self, name: str, t: int) -> Tensor:
        """A state after a time step."""
        tensor = self.work(name)
        return _entry(tensor, t + (not self.reverse), f"{tensor.name}[{t}]")

    def before(self, name: str, t: int) -> Tensor:
        """A state before a time step."""
        if t == self.order[0]:
            return self.start(name)
        return self.after(name, t + 1 if self.reverse else t - 1)

    def start(self, name: str) -> Tensor:
        """A state before the first step."""
        tensor = self.work(name)
        return _entry(tensor, self.time if self.reverse else 0, f"{tensor.name}[start]")

    def end(self, name: str) -> Tensor:
        """A state after the last step: of an ended sample, at its own length."""
        return self.after(name, self.order[-1])

    def all_after(self, name: str) -> Tensor:
        """A state after each time step, (time, batch, units)."""
        return self._states(name, int(not self.reverse))

    def all_before(self, name: str) -> Tensor:
        """A state before each time step, (time, batch, units)."""
        return self._states(name, int(self.reverse))

    def _states(self, name: str, first: int) -> Tensor:
        tensor = self.work(name)
        return tensor.part(first * size_of(tensor.shape[1:]), (self.time, *tensor.shape[1:]),
                           tensor.name)


def parameter_name(name: str, layer: int, reverse: bool) -> str:
    """As in PyTorch: weight_ih_l0, weight_ih_l0_reverse, ..."""
    return f"{name}_l{layer}{'_reverse' * reverse}"


def work_name(name: str, layer: int, reverse: bool) -> str:
    """h, h_reverse, h_l1, h_l1_reverse, ...: the first layer goes without its number."""
    return f"{name}{f'_l{layer}' * bool(layer)}{'_reverse' * reverse}"


def _entry(tensor: Tensor, index: int, name: str) -> Tensor:
    shape = tensor.shape[1:] or (1,)
    return tensor.part(index * size_of(shape), shape, name)
