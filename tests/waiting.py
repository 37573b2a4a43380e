"""A real engine for a test, and waiting for it to come to something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from playground.engine import Engine
from playground.snapshot import Snapshot


def running_engine() -> Iterator[Engine]:
    """What a fixture yields: an engine whose thread runs, and has ended afterwards."""
    engine = Engine()
    engine.start()
    yield engine
    engine.quit()
    assert not [t for t in threading.enumerate() if t.name == "training"]


def wait(engine: Engine, until: Callable[[Snapshot], bool], seconds: float = 60) -> Snapshot:
    """The first snapshot that fulfils the condition."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        last = engine.take_snapshot() or last
        if last is not None and until(last):
            return last
        time.sleep(0.005)
    raise AssertionError(f"still waiting; last: {last}")
