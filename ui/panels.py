"""The bottom panels, from left to right; a panel may share the place of an earlier one."""

from __future__ import annotations

from ui.views.base import View
from ui.views.feature_maps import FeatureMapsView
from ui.views.gradients import GradientsView
from ui.views.listing import ListingView
from ui.views.loss import LossView
from ui.views.node_values import NodeValuesView
from ui.views.output import OutputView

PANELS: tuple[tuple[type[View], type[View] | None], ...] = (
    (LossView, None),
    (GradientsView, None),
    (OutputView, None),
    (FeatureMapsView, OutputView),
    (ListingView, None),
    (NodeValuesView, ListingView),
)
"""(panel, the panel whose place it shares)"""
