"""A painting that fails is told like any other mistake."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any


def guarded(paint: Callable[..., None]) -> Callable[..., None]:
    """For each `paint` of a graphics item or delegate: hand exceptions to `sys.excepthook`.

    One that leaves it ends the process: PySide 6.11 takes it for one of the next virtual method.
    """

    @functools.wraps(paint)
    def safe(*arguments: Any) -> None:
        try:
            paint(*arguments)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)

    return safe


__all__ = ["guarded"]
