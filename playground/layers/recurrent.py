"""Recurrent layers: Elman, Jordan, LSTM and GRU.

Parameters have the names, shapes and order of gates of PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`,
two biases included; those of the second layer end in _l1, of the way back in _reverse. What stays
in the workspace, for views too, is told in `recurrent_shape`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

import kernels
from playground.emitter import Picked
from playground.initializers import Start, bias_rule, initialize
from playground.layers.base import MAX_SIZE, Shape, about, layer
from playground.layers.direction import Direction
from playground.layers.unrolled import RecurrentLayer
from playground.tensor import Tensor

Function = Literal["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu"]
"""Functions of a gate; their gradients are told by their outputs."""


def code(function: Function) -> int:
    """A function as the kernels know it."""
    names: tuple[str, ...] = kernels.gates.GATE_ACTIVATIONS
    return names.index(function)


def _packed(units: int, width: int) -> dict[str, Shape]:
    """The weights of the states, packed for the steps forward and backward."""
    size = kernels.packed.packed_size
    return {"packed_transposed": (size(units, width),), "packed": (size(width, units),)}


def _pack_forward(p: Direction, units: int, width: int) -> None:
    p.e.emit(kernels.packed.pack_transposed, terms=units, columns=width,
             w=p.w("weight_hh"), packed=p.work("packed_transposed"))


def _pack_backward(p: Direction, units: int, width: int) -> None:
    p.e.emit(kernels.packed.pack, terms=width, columns=units, w=p.w("weight_hh"),
             packed=p.work("packed"))


@layer("elman", category="recurrent", label="Elman RNN")
class Elman(RecurrentLayer, frozen=True, kw_only=True):
    """Reads a sequence step by step; its state goes round and is read again at the next step."""

    other_names = ("simple RNN", *RecurrentLayer.other_names)
    formula = "hₜ = φ(W xₜ + U hₜ₋₁ + b)"
    samples = (((3, 5),), ((4, 3), ()))

    activation: Annotated[Function, about("The function φ of the state.")] = "tanh"

    def cell_workspace(self, batch: int, time: int) -> dict[str, Shape]:
        return super().cell_workspace(batch, time) | _packed(self.units, self.units)

    def begin_forward(self, p: Direction) -> None:
        _pack_forward(p, self.units, self.units)

    def begin_backward(self, p: Direction) -> None:
        _pack_backward(p, self.units, self.units)

    def step_forward(self, p: Direction, t: int) -> None:
        p.e.emit(kernels.recurrent.elman_forward, time=t, batch=p.batch, units=self.units,
                 function=code(self.activation), t=t, starts=p.starts(t), lengths=p.lengths,
                 z=p.at("gates", t), h_before=p.before("h", t),
                 w=p.work("packed_transposed"), h=p.after("h", t))

    def step_backward(self, p: Direction, t: int) -> None:
        p.e.emit(kernels.recurrent.elman_backward, time=t, batch=p.batch, units=self.units,
                 function=code(self.activation), t=t, cut=p.cuts(t), outside=int(p.outside),
                 lengths=p.lengths, h=p.after("h", t), w=p.work("packed"), dh=p.after("dh", t),
                 dz=p.in_block("dgates", t), dh_before=p.before("dh", t),
                 h_norm=p.at("h_grad_norm", t))


@layer("jordan", category="recurrent", label="Jordan RNN")
class Jordan(RecurrentLayer, frozen=True, kw_only=True):
    """Reads a sequence step by step; its output goes round and is read again at the next step."""

    formula = "hₜ = φ(W xₜ + U yₜ₋₁ + b), yₜ = γ(V hₜ + c)"
    samples = (((3, 5),), ((4, 3), ()))
    states = ("out",)

    units: Annotated[int, about("Size of the hidden layer.", ge=1, le=MAX_SIZE)] = 16
    output_units: Annotated[int, about(
        "Size of the output that goes round.", ge=1, le=MAX_SIZE)] = 8
    activation: Annotated[Function, about("The function φ of the hidden layer.")] = "tanh"
    output_activation: Annotated[Function, about("The function γ of the output.")] = "identity"

    @property
    def state_units(self) -> int:
        return self.output_units

    @property
    def kept(self) -> tuple[str, ...]:
        return ("out", "h")

    def cell_parameters(self, inputs: int) -> tuple[tuple[str, Shape, Start], ...]:
        weights: tuple[tuple[str, Shape, Start], ...] = (
            ("weight_ih", (self.units, inputs), self.initializer),
            ("weight_yh", (self.units, self.output_units), self.recurrent_initializer),
            ("weight_hy", (self.output_units, self.units), self.initializer))
        rule = bias_rule(self.initializer)
        biases: tuple[tuple[str, Shape, Start], ...] = (
            ("bias_ih", (self.units,), rule), ("bias_hy", (self.output_units,), rule))
        return (*weights, *biases) if self.bias else weights

    def cell_workspace(self, batch: int, time: int) -> dict[str, Shape]:
        made = super().cell_workspace(batch, time)
        made["h"] = made["dh"] = (time, batch, self.units)
        made["dsums"] = (*made["dgates"][:2], self.output_units)
        return made

    def step_forward(self, p: Direction, t: int) -> None:
        p.e.emit(kernels.recurrent.jordan_forward, time=t, **self._operands(p, t),
                 z=p.at("gates", t), y_before=p.before("out", t), w=p.w("weight_yh"),
                 v=p.w("weight_hy"), b_y=p.w("bias_hy"), h=p.at("h", t), y=p.after("out", t))

    def step_backward(self, p: Direction, t: int) -> None:
        p.e.emit(kernels.recurrent.jordan_backward, time=t, **self._operands(p, t),
                 cut=p.cuts(t), outside=int(p.outside), h=p.at("h", t), y=p.after("out", t),
                 w=p.w("weight_yh"), v=p.w("weight_hy"), dy=p.after("dout", t),
                 dsums=p.in_block("dsums", t), dh=p.at("dh", t), dz=p.in_block("dgates", t),
                 dy_before=p.before("dout", t), carry=p.work("carry"),
                 h_norm=p.at("h_grad_norm", t), y_norm=p.at("out_grad_norm", t))

    def add_gradients(self, p: Direction, x: Tensor | Picked, steps: range) -> None:
        p.input_weight_gradient(steps, x)
        p.gradients(steps, p.work("dgates"), p.all_before("out"), "weight_yh")
        p.gradients(steps, p.work("dsums"), p.work("h"), "weight_hy", "bias_hy")

    def after_steps(self, p: Direction) -> None:
        """Its two biases belong to two sums."""

    def _operands(self, p: Direction, t: int) -> dict[str, Any]:
        return {"batch": p.batch, "units": self.units, "outputs": self.output_units,
                "function": code(self.activation), "output_function": code(self.output_activation),
                "t": t, "lengths": p.lengths}


@layer("lstm", category="recurrent", label="LSTM")
class LSTM(RecurrentLayer, frozen=True, kw_only=True):
    """Long short-term memory: gates decide what is written, forgotten and let out at each step."""

    formula = "cₜ = f · cₜ₋₁ + i · g, hₜ = o · φ(cₜ)"
    samples = (((3, 5),), ((4, 3), ()))
    gates = 4
    gate_names = ("i", "f", "g", "o")
    states = ("h", "c")

    activation: Annotated[Function, about("The function of the candidate g.")] = "tanh"
    output_activation: Annotated[Function, about(
        "The function φ of the memory on its way out.")] = "tanh"
    input_gate: Annotated[Function, about("The function of the input gate i.")] = "sigmoid"
    forget_gate: Annotated[Function, about("The function of the forget gate f.")] = "sigmoid"
    output_gate: Annotated[Function, about("The function of the output gate o.")] = "sigmoid"
    forget_bias: Annotated[
        Literal["usual"] | Annotated[float, Meta(ge=-100, le=100)],
        about("Added to the forget gate's initial bias: above 0, the memory lasts from the start. "
              "usual: 1 (Jozefowicz et al. 2015, and Keras), but 0 where the initializer is "
              "pytorch: with both initializers pytorch, all starts as in nn.LSTM."),
    ] = "usual"

    def cell_parameters(self, inputs: int) -> tuple[tuple[str, Shape, Start], ...]:
        usual = 0.0 if self.initializer == "pytorch" else 1.0
        added = usual if self.forget_bias == "usual" else self.forget_bias

        def with_forget_bias(shape: Shape, random: np.random.Generator) -> np.ndarray:
            rule = bias_rule(self.initializer)
            bias = initialize(rule, shape, self.units, self.units, random)
            bias[self.units:2 * self.units] += added
            return bias

        return tuple((name, shape, with_forget_bias if name == "bias_ih" else rule)
                     for name, shape, rule in super().cell_parameters(inputs))

    def cell_workspace(self, batch: int, time: int) -> dict[str, Shape]:
        return {**super().cell_workspace(batch, time), "squashed": (time, batch, self.units),
                **_packed(self.units, 4 * self.units)}

    def begin_forward(self, p: Direction) -> None:
        _pack_forward(p, self.units, 4 * self.units)

    def begin_backward(self, p: Direction) -> None:
        _pack_backward(p, self.units, 4 * self.units)

    def step_forward(self, p: Direction, t: int) -> None:
        p.e.emit(kernels.gated.lstm_forward, time=t, **self._operands(p, t), starts=p.starts(t),
                 h_before=p.before("h", t), c_before=p.before("c", t),
                 w=p.work("packed_transposed"), gates=p.at("gates", t), c=p.after("c", t),
                 squashed=p.at("squashed", t), h=p.after("h", t))

    def step_backward(self, p: Direction, t: int) -> None:
        p.e.emit(kernels.gated.lstm_backward, time=t, **self._operands(p, t), cut=p.cuts(t),
                 onward=p.onward(t), outside=int(p.outside), gates=p.at("gates", t),
                 c_before=p.before("c", t), squashed=p.at("squashed", t), w=p.work("packed"),
                 dh=p.after("dh", t), dgates=p.in_block("dgates", t), dc=p.after("dc", t),
                 dh_before=p.before("dh", t), dc_before=p.before("dc", t), carry=p.work("carry"),
                 h_norm=p.at("h_grad_norm", t), c_norm=p.at("c_grad_norm", t))

    def _operands(self, p: Direction, t: int) -> dict[str, Any]:
        return {"batch": p.batch, "units": self.units, "t": t, "lengths": p.lengths,
                "input_gate": code(self.input_gate), "forget_gate": code(self.forget_gate),
                "candidate": code(self.activation), "output_gate": code(self.output_gate),
                "function": code(self.output_activation)}


@layer("gru", category="recurrent", label="GRU")
class GRU(RecurrentLayer, frozen=True, kw_only=True):
    """Gated recurrent unit: one gate both forgets and writes; fewer parameters than an LSTM."""

    formula = "hₜ = (1 - z) · n + z · hₜ₋₁"
    samples = (((3, 5),), ((4, 3), ()))
    gates = 3
    gate_names = ("r", "z", "n")

    activation: Annotated[Function, about("The function of the candidate n.")] = "tanh"
    reset_gate: Annotated[Function, about("The function of the reset gate r.")] = "sigmoid"
    update_gate: Annotated[Function, about("The function of the update gate z.")] = "sigmoid"
    reset_after: Annotated[bool, about(
        "The reset gate acts on the state after its weights, as in PyTorch and cuDNN; off: "
        "before them, as in Cho et al. 2014 and Keras 1.")] = True

    def cell_workspace(self, batch: int, time: int) -> dict[str, Shape]:
        made, units = super().cell_workspace(batch, time), self.units
        if self.reset_after:
            made["sums"] = (time, batch, 3 * units)
            made |= {"dsums": made["dgates"], **_packed(units, 3 * units)}
        else:
            made |= {"sums": (batch, 2 * units), "kept": (time, batch, units),
                     "dreset_update": (*made["dgates"][:2], 2 * units),
                     "dnew": (*made["dgates"][:2], units), "dkept": (batch, units)}
        return made

    def begin_forward(self, p: Direction) -> None:
        if self.reset_after:
            _pack_forward(p, self.units, 3 * self.units)

    def project(self, p: Direction, steps: range, x: Tensor | Picked) -> None:
        # Behind the reset gate stands the bias of the state too.
        p.project(steps, x, self.gates * self.units, "bias_ih",
                  None if self.reset_after else "bias_hh")

    def begin_backward(self, p: Direction) -> None:
        if self.reset_after:
            _pack_backward(p, self.units, 3 * self.units)

    def step_forward(self, p: Direction, t: int) -> None:
        operands = {**self._operands(p, t), "h_before": p.before("h", t),
                    "gates": p.at("gates", t), "h": p.after("h", t)}
        if self.reset_after:
            p.e.emit(kernels.gated.gru_forward, time=t, **operands, starts=p.starts(t),
                     b_hh=p.w("bias_hh"), w=p.work("packed_transposed"), sums=p.at("sums", t))
        else:
            p.e.emit(kernels.gated.gru_forward_reset_before, time=t, **operands,
                     w=p.w("weight_hh"), sums=p.work("sums"), kept=p.at("kept", t))

    def step_backward(self, p: Direction, t: int) -> None:
        operands = {**self._operands(p, t), "cut": p.cuts(t), "outside": int(p.outside),
                    "gates": p.at("gates", t), "h_before": p.before("h", t),
                    "dh": p.after("dh", t), "dgates": p.in_block("dgates", t),
                    "dh_before": p.before("dh", t), "h_norm": p.at("h_grad_norm", t)}
        if self.reset_after:
            p.e.emit(kernels.gated.gru_backward, time=t, **operands, sums=p.at("sums", t),
                     w=p.work("packed"), dsums=p.in_block("dsums", t))
        else:
            p.e.emit(kernels.gated.gru_backward_reset_before, time=t, **operands,
                     w=p.w("weight_hh"), carry=p.work("carry"), dnew=p.in_block("dnew", t),
                     dreset_update=p.in_block("dreset_update", t), dkept=p.work("dkept"))

    def add_gradients(self, p: Direction, x: Tensor | Picked, steps: range) -> None:
        p.input_weight_gradient(steps, x)
        if self.reset_after:
            p.gradients(steps, p.work("dsums"), p.all_before("h"), "weight_hh", "bias_hh")
            return
        end = 2 * self.units
        p.gradients(steps, p.work("dreset_update"), p.all_before("h"), "weight_hh",
                    rows=(0, end))
        p.gradients(steps, p.work("dnew"), p.work("kept"), "weight_hh",
                    rows=(end, end + self.units))

    def after_steps(self, p: Direction) -> None:
        if not self.reset_after:
            super().after_steps(p)

    def _operands(self, p: Direction, t: int) -> dict[str, Any]:
        return {"batch": p.batch, "units": self.units, "t": t, "lengths": p.lengths,
                "reset_gate": code(self.reset_gate), "update_gate": code(self.update_gate),
                "candidate": code(self.activation)}
