"""The bottom panels, from left to right; a panel may share the place of an earlier one."""

from __future__ import annotations

from typing import NamedTuple

from ui.views.base import View
from ui.views.feature_maps import FeatureMapsView
from ui.views.gradients import GradientsView
from ui.views.listing import ListingView
from ui.views.loss import LossView
from ui.views.node_values import NodeValuesView
from ui.views.output import OutputView
from ui.views.surface import SurfaceView
from ui.views.through_time import ThroughTimeView


class Panel(NamedTuple):
    """A view and where it stands.

    title: on its tab and in the menu. beside: the panel whose place it shares. at_first: seen
    from the first start; the others come with the examples that name them, or from the menu.
    """

    view: type[View]
    title: str
    beside: type[View] | None = None
    at_first: bool = True


PANELS: tuple[Panel, ...] = (
    Panel(LossView, "Loss"),
    Panel(GradientsView, "Gradient norms"),
    Panel(OutputView, "Output"),
    Panel(FeatureMapsView, "Feature maps", OutputView),
    Panel(SurfaceView, "Surface", OutputView, at_first=False),
    Panel(ThroughTimeView, "Through time", OutputView, at_first=False),
    Panel(ListingView, "Program"),
    Panel(NodeValuesView, "Tensor", ListingView),
)
