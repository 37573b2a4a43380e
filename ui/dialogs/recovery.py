"""The offer to go on with what a crash has left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from ui.files import Files
from ui.recovery import Crashed, Recovery

Answer = Literal["open", "discard", "later"]


class RecoveryQuestion(QMessageBox):
    """Open it, throw it away, or be asked again at the next start (Escape, too)."""

    def __init__(self, crashed: Crashed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Go on where it stopped?")
        self.setIcon(QMessageBox.Icon.Question)
        self.setText(f"The last run ended unexpectedly while {crashed.name} was open. "
                     f"A copy was kept on {moment(crashed.saved)}: open it?")
        role = QMessageBox.ButtonRole
        self._answers: dict[QPushButton, Answer] = {
            self._button("Open", role.AcceptRole, "Go on with the copy"): "open",
            self._button("Discard", role.DestructiveRole, "Delete the copy for good"): "discard",
            self._button("Later", role.RejectRole, "Keep it, and ask at the next start"): "later"}
        open, _, later = self._answers
        self.setDefaultButton(open)
        self.setEscapeButton(later)

    def answer(self) -> Answer:
        """Ask, and wait for the answer."""
        self.exec()
        clicked = self.clickedButton()
        return next((answer for button, answer in self._answers.items() if button is clicked),
                    "later")

    def _button(self, text: str, role: QMessageBox.ButtonRole, help: str) -> QPushButton:
        button = self.addButton(text, role)
        button.setToolTip(help)
        return button


def offer(copies: Iterable[Crashed], recovery: Recovery, files: Files, parent: QWidget) -> None:
    """Ask about each copy until one is opened."""
    for crashed in copies:
        answer = RecoveryQuestion(crashed, parent).answer()
        if answer == "discard":
            crashed.discard()
        elif answer == "open" and files.recover(crashed):
            recovery.adopt(crashed)
            return


def moment(seconds: float) -> str:
    """21 November 2026 at 14:03, for seconds since the epoch."""
    time = datetime.fromtimestamp(seconds)
    return f"{time.day} {time:%B %Y} at {time:%H:%M}"
