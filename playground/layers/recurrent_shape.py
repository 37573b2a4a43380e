"""What a recurrent layer is made of: settings, shapes, parameters, and the arrays it works in.

The workspace holds what views draw, with time first: a state such as h (time + 1, batch, units)
before and after each step, dh likewise its whole gradient, h_grad_norm (time,) the norm of that
over the batch; gates (time, batch, gates · units) after their functions. Names of further layers
end in _l1, _l2, ..., those of the way back in _reverse.
"""


from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import kernels
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
    Track,
    block_steps,
    parameter_name,
    work_name,
)
from playground.layers.lengths import (
    LENGTHS,
    check_lengths,
    optional_inputs,
)
from playground.numbers import plural

FEWER_SYMBOLS = 2
"""A table is looked up where it has so many times fewer rows than a batch has symbols."""


class RecurrentShape(Layer, frozen=True, kw_only=True):
    """What recurrent layers have in common before anything runs: layers, directions, states."""

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
