"""Numbers in sentences and on nodes."""

from __future__ import annotations


def plural(count: int, thing: str, things: str = "") -> str:
    """1 unit, 2 units; `things` where an s is not enough."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"


def short_exponent(number: str) -> str:
    """1e-8 for what Python writes as 1e-08."""
    return number.replace("e-0", "e-")
