"""From a data set to what training reads: two parts and a common scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from playground.data.dataset import DataError, Dataset, FloatArray

Standardise = Literal["none", "feature", "global"]

_CHUNK = 4096  # samples summed at once, so that float64 copies stay small


@dataclass(frozen=True, eq=False)
class Split:
    """Which samples train and which validate; int64 row numbers, shuffled, without overlap."""

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]


def split(dataset: Dataset, train_fraction: float, seed: int) -> Split:
    """Divide at random, the same way for the same seed; each class keeps its share.

    Samples that follow each other in time are cut in two instead: the first ones train, and those
    that overlap with both parts belong to none.

    The training part holds round(train_fraction * N) samples, each class within one sample of its
    exact share, and each part at least one. Raises DataError when that cannot be.
    """
    count = len(dataset)
    if not 0.0 < train_fraction < 1.0:
        raise DataError(
            f"The training fraction is {train_fraction:g}; choose a number between 0 and 1 (for "
            "example 0.8), so that both training and validation get samples."
        )
    if count < 2:
        raise DataError(
            f"'{dataset.name}' has only {count} sample; at least 2 are needed, one to train on and "
            "one to validate."
        )
    wanted = min(max(round(train_fraction * count), 1), count - 1)
    if dataset.ordered:
        return _in_order(dataset, wanted)
    rng = random_generator(seed)
    groups = (
        [np.flatnonzero(dataset.target == index) for index in range(len(dataset.classes))]
        if dataset.kind == "classification" and dataset.target.ndim == 1
        else [np.arange(count)]
    )
    train, validation = [], []
    seen = taken = 0
    for group in groups:
        # Rounding the running total, not each class, makes the parts add up to `wanted` exactly.
        seen += len(group)
        quota = wanted * seen // count - taken
        taken += quota
        shuffled = rng.permutation(group)
        train.append(shuffled[:quota])
        validation.append(shuffled[quota:])
    return Split(_mixed(train, rng), _mixed(validation, rng))


def _in_order(dataset: Dataset, wanted: int) -> Split:
    rows = np.arange(len(dataset))
    first = wanted + dataset.overlap
    if first >= len(rows):
        raise DataError(
            f"'{dataset.name}': after {wanted:,} training samples and the {dataset.overlap:,} that "
            f"overlap with them, none of {len(rows):,} are left to validate. Train on a smaller "
            "share, or choose shorter windows."
        )
    return Split(rows[:wanted], rows[first:])


def _mixed(parts: list[npt.NDArray[np.int64]], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return rng.permutation(np.concatenate(parts)).astype(np.int64)


def random_generator(seed: int) -> np.random.Generator:
    """NumPy's PCG64 generator; raises DataError for a seed that is not a whole number >= 0."""
    if seed < 0 or seed != int(seed):
        raise DataError(f"The seed is {seed}; choose a whole number of 0 or more.")
    return np.random.default_rng(int(seed))


@dataclass(frozen=True, eq=False)
class Standardiser:
    """The affine map (x - mean) / std; mean and std have the sample's shape, or () for one pair."""

    mean: FloatArray
    std: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, mode: Standardise) -> Standardiser:
        """Measure x (N, *shape): per feature, or once over everything ("global", for images).

        A feature that never changes gets std 1: it becomes 0 instead of dividing by zero.
        """
        if mode not in ("none", "feature", "global"):
            raise DataError(
                f"Standardise is '{mode}'; choose none, feature (each column by itself) or global "
                "(one scale for all, for images)."
            )
        if mode == "none":
            return cls(np.zeros((), np.float32), np.ones((), np.float32))
        axes = 0 if mode == "feature" else tuple(range(x.ndim))
        count = len(x) if mode == "feature" else x.size
        chunks = range(0, len(x), _CHUNK)
        mean = sum(x[i : i + _CHUNK].sum(axis=axes, dtype=np.float64) for i in chunks) / count
        squares = sum(
            np.square(x[i : i + _CHUNK] - mean, dtype=np.float64).sum(axis=axes) for i in chunks
        )
        # In float32 first: a spread too small for it is 0 as well.
        std = np.asarray(np.sqrt(squares / count), np.float32)
        return cls(np.asarray(mean, np.float32), np.where(std == 0.0, np.float32(1.0), std))

    @classmethod
    def of(cls, dataset: Dataset, x: FloatArray, mode: Standardise) -> Standardiser:
        """Measure x (n, *shape) of a data set; numbers of words and classes stay as they are.

        Where samples have lengths, a feature is measured over the steps that are their own.
        """
        which = dataset.scalable
        if which.all() or mode == "none":
            return cls.fit(x, mode)
        mean, std = np.zeros(which.shape, np.float32), np.ones(which.shape, np.float32)
        if (padded := dataset.padded) and which[padded.start]:
            place = slice(padded.start, padded.end)
            which[place] = False
            steps = padded.of(x)[dataset.own_steps(padded, x)]
            if len(steps):
                scale = cls.fit(steps.reshape(len(steps), -1), mode)
                for all_steps, each in ((mean, scale.mean), (std, scale.std)):
                    all_steps[place].reshape(padded.shape[0], -1)[...] = each
        if which.any():
            scale = cls.fit(x[:, which], mode)
            mean[which], std[which] = scale.mean, scale.std
        return cls(mean, std)

    def apply(self, x: FloatArray) -> FloatArray:
        """Standardise x (N, *shape) or one sample into a new float32 array."""
        return (x - self.mean) / self.std

    def undo(self, x: FloatArray) -> FloatArray:
        """The inverse of `apply`: back to the data's own units."""
        return x * self.std + self.mean


@dataclass(frozen=True, eq=False)
class PreparedData:
    """Arrays ready for training, C-contiguous float32: x scaled, targets as they are.

    x_* (N, *shape), target_* (N,) or (N, *target_shape).
    """

    x_train: FloatArray
    target_train: FloatArray
    x_validation: FloatArray
    target_validation: FloatArray
    dataset: Dataset
    scale: Standardiser

    @property
    def mean(self) -> FloatArray:
        return self.scale.mean

    @property
    def std(self) -> FloatArray:
        return self.scale.std

    def raw(self, x: FloatArray) -> FloatArray:
        """x (n, *shape) as the network sees it, in the data's own units."""
        return _without_padding(self.dataset, self.scale.undo(x).astype(np.float32, copy=False))

    def scaled(self, x: FloatArray) -> FloatArray:
        """Raw x (n, *shape) as the network wants it."""
        return _without_padding(self.dataset, self.scale.apply(x).astype(np.float32, copy=False))


def prepare(
    dataset: Dataset,
    train_fraction: float = 0.8,
    standardise: Standardise = "none",
    seed: int = 0,
) -> PreparedData:
    """Split the data, fill gaps and scale both parts by what the training part shows.

    The validation part is never looked at for the scale, nor for the means that fill its gaps;
    raises DataError.
    """
    parts = split(dataset, train_fraction, seed)
    x_train, x_validation = dataset.x[parts.train], dataset.x[parts.validation]
    if dataset.gaps:
        _fill_gaps(dataset, x_train, x_validation)
    scale = Standardiser.of(dataset, x_train, standardise)
    return PreparedData(
        x_train=np.ascontiguousarray(_without_padding(dataset, scale.apply(x_train))),
        target_train=np.ascontiguousarray(dataset.target[parts.train], np.float32),
        x_validation=np.ascontiguousarray(_without_padding(dataset, scale.apply(x_validation))),
        target_validation=np.ascontiguousarray(dataset.target[parts.validation], np.float32),
        dataset=dataset,
        scale=scale,
    )


def _without_padding(dataset: Dataset, x: FloatArray) -> FloatArray:
    """Samples (n, *shape) with 0 after their own steps, which is what scaling moves; in place."""
    if padded := dataset.padded:
        beyond = ~dataset.own_steps(padded, x)
        values = math.prod(padded.shape[1:])
        x[:, padded.start : padded.end][np.repeat(beyond, values, axis=1)] = 0
    return x


def _fill_gaps(dataset: Dataset, x_train: FloatArray, x_validation: FloatArray) -> None:
    """Put each feature's mean over the training part in place of NaN, in both parts."""
    known = ~np.isnan(x_train)
    counts = known.sum(axis=0)
    if not counts.all():
        place = int(np.flatnonzero(counts.ravel() == 0)[0])
        name = dataset.features[place] if dataset.features else f"value {place + 1}"
        raise DataError(
            f"'{dataset.name}': {name} is missing in every training sample, so it has no mean. "
            "Train on a larger share, ignore that column, or drop the rows with gaps."
        )
    means = np.sum(x_train, axis=0, dtype=np.float64, where=known) / counts
    for part in (x_train, x_validation):
        np.copyto(part, means.astype(np.float32), where=np.isnan(part))
