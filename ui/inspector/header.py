"""The top of the inspector: family square, name, kind, what it does, its formula and shapes."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from playground.graph import Graph, Node, UnknownLayer
from playground.layers.base import Signal as Feature
from playground.layers.base import help_of
from playground.shapes import Check, batch_of, parameter_shapes
from ui.canvas.face import is_frozen
from ui.elided import Elided
from ui.theme import theme

WIDEST = 170
"""A longer name scrolls in its field: it must not push the page out of the window."""


class Square(QWidget):
    """The colour of a layer's family; its name is in the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._category = ""
        self.setFixedSize(10, 20)

    def show_category(self, category: str) -> None:
        self._category = category
        self.setToolTip(category)
        self.setAccessibleName(f"Family: {category}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().family(self._category))
        painter.drawRoundedRect(QRectF(0, 5, 10, 10), 2.5, 2.5)


class NameField(QLineEdit):
    """A node's id: reads like a title, edits like a field."""

    renamed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.setAccessibleName("Name of the node")
        self.setToolTip("The node's name: letters, digits and underscores. Edit to rename.")
        self.setStyleSheet(
            "QLineEdit { font-weight: 600; padding: 2px 4px; background: transparent;"
            " border-color: transparent; }"
            f"QLineEdit:hover {{ border-color: {theme().color('line').name()}; }}"
            f"QLineEdit:focus {{ border-color: {theme().color('accent').name()}; }}")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(lambda _: self.updateGeometry())
        self.editingFinished.connect(self._take)

    def show_name(self, name: str) -> None:
        self._name = name
        self.setText(name)
        self.setCursorPosition(0)

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.text() or "name")
        return QSize(min(round(width * 1.08) + 18, WIDEST), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """The name comes before the kind."""
        return self.sizeHint()

    def _take(self) -> None:
        name = self.text().strip()
        if name and name != self._name:
            self.renamed.emit(name)
        elif not name:
            self.setText(self._name)


class NodeHeader(QWidget):
    """The whole head of a selected node."""

    renamed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._square = Square()
        self.name = NameField()
        self.name.renamed.connect(self.renamed)
        self._kind = Elided("secondary")
        self._state = QLabel()
        self._state.setProperty("role", "faint")
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._square)
        top.addWidget(self.name)
        top.addWidget(self._kind, 1)
        top.addWidget(self._state)

        self._about = QLabel()
        self._about.setProperty("role", "secondary")
        self._about.setWordWrap(True)

        card = QFrame()
        card.setProperty("role", "inset")
        self._formula = _mono("secondary")
        self._formula.setProperty("role", "mono")
        self._shapes = _mono("secondary")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(10, 8, 10, 8)
        inside.setSpacing(4)
        inside.addWidget(self._formula)
        inside.addWidget(self._shapes)
        self.card = card

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._about)
        column.addWidget(card)

    def show_node(self, graph: Graph, node: Node, check: Check) -> None:
        """Describe a node; numbers come from the check, not from the training."""
        layer = node.layer
        self.name.show_name(node.id)
        about: tuple[str, ...]
        if isinstance(layer, UnknownLayer):
            category, label, about, formula = "", layer.kind, (layer.why,), ""
        else:
            category, label, formula = layer.category, layer.label, layer.formula
            about = help_of(type(layer))
        self._square.show_category(category)
        self._kind.show_text(label)
        for widget in (self._kind, self._about):
            widget.setToolTip("\n\n".join(about))
        self._about.setText(about[0])
        self._about.setVisible(not isinstance(layer, UnknownLayer))  # The page says why.
        self._state.setText(state_of(graph, node, check))
        self._formula.setText(formula)
        self._formula.setVisible(bool(formula))
        self._shapes.setText(shapes_line(graph, node.id, check))
        self._shapes.setStyleSheet(
            f'color: {theme().color("secondary").name()}; '
            'font-family: "DejaVu Sans Mono", monospace; font-size: 12px;')
        self._shapes.setVisible(bool(self._shapes.text()))
        self.card.setVisible(bool(formula or self._shapes.text()))
        self.card.setAccessibleName(f"{formula} {self._shapes.text()}")


def state_of(graph: Graph, node: Node, check: Check) -> str:
    """Whether a node learns: never told by colour alone."""
    if is_frozen(graph, check, node.id):
        return "frozen"
    return "trainable" if parameter_shapes(graph, check, node.id) else ""


def shapes_line(graph: Graph, id: str, check: Check) -> str:
    """(64,6,14,14) → (64,16,10,10) · 2,416 params"""
    batch = batch_of(graph, check)
    inputs, outputs = check.inputs.get(id, ()), check.signals.get(id, ())
    sides = [" ".join(_show(batch, signal) for signal in side if signal)
             for side in (inputs, outputs)]
    parts = [" → ".join(side for side in sides if side)]
    if count := check.parameters.get(id, 0):
        parts.append(f"{count:,} params")
    return " · ".join(part for part in parts if part)


def _show(batch: int, signal: Feature) -> str:
    shape = (batch, *signal.shape)
    text = ",".join(str(size) for size in shape)
    return f"({text})" if not signal.classes else f"({text}) of {signal.classes} classes"


def _mono(role: str) -> QLabel:
    label = QLabel()
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
