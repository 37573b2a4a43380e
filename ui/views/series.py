"""Histories as curves: thinned to what a screen can show, smoothed, and never hiding NaN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Series = NDArray[np.float64]

MAX_POINTS = 2000
"""More points than a screen has columns only cost time."""


RECENT = 50
"""Steps that "now" means: one batch alone says little."""
NEAR = 4.0
"""Times the usual difference of neighbours; about as many standard deviations of even noise."""
ZERO = -50.0
"""Where zero stands on a logarithmic axis: below everything that single precision can hold."""


@dataclass(frozen=True)
class Band:
    """A thinned history: at each step the mean, the lowest and the highest value."""

    step: Series
    mean: Series
    low: Series
    high: Series


def thin(step: ArrayLike, mean: ArrayLike, low: ArrayLike | None = None,
         high: ArrayLike | None = None, limit: int = MAX_POINTS) -> Band:
    """At most `limit` points: neighbours join, keeping the extremes.

    One value that is not finite makes its point not finite, so that it cannot disappear.
    """
    x, y = np.asarray(step, np.float64), np.asarray(mean, np.float64)
    lows = y if low is None else np.asarray(low, np.float64)
    highs = y if high is None else np.asarray(high, np.float64)
    if x.size <= limit:
        return Band(x, y, lows, highs)
    group = -(-x.size // limit)
    starts = np.arange(0, x.size, group)
    counts = np.diff(np.append(starts, x.size))
    with np.errstate(invalid="ignore"):
        return Band(x[starts + counts - 1], np.add.reduceat(y, starts) / counts,
                    np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts))


def all_finite(values: NDArray[np.floating]) -> bool:
    """Whether each is a finite number; may be False where only their sum is too large.

    Without a mask: NumPy keeps a few blocks of every small size that it has met, and one mask
    per length of a history that grows comes to megabytes.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def smooth(values: Series, points: int) -> Series:
    """A centred moving mean of what is near in value, too: noise goes, while a jump or a peak stays
    where it is, and as high.

    Near is within NEAR times what neighbours around it usually differ by: the sigma filter of Lee
    1983. Non-finite values stay and spoil no others.
    """
    half = points // 2
    if half < 1 or values.size < 3:
        return values
    finite = np.isfinite(values)
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(np.where(finite, values, np.nan), half, constant_values=np.nan), 2 * half + 1)
    steps = np.sort(np.abs(np.diff(around, axis=1)), axis=1)  # NaN comes last
    usual = np.take_along_axis(steps, (np.isfinite(steps).sum(axis=1) // 2)[:, None], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        near = np.abs(around - values[:, None]) <= NEAR * usual
        mean = np.where(near, around, 0.0).sum(axis=1) / near.sum(axis=1)
    return np.where(finite & near.any(axis=1), mean, values)


def recent(step: ArrayLike, values: ArrayLike, steps: int = RECENT) -> tuple[float, int]:
    """(mean over about the last `steps` steps, how many they really are).

    At most a tenth of the way, on whose first steps the loss falls fast. A point may stand for
    many steps: then it is the last point alone, and so more of them.
    """
    x, y = np.asarray(step, np.float64), np.asarray(values, np.float64)
    if not x.size:
        return np.nan, 0
    first = np.searchsorted(x, x[-1] - min(steps, max(1, x[-1] // 10)), side="right")
    counts = np.diff(x, prepend=0)[first:]
    return float(np.average(y[first:], weights=counts)), int(counts.sum())


def first_nonfinite(step: ArrayLike, values: ArrayLike) -> tuple[float, str] | None:
    """(step, "NaN" or "Inf") of the first value that is not finite.

    NaN before the first number means that nothing was measured yet, and does not count.
    """
    x, y = np.asarray(step, np.float64), np.asarray(values, np.float64)
    places = nonfinite_places(y)
    if not places.size:
        return None
    first = int(places[0])
    return float(x[first]), "NaN" if np.isnan(y[first]) else "Inf"


def nonfinite_places(values: Series) -> NDArray[np.intp]:
    """Where values stop being finite: Inf anywhere, NaN after the first number."""
    if all_finite(values):
        return np.empty(0, np.intp)
    started = np.maximum.accumulate(~np.isnan(values))
    return np.flatnonzero(np.isinf(values) | (np.isnan(values) & started))


def on_axis(values: ArrayLike, log: bool) -> Series:
    """Where values stand on an axis; what a logarithmic axis cannot show is NaN."""
    y = np.asarray(values, np.float64)
    if not log:
        return y
    if y.size and y.min() > 0:
        shown: Series = np.log10(y)
        return shown
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y > 0, np.log10(y), np.nan)


def edge_on_axis(values: ArrayLike, log: bool) -> Series:
    """Like `on_axis`, for the edge of an area: one that reaches zero reaches out of the plot."""
    y = np.asarray(values, np.float64)
    if not log or (y.size and y.min() > 0):
        return on_axis(y, log)
    return np.where(y <= 0, ZERO, on_axis(y, log))


def bounds(arrays: list[Series]) -> tuple[float, float] | None:
    """The least and largest finite value of several arrays."""
    low, high = np.inf, -np.inf
    for array in arrays:
        finite = array if all_finite(array) else array[np.isfinite(array)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else None


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Places near the wanted ones, at least `gap` apart and within low..high where they fit."""
    order = np.argsort(wanted, kind="stable")
    places = np.array(wanted, float)[order]
    for i in range(1, places.size):
        places[i] = max(places[i], places[i - 1] + gap)
    if places.size and places[-1] > high:
        places[-1] = high
        for i in range(places.size - 2, -1, -1):
            places[i] = min(places[i], places[i + 1] - gap)
    if places.size and places[0] < low:
        places += low - places[0]
    result = np.empty_like(places)
    result[order] = places
    return [float(place) for place in result]


__all__ = ["MAX_POINTS", "RECENT", "Band", "Series", "all_finite", "bounds", "edge_on_axis",
           "first_nonfinite", "nonfinite_places", "on_axis", "recent", "smooth", "spread", "thin"]
