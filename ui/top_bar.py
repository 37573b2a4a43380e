"""The top line of the window: the document's name, the transport, the training chips."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolBar, QVBoxLayout, QWidget

from playground.document import SUFFIX
from playground.layers.data import DataLayer
from ui.document import Document
from ui.elided import Elided
from ui.training_bar import TrainingBar
from ui.transport import Transport
from ui.views.header import Note

LEAST_NAME, SHORT_NAME = 60, 96
"""Pixels that the document's name has at least, and those in which "• mlp-spiral" can be read: so
many it gets before the examples' button does."""


class DocumentTitle(QWidget):
    """The name, and what the network learns from with how many parameters."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.name, self.about = Elided("title"), Note()
        self.about.setStyleSheet("font-size: 11px;")
        self.about.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.about.setSizePolicy(self.name.sizePolicy())
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 0, 8, 0)
        column.setSpacing(0)
        column.addWidget(self.name)
        column.addWidget(self.about)
        document.title_changed.connect(lambda _: self.refresh())
        document.graph_changed.connect(lambda old, new: self.refresh())
        self.refresh()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_NAME, super().minimumSizeHint().height())

    def refresh(self) -> None:
        # The frame of the window has it in full, and room is short here.
        self.name.show_text(self._document.title.removesuffix(SUFFIX))
        self.about.show_text(subtitle(self._document))


def subtitle(document: Document) -> str:
    """Fashion-MNIST · 61,706 parameters"""
    parts = [layer.label for node in document.graph.nodes
             if isinstance(layer := node.layer, DataLayer)]
    total = document.check.total_parameters
    if total:
        parts.append(f"{total:,} parameters")
    return " · ".join(parts)


class Row(QWidget):
    """Three groups, the transport in the middle.

    It asks for the same room whatever its numbers are, or the window would grow with them. Where
    that is short, the examples' button goes first (there is a menu of them), then the words beside
    the transport's icons.
    """

    LEAST = 1190

    def __init__(self, title: QWidget, transport: Transport, training: TrainingBar) -> None:
        super().__init__()
        self._transport, self._training = transport, training
        self._level = 0
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(4, 0, 4, 0)
        self._row.setSpacing(12)
        self._row.addWidget(title, 1)
        self._row.addWidget(transport)
        right = QHBoxLayout()
        right.addStretch(1)
        right.addWidget(training)
        self._row.addLayout(right, 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.LEAST, super().minimumSizeHint().height())

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        saved = (self._training.spare_width, self._transport.words_width)
        whole = (self._row.minimumSize().width() + SHORT_NAME - LEAST_NAME
                 + sum(saved[:self._level]))
        level = next((n for n in range(2) if whole - sum(saved[:n]) <= self.width()), 2)
        if level != self._level:
            self._level = level
            self._training.show_spare(level < 1)
            self._transport.show_words(level < 2)
            parts = (self._training, self._transport, self)
            for layout in filter(None, (part.layout() for part in parts)):
                layout.activate()  # now: the first picture does not wait for it


class TopBar(QToolBar):

    def __init__(self, document: Document, transport: Transport, training: TrainingBar) -> None:
        super().__init__("Top bar")
        self.setObjectName("top-bar")
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.addWidget(Row(DocumentTitle(document), transport, training))
