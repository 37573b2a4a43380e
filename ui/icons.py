"""Material Design icons: the font that QtAwesome ships, drawn without importing QtAwesome.

Its module imports all of Qt through QtPy, which would cost a fifth of the time until the first
frame; the font and the table of names are all that is used.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPixmap

SIZES = (18, 36)
_FILL = 0.875
"""Of the square that a glyph takes, as QtAwesome draws them."""


@cache
def _font() -> tuple[str, dict[str, str]]:
    """The font's family, and the character of each name."""
    spec = find_spec("qtawesome")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "fonts"
    font = next(folder.glob("materialdesignicons6-webfont-*.ttf"))
    names = next(folder.glob("materialdesignicons6-webfont-charmap-*.json"))
    family = QFontDatabase.applicationFontFamilies(
        QFontDatabase.addApplicationFont(str(font)))[0]
    table = json.loads(names.read_text("utf-8"))
    return family, {name: chr(int(code, 16)) for name, code in table.items()}


def draw_icon(name: str, colors: dict[QIcon.Mode, QColor]) -> QIcon:
    """The icon called `name` ("play"), in a colour for each mode. Raises KeyError."""
    family, glyphs = _font()
    glyph, icon = glyphs[name], QIcon()
    for mode, color in colors.items():
        for size in SIZES:
            picture = QPixmap(size, size)
            picture.fill(Qt.GlobalColor.transparent)
            font = QFont(family)
            font.setPixelSize(round(_FILL * size))
            painter = QPainter(picture)
            painter.setFont(font)
            painter.setPen(color)
            painter.drawText(QRect(0, 0, size, size), Qt.AlignmentFlag.AlignCenter, glyph)
            painter.end()
            icon.addPixmap(picture, mode)
    return icon
