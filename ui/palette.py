"""The palette: all layers by category, to search, to drag onto the canvas, or to add by Enter."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtCore import (
    QByteArray,
    QEvent,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QDrag,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPixmap,
    QPolygonF,
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
from ui.guarded import guarded
from ui.layer_search import matches, rank
from ui.theme import caption_font, theme, ui_font

LAYER_MIME = "application/x-playground-layer"
"""What a drag from the palette carries: the layer's kind as text."""

KIND = Qt.ItemDataRole.UserRole + 1
CATEGORY = Qt.ItemDataRole.UserRole + 2
COUNT = Qt.ItemDataRole.UserRole + 3
FOLDED_ROLE = Qt.ItemDataRole.UserRole + 4
ROW, CAPTION = 28, 32
FOLDED = frozenset({"data", "source", "norm", "recurrent", "sequence", "merge", "shape"})
"""The groups that begin folded: what a first network is made of stays in sight."""
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
        """The kinds that can be seen now."""
        model = self.list.layers
        rows = (model.index(row, 0).data(KIND) for row in range(model.rowCount())
                if not self.list.isRowHidden(row))
        return [kind for kind in rows if kind]

    def fold(self, categories: Iterable[str]) -> None:
        """Fold these groups, and no other."""
        self.list.folded = frozenset(categories) & set(CATEGORIES)
        self._filter(self.search.field.text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The arrows walk through the list while one types.
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = event.key()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.list.step(1 if key == Qt.Key.Key_Down else -1)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self.list.currentIndex())
                self.search.field.selectAll()  # what is typed next is the next search
                return True
            if event.text() == "/":
                self.search.field.selectAll()  # the key that leads here; no name has it
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
    """The layers below their captions; it can be dragged from. A click folds a group."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.folded: frozenset[str] = FOLDED
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
        self.setAccessibleDescription(
            "Enter adds the marked layer after the selected node; left and right fold its group.")

    def show_layers(self, search: str) -> None:
        """List what matches all words of `search`, which no group hides; mark what is meant."""
        searched = bool(search.strip())
        self.layers.clear()
        for category, title in CATEGORIES.items():
            found = [cls for cls in LAYERS.values()
                     if cls.category == category and matches(cls, search)]
            if found:
                hidden = not searched and category in self.folded
                self.layers.appendRow(_caption(category, title, len(found), hidden))
                for cls in found:
                    self.layers.appendRow(_entry(cls))
                    self.setRowHidden(self.layers.rowCount() - 1, hidden)
        self._can_fold = not searched
        if searched and (rows := [row for row in range(self.layers.rowCount())
                                  if self.layers.index(row, 0).data(KIND)]):
            self.setCurrentIndex(max(
                (self.layers.index(row, 0) for row in rows),
                key=lambda index: rank(LAYERS[index.data(KIND)], search)))

    def toggle(self, category: str) -> None:
        """Fold or unfold a group; a search shows everything that it finds."""
        if not self._can_fold:
            return
        self.folded ^= {category}
        place = self.verticalScrollBar().value()
        self.show_layers("")
        self.verticalScrollBar().setValue(place)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if (event.button() == Qt.MouseButton.LeftButton and index.isValid()
                and not index.data(KIND)):
            self.toggle(index.data(CATEGORY))
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        category = self.currentIndex().data(CATEGORY)
        if category and event.key() == Qt.Key.Key_Left:
            self.toggle(category)
            return
        if event.key() == Qt.Key.Key_Right and self.folded:
            # The next group that is folded, after the marked layer.
            order = list(CATEGORIES)
            first = order.index(category) if category else 0
            hidden = [c for c in order[first:] + order[:first] if c in self.folded]
            self.toggle(hidden[0])
            return
        super().keyPressEvent(event)

    def step(self, by: int) -> None:
        """Mark the next or previous layer, over the captions."""
        row = self.currentIndex().row() + by
        while 0 <= row < self.layers.rowCount():
            index = self.layers.index(row, 0)
            if index.data(KIND) and not self.isRowHidden(row):
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
        return QSize(100, ROW if index.data(KIND) else CAPTION)

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, rect = theme(), QRectF(option.rect)
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not index.data(KIND):
            _paint_caption(painter, rect, index, state)
        else:
            ground = ("accent_soft" if state & QStyle.StateFlag.State_Selected
                      else "hover" if state & QStyle.StateFlag.State_MouseOver else "")
            if ground:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(look.color(ground))
                painter.drawRoundedRect(rect.adjusted(0, 1, -10, -1), 6, 6)
            _paint_entry(painter, rect, index, look.color("text"))
        painter.restore()


def _paint_caption(painter: QPainter, rect: QRectF, index: Index,
                   state: QStyle.StateFlag) -> None:
    """A triangle that says whether the group is open, its title, and how many it holds."""
    look = theme()
    hover = bool(state & QStyle.StateFlag.State_MouseOver)
    color = look.color("text" if hover else "secondary")
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    middle = QPointF(rect.left() + 11, rect.center().y())
    turned = index.data(FOLDED_ROLE)
    points = [(-2.5, -4), (3, 0), (-2.5, 4)] if turned else [(-4, -2.5), (4, -2.5), (0, 3)]
    painter.drawPolygon(QPolygonF([middle + QPointF(x, y) for x, y in points]))
    painter.setFont(caption_font())
    painter.setPen(color)
    side = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(rect.adjusted(26, 0, -40, 0), side, index.data())
    painter.setPen(look.color("faint"))
    painter.drawText(rect.adjusted(0, 0, -16, 0), side | Qt.AlignmentFlag.AlignRight,
                     str(index.data(COUNT)))


def _paint_entry(painter: QPainter, rect: QRectF, index: Index, text: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme().family(index.data(CATEGORY)))
    painter.drawRoundedRect(QRectF(rect.left() + 6, rect.center().y() - 5, 10, 10), 3, 3)
    painter.setPen(text)
    painter.setFont(ui_font(13))
    place = rect.adjusted(26, 0, -12, 0)
    name = painter.fontMetrics().elidedText(
        index.data(), Qt.TextElideMode.ElideRight, int(place.width()))
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, name)


def _caption(category: str, title: str, count: int, folded: bool) -> QStandardItem:
    item = QStandardItem(title)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    item.setData(category, CATEGORY)
    item.setData(count, COUNT)
    item.setData(folded, FOLDED_ROLE)
    item.setToolTip(f"{count} layers. Click to {'show' if folded else 'hide'} them.")
    item.setData(f"Group {title}, {count} layers, {'folded' if folded else 'open'}",
                 Qt.ItemDataRole.AccessibleTextRole)
    return item


def _entry(cls: type[Layer]) -> QStandardItem:
    item = QStandardItem(cls.label)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                  | Qt.ItemFlag.ItemIsDragEnabled)
    item.setData(cls.kind, KIND)
    item.setData(cls.category, CATEGORY)
    formula = f"<br><code>{escape(cls.formula)}</code>" if cls.formula else ""
    others = f"<br>Also found as {escape(', '.join(cls.other_names))}." if cls.other_names else ""
    item.setToolTip(f"<b>{escape(cls.label)}</b><br>{escape(tooltip(cls))}{formula}{others}")
    item.setData(f"{cls.label}: {tooltip(cls)}", Qt.ItemDataRole.AccessibleTextRole)
    return item
