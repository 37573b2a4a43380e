"""The theme: readable colours, fonts, and pictures of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from ui import theme as themes
from ui.colormaps import DIVERGING, NOT_FINITE, SEQUENTIAL, magnitude_image, signed_image
from ui.theme import DARK, LIGHT, contrast, theme


@pytest.fixture(autouse=True)
def dark_again(qapp: QApplication) -> object:
    themes.apply(qapp, "dark")
    yield
    themes.apply(qapp, "dark")


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_text_can_be_read(qapp: QApplication, mode: themes.Mode) -> None:
    themes.apply(qapp, mode)
    for ground in ("window", "panel", "inset", "canvas", "node"):
        for role in ("text", "secondary", "faint"):
            assert contrast(theme().color(role), theme().color(ground)) >= 4.5, (role, ground)
        for role in ("healthy", "warning", "exploding", "vanishing", "accent"):
            assert contrast(theme().text(role, ground), theme().color(ground)) >= 4.5, role
    assert contrast(theme().color("on_accent"), theme().color("accent_fill")) >= 4.5


def test_no_text_needs_a_letter_that_many_fonts_lack() -> None:
    """U+2016, the bars of a norm, is a box in some of them: a gradient norm is written |g|."""
    root = Path(themes.__file__).parent.parent
    files = [*(root / "ui").rglob("*.py"), *(root / "playground").rglob("*.py")]
    assert len(files) > 100
    assert not [file.name for file in files if "\u2016" in file.read_text(encoding="utf-8")]


def test_both_palettes_have_the_same_roles() -> None:
    assert DARK.keys() == LIGHT.keys()
    assert all(QColor(name).isValid() for name in (*DARK.values(), *LIGHT.values()))


def test_switching_tells_once_and_recolours_widgets(qapp: QApplication, qtbot: QtBot) -> None:
    button = QPushButton("x")
    qtbot.addWidget(button)
    with qtbot.waitSignal(theme().changed):
        themes.apply(qapp, "light")
    assert button.palette().buttonText().color() == theme().color("text")
    assert not theme().dark
    themes.apply(qapp, "system")
    assert theme().mode == "system"


def test_an_unknown_category_is_grey_and_an_icon_is_drawn(qapp: QApplication) -> None:
    assert theme().family("of another version") == theme().family("data")
    assert not theme().icon("play").pixmap(16).isNull()


def test_maps_have_the_right_ends_and_middle() -> None:
    assert DIVERGING.shape == SEQUENTIAL.shape == (256, 3)
    assert DIVERGING[0][2] > DIVERGING[0][0]
    assert DIVERGING[255][0] > DIVERGING[255][2]
    assert (DIVERGING[127:129] > 240).all()
    assert SEQUENTIAL.astype(int).sum(axis=1)[255] > SEQUENTIAL.astype(int).sum(axis=1)[0]


def test_signed_picture_is_white_at_zero_and_outlives_its_array() -> None:
    image = signed_image(np.array([[-2.0, 0.0, 2.0]]))
    assert (image.width(), image.height()) == (3, 1)
    left, middle, right = (image.pixelColor(x, 0) for x in range(3))
    assert left.blue() > left.red()
    assert min(middle.red(), middle.green(), middle.blue()) > 240
    assert right.red() > right.blue()
    assert signed_image(np.array([[1.0]]), scale=100.0).pixelColor(0, 0).green() > 235


def test_a_picture_of_nothing_but_zeros_and_one_of_wrong_numbers() -> None:
    assert signed_image(np.zeros((2, 2))).pixelColor(1, 1).green() > 240
    assert magnitude_image(np.zeros(4)).width() == 4
    broken = signed_image(np.array([[np.nan, 1.0, -np.inf]]))
    assert broken.pixelColor(0, 0) == QColor(*NOT_FINITE)
    assert broken.pixelColor(2, 0) == QColor(*NOT_FINITE)
    assert broken.pixelColor(1, 0).red() > broken.pixelColor(1, 0).blue()
