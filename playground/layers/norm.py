"""Normalisation: values brought to mean 0 and deviation 1, or to length 1."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import kernels
from playground.emitter import Emitter, Operand
from playground.initializers import Constant
from playground.layers.base import (
    MAX_SIZE,
    Layer,
    Parameter,
    Shape,
    ShapeError,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.numbers import plural
from playground.tensor import Tensor

if TYPE_CHECKING:
    from kernels.jit import Kernel

Epsilon = Annotated[float, about(
    "Added to the variance, so that nothing is divided by zero.", ge=1e-12, le=1, log=True)]
Affine = Annotated[bool, about(
    "Learn a scale w and an offset b, so that the next layer can get any range.",
    title="Scale and offset")]
Axes = Annotated[Literal["last", "all"], about(
    "What is taken together. last: the last axis, so each time step of a sequence by itself. "
    "all: the whole sample.")]
SequenceAxes = Annotated[Literal["time_features", "channels_length"], about(
    "What the two axes of a sequence are. time_features: as recurrent layers give them. "
    "channels_length: as Conv1D does.", title="Axes of a sequence")]

STEP_BY_STEP = "LayerNorm of the last axis, as of (time, features), goes step by step."


def channels_of(batch: int, x: Shape, axes: str = "channels_length") -> dict[str, int]:
    """The first operands of kernels that go channel by channel.

    Channels come first, but in a sequence (time, features): there the features are the channels,
    and every time step counts as a sample.
    """
    if len(x) == 2 and axes == "time_features":
        return {"batch": batch * x[0], "channels": x[1], "positions": 1}
    return {"batch": batch, "channels": x[0], "positions": size_of(x[1:])}


def check_axes(label: str, x: Shape) -> None:
    """Raise ShapeError unless it is a flat input, a sequence or an image."""
    if len(x) not in (1, 2, 3):
        raise ShapeError(
            f"{label} needs a flat input, a sequence or an image (channels, height, width), got "
            f"{show_shape(x)}. Add a Flatten before it.")


def scale_and_offset(shape: Shape) -> tuple[Parameter, ...]:
    return (Parameter("w", shape, Constant(value=1.0)), Parameter("b", shape, Constant(value=0.0)))


@layer("batch_norm", category="norm", label="BatchNorm")
class BatchNorm(Layer, frozen=True, kw_only=True):
    """Brings every channel to mean 0 and deviation 1 over the batch: deep nets train faster.

    A network in use sees single samples: it takes the running mean and variance that training
    has gathered. Nodes that share scale and offset gather their own.
    """

    other_names = ("batch normalisation",)
    formula = "y = w (x - mean) / √(var + ε) + b"
    samples = (((5,),), ((3, 4),), ((2, 3, 4),))
    whole_batch = True
    without_padding = STEP_BY_STEP
    doubles = frozenset({"sums"})

    momentum: Annotated[float, about(
        "How fast the running mean and variance follow. 0.1 as PyTorch counts is 0.9 as Keras "
        "does.", ge=0, le=1)] = 0.1
    convention: Annotated[Literal["pytorch", "keras"], about(
        "pytorch: momentum is the weight of the newest batch, and the running variance divides "
        "by n - 1. keras: momentum is the weight of what is kept, and it divides by n.",
        title="Momentum counts as in")] = "pytorch"
    epsilon: Epsilon = 1e-5
    affine: Affine = True
    statistics: Annotated[Literal["batch", "running"], about(
        "What training normalises by. batch: the batch's own mean and variance. running: the "
        "gathered ones, which then stay as they are: Keras does so where trainable is False.",
        title="Statistics in training")] = "batch"
    axes: SequenceAxes = "time_features"

    def output_shape(self, *x: Shape) -> Shape:
        check_axes(self.label, x[0])
        return x[0]

    def _sizes(self, batch: int, x: Shape) -> dict[str, int]:
        return channels_of(batch, x, self.axes)

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        return scale_and_offset((self._sizes(1, x[0])["channels"],)) if self.affine else ()

    def running(self, *x: Shape) -> tuple[Parameter, ...]:
        shape = (self._sizes(1, x[0])["channels"],)
        return (Parameter("running_mean", shape, Constant(value=0.0)),
                Parameter("running_var", shape, Constant(value=1.0)))

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        channels = self._sizes(batch, x[0])["channels"]
        names = ["rstd", *(["scale"] if self.affine else [])]
        if self.statistics == "running":
            return dict.fromkeys(names, (channels,))
        names += ["batch_mean", "batch_var", "dy_along", "dy_sum"]
        return {**dict.fromkeys(names, (channels,)), "sums": (2 * channels,)}

    def forward(self, e: Emitter) -> None:
        x, rstd, emit = e.x[0], e.work["rstd"], partial(self._emit, e)
        sizes = self._sizes(e.batch, x.shape[1:])
        mean, variance = e.running["running_mean"], e.running["running_var"]
        if self._measures(e):
            mean, variance = e.work["batch_mean"], e.work["batch_var"]
            emit(kernels.batch_norm.batch_statistics, x=x, mean=mean, variance=variance,
                 sums=e.work["sums"])
            keras = self.convention == "keras"
            emit(kernels.batch_norm.update_running, count=sizes["batch"] * sizes["positions"],
                 momentum=float(1 - self.momentum if keras else self.momentum),
                 unbiased=int(not keras), mean=mean, variance=variance,
                 running_mean=e.running["running_mean"], running_var=e.running["running_var"])
        emit(kernels.batch_norm.inverse_deviation, epsilon=float(self.epsilon), variance=variance,
             rstd=rstd)
        if not self.affine:
            emit(kernels.batch_norm.batch_normalise_plain, x=x, mean=mean, scale=rstd, y=e.y[0])
            return
        scale = e.work["scale"]
        emit(kernels.elementwise.multiply, a=e.w["w"], b=rstd, y=scale)
        emit(kernels.batch_norm.batch_normalise, x=x, mean=mean, scale=scale, b=e.w["b"], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        x, dy, dx, rstd = e.x[0], e.dy[0], e.dx[0], e.work["rstd"]
        emit, measures = partial(self._emit, e), self._measures(e)
        mean = e.work["batch_mean"] if measures else e.running["running_mean"]
        scale = e.work["scale"] if self.affine else rstd
        sums = dict(e.dw)
        if measures:
            # dx takes them too, and nobody else may want those of w and b.
            sums = {"w": e.work["dy_along"], "b": e.work["dy_sum"]}
        if sums:
            emit(kernels.batch_norm.batch_normalise_sums, x=x, mean=mean, rstd=rstd, dy=dy,
                 dw=sums["w"], db=sums["b"])
        if measures:
            for name, gradient in e.dw.items():
                emit(kernels.elementwise.copy, x=sums[name], y=gradient)
        if dx is None:
            return
        if measures:
            emit(kernels.batch_norm.batch_normalise_input_gradient, x=x, mean=mean, rstd=rstd,
                 scale=scale, dy=dy, dw=sums["w"], db=sums["b"], dx=dx)
        else:
            e.emit(kernels.norm.channel_scale, **self._sizes(e.batch, x.shape[1:]), x=dy, w=scale,
                   y=dx)

    def _emit(self, e: Emitter, kernel: Kernel, **operands: Operand) -> None:
        """Let every lane do some of the channels, each for the whole batch: whatever the number of
        lanes, the same is added up in the same order.
        """
        sizes = self._sizes(e.batch, e.x[0].shape[1:])
        channels, positions = sizes["channels"], sizes["positions"]

        def of(first: int, own: int) -> dict[str, Operand]:
            def part(value: Operand) -> Operand:
                if not isinstance(value, Tensor):
                    return value
                if len(value.shape) == 1:
                    each = value.size // channels
                    return value.part(each * first, (each * own,), value.name)
                start = first * positions
                return value.part(start, (value.size - start,), value.name) if first else value

            given = {**sizes, "own": own, "n": own, **operands}
            return {name: part(given[name]) for name in kernel.operands}

        e.share(kernel, channels, of)

    @property
    def remembers(self) -> bool:
        return self.statistics == "batch"

    def mixes_time(self, axis: int) -> bool:
        return self.statistics == "batch"

    def _measures(self, e: Emitter) -> bool:
        """Whether the batch's own statistics are used."""
        return e.training and self.statistics == "batch"

    def subtitle(self) -> str:
        return "batch statistics" if self.statistics == "batch" else "running statistics"

    def notes(self, *x: Shape) -> tuple[str, ...]:
        if self.statistics == "running":
            return ("Frozen: training, validation and predictions all use the running mean and "
                    "variance, which stay as they are.",)
        return ("Training uses the batch's own mean and variance; validation and predictions use "
                "the running ones.",)


class RowNorm(Layer, frozen=True, kw_only=True):
    """Each sample is brought to mean 0 and deviation 1, in one or several rows."""

    without_padding = STEP_BY_STEP

    epsilon: Epsilon = 1e-5
    affine: Affine = True

    def mixes_time(self, axis: int) -> bool:
        return True

    def rows(self, x: Shape) -> int:
        """Of one sample."""
        raise AssertionError(f"{self.kind} has no rows")

    def scaled(self, batch: int, x: Shape) -> dict[str, int]:
        """How scale and offset lie on it: batch, channels, positions."""
        raise AssertionError(f"{self.kind} has no scale")

    def parameters(self, *x: Shape) -> tuple[Parameter, ...]:
        return scale_and_offset((self.scaled(1, x[0])["channels"],)) if self.affine else ()

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        rstd = {"rstd": (batch * self.rows(x[0]),)}
        # What comes out of the normalisation, before scale and offset.
        return {**rstd, "n": (batch, *x[0]), "dn": (batch, *x[0])} if self.affine else rstd

    def _sizes(self, e: Emitter) -> dict[str, int]:
        rows = e.batch * self.rows(e.x[0].shape[1:])
        return {"rows": rows, "columns": e.x[0].size // rows}

    def forward(self, e: Emitter) -> None:
        normal: Tensor = e.work.get("n", e.y[0])
        e.emit(kernels.norm.normalise_rows, **self._sizes(e), epsilon=float(self.epsilon),
               x=e.x[0], y=normal, rstd=e.work["rstd"])
        if self.affine:
            e.emit(kernels.norm.channel_affine, **self.scaled(e.batch, e.x[0].shape[1:]), x=normal,
                   w=e.w["w"], b=e.w["b"], y=e.y[0])

    def backward(self, e: Emitter) -> None:
        normal, dnormal = e.work.get("n", e.y[0]), e.work.get("dn", e.dy[0])
        scaled = self.scaled(e.batch, e.x[0].shape[1:])
        if self.affine:
            e.emit(kernels.norm.channel_affine_sums, **scaled, x=normal, dy=e.dy[0],
                   dw=e.dw["w"], db=e.dw["b"])
        if (dx := e.dx[0]) is None:
            return
        if self.affine:
            e.emit(kernels.norm.channel_scale, **scaled, x=e.dy[0], w=e.w["w"], y=dnormal)
        e.emit(kernels.norm.normalise_rows_backward, **self._sizes(e), y=normal,
               rstd=e.work["rstd"], dy=dnormal, dx=dx)


@layer("layer_norm", category="norm", label="LayerNorm")
class LayerNorm(RowNorm, frozen=True, kw_only=True):
    """Brings every sample (or time step) to mean 0 and deviation 1, whatever the batch."""

    other_names = ("layer normalisation",)
    formula = "y = w (x - mean) / √(var + ε) + b"
    samples = (((5,),), ((3, 4),), ((2, 3, 4),))

    axes: Axes = "last"

    def rows(self, x: Shape) -> int:
        return size_of(x[:-1]) if self.axes == "last" else 1

    def scaled(self, batch: int, x: Shape) -> dict[str, int]:
        rows = self.rows(x)
        return {"batch": batch * rows, "channels": size_of(x) // rows, "positions": 1}

    def mixes_time(self, axis: int) -> bool:
        return axis == 1 or self.axes == "all"

    def notes(self, *x: Shape) -> tuple[str, ...]:
        if len(x[0]) != 3 or self.axes == "all":
            return ()
        return ("The last axis of an image is its width: every line is normalised by itself. "
                "Choose all axes for the whole image, or use GroupNorm.",)

    def subtitle(self) -> str:
        return "last axis" if self.axes == "last" else "whole sample"


@layer("group_norm", category="norm", label="GroupNorm")
class GroupNorm(RowNorm, frozen=True, kw_only=True):
    """Brings groups of channels of each sample to mean 0 and deviation 1, whatever the batch."""

    other_names = ("group normalisation", "instance normalisation")
    formula = "y = w (x - mean) / √(var + ε) + b"
    samples = (((4, 3, 5),), ((6, 5),), ((8,),))

    groups: Annotated[int, about(
        "Into how many groups the channels are split. 1: all together. As many as channels: each "
        "by itself (instance normalisation).", ge=1, le=MAX_SIZE)] = 2

    def output_shape(self, *x: Shape) -> Shape:
        check_axes(self.label, x[0])
        channels = x[0][0]
        if channels % self.groups:
            raise ShapeError(
                f"{channels} channels cannot be split into {self.groups} equal groups. "
                f"Choose a number of groups that divides {channels}.")
        return x[0]

    def rows(self, x: Shape) -> int:
        return self.groups

    def scaled(self, batch: int, x: Shape) -> dict[str, int]:
        return channels_of(batch, x)

    def subtitle(self) -> str:
        return "1 group" if self.groups == 1 else f"{self.groups} groups"


@layer("lrn", category="norm", label="Local response norm", stem="lrn")
class LocalResponseNorm(Layer, frozen=True, kw_only=True):
    """Damps a channel where its neighbours are strong, as in AlexNet."""

    other_names = ("local response normalisation",)
    formula = "y = x / (k + α/n Σ x²)^β"
    without_padding = STEP_BY_STEP
    samples = (((5, 2, 3),), ((4, 3),), ((7,),))

    size: Annotated[int, about(
        "How many neighbouring channels count, this one included.", ge=1, le=MAX_SIZE)] = 5
    alpha: Annotated[float, about(
        "How much they damp. It is divided by the size, as in PyTorch: AlexNet's 0.0001 for 5 "
        "channels is 0.0005 here.", ge=0, le=10)] = 5e-4
    beta: Annotated[float, about("The power that the sum is raised to.", ge=0.01, le=5)] = 0.75
    k: Annotated[float, about(
        "What the sum begins at. AlexNet: 2, PyTorch: 1.", ge=1e-3, le=100)] = 2.0

    def output_shape(self, *x: Shape) -> Shape:
        check_axes(self.label, x[0])
        return x[0]

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"scale": (batch, *x[0]), "products": (batch, *x[0])}

    def mixes_time(self, axis: int) -> bool:
        return axis == 0

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.norm.local_response_norm, **channels_of(e.batch, e.x[0].shape[1:]),
               size=self.size, alpha=float(self.alpha), beta=float(self.beta), k=float(self.k),
               x=e.x[0], y=e.y[0], scale=e.work["scale"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.norm.local_response_norm_backward,
                   **channels_of(e.batch, e.x[0].shape[1:]), size=self.size,
                   alpha=float(self.alpha), beta=float(self.beta), x=e.x[0], y=e.y[0],
                   scale=e.work["scale"], dy=e.dy[0], dx=dx, products=e.work["products"])

    def subtitle(self) -> str:
        return plural(self.size, "channel")


@layer("l2_normalise", category="norm", label="L2-normalise", stem="l2")
class L2Normalise(Layer, frozen=True, kw_only=True):
    """Gives every sample length 1: only its direction counts."""

    formula = "y = x / max(√Σx², ε)"
    without_padding = "Of the last axis, as of (time, features), it goes step by step."
    samples = (((5,),), ((3, 4),), ((2, 3, 4),))

    axes: Axes = "all"
    epsilon: Annotated[float, about(
        "The smallest length that is divided by.", ge=1e-12, le=1, log=True)] = 1e-12

    def _sizes(self, e: Emitter) -> dict[str, int]:
        rows = e.work["norm"].size
        return {"rows": rows, "columns": e.x[0].size // rows}

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"norm": (batch * (size_of(x[0][:-1]) if self.axes == "last" else 1),)}

    def mixes_time(self, axis: int) -> bool:
        return axis == 1 or self.axes == "all"

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.norm.l2_normalise, **self._sizes(e), epsilon=float(self.epsilon), x=e.x[0],
               y=e.y[0], norm=e.work["norm"])

    def backward(self, e: Emitter) -> None:
        if (dx := e.dx[0]) is not None:
            e.emit(kernels.norm.l2_normalise_backward, **self._sizes(e),
                   epsilon=float(self.epsilon), y=e.y[0], norm=e.work["norm"], dy=e.dy[0], dx=dx)

    def subtitle(self) -> str:
        return "last axis" if self.axes == "last" else "whole sample"
