"""What recurrent layers have in common: a sequence (time, features) goes through a cell.

Each time step is an instruction of its own, so the network stands unrolled in the program. A few
steps make a block, and share one product of matrices for what does not wait for the step before:
the projections of their inputs; on the way back, the gradients of weights and inputs, after which
what the steps left behind gives way to the next block. All of it is still in the cache then.

The workspace holds what views draw, with time first: a state such as h (time + 1, batch, units)
before and after each step, dh likewise its whole gradient, h_grad_norm (time,) the norm of that
over the batch; gates (time, batch, gates · units) after their functions. Names of further layers
end in _l1, _l2, ..., those of the way back in _reverse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import kernels
from playground.emitter import Emitter, Picked
from playground.initializers import Initializer, Orthogonal, Role, Start, bias_rule
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Parameter,
    Shape,
    ShapeError,
    about,
    show_shape,
)
from playground.layers.direction import (
    Direction,
    Track,
    block_steps,
    parameter_name,
    work_name,
)
from playground.layers.lengths import (
    LENGTHS,
    check_lengths,
    lengths_backward,
    lengths_of,
    optional_inputs,
)
from playground.numbers import plural
from playground.tensor import Tensor

FEWER_SYMBOLS = 2
"""A table is looked up where it has so many times fewer rows than a batch has symbols."""


class RecurrentLayer(Layer, frozen=True, kw_only=True):
    """What recurrent layers have in common: steps, directions, layers, lengths, states."""

    other_names: ClassVar[tuple[str, ...]] = ("bidirectional",)
    inputs = ("x", LENGTHS, "state")
    optional = frozenset({LENGTHS, "state"})
    input_help: ClassVar[Mapping[str, str]] = {
        LENGTHS: "How many time steps are a sample's own: its state stays as it is after them, its "
                 "sequence is 0 there, and the way back begins at the last of them (PyTorch's "
                 "packed sequences).",
        "state": "The states before the first step, side by side; without it they are 0."}
    integers = frozenset({"steps"})
    whole_time = True

    gates: ClassVar[int] = 1
    """How many times `units` values the cell computes from its input."""
    gate_names: ClassVar[tuple[str, ...]] = ()
    """What stands side by side in `gates`, each `units` wide; none for a cell without gates."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """What the cell remembers; the first is its output."""

    units: Annotated[int, about("Size of the state.", ge=1, le=MAX_SIZE)] = 16
    layers: Annotated[int, about(
        "Recurrent layers on top of each other: each reads the states of the one below.",
        ge=1, le=64)] = 1
    bidirectional: Annotated[bool, about(
        "A second cell reads the sequence backwards; the outputs of both stand side by side.")
        ] = False
    returns: Annotated[Literal["last", "sequence", "states"], about(
        "The last state of the top layer (of both directions), its states of all time steps, or "
        "the last states of all layers and directions side by side.")] = "last"
    truncate: Annotated[int, about(
        "Gradients go back through so many steps at most, in blocks of this length. 0: through "
        "the whole sequence.", ge=0, le=MAX_SIZE)] = 0
    bias: Annotated[bool, about("Add learned offsets.")] = True
    initializer: Annotated[Initializer, about("How the weights of the inputs start.")] = (
        "glorot_uniform")
    recurrent_initializer: Annotated[Initializer, about(
        "How the weights of the states start, whatever is chosen for those of the inputs.")] = (
            Orthogonal())

    # -- shapes -------------------------------------------------------------------------------

    @property
    def scratch(self) -> frozenset[str]:  # type: ignore[override]
        """What a block of steps leaves to the next: sums of the weights' gradients, and tables."""
        names = ("projections", "picked", *(f"{name}_sums" for name, shape, _
                                            in self.cell_parameters(1) if len(shape) == 2))
        return frozenset(work_name(name, *place) for place in self.places() for name in names)

    def uses(self, x: Shape, y: Shape) -> int:
        return x[0]

    @property
    def norms(self) -> tuple[str, ...]:
        return tuple(work_name(f"{name}_grad_norm", *place)
                     for place in self.places() for name in self.kept)

    @property
    def kept(self) -> tuple[str, ...]:
        """The values of a time step whose gradients are measured."""
        return self.states

    @property
    def output(self) -> str:
        """The state that the cell gives."""
        return self.states[0]

    @property
    def state_units(self) -> int:
        """Of each state of a cell."""
        return self.units

    @property
    def width(self) -> int:
        """Of the top layer's output, and of what the layers above the first read."""
        return self.state_units * self._directions

    @property
    def state_size(self) -> int:
        """Of all states of all layers and directions."""
        return self.width * self.layers * len(self.states)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def output_shape(self, *x: Shape) -> Shape:
        if len(x[0]) != 2:
            raise ShapeError(
                f"{self.label} needs a sequence, time steps × features, got {show_shape(x[0])}. "
                "Use a data set of sequences, or give the input that shape before it.")
        _, lengths, state = optional_inputs(x, 3)
        check_lengths(lengths)
        if state is not None and state != (self.state_size,):
            raise ShapeError(
                f"The input state takes {self.state_size} values (all layers and directions"
                f"{', h before c' * (len(self.states) > 1)}), got {show_shape(state)}. Connect a "
                f"{self.label} of the same size that returns states, or a Dense of "
                f"{self.state_size} units.")
        return {"last": (self.width,), "sequence": (x[0][0], self.width),
                "states": (self.state_size,)}[self.returns]

    def subtitle(self) -> str:
        parts = [plural(self.units, "unit")]
        parts += [f"{self.layers} layers"] * (self.layers > 1)
        parts += ["both ways"] * self.bidirectional
        parts += [self.returns] * (self.returns != "last")
        return ", ".join(parts)

    # -- arrays --------------------------------------------------------------------

    def tracks(self, number: int = 0, reverse: bool = False) -> tuple[Track, ...]:
        """What views draw of a cell: its gates and what it keeps, over time."""
        gates = (Track(name, work_name("gates", number, reverse), i * self.units, self.units)
                 for i, name in enumerate(self.gate_names))
        # A state is there before the first step too; on the way back, after the last time step.
        kept = (Track(name, work_name(name, number, reverse), 0,
                      self.state_units if name in self.states else self.units,
                      int(name in self.states and not reverse)) for name in reversed(self.kept))
        return (*gates, *kept)

    def places(self) -> Iterator[tuple[int, bool]]:
        """Layer and direction of each cell, in PyTorch's order."""
        for number in range(self.layers):
            for reverse in (False, True)[:self._directions]:
                yield number, reverse

    def _inputs(self, number: int, x: Shape) -> int:
        return x[1] if number == 0 else self.width

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        return tuple(
            self._parameter(name, shape, rule, number, reverse)
            for number, reverse in self.places()
            for name, shape, rule in self.cell_parameters(self._inputs(number, x[0])))

    def _parameter(self, name: str, shape: Shape, rule: Start, number: int, reverse: bool
                   ) -> Parameter:
        # Each gate is a layer of its own to the rules; PyTorch's goes by the units alone, and to
        # Keras's all gates are one matrix.
        fan_in = self.units if rule == "pytorch" else shape[-1]
        fan_out = shape[0] if rule == "keras" else shape[0] // self.gates
        role: Role = "recurrent" if name in ("weight_hh", "weight_yh") else "weight"
        return Parameter(parameter_name(name, number, reverse), shape, rule, fan_in, fan_out,
                         role, self.gates)

    def cell_parameters(self, inputs: int) -> tuple[tuple[str, Shape, Start], ...]:
        """Name, shape and rule of each array of one cell."""
        width = self.gates * self.units
        weights: tuple[tuple[str, Shape, Start], ...] = (
            ("weight_ih", (width, inputs), self.initializer),
            ("weight_hh", (width, self.units), self.recurrent_initializer))
        if not self.bias:
            return weights
        return (*weights, ("bias_ih", (width,), bias_rule(self.initializer)),
                ("bias_hh", (width,), bias_rule(self.recurrent_initializer)))

    def looks_up(self, batch: int, vocabulary: int, *x: Shape) -> bool:
        return vocabulary <= batch * x[0][0] // FEWER_SYMBOLS

    def workspace_for_symbols(self, batch: int, vocabulary: int, *x: Shape
                              ) -> Mapping[str, Shape]:
        made = dict(self.workspace(batch, *x))
        del made["x_steps"]
        for place in self.places():
            if place[0] == 0:
                made |= {work_name(name, *place): (vocabulary, self.gates * self.units)
                         for name in ("projections", "picked")}
        return made

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        time, (_, lengths, _) = x[0][0], optional_inputs(x, 3)
        made: dict[str, Shape] = {}
        if lengths is not None:
            made["steps"] = (batch,)
        for number in range(self.layers):
            # Between layers of one direction, the states of the lower are the input of the upper.
            if number == 0 or self.bidirectional:
                shape = (time, batch, self._inputs(number, x[0]))
                names = ("x_steps", "dx_steps", "dx_reverse")[:2 + self.bidirectional]
                made |= {work_name(name, number, False): shape for name in names}
        for number, reverse in self.places():
            inputs = self._inputs(number, x[0])
            cell = {**self.cell_workspace(batch, time), **{
                f"{name}_sums": shape[::-1] for name, shape, _ in self.cell_parameters(inputs)
                if len(shape) == 2}}
            cell["packed_inputs"] = (
                kernels.packed.packed_size(inputs, self.gates * self.units),)
            made |= {work_name(name, number, reverse): shape for name, shape in cell.items()}
        return made

    def cell_workspace(self, batch: int, time: int) -> dict[str, Shape]:
        """The arrays of one cell."""
        width = self.gates * self.units
        block = min(time, block_steps(batch, width))
        made: dict[str, Shape] = {
            "gates": (time, batch, width), "dgates": (block, batch, width), "bias": (width,),
            "carry": (batch, self.state_units)}
        for state in self.states:
            made[state] = made[f"d{state}"] = (time + 1, batch, self.state_units)
        return made | {f"{name}_grad_norm": (time,) for name in self.kept}

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
