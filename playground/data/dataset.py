"""What a data set is: samples, targets and where they come from, as one immutable value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Kind = Literal["classification", "regression"]

NO_TARGET = -1
"""The class number of a time step that has no target: it counts neither in loss nor in metric."""


class DataError(Exception):
    """Data that cannot be used; the text is one sentence for the user with the way out."""


@dataclass(frozen=True)
class Port:
    """A part of each sample that leaves the data node by an output of its own.

    Samples with ports are packed, x (N, total); this part is the values from `start` on, which mean
    an array of `shape`. classes: they are class numbers below this (0: no classes). scaled: they
    are quantities, which standardising may scale; never class numbers. lengths: the port with the
    number of its steps that are a sample's own; what stands after them is padding, 0.
    """

    name: str
    start: int
    shape: tuple[int, ...]
    classes: int = 0
    scaled: bool = True
    lengths: str = ""

    @property
    def end(self) -> int:
        return self.start + math.prod(self.shape)

    def of(self, x: FloatArray) -> FloatArray:
        """This part (n, *shape) of packed samples (n, total)."""
        return x[:, self.start : self.end].reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and their targets; build it with `make_dataset`, which checks everything.

    x (N, *shape) float32, read-only; an image is (channels, height, width) with values 0..1, a
    sequence (time, features), and a sequence of tokens (time,), numbers of words of `vocabulary`.
    target (N,) class numbers, or (N, time) with -1 where nothing is asked; without classes (N,
    *target_shape) values. float32, read-only.
    gaps: x may hold NaN, which means that the value is missing; `prepare` fills it in.
    ports: what each sample consists of, where that is more than one thing; one is called "x".
    ordered: samples follow each other in time, so the last ones validate; a sample shares values
    with the next `overlap` ones.
    """

    name: str
    x: FloatArray
    target: FloatArray
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    source: str = ""
    gaps: bool = False
    vocabulary: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    ordered: bool = False
    overlap: int = 0

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
    def x_port(self) -> Port | None:
        """The part of a sample that is called "x"; None where a sample is but one thing."""
        return next((port for port in self.ports if port.name == "x"), None)

    @property
    def padded(self) -> Port | None:
        """The part that is a sequence with a length of its own in each sample, where there is one.
        """
        return next((port for port in self.ports if port.lengths), None)

    def lengths(self, padded: Port, x: FloatArray) -> FloatArray:
        """Of packed samples (n, total): how many steps of this part are their own, (n,)."""
        port = next(port for port in self.ports if port.name == padded.lengths)
        return x[:, port.start]

    def own_steps(self, padded: Port, x: FloatArray) -> npt.NDArray[np.bool_]:
        """Of packed samples (n, total): which steps of this part are their own, (n, time)."""
        return np.arange(padded.shape[0]) < self.lengths(padded, x)[:, None]

    @property
    def are_images(self) -> bool:
        """Whether each sample is (channels, height, width)."""
        return len(self.shape) == 3

    @property
    def scalable(self) -> npt.NDArray[np.bool_]:
        """Of one sample (*shape): which values are quantities, not numbers of words or classes."""
        which = np.full(self.shape, not self.vocabulary or bool(self.ports))
        for port in self.ports:
            which[port.start : port.end] = port.scaled and not port.classes
        return which

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
    vocabulary: Sequence[str] = (),
    ports: Sequence[Port] = (),
    ordered: bool = False,
    overlap: int = 0,
) -> Dataset:
    """Check the arrays and freeze them into a Dataset; raises DataError.

    x (N, *shape), any real type. target (N,) of 0..len(classes)-1 when classes are given, or
    (N, time) with -1 for "no target here", otherwise (N,) or (N, *target_shape) numbers; a plain
    (N,) regression target becomes (N, 1). gaps: a NaN in x is a missing value and no mistake.
    vocabulary: the words whose numbers x, or each port with classes, holds.
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
    if vocabulary and not ports:
        _check_numbers(name, samples, len(vocabulary))
    for port in ports:
        assert port.end <= samples.shape[1], f"{name}: the port {port.name} is outside"
        if port.classes:
            _check_numbers(name, samples[:, port.start : port.end], port.classes)
    return Dataset(name, samples, targets, tuple(classes), tuple(features), source, gaps,
                   tuple(vocabulary), tuple(ports), ordered, overlap)


def with_classes(dataset: Dataset, kept: Sequence[int]) -> Dataset:
    """Only the samples of these classes, which are numbered anew in this order."""
    numbers = np.full(len(dataset.classes), NO_TARGET)
    numbers[list(kept)] = range(len(kept))
    target = numbers[dataset.target.astype(int)]
    rows = target != NO_TARGET
    return replace(dataset, x=_frozen(dataset.x[rows]), target=_frozen(target[rows]),
                   classes=tuple(dataset.classes[number] for number in kept))


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
    if target.ndim > 2:
        raise DataError(
            f"'{name}' has class targets of shape {target.shape}; one class number per sample is "
            "wanted, shape (samples,), or one per time step, shape (samples, time)."
        )
    if len(classes) < 2:
        raise DataError(
            f"'{name}' has only one class, '{classes[0]}'; there is nothing to tell apart. Add "
            "samples of another class, or choose another target."
        )
    lowest = 0 if target.ndim == 1 else NO_TARGET
    wrong = (target < lowest) | (target >= len(classes)) | (target != np.floor(target))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        none = "" if target.ndim == 1 else f" ({NO_TARGET} where there is no target)"
        raise DataError(
            f"'{name}': sample {place[0] + 1} has class number {target[place]:g}, but the "
            f"{len(classes)} classes are numbered 0 to {len(classes) - 1}{none}."
        )
    if (target == NO_TARGET).all():
        raise DataError(f"'{name}' has no target in any sample; give each at least one class.")


def _check_numbers(name: str, x: FloatArray, count: int) -> None:
    """That x holds whole numbers below `count`."""
    wrong = (x < 0) | (x >= count) | (x != np.floor(x))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise DataError(
            f"'{name}': sample {place[0] + 1} holds {x[place]:g}, and the numbers of its "
            f"{count} words are 0 to {count - 1}."
        )
