"""Work in a thread that is mostly done before anybody notices that it was waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

UNNOTICED = 0.2
"""Seconds that a window may stand still before it says what it waits for."""


def begun(work: Callable[[], None], name: str) -> threading.Thread:
    """The thread that does it, after the moment in which it may have ended already.

    `work` keeps its exceptions to itself, or for whoever asks later.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    thread.join(UNNOTICED)
    return thread
