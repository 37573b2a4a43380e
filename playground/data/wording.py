"""Data in words: how many samples, where from, and what the first ones say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playground.data.dataset import NO_TARGET, Dataset
from playground.data.lengths import length_range
from playground.data.sentences import END
from playground.data.split import PreparedData

LONGEST = 60
"""Words or characters of one sample that are shown."""


def facts(data: PreparedData) -> str:
    """A line on how many samples there are, and one on where they come from."""
    count = (f"{len(data.dataset):,} samples: {len(data.x_train):,} train, "
             f"{len(data.x_validation):,} validate.")
    if found := length_range(data.dataset):
        count += f" {lengths_told(found).capitalize()}."
    return "\n".join(filter(None, (count, data.dataset.source)))


def lengths_told(lengths: tuple[int, int]) -> str:
    """The fewest and the most time steps of a sample: "lengths 3 to 28"."""
    low, high = lengths
    return f"lengths {low:,} to {high:,}" if low < high else f"all of length {low:,}"


def wordings(data: PreparedData, count: int = 3) -> tuple[str, ...]:
    """The first training samples with what they should give, where they are made of words."""
    return tuple(wording(data.dataset, x, target) for x, target in zip(
        data.x_train[:count], data.target_train[:count], strict=True)
        ) if data.dataset.vocabulary else ()


def wording(dataset: Dataset, x: npt.NDArray[np.float32], target: npt.NDArray[np.float32]) -> str:
    """One sample and its target: "leave taipei → other departure", "·" where none is asked."""
    tokens = next((port.of(x[None])[0] for port in dataset.ports if port.classes), x)
    said = [dataset.vocabulary[int(number)] for number in tokens]
    along_time = target.shape == tokens.shape
    while said and said[-1] == END:
        said.pop()
    answers = ["·" if number == NO_TARGET else dataset.classes[int(number)]
               for number in target.reshape(-1)[:len(said) if along_time else None]]
    return f"{_joined(said)} → {_joined(answers)}"


def _joined(words: list[str]) -> str:
    """Characters stand together, words apart."""
    shown = [word.replace("\n", "⏎") for word in words[:LONGEST]]
    return ("" if all(len(word) == 1 for word in shown) else " ").join(shown) + (
        "…" if len(words) > LONGEST else "")
