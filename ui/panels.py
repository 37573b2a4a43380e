"""The bottom panels, from left to right; a panel may share the place of an earlier one."""

from __future__ import annotations

from ui.views.base import View
from ui.views.gradients import GradientsView
from ui.views.loss import LossView

PANELS: tuple[tuple[type[View], type[View] | None], ...] = (
    (LossView, None),
    (GradientsView, None),
)
"""(panel, the panel whose place it shares)"""
