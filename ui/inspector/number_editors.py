"""Numbers: one of them, with a slider beside it where factors count, or a pair."""

from __future__ import annotations

import math
from typing import Any

from msgspec import inspect
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QSlider, QToolButton, QWidget

from ui.inspector.editor import Editor
from ui.inspector.fields import Field, Limits, limits_of
from ui.inspector.number import NumberField
from ui.inspector.unscrolled import Unscrolled
from ui.theme import theme

NUMBER_WIDTH = 76
"""Room for 0.0001 and 1e-12 beside a slider."""


class NumberEditor(Editor):
    """An int or a float; with `log`, a slider besides."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        limits = limits_of(field.type)
        self.number = NumberField(
            limits, integer=isinstance(field.type, inspect.IntType), log=field.log)
        self._describe(self.number, str(limits) and f"Allowed: {limits}.")
        self.number.edited.connect(self._number_edited)
        self.number.problem_changed.connect(self.problem_changed)
        self.number.editingFinished.connect(self.finished)
        row = self._row(self.number, spacing=8)
        self.slider: LogSlider | None = None
        if field.log:
            self.slider = LogSlider(limits, float(field.default or 0))
            self._describe(self.slider, name=f"{field.title}, slider")
            self.slider.moved.connect(self._slider_moved)
            self.slider.sliderReleased.connect(self.finished)
            self.number.setFixedWidth(NUMBER_WIDTH)
            row.addWidget(self.slider, 1)

    def set_value(self, value: Any) -> None:
        self.number.set_value(value)
        if self.slider:
            self.slider.show_value(float(value))

    def _number_edited(self, value: Any) -> None:
        if self.slider:
            self.slider.show_value(float(value))
        self.edited.emit(value)

    def _slider_moved(self, value: float) -> None:
        self.number.set_value(value)
        self.edited.emit(value)


class LogSlider(Unscrolled, QSlider):
    """Equal distances are equal factors; three decades either side of the usual value, and one
    beyond a value that is out there.
    """

    moved = Signal(float)
    PER_DECADE = 60

    def __init__(self, limits: Limits, usual: float) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._zero = limits.ge == 0
        self._usual = math.log10(usual) if usual > 0 else -3.0
        self._ends = (math.log10(limits.low) if limits.low else -math.inf,
                      math.log10(limits.high) if limits.high else math.inf)
        self._low = 0.0
        self._reach(self._usual)
        self.setSingleStep(6)
        self.setPageStep(self.PER_DECADE // 3)
        self.setMinimumWidth(40)
        self.valueChanged.connect(lambda place: self.moved.emit(self._value(place)))

    def _reach(self, power: float) -> None:
        """From where to where it goes, with a power of ten that it must show."""
        low, high = self._usual - 3, self._usual + 3
        low, high = (low if power >= low else power - 1), (high if power <= high else power + 1)
        self._low, high = max(low, self._ends[0]), min(high, self._ends[1])
        self.setRange(0, max(1, round((high - self._low) * self.PER_DECADE)))

    def show_value(self, value: float) -> None:
        with QSignalBlocker(self):
            if not self.isSliderDown():
                self._reach(math.log10(value) if value > 0 else self._usual)
            place = (math.log10(value) - self._low) * self.PER_DECADE if value > 0 else 0
            self.setValue(round(place))

    def _value(self, place: int) -> float:
        if place == 0 and self._zero:
            return 0.0
        return float(f"{10 ** (self._low + place / self.PER_DECADE):.2g}")


class PairEditor(Editor):
    """(height, width) as "5 × 5". While linked, both change together."""

    def __init__(self, field: Field, kind: inspect.TupleType | None = None,
                 parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        kind = kind or field.type  # type: ignore[assignment]
        assert isinstance(kind, inspect.TupleType)
        self.numbers = tuple(
            NumberField(limits_of(item), integer=True) for item in kind.item_types)
        self.link = QToolButton()
        self.link.setCheckable(True)
        self.link.setProperty("role", "flat")
        self.link.setAccessibleName(f"{field.title}: keep both equal")
        self.link.setToolTip(f"Keep {' and '.join(field.parts)} equal.")
        self.link.toggled.connect(self._show_link)
        theme().changed.connect(self._show_link)
        row = self._row(*self.numbers, self.link, spacing=2)
        row.setStretch(0, 1)
        row.setStretch(1, 1)
        self._known = False
        for number, side in zip(self.numbers, field.parts, strict=True):
            self._describe(number, f"{side.capitalize()}. Allowed: {number.limits}.",
                           f"{field.title}, {side}")
            number.edited.connect(lambda value, n=number: self._number_edited(n, value))
            number.problem_changed.connect(self._problem)
            number.editingFinished.connect(self.finished)
        self._show_link()

    def set_value(self, value: Any) -> None:
        if not self._known:
            self._known = True
            self.link.setChecked(value[0] == value[1])
        elif value[0] != value[1]:
            self.link.setChecked(False)
        for number, part in zip(self.numbers, value, strict=True):
            number.set_value(part)

    def _number_edited(self, edited: NumberField, value: int) -> None:
        if self.link.isChecked():
            for number in self.numbers:
                number.set_value(value)
        self.edited.emit(tuple(number.value() for number in self.numbers))

    def _problem(self) -> None:
        self.problem_changed.emit(next((n.problem for n in self.numbers if n.problem), ""))

    def _show_link(self) -> None:
        linked = self.link.isChecked()
        self.link.setIcon(theme().icon("link-variant" if linked else "link-variant-off",
                                       "accent" if linked else "secondary"))
