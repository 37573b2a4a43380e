"""Run, pause, step and back: the actions, and the row of buttons that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QMessageBox,
    QToolButton,
    QWidget,
)

from playground.layers.base import Layer
from playground.snapshot import Snapshot
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.files import WORTH_SAVING
from ui.theme import theme

if TYPE_CHECKING:
    from playground.session import Unit
    from playground.stops import Condition

UNITS: dict[str, tuple[str, str]] = {
    "instruction": ("op", "One instruction of the program"),
    "layer": ("layer", "All of one layer in one phase"),
    "phase": ("phase", "To the end of load, forward, loss, backward, clip or update"),
    "pass": ("pass", "One of several players: forward, backward and update of its group"),
    "batch": ("batch", "A whole training step"),
    "epoch": ("epoch", "Through all batches once"),
}
"""unit -> (word on the button, what it is)"""
CHANGED = ("The network was changed; training goes on from here, and one can go back from the next "
           "step on.")
TAKEN_UP = ("Training was taken up here: the steps before are not kept. One can go back from the "
            "next step on.")
"""Why there is no earlier moment to go back to: after an edit, and in a document just opened."""


class RunActions(QObject):
    """What can be done with the training. Buttons, menus and keys share these actions."""

    unit_changed = Signal(str)

    def __init__(self, bridge: EngineBridge, document: Document, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge, self._document, self._window = bridge, document, parent
        self.unit = "layer"

        self.run = self._action("Run", "Space", "Train, or pause", bridge.toggle)
        self.run.setAutoRepeat(False)  # Held, it would run and pause by turns.
        self.step = self._action("Step", "", "", self._step)
        self.step_layer = self._action(
            "Step Over Layer", "F10", "Do one layer in one phase", lambda: bridge.step("layer"))
        self.step_instruction = self._action(
            "Step Instruction", "F11", "Do one instruction", lambda: bridge.step("instruction"))
        self.step_pass = self._action(
            "Step Pass", "Shift+F11", "Do one player's forward, backward and update",
            lambda: bridge.step("pass"))
        self.back = self._action(
            "", "Shift+F10", "", lambda: bridge.back(cast("Unit", self.unit)))
        self.back.setProperty("name", "Step Back by the Step Unit")
        self.reset = self._action(
            "Reset", "Ctrl+R", "Back to the initial weights and step 0", self._reset)
        self.run_to = self._action(
            "Run to Selected Node", "Ctrl+F10", "Run until the selected node is next",
            self._run_to)
        self.run_epoch = self._action(
            "Run One Epoch", "", "Run to the end of this epoch",
            lambda: bridge.run_until(epoch=bridge.snapshot.epoch + 1))
        self.until_step = self._action(
            "Run Until Step…", "", "Run until a number of steps is done", self._until_step)
        self.until_epoch = self._action(
            "Run Until Epoch…", "", "Run until a number of epochs is done", self._until_epoch)
        self.until = self._action(
            "Run Until…", "",
            "Run until a measured number passes a limit: the loss, a gradient norm, …",
            self._until)
        self.stop_before = self._action(
            "Stop Before Selected Node", "F9",
            "Pause each time just before the selected node computes; choose it again to remove",
            self._stop_before)
        self.clear_stops = self._action(
            "Clear Breakpoints", "Ctrl+Shift+F9", "Remove all breakpoints",
            bridge.clear_stops)
        self._last_condition: Condition | None = None
        self._group = QActionGroup(self)
        self.units = {unit: self._unit_action(unit) for unit in UNITS}

        bridge.snapshot_ready.connect(lambda _: self.refresh())
        document.graph_changed.connect(lambda old, new: self.refresh())
        document.selection_changed.connect(lambda _: self.refresh())
        self.refresh()

    @property
    def all(self) -> tuple[QAction, ...]:
        """Every action but the units."""
        return (self.run, self.step, self.step_layer, self.step_instruction, self.step_pass,
                self.back, self.reset, self.run_to, self.run_epoch, self.until_step,
                self.until_epoch, self.until, self.stop_before, self.clear_stops)

    def refresh(self) -> None:
        """Enable what can be done now; the tooltip of the rest says why not."""
        snapshot = self._bridge.snapshot
        blocked = self._blocked(snapshot)
        running, stepping = self._bridge.running, self._bridge.stepping
        will_run = self._bridge.will_run
        over = blocked or (snapshot.message if snapshot.state in ("diverged", "failed") else "")
        moving = "Pause first." if running else "The step is not done yet." if stepping else ""
        compiling = (snapshot.progress or "The network is being compiled."
                     ) if snapshot.state in ("empty", "compiling") else ""
        moving = compiling or moving
        began = "" if snapshot.step or snapshot.position or snapshot.state == "failed" else (
            "Nothing has run yet.")
        self._show_passes(snapshot)
        self.run.setText("Pause" if running or will_run else "Stop" if stepping else "Run")
        _allow(self.run, "" if running or stepping or will_run else over,
               "Pause" if running else "Do not begin to train when it is ready" if will_run else
               "End the step after the layer that computes now" if stepping else
               "Train as soon as it is ready" if compiling else "Train")
        unit = UNITS[self.unit]
        _allow(self.step, over or moving, f"Step: {unit[1].lower()}")
        for action in (self.step_layer, self.step_instruction, self.step_pass):
            _allow(action, over or moving)
        cannot = "" if snapshot.can_step_back else (
            CHANGED if self._document.stack.count() else TAKEN_UP)
        # F10 does a layer; this goes back as far as Step, which has no key, goes forward.
        self.back.setText(f"Step Back One {self.unit.title()}")
        _allow(self.back, blocked or moving or began or cannot,
               f"Back by one {self.unit}, as far as Step goes forward")
        _allow(self.reset, blocked or ("" if running else began))
        _allow(self.run_to, over or compiling or self._no_stop())
        for action in (self.run_epoch, self.until_step, self.until_epoch):
            _allow(action, over or compiling)
        not_yet = over or ("" if snapshot.program is not None else moving or "Run it first.")
        _allow(self.until, not_yet)
        _allow(self.stop_before, not_yet or self._no_stop())
        _allow(self.clear_stops, "" if snapshot.stops else "There are none.")

    def _show_passes(self, snapshot: Snapshot) -> None:
        """The unit for a pass, where the network has several: one for each player."""
        program = snapshot.program
        if program is None:
            return
        several = len(program.passes) > 1
        for action in (self.units["pass"], self.step_pass):
            action.setVisible(several)
        if several:
            groups = ", then ".join(
                (group or "all") + (f" {turns} times" if turns > 1 else "")
                for group, turns in program.turns)
            self.units["pass"].setToolTip(f"Step by pass: {_small(UNITS['pass'][1])} ({groups})")
        elif self.unit == "pass":
            self.units["batch"].trigger()

    def _no_stop(self) -> str:
        """Why training cannot stop at what is selected."""
        node = self._document.selected_node
        if node is None:
            return "Select one node first."
        if isinstance(node.layer, Layer) and node.layer.is_view:
            return f"{node.id} computes nothing: it only reads its input in another shape."
        return ""

    def _blocked(self, snapshot: Snapshot) -> str:
        """Why nothing can run at all."""
        check = self._document.check
        if not check.trainable:
            return check.graph_error
        return ""

    # -- making -------------------------------------------------------------------------------

    def _action(self, text: str, keys: str, help: str, act: object) -> QAction:
        action = QAction(text, self)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setProperty("help", help)
        action.setToolTip(help)
        action.triggered.connect(lambda: act())  # type: ignore[operator]
        self._window.addAction(action)
        return action

    def _unit_action(self, unit: str) -> QAction:
        word, help = UNITS[unit]
        action = QAction(word, self)
        action.setCheckable(True)
        action.setChecked(unit == self.unit)
        action.setToolTip(f"Step by {word}: {_small(help)}")
        action.setVisible(unit != "pass")
        action.triggered.connect(lambda: self._set_unit(unit))
        self._group.addAction(action)
        return action

    # -- doing --------------------------------------------------------------------------------

    def _set_unit(self, unit: str) -> None:
        self.unit = unit
        self.unit_changed.emit(unit)
        self.refresh()

    def _step(self) -> None:
        self._bridge.step(cast("Unit", self.unit))

    def _run_to(self) -> None:
        for node in self._document.selection:
            self._bridge.run_to(node)

    def _stop_before(self) -> None:
        program = self._bridge.snapshot.program
        for node in self._document.selection:
            at = None if program is None else program.index_of(node)
            if at is not None:
                self._bridge.toggle_stop(at)

    def _until(self) -> None:
        from ui.dialogs.until import UntilDialog

        dialog = UntilDialog(self._bridge.snapshot, self._last_condition, self._window)
        if dialog.exec():
            self._last_condition = dialog.condition()
            self._bridge.run_until(condition=self._last_condition)

    def _reset(self) -> None:
        if self.may_reset():
            self._bridge.reset()

    def may_reset(self) -> bool:
        """Weights cannot be undone, so more than a moment's training is asked about."""
        if self._bridge.training_seconds <= WORTH_SAVING:
            return True
        steps = self._bridge.snapshot.step
        answer = QMessageBox.question(
            self._window, "Reset the weights?",
            f"{steps:,} steps of training would be lost; this cannot be undone.",
            QMessageBox.StandardButton.Reset | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel)
        return answer == QMessageBox.StandardButton.Reset

    def _until_step(self) -> None:
        done = self._bridge.snapshot.step
        step, chosen = QInputDialog.getInt(
            self._window, "Run until step", "Stop when this many steps are done:",
            done + 1000, done + 1, 2**31 - 1, 100)
        if chosen:
            self._bridge.run_until(step=step)

    def _until_epoch(self) -> None:
        done = self._bridge.snapshot.epoch
        epoch, chosen = QInputDialog.getInt(
            self._window, "Run until epoch", "Stop when this many epochs are done:",
            done + 10, done + 1, 2**31 - 1, 1)
        if chosen:
            self._bridge.run_until(epoch=epoch)


def _small(sentence: str) -> str:
    """A sentence after a colon."""
    return sentence[0].lower() + sentence[1:]


def _allow(action: QAction, reason: str, help: str = "") -> None:
    """Enable an action, or say in its tooltip why it is not."""
    help = help or action.property("help")
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    action.setEnabled(not reason)
    action.setToolTip(f"{help}\n{reason}" if reason else f"{help} ({keys})" if keys else help)


class Transport(QWidget):
    """Reset, Back, Run and Step, and beside them what a step is."""

    def __init__(self, actions: RunActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.setAccessibleName("Training controls")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.buttons = {
            "reset": _button(actions.reset, "Reset"),
            "back": _button(actions.back, "Back"),
            "run": _button(actions.run, None),
            "step": _button(actions.step, "Step"),
        }
        self.buttons["run"].setProperty("role", "primary")
        self.buttons["run"].setMinimumWidth(80)
        row.addLayout(_joined(list(self.buttons.values())))
        self.unit_buttons = {unit: _button(a, None) for unit, a in actions.units.items()}
        row.addLayout(_joined(list(self.unit_buttons.values())))
        for unit, button in self.unit_buttons.items():
            button.setAccessibleName(f"Step by {UNITS[unit][0]}")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        passes = actions.units["pass"]
        passes.visibleChanged.connect(
            lambda: self.unit_buttons["pass"].setVisible(passes.isVisible()))
        self.unit_buttons["pass"].setVisible(passes.isVisible())
        self._worded = [self.buttons[name] for name in ("reset", "back", "step")]
        self.words_width = 0
        """What leaving out the words saves, in pixels; known once they were left out."""
        actions.run.changed.connect(self._restyle)
        theme().changed.connect(self._restyle)
        self._look: tuple[object, ...] = ()
        self._restyle()

    def show_words(self, shown: bool) -> None:
        """Whether the buttons have words beside their icons; their tooltips always have."""
        before = sum(button.sizeHint().width() for button in self._worded)
        for button in self._worded:
            button.setToolButtonStyle(
                Qt.ToolButtonStyle.ToolButtonTextBesideIcon if shown
                else Qt.ToolButtonStyle.ToolButtonIconOnly)
        if not shown:
            self.words_width = before - sum(button.sizeHint().width() for button in self._worded)

    def _restyle(self) -> None:
        word = self._actions.run.text()
        enabled = self._actions.run.isEnabled()
        look = (word, enabled, theme().dark)
        if look == self._look:  # actions change with every snapshot, icons cost
            return
        self._look = look
        actions = self._actions
        for action, icon in ((actions.reset, "restart"), (actions.back, "skip-previous"),
                             (actions.step, "skip-next")):
            action.setIcon(theme().icon(icon, "text"))
        icon = {"Pause": "pause", "Stop": "stop"}.get(word, "play")
        actions.run.setIcon(theme().icon(icon, "on_accent" if enabled else "disabled"))
        self.buttons["run"].setAccessibleName(word)


def _button(action: QAction, text: str | None) -> QToolButton:
    """A button for an action; `text` replaces the action's longer one."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setFixedHeight(30)
    button.setStyleSheet("QToolButton { padding: 5px 8px; }")
    if text is not None:
        button.setText(text)
        button.setAccessibleName(text)
        # The button follows its action's text at each change; its own word stays.
        action.changed.connect(lambda: button.setText(text))
    return button


def _joined(buttons: list[QToolButton]) -> QHBoxLayout:
    """Buttons side by side as one control."""
    row = QHBoxLayout()
    row.setSpacing(0)
    for button in buttons:
        place = "first" if button is buttons[0] else "last" if button is buttons[-1] else "middle"
        button.setProperty("segment", place)
        row.addWidget(button)
    return row
