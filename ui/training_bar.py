"""The chips on the right of the top bar: learning rate, batch, clipping, seed, speed.

A chip shows a number; a click opens the settings behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import msgspec
from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
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

from playground.graph import Graph
from playground.snapshot import Snapshot
from playground.training import Training
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.inspector.fields import Limits, show_number
from ui.inspector.form import Form
from ui.inspector.number import NumberField
from ui.inspector.number_editors import NUMBER_WIDTH, NumberEditor
from ui.preferences import FASTEST, SLOWEST

POPOVER_WIDTH = 320
VALUE_WIDTH = 56
"""The most pixels that a chip's value takes; the popover shows it whole."""


class Chip(QToolButton):
    """A faint name and a bold value; opens its popover."""

    def __init__(self, name: str, help: str, make: Callable[[], Popover]) -> None:
        super().__init__()
        self._name = name
        self._make = make
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
        self.clicked.connect(lambda: self.popover.open_under(self))

    @cached_property
    def popover(self) -> Popover:
        """Built when it first opens."""
        return self._make()

    def show_value(self, text: str) -> None:
        short = self._value.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, VALUE_WIDTH)
        if f"{self._name} {text}" != self.accessibleName():
            self._value.setText(short)
            self.setAccessibleName(f"{self._name} {text}")
            layout = self.layout()
            assert layout is not None
            self.setMinimumWidth(layout.sizeHint().width())


class Popover(QFrame):
    """A small window under a chip; a click elsewhere or Escape closes it."""

    closed = Signal()

    def __init__(self, title: str, *contents: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.own: Callable[[], QWidget | None] = lambda: None
        """The field of the chip's value: it gets the focus, ready to be typed over."""
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
        field = self.own()
        if field is None:
            self.focusNextChild()
            return
        field.setFocus(Qt.FocusReason.PopupFocusReason)
        if isinstance(field, NumberField):
            field.selectAll()

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
        document.graph_changed.connect(lambda old, new: self._refresh())
        self._refresh()

    def _refresh(self) -> None:
        self.form.set_value(self._document.graph.training)
        if "optimizer" in self.form.rows:
            self.form.rows["optimizer"].show_problem(self._document.check.optimizer_error)

    def field(self, name: str) -> QWidget | None:
        """The number of a setting, also of the chosen optimizer's or clipping's."""
        return _number(self.form, name)

    def _edited(self, training: Training, name: str) -> None:
        title = self.form.rows[name].field.title
        self._document.edit(f"Change {title.lower()}",
                            self._document.graph.with_training(training), ("training", name))


def _number(form: Form, name: str) -> QWidget | None:
    for row in form.rows.values():
        if row.field.name == name and isinstance(row.editor, NumberEditor):
            return row.editor.number
        inner = getattr(row.editor, "form", None)
        if inner is not None and (found := _number(inner, name)) is not None:
            return found
    return None


class SpeedSlider(QWidget):
    """Steps per second on a logarithmic scale; the right end is as fast as it can."""

    changed = Signal(object)
    """float, or None for no limit."""
    chosen = Signal(object)
    """The same, when it was the user."""
    PER_DECADE = 20

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, round(math.log10(FASTEST)) * self.PER_DECADE + 1)
        self.slider.setValue(self.slider.maximum())
        self.slider.setToolTip("Steps per second, from 1 to 100,000; at the right end no limit.")
        self.slider.setAccessibleName("Speed")
        self.slider.valueChanged.connect(self._moved)
        self.number = NumberField(Limits(ge=SLOWEST, le=FASTEST), integer=False, log=True)
        self.number.setFixedWidth(NUMBER_WIDTH + 20)  # room for 100,000
        self.number.setToolTip("Steps per second, 1 to 100,000.")
        self.number.setAccessibleName("Steps per second")
        self.number.edited.connect(self.choose)
        self.full = QPushButton("No limit")
        self.full.setToolTip("As fast as it can")
        self.full.setAutoDefault(False)
        self.full.clicked.connect(lambda: self.choose(None))
        self._speed: float | None = None
        self._show()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.number)
        row.addWidget(self.slider, 1)
        row.addWidget(self.full)

    def speed(self) -> float | None:
        return self._speed

    def set_speed(self, speed: float | None) -> None:
        """Take a speed and show it."""
        if speed != self._speed:
            self._speed = speed
            self._show()
            self.changed.emit(speed)

    def choose(self, speed: float | None) -> None:
        """The user wants this speed."""
        self.set_speed(speed)
        self.chosen.emit(speed)

    def _show(self) -> None:
        speed = self._speed
        with QSignalBlocker(self.slider):
            self.slider.setValue(self.slider.maximum() if speed is None else
                                 round(math.log10(max(1.0, speed)) * self.PER_DECADE))
        self.number.set_value(FASTEST if speed is None else speed)
        self.full.setEnabled(speed is not None)

    def _moved(self, place: int) -> None:
        self.choose(None if place == self.slider.maximum() else
                    float(f"{10 ** (place / self.PER_DECADE):.2g}"))


class TrainingBar(QWidget):
    """The row of chips."""

    def __init__(self, document: Document, bridge: EngineBridge,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._bridge = document, bridge
        self.setAccessibleName("Training settings")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)

        self._spare: list[QWidget] = []
        self._old_rate_step = -1
        self.rate = self._chip("lr", "Learning rate", "Optimizer and learning-rate schedule",
                               "optimizer", "schedule", own="learning_rate")
        self.batch = self._chip("batch", "Batch size", "Samples per step", "batch", own="batch")
        self.clip = self._chip("clip", "Gradient clipping",
                               "What happens to large gradients before the update", "clipping",
                               own="threshold")
        self.seed = self._chip("seed", "Seeds",
                               "What draws weights, batches, dropout and augmentation",
                               "weight_seed", "shuffle_seed", "dropout_seed",
                               "augmentation_seed", own="weight_seed", extra=self._new_weights)
        self.speed_slider = SpeedSlider()
        self.speed_slider.changed.connect(bridge.set_speed)
        speed = Popover("Speed", self.speed_slider, parent=self)
        speed.own = lambda: self.speed_slider.number
        self.speed = self._add(
            Chip("speed", "How many steps per second at most. The window remembers it; some "
                 "examples bring their own", lambda: speed))
        self.full_speed = QToolButton(self)
        self.full_speed.setText("max")
        self.full_speed.setAccessibleName("Full speed")
        self.full_speed.setToolTip("Train as fast as it can: no limit of steps per second")
        self.full_speed.setFixedHeight(30)
        self.full_speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.full_speed.clicked.connect(lambda: self.speed_slider.choose(None))
        self._row.addWidget(self.full_speed)
        self.speed_slider.changed.connect(lambda _: self._show_speed())
        self._show_speed()

        document.graph_changed.connect(self._graph_changed)
        bridge.snapshot_ready.connect(self._show_rate)
        self.refresh()

    def add_spare(self, widget: QWidget) -> None:
        """Something at the end that can be left out where room is short."""
        self._spare.append(widget)
        self._row.addWidget(widget)

    @property
    def spare_width(self) -> int:
        """What leaving it out saves, in pixels."""
        return sum(widget.sizeHint().width() + self._row.spacing() for widget in self._spare)

    def show_spare(self, shown: bool) -> None:
        for widget in self._spare:
            widget.setVisible(shown)

    def refresh(self) -> None:
        """Show the document's settings."""
        training = self._document.graph.training
        self.rate.show_value(show_number(training.optimizer.learning_rate))
        self.batch.show_value(
            "all" if training.optimizer.full_batch else show_number(training.batch))
        clipping = training.clipping
        self.clip.show_value(
            "off" if clipping.mode == "off" else show_number(clipping.threshold))
        self.seed.show_value(str(training.weight_seed))

    def _graph_changed(self, old: Graph, new: Graph) -> None:
        before, now = old.training, new.training
        if (before.optimizer, before.schedule) != (now.optimizer, now.schedule):
            self._old_rate_step = self._bridge.snapshot.step
        self.refresh()

    def _show_rate(self, snapshot: Snapshot) -> None:
        """With a schedule, the rate of now differs from the one that was set; but the rate of
        a step that was done before it was set says nothing."""
        rate = snapshot.learning_rate
        if math.isfinite(rate) and snapshot.step and snapshot.step != self._old_rate_step:
            self.rate.show_value(show_number(float(f"{rate:.2g}")))

    def _show_speed(self) -> None:
        speed = self.speed_slider.speed()
        self.speed.show_value("max" if speed is None else f"{show_number(speed)}/s")
        self.full_speed.setVisible(speed is not None)

    def _chip(self, name: str, title: str, help: str, *fields: str, own: str,
              extra: Callable[[], QWidget] | None = None) -> Chip:
        def make() -> Popover:
            form = TrainingForm(self._document, fields)
            popover = Popover(title, form, *([extra()] if extra else ()), parent=self)
            popover.own = lambda: form.field(own)
            popover.closed.connect(self._document.end_gesture)
            return popover

        return self._add(Chip(name, f"{title}: {help[0].lower()}{help[1:]}", make))

    def _add(self, chip: Chip) -> Chip:
        self._row.addWidget(chip)
        return chip

    def _new_weights(self) -> QPushButton:
        button = QPushButton("New weights")
        button.setToolTip("Take the next weight seed: other initial weights, from step 0 "
                          "at the next reset.")
        button.clicked.connect(self._next_seed)
        return button

    def _next_seed(self) -> None:
        training = self._document.graph.training
        seed = (training.weight_seed + 1) % 2**31
        self._document.edit("New weight seed", self._document.graph.with_training(
            msgspec.structs.replace(training, weight_seed=seed)))


__all__ = ["Chip", "Popover", "SpeedSlider", "TrainingBar", "TrainingForm"]
