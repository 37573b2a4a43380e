"""The networks to open, as cards: those that were open last, with the pictures that lie in their
documents; and the examples, with that of a run and what each is held to. A note beside them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import (
    QKeyEvent,
    QPixmap,
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

from playground import document
from playground.document import DocumentError, Loaded
from playground.examples.themes import by_theme
from playground.numbers import plural
from ui.dialogs.cards import FACTS, NAME, PICTURE, Cards, facts_of
from ui.dialogs.pictures import runs
from ui.dialogs.recovery import moment

if TYPE_CHECKING:
    from playground.examples import Example

ROW = 28
"""Height of a row; the style sheet's is not known before the list is shown."""
LEAST_CARD = 170
FIRST = 4
"""A row of one's own cards; the others come when they are asked for, or searched."""
YOURS = "Your networks"
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
        bar = self.verticalScrollBar()
        bar.setSingleStep(30)
        # Its room stays, so that no card moves; without anything to scroll it cannot be seen.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        bar.rangeChanged.connect(lambda low, high: bar.setEnabled(high > low))
        self.cards = Cards(self)
        self.setItemDelegate(self.cards)

    def resizeEvent(self, event: QResizeEvent) -> None:
        width = self.viewport().width() - 2
        self.cards.across = width // max(1, width // LEAST_CARD)
        self.cards.whole = width
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()


class Gallery(QDialog):
    """Cards by theme to search, and the note of the chosen one beside them.

    recent: documents, newest first. Those that cannot be read are left out.
    """

    def __init__(self, examples: Iterable[Example], parent: QWidget | None = None,
                 recent: Iterable[Path] = ()) -> None:
        super().__init__(parent)
        self.setWindowTitle("Gallery")
        self._examples = {example.name: example for example in examples}
        self._documents = _readable(recent)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search the gallery")
        self.search.setAccessibleName("Search the gallery")
        self.search.setToolTip("Words from the title, the description, the data or the note; "
                               "arrow keys choose a card, Enter opens it")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list = CardList()
        self.list.setAccessibleName("Networks")
        self.list.setToolTip("Choose a network; a double click opens it")
        self.note = QTextBrowser()
        self.note.setAccessibleName("About this network")
        self.note.setOpenExternalLinks(True)
        self.note.setFixedWidth(360)
        self._captions: list[tuple[QListWidgetItem, list[QListWidgetItem]]] = []
        self._others: list[QListWidgetItem] = []
        """One's own cards that are not shown yet, and the line that shows them."""
        self._more: QListWidgetItem | None = None
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
        self.list.itemClicked.connect(self._show_more)
        self.list.itemActivated.connect(self._show_more)
        self._filter("")

    def chosen(self) -> Example | None:
        """The example in front."""
        return self._examples.get(self._in_front)

    def chosen_file(self) -> Path | None:
        """The document in front."""
        return Path(self._in_front) if self._in_front in self._documents else None

    @property
    def _in_front(self) -> str:
        """The name of an example, or the path of a document; empty where nothing is chosen."""
        item = self.list.currentItem()
        return "" if item is None or item.isHidden() else item.data(NAME) or ""

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
        if self._documents:
            caption, items = self._caption(YOURS), []
            for name, (loaded, facts) in self._documents.items():
                items.append(self._card(Path(name).stem, name, facts))
                picture = QPixmap()
                if loaded.thumbnail and picture.loadFromData(loaded.thumbnail):
                    items[-1].setData(PICTURE, picture)
            self._captions.append((caption, items))
            if others := items[FIRST:]:
                self._others = others
                self._more = QListWidgetItem(f"Show {len(others)} more", self.list)
                self._more.setToolTip("Show all networks that were open lately")
        done = runs()
        for theme, names in by_theme(self._examples).items():
            caption = self._caption(theme)
            self._captions.append((caption, [
                self._card(example.title, example.name, facts_of(example, done.get(example.name)),
                           example.description)
                for example in (self._examples[name] for name in names)]))

    def _caption(self, text: str) -> QListWidgetItem:
        caption = QListWidgetItem(text, self.list)
        caption.setFlags(Qt.ItemFlag.NoItemFlags)
        return caption

    def _card(self, title: str, name: str, facts: tuple[str, ...], *more: str) -> QListWidgetItem:
        item = QListWidgetItem(title, self.list)
        item.setData(NAME, name)
        item.setData(FACTS, facts)
        about = (*more, *facts)
        item.setToolTip("\n".join(about))
        item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, "; ".join(about))
        return item

    def _show(self) -> None:
        name, text = self._in_front, ""
        self._open.setEnabled(bool(name))
        if (example := self._examples.get(name)) is not None:
            text = page(example)
        elif name:
            text = page_of_document(name, *self._documents[name])
        self.note.setMarkdown(text)
        set_apart(self.note.document())

    def _clicked(self, item: QListWidgetItem) -> None:
        if item.data(NAME) is not None:
            self.accept()

    def _show_more(self, item: QListWidgetItem) -> None:
        if item is self._more:
            first, self._others, self._more = self._others[0], [], None
            item.setHidden(True)
            self._filter("")
            self.list.setCurrentItem(first)

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        if self._more is not None:
            self._more.setHidden(bool(words))
        waiting = set() if words else {id(item) for item in self._others}
        found = []
        for caption, items in self._captions:
            for item in items:
                names, about = self._words(item)
                name = " ".join(names)
                all_of_it = " ".join((name, about, caption.text(), *item.data(FACTS))).lower()
                item.setHidden(id(item) in waiting
                               or not all(word in all_of_it for word in words))
                if not item.isHidden():
                    exact = text.strip().lower() in names
                    found.append((0 if exact else 1 if all(word in name for word in words) else 2,
                                  item))
            caption.setHidden(all(item.isHidden() for item in items))
        # One that is called so, and then one that is called almost so, comes before those whose
        # notes mention it.
        first = min(found, key=lambda pair: pair[0], default=(0, None))[1]
        self.list.setCurrentItem(first)  # type: ignore[arg-type]  # None clears it
        self._show()


    def _words(self, item: QListWidgetItem) -> tuple[tuple[str, ...], str]:
        """What a card is called, in small letters; and what else is said of it."""
        name = item.data(NAME)
        if (example := self._examples.get(name)) is not None:
            return (name.lower(), example.title.lower()), f"{example.description} {example.note}"
        return (item.text().lower(), Path(name).name.lower()), self._documents[name][0].graph.notes


def _readable(paths: Iterable[Path]) -> dict[str, tuple[Loaded, tuple[str, ...]]]:
    """Documents with their graphs and pictures, and three lines on each: when it was saved, where
    it is, how large it is.
    """
    found: dict[str, tuple[Loaded, tuple[str, ...]]] = {}
    for path in paths:
        with suppress(DocumentError, OSError):
            loaded = document.glimpse(path)
            size = plural(len(loaded.graph.nodes), "node")
            found[str(path)] = loaded, (moment(path.stat().st_mtime), str(path.parent), size)
    return found


def page_of_document(name: str, loaded: Loaded, facts: Iterable[str]) -> str:
    """Its notes, as Markdown."""
    notes = loaded.graph.notes
    head = "" if notes.lstrip().startswith("#") else f"# {Path(name).stem}\n\n"
    return f"{head}{notes}\n\n*{' · '.join(facts)}*"


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
