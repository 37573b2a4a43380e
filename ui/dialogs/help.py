"""Help from the source: each layer's page is made of its class; and what this app is."""

from __future__ import annotations

import platform
from html import escape
from importlib.metadata import PackageNotFoundError, version

import PySide6
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from playground.layers import LAYERS
from playground.layers.base import CATEGORIES, Layer, help_of
from ui.dialogs.gallery import ROW
from ui.inspector.fields import Field, fields_of, limits_of, readable
from ui.theme import theme


class LayerHelp(QDialog):
    """All layers, and what each does."""

    def __init__(self, kind: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Layers")
        self.resize(820, 560)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search layers")
        self.search.setAccessibleName("Search layers")
        self.search.setToolTip("Words from a layer's name or description")
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget()
        self.list.setAccessibleName("Layers")
        self.list.setToolTip("Choose a layer to read about it")
        self.page = QTextBrowser()
        self.page.setAccessibleName("About this layer")
        for name, cls in LAYERS.items():
            item = QListWidgetItem(cls.label, self.list)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setToolTip(CATEGORIES[cls.category])
            item.setSizeHint(QSize(0, ROW))
        left = QVBoxLayout()
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(16)
        row.addLayout(left, 1)
        row.addWidget(self.page, 2)
        self.list.currentItemChanged.connect(lambda now, before: self._show(now))
        kinds = list(LAYERS)
        self.list.setCurrentRow(kinds.index(kind) if kind in kinds else 0)

    def _show(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.page.setHtml(layer_page(LAYERS[item.data(Qt.ItemDataRole.UserRole)]))

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for row in range(self.list.count()):
            item = self.list.item(row)
            cls = LAYERS[item.data(Qt.ItemDataRole.UserRole)]
            about = " ".join((cls.label, cls.kind, *help_of(cls))).lower()
            item.setHidden(not all(word in about for word in words))


def layer_page(cls: type[Layer]) -> str:
    """A layer as HTML: what it does, its formula, its settings."""
    faint = theme().color("secondary").name()
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in help_of(cls))
    formula = (f'<pre style="font-family: DejaVu Sans Mono">{escape(cls.formula)}</pre>'
               if cls.formula else "")
    rows = "".join(
        f"<tr><td><b>{escape(field.title)}</b></td><td>{escape(field.help)}"
        f' <span style="color:{faint}">{escape(_range(field))}</span></td></tr>'
        for field in fields_of(cls))
    settings = f'<table cellspacing="0" cellpadding="5">{rows}</table>' if rows else ""
    return (f"<h2>{escape(cls.label)}</h2>"
            f'<p style="color:{faint}">{CATEGORIES[cls.category]}</p>'
            f"{paragraphs}{formula}{settings}")


def _range(field: Field) -> str:
    if field.choices:
        return ", ".join(readable(choice) for choice in field.choices) + "."
    try:
        limits = str(limits_of(field.type))
    except AssertionError:
        return ""
    return f"{limits[:1].upper()}{limits[1:]}." if limits else ""


def show_about(parent: QWidget) -> None:
    """Name, version and what it stands on."""
    QMessageBox.about(
        parent, "About Playground",
        "<h3>Playground</h3><p>Build a neural network by hand, watch it train, and stop it at any "
        "instruction.</p>"
        f"<p>Version {_version('playground')} · Python {platform.python_version()} · "
        f"Qt {PySide6.__version__} · NumPy {_version('numpy')} · Numba {_version('numba')}</p>")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from source"
