"""Recurrent layers written down step by step in PyTorch, with all settings that ours have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

States = dict[str, Tensor]
Weights = Mapping[str, Tensor]
Cell = Callable[[Any, Tensor, States, Weights], States]


def function(name: str, x: Tensor) -> Tensor:
    from torch.nn import functional as F

    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "identity": lambda x: x, "sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu,
        "leaky_relu": F.leaky_relu, "elu": F.elu}
    return functions[name](x)


def _linear(x: Tensor, w: Weights, name: str, bias: str) -> Tensor:
    from torch.nn import functional as F

    return F.linear(x, w[name], w.get(bias))


def _both(x: Tensor, h: Tensor, w: Weights) -> Tensor:
    return _linear(x, w, "weight_ih", "bias_ih") + _linear(h, w, "weight_hh", "bias_hh")


def _elman(layer: Any, x: Tensor, s: States, w: Weights) -> States:
    return {"h": function(layer.activation, _both(x, s["h"], w))}


def _jordan(layer: Any, x: Tensor, s: States, w: Weights) -> States:
    h = function(layer.activation, _linear(x, w, "weight_ih", "bias_ih")
                 + _linear(s["out"], w, "weight_yh", ""))
    return {"out": function(layer.output_activation, _linear(h, w, "weight_hy", "bias_hy"))}


def _lstm(layer: Any, x: Tensor, s: States, w: Weights) -> States:
    i, f, g, o = _both(x, s["h"], w).chunk(4, dim=1)
    i, f = function(layer.input_gate, i), function(layer.forget_gate, f)
    g, o = function(layer.activation, g), function(layer.output_gate, o)
    c = f * s["c"] + i * g
    return {"h": o * function(layer.output_activation, c), "c": c}


def _gru(layer: Any, x: Tensor, s: States, w: Weights) -> States:
    h = s["h"]
    of_x = _linear(x, w, "weight_ih", "bias_ih").chunk(3, dim=1)
    of_h = _linear(h, w, "weight_hh", "bias_hh").chunk(3, dim=1)
    r = function(layer.reset_gate, of_x[0] + of_h[0])
    z = function(layer.update_gate, of_x[1] + of_h[1])
    kept = r * of_h[2]
    if not layer.reset_after:
        own = {name: value.chunk(3)[2] for name, value in w.items() if name.endswith("hh")}
        kept = _linear(r * h, own, "weight_hh", "bias_hh")
    return {"h": (1 - z) * function(layer.activation, of_x[2] + kept) + z * h}


CELLS: dict[str, Cell] = {"elman": _elman, "jordan": _jordan, "lstm": _lstm, "gru": _gru}


def own_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """How many of the steps of x (batch, time, ...) are each sample's own (batch,)."""
    import torch

    batch, time = x.shape[:2]
    if lengths is None:
        return torch.full((batch,), time)
    return torch.clamp(torch.floor(lengths.detach().reshape(batch) + 0.5), 0, time).long()


def is_own(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Which steps of x (batch, time, ...) are the sample's own (batch, time)."""
    import torch

    return torch.arange(x.shape[1]) < own_steps(x, lengths)[:, None]


def recurrent(layer: Any, x: Sequence[Any], w: Weights) -> Tensor:
    """What a recurrent layer gives for its inputs: x, and lengths and state where connected."""
    import torch

    x, lengths, state = (*x, None, None)[:3]
    batch, time = x.shape[:2]
    ends = own_steps(x, lengths)
    steps = [x[:, t] for t in range(time)]
    places = [(number, reverse) for number in range(layer.layers)
              for reverse in (False, True)[:1 + layer.bidirectional]]
    size = layer.state_units
    parts = [] if state is None else list(state.split(size, dim=1))
    final: dict[str, list[Tensor]] = {name: [] for name in layer.states}
    top: list[list[Tensor]] = []
    for cell, (number, reverse) in enumerate(places):
        if not reverse:
            top = []
        suffix = f"_l{number}{'_reverse' * reverse}"
        own = {name.removesuffix(suffix): t for name, t in w.items() if name.endswith(suffix)}
        s = {name: x.new_zeros(batch, size) if state is None else parts[i * len(places) + cell]
             for i, name in enumerate(layer.states)}
        made: list[Any] = [None] * time
        for done, t in enumerate(reversed(range(time)) if reverse else range(time)):
            if layer.truncate and done and done % layer.truncate == 0:
                s = {name: value.detach() for name, value in s.items()}
            new = CELLS[layer.kind](layer, steps[t], s, own)
            alive = (t < ends)[:, None]
            s = {name: torch.where(alive, new[name], value) for name, value in s.items()}
            made[t] = s[layer.states[0]]
        for name, value in s.items():
            final[name].append(value)
        top.append(made)
        if len(top) == 1 + layer.bidirectional:
            steps = [torch.cat(both, dim=1) for both in zip(*top, strict=True)]
    if layer.returns == "states":
        return torch.cat([value for name in layer.states for value in final[name]], dim=1)
    if layer.returns == "last":
        return torch.cat(final[layer.states[0]][-len(top):], dim=1)
    return torch.stack(steps, dim=1) * is_own(x, lengths)[:, :, None]


__all__ = ["CELLS", "is_own", "own_steps", "recurrent"]
