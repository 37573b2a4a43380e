"""Symbols of a file: whole numbers that are names, such as those of words, and how many there are.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playground.data.dataset import NO_TARGET, DataError
from playground.data.labels import MAX_CLASSES, Task
from playground.data.lengths import Lengths, beyond

Holds = Literal["values", "symbols"]
"""What the numbers of samples are: amounts, or names."""

MAX_SYMBOLS = 100_000
WORD_KEYS = ("vocabulary", "vocab", "words")
"""The usual names of an array of texts that names the symbols."""


def vocabulary_in(where: str, x: npt.NDArray[Any], own: Lengths | None, count: int,
                  words: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the symbols that samples x (N, time) are made of; raises DataError.

    own (N,): how many steps of each sample are its own; only they are looked at. There are `count`
    symbols; if that is 0 as many as words, and without words up to the largest number. Those
    without a word are named by their number. `where` begins the sentence of a DataError, for
    example "'a.npz', array 'x'".
    """
    if x.ndim != 2:
        raise DataError(
            f"{where} has the shape {x.shape}; symbols are wanted as (samples, time), one whole "
            "number at each time step. Let the samples hold values, or save other ones.")
    mine = _steps_of(x, own)
    wrong = mine & ~(np.isfinite(x) & (x >= 0) & (x == np.floor(x)))
    if wrong.any():
        raise DataError(
            f"{_first(where, x, wrong)}; symbols are whole numbers from 0 up. Where that fills up "
            "a short sample, save an array of lengths, which tells that it is padding.")
    largest = int(x[mine].max()) if mine.any() else 0
    known = count or len(words) or min(largest + 1, MAX_SYMBOLS)
    if largest >= known:
        way_out = (f"Number the symbols from 0, without gaps: at most {MAX_SYMBOLS:,} can be told "
                   "apart." if largest >= MAX_SYMBOLS else
                   f"Set Vocabulary to {largest + 1:,}, or correct the file.")
        raise DataError(f"{_first(where, x, mine & (x >= known))}, and the {known:,} symbols are "
                        f"numbered 0 to {known - 1:,}. {way_out}")
    if known < 2:
        raise DataError(f"{where} holds no symbol but 0: there is nothing to tell apart. Set "
                        "Vocabulary to how many symbols there are, or save other samples.")
    return (*words[:known], *(str(number) for number in range(len(words), known)))


def asked_of_steps(where: str, labels: npt.NDArray[Any], x: npt.NDArray[Any], own: Lengths | None,
                   count: int, task: Task) -> tuple[Task, bool]:
    """The task of labels for samples x (N, time) of `count` symbols, and whether they ask after
    each symbol for the one that follows: their numbers are then those of symbols.

    Whole numbers (N, time) are classes of time steps, which `number_target` does not know. Raises
    DataError when there are more symbols to ask for than there may be classes.
    """
    mine = _steps_of(x, own)
    if labels.shape != x.shape or x.shape[1] == 1 or labels.dtype.kind not in "biuf" or (
            task == "regression"):
        return task, False
    asked = labels[mine]
    if not (np.isfinite(asked) & (asked == np.floor(asked))).all():
        return task, False
    known = (asked == NO_TARGET) | ((asked >= 0) & (asked < count))
    follows = bool(known.all()) and ask_for_next(labels, x, mine)
    if follows and count > MAX_CLASSES:
        raise DataError(
            f"{where} asks for the next of {count:,} symbols, too many for classes (at most "
            f"{MAX_CLASSES:,}). Give rare symbols a number in common.")
    return "classification", follows


def ask_for_next(labels: npt.NDArray[Any], x: npt.NDArray[Any], mine: npt.NDArray[np.bool_]
                 ) -> bool:
    """Whether labels (N, time) are the symbols that follow those of x (N, time), as far as the
    steps that are a sample's own (N, time) tell."""
    followed = mine[:, 1:]
    return bool(followed.any()) and bool(
        (labels[:, :-1][followed] == x[:, 1:][followed]).all())


def _steps_of(x: npt.NDArray[Any], own: Lengths | None) -> npt.NDArray[np.bool_]:
    """Which time steps of samples x (N, time) are their own, (N, time)."""
    return np.full(x.shape, True) if own is None else ~beyond(own, x.shape[1])


def _first(where: str, x: npt.NDArray[Any], wrong: npt.NDArray[np.bool_]) -> str:
    """The first place where something is wrong, and what stands there."""
    row, step = np.argwhere(wrong)[0]
    return f"{where}: sample {row + 1} holds {x[row, step]:.9g} at time step {step + 1}"
