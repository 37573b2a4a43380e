"""How weights start. Each rule is named as in the literature and in PyTorch or Keras.

A rule without numbers of its own is a name; one with numbers is a small struct.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Annotated, Literal, get_args

import msgspec
import numpy as np
from msgspec import Meta

from playground.sizes import Shape, size_of

InitializerName = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "pytorch", "keras", "zeros",
]

HELP: dict[str, str] = {
    "glorot_uniform": "Uniform in ±√(6 / (fan_in + fan_out)). Glorot & Bengio 2010, eq. 16.",
    "glorot_normal": "Normal with deviation √(2 / (fan_in + fan_out)). Glorot & Bengio 2010.",
    "he_uniform": "Uniform in ±√(6 / fan_in). He et al. 2015, eq. 10.",
    "he_normal": "Normal with deviation √(2 / fan_in). He et al. 2015, eq. 10.",
    "lecun_uniform": "Uniform in ±√(3 / fan_in). LeCun et al. 1998, Efficient BackProp.",
    "lecun_normal": "Normal with deviation √(1 / fan_in). LeCun et al. 1998, Efficient BackProp.",
    "pytorch": "The defaults of PyTorch's layers: uniform in ±1/√fan_in, weights and biases; "
               "embeddings normal with deviation 1.",
    "keras": "The defaults of Keras's layers: glorot uniform, recurrent weights orthogonal, "
             "embeddings uniform in ±0.05, biases zero.",
    "zeros": "All zero. Symmetric units then stay equal for ever: try it once.",
}

assert set(HELP) == set(get_args(InitializerName))

Role = Literal["weight", "recurrent", "embedding"]
"""What an array is to its layer: the frameworks' defaults differ by it."""


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule with numbers of its own. The fields are the settings."""


class Uniform(_Rule, frozen=True, kw_only=True, tag="uniform"):
    """Uniform in ±scale, whatever the layer's size."""

    scale: Annotated[float, Meta(
        ge=0, le=1000, title="Scale", description="The largest weight.",
        extra={"log": True})] = 0.05


class Normal(_Rule, frozen=True, kw_only=True, tag="normal"):
    """Normal around 0, whatever the layer's size."""

    deviation: Annotated[float, Meta(
        ge=0, le=1000, title="Deviation", description="The standard deviation.",
        extra={"log": True})] = 0.05


class Orthogonal(_Rule, frozen=True, kw_only=True, tag="orthogonal"):
    """Rows (or columns, if there are fewer) at right angles, of length gain. Saxe et al. 2014."""

    gain: Annotated[float, Meta(
        ge=0, le=1000, title="Gain", description="The length; √2 suits ReLU.",
        extra={"log": True})] = 1.0


class Constant(_Rule, frozen=True, kw_only=True, tag="constant"):
    """Every weight the same. Symmetric units then stay equal for ever."""

    value: Annotated[float, Meta(
        ge=-1000, le=1000, title="Value", description="What every weight is.")] = 0.1


class Identity(_Rule, frozen=True, kw_only=True, tag="identity"):
    """Unit i copies input i (a kernel its channel, at the centre), times gain. Le et al. 2015."""

    gain: Annotated[float, Meta(
        ge=0, le=1000, title="Gain", description="What the copy is multiplied by.",
        extra={"log": True})] = 1.0


Initializer = InitializerName | Uniform | Normal | Orthogonal | Constant | Identity


PIECE = 1 << 16
"""Numbers that are drawn at once."""

Start = Initializer | Callable[[Shape, np.random.Generator], np.ndarray]
"""How an array starts: one of the rules that the user can choose, or what the layer says itself."""


def bias_rule(rule: Initializer) -> Initializer:
    """How the biases beside weights of this rule start: only PyTorch's draws them too."""
    return "pytorch" if rule == "pytorch" else "zeros"


def initialize(rule: Start, shape: Shape, fan_in: int, fan_out: int,
               random: np.random.Generator, *, role: Role = "weight", groups: int = 1
               ) -> np.ndarray:
    """Draw an array of `shape` (out, in, ...) as float32.

    fan_in and fan_out count a unit's connections. groups: blocks of the first axis that see
    different inputs; only the identity asks.
    """
    pieces = initial_pieces(rule, shape, fan_in, fan_out, random, role=role, groups=groups)
    return np.concatenate([*pieces]).reshape(shape)


def initial_pieces(rule: Start, shape: Shape, fan_in: int, fan_out: int,
                   random: np.random.Generator, *, role: Role = "weight", groups: int = 1
                   ) -> Iterator[np.ndarray]:
    """What `initialize` gives, flat and one piece after the other: of a large layer, all doubles at
    once would be twice its memory, and slow to come.
    """
    values: np.ndarray
    match rule:
        case "zeros":
            values = np.zeros(shape, np.float32)
        case "keras":
            return initial_pieces(_KERAS[role], shape, fan_in, fan_out, random, groups=groups)
        case "pytorch" if role == "embedding":
            return _drawn(lambda n: random.normal(0, 1, n), shape)
        case "pytorch":
            bound = 1 / math.sqrt(fan_in)
            return _drawn(lambda n: random.uniform(-bound, bound, n), shape)
        case Uniform(scale=scale):
            return _drawn(lambda n: random.uniform(-scale, scale, n), shape)
        case Normal(deviation=deviation):
            return _drawn(lambda n: random.normal(0, deviation, n), shape)
        case Orthogonal(gain=gain):
            values = gain * _orthogonal(shape, random)
        case Constant(value=value):
            values = np.full(shape, value, np.float32)
        case Identity(gain=gain):
            values = gain * _identity(shape, groups)
        case _ if not isinstance(rule, str):
            values = rule(shape, random)
        case _:
            author, _, distribution = rule.partition("_")
            variance = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in,
                        "lecun": 1 / fan_in}[author]
            if distribution == "normal":
                return _drawn(lambda n: random.normal(0, math.sqrt(variance), n), shape)
            bound = math.sqrt(3 * variance)
            return _drawn(lambda n: random.uniform(-bound, bound, n), shape)
    return iter([values.astype(np.float32, copy=False).reshape(-1)])


def _drawn(draw: Callable[[int], np.ndarray], shape: Shape) -> Iterator[np.ndarray]:
    """The same numbers as drawn at once."""
    size = size_of(shape)
    for start in range(0, size, PIECE):
        yield draw(min(PIECE, size - start)).astype(np.float32)


_KERAS: dict[Role, Initializer] = {
    "weight": "glorot_uniform", "recurrent": Orthogonal(), "embedding": Uniform(scale=0.05)}


def _orthogonal(shape: Shape, random: np.random.Generator) -> np.ndarray:
    """The first axis against all others: q of a random matrix, made unique by r's signs."""
    rows, columns = shape[0], size_of(shape[1:])
    q, r = np.linalg.qr(random.normal(size=(max(rows, columns), min(rows, columns))))
    # Without the signs it would not be uniform among all rotations. Mezzadri 2007.
    q *= np.where(np.diag(r) < 0, -1, 1)
    return (q if rows >= columns else q.T).reshape(shape)


def _identity(shape: Shape, groups: int) -> np.ndarray:
    """1 where unit i of a group meets input i, in the middle of a kernel (as nn.init.dirac_)."""
    values = np.zeros(shape)
    units = shape[0] // groups
    centre = tuple(size // 2 for size in shape[2:])
    for i in range(min(units, shape[1]) if len(shape) > 1 else 0):
        for group in range(groups):
            values[(group * units + i, i, *centre)] = 1
    return values


__all__ = [
    "HELP", "Constant", "Identity", "Initializer", "InitializerName", "Normal", "Orthogonal",
    "Role", "Start", "Uniform", "bias_rule", "initial_pieces", "initialize",
]
