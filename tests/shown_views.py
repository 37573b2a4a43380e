"""Views for tests, and moments for them to show."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from playground.compiler import compile_program
from playground.examples import EXAMPLES
from playground.history import HistoryView
from playground.program import Program
from playground.snapshot import (
    Probe,
    Snapshot,
    TensorProbe,
)
from tests import time_graphs
from ui.views.base import View
from ui.views.excitation import ExcitationView
from ui.views.feature_maps import FeatureMapsView
from ui.views.gradients import GradientsView
from ui.views.listing import ListingView
from ui.views.loss import LossView
from ui.views.matrix import MatrixView
from ui.views.node_values import NodeValuesView
from ui.views.output import OutputView
from ui.views.representation import RepresentationView
from ui.views.text import TextView
from ui.views.through_time import ThroughTimeView

VIEWS = (LossView, GradientsView, FeatureMapsView, NodeValuesView, OutputView, ThroughTimeView,
         ListingView, RepresentationView, ExcitationView, MatrixView, TextView)


@cache
def program(name: str = "mlp-spiral") -> Program:
    return compile_program(time_graphs.adding() if name == "adding" else EXAMPLES[name].graph)


def history(columns: tuple[str, ...], steps: int = 100, **series: Any) -> HistoryView:
    """All ones; `series` replaces columns ("." in a name is written "__")."""
    values = np.ones((3, steps, len(columns)))
    for name, numbers in series.items():
        values[:, :, columns.index(name.replace("__", "."))] = numbers
    return HistoryView(columns, np.arange(1.0, steps + 1), values,
                       np.array([50.0, 100.0]), np.array([0.9, 0.7]), np.array([0.5, 0.6]))


def snapshot(name: str = "mlp-spiral", steps: int = 100, values: dict[Probe, Any] | None = None,
             state: Any = "running", position: int = 0, **series: Any) -> Snapshot:
    made = program(name)
    return Snapshot(state=state, program=made, step=steps, position=position, loss=0.5, metric=0.9,
                    metric_name="accuracy", history=history(made.columns, steps, **series),
                    values=values or {})


def suited(view: type[View]) -> Snapshot:
    """A moment that the view has something to say of."""
    if view is TextView:
        return snapshot("transformer")
    if view is MatrixView:
        w = np.ones((16, 1, 3, 3), np.float32)
        return snapshot("cnn-digits", values={TensorProbe("conv_1.w"): w})
    return snapshot("adding" if view is ThroughTimeView else "cnn-digits")


def shown(qtbot: QtBot, view: View, moment: Snapshot | None = None) -> Any:
    qtbot.addWidget(view)
    view.resize(520, 320)
    view.show()
    if moment is not None:
        view.show_snapshot(moment)
    return view
