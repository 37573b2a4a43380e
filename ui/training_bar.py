"""The chips on the right of the top bar: learning rate, batch, clipping, seed, speed.

A chip shows a number; a click opens the settings behind it.
"""

from __future__ import annotations

import math

import msgspec
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.snapshot import Snapshot
from playground.training import Training
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.inspector.fields import show_number
from ui.inspector.form import Form

POPOVER_WIDTH = 320


class Chip(QToolButton):
    """A faint name and a bold value; opens its popover."""

    def __init__(self, name: str, help: str, popover: Popover) -> None:
        super().__init__()
        self._name = name
        self._popover = popover
        self.setProperty("role", "chip")
        self.setToolTip(help)
        self.setFixedHeight(30)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(5)
        label = QLabel(name)
        label.setProperty("role", "secondary")
        self._value = QLabel()
        self._value.setProperty("role", "title")
        for part in (label, self._value):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            row.addWidget(part)
        self.clicked.connect(self._open)

    def show_value(self, text: str) -> None:
        if text != self._value.text():
            self._value.setText(text)
            self.setAccessibleName(f"{self._name} {text}")
            layout = self.layout()
            assert layout is not None
            self.setMinimumWidth(layout.sizeHint().width())

    def _open(self) -> None:
        self._popover.open_under(self)


class Popover(QFrame):
    """A small window under a chip; a click elsewhere or Escape closes it."""

    closed = Signal()

    def __init__(self, title: str, *contents: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "inset")
        self.setAccessibleName(title)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(10)
        heading = QLabel(title)
        heading.setProperty("role", "title")
        column.addWidget(heading)
        for widget in contents:
            column.addWidget(widget)
        self.setFixedWidth(POPOVER_WIDTH)

    def open_under(self, anchor: QWidget) -> None:
        """Show it below the anchor, inside the screen."""
        self.adjustSize()
        corner = anchor.mapToGlobal(QPoint(anchor.width() - self.width(), anchor.height() + 6))
        area = anchor.screen().availableGeometry()
        corner.setX(max(area.left() + 4, min(corner.x(), area.right() - self.width() - 4)))
        self.move(corner)
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.focusNextChild()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: object) -> None:
        self.closed.emit()


class TrainingForm(QWidget):
    """Some of the training settings as a form that edits the document."""

    def __init__(self, document: Document, only: tuple[str, ...] = (),
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.form = Form(Training, only)
        self.form.edited.connect(self._edited)
        self.form.finished.connect(document.end_gesture)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        document.graph_changed.connect(lambda old, new: self.form.set_value(new.training))
        self.form.set_value(document.graph.training)

    def _edited(self, training: Training, name: str) -> None:
        title = self.form.rows[name].field.title
        self._document.edit(f"Change {title.lower()}",
                            self._document.graph.with_training(training), ("training", name))


class SpeedSlider(QWidget):
    """Steps per second on a logarithmic scale; the right end is as fast as it can."""

    changed = Signal(object)
    """float, or None for no limit."""
    DECADES = 5
    PER_DECADE = 20

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, self.DECADES * self.PER_DECADE + 1)
        self.slider.setValue(self.slider.maximum())
        self.slider.setToolTip("Steps per second, from 1 to 100,000; at the right end no limit.")
        self.slider.setAccessibleName("Speed")
        self.slider.valueChanged.connect(self._moved)
        self._label = QLabel(self.text())
        self._label.setProperty("role", "title")
        self._label.setMinimumWidth(84)
        self._label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self._label)

    def speed(self) -> float | None:
        place = self.slider.value()
        if place == self.slider.maximum():
            return None
        return float(f"{10 ** (place / self.PER_DECADE):.2g}")

    def set_speed(self, speed: float | None) -> None:
        """Show and take a speed that was not chosen here."""
        self.slider.setValue(self.slider.maximum() if speed is None else
                             round(math.log10(max(1.0, speed)) * self.PER_DECADE))

    def text(self) -> str:
        speed = self.speed()
        return "no limit" if speed is None else f"{speed:,.4g} / s"

    def _moved(self) -> None:
        self._label.setText(self.text())
        self.changed.emit(self.speed())


class TrainingBar(QWidget):
    """The row of chips."""

    def __init__(self, document: Document, bridge: EngineBridge,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.setAccessibleName("Training settings")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)

        self.rate = self._chip("lr", "Learning rate", "Optimizer and learning-rate schedule",
                               "optimizer", "schedule")
        self.batch = self._chip("batch", "Batch size", "Samples per step", "batch")
        self.clip = self._chip("clip", "Gradient clipping",
                               "What happens to large gradients before the update", "clipping")
        new_seed = QPushButton("New weights")
        new_seed.setToolTip("Take the next weight seed: other initial weights, from step 0 "
                            "at the next reset.")
        new_seed.clicked.connect(self._next_seed)
        self.seed = self._chip("seed", "Seeds", "What draws weights, batches and dropout",
                               "weight_seed", "shuffle_seed", "dropout_seed", extra=new_seed)
        self.speed_slider = SpeedSlider()
        self.speed_slider.changed.connect(bridge.set_speed)
        self.speed = self._add(Chip("speed", "How many steps per second at most",
                                    Popover("Speed", self.speed_slider, parent=self)))
        self.speed_slider.changed.connect(lambda _: self._show_speed())
        self._show_speed()

        document.graph_changed.connect(lambda old, new: self.refresh())
        bridge.snapshot_ready.connect(self._show_rate)
        self.refresh()

    def add_widget(self, widget: QWidget) -> None:
        self._row.addWidget(widget)

    def refresh(self) -> None:
        """Show the document's settings."""
        training = self._document.graph.training
        self.rate.show_value(show_number(training.optimizer.learning_rate))
        self.batch.show_value(show_number(training.batch))
        clipping = training.clipping
        self.clip.show_value(
            "off" if clipping.mode == "off" else show_number(clipping.threshold))
        self.seed.show_value(str(training.weight_seed))

    def _show_rate(self, snapshot: Snapshot) -> None:
        """With a schedule, the rate of now differs from the one that was set."""
        rate = snapshot.learning_rate
        if math.isfinite(rate) and snapshot.step:
            self.rate.show_value(show_number(float(f"{rate:.3g}")))

    def _show_speed(self) -> None:
        speed = self.speed_slider.speed()
        self.speed.show_value("max" if speed is None else f"{speed:,.4g}/s")

    def _chip(self, name: str, title: str, help: str, *fields: str,
              extra: QWidget | None = None) -> Chip:
        contents: list[QWidget] = [TrainingForm(self._document, fields)]
        if extra is not None:
            contents.append(extra)
        popover = Popover(title, *contents, parent=self)
        popover.closed.connect(self._document.end_gesture)
        return self._add(Chip(name, f"{title}: {help[0].lower()}{help[1:]}", popover))

    def _add(self, chip: Chip) -> Chip:
        self._row.addWidget(chip)
        return chip

    def _next_seed(self) -> None:
        training = self._document.graph.training
        seed = (training.weight_seed + 1) % 2**31
        self._document.edit("New weight seed", self._document.graph.with_training(
            msgspec.structs.replace(training, weight_seed=seed)))


__all__ = ["Chip", "Popover", "SpeedSlider", "TrainingBar", "TrainingForm"]
