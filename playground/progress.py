"""What takes long, and so is told while it goes on."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Is called with a sentence before each piece of work. What it raises ends the work there."""


class Stopped(Exception):
    """What Run or Step have begun is given up, because of a pause or of another document."""


SLOW = 0.5
"""Seconds of a step, or of an evaluation, that is told on its way."""
LARGE = 1 << 28
"""Bytes of a network whose first step may be such a one."""
