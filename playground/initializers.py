"""How weights start. Each rule is named as in the literature and in PyTorch or Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np

Initializer = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "pytorch", "zeros"
]

Start = Initializer | Callable[[tuple[int, ...], np.random.Generator], np.ndarray]
"""How an array starts: one of the rules that the user can choose, or what the layer says itself."""


class Fill(msgspec.Struct, frozen=True):
    """Every value is the same."""

    value: float

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.full(shape, self.value, np.float32)


HELP: dict[str, str] = {
    "glorot_uniform": "Uniform in ±√(6 / (fan_in + fan_out)). Glorot & Bengio 2010, eq. 16.",
    "glorot_normal": "Normal with deviation √(2 / (fan_in + fan_out)). Glorot & Bengio 2010.",
    "he_uniform": "Uniform in ±√(6 / fan_in). He et al. 2015, eq. 10.",
    "he_normal": "Normal with deviation √(2 / fan_in). He et al. 2015, eq. 10.",
    "pytorch": "Uniform in ±1/√fan_in, weights and biases: the default of PyTorch's layers; "
               "embeddings normal with deviation 1.",
    "zeros": "All zero. Symmetric units then stay equal for ever: try it once.",
}


def bias_rule(rule: Initializer) -> Initializer:
    """How the biases beside weights of this rule start: only PyTorch's draws them too."""
    return "pytorch" if rule == "pytorch" else "zeros"


Role = Literal["weight", "embedding"]
"""What an array is to its layer: PyTorch's defaults differ by it."""


def initialize(rule: Start, shape: tuple[int, ...], fan_in: int, fan_out: int,
               random: np.random.Generator, *, role: Role = "weight") -> np.ndarray:
    """Draw an array of `shape` (float32); fan_in and fan_out count a unit's connections."""
    if not isinstance(rule, str):
        return rule(shape, random)
    if rule == "zeros":
        return np.zeros(shape, np.float32)
    if rule == "pytorch" and role == "embedding":
        return random.normal(0, 1, shape).astype(np.float32)
    if rule == "pytorch":
        bound = 1 / np.sqrt(fan_in)
        return random.uniform(-bound, bound, shape).astype(np.float32)
    scale = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in}[rule.split("_")[0]]
    if rule.endswith("normal"):
        return random.normal(0, np.sqrt(scale), shape).astype(np.float32)
    bound = np.sqrt(3 * scale)
    return random.uniform(-bound, bound, shape).astype(np.float32)
