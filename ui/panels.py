"""The bottom panels, from left to right; a panel may share the place of an earlier one."""

from __future__ import annotations

from ui.views.base import View
from ui.views.feature_maps import FeatureMapsView
from ui.views.gradients import GradientsView
from ui.views.listing import ListingView
from ui.views.loss import LossView
from ui.views.node_values import NodeValuesView
from ui.views.output import OutputView
from ui.views.representation import RepresentationView
from ui.views.through_time import ThroughTimeView

PANELS: tuple[tuple[type[View], str, type[View] | None], ...] = (
    (LossView, "Loss", None),
    (GradientsView, "Gradient norms", None),
    (OutputView, "Output", None),
    (FeatureMapsView, "Feature maps", OutputView),
    (ThroughTimeView, "Through time", OutputView),
    (ListingView, "Program", None),
    (NodeValuesView, "Tensor", ListingView),
    (RepresentationView, "Representation", ListingView),
)
"""(panel, its name on tabs and in the menu, the panel whose place it shares)"""
