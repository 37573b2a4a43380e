"""The code of an autoencoder in the real window: points, the marker dragged, pictures, t-SNE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from playground.examples import EXAMPLES
from tests.drive import opened, spin
from ui.main_window import MainWindow
from ui.views.output import OutputView
from ui.views.representation import RepresentationView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(qapp: QApplication, tmp_path: Path) -> Iterator[MainWindow]:
    with opened("autoencoder", tmp_path) as made:
        yield made


def view_of(window: MainWindow) -> RepresentationView:
    view = window.views["representation"]
    assert isinstance(view, RepresentationView)
    return view


def wait(window: MainWindow, what: Callable[[], bool]) -> None:
    assert spin(what, 30), window.bridge.snapshot


def train(window: MainWindow, steps: int) -> None:
    window.bridge.run_until(step=steps)
    wait(window, lambda: window.bridge.snapshot.step == steps
         and window.bridge.snapshot.state == "paused")


def place(view: RepresentationView) -> QPoint:
    """Where the marker is on the screen of the plot."""
    plot = view.scatter.plot
    found: QPoint = plot.mapFromScene(plot.box.mapViewToScene(QPointF(*view.scatter.marked_at)))
    return found


def test_the_marker_is_dragged_and_the_decoder_draws(window: MainWindow) -> None:
    view = view_of(window)
    train(window, 300)
    wait(window, lambda: view.shown is not None and len(view.decoded.values) == 1)
    before, range_before = view.decoded.values.copy(), view.scatter.extent()
    port, start = view.scatter.plot.viewport(), place(view)
    QTest.mousePress(port, LEFT, NONE, start)
    for i in range(1, 9):
        at = start + QPoint(6 * i, -4 * i)
        QApplication.sendEvent(port, QMouseEvent(
            QEvent.Type.MouseMove, QPointF(at), QPointF(port.mapToGlobal(at)),
            Qt.MouseButton.NoButton, LEFT, NONE))
    QTest.mouseRelease(port, LEFT, NONE, at)
    assert (place(view) - at).manhattanLength() <= 4
    assert view.scatter.extent() == range_before  # the plane stands still
    x, y = view.scatter.marked_at
    wait(window, lambda: f"({x:.2f}, {y:.2f})" in view.decoded.tiles[0].tip)
    assert np.abs(view.decoded.values - before).max() > 0.05


def test_points_and_pictures_move_while_it_trains(window: MainWindow) -> None:
    view = view_of(window)
    wait(window, lambda: view.shown is not None)
    view.pictures.setChecked(True)
    wait(window, lambda: view.scatter.picture.isVisible())
    before = view.scatter.points.copy(), view.scatter.picture.image.copy()
    train(window, 200)
    wait(window, lambda: not np.array_equal(view.scatter.points, before[0]))
    wait(window, lambda: not np.array_equal(view.scatter.picture.image, before[1]))


def test_another_network_takes_the_place_of_what_was_shown(window: MainWindow) -> None:
    view = view_of(window)
    view.modes["tsne"].setChecked(True)
    wait(window, lambda: view.job is not None)
    first = view.job
    window.files.show_example(EXAMPLES["representation"])
    wait(window, lambda: view.node() == "dense_2")
    wait(window, lambda: view.job is not None and view.job is not first)
    assert first is not None
    first.thread_.join(10)
    assert not first.thread_.is_alive()
    view.modes["plane"].setChecked(True)
    wait(window, lambda: view.shown is not None and view.shown.units == 32)


@pytest.mark.parametrize("name", ["vae", "gan", "autoencoder"])
def test_over_time_has_frames_from_the_first_step_to_now(window: MainWindow, name: str) -> None:
    window.files.show_example(EXAMPLES[name])
    wait(window, lambda: window.bridge.snapshot.state == "paused")
    window.docks.open("output")
    output = window.views["output"]
    assert isinstance(output, OutputView)
    output.over_time.setChecked(True)
    train(window, 60)
    wait(window, lambda: output.film.film is not None
         and [frame.step for frame in output.film.film.frames] == [0, 1, 4, 9, 16, 25, 36, 49, 60])
