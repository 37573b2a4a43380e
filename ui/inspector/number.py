"""A spin box for one number of any size that never throws typed text away."""

from __future__ import annotations

import math
import re
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from ui.inspector.fields import Limits, show_number
from ui.inspector.unscrolled import Unscrolled
from ui.theme import theme


class NumberField(Unscrolled, QAbstractSpinBox):
    """Typing is checked as one types and taken at Enter or when the focus leaves.

    Text that is no number, or out of range, stays as it is: `problem_changed` says what is
    wrong and the last good value stays in force. Arrow keys, wheel and buttons step; with
    `log` they walk 1, 2, 5, 10, 20, 50 ...
    """

    edited = Signal(object)
    problem_changed = Signal(str)

    def __init__(self, limits: Limits, *, integer: bool, log: bool = False,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.limits, self.integer, self.log = limits, integer, log
        self._value: Any = 0
        self._problem = ""
        self.setMinimumWidth(48)
        self.lineEdit().setTextMargins(6, 0, 0, 0)
        self.lineEdit().textEdited.connect(self._check)
        self.editingFinished.connect(self._take)

    def value(self) -> Any:
        return self._value

    def set_value(self, value: Any) -> None:
        """Show a value that came from elsewhere; emits nothing."""
        if value == self._value and self.lineEdit().text():
            return
        self._value = value
        self._show()

    @property
    def problem(self) -> str:
        """The sentence about the typed text; empty when it is fine."""
        return self._problem

    # -- typing -----------------------------------------------------------------------------

    def _check(self, text: str) -> None:
        self._set_problem(self._read(text)[1])

    def _take(self) -> None:
        value, problem = self._read(self.lineEdit().text())
        self._set_problem(problem)
        if not problem and value != self._value:
            self._value = value
            self._show()
            self.edited.emit(value)

    def _read(self, text: str) -> tuple[Any, str]:
        """The value of typed text, or a sentence about it."""
        plain = text.strip().replace(" ", "").replace("_", "")
        if _is_ambiguous(plain, self.integer):
            return None, (f"“{text.strip()}” reads in two ways; write it with a point alone, "
                          "such as 1000.5.")
        # "1,024" groups thousands; "0,5" is a decimal comma.
        plain = (plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain
                 and not (self.integer and len(plain.partition(",")[2]) == 3)
                 else plain.replace(",", ""))
        try:
            value: float = float(plain)
        except ValueError:
            example = show_number(self._value)
            return None, f"“{text.strip()}” is not a number; try {example}."
        if not math.isfinite(value):
            return None, "The number must be finite."
        if self.integer:
            if not value.is_integer():
                return None, "Must be a whole number."
            value = int(value)
        problem = self.limits.problem(value)
        return value, f"Must be {problem}." if problem else ""

    def _show(self) -> None:
        self.lineEdit().setText(show_number(self._value))
        self._set_problem("")

    def _set_problem(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            red = theme().color("error").name()
            self.setStyleSheet(f"QAbstractSpinBox {{ border-color: {red}; }}" if problem else "")
            self.setAccessibleDescription(problem)
            self.problem_changed.emit(problem)

    # -- stepping ---------------------------------------------------------------------------

    def stepBy(self, steps: int) -> None:
        value = self._clamped(self._stepped(steps))
        if value != self._value or self._problem:
            self._value = value
            self._show()
            self.edited.emit(value)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if self._clamped(self._stepped(1)) != self._value:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if self._clamped(self._stepped(-1)) != self._value:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def _stepped(self, steps: int) -> Any:
        if self.integer:
            return self._value + steps
        if self.log:
            return stepped_125(self._value, steps)
        high, low = self.limits.high, self.limits.low
        narrow = high is not None and low is not None and high - low <= 2
        return round(self._value + steps * (0.05 if narrow else 0.1), 10)

    def _clamped(self, value: Any) -> Any:
        """The value, or the end of the range it fell off; the old one where that end is open."""
        limits = self.limits
        if not limits.problem(value):
            return value
        end = limits.ge if limits.low is not None and value <= limits.low else limits.le
        if end is None:
            return self._value
        return int(end) if self.integer else float(end)

    # -- Qt ---------------------------------------------------------------------------------

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        # Everything may be typed; whether it means something is said beside the field.
        return QValidator.State.Acceptable, text, position


def _is_ambiguous(plain: str, integer: bool) -> bool:
    """Whether another country reads another number: 1.000,5, or 1,000 where it may be 1."""
    if "." in plain and "," in plain:
        return plain.index(".") < plain.rindex(",")
    return not integer and re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", plain) is not None


def stepped_125(value: float, steps: int) -> float:
    """The number that lies some places further along 1, 2, 5, 10, 20, 50 ..."""
    if value <= 0:
        return 1e-6 if steps > 0 else 0.0
    if steps < 0 and value <= 1e-9:
        return 0.0
    exponent = math.floor(math.log10(value) + 1e-9)
    mantissa = value / 10.0**exponent
    ladder = (1, 2, 5)
    rung = max(i for i, m in enumerate(ladder) if m <= mantissa * (1 + 1e-9))
    exact = math.isclose(ladder[rung], mantissa, rel_tol=1e-6)
    # Between two rungs, the first step down lands on the rung below.
    place = exponent * 3 + rung + steps + (1 if steps < 0 and not exact else 0)
    tens, index = divmod(place, 3)
    return float(f"{ladder[index]}e{tens}")
