"""Who attends to whom: the attention weights of one sample, a map for each head."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from ui.views.base import Table
from ui.views.numbers import format_number
from ui.views.pictures import Floats, PictureGrid, Tile

SMALLEST_ROOM = 150
"""Pixels that a map may take at least, however low the panel is."""


class AttentionMaps(PictureGrid):
    """Queries down and keys across; a click shows one head alone, or all again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Attention weights: a row for each query, a column for each key")
        self.clicked.connect(self._enlarge_or_not)

    def show_weights(self, weights: Floats) -> None:
        """weights (..., queries, keys): a map for each of what comes first."""
        heads = weights.reshape(-1, *weights.shape[-2:])
        names = [Tile(f"head {i + 1}" if len(heads) > 1 else "") for i in range(len(heads))]
        self.largest = max(SMALLEST_ROOM, self.height() - 20)
        self.show_maps(heads, signed=False, tiles=names)

    def forget(self) -> None:
        """Show none."""
        self.show_maps(np.zeros((0, 1, 1), np.float32))

    def reading(self, head: int, query: int, key: int) -> str:
        """One weight in words; empty where there is none."""
        if not 0 <= head < len(self.values):
            return ""
        name = f"head {head + 1} · " if len(self.values) > 1 else ""
        return f"{name}query {query} → key {key}: {format_number(self.values[head, query, key])}"

    def about(self, node: str) -> str:
        """What the picture is of."""
        top = format_number(self.scale)
        return f"{node} · queries ↓ keys → · brightest: {top}" if self.values.size else node

    def table(self) -> Table:
        """A row for each query of each head."""
        return ["head", "query", "weights"], [
            [i + 1, q, *row.tolist()]
            for i, head in enumerate(self.values) for q, row in enumerate(head)]

    def _enlarge_or_not(self, head: int) -> None:
        self.enlarge(None if self.alone is not None or len(self.values) < 2 else head)
