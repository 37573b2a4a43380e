"""Numbers as short text: three digits are enough to compare, and columns must not shake."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import ArrayLike

from playground.snapshot import Snapshot

CUT = re.compile(r"\d\S*…$")


def format_number(value: float, digits: int = 3, fixed: bool = False) -> str:
    """0.412, 12,345, 4.2e-4, NaN, ∞. `fixed` keeps trailing zeros, for numbers that change."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if not 0.9995e-3 <= abs(value) < 0.9995e6:
        return _scientific(value, digits - 1)
    exponent = math.floor(math.log10(abs(value)))
    # Rounding may add a digit: 0.9996 is 1.00, not 1.000.
    exponent += abs(round(value, digits - 1 - exponent)) >= 10.0 ** (exponent + 1)
    text = f"{value:,.{max(0, digits - 1 - exponent)}f}"
    if not fixed and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{max(0, digits - 1)}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


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
