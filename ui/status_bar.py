"""The bottom line: what the training is doing, where it is, and how fast."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from playground.numbers import plural
from playground.snapshot import Snapshot
from ui.elided import Elided
from ui.theme import theme
from ui.views.numbers import format_number, of_step
from ui.views.operations import measures

STATES: dict[str, tuple[str, str]] = {
    "empty": ("unknown", "nothing to run"),
    "compiling": ("accent", "compiling"),
    "stepping": ("accent", "stepping"),
    "running": ("healthy", "running"),
    "paused": ("clipped", "paused"),
    "diverged": ("diverged", "diverged"),
    "failed": ("error", "failed"),
}
"""state -> (colour, word): never the colour alone."""


PREPARING = """\
What layers compute with is compiled once on each machine. Those of this network are ready; the
others are being compiled now, while nothing else wants the processor, so that none keeps you
waiting when it is dropped. Closing the window stops it: it goes on at the next start."""


class StatusBar(QStatusBar):
    """Left: state, step, epoch, validation. Right: speed, frames, cost of measuring, threads."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.setAccessibleName("Status")
        self._dot = self._label("")
        self._dot.setText("●")
        self._dot.show()
        self._state = Elided()
        self.addWidget(self._state)
        self._step = self._label("Finished training steps")
        self._epoch = self._label("Epoch · batch within it / batches per epoch")
        self._metric = self._label("How well it does on samples it does not train on")
        self._speed = self._label("Training steps per second", right=True)
        self._fps = self._label("Pictures of this window per second", right=True)
        self._cost = self._label("Share of the time that goes into measuring", right=True)
        self._threads = self._label(
            "Threads that train: one where a step is too short to share", right=True)
        self._preparing = self._label(PREPARING, right=True)
        self._autosave = self._label("", right=True)
        self._snapshot = Snapshot(state="empty")
        self._reason = ""
        self._look: tuple[str, ...] = ()
        theme().changed.connect(self._show_state)
        self._show_state()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._show_state()
        went = snapshot.step > 0 or snapshot.position > 0
        _set(self._step, f"step {snapshot.step:,}" if went else "step 0")
        batches = snapshot.batches_per_epoch
        _set(self._epoch, f"epoch {snapshot.epoch:,} · {snapshot.batch_in_epoch}/{batches}"
             if batches else "")
        _set(self._metric, _metric(snapshot))
        speed = snapshot.steps_per_second
        running = snapshot.state == "running"
        _set(self._speed, f"{_short(speed)} steps/s" if running and speed > 0 else "")
        _set(self._cost, f"instruments {100 * snapshot.instrumentation:.1f} %"
             if snapshot.instrumentation > 0 else "")
        program = snapshot.program
        lanes = program.lanes if program is not None else 0
        _set(self._threads, plural(lanes, "thread") if lanes else "")

    def show_fps(self, fps: float) -> None:
        _set(self._fps, f"{fps:.0f} fps")

    def show_preparing(self, number: int, count: int) -> None:
        """Which of so many kernels is being compiled in the background; 0, 0: none."""
        _set(self._preparing, f"preparing layers: {number} of {count}" if number else "")

    def set_outdated(self, on: bool) -> None:
        """What the network before an edit has reached is not what the drawn one has."""
        self._metric.setEnabled(not on)

    def show_autosave(self, failure: str) -> None:
        """A sentence while no copies are kept for a crash; empty when they are."""
        _set(self._autosave, "not autosaved" if failure else "")
        self._autosave.setToolTip(failure)

    def show_reason(self, reason: str) -> None:
        """Why the network cannot run; empty when it can."""
        self._reason = reason
        self._show_state()

    def _show_state(self) -> None:
        snapshot = self._snapshot
        color, word = STATES[snapshot.state]
        if self._reason and snapshot.state not in ("stepping", "running"):
            color, word = "warning", self._reason
        elif snapshot.progress:
            word = snapshot.progress
        elif snapshot.state in ("diverged", "failed"):
            where = f" at {snapshot.node}" if snapshot.node else ""
            word = f"{word}{where}: {snapshot.message}" if snapshot.message else word + where
        elif snapshot.state == "paused":
            word = snapshot.message or _paused(snapshot)
            color = "unknown" if word == "ready" else color
        look = (theme().color(color).name(), theme().text(color).name(), word)
        if look != self._look:
            self._look = look
            self._dot.setStyleSheet(f"color: {look[0]}")
            self._state.setStyleSheet(f"color: {look[1]}")
            self._state.show_text(word)
            self._state.setToolTip(snapshot.message or self._reason or word)

    def minimumSizeHint(self) -> QSize:
        """What it says never makes the window wider."""
        return QSize(0, super().minimumSizeHint().height())

    def _label(self, help: str, right: bool = False) -> QLabel:
        label = QLabel()
        label.setToolTip(help)
        if right:
            self.addPermanentWidget(label)
        else:
            self.addWidget(label)
        label.hide()
        return label


def _set(label: QLabel, text: str) -> None:
    if text != label.text():
        label.setText(text)
        label.setAccessibleName(text)
        # Never narrower than it was: counting digits would make the line tremble.
        label.setMinimumWidth(max(label.minimumWidth(), label.sizeHint().width()))
    label.setVisible(bool(text))


def _paused(snapshot: Snapshot) -> str:
    """Between steps, ready; inside one, before which phase of which node."""
    if not snapshot.position:
        return "paused" if snapshot.step else "ready"
    program = snapshot.program
    if program is None or snapshot.position >= len(program.instructions):
        return "paused"
    instruction = program.instructions[snapshot.position]
    if measures(instruction) and instruction.node:
        return f"paused before measuring {instruction.node}"
    return f"paused before {instruction.phase}" + (
        f" of {instruction.node}" if instruction.node else "")


def _metric(snapshot: Snapshot) -> str:
    if snapshot.history is not None and not len(snapshot.history.validation_step):
        return ""  # a large network is not validated before its first step
    value, when = snapshot.validation_metric, of_step(snapshot)
    if not math.isfinite(value):
        # NaN also where nothing was measured yet.
        loss = snapshot.validation_loss
        return (f"val loss {format_number(loss)}{when}"
                if math.isfinite(loss) or snapshot.nodes else "")
    if snapshot.metric_name == "accuracy":
        return f"val accuracy {100 * value:.1f} %{when}"
    return f"val {snapshot.metric_name} {value:.4g}{when}"


def _short(value: float) -> str:
    """Three figures are enough to follow a speed."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"
