"""New, open, save: what happens between the document and the disk, with every error a sentence."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from playground import document as store
from playground.document import SUFFIX, DocumentError, Loaded, Stamp, clause
from playground.examples import EXAMPLES, Example
from playground.graph import Graph
from playground.question import Question, answered
from ui.claim import Claim
from ui.dialogs.changed import ChangedQuestion
from ui.dialogs.save_path import ask_path
from ui.document import Document
from ui.engine_bridge import EngineBridge
from ui.preferences import Preferences
from ui.recovery import Crashed, Origin, Write, recovery_folder
from ui.saving import Saving, SavingWindow

if TYPE_CHECKING:
    from ui.engine_bridge import Saved

FILTER = f"Networks (*{SUFFIX} *.json);;All files (*)"
WORTH_SAVING = 10.0
"""Seconds of training that are asked about before they are thrown away."""


class Files(QObject):
    """Opens and saves the document. What cannot be opened leaves the old one as it is."""

    opened = Signal()
    """Another document is open now."""
    told = Signal(str)
    """A sentence that needs no answer."""
    saved = Signal()
    """All that was worth keeping is on the disk, where the user wanted it."""
    staged = Signal(object)
    """The example that was opened: it says which panels and which node it is about."""
    paced = Signal(object)
    """How many steps per second suit the example; None for no limit."""

    def __init__(self, document: Document, bridge: EngineBridge, preferences: Preferences,
                 thumbnail: Callable[[], bytes], window: QWidget,
                 folder: Callable[[], Path] = recovery_folder) -> None:
        super().__init__(window)
        self._document, self._bridge, self._preferences = document, bridge, preferences
        self._thumbnail, self._window = thumbnail, window
        self._read_only = False
        self._autosaved: object = None
        self._saved_step = 0
        self._seen: Stamp | None = None
        """The document's file as it was opened or saved here."""
        self.claim = Claim(folder)
        bridge.snapshot_ready.connect(lambda _: document.set_trained(self._much_trained))

    # -- opening ------------------------------------------------------------------------------

    def new(self) -> None:
        """An empty canvas."""
        if self.may_discard():
            self._show(Loaded(Graph()), None, "untitled")

    def ask_open(self) -> None:
        if self.may_discard():
            name, _ = QFileDialog.getOpenFileName(
                self._window, "Open a network", self._preferences.folder, FILTER)
            if name:
                self._open(Path(name))

    def open(self, path: Path) -> bool:
        """Open a file, unless unsaved changes are to be kept."""
        return self.may_discard() and self._open(path)

    def open_example(self, example: Example) -> None:
        if self.may_discard():
            self.show_example(example)

    def show_example(self, example: Example) -> None:
        """Open an example at the start, when there is nothing to lose."""
        self._show(Loaded(example.graph, example.state), None, example.name)
        self._bring(example)

    def _bring(self, example: Example) -> None:
        """What an example has beside its network."""
        self.staged.emit(example)
        self.paced.emit(example.speed)

    def recover(self, crashed: Crashed) -> bool:
        """Go on with what a crash has left; it is unsaved, and saves to where it came from."""
        try:
            loaded = store.load(crashed.file)
        except DocumentError as error:
            self._warn("The autosaved document cannot be opened", error)
            return False
        self._show(loaded, crashed.original, crashed.name, crashed.seen)
        if crashed.original is None and crashed.name in EXAMPLES:
            self._bring(EXAMPLES[crashed.name])
        self._document.stack.resetClean()
        return True

    def _open(self, path: Path) -> bool:
        path = path.absolute()  # also for a run that starts elsewhere, after a crash
        seen = store.stamp(path)
        try:
            loaded = store.load(path)
        except DocumentError as error:
            self._warn(f"{path.name} cannot be opened", error)
            return False
        is_alone = self._show(loaded, path, path.name, seen)
        self._preferences.add_recent(path)
        notes = list(loaded.notes)
        if not is_alone:
            notes.append(f"{path.name} is open in another window too. Whichever saves later is "
                         "asked before it replaces what the other one saved.")
        if notes:
            self.told.emit("\n\n".join(notes))
        return True

    def _show(self, loaded: Loaded, path: Path | None, name: str,
              seen: Stamp | None = None) -> bool:
        """Have another document; False when another window has its file open too."""
        self._read_only, self._seen = loaded.read_only, seen
        self._saved_step = loaded.state.step if loaded.state is not None else 0
        self._bridge.close()
        self._document.replace(loaded.graph, path, name)
        self._bridge.open(loaded.state, loaded.history)
        self.opened.emit()
        return self.claim.take(path)

    # -- saving -------------------------------------------------------------------------------

    def save(self) -> bool:
        take_typed()
        path = self._document.path
        if path is None or self._read_only:
            return self.save_as()
        if path.suffix != SUFFIX and self._bridge.snapshot.step > 0:
            self.told.emit(f"{path.name} holds the graph alone, and what the network has learned "
                           f"would be lost. Save it as a {SUFFIX} document.")
            return self.save_as()
        return self._save(path)

    def save_as(self) -> bool:
        """Ask where, then save graph, weights and history."""
        take_typed()
        if self._read_only:
            self.told.emit("This document was opened read-only: saving over it would lose what "
                           "this version does not know. Choose another name.")
        path = self._ask_path("Save the network", SUFFIX)
        if path is None or (self._read_only and path == self._document.path):
            return False
        return self._save(path)

    def save_graph(self) -> bool:
        """Only the drawing, as JSON that can be compared line by line."""
        take_typed()
        path = self._ask_path("Save the graph alone", ".json")
        if path is None:
            return False
        try:
            store.save(path, self._document.graph)
        except Exception as error:
            self._warn("The graph was not saved", error)
            return False
        if path == self._document.path:
            self._seen = store.stamp(path)
        return True

    @property
    def origin(self) -> Origin:
        """What the autosaved copy is of."""
        return Origin(self._document.name, self._document.path, self._seen)

    def _save(self, path: Path) -> bool:
        if path == self._document.path and store.is_another(path, self._seen):
            answer = ChangedQuestion(path, self._window).answer()
            if answer != "replace":
                return answer == "save as" and self.save_as()
        try:
            saving = self.prepared(path)
            SavingWindow(saving, self._window).finish()
        except CancelledError:
            return False
        except Exception as error:  # whatever it is, nothing may be closed now
            self._warn("The network was not saved", error)
            return False
        self._read_only, self._seen = False, store.stamp(path)
        self._bridge.training_seconds = 0.0
        self._saved_step = saving.step
        if path != self._document.path:
            self.claim.take(path)
        self._document.saved(path)
        self._preferences.add_recent(path)
        self.saved.emit()
        return True

    def prepared(self, path: Path) -> Saving:
        """The work of writing everything to `path`: all of this moment, but for the weights,
        which the network gives at its next stop. A graph alone need not wait for it.
        """
        asked: Question[Saved | None] = answered(None)
        if path.suffix != ".json":
            asked = self._bridge.asked_state()
        return Saving(path, self._document.graph, self._thumbnail(), asked)

    def autosave(self, path: Path) -> Write | None:
        """The same for the recovery file; None when nothing has changed since the last."""
        snapshot = self._bridge.snapshot
        now = (self._document.graph, snapshot.step)
        changed = not self._document.clean or (
            self._has_weights and snapshot.step != self._saved_step)
        if self._has_weights and not changed and self._autosaved is not None:
            # Undone, back to what is on the disk: a crash would offer the older copy instead.
            self._autosaved = None
            self.saved.emit()
        if not changed or now == self._autosaved:
            return None
        saving = self.prepared(path)

        def kept() -> None:
            self._autosaved = now  # what fails is tried again

        return Write(saving.ready, saving.give_up, kept, lambda: saving.step)

    # -- asking -------------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether closing now would lose work."""
        return not self._document.clean or self._much_trained

    @property
    def _much_trained(self) -> bool:
        """For long, or a document that holds weights: further than those."""
        path = self._document.path
        holds_weights = path is not None and path.suffix == SUFFIX
        return self._bridge.training_seconds > WORTH_SAVING or (
            holds_weights and self._has_weights and self._bridge.snapshot.step > self._saved_step)

    @property
    def _has_weights(self) -> bool:
        """Whether the network is there: only then does its step say anything."""
        return self._bridge.snapshot.state not in ("empty", "compiling")

    def may_discard(self) -> bool:
        """Ask about unsaved work; False when the user wants to stay."""
        take_typed()
        if not self.unsaved:
            return True
        buttons = QMessageBox.StandardButton
        what = " and ".join(
            ["the changes"] * (not self._document.clean)
            + ["the trained weights"] * self._much_trained)
        answer = QMessageBox.question(
            self._window, "Save first?",
            f"Save {what} of {self._document.name}? They are lost otherwise.",
            buttons.Save | buttons.Discard | buttons.Cancel,
            # What has no name yet is not saved by one Enter too many.
            buttons.Save if self._document.path else buttons.Cancel)
        if answer == buttons.Save:
            return self.save()
        return answer == buttons.Discard

    def _ask_path(self, title: str, suffix: str) -> Path | None:
        start = self._document.path or Path(self._preferences.folder) / self._document.name
        if start.suffix in (SUFFIX, ".json"):
            start = start.with_suffix("")
        own = None if self._read_only else self._document.path  # see _save
        return ask_path(self._window, title, f"{start}{suffix}", (suffix,), own)

    def _warn(self, title: str, error: Exception) -> None:
        QMessageBox.warning(self._window, title, sentence_of(error))


def sentence_of(error: Exception) -> str:
    """What went wrong, and what to do about it."""
    if isinstance(error, DocumentError | TimeoutError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for it. Close other programs, and try again."
    traceback.print_exception(error)  # nobody has thought of it: for a report
    return (f"Something went wrong ({clause(f'{type(error).__name__}: {error}')}). Try again, or "
            "save under another name.")


def take_typed() -> None:
    """Let the field with the focus take what is typed in it, as it does when the focus leaves."""
    field = QApplication.focusWidget()
    if isinstance(field, QLineEdit | QAbstractSpinBox):
        field.editingFinished.emit()
