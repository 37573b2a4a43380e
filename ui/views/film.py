"""What a network has made on its way: a column for each moment, always of the same noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from playground.snapshot import Film
from ui.theme import mix, theme, ui_font
from ui.views.numbers import format_count
from ui.views.picture_table import PictureTable
from ui.views.pictures import brightness, grey_levels

Floats = NDArray[np.float32]
SIDE = 96
"""Pixels of a small picture of points."""


class FilmStrip(QWidget):
    """Pictures: a row for each code, or for each sample; points: a small plane for each moment."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.film: Film | None = None
        self.table = PictureTable(self)
        self.table.setAccessibleName("What was made, from the first step to now")
        self.table.pointed.connect(self._tell)
        self.told = QLabel("The film comes with the next moment.", self)
        self.told.setProperty("role", "secondary")
        self.told.setFont(ui_font(12))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 6)
        column.setSpacing(4)
        column.addWidget(self.table, 1)
        column.addWidget(self.told)
        self._column = -1

    def show_film(self, film: Film) -> None:
        self.film = film
        steps = [format_count(frame.step) for frame in film.frames]
        if film.originals.ndim == 2:
            planes = points_as_pictures([frame.samples for frame in film.frames], film.originals)
            self.table.show_pictures(planes[None], captions=steps, flow=True)
        else:
            ends = brightness(film.originals)
            columns = [grey_levels(frame.samples, ends) for frame in film.frames]
            if film.kind == "rebuilt":
                columns.append(grey_levels(film.originals, ends))
                steps.append("sample")
            self.table.show_pictures(np.stack(columns, axis=1), captions=steps)
        self._tell(0, self._column)

    def _tell(self, _: int, column: int) -> None:
        """The moment under the mouse, else what this is."""
        self._column = column
        if self.film is None:
            return
        if 0 <= column < len(self.film.frames):
            self.told.setText(f"after {format_count(self.film.frames[column].step)} steps")
        else:
            what = ("The same samples, rebuilt at each step" if self.film.kind == "rebuilt"
                    else f"{self.film.node} at each step, of the same random numbers")
            first = self.film.frames[0].step
            # A document keeps weights and curves, and an edit keeps what fits: neither keeps this.
            self.told.setText(f"{what}; before step {format_count(first)} none were kept"
                              if first else what)


def points_as_pictures(moments: list[Floats], real: Floats) -> NDArray[np.uint8]:
    """Points (n, 2) of each moment before the real ones: (moments, SIDE, SIDE, 3), all of one
    extent, which is that of the real ones and a little more."""
    low, high = real.min(axis=0), real.max(axis=0)
    reach = np.maximum(high - low, 1e-6) * 0.15
    low, high = low - reach, high + reach
    ground = np.array(_rgb(theme().color("panel")), np.uint8)
    faint = _rgb(mix(theme().color("panel"), theme().class_color(0), 0.45))
    plane = np.tile(ground, (SIDE, SIDE, 1))
    _dot(plane, (real - low) / (high - low), faint)
    pictures = np.stack([plane] * len(moments))
    for picture, points in zip(pictures, moments, strict=True):
        _dot(picture, (points - low) / (high - low), _rgb(theme().class_color(1)))
    return pictures


def _dot(picture: NDArray[np.uint8], places: Floats, color: tuple[int, int, int]) -> None:
    """Squares of 3×3 pixels at places 0..1; what lies outside is not there."""
    fine = places[np.isfinite(places).all(axis=1)]
    at = np.floor(fine * SIDE).astype(int)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            x, y = at[:, 0] + dx, SIDE - 1 - at[:, 1] + dy
            inside = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
            picture[y[inside], x[inside]] = color


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()


__all__ = ["FilmStrip", "points_as_pictures"]
