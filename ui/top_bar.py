"""The top line of the window: the document's name, the transport, the training chips."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolBar, QVBoxLayout, QWidget

from playground.layers import Layer
from ui.document import Document
from ui.training_bar import TrainingBar
from ui.transport import Transport


class Elided(QLabel):
    """Text that ends in dots where room is short, and is whole in its tooltip."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.whole = ""
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        self.whole = text
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.updateGeometry()
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.whole) + 4,
                     super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        self.setText(self.fontMetrics().elidedText(
            self.whole, Qt.TextElideMode.ElideRight, max(self.width(), 8)))


class DocumentTitle(QWidget):
    """The name, and what the network learns from with how many parameters."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.name, self.about = Elided("title"), Elided("secondary")
        self.about.setStyleSheet("font-size: 11px;")
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 0, 8, 0)
        column.setSpacing(0)
        column.addWidget(self.name)
        column.addWidget(self.about)
        document.title_changed.connect(lambda _: self.refresh())
        document.graph_changed.connect(lambda old, new: self.refresh())
        self.refresh()

    def minimumSizeHint(self) -> QSize:
        return QSize(60, super().minimumSizeHint().height())

    def refresh(self) -> None:
        self.name.show_text(self._document.title)
        self.about.show_text(subtitle(self._document))


def subtitle(document: Document) -> str:
    """Fashion-MNIST · 61,706 parameters"""
    parts = [layer.label for node in document.graph.nodes
             if isinstance(layer := node.layer, Layer) and layer.category == "data"]
    total = document.check.total_parameters
    if total:
        parts.append(f"{total:,} parameters")
    return " · ".join(parts)


class TopBar(QToolBar):
    """Three groups, the transport in the middle."""

    def __init__(self, document: Document, transport: Transport, training: TrainingBar) -> None:
        super().__init__("Top bar")
        self.setObjectName("top-bar")
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(12)
        row.addWidget(DocumentTitle(document), 1)
        row.addWidget(transport)
        right = QHBoxLayout()
        right.addStretch(1)
        right.addWidget(training)
        row.addLayout(right, 1)
        self.addWidget(whole)
