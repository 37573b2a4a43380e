"""The fonts of a node, and lines of text."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QFont, QTextLayout, QTextOption

from ui.theme import ui_font


@cache
def name_font() -> QFont:
    return ui_font(13, QFont.Weight.DemiBold)


@cache
def badge_font() -> QFont:
    return ui_font(11)


@cache
def small_font() -> QFont:
    return ui_font(12)


@cache
def chip_font() -> QFont:
    return ui_font(11, QFont.Weight.DemiBold)


def wrap(text: str, font: QFont, width: float) -> list[str]:
    """The lines of a text."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    lines = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        lines.append(text[line.textStart():line.textStart() + line.textLength()].rstrip())
    layout.endLayout()
    return lines
