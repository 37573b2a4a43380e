"""A question whose buttons say what happens."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

Role = QMessageBox.ButtonRole


class Choice(QMessageBox):
    """A question with a few answers, each one word of a key; Escape is the one that does nothing.

    answers: key, button, what it does, and its role. The first is the default.
    """

    def __init__(self, title: str, text: str, answers: list[tuple[str, str, str, Role]],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setIcon(QMessageBox.Icon.Question)
        self.setText(text)
        self._answers: dict[QPushButton, str] = {}
        for key, word, help, role in answers:
            button = self.addButton(word, role)
            button.setToolTip(help)
            self._answers[button] = key
            if role is Role.RejectRole:
                self.setEscapeButton(button)
        self.setDefaultButton(next(iter(self._answers)))

    def answer(self) -> str:
        """Ask once, and wait for the answer; its parent does not keep it longer."""
        try:
            self.exec()
            clicked = self.clickedButton()
            escape = self.escapeButton()
            return next(key for button, key in self._answers.items()
                        if button is (clicked if clicked in self._answers else escape))
        finally:
            self.deleteLater()
