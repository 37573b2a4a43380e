"""The document's notes: what to press, what to look at, and what to try."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QTextBrowser, QVBoxLayout, QWidget

from ui.dialogs.gallery import set_apart
from ui.document import Document
from ui.theme import theme

NONE = "This network has no notes. Each of the gallery's examples has: press Ctrl+E."


class NotesPanel(QWidget):
    """Reads the notes that lie in the document; one click puts them away."""

    dismissed = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._shown: str | None = None
        self.text = QTextBrowser()
        self.text.setAccessibleName("Notes about this network")
        self.text.setOpenExternalLinks(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setStyleSheet("QTextBrowser { background: transparent; border: none; }")
        self.close_button = QPushButton("Got it")
        self.close_button.setAccessibleName("Put the notes away")
        self.close_button.setToolTip(
            "Put the notes away; Help > About This Network brings them back")
        self.close_button.clicked.connect(self.dismissed)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.text, 1)
        column.addWidget(self.close_button)
        document.graph_changed.connect(lambda old, new: self.refresh())
        theme().changed.connect(self._restyle)
        self.refresh()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to read."""
        return not self._document.graph.notes.strip()

    def refresh(self) -> None:
        """Show the document's notes, from the top when they are others."""
        notes = NONE if self.empty else self._document.graph.notes
        if notes != self._shown:
            self._shown = notes
            self.text.setMarkdown(notes)
            set_apart(self.text.document())

    def _restyle(self) -> None:
        self._shown = None
        self.refresh()
