"""The document's notes: what to press, what to look at, and what to try."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from playground.graph_json import MAX_NOTES
from ui.dialogs.gallery import set_apart
from ui.document import Document
from ui.theme import theme

NONE = ("This network has no notes. Press *Edit* to write some; they are saved with it. Each of "
        "the gallery's examples has notes: press Ctrl+E.")
ABOVE = 4
"""Pixels of air above a lesson that was brought to the top."""
HOW = "Markdown: # heading, **bold**, *italic*, - list, `code`"


class NotesEditor(QPlainTextEdit):
    """The notes as Markdown. Undo and redo are those of the document."""

    left = Signal()
    """A paragraph is done, or the focus went elsewhere: what follows is another undo entry."""
    done = Signal()
    """Escape: enough written."""

    def __init__(self) -> None:
        super().__init__()
        self.setUndoRedoEnabled(False)
        self.setPlaceholderText(HOW)
        self.setAccessibleName("Notes, as Markdown")
        self.setToolTip(f"{HOW}. Escape shows them as they will look.")
        self.setTabChangesFocus(True)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and (
                event.matches(QKeySequence.StandardKey.Undo)
                or event.matches(QKeySequence.StandardKey.Redo)):
            event.ignore()  # A text field would keep them from the window's menu.
            return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.done.emit()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()

    def show_text(self, text: str) -> None:
        """Text that was not typed here."""
        at = self.textCursor().position()
        with QSignalBlocker(self):
            self.setPlainText(text)
        cursor = self.textCursor()
        cursor.setPosition(min(at, len(text)))
        self.setTextCursor(cursor)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()


class NotesPanel(QWidget):
    """Shows the notes that lie in the document, and lets them be written; each stretch of writing
    is one undo entry."""

    dismissed = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._shown: str | None = None
        self.text = QTextBrowser()
        self.text.setAccessibleName("Notes about this network")
        self.text.setOpenExternalLinks(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setStyleSheet(
            "QTextBrowser { background: transparent; border: none; padding: 0; }")
        self.text.document().setDocumentMargin(2)
        self.editor = NotesEditor()
        self.editor.textChanged.connect(self._write)
        self.editor.left.connect(document.end_gesture)
        self.editor.done.connect(lambda: self.edit(False))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.text)
        self._pages.addWidget(self.editor)
        self.edit_button = QPushButton("Edit")
        self.edit_button.setProperty("role", "flat")
        self.edit_button.setCheckable(True)
        self.edit_button.setAccessibleName("Edit the notes")
        self.edit_button.setToolTip("Write notes about this network; they are saved with it")
        self.edit_button.clicked.connect(self.edit)
        self.close_button = QPushButton("Got it")
        self.close_button.setProperty("role", "flat")
        self.close_button.setAccessibleName("Put the notes away")
        self.close_button.setToolTip(
            "Put the notes away; Help > About This Network brings them back")
        self.close_button.clicked.connect(self.dismissed)
        self.next_button = QPushButton("Next")
        self.next_button.setProperty("role", "flat")
        self.next_button.setAccessibleName("Next part of the notes")
        self.next_button.setToolTip("Read on: the next thing to do, or to look at")
        self.next_button.clicked.connect(self.read_on)
        bar = self.text.verticalScrollBar()
        bar.valueChanged.connect(lambda _: self._offer_next())
        bar.rangeChanged.connect(lambda *_: self._offer_next())
        self._row = QHBoxLayout()
        self._row.setSpacing(4)
        self._row.addStretch(1)
        self._row.addWidget(self.next_button)
        self._row.addWidget(self.edit_button)
        self._row.addWidget(self.close_button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 12, 8)
        self._column.setSpacing(4)
        self._column.addWidget(self._pages, 1)
        self._column.addLayout(self._row)
        document.graph_changed.connect(lambda old, new: self.refresh())
        theme().changed.connect(self._restyle)
        self.refresh()

    def set_foot(self, caption: QWidget, *parts: QWidget) -> None:
        """Something to do below the notes; its caption stands in the line of the buttons."""
        self._row.insertWidget(0, caption)
        for part in parts:
            self._column.addWidget(part)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to read."""
        return not self._document.graph.notes.strip()

    @property
    def editing(self) -> bool:
        return self._pages.currentWidget() is self.editor

    def edit(self, wanted: bool) -> None:
        """Show the notes as they are written, or as they look."""
        self._document.end_gesture()
        self.edit_button.setChecked(wanted)
        self._pages.setCurrentWidget(self.editor if wanted else self.text)
        self._offer_next()
        if wanted:
            self.editor.setFocus()
        else:
            self.refresh()

    def read_on(self) -> None:
        """Bring the next lesson to the top: they begin with bold words. What is longer than a page
        is turned page by page.
        """
        bar, document = self.text.verticalScrollBar(), self.text.document()
        layout, block = document.documentLayout(), document.begin()
        goal = bar.value() + bar.pageStep() - bar.singleStep()
        while block.isValid():
            top = round(layout.blockBoundingRect(block).top()) - ABOVE
            if block.charFormat().fontWeight() > QFont.Weight.Normal and bar.value() < top < goal:
                goal = top
            block = block.next()
        bar.setValue(goal)

    def _offer_next(self) -> None:
        bar = self.text.verticalScrollBar()
        self.next_button.setVisible(not self.editing and bar.value() < bar.maximum())

    def refresh(self) -> None:
        """Show the document's notes, from the top when they are others."""
        notes = self._document.graph.notes
        if notes != self.editor.toPlainText():
            self.editor.show_text(notes)
            if self.editing and not self._document.stack.count():
                self.edit(False)  # Another document was opened.
        shown = NONE if self.empty else notes
        if shown != self._shown and not self.editing:
            self._shown = shown
            self.text.setMarkdown(shown)
            set_apart(self.text.document())

    def _write(self) -> None:
        """Into the document. What a file does not hold is not taken."""
        notes = self.editor.toPlainText()
        if len(notes) > MAX_NOTES:
            self._document.refused.emit(
                f"Notes can have {MAX_NOTES:,} characters; these have {len(notes):,}. Shorten "
                "them, or keep them in a file beside the network.")
            self.refresh()
            return
        graph = self._document.graph
        self._document.edit("Write notes", graph.with_notes(notes), merge="notes")

    def _restyle(self) -> None:
        self._shown = None
        self.refresh()
