"""Data in words: how many samples, where from, and what the first ones say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playground.data.dataset import NO_TARGET, Dataset
from playground.data.lengths import length_range
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
    """One sample and its target: "leave taipei → other departure"."""
    return " → ".join(parts(dataset, x, target))


def parts(dataset: Dataset, x: npt.NDArray[np.float32], target: npt.NDArray[np.float32]
          ) -> tuple[str, str]:
    """What one sample of words or numbers says, without padding, and its target: "·" where none is
    asked.
    """
    port = next((port for port in dataset.ports if port.classes), dataset.x_port)
    tokens = x if port is None else port.of(x[None])[0]
    along_time = target.shape == tokens.shape
    if port is not None and port.lengths:
        tokens = tokens[:int(dataset.lengths(port, x[None])[0])]
    said = [dataset.vocabulary[int(number)] for number in tokens] if dataset.vocabulary else [
        f"{number:.4g}" for number in tokens]
    asked = target.reshape(-1)[:len(said) if along_time else None]
    answers = ["·" if number == NO_TARGET else dataset.classes[int(number)] for number in asked
               ] if dataset.classes else [f"{number:.4g}" for number in asked]
    return _joined(said, dataset.vocabulary), _joined(answers, dataset.classes)


def _joined(words: list[str], names: tuple[str, ...]) -> str:
    """Characters stand together; words and numbers apart. What is nothing but spaces is seen."""
    shown = [word.replace("\n", "⏎") for word in words[:LONGEST]]
    together = bool(names) and all(len(name) == 1 for name in names)
    said = ("" if together else " ").join(shown) + ("…" if len(words) > LONGEST else "")
    return said if said.strip() else said.replace(" ", "␣")
