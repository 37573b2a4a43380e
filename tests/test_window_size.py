"""The window is as large as the user made it, whatever it has to say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QByteArray, QSize
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from playground.examples import EXAMPLES
from playground.snapshot import Snapshot
from playground.training import Adam, Clipping
from tests.fake_engine import FakeEngine
from tests.fake_window import make_window, open_window
from ui.app import fit_screen
from ui.main_window import MainWindow
from ui.seen import is_seen
from ui.top_bar import Row

LONG = "The network gave values that are infinite or not a number, first in dense_1.y. " * 4


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    return open_window(qtbot, tmp_path, monkeypatch, FakeEngine())


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def extreme(window: MainWindow) -> None:
    """Every chip with the longest of numbers."""
    graph = window.document.graph
    window.document.edit("Extremes", graph.with_training(msgspec.structs.replace(
        graph.training, batch=100_000, weight_seed=2**31 - 1,
        optimizer=Adam(learning_rate=1.2345e-5),
        clipping=Clipping(mode="global_norm", threshold=123_456.0))))
    window.training_bar.speed_slider.set_speed(12_345)


@pytest.mark.parametrize(("room", "fills"), [
    (QSize(1280, 800), True), (QSize(1600, 700), True), (QSize(1440, 900), False)])
def test_it_fills_a_screen_that_is_smaller(qtbot: QtBot, room: QSize, fills: bool) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(1440, 900)
    fit_screen(widget, room)
    assert widget.isMaximized() is fills


def test_panels_come_back_as_they_were_in_a_maximised_window(
        qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size comes from the desktop once it is shown, and before it is painted."""
    widths = []
    for _ in range(3):
        window = make_window(qtbot, tmp_path, monkeypatch, FakeEngine)
        window.preferences.geometry = QByteArray()
        window.open_first(example="mlp-spiral")
        window.show()
        window.resize(1900, 1000)
        settle()
        widths.append({name: dock.width() for name, dock in window.docks.all.items()
                       if is_seen(dock)})
        window.close()
    assert len(widths[0]) > 4
    assert widths[0] == widths[1] == widths[2]


@pytest.mark.parametrize("width", [1210, 1280])
def test_nothing_that_is_shown_makes_it_grow(window: MainWindow, width: int) -> None:
    size = QSize(width, 700)
    window.resize(size)
    settle()
    assert window.size() == size
    window.status.show_reason(LONG)
    window.status.show_snapshot(Snapshot(
        state="diverged", node="dense_1", message=LONG, step=123_456_789, batches_per_epoch=9999,
        instrumentation=0.123, validation_metric=0.5, metric_name="mean abs error"))
    settle()
    assert window.size() == size
    for example in EXAMPLES.values():
        window.files.show_example(example)
        settle()
        assert window.size() == size, example.name
        for node in window.document.graph.nodes:
            window.document.select({node.id})
        settle()
        assert window.size() == size, example.name
    extreme(window)
    settle()
    assert window.size() == size


def test_a_long_status_is_cut_and_whole_in_its_tooltip(window: MainWindow) -> None:
    window.status.show_reason(LONG)
    settle()
    assert window.status._state.text().endswith("…")
    assert window.status._state.toolTip() == LONG
    assert window.status._state.accessibleName() == LONG


def test_the_top_bar_leaves_out_what_is_elsewhere(window: MainWindow) -> None:
    """And gives it back where there is room."""
    words = dict.fromkeys((1700, 1400, 1210), "")
    for width in words:
        window.resize(width, 700)
        extreme(window)
        settle()
        row = window.findChild(Row)
        assert row is not None
        layout = row.layout()
        assert layout is not None
        assert layout.minimumSize().width() <= row.width()
        reset = window.transport.buttons["reset"]
        words[width] = f"{window.examples_button.isVisible()} {reset.width() > 60}"
    assert words == {1700: "True True", 1400: "False True", 1210: "False False"}
    window.resize(1700, 700)
    settle()
    assert window.examples_button.isVisible()
    assert window.transport.buttons["reset"].width() > 60
