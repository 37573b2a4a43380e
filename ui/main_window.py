"""The window: it puts the parts together and has no logic of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QMainWindow, QMessageBox, QToolButton

from playground.examples import EXAMPLES, Example
from playground.layers.base import Layer
from playground.snapshot import Snapshot
from ui.canvas.view import CanvasView
from ui.compare import ComparePanel, Variations
from ui.data_nodes import import_data
from ui.dial import DialRow
from ui.dialogs.gallery import Gallery
from ui.dialogs.recovery import offer
from ui.dialogs.shortcuts import CANVAS, ShortcutsDialog
from ui.docks import LEFT, RIGHT, Docks
from ui.document import Document
from ui.engine_bridge import EngineBridge, create_engine
from ui.export_pictures import thumbnail
from ui.files import Files
from ui.inspector.panel import Inspector, ListPage, NodePage, Page
from ui.keys import KeyGuard
from ui.lanes import Lanes
from ui.live_canvas import LiveCanvas
from ui.menu_entries import fill_menus
from ui.menus import Menus
from ui.notes import NotesPanel
from ui.outline import Outline
from ui.pacing import Pacing
from ui.palette import Palette
from ui.panels import Panels
from ui.preferences import Preferences
from ui.preparing import Preparing
from ui.recovery import Recovery
from ui.restarts import Restarts
from ui.status_bar import StatusBar
from ui.theme import Mode, theme
from ui.top_bar import TopBar
from ui.training_bar import TrainingBar
from ui.transport import RunActions, Transport
from ui.views.base import View

FIRST_EXAMPLE = "mlp-spiral"
SIZE = (1440, 900)


class MainWindow(QMainWindow):
    """One document, one engine, and the panels around the canvas."""

    painted = Signal()
    """The first picture is there: now comes what may take its time."""
    _unseen = _unpainted = True
    _trouble = ""
    """Why training has stopped, as it is said on the canvas."""

    def __init__(self, preferences: Preferences | None = None,
                 create: Callable[[], object] = create_engine,
                 recovery_folder: Path | None = None) -> None:
        super().__init__()
        self.setWindowTitle("Playground")
        self.setAcceptDrops(True)
        self.resize(*SIZE)
        self.preferences = preferences or Preferences()
        self.document = Document(parent=self)
        self.bridge = EngineBridge(self.document, create, self)  # type: ignore[arg-type]
        self._recovery_folder = recovery_folder
        self.files = Files(self.document, self.bridge, self.preferences,
                           lambda: thumbnail(self.canvas), self, lambda: self.recovery.folder)
        self.run_actions = RunActions(self.bridge, self.document, self)
        unit = self.run_actions.units.get(self.preferences.unit)
        if unit is not None and unit.isVisible():
            unit.trigger()
        self._following: list[View] = []
        """The views that are built."""
        self._keys = KeyGuard(self)

        self._build_parts()
        self.menus = Menus(self)
        fill_menus(self.menus, self)
        self._connect()

    # -- building -----------------------------------------------------------------------------

    def _build_parts(self) -> None:
        self.canvas = CanvasView(self.document, self)
        self.setCentralWidget(self.canvas)
        live = LiveCanvas(self.canvas.canvas, self)
        self.bridge.add_view(live)
        self.bridge.outdated_changed.connect(live.set_outdated)
        self.palette_panel = Palette()
        if (folded := self.preferences.folded) is not None:
            self.palette_panel.fold(folded)
        self.outline = Outline(self.document)
        self.inspector = Inspector(self.document)
        self.transport = Transport(self.run_actions)
        self.training_bar = TrainingBar(self.document, self.bridge)
        Pacing(self.training_bar.speed_slider, self.preferences, self.files)
        self.examples_button = QToolButton()
        self.examples_button.setText("Examples")
        self.examples_button.setToolTip("Networks to start from")
        self.examples_button.setFixedHeight(30)
        self.examples_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.training_bar.add_spare(self.examples_button)
        self.top_bar = TopBar(self.document, self.transport, self.training_bar)
        self.addToolBar(self.top_bar)
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self.preparing = Preparing(self.bridge, self.status, self)

        self.docks = Docks(self)
        palette = self.docks.add("palette", "Layers", self.palette_panel, LEFT)
        self.docks.add("outline", "Outline", self.outline, LEFT, palette)
        inspector = self.docks.add("inspector", "Inspector", self.inspector, RIGHT)
        self.notes = NotesPanel(self.document)
        self.docks.add("notes", "Notes", self.notes, RIGHT, inspector)
        self.lanes = Lanes(self.document, self.bridge, self)
        self.dial = DialRow(self.document, self.bridge, self.run_actions.may_reset)
        self.variations = Variations(self.lanes)
        self.files.saved.connect(self._tell_unsaved)
        self.restarts = Restarts(self.document, self.bridge, self.lanes,
                                 self.run_actions.may_reset, self)
        self.notes.set_foot(self.variations.caption, self.dial, self.variations)
        self.compare = ComparePanel(self.lanes)
        self.docks.add("compare", "Compare", self.compare, RIGHT, inspector)
        self.bridge.add_view(self.compare)
        self.views = Panels(self.docks, self._admit)

    def _connect(self) -> None:
        document, bridge = self.document, self.bridge
        bridge.snapshot_ready.connect(self.status.show_snapshot)
        self.status.show_snapshot(bridge.snapshot)
        bridge.outdated_changed.connect(self.status.set_outdated)
        bridge.snapshot_ready.connect(self._tell_trouble)
        bridge.fps_changed.connect(self.status.show_fps)
        bridge.failed.connect(self.show_error)
        document.graph_changed.connect(
            lambda old, new: self.status.show_reason(document.check.graph_error))
        document.title_changed.connect(lambda title: self.setWindowTitle(f"{title} – Playground"))
        document.refused.connect(lambda sentence: self.canvas.say(sentence, "error"))
        self.files.told.connect(lambda text: QMessageBox.information(self, "Playground", text))
        # The docks take their places when the event loop next runs; the canvas then knows its room.
        self.files.opened.connect(lambda: QTimer.singleShot(0, self.canvas.fit))
        self.files.opened.connect(self.canvas.canvas.forget)
        self.files.opened.connect(self.lanes.open)
        self.files.opened.connect(lambda: self.dial.open(None))
        self.files.opened.connect(self.docks.stage)
        self.files.staged.connect(self._stage)
        self.files.opened.connect(self._show_notes)
        self.files.saved.connect(lambda: self.recovery.forget())
        self.compare.reset_button.clicked.connect(self.run_actions.reset.trigger)
        self.notes.dismissed.connect(self.docks.all["notes"].hide)
        self.palette_panel.layer_chosen.connect(self.canvas.add_layer)
        self.canvas.space_tapped.connect(self.run_actions.run.trigger)
        self.canvas.search_requested.connect(self.palette_panel.focus_search)
        self.canvas.inspect_requested.connect(self._inspect)
        self.canvas.data_wanted.connect(lambda id: import_data(document, self, id))
        self.inspector.built.connect(self._connect_page)
        for name, panel in (("inspector", self.inspector), ("outline", self.outline)):
            self.docks.all[name].visibilityChanged.connect(lambda _, panel=panel: panel.refresh())
        document.selection_changed.connect(self._show_selection)

    def _admit(self, view: View) -> None:
        """A view that was just built: from now on it follows the selection and the training."""
        self._following.append(view)
        view.node_selected.connect(lambda id: self.document.select({id}))
        view.run_to_requested.connect(self.bridge.run_to_instruction)
        view.stop_toggled.connect(self.bridge.toggle_stop)
        view.setting_changed.connect(self._change_setting)
        view.change_done.connect(self.document.end_gesture)
        view.start_moved.connect(self.restarts.move_start)
        self._tell_selected(view)
        self.bridge.add_view(view)
        self.bridge.outdated_changed.connect(view.set_outdated)
        view.set_outdated(self.bridge.outdated)

    def _connect_page(self, page: Page) -> None:
        """A page of the inspector that is needed for the first time."""
        if isinstance(page, ListPage):
            page.fold.connect(self.canvas.fold)
            page.unfold.connect(self.canvas.unfold)
        if isinstance(page, NodePage):
            from ui.views.augmentation import AugmentationView
            from ui.views.node_values import NodeValuesView

            page.way_chosen.connect(self.canvas.go_out)
            preview, values = AugmentationView(), NodeValuesView(embedded=True)
            page.embed_preview(preview)
            page.embed(values)
            self._admit(preview)
            self._admit(values)

    # -- life ---------------------------------------------------------------------------------

    @cached_property
    def recovery(self) -> Recovery:
        """Autosave. Its locks cost some time: taken when it is first asked for."""
        recovery = Recovery(self.files.autosave, lambda: self.files.origin,
                            self._recovery_folder, self)
        recovery.told.connect(self._tell_autosave)
        if recovery.last_error:
            self._tell_autosave(recovery.last_error)
        return recovery

    def _tell_autosave(self, failure: str) -> None:
        """That copies for a crash are not kept; empty when they are again."""
        self.status.show_autosave(failure)
        if failure:
            self.canvas.say(failure, "error")

    def open_first(self, path: Path | None = None, example: str | None = None) -> None:
        """What the window opens with: a file or an example. Best called before it shows."""
        if path is None or not self.files.open(path):
            self.files.show_example(EXAMPLES[example or FIRST_EXAMPLE])

    def keep_copies(self, offer_all: bool = True) -> None:
        """Autosave from now on, and ask whether to go on with what a crash has left.

        offer_all: of anything, and not only of what is open.
        """
        document = self.document
        offer([copy for copy in self.recovery.crashed()
               if offer_all or (copy.name, copy.original) == (document.name, document.path)],
              self.recovery, self.files, self)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.document.look_again()  # whoever comes back may have mended a file elsewhere

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._unseen:
            if self.preferences.geometry is not None:
                self.restoreGeometry(self.preferences.geometry)
            self._unseen = False
            self._restore_panels()
            QTimer.singleShot(0, self, self.docks.raise_floating)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A maximised window has its size from the desktop, after it is shown. Panels that were
        # put into a smaller one would not grow back to what they were.
        if self._unpainted and not self._unseen:
            self._restore_panels()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._unpainted:
            self._unpainted = False
            # All panels are painted in one go; what this starts comes after.
            QTimer.singleShot(0, self, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()  # also where asking ends by an exception
        if not self.files.may_discard():
            return
        event.accept()
        self.bridge.pause()
        self.docks.stage()  # what an example has brought is not the user's layout
        self.preferences.geometry = self.saveGeometry()
        self.preferences.layout = self.saveState()
        self.preferences.folded = self.palette_panel.list.folded
        self.preferences.unit = self.run_actions.unit
        self.preferences.sync()
        self.hide()  # a long step may have to end first
        self.preparing.stop()
        self.bridge.shutdown()
        self.files.claim.release()
        self.recovery.close()

    def _restore_panels(self) -> None:
        layout = self.preferences.layout
        if layout is None or not self.restoreState(layout):
            self.docks.fit()
        self.top_bar.show()  # hidden in a layout of an earlier version
        self.docks.restage()
        self._show_notes()

    def reset_layout(self) -> None:
        """Every panel where it was the first time, with an example's notes in front again."""
        self.docks.reset()
        self._show_notes()

    def createPopupMenu(self) -> None:
        """None, where Qt's own hides the top bar, which nothing brings back: View has the panels.
        """

    # -- small things -------------------------------------------------------------------------

    def set_theme(self, mode: str) -> None:
        app = cast(QApplication, QApplication.instance())
        theme().set_mode(app, cast(Mode, mode))
        self.preferences.theme = cast(Mode, mode)

    def show_error(self, sentence: str) -> None:
        QMessageBox.warning(self, "Something went wrong", sentence)

    def open_gallery(self) -> None:
        gallery = Gallery(EXAMPLES.values(), self, self.preferences.recent)
        if not gallery.exec():
            return
        if (example := gallery.chosen()) is not None:
            self.files.open_example(example)
        elif (file := gallery.chosen_file()) is not None:
            self.files.open(file)

    def show_shortcuts(self) -> None:
        ShortcutsDialog([*self.menus.shortcuts(), CANVAS], self).open()

    def _inspect(self) -> None:
        self.docks.open("inspector")
        self.inspector.focus_first()

    def _show_notes(self) -> None:
        """An example opens with its notes; a document of one's own keeps to the settings."""
        if self.notes.empty:
            self.docks.all["notes"].hide()
            self.docks.all["inspector"].raise_()  # and not what stands beside the notes
        elif self.document.path is None:
            self.docks.open("notes")

    def _stage(self, example: Example) -> None:
        """What an example is about comes to the front, beside its notes."""
        self.document.select({example.selected} if example.selected else ())
        self.lanes.open(example.variations)
        self.dial.open(example.dial)
        self.docks.stage(example.panels)
        self._show_notes()

    def _change_setting(self, id: str, name: str, value: object) -> None:
        """A slider in a panel: an edit like one in the inspector."""
        graph = self.document.graph
        layer = graph.node(id).layer
        if isinstance(layer, Layer):
            self.document.edit(f"Change {name} of {id}", graph.with_layer(
                id, layer.with_settings(**{name: value})), (id, name))

    def import_file(self, path: str = "") -> None:
        """Choose data; the node that they make is seen, and so is what to do with it."""
        id = import_data(self.document, self, path=path)
        if id is not None:
            self.canvas.show_nodes([id])
            self.canvas.say(f"Connect {id} to the first layer, in place of other data.")

    def _tell_trouble(self, snapshot: Snapshot) -> None:
        """Why it has stopped, with the way out: too long for the status bar."""
        trouble = snapshot.message if snapshot.state in ("diverged", "failed") else ""
        if trouble and trouble != self._trouble:
            self.canvas.say(trouble, "error", lasting=True)
        elif self._trouble and not trouble:
            self.canvas.say("")
        self._trouble = trouble

    def _tell_unsaved(self) -> None:
        """What of all that is trained here is in no file."""
        if self.lanes.lanes:
            self.canvas.say("Saved. The lanes that train beside the network are not part of "
                            "the file.", "healthy")

    def _show_selection(self, _: object) -> None:
        for view in self._following:
            self._tell_selected(view)
        if self.document.selection:
            self.docks.all["inspector"].raise_()

    def _tell_selected(self, view: View) -> None:
        node = self.document.selected_node
        view.select(node.id if node else None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is None:
            return
        event.acceptProposedAction()
        if path.suffix in (".playground", ".json"):
            self.files.open(path)
        else:
            self.import_file(str(path))


def _dropped(event: QDropEvent) -> Path | None:
    """The one local file of a drop."""
    urls = event.mimeData().urls()
    return Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
