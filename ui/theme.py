"""Colours, fonts and icons: two palettes, one theme that the whole window follows.

`theme().color("panel")` gives a role's colour now; `theme().changed` tells when to ask again.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from ui.colormaps import DIVERGING, SEQUENTIAL, magnitude_image, signed_image
from ui.icons import draw_icon
from ui.stylesheet import stylesheet

Mode = Literal["dark", "light", "system"]

DARK: dict[str, str] = {
    "window": "#0f1217", "panel": "#161a21", "inset": "#1b2029",
    "canvas": "#11151b", "grid": "#1f2630", "node": "#1c222c", "hover": "#1e242d",
    "line": "#262d38", "line_strong": "#3a4453", "edge": "#5a6575",
    "text": "#e6eaf0", "secondary": "#8d97a6", "faint": "#808b9a", "disabled": "#5b6675",
    "accent": "#4c9aff", "accent_fill": "#1f6feb", "on_accent": "#ffffff",
    "accent_soft": "#1d3250", "tick": "#f2f5f9",
}
LIGHT: dict[str, str] = {
    "window": "#f3f5f8", "panel": "#ffffff", "inset": "#f7f9fb",
    "canvas": "#f6f8fa", "grid": "#d3dae2", "node": "#ffffff", "hover": "#eef2f6",
    "line": "#dfe4ea", "line_strong": "#c2cad4", "edge": "#93a0b0",
    "text": "#1b2430", "secondary": "#5d6979", "faint": "#647080", "disabled": "#93a0b0",
    "accent": "#1f6feb", "accent_fill": "#1f6feb", "on_accent": "#ffffff",
    "accent_soft": "#dbe8fc", "tick": "#1b2430",
}
"""The drawing's colours. `faint` is lighter (darker) than drawn: it carries information, and so
needs a contrast of 4.5:1; `disabled` is the drawn faint, for what carries none."""

FAMILIES: dict[str, str] = {
    "data": "#7a8699", "core": "#4c9aff", "conv": "#2bb3a3", "pool": "#8f7bf0",
    "activation": "#f2a541", "norm": "#d06bd0", "recurrent": "#e8718a",
    "sequence": "#7fb347", "merge": "#5fa8c9", "loss": "#ef5b5b", "shape": "#9a8c7a",
    "source": "#b59b2f",
}
STATES: dict[str, str] = {
    "healthy": "#3fb68b", "warning": "#f2a541", "clipped": "#f2a541",
    "exploding": "#ef5b5b", "error": "#ef5b5b", "diverged": "#ef5b5b", "vanishing": "#4f7cff",
    "unknown": "#7a8699", "settled": "#7a8699",
}
SERIES: tuple[str, ...] = (
    "#4c9aff", "#f2a541", "#2bb3a3", "#8f7bf0", "#e8718a", "#d06bd0", "#7fb347", "#5fa8c9")
"""Colours for curves, in this order."""

CLASSES: tuple[str, ...] = (*SERIES, "#ef5b5b", "#b9ab72")
"""Colours for classes: digits and clothes have ten."""

CONTRAST = 4.5
"""WCAG 2.1, 1.4.3: the least contrast of text."""


class Theme(QObject):
    """The colours of now. Ask `theme()` for it."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "dark"
        self.dark = True

    def color(self, role: str, alpha: float = 1.0) -> QColor:
        """The colour of a role ("panel"), a state ("healthy") or a family ("conv")."""
        roles = DARK if self.dark else LIGHT
        name = roles.get(role) or STATES.get(role) or FAMILIES[role]
        color = QColor(name)
        color.setAlphaF(alpha)
        return color

    def family(self, category: str) -> QColor:
        """The colour of a layer's category; grey for one without."""
        return QColor(FAMILIES.get(category, FAMILIES["data"]))

    def series(self, number: int) -> QColor:
        """The colour of curve `number`; it repeats after eight."""
        return QColor(SERIES[number % len(SERIES)])

    def class_color(self, number: int) -> QColor:
        """The colour of class `number`; it repeats after ten."""
        return QColor(CLASSES[number % len(CLASSES)])

    def text(self, role: str, ground: str = "panel") -> QColor:
        """A colour moved towards the text colour until it can be read on `ground`."""
        color, text, back = self.color(role), self.color("text"), self.color(ground)
        share = 0.0
        while contrast(color, back) < CONTRAST and share < 1.0:
            share += 0.05
            color = mix(self.color(role), text, share)
        return color

    def icon(self, name: str, role: str = "secondary") -> QIcon:
        """A Material Design icon ("play") in a role's colour. Ask again after `changed`."""
        modes = QIcon.Mode
        return draw_icon(name, {modes.Normal: self.color(role), modes.Active: self.color("text"),
                                modes.Disabled: self.color("disabled")})

    def set_mode(self, app: QApplication, mode: Mode) -> None:
        self.mode = mode
        self.dark = _system_is_dark() if mode == "system" else mode == "dark"
        app.setStyle("Fusion")
        app.setPalette(self._palette())
        app.setFont(ui_font())
        app.setStyleSheet(stylesheet(DARK if self.dark else LIGHT, self.dark))
        self.changed.emit()

    def _palette(self) -> QPalette:
        """The widgets that the style sheet leaves alone follow this."""
        palette = QPalette()
        role = QPalette.ColorRole
        for target, name in (
                (role.Window, "panel"), (role.WindowText, "text"), (role.Base, "inset"),
                (role.AlternateBase, "panel"), (role.Text, "text"), (role.Button, "panel"),
                (role.ButtonText, "text"), (role.BrightText, "text"), (role.Light, "line_strong"),
                (role.Midlight, "line"), (role.Mid, "line"), (role.Dark, "line"),
                (role.Shadow, "window"), (role.Highlight, "accent_fill"),
                (role.HighlightedText, "on_accent"), (role.Link, "accent"),
                (role.LinkVisited, "accent"), (role.ToolTipBase, "inset"),
                (role.ToolTipText, "text"), (role.PlaceholderText, "faint"),
                (role.Accent, "accent")):
            palette.setColor(target, self.color(name))
        for target in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, target, self.color("disabled"))
        return palette


@cache
def theme() -> Theme:
    """The one theme of this process."""
    return Theme()


def apply(app: QApplication, mode: Mode = "system") -> None:
    """Dress the application; `system` follows the desktop, also when it changes."""
    theme().set_mode(app, mode)
    hints = app.styleHints()
    if not theme().property("follows"):
        theme().setProperty("follows", True)
        hints.colorSchemeChanged.connect(lambda _: _follow(app))


def _follow(app: QApplication) -> None:
    if theme().mode == "system":
        theme().set_mode(app, "system")


# -- fonts ------------------------------------------------------------------------------------


def ui_font(pixels: int = 13, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Inter where it is installed, else the system's, with figures of one width."""
    font = QFont(_family("Inter", "Inter Variable")
                 or QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family())
    font.setPixelSize(pixels)
    font.setWeight(weight)
    font.setFeature(QFont.Tag("tnum"), 1)  # numbers that change must not shake
    return font


def mono_font(pixels: int = 12) -> QFont:
    """For formulas and the listing."""
    font = QFont(_family("DejaVu Sans Mono")
                 or QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family())
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPixelSize(pixels)
    return font


def caption_font() -> QFont:
    """Group captions: small, bold, spaced capitals."""
    font = ui_font(11, QFont.Weight.DemiBold)
    font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
    font.setCapitalization(QFont.Capitalization.AllUppercase)
    return font


@cache
def _installed() -> frozenset[str]:
    return frozenset(QFontDatabase.families())


def _family(*names: str) -> str | None:
    return next((name for name in names if name in _installed()), None)


# -- arithmetic of colours --------------------------------------------------------------------


def mix(a: QColor, b: QColor, share: float) -> QColor:
    """`share` of b in a."""
    return QColor.fromRgbF(*(x + (y - x) * share for x, y in (
        (a.redF(), b.redF()), (a.greenF(), b.greenF()), (a.blueF(), b.blueF()))))


def contrast(a: QColor, b: QColor) -> float:
    """WCAG 2.1 contrast ratio, 1..21."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: QColor) -> float:
    def linear(c: float) -> float:
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    return (0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF())
            + 0.0722 * linear(color.blueF()))


def _system_is_dark() -> bool:
    """Desktops that do not say (plain X11) get the look that most people know the tool by."""
    return QGuiApplication.styleHints().colorScheme() != Qt.ColorScheme.Light


__all__ = [
    "DARK", "DIVERGING", "FAMILIES", "LIGHT", "SEQUENTIAL", "STATES", "Mode", "Theme", "apply",
    "caption_font", "contrast", "magnitude_image", "mix", "mono_font", "signed_image", "theme",
    "ui_font",
]
