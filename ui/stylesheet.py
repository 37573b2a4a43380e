"""The one style sheet: 1 px lines, 6 px corners, no shadows. Colours come from the theme.

Widgets ask for a look by properties: `role` of a label ("title", "secondary", "caption", "mono"),
of a frame ("panel", "inset", "chip") or of a button ("primary", "chip", "segment", "flat").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from PySide6.QtCore import QTemporaryDir

# Qt's style sheets take arrows and ticks only from files, so these few lines become files in a
# temporary folder, drawn in the theme's colours.
_SHAPES = {
    "down": '<path d="M3 5.5 7 9.5 11 5.5" {stroke}/>',
    "up": '<path d="M3 8.5 7 4.5 11 8.5" {stroke}/>',
    "right": '<path d="M5.5 3 9.5 7 5.5 11" {stroke}/>',
    "left": '<path d="M8.5 3 4.5 7 8.5 11" {stroke}/>',
    "tick": '<path d="M3 7.5 6 10.5 11.5 4" {stroke}/>',
    "dot": '<circle cx="7" cy="7" r="2.2" {fill}/>',
    "close": '<path d="M4 4 10 10M10 4 4 10" {stroke}/>',
}

_SHEET = Template("""
* { outline: none; }
QMainWindow, QDialog { background: $panel; }
QMainWindow::separator { background: $line; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: $accent; }
QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover { background: $accent; }
QMessageBox QLabel#qt_msgboxex_icon_label { max-width: 0; max-height: 0; }
QMessageBox QLabel#qt_msgbox_label { padding: 12px 16px 4px 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QToolTip { background: $inset; color: $text; border: 1px solid $line_strong; padding: 4px 6px; }

QLabel[role="title"] { font-weight: 600; }
QLabel[role="secondary"] { color: $secondary; }
QLabel[role="faint"] { color: $faint; }
QLabel[role="caption"] { color: $faint; font-size: 11px; font-weight: 600; }
QLabel[role="mono"] { font-family: "DejaVu Sans Mono", monospace; font-size: 12px; }
QFrame[role="panel"] { background: $panel; border: none; }
QFrame[role="inset"] { background: $inset; border: 1px solid $line; border-radius: 6px; }
QFrame[role="chip"] { background: $inset; border: 1px solid $line; border-radius: 6px; }
QFrame[role="line"] { background: $line; border: none; max-height: 1px; min-height: 1px; }

QToolBar { background: $panel; border: none; border-bottom: 1px solid $line; padding: 6px 8px;
    spacing: 6px; }
QToolBar::separator { background: $line; width: 1px; margin: 4px 6px; }
QStatusBar { background: $panel; border-top: 1px solid $line; color: $secondary; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $secondary; padding: 0 6px; }
QStatusBar QLabel:disabled { color: $disabled; }

QMenuBar { background: $panel; color: $text; border: none; padding: 2px 4px; }
QMenuBar::item { padding: 4px 8px; border-radius: 6px; background: transparent; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $hover; }
QMenu { background: $panel; border: 1px solid $line_strong; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent_soft; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QMenu::icon { padding-left: 8px; }
QMenu::right-arrow { image: url($icons/right.svg); width: 12px; height: 12px; right: 8px; }

QPushButton, QToolButton { background: $inset; color: $text; border: 1px solid $line;
    border-radius: 6px; padding: 5px 10px; }
QPushButton:hover, QToolButton:hover { background: $hover; border-color: $line_strong; }
QPushButton:pressed, QToolButton:pressed { background: $line; }
QPushButton:checked, QToolButton:checked { background: $line; color: $text; }
QPushButton:disabled, QToolButton:disabled { color: $disabled; background: $panel; }
QPushButton:focus, QToolButton:focus { border-color: $accent; }
QPushButton:default, QPushButton[role="primary"], QToolButton[role="primary"] {
    background: $accent_fill; border-color: $accent_fill; color: $on_accent; font-weight: 600; }
QPushButton[role="primary"]:hover, QToolButton[role="primary"]:hover { background: $accent; }
QPushButton:default:disabled, QPushButton[role="primary"]:disabled,
QToolButton[role="primary"]:disabled {
    background: $panel; border-color: $line; color: $disabled; }
QPushButton[role="flat"], QToolButton[role="flat"] { background: transparent;
    border-color: transparent; padding: 4px; }
QPushButton[role="flat"]:hover, QToolButton[role="flat"]:hover { background: $hover; }
QPushButton[role="flat"]:focus, QToolButton[role="flat"]:focus { border-color: $accent; }
QToolButton::menu-indicator, QPushButton::menu-indicator { image: url($icons/down.svg);
    width: 10px; height: 10px; subcontrol-position: right center; right: 6px; }
QToolButton[popupMode="2"], QPushButton[menu="true"] { padding-right: 20px; }
QPushButton[segment], QToolButton[segment] { border-radius: 0; margin: 0; border-left: none; }
QPushButton[segment="first"], QToolButton[segment="first"] { border-left: 1px solid $line;
    border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QPushButton[segment="last"], QToolButton[segment="last"] {
    border-top-right-radius: 6px; border-bottom-right-radius: 6px; }

QLineEdit, QPlainTextEdit, QTextEdit, QTextBrowser, QAbstractSpinBox, QComboBox {
    background: $inset; color: $text; border: 1px solid $line; border-radius: 6px;
    padding: 4px 8px; selection-background-color: $accent_fill;
    selection-color: $on_accent; }
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover { border-color: $line_strong; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QAbstractSpinBox:focus, QComboBox:focus,
QComboBox:on { border-color: $accent; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { color: $disabled;
    background: $panel; }
QAbstractSpinBox QLineEdit { border: none; padding: 0 6px; background: transparent; }
QAbstractSpinBox { padding: 3px 0; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 18px; border: none;
    background: transparent; subcontrol-origin: border; }
QAbstractSpinBox::up-button { subcontrol-position: top right; margin: 2px 2px 0 0; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; margin: 0 2px 2px 0; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $line;
    border-radius: 3px; }
QAbstractSpinBox::up-arrow { image: url($icons/up.svg); width: 9px; height: 9px; }
QAbstractSpinBox::down-arrow { image: url($icons/down.svg); width: 9px; height: 9px; }
QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::up-arrow:off {
    image: url($icons/up-off.svg); }
QAbstractSpinBox::down-arrow:disabled, QAbstractSpinBox::down-arrow:off {
    image: url($icons/down-off.svg); }
QComboBox { padding-right: 2px; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url($icons/down.svg); width: 11px; height: 11px; }
QComboBox QAbstractItemView { background: $panel; border: 1px solid $line_strong; padding: 4px; }

QCheckBox, QRadioButton { spacing: 8px; background: transparent; }
QCheckBox::indicator, QRadioButton::indicator { width: 14px; height: 14px; background: $inset;
    border: 1px solid $line_strong; border-radius: 4px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover, QCheckBox::indicator:focus,
QRadioButton::indicator:focus { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent_fill; border-color: $accent_fill;
    image: url($icons/tick.svg); }
QRadioButton::indicator:checked { background: $accent_fill; border: 1px solid $accent_fill;
    image: url($icons/dot.svg); }

QSlider::groove:horizontal { height: 4px; background: $line; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 12px; height: 12px; margin: -5px 0; border-radius: 7px;
    background: $panel; border: 1px solid $accent; }
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus { background: $accent; }
QProgressBar { background: $line; border: none; border-radius: 2px; max-height: 4px;
    color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }

QAbstractScrollArea { background: $panel; border: none; }
QGraphicsView { background: $canvas; border: none; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 10px; }
QScrollBar:horizontal { height: 10px; }
QScrollBar::handle { background: $line_strong; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $edge; }
QScrollBar::handle:disabled { background: transparent; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTreeView, QListView, QTableView { background: $panel; alternate-background-color: $inset;
    border: none; selection-background-color: $accent_soft; selection-color: $text; }
QTreeView::item, QListView::item { min-height: 26px; padding: 0 4px; border-radius: 6px; }
QTreeView::item:hover, QListView::item:hover { background: $hover; }
QTreeView::item:selected, QListView::item:selected { background: $accent_soft; color: $text; }
QTreeView::branch { background: transparent; }
QTreeView::branch:has-children:closed { image: url($icons/right.svg); }
QTreeView::branch:has-children:open { image: url($icons/down.svg); }
QHeaderView { background: $panel; border: none; }
QHeaderView::section { background: $panel; color: $secondary; border: none;
    border-bottom: 1px solid $line; padding: 4px 8px; }
QTableView { gridline-color: $line; }
QTableCornerButton::section { background: $panel; border: none; }

QTabWidget::pane { border: none; border-top: 1px solid $line; }
QTabBar { background: $panel; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $secondary; padding: 7px 12px;
    border: none; border-bottom: 2px solid transparent; }
QMainWindow > QTabBar::tab { padding: 7px 2px 7px 12px; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { color: $accent; }
QDockWidget { titlebar-close-icon: url($icons/close.svg);
    titlebar-normal-icon: url($icons/up.svg); }
QDockWidget::title { background: $panel; padding: 7px 10px; text-align: left;
    border-bottom: 1px solid $line; }
QGroupBox { border: none; margin-top: 20px; padding: 0; }
QGroupBox::title { subcontrol-origin: margin; left: 0; color: $faint; font-size: 11px; }
""")


@cache
def _folder() -> QTemporaryDir:
    return QTemporaryDir()


def _draw_icons(colors: Mapping[str, str], dark: bool) -> str:
    folder = Path(_folder().path()) / ("dark" if dark else "light")
    folder.mkdir(exist_ok=True)
    shapes = {**_SHAPES, "up-off": _SHAPES["up"], "down-off": _SHAPES["down"]}
    for name, shape in shapes.items():
        color = colors["on_accent" if name in ("tick", "dot")
                       else "line_strong" if name.endswith("-off") else "secondary"]
        fill = f'fill="{color}"'
        stroke = (f'fill="none" stroke="{color}" stroke-width="1.6" stroke-linecap="round" '
                  'stroke-linejoin="round"')
        (folder / f"{name}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="14" height="14" '
            f'viewBox="0 0 14 14">{shape.format(stroke=stroke, fill=fill)}</svg>', encoding="utf-8")
    return folder.as_posix()


def stylesheet(colors: Mapping[str, str], dark: bool) -> str:
    """The sheet with these colours by role."""
    return _SHEET.substitute(colors, icons=_draw_icons(colors, dark))
