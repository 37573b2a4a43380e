"""An example brings the panels forward that show what it is about, and takes them away again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from playground.examples import EXAMPLES
from ui.main_window import MainWindow
from ui.panels import PANELS

STAGED = sorted(name for name, example in EXAMPLES.items() if example.panels)


@pytest.mark.parametrize("name", STAGED)
def test_what_an_example_names_exists(name: str) -> None:
    example = EXAMPLES[name]
    assert set(example.panels) <= set(PANELS)
    assert not example.selected or example.graph.node(example.selected)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_panel_that_a_note_names_is_there(name: str) -> None:
    """Others than those that are there from the first start come only with the example."""
    note, panels = " ".join(EXAMPLES[name].note.split()), EXAMPLES[name].panels
    named = {key for key, panel in PANELS.items()
             if not panel.at_first and f"*{panel.title}*" in note}
    assert named <= set(panels)


def show(window: MainWindow, example: str) -> None:
    window.files.show_example(EXAMPLES[example])
    QApplication.processEvents()


def in_front(window: MainWindow, panel: str) -> bool:
    dock = window.docks.all[panel]
    return not dock.isHidden() and not dock.visibleRegion().isEmpty()


def test_the_panel_is_in_front_with_its_node_and_the_notes(window: MainWindow) -> None:
    assert window.docks.all["through_time"].isHidden()
    show(window, "lstm")
    assert in_front(window, "through_time")
    assert in_front(window, "notes")
    assert window.document.selection == {"lstm_1"}


def test_what_a_note_says_to_look_at_is_in_front(window: MainWindow) -> None:
    """Whichever example was open before."""
    hidden = []
    for name, example in EXAMPLES.items():
        show(window, name)
        press = next(part for part in example.note.split("\n\n") if "**Press Space" in part)
        hidden += [(name, panel.title) for key, panel in PANELS.items()
                   if re.search(rf"\b{panel.title}\b", " ".join(press.split()))
                   and not in_front(window, key)]
    assert not hidden


def test_what_was_in_front_before_is_so_again(window: MainWindow) -> None:
    show(window, "cnn-digits")
    assert in_front(window, "feature_maps")
    show(window, "mlp-spiral")
    assert in_front(window, "output")


def test_it_goes_with_its_example(window: MainWindow) -> None:
    show(window, "lstm")
    show(window, "mlp-spiral")
    assert window.docks.all["through_time"].isHidden()
    assert not window.document.selection


def test_what_the_user_has_opened_stays(window: MainWindow) -> None:
    window.docks.open("through_time")
    show(window, "lstm")
    show(window, "mlp-spiral")
    assert not window.docks.all["through_time"].isHidden()


def test_it_is_not_taken_for_the_users_layout(make_window: Any, engine: Any) -> None:
    first = make_window()
    first.show()
    show(first, "lstm")
    first.close()
    second = make_window()
    second.open_first(example="mlp-spiral")
    second.show()
    assert second.docks.all["through_time"].isHidden()


def test_it_outlives_the_layout_that_is_restored(make_window: Any) -> None:
    make_window().close()
    window = make_window()
    window.open_first(example="lstm")
    window.show()
    assert not window.docks.all["through_time"].isHidden()


def test_reset_layout_hides_the_spare_ones_but_the_examples_own(window: MainWindow) -> None:
    window.docks.open("through_time")
    window.docks.reset()
    assert window.docks.all["through_time"].isHidden()
    show(window, "lstm")
    window.docks.reset()
    assert not window.docks.all["through_time"].isHidden()


def test_it_has_room_and_gives_it_back(window: MainWindow) -> None:
    loss, time = window.docks.all["loss"], window.docks.all["through_time"]
    before = loss.size()
    show(window, "lstm")
    assert time.width() >= 0.3 * window.width()  # the others keep their least width
    assert time.height() >= 0.35 * window.height()  # and its tab
    show(window, "mlp-spiral")
    assert abs(loss.width() - before.width()) <= 2
    assert abs(loss.height() - before.height()) <= 2
