"""From a column of labels to targets: class numbers or real numbers, decided in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playground.data.dataset import NO_TARGET, DataError

Task = Literal["auto", "classification", "regression"]
Target = tuple[npt.NDArray[Any], tuple[str, ...]]

FEW_CLASSES = 20  # whole numbers with at most this many different values are taken for classes
MAX_CLASSES = 1000


def check_task(task: str) -> None:
    """Raise DataError for a task that does not exist."""
    if task not in ("auto", "classification", "regression"):
        raise DataError(f"The task is '{task}'; choose auto, classification or regression.")


def text_target(where: str, labels: Sequence[str], task: Task) -> Target:
    """Class numbers (N,) of text labels and the class names in alphabetical order.

    `where` begins the sentence of a DataError, for example "'cars.csv', column 'make'".
    """
    if task == "regression":
        raise DataError(
            f"{where} holds text such as '{labels[0]}', which regression cannot fit; choose "
            "classification, or a column of numbers."
        )
    names, ids = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    _check_count(where, len(names))
    return ids, tuple(str(name) for name in names)


def number_target(where: str, values: npt.NDArray[Any], task: Task) -> Target:
    """Class numbers and names when the values (N, ...) are classes, the values themselves if not.

    Values (N, time) are classes of time steps, -1 for none, when the task says so.

    "auto" takes 2 to FEW_CLASSES different whole numbers for classes when each comes twice on
    average; classes are named by their number, in order.
    """
    if task == "regression" or (task == "auto" and not look_like_classes(values)):
        return values, ()
    if values.ndim > 2:
        raise DataError(
            f"{where} has the shape {values.shape}; for classification one number per sample is "
            "wanted, or one per time step. Choose regression, or give class numbers."
        )
    asked = values != NO_TARGET if values.ndim == 2 else np.full(values.shape, True)
    names, numbers = np.unique(values[asked], return_inverse=True)
    _check_count(where, len(names))
    ids = np.full(values.shape, NO_TARGET)
    ids[asked] = numbers
    return ids, tuple(f"{name:.9g}" for name in names)


def look_like_classes(values: npt.NDArray[Any]) -> bool:
    """Whether values (N,) are 2 to FEW_CLASSES different whole numbers, each twice on average."""
    if values.ndim != 1 or not np.isfinite(values).all():
        return False
    different = np.unique(values)
    whole = bool((different == np.floor(different)).all())
    return whole and 2 <= len(different) <= min(FEW_CLASSES, len(values) // 2)


def _check_count(where: str, count: int) -> None:
    if count < 2:
        raise DataError(
            f"{where} holds only one class; there is nothing to tell apart. Add samples of another "
            "class, or choose another target."
        )
    if count > MAX_CLASSES:
        raise DataError(
            f"{where} holds {count:,} different values, too many for classes (at most "
            f"{MAX_CLASSES:,}); choose regression or another target."
        )
