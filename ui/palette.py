"""The palette: all layers by category, to search, to drag onto the canvas, or to add by Enter."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import (
    QByteArray,
    QEvent,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QDrag,
    QKeyEvent,
    QPainter,
    QPixmap,
    QResizeEvent,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from playground.layers import LAYERS
from playground.layers.base import CATEGORIES, Layer, tooltip
from ui.theme import caption_font, theme, ui_font

LAYER_MIME = "application/x-playground-layer"
"""What a drag from the palette carries: the layer's kind as text."""

KIND = Qt.ItemDataRole.UserRole + 1
CATEGORY = Qt.ItemDataRole.UserRole + 2
ROW, CAPTION, FIRST_CAPTION = 28, 38, 26
Index = QModelIndex | QPersistentModelIndex


class Palette(QWidget):
    layer_chosen = Signal(str)
    """Enter or a double click on a layer of this kind: add it to the canvas."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Layers")
        self.search = SearchField(self)
        self.list = LayerList(self)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 12, 0, 8)
        box.setSpacing(6)
        box.addWidget(self.search)
        box.addWidget(self.list, 1)
        self._none = QLabel("No layer of this name.", self)
        self._none.setProperty("role", "secondary")
        self._none.hide()
        box.insertWidget(1, self._none)
        self.setMinimumWidth(180)
        self.search.field.textChanged.connect(self._filter)
        self.search.field.installEventFilter(self)
        self.list.activated.connect(self._choose)
        theme().changed.connect(self.list.viewport().update)
        self._filter("")

    def sizeHint(self) -> QSize:
        return QSize(212, 600)

    def focus_search(self) -> None:
        """Slash or Ctrl+F: to the search field."""
        self.search.field.setFocus()
        self.search.field.selectAll()

    def kinds(self) -> list[str]:
        """The kinds that are listed now."""
        model = self.list.layers
        rows = (model.index(row, 0).data(KIND) for row in range(model.rowCount()))
        return [kind for kind in rows if kind]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The arrows walk through the list while one types.
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.list.step(1 if key == Qt.Key.Key_Down else -1)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self.list.currentIndex())
                return True
            if key == Qt.Key.Key_Escape and self.search.field.text():
                self.search.field.clear()
                return True
        return super().eventFilter(watched, event)

    def _filter(self, text: str) -> None:
        self.list.show_layers(text)
        self._none.setVisible(not self.kinds())

    def _choose(self, index: Index) -> None:
        if kind := index.data(KIND):
            self.layer_chosen.emit(kind)


class SearchField(QWidget):
    """A line edit with a magnifier before, and the key that leads here after."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Search layers")
        self.field.setClearButtonEnabled(True)
        self.field.setMinimumHeight(32)
        self.field.setToolTip("Search by name, group or purpose. Enter adds the marked layer.")
        self.field.setAccessibleName("Search layers")
        self._icon = self.field.addAction(theme().icon("magnify", "faint"),
                                          QLineEdit.ActionPosition.LeadingPosition)
        self._key = QLabel("/", self.field)
        self._key.setProperty("role", "faint")
        self._key.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._key.setStyleSheet("background: transparent;")
        self.field.textChanged.connect(lambda text: self._key.setVisible(not text))
        theme().changed.connect(self._restyle)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 12, 0)
        box.addWidget(self.field)
        self.setFocusProxy(self.field)

    def _restyle(self) -> None:
        self._icon.setIcon(theme().icon("magnify", "faint"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._key.adjustSize()
        width = self.width() - 12
        self._key.move(width - self._key.width() - 12, (32 - self._key.height()) // 2)


class LayerList(QListView):
    """The layers below their captions; it can be dragged from."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.layers = QStandardItemModel(self)
        self.setModel(self.layers)
        self.setItemDelegate(LayerDelegate(self))
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Layers by group")
        self.setAccessibleDescription("Enter adds the marked layer after the selected node.")

    def show_layers(self, search: str) -> None:
        """List what matches all words of `search`."""
        words = search.lower().split()
        self.layers.clear()
        for category, title in CATEGORIES.items():
            found = [cls for cls in LAYERS.values()
                     if cls.category == category and _matches(cls, title, words)]
            if found:
                self.layers.appendRow(_caption(title))
                for cls in found:
                    self.layers.appendRow(_entry(cls))
        if words:
            self.step(1)

    def step(self, by: int) -> None:
        """Mark the next or previous layer, over the captions."""
        row = self.currentIndex().row() + by
        while 0 <= row < self.layers.rowCount():
            index = self.layers.index(row, 0)
            if index.data(KIND):
                self.setCurrentIndex(index)
                return
            row += by

    def mime(self, kind: str) -> QMimeData:
        data = QMimeData()
        data.setData(LAYER_MIME, QByteArray(kind.encode()))
        return data

    def startDrag(self, actions: Qt.DropAction) -> None:
        index = self.currentIndex()
        kind = index.data(KIND)
        if not kind:
            return
        drag = QDrag(self)
        drag.setMimeData(self.mime(kind))
        drag.setPixmap(self._picture(index))
        drag.setHotSpot(QPoint(24, 24))
        drag.exec(Qt.DropAction.CopyAction)

    def _picture(self, index: Index) -> QPixmap:
        """What hangs on the pointer: a small node."""
        look, scale = theme(), self.devicePixelRatioF()
        picture = QPixmap(QSize(132, 40) * scale)
        picture.setDevicePixelRatio(scale)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(look.color("accent"))
        painter.setBrush(look.color("node"))
        painter.drawRoundedRect(QRectF(0.5, 0.5, 131, 39), 10, 10)
        _paint_entry(painter, QRectF(4, 0, 124, 40), index, look.color("text"))
        painter.end()
        return picture


class LayerDelegate(QStyledItemDelegate):
    """Draws captions, and layers with the square of their family."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        caption = CAPTION if index.row() else FIRST_CAPTION
        return QSize(100, ROW if index.data(KIND) else caption)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, rect = theme(), QRectF(option.rect)
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not index.data(KIND):
            painter.setFont(caption_font())
            painter.setPen(look.color("faint"))
            painter.drawText(rect.adjusted(0, 0, 0, -5),
                             Qt.AlignmentFlag.AlignBottom, index.data())
        else:
            ground = ("accent_soft" if state & QStyle.StateFlag.State_Selected
                      else "hover" if state & QStyle.StateFlag.State_MouseOver else "")
            if ground:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(look.color(ground))
                painter.drawRoundedRect(rect.adjusted(0, 1, -10, -1), 6, 6)
            _paint_entry(painter, rect, index, look.color("text"))
        painter.restore()


def _paint_entry(painter: QPainter, rect: QRectF, index: Index, text: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme().family(index.data(CATEGORY)))
    painter.drawRoundedRect(QRectF(rect.left() + 6, rect.center().y() - 5, 10, 10), 3, 3)
    painter.setPen(text)
    painter.setFont(ui_font(13))
    painter.drawText(rect.adjusted(26, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, index.data())


def _matches(cls: type[Layer], title: str, words: list[str]) -> bool:
    text = f"{cls.label} {cls.kind} {title} {cls.category} {tooltip(cls)}".lower()
    return all(word in text for word in words)


def _caption(title: str) -> QStandardItem:
    item = QStandardItem(title)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    item.setData(f"Group {title}", Qt.ItemDataRole.AccessibleTextRole)
    return item


def _entry(cls: type[Layer]) -> QStandardItem:
    item = QStandardItem(cls.label)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                  | Qt.ItemFlag.ItemIsDragEnabled)
    item.setData(cls.kind, KIND)
    item.setData(cls.category, CATEGORY)
    formula = f"<br><code>{escape(cls.formula)}</code>" if cls.formula else ""
    item.setToolTip(f"<b>{escape(cls.label)}</b><br>{escape(tooltip(cls))}{formula}")
    item.setData(f"{cls.label}: {tooltip(cls)}", Qt.ItemDataRole.AccessibleTextRole)
    return item
