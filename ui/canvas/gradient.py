"""A gradient norm in a place, a colour and a word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from PySide6.QtGui import QColor

from playground.diagnosis import LIMITS
from playground.snapshot import NodeStatistics
from ui.theme import mix, theme

DECADES = (-6.0, 2.0)
"""The bar's ends, as powers of ten."""
INACTIVE = 0.5


def norm_of(statistics: NodeStatistics) -> float:
    """The norm that backward found, before any clipping; NaN where there is none."""
    before = statistics.grad_norm_before
    return statistics.grad_norm if math.isnan(before) else before


def place(norm: float) -> float | None:
    """0 at the left end of the bar, 1 at the right; None when there is nothing to show."""
    if math.isnan(norm):
        return None
    if norm <= 0:
        return 0.0
    low, high = DECADES
    at = (math.log10(norm) - low) / (high - low) if math.isfinite(norm) else 1.0
    return min(1.0, max(0.0, at))


def color_at(at: float) -> QColor:
    """Blue over green to red, as the bar is painted."""
    blue, green, red = (theme().color(s) for s in ("vanishing", "healthy", "exploding"))
    return mix(blue, green, 2 * at) if at < 0.5 else mix(green, red, 2 * at - 1)


def state(statistics: NodeStatistics, largest: float = 0.0) -> str:
    """"unknown", "healthy", "settled", "clipped", "vanishing", "exploding" or "diverged".

    largest: the largest norm in the network now. The limits are those of the verdict on the whole
    network (playground.diagnosis), so that the two do not contradict each other.
    """
    norm = norm_of(statistics)
    if statistics.nonfinite > 0 or math.isinf(norm):
        return "diverged"
    if math.isnan(norm):
        return "unknown"
    if norm < max(LIMITS.vanished, LIMITS.vanishing_ratio * largest):
        return "settled" if largest < LIMITS.vanished else "vanishing"
    if norm > LIMITS.exploded:
        return "exploding"
    if statistics.grad_norm < norm * 0.999:
        return "clipped"
    return "healthy"


SEVERITY = ("unknown", "healthy", "settled", "clipped", "vanishing", "exploding", "diverged")


def worst(names: Iterable[str], nodes: Mapping[str, NodeStatistics], largest: float = 0.0
          ) -> str | None:
    """Of several nodes the one that is worst off; None when nothing is known of any."""
    def badness(name: str) -> tuple[int, float]:
        kind, norm = state(nodes[name], largest), norm_of(nodes[name])
        return SEVERITY.index(kind), 0.0 if math.isnan(norm) else (
            -norm if kind == "vanishing" else norm)

    return max((name for name in names if name in nodes), key=badness, default=None)


def largest_norm(nodes: Mapping[str, NodeStatistics]) -> float:
    """The largest finite norm among nodes; 0 when there is none."""
    norms = [norm_of(statistics) for statistics in nodes.values()]
    return max((norm for norm in norms if math.isfinite(norm)), default=0.0)


def describe(statistics: NodeStatistics, largest: float = 0.0) -> str:
    """"gradient norm 3e-4, healthy"."""
    norm, kind = norm_of(statistics), state(statistics, largest)
    parts = []
    if not math.isnan(norm):
        parts.append(f"gradient norm {norm:.2g}")
    if kind == "clipped":
        parts.append(f"clipped to {statistics.grad_norm:.2g}")
    elif kind == "diverged":
        parts.append("not a number any more")
    elif kind != "unknown":
        parts.append(kind)
    if statistics.inactive > INACTIVE:
        parts.append(f"{statistics.inactive:.0%} of the units inactive")
    return ", ".join(parts)
