"""What stands in the menus of the window, and what it calls."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDockWidget, QMenu

from playground.examples import EXAMPLES
from playground.examples.themes import by_theme
from ui.dialogs.help import LayerHelp, show_about
from ui.export_pictures import fill_pictures
from ui.menus import Menus, fill_recent
from ui.theme import theme

if TYPE_CHECKING:
    from ui.main_window import MainWindow

MOST_THREADS = min(8, os.cpu_count() or 1)


def fill_menus(menus: Menus, window: MainWindow) -> None:
    """All entries, made once; what opens anew each time fills itself."""
    _fill_file(menus, window)
    _fill_edit(menus, window)
    _fill_view(menus, window)
    _fill_run(menus, window)
    _fill_examples(menus, window)
    _fill_help(menus, window)


def _fill_file(menus: Menus, window: MainWindow) -> None:
    files, key = window.files, QKeySequence.StandardKey
    menus.add(menus.file, "&New", files.new, key.New)
    menus.add(menus.file, "&Open…", files.ask_open, key.Open)
    menus.add_submenu(menus.file, "Open &Recent", lambda menu: fill_recent(
        menu, window.preferences.recent, files.open, window.preferences.clear_recent))
    menus.file.addSeparator()
    menus.add(menus.file, "&Save", files.save, key.Save, "Graph, weights and history")
    menus.add(menus.file, "Save &As…", files.save_as, "Ctrl+Shift+S")
    menus.add(menus.file, "Save &Graph Only…", files.save_graph,
              help="The drawing without weights, as JSON that can be compared line by line")
    menus.file.addSeparator()
    menus.add(menus.file, "&Import Data…", window.import_file, "Ctrl+I",
              "A table, arrays, a text or images of your own")
    menus.add_submenu(menus.file, "&Export Picture", partial(
        fill_pictures, window.canvas, window.views, window.docks.open))
    menus.file.addSeparator()
    menus.add(menus.file, "&Quit", window.close, key.Quit)


def _fill_edit(menus: Menus, window: MainWindow) -> None:
    key, stack = QKeySequence.StandardKey, window.document.stack
    for action, name, keys in (
            (stack.createUndoAction(window, "&Undo"), "Undo", [key.Undo]),
            (stack.createRedoAction(window, "&Redo"), "Redo", [key.Redo])):
        action.setProperty("name", name)
        bindings = QKeySequence.keyBindings(keys[0])
        more = [QKeySequence("Ctrl+Y")] if keys[0] == key.Redo else []
        # A key that is there twice would be ambiguous, and do nothing.
        action.setShortcuts([*bindings, *(k for k in more if k not in bindings)])
        menus.edit.addAction(action)
    canvas = window.canvas.actions_
    menus.edit.addSeparator()
    menus.edit.addActions([canvas.cut, canvas.copy, canvas.paste, canvas.duplicate,
                           canvas.delete])
    menus.edit.addSeparator()
    menus.edit.addActions([canvas.select_all, canvas.rename, canvas.connect_keys])
    menus.edit.addSeparator()
    menus.edit.addActions([canvas.freeze, canvas.fold, canvas.unfold])
    menus.edit.addSeparator()
    menus.add(menus.edit, "&Find Layer", window.palette_panel.focus_search, "Ctrl+F",
              "Search the palette")


def _fill_view(menus: Menus, window: MainWindow) -> None:
    canvas = window.canvas.actions_
    menus.view.addActions([canvas.fit, canvas.actual_size, canvas.zoom_in, canvas.zoom_out,
                           canvas.tidy])
    menus.view.addSeparator()
    for dock in window.docks.all.values():
        toggle = dock.toggleViewAction()
        toggle.setToolTip(f"Show or hide the panel {dock.windowTitle()}")
        toggle.triggered.connect(lambda shown, dock=dock: _raise(dock, shown))
        menus.view.addAction(toggle)
    menus.view.addSeparator()
    menus.add(menus.view, "&Reset Layout", window.reset_layout,
              help="Every panel where it was the first time")
    menus.view.addSeparator()
    menus.add_choice(menus.view.addMenu("&Theme"),
                     {"dark": "&Dark", "light": "&Light", "system": "Like the &System"},
                     theme().mode, window.set_theme)


def _raise(dock: QDockWidget, shown: bool) -> None:
    """What was asked for comes before its neighbours."""
    if shown:
        dock.raise_()


def _fill_run(menus: Menus, window: MainWindow) -> None:
    run = window.run_actions
    menus.run.addActions([run.run, run.step_layer, run.step_instruction, run.step_pass,
                         run.back])
    menus.run.addSeparator()
    menus.run.addActions([run.run_to, run.run_epoch, run.until_step, run.until_epoch, run.until])
    menus.run.addSeparator()
    menus.run.addActions([run.stop_before, run.clear_stops])
    window.canvas.actions_.for_nodes += [run.run_to, run.stop_before]
    menus.run.addSeparator()
    unit = menus.run.addMenu("Step &Unit")
    unit.addActions(list(run.units.values()))
    threads = min(window.preferences.threads, MOST_THREADS)
    if threads > 1:
        window.bridge.set_threads(threads)
    menus.add_choice(
        menus.run.addMenu("T&hreads"),
        {str(n): f"&{n}" for n in range(1, MOST_THREADS + 1)}, str(threads),
        partial(_set_threads, window))
    menus.run.addAction(run.reset)


def _set_threads(window: MainWindow, threads: str) -> None:
    window.preferences.threads = int(threads)
    window.bridge.set_threads(int(threads))


def _fill_examples(menus: Menus, window: MainWindow) -> None:
    menus.add(menus.examples, "&Gallery…", window.open_gallery, "Ctrl+E",
              "All examples, with what to press and look at")
    menus.examples.addSeparator()
    menus.add_later(menus.examples, lambda: _list_examples(menus, window))
    window.examples_button.setMenu(menus.examples)


def _fill_help(menus: Menus, window: MainWindow) -> None:
    menus.add(menus.help, "About This &Network", lambda: window.docks.open("notes"),
              help="The notes of this network: what to press, look at and try")
    menus.add(menus.help, "&Keys", window.show_shortcuts, "?  F1")
    menus.add(menus.help, "&Layers", lambda: LayerHelp(_kind(window), window).open(), "Shift+F1",
              "What each layer does, its formula and its settings")
    menus.add(menus.help, "&About", lambda: show_about(window))


def _list_examples(menus: Menus, window: MainWindow) -> None:
    for title, names in by_theme(EXAMPLES).items():
        menus.add_submenu(menus.examples, title, partial(_list_theme, window, names))


def _list_theme(window: MainWindow, names: list[str], menu: QMenu) -> None:
    for example in (EXAMPLES[name] for name in names):
        action = menu.addAction(example.title, partial(window.files.open_example, example))
        action.setToolTip(example.description)


def _kind(window: MainWindow) -> str | None:
    """What the selected node is."""
    node = window.document.selected_node
    return node.layer.kind if node is not None else None
