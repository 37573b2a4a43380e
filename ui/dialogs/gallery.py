"""The examples as cards: a picture of a run, what each is held to, and its note beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import (
    QKeyEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from playground.examples.themes import by_theme
from ui.dialogs.cards import FACTS, NAME, Cards, facts_of
from ui.dialogs.pictures import runs

if TYPE_CHECKING:
    from playground.examples import Example

ROW = 28
"""Height of a row; the style sheet's is not known before the list is shown."""
LEAST_CARD = 170
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class CardList(QListWidget):
    """Cards side by side, as many as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(30)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.cards = Cards(self)
        self.setItemDelegate(self.cards)

    def resizeEvent(self, event: QResizeEvent) -> None:
        width = self.viewport().width() - 2
        self.cards.across = width // max(1, width // LEAST_CARD)
        self.cards.whole = width
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


class Gallery(QDialog):
    """Cards by theme to search, and the note of the chosen example beside them."""

    def __init__(self, examples: Iterable[Example], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Examples")
        self._examples = {example.name: example for example in examples}
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search examples")
        self.search.setAccessibleName("Search examples")
        self.search.setToolTip("Words from the title, the description, the data or the note; "
                               "arrow keys choose a card, Enter opens it")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list = CardList()
        self.list.setAccessibleName("Examples")
        self.list.setToolTip("Choose an example; a double click opens it")
        self.note = QTextBrowser()
        self.note.setAccessibleName("About this example")
        self.note.setOpenExternalLinks(True)
        self.note.setFixedWidth(360)
        self._captions: list[tuple[QListWidgetItem, list[QListWidgetItem]]] = []
        self._fill()
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
        row.addLayout(left, 1)
        row.addLayout(right)
        room = self.screen().availableGeometry().size() - QSize(40, 60)
        self.resize(QSize(1120, 780).boundedTo(room))

        self.list.currentItemChanged.connect(lambda now, before: self._show())
        self.list.itemDoubleClicked.connect(self._clicked)
        self._filter("")

    def chosen(self) -> Example | None:
        """The example in front."""
        item = self.list.currentItem()
        if item is None or item.isHidden() or item.data(NAME) is None:
            return None
        return self._examples[item.data(NAME)]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down move among the cards while one types."""
        if watched is self.search and isinstance(event, QKeyEvent) and (
                event.type() == QEvent.Type.KeyPress and event.key() in MOVES):
            self.list.setFocus()
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    # -- inside -------------------------------------------------------------------------------

    def _fill(self) -> None:
        """A caption for each theme, and its cards."""
        done = runs()
        for theme, names in by_theme(self._examples).items():
            caption = QListWidgetItem(theme, self.list)
            caption.setFlags(Qt.ItemFlag.NoItemFlags)
            items = []
            for example in (self._examples[name] for name in names):
                item = QListWidgetItem(example.title, self.list)
                item.setData(NAME, example.name)
                facts = facts_of(example, done.get(example.name))
                item.setData(FACTS, facts)
                about = (example.description, *facts)
                item.setToolTip("\n".join(about))
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, "; ".join(about))
                items.append(item)
            self._captions.append((caption, items))

    def _show(self) -> None:
        example = self.chosen()
        self._open.setEnabled(example is not None)
        self.note.setMarkdown(page(example) if example else "")
        set_apart(self.note.document())

    def _clicked(self, item: QListWidgetItem) -> None:
        if item.data(NAME) is not None:
            self.accept()

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        found = []
        for caption, items in self._captions:
            for item in items:
                example = self._examples[item.data(NAME)]
                name = f"{example.name} {example.title}".lower()
                all_of_it = " ".join((name, example.description, example.note, caption.text(),
                                      *item.data(FACTS))).lower()
                item.setHidden(not all(word in all_of_it for word in words))
                if not item.isHidden():
                    exact = text.strip().lower() in (example.name, example.title.lower())
                    found.append((0 if exact else 1 if all(word in name for word in words) else 2,
                                  item))
            caption.setHidden(all(item.isHidden() for item in items))
        # One that is called so, and then one that is called almost so, comes before those whose
        # notes mention it.
        first = min(found, key=lambda pair: pair[0], default=(0, None))[1]
        self.list.setCurrentItem(first)  # type: ignore[arg-type]  # None clears it
        self._show()


HEADING = 3
"""Sizes of letters from the text to a heading of the first level; below it, one less each."""


def page(example: Example) -> str:
    """The note, with what the example must reach, as Markdown."""
    head = "" if example.note.lstrip().startswith("#") else f"# {example.title}\n\n"
    return (f"{head}{example.note}\n\n*{len(example.graph.nodes)} nodes · "
            f"{str(example.mark).replace('>=', '≥').replace('<=', '≤')}*")


def set_apart(document: QTextDocument) -> None:
    """Markdown comes without room between its paragraphs, and with headings for wide pages."""
    cursor = QTextCursor(document)
    block = document.begin()
    while block.isValid():
        form = block.blockFormat()
        if form.headingLevel():
            cursor.setPosition(block.position())
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock,
                                QTextCursor.MoveMode.KeepAnchor)
            heading = QTextCharFormat()
            heading.setProperty(QTextCharFormat.Property.FontSizeAdjustment,
                                max(0, HEADING - form.headingLevel()))
            cursor.mergeCharFormat(heading)
        form.setBottomMargin(10)
        form.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setPosition(block.position())
        cursor.setBlockFormat(form)
        block = block.next()
