"""The inspector: the selected node's settings, or how to train when nothing is selected."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from playground.data import DataError
from playground.data.wording import facts, wordings
from playground.graph import Node
from playground.layers.augmentation import Augmentation
from playground.layers.base import Layer
from playground.layers.data import WITHOUT_SAMPLES, DataLayer
from ui.canvas.face import CHOOSE, LOOK_AGAIN, WAYS_OUT, ways_out
from ui.document import Document
from ui.inspector.form import Form
from ui.inspector.header import NodeHeader, state_of
from ui.inspector.learning import LearningSection
from ui.seen import is_seen
from ui.theme import theme
from ui.training_bar import TrainingForm

MARGIN = 12
P = TypeVar("P", bound="Page")


class Inspector(QScrollArea):
    """One of three pages, by what is selected."""

    built = Signal(object)
    """A page, when it is first needed."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.setAccessibleName("Inspector")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._built: dict[type[Page], Page] = {}
        self._pages = Pages()
        self.setWidget(self._pages)
        document.selection_changed.connect(lambda _: self.refresh())
        document.graph_changed.connect(lambda old, new: self.refresh())
        theme().changed.connect(self.refresh)

    @property
    def training_page(self) -> TrainingPage:
        return self._page(TrainingPage)

    @property
    def node_page(self) -> NodePage:
        return self._page(NodePage)

    @property
    def list_page(self) -> ListPage:
        return self._page(ListPage)

    def _page(self, cls: type[P]) -> P:
        """The page of this kind; built when it is first needed."""
        page = self._built.get(cls)
        if page is None:
            page = self._built[cls] = cls(self._document)
            self._pages.addWidget(page)
            self.built.emit(page)
        assert isinstance(page, cls)
        return page

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Show the page that fits the selection, as soon as it can be seen."""
        selected = self._document.selection
        node = self._document.selected_node
        if node is None and NodePage in self._built:
            self.node_page.leave()
        if not is_seen(self):
            return
        if node is not None:
            self.node_page.show_node(node)
            self._pages.setCurrentWidget(self.node_page)
        elif selected:
            self.list_page.refresh()
            self._pages.setCurrentWidget(self.list_page)
        else:
            self._pages.setCurrentWidget(self.training_page)
        self._pages.updateGeometry()

    def focus_first(self) -> None:
        """The keyboard goes to the first setting."""
        form = self.node_page.form
        rows = list(form.rows.values()) if form is not None else []
        (rows[0].editor if rows else self).setFocus(Qt.FocusReason.OtherFocusReason)


class Pages(QStackedWidget):
    """A stack as tall as the page in front, so that a short page does not scroll."""

    def __init__(self) -> None:
        super().__init__()
        layout = self.layout()
        assert layout is not None
        layout.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)

    def sizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.sizeHint() if page is not None else QSize()

    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        return page.minimumSizeHint() if page is not None else QSize()

    def heightForWidth(self, width: int) -> int:
        page = self.currentWidget()
        return page.heightForWidth(width) if page is not None else -1


class Page(QWidget):
    """A column with the margins of the drawing."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.outer = QVBoxLayout(self)
        self.outer.setContentsMargins(0, 0, 0, 0)
        self.outer.setSpacing(0)
        self.column = QVBoxLayout()
        self.column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self.column.setSpacing(12)
        self.outer.addLayout(self.column)


class NodePage(Page):
    """Head, settings, what is wrong or worth knowing, and a place for the node's values."""

    way_chosen = Signal(str)
    """One of the ways out of what is wrong with the data."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(document, parent)
        self._id = ""
        self._preview: QWidget | None = None
        self.header = NodeHeader()
        self.header.renamed.connect(self._rename)
        self.column.addWidget(self.header)
        self.error = Message("error", "Error")
        self.notes = Message("secondary", "Worth knowing")
        self.column.addWidget(self.error)
        self.form: Form | None = None
        self.learning = LearningSection(document)
        self._choose = QPushButton("Choose data…")
        self._choose.setToolTip(WAYS_OUT[CHOOSE])
        self._choose.clicked.connect(lambda: self.way_chosen.emit(CHOOSE))
        self._look = QPushButton(LOOK_AGAIN)
        self._look.setToolTip(WAYS_OUT[LOOK_AGAIN])
        self._look.clicked.connect(lambda: self.way_chosen.emit(LOOK_AGAIN))
        ways = QHBoxLayout()
        ways.addWidget(self._look)
        ways.addWidget(self._choose)
        self.column.addLayout(ways)
        self.column.addWidget(self.learning)
        self.column.addWidget(self.notes)
        self.samples = Message("secondary", "The data")
        self.samples.setToolTip("How many samples there are, where they come from, and the first "
                                "ones where they are words")
        self.column.addWidget(self.samples)
        self.outer.addStretch(0)

    def embed(self, view: QWidget) -> None:
        """Put the view of the node's values at the end."""
        self.outer.addWidget(view, 1)

    def embed_preview(self, view: QWidget) -> None:
        """Put the view of what augmentation does below the settings, for nodes that have any."""
        self._preview = view
        self.outer.insertWidget(1, view)
        view.hide()

    def show_node(self, node: Node) -> None:
        """Show a node, or the same one with other settings."""
        check = self._document.check
        self._id = node.id
        self.header.show_node(self._document.graph, node, check)
        why, notes = check.errors.get(node.id, ""), check.notes.get(node.id, ())
        waits = node.id in check.waiting  # is not wrong
        self.error.show_text("" if waits else why)
        self.notes.show_text("\n".join((why, *notes) if waits else notes))
        layer = node.layer
        self._choose.setVisible(getattr(layer, "kind", "") == "file")
        self._look.setVisible(bool(why) and LOOK_AGAIN in ways_out(layer))
        self._look.setEnabled(not waits)  # it is being read
        self.learning.show_node(node)
        self.samples.show_text(
            _told(layer) if isinstance(layer, DataLayer) and not why else "")
        if self._preview is not None:
            self._preview.setVisible(
                isinstance(layer, DataLayer) and layer.augmentation != Augmentation())
        if not isinstance(layer, Layer):
            self._set_form(None)
            return
        # A form belongs to one node: text that waits to be corrected must not move to another.
        if self.form is None or self.form.cls is not type(layer) or self._form_id != node.id:
            self._set_form(type(layer))
            self._form_id = node.id
        assert self.form is not None
        self.form.set_value(layer)
        # What was wrong with a file is not looked for here: see `Document.look_again`.
        self.form.hide_rows(WITHOUT_SAMPLES | layer.unread_settings()
                            if why and isinstance(layer, DataLayer) else layer.idle_settings())

    def leave(self) -> None:
        """No node is shown any more: what waits to be corrected is let go."""
        self._set_form(None)
        self._form_id = ""

    def _set_form(self, cls: type[Layer] | None) -> None:
        if self.form is not None:
            self.form.hide()  # the focus leaves: a last edit may come, and bring us here again
        if self.form is not None:
            self.column.removeWidget(self.form)
            self.form.deleteLater()
            self.form = None
        if cls is not None:
            self.form = Form(cls, parent=self)
            self.form.edited.connect(self._edited)
            self.form.finished.connect(self._document.end_gesture)
            self.column.insertWidget(self.column.indexOf(self.learning), self.form)
            self.form.setVisible(bool(self.form.rows))

    _form_id = ""

    def _edited(self, layer: Layer, name: str) -> None:
        assert self.form is not None
        title = self.form.rows[name].field.title.lower()
        id = self._form_id
        if id in self._document.graph:
            self._document.edit(f"Change {title} of {id}",
                                self._document.graph.with_layer(id, layer), (id, name))

    def _rename(self, name: str) -> None:
        old = self._id
        if self._document.attempt(f"Rename {old}", lambda graph: graph.renamed(old, name)):
            self._document.select({name})
        else:
            self.header.name.show_name(old)


def _told(layer: DataLayer) -> str:
    """The data of a node in words; empty when they cannot be read, which its error says."""
    try:
        data = layer.load()
    except DataError:
        return ""
    return "\n\n".join((facts(data), *wordings(data)))


class Message(QLabel):
    """A sentence that is only there when it says something."""

    def __init__(self, role: str, name: str) -> None:
        super().__init__()
        self._role = role
        self.setWordWrap(True)
        self.setAccessibleName(name)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hide()

    def show_text(self, text: str) -> None:
        self.setText(text)
        self.setStyleSheet(f"color: {theme().text(self._role).name()}")
        self.setVisible(bool(text))


class TrainingPage(Page):
    """Nothing selected: how the network is trained."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(document, parent)
        title = QLabel("Training")
        title.setProperty("role", "title")
        self.problem = Message("warning", "Why it cannot train")
        self.training = TrainingForm(document)
        self.column.addWidget(title)
        self.column.addWidget(self.problem)
        self.column.addWidget(self.training)
        self.column.addStretch(1)
        document.graph_changed.connect(lambda old, new: self._refresh())
        self._refresh()

    def _refresh(self) -> None:
        self.problem.show_text(self._document.check.graph_error)


class ListPage(Page):
    """Several selected: what they are; a click leaves one. A button draws them as one."""

    fold = Signal()
    unfold = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(document, parent)
        self.title = QLabel()
        self.title.setProperty("role", "title")
        self.list = QListWidget()
        self.list.setAccessibleName("Selected nodes")
        self.list.setToolTip("Choose one to see its settings")
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        self.folding = QPushButton()
        self._fold = ""
        self.folding.clicked.connect(lambda: (self.unfold if self._fold else self.fold).emit())
        self.column.addWidget(self.title)
        self.column.addWidget(self.folding)
        self.column.addWidget(self.list, 1)

    def refresh(self) -> None:
        selected = [n for n in self._document.graph.nodes if n.id in self._document.selection]
        total = sum(self._document.check.parameters.get(node.id, 0) for node in selected)
        self._fold = next((fold.name for fold in self._document.graph.folds
                           if set(fold.members) == self._document.selection), "")
        name = f"{self._fold} · " if self._fold else ""
        self.title.setText(f"{name}{len(selected)} nodes · {total:,} parameters")
        self.folding.setText("Unfold" if self._fold else "Fold into one")
        self.folding.setToolTip(
            "Draw these nodes one by one (Ctrl+Shift+G)." if self._fold else
            "Draw these nodes as one (Ctrl+G). Training knows nothing of it.")
        self.list.clear()
        for node in selected:
            count = self._document.check.parameters.get(node.id, 0)
            label = getattr(node.layer, "label", node.layer.kind)
            text = f"{node.id}  {label}" + (f" · {count:,}" if count else "")
            item = QListWidgetItem(text, self.list)
            item.setData(Qt.ItemDataRole.UserRole, node.id)
            item.setToolTip(state_of(self._document.graph, node, self._document.check) or label)
            item.setSizeHint(QSize(0, 28))

    def _choose(self, item: QListWidgetItem) -> None:
        self._document.select({item.data(Qt.ItemDataRole.UserRole)})


__all__ = ["Inspector"]
