"""What the window remembers between two runs: theme, layout, speed, recent files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

from PySide6.QtCore import QByteArray, QSettings

from ui.theme import Mode

RECENT = 9
"""As many as have a digit of their own."""
SLOWEST, FASTEST = 1.0, 100_000.0
"""Steps per second that can be asked for."""
LAYOUT_VERSION = 2
"""Grows when the docks change, so that an old layout is not forced on new docks."""


class Preferences:
    """Typed access to the settings file."""

    def __init__(self, settings: QSettings | None = None) -> None:
        self._settings = settings or QSettings(
            QSettings.Format.IniFormat, QSettings.Scope.UserScope, "playground", "playground")

    @property
    def theme(self) -> Mode:
        value = str(self._settings.value("theme", "system"))
        return cast(Mode, value) if value in get_args(Mode) else "system"

    @theme.setter
    def theme(self, mode: Mode) -> None:
        self._settings.setValue("theme", mode)

    @property
    def geometry(self) -> QByteArray | None:
        return self._bytes("geometry")

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._settings.setValue("geometry", value)

    @property
    def layout(self) -> QByteArray | None:
        return self._bytes(f"layout-{LAYOUT_VERSION}")

    @layout.setter
    def layout(self, value: QByteArray) -> None:
        self._settings.setValue(f"layout-{LAYOUT_VERSION}", value)

    @property
    def folded(self) -> list[str] | None:
        """The groups of the palette that are folded; None before the user has chosen."""
        value = self._settings.value("folded")
        if value is None:
            return None
        return str(value).split()

    @folded.setter
    def folded(self, groups: Iterable[str]) -> None:
        self._settings.setValue("folded", " ".join(sorted(groups)))

    @property
    def speed(self) -> float | None:
        """Steps per second at most; None for no limit."""
        try:
            value = float(str(self._settings.value("speed")))
        except ValueError:
            return None
        return value if SLOWEST <= value <= FASTEST else None

    @speed.setter
    def speed(self, value: float | None) -> None:
        self._settings.setValue("speed", "" if value is None else str(value))

    @property
    def unit(self) -> str:
        """What a step is, as it was chosen last; empty before that."""
        return str(self._settings.value("unit", ""))

    @unit.setter
    def unit(self, unit: str) -> None:
        self._settings.setValue("unit", unit)

    @property
    def threads(self) -> int:
        """How many train; 1 before that was chosen."""
        try:
            return max(1, int(str(self._settings.value("threads", "1"))))
        except ValueError:
            return 1

    @threads.setter
    def threads(self, threads: int) -> None:
        self._settings.setValue("threads", threads)

    @property
    def recent(self) -> list[Path]:
        """The files opened last, newest first; those that are gone are left out."""
        value = self._settings.value("recent", [])
        names = [value] if isinstance(value, str) else list(cast("list[str]", value or []))
        return [path for name in names if (path := Path(name)).is_file()]

    def add_recent(self, path: Path) -> None:
        """Put a file first."""
        path = path.resolve()
        names = [str(path), *(str(other) for other in self.recent if other != path)]
        self._settings.setValue("recent", names[:RECENT])

    def clear_recent(self) -> None:
        self._settings.setValue("recent", [])

    @property
    def folder(self) -> str:
        """Where file dialogs open: where the last file was."""
        recent = self.recent
        return str(recent[0].parent) if recent else ""

    def sync(self) -> None:
        self._settings.sync()

    def _bytes(self, key: str) -> QByteArray | None:
        value = self._settings.value(key)
        return value if isinstance(value, QByteArray) and not value.isEmpty() else None
