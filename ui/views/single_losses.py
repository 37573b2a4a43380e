"""Each loss of a network that has several: the two players of a GAN, or the parts of a sum."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor

from playground.history import HistoryView
from playground.layers.loss_layer import LossLayer
from playground.snapshot import Snapshot
from ui.views.plots import Curve, Plot, thin_pen
from ui.views.series import Series, smooth, thin


class SingleLosses:
    """A line for each loss node, in the colours of a legend that names them."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.curves: list[Curve] = []

    def draw(self, history: HistoryView, nodes: Sequence[str], colors: Sequence[QColor]
             ) -> list[Series]:
        """Draw the losses of these nodes, and no others; gives the heights."""
        while len(self.curves) < len(nodes):
            self.curves.append(self._plot.add_curve())
        while len(self.curves) > len(nodes):
            self._plot.remove_curve(self.curves.pop())
        heights: list[Series] = []
        for node, curve, color in zip(nodes, self.curves, colors, strict=True):
            values = history.mean(f"{node}.loss")
            band = thin(history.step, values, limit=self._plot.columns())
            line = smooth(band.mean, len(band.mean) // 40)
            curve.setPen(thin_pen(color))
            curve.setZValue(2)
            self._plot.set_curve(curve, band.step, line)
            heights.append(line)
        return heights


def single_losses(snapshot: Snapshot) -> tuple[str, ...]:
    """The loss nodes of which the history tells, where there are several."""
    history, program = snapshot.history, snapshot.program
    if history is None or program is None or len(program.check.losses) < 2:
        return ()
    return tuple(id for id in program.check.losses if f"{id}.loss" in history)


def take_turns(snapshot: Snapshot) -> bool:
    """Whether the losses train different groups, one after the other: then nothing is their sum."""
    program = snapshot.program
    if program is None:
        return False
    layers = [program.graph.node(id).layer for id in program.check.losses]
    return len({layer.trains for layer in layers if isinstance(layer, LossLayer)}) > 1


__all__ = ["SingleLosses", "single_losses", "take_turns"]
