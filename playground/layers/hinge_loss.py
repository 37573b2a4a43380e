"""The hinge loss: the right class wins by a margin, and more is not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import kernels
from playground.emitter import Emitter
from playground.layers.base import Shape, Signal, about, layer
from playground.layers.loss_layer import ClassLoss
from playground.tensor import Tensor


@layer("hinge", category="loss", label="Hinge", stem="loss")
class Hinge(ClassLoss, frozen=True, kw_only=True):
    """For classes: the right score must lead the others by a margin.

    Of a score for each class it is PyTorch's MultiMarginLoss, the sum over the wrong classes by
    the number of classes. A single score for two classes must lie beyond the margin, below 0 for
    the first one and above 0 for the second (as in a support vector machine).
    """

    formula = "L = Σ max(0, m - xₜ + x) / C; of one score max(0, m ∓ x)"
    answer = "answer"

    margin: Annotated[float, about(
        "How far the right score must lead.", gt=0, le=1e6, log=True)] = 1.0

    def check(self, prediction: Signal, target: Signal) -> None:
        if (prediction.shape, target.shape, target.classes) != ((1,), (), 2):
            super().check(prediction, target)

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        # The single score on the scale of class numbers: the margins of 1 are 0 and 1.
        single = {"answer": (batch, 1)} if x[0] == (1,) else {}
        return {**super().workspace(batch, *x), **single}

    def forward(self, e: Emitter) -> None:
        single: dict[str, Any] = {"answer": e.work["answer"]} if "answer" in e.work else {}
        e.emit(kernels.hinge.binary_hinge if single else kernels.hinge.multi_margin,
               **self._settings(e), **single, prediction=e.x[0], target=self.target(e),
               loss=e.work["loss"], metric=e.work["metric"])

    def input_gradient(self, e: Emitter, dx: Tensor) -> None:
        e.emit(kernels.hinge.binary_hinge_backward if "answer" in e.work
               else kernels.hinge.multi_margin_backward, **self._settings(e),
               prediction=e.x[0], target=self.target(e), dprediction=dx)

    def _settings(self, e: Emitter) -> dict[str, Any]:
        margin = {"margin": float(self.margin)}
        if "answer" in e.work:
            return {"batch": e.batch, "total": e.total, **margin}
        return {**self.sizes(e), **margin}
