"""Reading a data file in a thread: first what it seems to hold, then whether all of it can be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from playground.data import DataError, Preview, preview, with_all
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.layers.data import File
from playground.shapes import check
from ui import patience
from ui.background import Background


@dataclass(frozen=True)
class Wish:
    """What is chosen in the dialog. target: a column, or empty for the last one. lengths: an array,
    empty for none, or None for the one that is called so.
    """

    path: str
    target: str = ""
    task: str = "auto"
    missing: str = "error"
    image_size: int = 0
    lengths: str | None = None

    def settings(self, seen: Preview | None) -> dict[str, Any]:
        """The settings of a data node, as far as they concern what there is."""
        kind = seen.format if seen is not None else None
        found: dict[str, Any] = {
            "path": self.path, "lengths_key": "" if seen is None else seen.lengths_key}
        if seen is not None and kind == "csv":
            found |= {"target_column": self.target or seen.columns[-1], "task": self.task,
                      "missing": self.missing}
        elif kind == "images":
            found |= {"image_size": self.image_size}
        return found


@dataclass(frozen=True)
class Finding:
    """What a wish leads to. is_final: all was read, and the problem (or that there is none) stands.
    """

    wish: Wish
    seen: Preview | None
    problem: str
    is_final: bool


def findings(wish: Wish) -> Iterator[Finding]:
    """A first look at the file, then at all of it; only one where that says it cannot be used."""
    seen = None
    try:
        seen = preview(wish.path, target_column=wish.target or None, lengths_key=wish.lengths,
                       image_size=wish.image_size)
        yield Finding(wish, seen, "", is_final=False)
        settings = wish.settings(seen)
        problem = problem_of(settings)
        if not problem:
            seen = with_all(seen, _node(settings).raw())  # which the check has read
    except DataError as error:
        problem = str(error)
    except MemoryError:
        problem = "There is not enough memory to read it. Choose a part of it."
    yield Finding(wish, seen, problem, is_final=True)


def problem_of(settings: dict[str, Any]) -> str:
    """What a data node with these settings would complain about."""
    graph = Graph().with_node(_node(settings))
    return check(graph).errors.get(graph.nodes[0].id, "")


def _node(settings: dict[str, Any]) -> File:
    layer = make_layer("file", settings)
    assert isinstance(layer, File)
    return layer


class Reader(QObject):
    """Tells what it finds out about the last wish; what was still being read before is dropped."""

    found = Signal(object)
    """A Finding."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._wish: Wish | None = None
        self._read: Wish | None = None
        """What is being read, or was; an equal wish that comes later is another one."""
        self._work = Background(self)
        self._work.came.connect(self._came)
        self._work.ended.connect(self._ended)

    @property
    def busy(self) -> bool:
        return self._work.busy

    def look(self, wish: Wish) -> None:
        """Find out about this. What is there soon is told before this returns."""
        self._wish = wish
        if not self.busy:
            self._start(wish)

    def stop(self) -> None:
        """Nothing is wanted any more."""
        self._wish = None

    def _start(self, wish: Wish) -> None:
        self._read = wish
        self._work.start(partial(_told, wish), patience.UNNOTICED)

    def _came(self, finding: Finding) -> None:
        if finding.wish == self._wish:
            self.found.emit(finding)

    def _ended(self) -> None:
        if self._wish is not None and self._wish is not self._read:
            # It came meanwhile: one file at a time is enough for the disk.
            self._start(self._wish)


def _told(wish: Wish) -> Iterator[Finding]:
    try:
        yield from findings(wish)
    except Exception as error:  # who waits must hear of it
        yield Finding(wish, None, f"It cannot be read ({type(error).__name__}: {error}).", True)
        raise
