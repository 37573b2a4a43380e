"""Numbers as short text: three digits are enough to compare, and columns must not shake."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import ArrayLike

from playground.numbers import format_number
from playground.snapshot import Snapshot

CUT = re.compile(r"\d\S*…$")


def format_count(value: float) -> str:
    """Whole numbers on axes: 950, 1.2k, 45k, 3.1M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            text = f"{value / unit:.3g}"
            return f"{text}{name}"
    return f"{value:g}"


def format_share(share: float) -> str:
    """0.123 as 12 %, small shares with a digit more."""
    if math.isnan(share):
        return "NaN"
    percent = 100 * share
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"


def of_step(snapshot: Snapshot) -> str:
    """After a number of the validation part: the step that it is of, where that is an older one."""
    at = snapshot.validated_at
    return "" if at is None else f" (step {at:,})"


def cuts_number(elided: str) -> bool:
    """Whether a text that ends in dots ends within a number: half of it is another number."""
    return CUT.search(elided) is not None


def describe(values: ArrayLike) -> str:
    """Range and first values of an array in a line."""
    array = np.asarray(values, np.float64).ravel()
    if not array.size:
        return "empty"
    finite = array[np.isfinite(array)]
    span = (f"{format_number(finite.min())} … {format_number(finite.max())}" if finite.size
            else "nothing finite")
    first = ", ".join(format_number(v) for v in array[:3])
    more = ", …" if array.size > 3 else ""
    bad = array.size - finite.size
    return f"{span}   [{first}{more}]" + (f"   {bad:,} not finite" if bad else "")


__all__ = ["cuts_number", "describe", "format_count", "format_number", "format_share",
           "of_step"]
