"""What the command line prints: results on one stream, and on the other whatever is beside them."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from playground.arguments import UsageError
from playground.numbers import format_number
from playground.results import DIGITS

if TYPE_CHECKING:
    from playground.session import Session

BAR = 24
SILENCE = 2.0
"""Seconds until a log hears how far it is, at first; later, when more of the time is over, less
often."""


def print_json(value: Any) -> None:
    """NaN and infinities become null: JSON has no others."""
    print_text(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_text(text: str) -> None:
    """What was asked for. Raises UsageError where it cannot be written."""
    if sys.stdout is None:
        raise UsageError("The output cannot be written: it is closed.")
    try:
        print(text, flush=True)
    except OSError as error:
        # Nor can what waits to be written at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise UsageError(f"The output cannot be written: {error.strerror}.") from error


def tell(text: object) -> None:
    """What is wrong, or worth knowing: one line."""
    print("playground:", *str(text).split(), file=sys.stderr)


class Bar:
    """A line on the terminal that tells how far training is; where there is none, now and then one
    for the log."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._began = time.monotonic()
        self._next = self._began + SILENCE

    def say(self, text: str) -> None:
        now = time.monotonic()
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif now >= self._next:
            tell(text)
            self._next = now + max(SILENCE, (now - self._began) / 10)

    def show(self, session: Session, done: float) -> None:
        """done: the share of this run, 0..1; the session may have had others before."""
        filled = math.floor(done * BAR)
        bar = f"{'█' * filled}{'░' * (BAR - filled)} " if self._terminal else ""
        validated = "" if session.validation is None else (
            f"  validation {session.metric_name} "
            f"{format_number(session.validation.metric, DIGITS, fixed=True)}")
        self.say(f"{bar}{done:4.0%}  step {session.step:,}  "
                 f"loss {format_number(session.measured('loss'), DIGITS, fixed=True)}{validated}")

    def end(self) -> None:
        if self._terminal:
            self.say("")
