"""Every layer of the catalogue with every setting at its limits, as the generic tests try them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from playground.layers import LAYERS
from playground.layers.base import Layer, Shape, ShapeError, make_layer, show_shape
from tests.networks import Shapes, signals_of

MOST = 64
"""Of whole numbers: upper limits beyond it only say that memory is what ends them."""
ARRAYS = 16
"""That a layer learns. The slope along each is measured, and many are a deep stack, too bent for
that; test_parity.py tries the deepest ones."""
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
        *(layer for _, layer in single_changes(kind)), *_mixtures(kind), *_largest(kind))]
    found = list(_on_samples(plain))
    for i, layer in enumerate(changed):
        fitting = list(_on_samples(layer))
        # Where the change shows, as of rounding up where something is left over; and the shapes
        # in turn, so that each setting meets another one.
        fitting = [case for case in fitting if _shows(case, plain)] or fitting
        found += fitting[i % len(fitting):][:1] if fitting else []
    return tuple(dict.fromkeys(found))


def _shows(case: Case, plain: Layer) -> bool:
    """Whether the output has another shape than that of the layer as it comes."""
    return fits(plain, case.shapes) and _shapes(case.layer, case) != _shapes(plain, case)


def _shapes(layer: Layer, case: Case) -> list[Shape]:
    return [signal.shape for signal in layer.infer(*signals_of(layer, case.shapes))]


def _started_alike(layer: Layer) -> Layer:
    """The layer with its usual initialisers: the tests draw weights of their own."""
    usual = {name: value for name, value in type(layer)().settings().items()
             if name.endswith("initializer")}
    return layer.with_settings(**usual)


def defaults() -> tuple[Case, ...]:
    """Every layer as it comes, on its first sample shapes."""
    return tuple(cases(kind)[0] for kind in kinds())


def settings_of(cls: type) -> dict[str, list[Any]]:
    """Values at the limits of each setting, of whole numbers at the lower, as JSON values."""
    examples = getattr(cls, "examples", {})
    return {name: list(examples.get(name) or _values(type_))
            for name, type_ in _types(cls).items()}


def _types(cls: type) -> dict[str, inspect.Type]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    return {field.name: field.type for field in info.fields}


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


def _largest(kind: str) -> Iterator[Layer]:
    """Each whole number at its upper limit, or at the largest value that can be tried."""
    for name, type_ in _types(LAYERS[kind]).items():
        if name not in LAYERS[kind].examples:
            for values in _downwards(type_):
                layers = (make_layer(kind, {name: value}) for value in values)
                yield from itertools.islice(filter(_can_be_tried, layers), 1)


def _can_be_tried(layer: Layer) -> bool:
    """Some sample shape takes it, and it learns no more than `ARRAYS`."""
    return any(len(layer.parameters(*case.shapes)) <= ARRAYS for case in _on_samples(layer))


def _values(type_: inspect.Type) -> Iterator[Any]:
    match type_:
        case inspect.Metadata(type=inner):
            yield from _values(inner)
        case inspect.BoolType():
            yield from (False, True)
        case inspect.LiteralType(values=values):
            yield from values
        case inspect.IntType():
            yield from (_first(type_), _first(type_) + 1)
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


def _downwards(type_: inspect.Type) -> Iterator[Iterable[Any]]:
    """Of each whole number, the values from its upper limit or `MOST` down to those of `_values`.

    Of a pair one number at a time, beside the lowest of the other.
    """
    match type_:
        case inspect.Metadata(type=inner):
            yield from _downwards(inner)
        case inspect.IntType(le=high):
            yield range(MOST if high is None else min(high, MOST), _first(type_) + 1, -1)
        case inspect.TupleType(item_types=items):
            lows = [next(_values(item)) for item in items]
            for axis, item in enumerate(items):
                for values in _downwards(item):
                    yield [[*lows[:axis], value, *lows[axis + 1:]] for value in values]
        case inspect.UnionType(types=types):
            for member in types:
                yield from _downwards(member)


def _first(type_: inspect.IntType) -> int:
    return type_.ge if type_.ge is not None else type_.gt + 1 if type_.gt is not None else 0


def _lowest(type_: inspect.FloatType) -> float:
    if type_.gt is not None:
        return math.nextafter(type_.gt, math.inf)
    return -LARGEST if type_.ge is None else type_.ge


def _highest(type_: inspect.FloatType) -> float:
    if type_.lt is not None:
        return math.nextafter(type_.lt, -math.inf)
    return LARGEST if type_.le is None else min(type_.le, LARGEST)


CASES = tuple(case for kind in kinds() for case in cases(kind))
