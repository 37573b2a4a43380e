"""What a data set is: samples, targets and where they come from, as one immutable value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Kind = Literal["classification", "regression"]


class DataError(Exception):
    """Data that cannot be used; the text is one sentence for the user with the way out."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and their targets; build it with `make_dataset`, which checks everything.

    x (N, *shape) float32, read-only; an image is (channels, height, width) with values 0..1.
    target (N,) class numbers, or (N, *target_shape) for regression; float32, read-only.
    gaps: x may hold NaN, which means that the value is missing; `prepare` fills it in.
    """

    name: str
    x: FloatArray
    target: FloatArray
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    source: str = ""
    gaps: bool = False

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, without the batch axis."""
        return self.x.shape[1:]

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of one target: () for a class number."""
        return self.target.shape[1:]

    @property
    def kind(self) -> Kind:
        """Classification when there are classes to choose from, regression otherwise."""
        return "classification" if self.classes else "regression"


def make_dataset(
    name: str,
    x: npt.NDArray[Any],
    target: npt.NDArray[Any],
    classes: Sequence[str] = (),
    features: Sequence[str] = (),
    source: str = "",
    gaps: bool = False,
) -> Dataset:
    """Check the arrays and freeze them into a Dataset; raises DataError.

    x (N, *shape), any real type. target (N,) of 0..len(classes)-1 when classes are given, otherwise
    (N,) or (N, *target_shape) numbers; a plain (N,) regression target becomes (N, 1).
    gaps: a NaN in x is a missing value and no mistake.
    """
    samples = _frozen(x)
    targets = _frozen(target if classes or np.ndim(target) != 1 else np.asarray(target)[:, None])
    _check_samples(name, samples, targets, gaps)
    if classes:
        _check_classes(name, targets, classes)
    if features and len(features) != samples[0].size:
        raise DataError(
            f"'{name}' names {len(features)} features, but each sample holds {samples[0].size} "
            "values; give one name per value, or no names."
        )
    return Dataset(name, samples, targets, tuple(classes), tuple(features), source, gaps)


def _frozen(array: npt.NDArray[Any]) -> FloatArray:
    """A C-contiguous float32 view that cannot be written; the caller's own array stays writable."""
    # A number beyond float32 becomes inf here, silently, and is reported by the finite check.
    with np.errstate(over="ignore"):
        frozen = np.ascontiguousarray(array, dtype=np.float32).view()
    frozen.flags.writeable = False
    return frozen


def _check_samples(name: str, x: FloatArray, target: FloatArray, gaps: bool) -> None:
    if x.ndim < 2 or x.size == 0:
        raise DataError(
            f"'{name}' holds samples of shape {x.shape}; at least one sample and one feature are "
            "needed, as an array (samples, features) or (samples, channels, height, width)."
        )
    if len(x) != len(target):
        raise DataError(
            f"'{name}' has {len(x)} samples but {len(target)} targets; each sample needs one."
        )
    if target.size == 0:
        raise DataError(f"'{name}' has empty targets of shape {target.shape}; give one number.")
    for label, wrong in (("sample", np.isinf(x) if gaps else ~np.isfinite(x)),
                         ("target", ~np.isfinite(target))):
        if wrong.any():
            row = int(np.argwhere(wrong)[0, 0])
            raise DataError(
                f"'{name}': {label} {row + 1} holds a value that is missing, infinite or too large "
                "for float32; remove it or fill it in."
            )


def _check_classes(name: str, target: FloatArray, classes: Sequence[str]) -> None:
    if target.ndim != 1:
        raise DataError(
            f"'{name}' has class targets of shape {target.shape}; one class number per sample is "
            "wanted, shape (samples,)."
        )
    if len(classes) < 2:
        raise DataError(
            f"'{name}' has only one class, '{classes[0]}'; there is nothing to tell apart. Add "
            "samples of another class, or choose another target."
        )
    wrong = (target < 0) | (target >= len(classes)) | (target != np.floor(target))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"'{name}': sample {row + 1} has class number {target[row]:g}, but the {len(classes)} "
            f"classes are numbered 0 to {len(classes) - 1}."
        )
