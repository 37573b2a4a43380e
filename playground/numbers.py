"""Numbers in sentences, on nodes and in tables."""

from __future__ import annotations

import math
from collections.abc import Sequence


def plural(count: int, thing: str, things: str = "") -> str:
    """1 unit, 2 units; `things` where an s is not enough."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"


def short_exponent(number: str) -> str:
    """1e-8 for what Python writes as 1e-08."""
    return number.replace("e-0", "e-")


def first_few(values: Sequence[float]) -> str:
    """1, 2, 3, ...: three of them at most."""
    return ", ".join(f"{value:g}" for value in values[:3]) + ", ..." * (len(values) > 3)


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
