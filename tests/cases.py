"""Every layer of the catalogue with every setting at its limits, as the generic tests try them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from playground.layers import LAYERS
from playground.layers.base import Layer, ShapeError, make_layer, show_shape
from tests.networks import Shapes, signals_of

MIXTURES = 10
"""For layers with several settings: how many random combinations of them."""
LARGEST = 100.0
"""Of a number without a smaller limit."""


@dataclass(frozen=True)
class Case:
    """A layer and the shapes of its inputs."""

    layer: Layer
    shapes: Shapes

    def __str__(self) -> str:
        default = type(self.layer)().settings()
        changed = [f"{name}={value}" for name, value in self.layer.settings().items()
                   if value != default[name]]
        shapes = "+".join("none" if shape is None else show_shape(shape) for shape in self.shapes)
        return " ".join([self.layer.kind, *changed, "on", shapes]).replace(", ", ",")


def kinds() -> tuple[str, ...]:
    """All layers between data and loss."""
    return tuple(k for k, cls in LAYERS.items() if cls.category not in ("data", "loss"))


def cases(kind: str) -> tuple[Case, ...]:
    """As it comes on all of its sample shapes; each setting at its limits, and mixtures, on one."""
    plain = make_layer(kind, {})
    changed = [_started_alike(layer) for layer in (
        *(layer for _, layer in single_changes(kind)), *_mixtures(kind))]
    found = list(_on_samples(plain))
    for i, layer in enumerate(changed):
        # The shapes in turn, so that each setting meets another one.
        fitting = list(_on_samples(layer))
        found += fitting[i % len(fitting):][:1] if fitting else []
    return tuple(dict.fromkeys(found))


def _started_alike(layer: Layer) -> Layer:
    """The layer with its usual initialisers: the tests draw weights of their own."""
    usual = {name: value for name, value in type(layer)().settings().items()
             if name.endswith("initializer")}
    return layer.with_settings(**usual)


def defaults() -> tuple[Case, ...]:
    """Every layer as it comes, on its first sample shapes."""
    return tuple(cases(kind)[0] for kind in kinds())


def settings_of(cls: type) -> dict[str, list[Any]]:
    """Values at and near the limits of each setting, as JSON values."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    examples = getattr(cls, "examples", {})
    return {field.name: list(examples.get(field.name) or _values(field.type))
            for field in info.fields}


def single_changes(kind: str) -> Iterator[tuple[str, Layer]]:
    """The layer with one setting changed, with the name of the setting."""
    for name, values in settings_of(LAYERS[kind]).items():
        for value in values:
            yield name, make_layer(kind, {name: value})


def fits(layer: Layer, shapes: Shapes) -> bool:
    try:
        layer.infer(*signals_of(layer, shapes))
    except ShapeError:
        return False
    return True


def _on_samples(layer: Layer) -> Iterator[Case]:
    return (Case(layer, shapes) for shapes in layer.samples if fits(layer, shapes))


def _mixtures(kind: str) -> Iterator[Layer]:
    """Random combinations that some sample shape takes."""
    choices, generator = settings_of(LAYERS[kind]), random.Random(kind)
    if len(choices) < 3:
        return
    made = 0
    for _ in range(100 * MIXTURES):
        layer = make_layer(kind, {n: generator.choice(v) for n, v in choices.items()})
        if made < MIXTURES and any(fits(layer, shapes) for shapes in layer.samples):
            made += 1
            yield layer


def _values(type_: inspect.Type) -> Iterator[Any]:
    match type_:
        case inspect.Metadata(type=inner):
            yield from _values(inner)
        case inspect.BoolType():
            yield from (False, True)
        case inspect.LiteralType(values=values):
            yield from values
        case inspect.IntType(ge=low, gt=above):
            first = low if low is not None else above + 1 if above is not None else 0
            yield from (first, first + 1)
        case inspect.FloatType():
            yield from (_lowest(type_), _highest(type_))
        case inspect.TupleType(item_types=items):
            lows = [next(_values(item)) for item in items]
            # Different sizes along the axes: what mixes them up is found out.
            yield from ([low + add for low, add in zip(lows, adds, strict=True)]
                        for adds in ((0, 0), (1, 0), (0, 1), (1, 2)))
        case inspect.UnionType(types=types):
            for member in types:
                yield from _values(member)
        case inspect.StructType(cls=cls):
            yield msgspec.to_builtins(cls())


def _lowest(type_: inspect.FloatType) -> float:
    if type_.gt is not None:
        return math.nextafter(type_.gt, math.inf)
    return -LARGEST if type_.ge is None else type_.ge


def _highest(type_: inspect.FloatType) -> float:
    if type_.lt is not None:
        return math.nextafter(type_.lt, -math.inf)
    return LARGEST if type_.le is None else min(type_.le, LARGEST)


CASES = tuple(case for kind in kinds() for case in cases(kind))
