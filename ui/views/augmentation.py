"""Training samples as they are and as augmentation changes them, one above the other."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from playground.snapshot import AugmentationProbe, Probe, Snapshot
from ui.views.base import Table, View
from ui.views.pictures import PictureGrid, Tile, grey_levels

COUNT = 6
"""Samples side by side; with both rows they fit the inspector."""


class AugmentationView(View):
    """A few samples, before and after; each press of the button draws other changes."""

    title = "Augmentation"
    name = "augmentation"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.drawn = 0
        self.values = np.zeros((2, 0, 1), np.float32)
        self.pictures = PictureGrid(self.body)
        self.pictures.setAccessibleName("Training samples, and below them what becomes of each")
        self.again = QPushButton("Draw again", self.body)
        self.again.setToolTip("Change the same samples in another way, as another step would")
        self.again.clicked.connect(self._draw_again)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(8)
        column.addWidget(self.pictures, 1)
        column.addWidget(self.again)
        self.setMinimumHeight(190)
        self.add_export_menu()

    def wanted(self) -> frozenset[Probe]:
        return frozenset({self._probe()})

    def missing(self, snapshot: Snapshot | None) -> str:
        if snapshot is None or snapshot.program is None:
            return "Connect the data to a network: what becomes of its samples appears here."
        if snapshot.program.data_node != self.selected:
            return "These data train nothing yet. Connect them to the network."
        return ""

    def draw(self, snapshot: Snapshot) -> None:
        both = snapshot.values.get(self._probe())
        if both is None:
            return  # The snapshot is older than the last press or edit.
        self.values = both
        count, shape = both.shape[1], both.shape[2:]
        if len(shape) == 3:
            tiles = [Tile("as is" if i < count else "after") for i in range(2 * count)]
            self.pictures.columns = count
            self.pictures.show_colors(grey_levels(both.reshape(2 * count, *shape)), tiles)
        else:
            self.pictures.columns = None
            self.pictures.show_maps(both.reshape(2, count, -1), tiles=[
                Tile("before: a row is a sample"), Tile("after")])

    def table(self) -> Table | None:
        rows = self.values.reshape(2 * self.values.shape[1], -1)
        names = ["when", *(str(i) for i in range(rows.shape[1]))]
        half = len(rows) // 2
        return names, [["before" if i < half else "after", *row]
                       for i, row in enumerate(rows.tolist())]

    def _probe(self) -> AugmentationProbe:
        return AugmentationProbe(COUNT, self.drawn)

    def _draw_again(self) -> None:
        self.drawn += 1


__all__ = ["AugmentationView"]
