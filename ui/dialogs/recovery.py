"""The offer to go on with what a crash has left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from PySide6.QtWidgets import QWidget

from ui.dialogs.choice import Choice, Role
from ui.files import Files
from ui.recovery import Crashed, Recovery


class RecoveryQuestion(Choice):
    """Open it, throw it away, or be asked again at the next start (Escape, too)."""

    def __init__(self, crashed: Crashed, parent: QWidget | None = None) -> None:
        super().__init__("Go on where it stopped?", (
            f"The last run ended unexpectedly while {crashed.name} was open. "
            f"A copy{_at(crashed.step)} was kept on {moment(crashed.saved)}: open it?"), [
            ("open", "Open", "Go on with the copy", Role.AcceptRole),
            ("discard", "Discard", "Delete the copy for good", Role.DestructiveRole),
            ("later", "Later", "Keep it, and ask at the next start", Role.RejectRole)], parent)


def offer(copies: Iterable[Crashed], recovery: Recovery, files: Files, parent: QWidget) -> None:
    """Ask about each copy until one is opened; not of what another window asks about."""
    for crashed in copies:
        if not recovery.claim(crashed):
            continue
        answer = RecoveryQuestion(crashed, parent).answer()
        if answer == "open" and files.recover(crashed):
            recovery.adopt(crashed)
            return
        if answer == "discard":
            crashed.discard()
        recovery.release(crashed)


def _at(step: int) -> str:
    return f" at step {step:,}" if step else ""


def moment(seconds: float) -> str:
    """21 November 2026 at 14:03, for seconds since the epoch."""
    time = datetime.fromtimestamp(seconds)
    return f"{time.day} {time:%B %Y} at {time:%H:%M}"
