"""Which number shall stop the training, and where."""

from __future__ import annotations

import math

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from playground.snapshot import Snapshot
from playground.stops import Condition
from ui.inspector.fields import Limits
from ui.inspector.number import NumberField

SIGNS = {"<": "falls below", ">": "rises above"}


class UntilDialog(QDialog):
    """A quantity, a sign and a limit."""

    def __init__(self, snapshot: Snapshot, last: Condition | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run until")
        self.quantity, self.sign = QComboBox(), QComboBox()
        for name, words in quantities(snapshot).items():
            self.quantity.addItem(words, name)
        for sign, words in SIGNS.items():
            self.sign.addItem(words, sign)
        self.limit = NumberField(Limits(), integer=False, log=True)
        self.limit.set_value(_round(snapshot.loss / 2))
        self.limit.setMinimumWidth(96)
        self.quantity.setAccessibleName("Quantity")
        self.sign.setAccessibleName("Falls or rises")
        self.limit.setAccessibleName("Limit")
        if last is not None and (at := self.quantity.findData(last.column)) >= 0:
            self.quantity.setCurrentIndex(at)
            self.sign.setCurrentIndex(self.sign.findData(last.sign))
            self.limit.set_value(last.limit)

        grid = QGridLayout()
        grid.setColumnStretch(0, 1)
        for place, field in enumerate((self.quantity, self.sign, self.limit)):
            grid.addWidget(field, 0, place)
        hint = QLabel("Checked after each step on its training batch; validation numbers whenever "
                      "they are measured.")
        hint.setWordWrap(True)
        hint.setProperty("role", "secondary")
        self.problem = QLabel()
        self.problem.setProperty("role", "problem")
        self.problem.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go = self.buttons.addButton("Run", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go.setDefault(True)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addLayout(grid)
        column.addWidget(self.problem)
        column.addWidget(hint)
        column.addWidget(self.buttons)
        self.setMinimumWidth(520)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.limit.problem_changed.connect(self._show_problem)

    def condition(self) -> Condition:
        """What was chosen."""
        return Condition(self.quantity.currentData(), self.sign.currentData(),
                         float(self.limit.value()), self.quantity.currentText())

    def _show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self.go.setEnabled(not text)


def quantities(snapshot: Snapshot) -> dict[str, str]:
    """What can be asked for, column -> words."""
    program = snapshot.program
    if program is None:
        return {}
    metric = snapshot.metric_name or "metric"
    found = {"loss": "Loss", "metric": metric.capitalize(),
             "validation_loss": "Validation loss", "validation_metric": f"Validation {metric}",
             "grad_norm_before": "Gradient norm of all layers"}
    for node in program.learners:
        found[f"{node}.grad_norm_before"] = f"Gradient norm of {node}"
        found[f"{node}.update_ratio"] = f"Update-to-weight ratio of {node}"
    found |= {f"{node.id}.inactive": f"Share of inactive units of {node.id}"
              for node in program.graph.order()}
    return {column: words for column, words in found.items()
            if column in program.columns or column.startswith("validation")}


def _round(value: float) -> float:
    """To a digit that is easily read; 0.1 where there is none."""
    return float(f"{value:.1g}") if math.isfinite(value) and value > 0 else 0.1


__all__ = ["UntilDialog", "quantities"]
