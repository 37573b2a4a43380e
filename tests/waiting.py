"""Waiting for an engine to come to something."""

from __future__ import annotations

import time
from collections.abc import Callable

from playground.engine import Engine
from playground.snapshot import Snapshot


def wait(engine: Engine, until: Callable[[Snapshot], bool], seconds: float = 60) -> Snapshot:
    """The first snapshot that fulfils the condition."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        last = engine.take_snapshot() or last
        if last is not None and until(last):
            return last
        time.sleep(0.005)
    raise AssertionError(f"still waiting; last: {last}")
