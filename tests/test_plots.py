"""What all plots share: bands between curves, labels beside them, one painting for each change."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPointF
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QGraphicsItem, QStyledItemDelegate
from pytestqt.qtbot import QtBot

import ui
from ui import theme as themes
from ui.views.plots import EndLabel, Plot

RED, STEPS = QColor("#ff0000"), np.arange(101.0)


@pytest.fixture
def plot(qtbot: QtBot, qapp: QApplication) -> Plot:
    themes.apply(qapp, "dark")
    plot = Plot()
    plot.resize(400, 300)
    qtbot.addWidget(plot)
    plot.show()
    qtbot.waitExposed(plot)
    return plot


def color_at(plot: Plot, picture: QImage, step: float, value: float) -> QColor:
    at = plot.mapFromScene(plot.box.mapViewToScene(QPointF(step, value)))
    return picture.pixelColor(at * picture.devicePixelRatio())


def test_a_band_fills_what_is_between_its_curves(plot: Plot, qapp: QApplication) -> None:
    shade = plot.add_shade()
    shade.color = RED
    # From 0 up to the step number; one that is not a number is bridged.
    high = STEPS.copy()
    high[50] = np.nan
    plot.set_shade(shade, STEPS, np.zeros(101), high)
    plot.fit([STEPS], [STEPS])
    qapp.processEvents()
    picture = plot.grab().toImage()
    for step in (20, 50, 80):
        assert color_at(plot, picture, step, step - 6) == RED
        assert color_at(plot, picture, step, step + 6) != RED
        assert color_at(plot, picture, step, -3) != RED
    # Zoomed in, the part of it that can be seen is drawn.
    plot.box.setRange(xRange=(40, 45), yRange=(30, 50), padding=0)
    qapp.processEvents()
    picture = plot.grab().toImage()
    assert color_at(plot, picture, 44, 43) == RED
    assert color_at(plot, picture, 44, 45) != RED
    plot.set_shade(shade, STEPS[:0], STEPS[:0], STEPS[:0])
    qapp.processEvents()
    assert color_at(plot, plot.grab().toImage(), 44, 43) != RED


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_a_band_without_numbers_is_nothing(
        plot: Plot, values: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Qt paints it all the same where the origin can be seen."""
    told: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: told.append(error))
    shade, nothing = plot.add_shade(), np.array(values)
    plot.set_shade(shade, nothing, nothing, nothing)
    plot.box.setRange(xRange=(-1, 1), yRange=(-1, 1), padding=0)
    plot.grab()
    assert not told


def test_a_mistake_in_a_painting_is_told(
        plot: Plot, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that leaves it would end the process."""
    told: list[type] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: told.append(kind))
    shade = plot.add_shade()
    plot.set_shade(shade, STEPS, STEPS, STEPS + 1)
    plot.fit([STEPS], [STEPS])
    shade._low = np.empty(0)
    plot.grab()
    assert told == [ValueError]


def paintings() -> list[type]:
    """The classes of the window whose `paint` Qt calls."""
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds, found = [QGraphicsItem, QStyledItemDelegate], []
    while kinds:
        kinds += (below := kinds.pop().__subclasses__())
        found += [kind for kind in below
                  if kind.__module__.startswith("ui.") and "paint" in vars(kind)]
    return found


def test_every_painting_is_guarded() -> None:
    found = paintings()
    assert len(found) > 5
    for kind in found:
        assert hasattr(kind.paint, "__wrapped__"), f"{kind} may end the process"


class Painted(QObject):
    """Counts how often a widget is painted."""

    times = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.times += event.type() == QEvent.Type.Paint
        return False


def test_new_data_paint_a_plot_once(plot: Plot, qapp: QApplication) -> None:
    """Ranges that are only settled while it is painted would have it painted again."""
    curve, shade, painted = plot.add_curve(), plot.add_shade(), Painted()
    plot.viewport().installEventFilter(painted)
    for end in (40, 101):
        step = STEPS[:end]
        plot.set_curve(curve, step, step)
        plot.set_shade(shade, step, step - 1, step + 1)
        plot.fit([step], [step])
        painted.times = 0
        for _ in range(5):
            qapp.processEvents()
        assert painted.times == 1


def test_a_digit_more_does_not_move_the_plot(plot: Plot, qapp: QApplication) -> None:
    def width_with(text: str) -> float:
        plot.gutter.show_labels([EndLabel(1.0, text, RED)] if text else [])
        qapp.processEvents()
        return float(plot.box.width())

    first = width_with("0.327")
    assert width_with("0.0327") == width_with("0.33") == first
    assert width_with("1.5 million") < first
    assert width_with("") > first
