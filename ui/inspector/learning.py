"""How one node learns: a section that says in a line what is special, and opens to change it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.graph import Node
from playground.layers.base import Layer
from playground.learning import Learning, is_penalised
from playground.shapes import parameter_shapes
from ui.document import Document
from ui.elided import Elided
from ui.inspector.choice_editors import Choice
from ui.inspector.fields import show_number
from ui.inspector.form import LABEL_WIDTH, Form
from ui.theme import theme

WEIGHTS = frozenset({"frozen", "rate", "l1", "l2", "clip_weights", "group"})
OUTPUTS = frozenset({"activity_l1", "activity_l2"})
PENALTIES = frozenset({"l1", "l2"})
HELP = ("What is special about how this node learns: frozen weights, a rate of its own, penalties, "
        "weights shared with another node.")


class LearningSection(QWidget):
    """Closed, it costs a line; its form is made when it first opens.

    It opens by itself for a node that learns in a way of its own.
    """

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._id = ""
        self._wanted = False
        self.body: LearningForm | None = None
        self.head = QToolButton()
        self.head.setText("Learning")
        self.head.setCheckable(True)
        self.head.setProperty("role", "flat")
        # In line with the titles of the settings.
        self.head.setStyleSheet("QToolButton { padding: 3px 6px 3px 0; }")
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setToolTip(HELP)
        self.head.clicked.connect(self._clicked)
        self.summary = Elided("secondary")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.head)
        row.addWidget(self.summary, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addLayout(row)
        theme().changed.connect(self._show_arrow)
        self._show_arrow()

    def show_node(self, node: Node) -> None:
        """Show how a node learns; nothing for one that has neither weights nor outputs to speak
        of."""
        new, self._id = node.id != self._id, node.id
        idle = self._idle(node)
        self.setVisible(idle is not None)
        if idle is None:
            return
        words = ", ".join(special(node))
        self.summary.show_text(words)
        self.head.setAccessibleName(f"Learning: {words or 'as the others'}")
        if new:
            self.head.setChecked(self._wanted or bool(words))
        self._show_body(node, idle)

    def _idle(self, node: Node) -> frozenset[str] | None:
        """The settings that would do nothing; None when all would."""
        layer, check = node.layer, self._document.check
        if not isinstance(layer, Layer) or layer.category in ("data", "loss"):
            return None
        shapes = parameter_shapes(self._document.graph, check, node.id).values()
        learns = bool(shapes) or bool(WEIGHTS & changed(node))
        # Who uses another one's weights learns as that one does.
        idle = frozenset[str]() if learns and not node.shares else WEIGHTS
        if shapes and not any(map(is_penalised, shapes)):
            idle |= PENALTIES - changed(node)  # One that is set can be taken back.
        if not layer.outputs:
            idle |= OUTPUTS
        return None if idle == WEIGHTS | OUTPUTS and not node.shares else idle

    def _clicked(self, on: bool) -> None:
        self._wanted = on
        if self._id in self._document.graph:
            self.show_node(self._document.graph.node(self._id))

    def _show_body(self, node: Node, idle: frozenset[str]) -> None:
        self._show_arrow()
        if self.head.isChecked() and self.body is None:
            self.body = LearningForm(self._document)
            self._column.addWidget(self.body)
        if self.body is not None:
            self.body.setVisible(self.head.isChecked())
            if self.head.isChecked():
                self.body.show_node(node, idle)

    def _show_arrow(self) -> None:
        self.head.setIcon(theme().icon(
            "chevron-down" if self.head.isChecked() else "chevron-right"))


class LearningForm(QWidget):
    """Whose weights, and the form of `Learning`."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._id = ""
        self.title = QLabel("Weights of")
        self.title.setProperty("role", "secondary")
        self.owner = Choice()
        self.owner.setAccessibleName("Weights of")
        self.owner.setToolTip("Nodes with the same weights: their gradients are summed, and one "
                              "update moves them for all.")
        self.owner.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.owner.currentIndexChanged.connect(self._share)
        self.title.setToolTip(self.owner.toolTip())
        self.title.setBuddy(self.owner)
        self.form = Form(Learning)
        self.form.edited.connect(self._edited)
        self.form.finished.connect(document.end_gesture)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self.title, 0, 0)
        grid.addWidget(self.owner, 0, 1)
        grid.addWidget(self.form, 1, 0, 1, 2)

    def show_node(self, node: Node, idle: frozenset[str]) -> None:
        """Show how a node learns, without the settings that would do nothing."""
        if node.id != self._id:
            self._document.end_gesture()
        self._id = node.id
        owners = [node.shares] if node.shares else []
        owners += [id for id in self._owners(node.id) if id not in owners]
        with QSignalBlocker(self.owner):
            self.owner.clear()
            self.owner.add("", "its own", "Weights that no other node owns.")
            for id in owners:
                self.owner.add(id, id, f"The weights of {id}.")
            self.owner.setCurrentIndex(self.owner.findData(node.shares))
        for widget in (self.title, self.owner):
            widget.setVisible(bool(owners))
        self.form.set_value(node.learning)
        self.form.hide_rows(idle)

    def _owners(self, id: str) -> list[str]:
        """The nodes with weights of their own that would fit this one."""
        graph, check = self._document.graph, self._document.check
        shapes = parameter_shapes(graph, check, id)
        return [other.id for other in graph.nodes if other.id != id and not other.shares
                and shapes and parameter_shapes(graph, check, other.id) == shapes]

    def _share(self, index: int) -> None:
        id, owner = self._id, self.owner.itemData(index)
        text = f"Use the weights of {owner} in {id}" if owner else f"Give {id} weights of its own"
        self._document.end_gesture()
        if not self._document.attempt(text, lambda graph: graph.with_shared(id, owner)):
            with QSignalBlocker(self.owner):
                self.owner.setCurrentIndex(
                    self.owner.findData(self._document.graph.node(id).shares))

    def _edited(self, learning: Learning, name: str) -> None:
        id, title = self._id, self.form.rows[name].field.title.lower()
        if id in self._document.graph:
            self._document.edit(f"Change {title} of {id}",
                                self._document.graph.with_learning(id, learning),
                                (id, "learning", name))


def changed(node: Node) -> frozenset[str]:
    """The settings of a node's learning that are not as usual."""
    usual = Learning()
    return frozenset(name for name in Learning.__struct_fields__
                     if getattr(node.learning, name) != getattr(usual, name))


def special(node: Node) -> list[str]:
    """In a few words what is special: "frozen", "rate × 0.1", "weights of dense_1"."""
    learning, told = node.learning, changed(node)
    words = [f"weights of {node.shares}"] if node.shares else []
    if node.shares:
        told &= OUTPUTS
    for name, text in (("frozen", "frozen"), ("rate", "rate × {}"), ("l1", "L1 {}"),
                       ("l2", "L2 {}"), ("activity_l1", "L1 of outputs {}"),
                       ("activity_l2", "L2 of outputs {}"),
                       ("clip_weights", "weights clipped at ±{}"), ("group", "group {}")):
        if name in told:
            value = getattr(learning, name)
            words.append(text.format(value if isinstance(value, str) else show_number(value)))
    return words
