"""What recurrent layers have in common: a sequence (time, features) goes through a cell.

Each time step is an instruction of its own, so the network stands unrolled in the program. A few
steps make a block, and share one product of matrices for what does not wait for the step before:
the projections of their inputs; on the way back, the gradients of weights and inputs, after which
what the steps left behind gives way to the next block. All of it is still in the cache then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import kernels
from playground.emitter import Emitter, Picked
from playground.layers.direction import Direction, work_name
from playground.layers.lengths import lengths_backward, lengths_of, optional_inputs
from playground.layers.recurrent_shape import RecurrentShape
from playground.tensor import Tensor


class RecurrentLayer(RecurrentShape, frozen=True, kw_only=True):
    """What recurrent layers have in common: the order of their steps, forward and back."""

    # -- forward ------------------------------------------------------------------------------

    def forward(self, e: Emitter) -> None:
        lengths, (_, _, state) = lengths_of(e, 1), optional_inputs(e.x, 3)
        if lengths:
            e.emit(kernels.sequence.sequence_lengths, batch=e.batch, longest=e.x[0].shape[1],
                   lengths=lengths, steps=e.work["steps"])
        x = self._first_input(e)
        if isinstance(x, Tensor):
            # Padding is left behind here: 0 times what is not finite would show in the gradients.
            self._read(e, e.x[0], x, lengths=e.work.get("steps", 0), samples_first=True)
        for number in range(self.layers):
            directions = self._directions_of(e, number)
            for p in directions:
                for name in self.states:
                    e.emit(kernels.sequence.initial_state, batch=e.batch, units=self.state_units,
                           stride=self.state_size, offset=self._offset(p, name),
                           state=0 if state is None else state,
                           lengths=lengths, h=p.start(name))
                p.pack_inputs(self.gates * self.units)
                self.begin_forward(p)
                for steps in p.blocks(p.order):
                    self.project(p, steps, x)
                    for t in steps:
                        self.step_forward(p, t)
            if number + 1 < self.layers:
                x = self._join(e, directions)
        self._give(e)

    def begin_forward(self, p: Direction) -> None:
        """Emit what comes before the steps."""

    def project(self, p: Direction, steps: range, x: Tensor | Picked) -> None:
        """Emit the projections of the inputs of a block of time steps: x (time, batch, inputs)."""
        p.project(steps, x, self.gates * self.units, "bias_ih", "bias_hh")

    def step_forward(self, p: Direction, t: int) -> None:
        """Emit one time step."""
        raise AssertionError(f"{self.kind} has no step")

    def _join(self, e: Emitter, directions: Sequence[Direction]) -> Tensor:
        """The input of the next layer."""
        if len(directions) == 1:
            return directions[0].all_after(self.output)
        joined = e.work[work_name("x_steps", directions[0].layer + 1, False)]
        for p in directions:
            self._write(e, p.all_after(self.output), joined, self._beside(p))
        return joined

    def _give(self, e: Emitter) -> None:
        """Emit the output."""
        y = e.y[0]
        if self.returns == "sequence":
            for p in self._directions_of(e, self.layers - 1):
                self._write(e, p.all_after(self.output), y, self._beside(p), p.lengths,
                            samples_first=True)
        for p, name, offset in self._returned(e):
            e.emit(kernels.elementwise.copy_blocks, rows=e.batch, width=self.state_units,
                   from_stride=self.state_units, from_offset=0, to_stride=y.shape[1],
                   to_offset=offset, x=p.end(name), y=y)

    # -- backward -----------------------------------------------------------------------------

    def backward(self, e: Emitter) -> None:
        for number in reversed(range(self.layers)):
            directions = self._directions_of(e, number)
            x = self._first_input(e) if number == 0 else self._input(e, number)
            wants_dx = number > 0 or e.dx[0] is not None
            for p in directions:
                self._begin_gradients(p)
                self.begin_backward(p)
                for steps in p.blocks(p.order[::-1]):
                    for t in steps:
                        self.step_backward(p, t)
                    self.add_gradients(p, x, steps)
                    if wants_dx:
                        p.input_gradient(steps, self._own_gradient(p))
                self.after_steps(p)
                if wants_dx and p.reverse:
                    own, both = self._own_gradient(p), self._gradient(e, number)
                    e.emit(kernels.elementwise.add_into, n=both.size, x=own, y=both)
        dx, _, dstate = optional_inputs(e.dx, 3)
        if dx is not None:
            self._write(e, e.work["dx_steps"], dx, samples_first=True)
        lengths_backward(e, 1)
        if dstate is not None:
            for p in self._every_direction(e):
                for name in self.states:
                    e.emit(kernels.elementwise.copy_blocks, rows=e.batch, width=self.state_units,
                           from_stride=self.state_units, from_offset=0, to_stride=self.state_size,
                           to_offset=self._offset(p, name), x=p.start(f"d{name}"), y=dstate)

    def begin_backward(self, p: Direction) -> None:
        """Emit what else comes before the steps."""

    def step_backward(self, p: Direction, t: int) -> None:
        """Emit the gradients of one time step."""
        raise AssertionError(f"{self.kind} has no step")

    def add_gradients(self, p: Direction, x: Tensor | Picked, steps: range) -> None:
        """Emit what a block of time steps adds to the gradients of the parameters."""
        p.input_weight_gradient(steps, x)
        p.gradients(steps, p.work("dgates"), p.all_before(self.output), "weight_hh")

    def after_steps(self, p: Direction) -> None:
        """Emit what is left to do for the gradients of the parameters."""
        p.same_bias("bias_ih", "bias_hh")

    def _begin_gradients(self, p: Direction) -> None:
        """Emit the gradients of the states as they come from outside the cell."""
        e, is_top = p.e, p.layer + 1 == self.layers
        for name in self.states:
            start = p.start(f"d{name}")
            if name == self.output and is_top and self.returns == "sequence":
                self._read(e, e.dy[0], p.all_after(f"d{name}"), self._beside(p), p.lengths,
                           samples_first=True)
            elif name == self.output and not is_top and self.bidirectional:
                self._read(e, self._gradient(e, p.layer + 1), p.all_after(f"d{name}"),
                           self._beside(p))
            elif name != self.output or is_top:
                start = p.end(f"d{name}")  # What stands before it is written by the steps.
            e.emit(kernels.elementwise.fill_zero, n=start.size, y=start)
        for other, name, offset in self._returned(e):
            if (other.layer, other.reverse) == (p.layer, p.reverse):
                e.emit(kernels.sequence.add_blocks, rows=e.batch, width=self.state_units,
                       from_stride=e.dy[0].shape[1], from_offset=offset, to_stride=self.state_units,
                       to_offset=0, x=e.dy[0], y=p.end(f"d{name}"))

    # -- inside -------------------------------------------------------------------------------

    def _directions_of(self, e: Emitter, number: int) -> list[Direction]:
        """The directions of a layer."""
        time = e.x[0].shape[1]
        _, _, state = optional_inputs(e.x, 3)
        return [Direction(e, number, reverse, time, self._inputs(number, e.x[0].shape[1:]),
                          self.truncate, e.work.get("steps", 0), has_state=state is not None,
                          wants_state=any(dx is not None for dx in e.dx[2:]),
                          outside=number + 1 < self.layers or self.returns == "sequence")
                for reverse in (False, True)[:self._directions]]

    def _every_direction(self, e: Emitter) -> list[Direction]:
        return [p for number in range(self.layers) for p in self._directions_of(e, number)]

    @staticmethod
    def _first_input(e: Emitter) -> Tensor | Picked:
        """What the first layer reads: time steps, or symbols."""
        return e.picked or e.work["x_steps"]

    def _input(self, e: Emitter, number: int) -> Tensor:
        """What a layer above the first has read."""
        if self.bidirectional:
            return e.work[work_name("x_steps", number, False)]
        return self._directions_of(e, number - 1)[0].all_after(self.output)

    def _gradient(self, e: Emitter, number: int) -> Tensor:
        """The gradient of what a layer has read."""
        if number == 0 or self.bidirectional:
            return e.work[work_name("dx_steps", number, False)]
        return self._directions_of(e, number - 1)[0].all_after(f"d{self.output}")

    def _own_gradient(self, p: Direction) -> Tensor:
        """What a direction adds to the gradient of what its layer has read."""
        if p.reverse:
            return p.e.work[work_name("dx_reverse", p.layer, False)]
        return self._gradient(p.e, p.layer)

    def _beside(self, p: Direction) -> int:
        """Where a direction stands in the output of its layer."""
        return self.state_units * p.reverse

    def _offset(self, p: Direction, name: str) -> int:
        """Where a state of a cell stands among all states: h of all cells, then c of all."""
        cells = self.layers * self._directions
        cell = p.layer * self._directions + p.reverse
        return self.state_units * (self.states.index(name) * cells + cell)

    def _returned(self, e: Emitter) -> list[tuple[Direction, str, int]]:
        """The last states that make the output, each with its place in it."""
        if self.returns == "last":
            return [(p, self.output, self._beside(p))
                    for p in self._directions_of(e, self.layers - 1)]
        if self.returns == "states":
            return [(p, name, self._offset(p, name))
                    for p in self._every_direction(e) for name in self.states]
        return []

    def _read(self, e: Emitter, x: Tensor, y: Tensor, offset: int = 0, lengths: Tensor | int = 0,
              samples_first: bool = False) -> None:
        """Emit y (time, batch, units) = a part of x, which is (time, batch, ...) unless said."""
        e.emit(kernels.sequence.read_steps, **_strides(y, x, samples_first), offset=offset,
               lengths=lengths, x=x, y=y)

    def _write(self, e: Emitter, x: Tensor, y: Tensor, offset: int = 0, lengths: Tensor | int = 0,
               samples_first: bool = False) -> None:
        """Emit a part of y = x (time, batch, units)."""
        e.emit(kernels.sequence.write_steps, **_strides(x, y, samples_first), offset=offset,
               lengths=lengths, x=x, y=y)


def _strides(steps: Tensor, other: Tensor, samples_first: bool) -> dict[str, Any]:
    time, batch, units = steps.shape
    width = other.shape[2]
    strides = (width, time * width) if samples_first else (batch * width, width)
    return {"steps": time, "batch": batch, "units": units, "time_stride": strides[0],
            "batch_stride": strides[1]}
