"""Weights and training state as safetensors: plain numbers that other programs read too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import safetensors.numpy

from playground.graph import Graph
from playground.graph_json import DocumentError
from playground.layers.base import Layer, Shape, shapes_of, show_shape
from playground.shapes import check
from playground.state import Array, Edit, SavedState, node_of

MOST_STEPS = 1 << 60


def to_bytes(state: SavedState) -> tuple[bytes, bytes]:
    """(weights.safetensors, state.safetensors)."""
    rest: dict[str, np.ndarray] = {
        "step": np.array(state.step, np.int64), "position": np.array(state.position, np.int64)}
    if state.ahead:  # versions that do not know it leave it out, and say so
        rest["ahead"] = np.array(state.ahead, np.int64)
    for part in ("optimizer", "running"):
        rest |= {f"{part}/{name}": array for name, array in getattr(state, part).items()}
    for number, (moment, values) in enumerate(state.edits):
        rest |= {f"edit/{number}/at": np.array(moment, np.int64)} | {
            f"edit/{number}/{name}": np.array(value, np.float64)
            for name, value in values.items()}
    return _pack(state.parameters), _pack(rest)


def from_bytes(weights: bytes, rest: bytes | None, graph: Graph, notes: list[str]) -> SavedState:
    """What fits the graph; what does not is told in `notes`. Raises DocumentError."""
    parameters = _floats(_unpack(weights, "weights.safetensors"), "weights.safetensors", notes)
    refused = _misfits(parameters, graph, notes)
    parameters = {name: array for name, array in parameters.items() if name not in refused}
    if rest is None:
        return SavedState(step=0, parameters=parameters)
    tensors = _unpack(rest, "state.safetensors")
    step, position, ahead = (
        _whole(tensors.pop(name, None)) for name in ("step", "position", "ahead"))
    edits = _edits(tensors, position)
    floats = _floats(tensors, "state.safetensors", notes)
    if step < 0 or position < 0:
        raise DocumentError(f"state.safetensors says step {step}, instruction {position}; "
                            "neither can be below 0.")
    if not -step <= ahead < MOST_STEPS:
        raise DocumentError(f"state.safetensors says step {step}, and {ahead} more for the epochs; "
                            f"together they must be from 0 to {MOST_STEPS:,}.")
    changed = {node_of(name) for name in refused}
    return SavedState(step, position, parameters, _part("optimizer", floats, changed),
                      _part("running", floats, changed), edits, ahead)


def _edits(tensors: dict[str, np.ndarray], position: int) -> tuple[Edit, ...]:
    """The changes of numbers in the half-done step; takes them out of `tensors`."""
    moments: dict[str, int] = {}
    values: dict[str, dict[str, float]] = {}
    for key in [key for key in tensors if key.startswith("edit/")]:
        array, (_, number, *rest) = tensors.pop(key), key.split("/", 2)
        if rest == ["at"]:
            moments[number] = _whole(array)
        elif rest and array.dtype == np.float64 and array.ndim == 0:
            values.setdefault(number, {})[rest[0]] = float(array)
    found = sorted((moment, number) for number, moment in moments.items())
    return tuple((moment, values.get(number, {})) for moment, number in found
                 if 0 <= moment <= position)


def _whole(value: np.ndarray | None) -> int:
    """A number that was saved as an array of its own; 0 where there is none."""
    return int(value) if value is not None and value.dtype == np.int64 and value.ndim == 0 else 0


def _part(part: str, named: Mapping[str, Array], changed: set[str]) -> dict[str, Array]:
    """The entries of one part, without those of nodes whose parameters have changed."""
    entries = {name.removeprefix(f"{part}/"): value for name, value in named.items()
               if name.startswith(f"{part}/")}
    return {name: value for name, value in entries.items()
            if node_of(name) not in changed}


def _misfits(parameters: Mapping[str, Array], graph: Graph, notes: list[str]) -> set[str]:
    """Names of tensors that the graph has no place for. Where shapes are unknown, all fit."""
    result = check(graph)
    wanted: dict[str, Shape] = {}
    known = set()
    for node in graph.nodes:
        if isinstance(node.layer, Layer) and node.id in result.inputs:
            known.add(node.id)
            shapes = shapes_of(result.inputs[node.id])
            wanted |= {f"{node.id}.{p.name}": p.shape for p in node.layer.parameters(*shapes)}
    refused = set()
    for name, array in parameters.items():
        node_id = node_of(name)
        if name in wanted and array.shape != wanted[name]:
            notes.append(f"The saved weights {name} are {show_shape(array.shape)} where "
                         f"{show_shape(wanted[name])} are wanted: they start anew.")
        elif name not in wanted and (node_id in known or node_id not in graph):
            notes.append(f"The saved weights {name} belong to no layer and are left out.")
        else:
            continue
        refused.add(name)
    return refused


def _floats(tensors: Mapping[str, np.ndarray], file: str, notes: list[str]) -> dict[str, Array]:
    kept = {name: array for name, array in tensors.items() if array.dtype == np.float32}
    notes += [f"{name} in {file} holds {array.dtype}, where float32 is wanted: left out."
              for name, array in tensors.items() if name not in kept]
    return kept


def _pack(tensors: Mapping[str, np.ndarray]) -> bytes:
    contiguous = {name: np.ascontiguousarray(tensors[name]).reshape(tensors[name].shape)
                  for name in sorted(tensors)}
    return safetensors.numpy.save(contiguous)


def _unpack(data: bytes, file: str) -> dict[str, np.ndarray]:
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise DocumentError(f"{file} is damaged ({error})") from error
