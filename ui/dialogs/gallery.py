"""The examples: what each shows, what to press, and how well it should do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QTextBlockFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from playground.examples import Example

ROW = 28
"""Height of a row; the style sheet's is not known before the list is shown."""


class Gallery(QDialog):
    """A list to search, and the note of the chosen example beside it."""

    def __init__(self, examples: Iterable[Example], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Examples")
        self.resize(860, 560)
        self._examples = {example.name: example for example in examples}
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search examples")
        self.search.setAccessibleName("Search examples")
        self.search.setToolTip("Words from the title, the description or the note")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget()
        self.list.setAccessibleName("Examples")
        self.list.setToolTip("Choose an example; a double click opens it")
        self.list.setFixedWidth(280)
        self.note = QTextBrowser()
        self.note.setAccessibleName("About this example")
        self.note.setOpenExternalLinks(True)
        for example in self._examples.values():
            item = QListWidgetItem(example.title, self.list)
            item.setData(Qt.ItemDataRole.UserRole, example.name)
            item.setToolTip(example.description)
            item.setSizeHint(QSize(0, ROW))
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._open = buttons.button(QDialogButtonBox.StandardButton.Open)
        self._open.setDefault(True)

        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.note, 1)
        right.addWidget(buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(16)
        row.addLayout(left)
        row.addLayout(right, 1)

        self.list.currentItemChanged.connect(lambda now, before: self._show())
        self.list.itemDoubleClicked.connect(lambda _: self.accept())
        self.list.setCurrentRow(0)

    def chosen(self) -> Example | None:
        """The example in front."""
        item = self.list.currentItem()
        if item is None or item.isHidden():
            return None
        return self._examples[item.data(Qt.ItemDataRole.UserRole)]

    def _show(self) -> None:
        example = self.chosen()
        self._open.setEnabled(example is not None)
        self.note.setMarkdown(page(example) if example else "")
        set_apart(self.note.document())

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        first = None
        for row in range(self.list.count()):
            item = self.list.item(row)
            example = self._examples[item.data(Qt.ItemDataRole.UserRole)]
            all_of_it = f"{example.title} {example.description} {example.note}".lower()
            item.setHidden(not all(word in all_of_it for word in words))
            first = item if first is None and not item.isHidden() else first
        self.list.setCurrentItem(first)  # type: ignore[arg-type]  # None clears it
        self._show()


def page(example: Example) -> str:
    """The note, with what the example must reach, as Markdown."""
    head = "" if example.note.lstrip().startswith("#") else f"# {example.title}\n\n"
    return (f"{head}{example.note}\n\n*{len(example.graph.nodes)} nodes · "
            f"{example.mark}*")


def set_apart(document: QTextDocument) -> None:
    """Markdown comes without room between its paragraphs."""
    cursor = QTextCursor(document)
    block = document.begin()
    while block.isValid():
        form = block.blockFormat()
        form.setBottomMargin(10)
        form.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setPosition(block.position())
        cursor.setBlockFormat(form)
        block = block.next()
