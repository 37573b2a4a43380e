"""Panels: their names, how they come to the front, and how they go."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from playground.snapshot import Snapshot
from ui.dock_tabs import RIGHT
from ui.docks import Frame
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.seen import is_seen
from ui.views.base import View


def names_are_told_once(window: MainWindow) -> None:
    for name in window.views:
        dock, view = window.docks.all[name], window.docks.all[name].widget()
        if isinstance(view, View):
            among_tabs = bool(window.tabifiedDockWidgets(dock)) and not dock.isFloating()
            assert view.header.title.isHidden() == among_tabs, name


def test_a_panel_among_tabs_has_its_name_on_its_tab_alone(window: MainWindow) -> None:
    names_are_told_once(window)
    window.docks.reset()
    names_are_told_once(window)
    layout = window.saveState()
    window.docks.all["output"].setFloating(True)
    names_are_told_once(window)
    window.restoreState(layout)
    window.docks.restage()
    names_are_told_once(window)


def test_what_the_menu_shows_is_in_front(window: MainWindow, qtbot: QtBot) -> None:
    dock = window.docks.all["surface"]
    assert dock.isHidden()
    dock.toggleViewAction().trigger()
    qtbot.waitUntil(lambda: is_seen(window.views["surface"]), timeout=3000)
    assert not is_seen(window.views["output"])


def test_a_floating_panel_has_a_frame_and_a_button_that_closes_it(
        window: MainWindow, qtbot: QtBot) -> None:
    for name, bar in (("loss", window.views["loss"].header),
                      ("inspector", window.docks.all["inspector"].titleBarWidget())):
        dock = window.docks.all[name]
        assert bar.close_button.isHidden(), "a docked panel has its place"
        dock.setFloating(True)
        qtbot.waitUntil(bar.close_button.isVisible, timeout=3000)
        frame = dock.findChild(Frame)
        assert frame is not None
        assert frame.isVisible()
        assert frame.size() == dock.size()
        bar.close_button.click()
        assert dock.isHidden()


def buttons(window: MainWindow, title: str) -> dict[str, QWidget]:
    """The closing buttons of the tabs beside one, by their titles."""
    for bar in window.findChildren(QTabBar):
        titles = [bar.tabText(i) for i in range(bar.count())]
        if title in titles:
            return {text: bar.tabButton(i, RIGHT) for i, text in enumerate(titles)}
    return {}


def test_the_tab_in_front_has_a_button_that_closes_its_panel(
        window: MainWindow, qtbot: QtBot) -> None:
    docks = window.docks

    def seen(title: str) -> list[str]:
        return [text for text, button in buttons(window, title).items()
                if button is not None and button.isVisible()]

    docks.open("feature_maps")
    qtbot.waitUntil(lambda: seen("Output") == ["Feature maps"])
    docks.open("output")
    qtbot.waitUntil(lambda: seen("Output") == ["Output"])
    docks.open("surface")  # a tab that was not there
    qtbot.waitUntil(lambda: seen("Output") == ["Surface"])
    assert len({button.size().toTuple() for button in buttons(window, "Output").values()}) == 1, (
        "choosing a tab moves none")
    QTest.mouseClick(buttons(window, "Output")["Surface"], Qt.MouseButton.LeftButton)
    assert docks.all["surface"].isHidden()
    qtbot.waitUntil(lambda: len(seen("Output")) == 1)


def test_a_double_click_on_a_tab_lets_its_panel_float(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "Outline" in buttons(window, "Layers"))
    bar, = (bar for bar in window.findChildren(QTabBar)
            if "Outline" in [bar.tabText(i) for i in range(bar.count())])
    place = next(i for i in range(bar.count()) if bar.tabText(i) == "Outline")
    QTest.mouseDClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(place).center())
    qtbot.waitUntil(window.docks.all["outline"].isFloating)
    assert not window.docks.all["palette"].isFloating()
    window.docks.reset()
    assert not window.docks.all["outline"].isFloating()


def test_a_panel_alone_at_the_side_has_a_name_and_can_be_closed(
        window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: bool(buttons(window, "Layers").get("Layers")))
    bar = window.docks.all["outline"].titleBarWidget()
    assert bar.close_button.isHidden()
    QTest.mouseClick(buttons(window, "Layers")["Layers"], Qt.MouseButton.LeftButton)
    assert window.docks.all["palette"].isHidden()
    qtbot.waitUntil(bar.close_button.isVisible)
    assert bar._label.isVisible()
    QTest.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert window.docks.all["outline"].isHidden()


def test_any_panel_can_be_closed_from_its_own_menu(window: MainWindow) -> None:
    view = window.views["loss"]
    close = next(a for a in view.header.menu.actions() if a.text() == "Close the panel")
    close.trigger()
    assert window.docks.all["loss"].isHidden()


def test_the_unit_of_a_step_is_remembered(window: MainWindow) -> None:
    preferences = window.preferences
    assert isinstance(preferences, Preferences)
    window.run_actions.units["phase"].trigger()
    assert window.run_actions.unit == "phase"
    window.close()
    assert preferences.unit == "phase"


def test_why_training_has_stopped_is_said_in_full(window: MainWindow) -> None:
    sentence = "Stopped before the update of step 1,305: the loss is NaN. Lower the learning rate."
    window.bridge._show(Snapshot(state="diverged", message=sentence, node="dense_1"))
    assert sentence in window.canvas._message.text()
    window.bridge._show(Snapshot(state="paused"))
    assert window.canvas._message.isHidden()


def test_notes_are_in_front_again_after_a_reset_of_the_layout(window: MainWindow) -> None:
    window.docks.open("inspector")
    window.reset_layout()
    assert is_seen(window.notes)


def test_nothing_hides_the_top_bar_and_an_old_layout_without_it_brings_it_back(
        window: MainWindow) -> None:
    at = window.top_bar.geometry().center()
    QApplication.sendEvent(window, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, at))
    assert QApplication.activePopupWidget() is None
    window.top_bar.hide()
    window.preferences.layout = window.saveState()
    window._restore_panels()
    assert window.top_bar.isVisible()
