"""What a settings struct says about its fields: titles, help, limits and the order of choices.

The one source is the struct itself: its annotations and their `Meta`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from inspect import get_annotations
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect

from playground.activations import ACTIVATIONS
from playground.initializers import HELP
from playground.numbers import short_exponent

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True)
class Limits:
    """The range of a number; each end may be open."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    @property
    def low(self) -> float | None:
        return self.ge if self.ge is not None else self.gt

    @property
    def high(self) -> float | None:
        return self.le if self.le is not None else self.lt

    def problem(self, value: float) -> str:
        """What is wrong with a value, to follow "must be"; empty when nothing is."""
        if self.ge is not None and value < self.ge:
            return f"at least {show_number(self.ge)}"
        if self.gt is not None and value <= self.gt:
            return f"more than {show_number(self.gt)}"
        if self.le is not None and value > self.le:
            return f"at most {show_number(self.le)}"
        if self.lt is not None and value >= self.lt:
            return f"less than {show_number(self.lt)}"
        return ""

    def __str__(self) -> str:
        parts = []
        if self.low is not None:
            parts.append(("from " if self.ge is not None else "above ") + show_number(self.low))
        if self.high is not None:
            parts.append(("to " if self.le is not None else "below ") + show_number(self.high))
        return " ".join(parts)


@dataclass(frozen=True)
class Field:
    """One setting: how it is called and explained, and what it can be."""

    name: str
    title: str
    help: str
    type: inspect.Type
    unit: str = ""
    log: bool = False
    path: bool = False
    choices: tuple[Any, ...] = ()
    """The values of a Literal in the order in which they were written."""
    default: Any = None
    parts: tuple[str, str] = ("height", "width")
    """What the two numbers of a pair are."""


@lru_cache(maxsize=256)
def fields_of(cls: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The settings of a struct class: its own in order, then those that it inherits."""
    described = inspect.type_info(cls)
    assert isinstance(described, inspect.StructType)
    hints = get_type_hints(cls, include_extras=True)
    own = get_annotations(cls)
    return tuple(_field(field, hints.get(field.name))
                 for field in sorted(described.fields, key=lambda field: field.name not in own))


def _field(field: inspect.Field, hint: Any) -> Field:
    kind, schema, extra = field.type, {}, {}
    if isinstance(kind, inspect.Metadata):
        schema, extra, kind = kind.extra_json_schema or {}, kind.extra or {}, kind.type
    default = field.default
    if default is msgspec.NODEFAULT:
        factory = field.default_factory
        default = None if factory is msgspec.NODEFAULT else factory()
    return Field(
        name=field.name,
        title=schema.get("title") or field.name.replace("_", " ").capitalize(),
        help=schema.get("description", ""),
        type=kind,
        unit=extra.get("unit", ""),
        log=bool(extra.get("log")),
        path=bool(extra.get("path")) or (
            isinstance(kind, inspect.StrType)
            and field.name.rpartition("_")[2] in {"path", "file", "folder"}),
        choices=_choices(hint),
        default=default,
        parts=extra.get("parts", ("height", "width")),
    )


def _choices(hint: Any) -> tuple[Any, ...]:
    """The values of the Literal inside a type; msgspec sorts them, people put the usual first."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    found: tuple[Any, ...] = ()
    for part in get_args(hint):
        found += _choices(part) if not isinstance(part, (str, int)) else ()
    return found


def limits_of(kind: inspect.Type) -> Limits:
    """The limits of an int or float type."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    assert isinstance(kind, (inspect.IntType, inspect.FloatType))
    return Limits(kind.ge, kind.gt, kind.le, kind.lt)


def with_field(struct: S, name: str, value: Any) -> S:
    """A copy with one field changed, checked as if it came from a file. Raises ValueError."""
    plain = msgspec.to_builtins(struct)
    plain[name] = msgspec.to_builtins(value)
    try:
        return msgspec.convert(plain, type(struct))
    except msgspec.ValidationError as error:
        raise ValueError(sentence(str(error))) from error


def sentence(message: str) -> str:
    """msgspec's message as a sentence: "Expected `int` >= 1 - at `$.units`" names no paths."""
    text, _, _ = message.partition(" - at `$")
    return text.replace("`", "") + "."


def readable(name: object) -> str:
    """glorot_uniform as "glorot uniform", StepDecay as "Step decay", SGD as it is."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name).replace("_", " "))
    head, _, tail = text.partition(" ")
    return f"{head} {tail.lower()}" if tail and head[:1].isupper() else text


def title_of(cls: type[msgspec.Struct]) -> str:
    """What people call one of several structs: its label, or its name."""
    return getattr(cls, "label", readable(cls.__name__))


def choice_help(value: object) -> str:
    """What one value of a choice means, where the core says so."""
    if (function := ACTIVATIONS.get(str(value))) is not None:
        return f"{function.formula}\n{function.help}"
    return HELP.get(str(value), "")


def show_number(value: float) -> str:
    """A number as short as it can be: 0.03, 1e-8, 1,000,000."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}" if abs(value) >= 1e5 else str(int(value))
    return short_exponent(f"{value:.7g}")
