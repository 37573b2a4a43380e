"""Losses: what training makes small. Each ends a network and has a metric beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

import kernels
from playground.emitter import Emitter, Operand
from playground.layers.base import Shape, ShapeError, Signal, about, layer, show_shape, size_of
from playground.layers.loss_layer import ClassLoss, ValueLoss, check_flat, has_classes
from playground.tensor import Tensor

MOST_CLASSES = 10_000
"""For which somebody writes weights by hand or by program."""


def check_values(label: str, prediction: Signal, target: Signal) -> None:
    """Raise ShapeError unless both are values of one shape; one may stand for two classes."""
    check_one_class(label, target)
    if not target.classes:
        check_same(label, prediction, target)
    elif (size_of(prediction.shape), target.classes) != (1, 2):
        raise ShapeError(f"{label} compares values, and the target is one of {target.classes} "
                         "classes. Use Softmax cross-entropy.")


def check_same(label: str, prediction: Signal, target: Signal) -> None:
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{label} compares value by value: the prediction is {show_shape(prediction.shape)}, "
            f"the target {show_shape(target.shape)}. Make the last layer give "
            f"{_outputs(size_of(target.shape))}.")


def check_one_class(label: str, target: Signal) -> None:
    if target.classes and target.shape:
        raise ShapeError(f"{label} takes one class for each sample, and there is one at each of "
                         f"{show_shape(target.shape)} time steps. Use Softmax cross-entropy.")


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"


@layer("softmax_cross_entropy", category="loss", label="Softmax cross-entropy", stem="loss")
class SoftmaxCrossEntropy(ClassLoss, frozen=True, kw_only=True):
    """For classes: minus the log of the probability that softmax gives to the right class.

    For one class, or for one at each time step; -1 is no class, and counts for nothing.
    """

    other_names = ("negative log-likelihood",)
    formula = "L = -log softmax(x)ₜ"

    label_smoothing: Annotated[float, about(
        "This share of each target is spread evenly over all classes (Szegedy et al. 2016), so "
        "that no probability has to be 1.", ge=0, le=1)] = 0.0
    class_weights: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=1e6)], ...], Meta(max_length=MOST_CLASSES),
        about("How much each class counts, one number for each; none: all the same. The loss is "
              "the weighted mean, as in PyTorch."),
    ] = ()

    def check(self, prediction: Signal, target: Signal) -> None:
        super().check(prediction, target)
        weights = self.class_weights
        if weights and len(weights) != target.classes:
            raise ShapeError(f"There are {target.classes} classes and {len(weights)} class "
                             f"weights. Write {target.classes} numbers, or none.")
        if weights and not any(weights):
            raise ShapeError("All class weights are 0, so nothing would be learned. Make one of "
                             "them larger, or write none.")

    def weights(self) -> Operand:
        return np.array(self.class_weights, np.float32) if self.class_weights else 0

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"probabilities": (batch, *x[0]), **super().workspace(batch, *x)}

    def forward(self, e: Emitter) -> None:
        plain, smoothed = (kernels.loss.softmax_cross_entropy,
                           kernels.loss.smoothed_cross_entropy)
        e.emit(plain if self._is_plain else smoothed, **self._settings(e), logits=e.x[0],
               target=self.target(e), probabilities=e.work["probabilities"],
               loss=e.work["loss"], metric=e.work["metric"])

    def input_gradient(self, e: Emitter, dx: Tensor) -> None:
        plain, smoothed = (kernels.loss.softmax_cross_entropy_backward,
                           kernels.loss.smoothed_cross_entropy_backward)
        e.emit(plain if self._is_plain else smoothed, **self._settings(e),
               target=self.target(e), probabilities=e.work["probabilities"], dlogits=dx)

    @property
    def _is_plain(self) -> bool:
        return not self.label_smoothing and not self.class_weights

    def _settings(self, e: Emitter) -> dict[str, Any]:
        sizes = self.sizes(e)
        if self._is_plain:
            return sizes
        weights = self.class_weights or (1.0,) * sizes["classes"]
        return {**sizes, "smoothing": float(self.label_smoothing),
                "weights": np.array(weights, np.float32)}


class _Binary(ValueLoss, frozen=True, kw_only=True):
    """One output for two classes, or values between 0 and 1."""

    ending: ClassVar[str]
    """What the layer before it ends with."""

    def check(self, prediction: Signal, target: Signal) -> None:
        check_one_class(self.label, target)
        if not target.classes:
            check_same(self.label, prediction, target)
        elif target.classes != 2:
            raise ShapeError(f"{self.label} tells 2 classes apart, and there are "
                             f"{target.classes}. Use Softmax cross-entropy.")
        elif prediction.shape != (1,):
            raise ShapeError(
                f"{self.label} needs 1 output for 2 classes, got "
                f"{show_shape(prediction.shape)}. Set the last Dense layer to 1 unit "
                f"{self.ending}, or use Softmax cross-entropy.")


@layer("binary_cross_entropy", category="loss", label="Binary cross-entropy", stem="loss")
class BinaryCrossEntropy(_Binary, frozen=True, kw_only=True):
    """For probabilities between 0 and 1, as a sigmoid gives them."""

    formula = "L = -(t log p + (1 - t) log(1 - p))"
    kernel = "binary_cross_entropy"
    ending = "with sigmoid"


@layer("binary_cross_entropy_with_logits", category="loss",
       label="Binary cross-entropy with logits", stem="loss")
class BinaryCrossEntropyWithLogits(_Binary, frozen=True, kw_only=True):
    """Sigmoid and binary cross-entropy in one: exact where a probability would be 0 or 1."""

    other_names = ("logistic loss",)
    formula = "L = -(w t log σ(x) + (1 - t) log(1 - σ(x)))"
    ending = "without activation"
    padding = -1e4  # The sigmoid of which is 0.

    pos_weight: Annotated[float, about(
        "Times what a target of 1 costs: above 1 fewer of them are missed.", gt=0, le=1e6,
        log=True)] = 1.0

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"probabilities": (batch, *x[0]), **super().workspace(batch, *x)}

    def compare(self, e: Emitter, p: Tensor, t: Tensor) -> None:
        e.emit(kernels.loss.binary_cross_entropy_with_logits, **self.sizes(e), logits=p,
               target=t, probabilities=e.work["probabilities"], loss=e.work["loss"])

    def gradient(self, e: Emitter, p: Tensor, t: Tensor, dp: Tensor) -> None:
        e.emit(kernels.loss.binary_cross_entropy_with_logits_backward, **self.sizes(e),
               probabilities=e.work["probabilities"], target=t, dlogits=dp)

    def sizes(self, e: Emitter) -> dict[str, Any]:
        return {**super().sizes(e), "pos_weight": float(self.pos_weight)}


@layer("mean_squared_error", category="loss", label="Mean squared error", stem="loss")
class MeanSquaredError(ValueLoss, frozen=True, kw_only=True):
    """For values: the squared difference. Classes are compared with 1 for the right one, else 0."""

    other_names = ("L2 loss", "least squares")
    formula = "L = (x - t)²"
    kernel = "mean_squared_error"

    def check(self, prediction: Signal, target: Signal) -> None:
        check_one_class(self.label, target)
        if not target.classes:
            check_same(self.label, prediction, target)
            return
        outputs, classes = check_flat(self.label, prediction), target.classes
        if outputs != classes and (outputs, classes) != (1, 2):
            raise ShapeError(
                f"{classes} classes need {classes} outputs, got {outputs}. "
                f"Set the last Dense layer to {classes} units.")

    def compare(self, e: Emitter, p: Tensor, t: Tensor) -> None:
        if self._is_one_hot(e):
            e.emit(kernels.loss.mean_squared_error_classes, **self._class_sizes(e),
                   prediction=p, target=t, loss=e.work["loss"])
        else:
            super().compare(e, p, t)

    def gradient(self, e: Emitter, p: Tensor, t: Tensor, dp: Tensor) -> None:
        if self._is_one_hot(e):
            e.emit(kernels.loss.mean_squared_error_classes_backward, **self._class_sizes(e),
                   prediction=p, target=t, dprediction=dp)
        else:
            super().gradient(e, p, t, dp)

    @staticmethod
    def _is_one_hot(e: Emitter) -> bool:
        """One output for two classes is compared with the class number itself."""
        return has_classes(e.x[1]) and size_of(e.x[0].shape[1:]) > 1

    @staticmethod
    def _class_sizes(e: Emitter) -> dict[str, int]:
        return {"batch": e.batch, "total": e.total, "classes": size_of(e.x[0].shape[1:])}


@layer("mean_absolute_error", category="loss", label="Mean absolute error", stem="loss")
class MeanAbsoluteError(ValueLoss, frozen=True, kw_only=True):
    """For values: the absolute difference. What is far off counts less than when squared."""

    other_names = ("L1 loss",)
    formula = "L = |x - t|"
    kernel = "mean_absolute_error"

    def check(self, prediction: Signal, target: Signal) -> None:
        check_values(self.label, prediction, target)

    def compare(self, e: Emitter, p: Tensor, t: Tensor) -> None:
        e.emit(kernels.loss.mean_absolute_error, **self.sizes(e), prediction=p, target=t,
               mean=e.work["loss"])


@layer("huber", category="loss", label="Huber", stem="loss")
class Huber(ValueLoss, frozen=True, kw_only=True):
    """For values: squared where the difference is small, absolute where it is large."""

    other_names = ("smooth L1 loss",)
    formula = "L = ½ d² where |d| = |x - t| ≤ δ, else δ (|d| - ½ δ)"
    kernel = "huber"

    delta: Annotated[float, about(
        "The difference from which on it grows along a line.", gt=0, le=1e6, log=True)] = 1.0

    def check(self, prediction: Signal, target: Signal) -> None:
        check_values(self.label, prediction, target)

    def sizes(self, e: Emitter) -> dict[str, Any]:
        return {**super().sizes(e), "delta": float(self.delta)}
