"""Noise while training: it keeps a network from relying on single values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import kernels
from playground.emitter import Emitter
from playground.layers.base import Shape, about, layer
from playground.layers.norm import SequenceAxes, channels_of, check_axes
from playground.layers.while_training import WhileTraining
from playground.tensor import Tensor


@layer("spatial_dropout", category="core", label="Spatial dropout", stem="dropout")
class SpatialDropout(WhileTraining, frozen=True, kw_only=True):
    """Leaves out whole channels while training: neighbouring pixels cannot stand in for another.

    Of a sequence, a feature is left out at all times.
    """

    formula = "y = x · mask of the channel / (1 - rate)"
    samples = (((3, 2, 4),), ((4, 5),), ((7,),))

    rate: Annotated[float, about(
        "The share of channels left out. None is left out when the network is only used.",
        ge=0, lt=1)] = 0.5
    axes: SequenceAxes = "time_features"

    def output_shape(self, *x: Shape) -> Shape:
        check_axes(self.label, x[0])
        return x[0]

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"mask": (batch, channels_of(batch, x[0], self.axes)["channels"])}

    def _sizes(self, e: Emitter) -> dict[str, int]:
        sizes = channels_of(e.batch, e.x[0].shape[1:], self.axes)
        return {**sizes, "times": sizes["batch"] // e.batch, "batch": e.batch}

    def disturb(self, e: Emitter) -> None:
        mask = e.work["mask"]
        e.emit(kernels.random.dropout_mask, n=mask.size, rate=float(self.rate), key=e.random_key,
               counters=e.counters, mask=mask)
        e.emit(kernels.random.mask_channels, **self._sizes(e), x=e.x[0], mask=mask, y=e.y[0])

    def disturbed_gradient(self, e: Emitter, dx: Tensor) -> None:
        e.emit(kernels.random.mask_channels, **self._sizes(e), x=e.dy[0], mask=e.work["mask"],
               y=dx)

    def subtitle(self) -> str:
        return f"rate {self.rate:g}"


@layer("gaussian_noise", category="core", label="Gaussian noise", stem="noise")
class GaussianNoise(WhileTraining, frozen=True, kw_only=True):
    """Adds normal random numbers while training, new ones in every step."""

    formula = "y = x + noise"
    samples = (((7,),), ((2, 3, 4),))

    deviation: Annotated[float, about(
        "The standard deviation of the noise. None is added when the network is only used.",
        ge=0, le=100)] = 0.1

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"noise": (batch, *x[0])}

    def disturb(self, e: Emitter) -> None:
        e.emit(kernels.random.add_noise, n=e.x[0].size, deviation=float(self.deviation),
               key=e.random_key, counters=e.counters, x=e.x[0], noise=e.work["noise"], y=e.y[0])

    def disturbed_gradient(self, e: Emitter, dx: Tensor) -> None:
        e.emit(kernels.elementwise.copy, n=dx.size, x=e.dy[0], y=dx)

    def subtitle(self) -> str:
        return f"deviation {self.deviation:g}"
