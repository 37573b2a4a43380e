"""How large a node is drawn: what it shows, in whole steps of the grid, and perhaps a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtGui import QFontMetricsF

from ui.canvas.face import Face
from ui.canvas.layout import GRID
from ui.canvas.ports import ROW, ROWS_TOP, rows
from ui.canvas.text import badge_font, name_font, small_font, wrap

WIDTH, ERROR_WIDTH, MAX_WIDTH, WIDER = 168, 232, 264, 16
"""Widths grow in steps of two grid cells, so that middles lie on the grid as well."""
SETTINGS = 160
"""Pixels of the line of settings that widen the node."""
MARGIN = 12
BAR = 4.0
PICTURE_HEIGHT = {"none": 0.0, "strip": 14.0, "map": 34.0, "tiles": 34.0, "data": 46.0}
SENTENCE_TOP, SENTENCE_LINE = 30.0, 17.0
HINT = 16.0
"""The line that says what a node waits for."""
MARK = 16.0
"""The room of a lock or a link beside the badge."""


def below_rows(face: Face) -> float:
    """From the node's top to what comes after its ports."""
    count = rows(face.inputs, face.outputs)
    return ROWS_TOP + (ROW * count + 4 if count else 0)


def sentence_top(face: Face) -> float:
    """A sentence takes the place of the settings, unless names of ports come between."""
    return below_rows(face) if rows(face.inputs, face.outputs) else SENTENCE_TOP


def picture_rect(face: Face, width: float) -> QRectF:
    return QRectF(MARGIN, below_rows(face), width - 2 * MARGIN, PICTURE_HEIGHT[face.picture])


def placed_ways(face: Face, lines: int) -> list[tuple[str, QRectF]]:
    """What can be clicked on below so many lines of a sentence, and where it stands."""
    x, y = float(MARGIN), sentence_top(face) + SENTENCE_LINE * lines + 3
    placed = []
    for way in face.ways_out:
        width = QFontMetricsF(small_font()).horizontalAdvance(way) + 2
        placed.append((way, QRectF(x, y, width, SENTENCE_LINE)))
        x += width + MARGIN
    return placed


def size_of(face: Face) -> QSizeF:
    """The size that all but a sentence needs."""
    head = (22 + QFontMetricsF(name_font()).horizontalAdvance(face.id) + 12
            + QFontMetricsF(badge_font()).horizontalAdvance(face.trouble or face.badge)
            + MARK * len(face.marks))
    # Names and shapes are never cut; the settings are, before they reach a neighbour.
    needed = max(head, min(
        SETTINGS, QFontMetricsF(small_font()).horizontalAdvance(face.subtitle)))
    wider = -(-(needed + 2 * MARGIN - WIDTH) // WIDER) * WIDER
    picture = PICTURE_HEIGHT[face.picture]
    height = below_rows(face) + (picture + 10 if picture else 6) + (BAR if face.parameters else 0)
    height += HINT if face.waiting else 0
    return QSizeF(min(max(WIDTH, WIDTH + wider), MAX_WIDTH), -(-height // GRID) * GRID)


def sizes_with(face: Face, sentence: str) -> Iterator[tuple[QSizeF, list[str]]]:
    """Sizes for a sentence, and its lines: wide, long, and cut where the node ends anyway."""
    plain, top = size_of(face), sentence_top(face)
    extra = SENTENCE_LINE + 3 if face.ways_out else 0.0
    for width in sorted({max(plain.width(), ERROR_WIDTH), plain.width()}, reverse=True):
        lines = wrap(sentence, small_font(), width - 2 * MARGIN)
        height = max(plain.height(), top + SENTENCE_LINE * len(lines) + extra + 10)
        yield QSizeF(width, -(-height // GRID) * GRID), lines
    room = max(1, int((plain.height() - top - 6) // SENTENCE_LINE))
    height = max(plain.height(), -(-(top + SENTENCE_LINE * room + extra + 6) // GRID) * GRID)
    if len(lines) > room:
        lines = [*lines[:room - 1], f"{lines[room - 1].rstrip(' .,:')} …"]
    yield QSizeF(plain.width(), height), lines
