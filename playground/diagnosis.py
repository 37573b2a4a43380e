"""What gradient norms mean: healthy, settled, vanishing, exploding or clipped, in a word and a
sentence.

Pure arithmetic over the recent history; it knows nothing of programs, threads or windows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.history import HistoryView
from playground.numbers import short_exponent
from playground.snapshot import NodeStatistics, Verdict

Series = NDArray[np.float64]

WINDOW = 200
"""The points of the history that a verdict looks at: recent enough to follow a change."""


@dataclass(frozen=True)
class Limits:
    """Where healthy ends.

    Absolute numbers come from Amazon SageMaker Debugger's built-in rules (VanishingGradient 1e-7,
    ExplodingTensor: any NaN or Inf, DeadRelu 50 %) and from Deeplearning4j's tuning guide (update
    ratio about 1e-3; deviation of activations 0.5 to 2). The absolute vanishing rule fires far too
    late to teach anything, so the relative rules, which are our own judgement, come before it.
    """

    vanished: float = 1e-7
    """All norms below this: nothing moves any more. (SageMaker, who call it vanishing)"""
    vanishing_ratio: float = 1e-3
    """The first layer's norm over the last one's, below which the early layers stand still."""
    exploded: float = 1e3
    """A norm above this throws the weights far away at any usual learning rate."""
    growth: float = 10.0
    """Growth from a layer to the one before it, on average over three layers or more."""
    growth_total: float = 1e3
    """The first layer's norm over the last one's: the mirror image of `vanishing_ratio`."""
    spike: float = 10.0
    """A norm this many times its median in the window is a spike."""
    spike_floor: float = 5.0
    """Spikes below this norm do no harm (a net that has nearly learned its data has many)."""
    spike_steps: int = 20
    """The number of points before a spike: what is usual must be known. And of those that tell how
    the norms are now."""
    calm: float = 1e-3
    """With the newest norms all below this a spike before them is over."""
    often_clipped: float = 0.5
    """From this share of clipped steps on, the threshold sets the step length, not the loss."""
    update_low: float = 1e-4
    update_high: float = 1e-2
    """Update over weight: about 1e-3 is healthy. (Deeplearning4j)"""
    inactive: float = 0.5
    """Share of dead or saturated units. (SageMaker)"""
    deviation_low: float = 0.5
    deviation_high: float = 2.0
    """Standard deviation of activations. (Deeplearning4j)"""


LIMITS = Limits()


def verdict(nodes: Sequence[str], before: ArrayLike, after: ArrayLike | None = None,
            clipped: ArrayLike | None = None, peaks: ArrayLike | None = None,
            limits: Limits = LIMITS) -> Verdict:
    """Judge gradient norms (nodes, points), the nodes in network order.

    before and after: norms before and after clipping. clipped (points,): the share of steps that
    were clipped, per point. peaks: where a point stands for many steps, the largest norm among
    them. A node that was never measured (all NaN) does not count.
    """
    norms = np.atleast_2d(np.asarray(before, np.float64))
    highest = norms if peaks is None else np.atleast_2d(np.asarray(peaks, np.float64))
    share = _share(clipped)
    if norms.size == 0 or len(nodes) == 0:
        return Verdict("unknown", "No gradients yet.", share)

    measured: NDArray[np.bool_] = np.asarray(
        ~np.isnan(norms).all(axis=1) | np.isposinf(highest).any(axis=1))
    if not measured.any():
        return Verdict("unknown", "No gradients yet.", share)
    names = [name for name, seen in zip(nodes, measured.tolist(), strict=True) if seen]
    norms, highest = norms[measured], highest[measured]

    broken = _broken(norms, highest)
    if broken is not None:
        return Verdict("diverged", f"The gradient of {names[broken]} is no longer a number: an "
                       "overflow on the way. Lower the learning rate or clip the gradients.", share)

    # Medians, because one wild batch says little about the network.
    typical = np.nanmedian(norms, axis=1)
    growing = _growing(names, typical, limits)
    if growing:
        return Verdict("exploding", growing, share)
    large = _large(names, typical, highest, limits)
    if large:
        held = share > 0 and after is not None and _held(np.asarray(after, np.float64), limits)
        if held:
            return Verdict("clipped", f"{large} Clipping holds it: the weights never see it.",
                           share)
        return Verdict("exploding", f"{large} Clip the gradients or lower the learning rate.",
                       share)
    small = _vanishing(names, typical, limits)
    if small:
        return Verdict("vanishing", small, share)
    if (typical < limits.vanished).all():
        return Verdict("settled", _settled(names, limits), share)
    if share >= limits.often_clipped:
        return Verdict(
            "clipped", f"{share:.0%} of the steps are clipped: the threshold rather than the loss "
            "sets how far a step goes. Raise the threshold or lower the learning rate.", share)
    return Verdict("healthy", _healthy(names, typical), share)


def verdict_of(history: HistoryView, nodes: Sequence[str], window: int = WINDOW,
               limits: Limits = LIMITS) -> Verdict:
    """The verdict on the last `window` points of a history; `nodes` in network order."""
    there = [node for node in nodes if f"{node}.grad_norm_before" in history.columns]
    if not there or not len(history.step):
        return Verdict("unknown", "No gradients yet.")

    def recent(values: Series) -> Series:
        return values[-window:]

    def rows(column: str) -> Series:
        return np.stack([recent(history.mean(f"{node}.{column}")) for node in there])

    peaks = np.stack([recent(history.high(f"{node}.grad_norm_before")) for node in there])
    after = rows("grad_norm") if f"{there[0]}.grad_norm" in history.columns else None
    clipped = recent(history.mean("clipped")) if "clipped" in history.columns else None
    return verdict(there, rows("grad_norm_before"), after, clipped, peaks, limits)


def advice(statistics: NodeStatistics, limits: Limits = LIMITS) -> tuple[str, ...]:
    """What is worth saying about one node, as sentences; empty when all is well."""
    said = (nonfinite_advice(statistics.nonfinite),
            inactive_advice(statistics.inactive, limits),
            update_advice(statistics.update_ratio, limits),
            deviation_advice(statistics.deviation, limits))
    return tuple(sentence for sentence in said if sentence)


def nonfinite_advice(count: float) -> str:
    if not count > 0:
        return ""
    return (f"{count:.0f} gradient values are NaN or infinite. Lower the learning rate or clip "
            "the gradients.")


def inactive_advice(share: float, limits: Limits = LIMITS) -> str:
    """On dead or saturated units."""
    if not share > limits.inactive:
        return ""
    return (f"{share:.0%} of the units are dead or saturated for the whole batch and learn "
            "nothing. Try a lower learning rate, smaller initial weights, or leaky ReLU.")


def update_advice(ratio: float, limits: Limits = LIMITS) -> str:
    """On the norm of the update over the norm of the weights."""
    if math.isnan(ratio) or limits.update_low <= ratio <= limits.update_high:
        return ""
    if ratio == 0:
        return "The weights do not move at all: they are frozen, or their gradient is zero."
    if ratio < limits.update_low:
        return (f"A step changes the weights by {_power(ratio)} of their size; about 1e-3 is "
                "healthy. Raise the learning rate, unless training has settled.")
    return (f"A step changes the weights by {_power(ratio)} of their size; about 1e-3 is healthy. "
            "Lower the learning rate.")


def deviation_advice(deviation: float, limits: Limits = LIMITS) -> str:
    """On the standard deviation of a node's outputs."""
    if math.isnan(deviation) or limits.deviation_low <= deviation <= limits.deviation_high:
        return ""
    if deviation < limits.deviation_low:
        return (f"The outputs deviate by only {deviation:.2g}; 0.5 to 2 is healthy. Larger initial "
                "weights or batch normalisation spread them.")
    return (f"The outputs deviate by {deviation:.3g}; 0.5 to 2 is healthy. Smaller initial weights "
            "or batch normalisation calm them.")


# -- the rules --------------------------------------------------------------------------------


def _share(clipped: ArrayLike | None) -> float:
    if clipped is None:
        return 0.0
    shares = np.asarray(clipped, np.float64)
    shares = shares[np.isfinite(shares)]
    return float(shares.mean()) if shares.size else 0.0


def _broken(norms: Series, highest: Series) -> int | None:
    """The node whose newest values are not finite; the last in the network, where backward
    starts, is the one to blame.

    NaN before the first number only says that nothing was measured yet.
    """
    started = np.maximum.accumulate(np.isfinite(norms), axis=1)
    bad = np.isinf(norms) | np.isinf(highest) | (np.isnan(norms) & started)
    rows = np.flatnonzero(bad.any(axis=1))
    return int(rows[-1]) if rows.size else None


def _growing(names: Sequence[str], typical: Series, limits: Limits) -> str:
    # However it grew: what arrives below that moves nothing.
    if len(typical) < 2 or not typical[-1] > 0 or typical[0] < limits.vanished:
        return ""
    total = typical[0] / typical[-1]
    per_layer = total ** (1 / (len(typical) - 1))
    if total > limits.growth_total or (len(typical) >= 3 and per_layer > limits.growth):
        return (f"The gradient grows {total:,.0f} times on its way back from {names[-1]} to "
                f"{names[0]}. Smaller initial weights, normalisation or clipping per layer help.")
    return ""


def _large(names: Sequence[str], typical: Series, highest: Series, limits: Limits) -> str:
    if np.nan_to_num(highest[:, -limits.spike_steps:], nan=0.0).max() < limits.calm:
        return ""
    peak = np.nanmax(highest, axis=1)
    worst = int(np.argmax(peak))
    if peak[worst] > limits.exploded:
        return f"The gradient norm of {names[worst]} reaches {peak[worst]:.3g}."
    # A jump comes after a usual norm: a gradient that starts large and falls is no spike.
    later = highest[:, limits.spike_steps:]
    if later.shape[1]:
        peak = np.nan_to_num(later, nan=0.0).max(axis=1)
        times = peak / np.maximum(typical, 1e-300)
        spikes = np.where((times > limits.spike) & (peak > limits.spike_floor), times, 0.0)
        worst = int(np.argmax(spikes))
        if spikes[worst] > 0:
            return (f"The gradient norm of {names[worst]} jumps to {peak[worst]:.3g}, "
                    f"{spikes[worst]:.0f} times its usual {typical[worst]:.2g}.")
    return ""


def _held(after: Series, limits: Limits) -> bool:
    finite = after[np.isfinite(after)]
    return bool(finite.size) and float(finite.max()) <= limits.exploded


def _vanishing(names: Sequence[str], typical: Series, limits: Limits) -> str:
    if len(typical) < 2 or not typical[0] < limits.vanishing_ratio * typical[-1]:
        return ""
    if typical[0] == 0:
        return (f"No gradient reaches {names[0]} at all: a layer on the way is dead. Try ReLU "
                "variants, better initial weights or skip connections.")
    return (f"The gradient shrinks {typical[-1] / typical[0]:,.0f} times on its way back from "
            f"{names[-1]} to {names[0]}: the first layers hardly learn. ReLU, normalisation or "
            "skip connections help.")


def _settled(names: Sequence[str], limits: Limits) -> str:
    """Small in all layers alike: nothing is lost on the way back, there is nothing to send."""
    whose = f"The gradient norm of {names[0]} is" if len(names) < 2 else (
        "The gradient norms of all layers are")
    return (f"{whose} below {_power(limits.vanished)}: the loss rests, in a minimum or on a "
            "plateau, and nothing moves any more.")


def _power(number: float) -> str:
    """3e-5"""
    return short_exponent(f"{number:.0e}")


def _healthy(names: Sequence[str], typical: Series) -> str:
    if len(names) < 2:
        return f"The gradient norm of {names[0]} is steady around {typical[0]:.2g}."
    low, high = float(typical.min()), float(typical.max())
    return f"All layers learn: gradient norms are between {low:.2g} and {high:.2g}, and steady."


__all__ = [
    "LIMITS", "WINDOW", "Limits", "advice", "deviation_advice", "inactive_advice",
    "nonfinite_advice", "update_advice", "verdict", "verdict_of",
]
