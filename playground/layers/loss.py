"""Losses: what training makes small. Each ends a network and has a metric beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

import kernels
from playground.emitter import Emitter, Operand
from playground.layers.base import (
    Layer,
    Shape,
    ShapeError,
    Signal,
    about,
    layer,
    show_shape,
    size_of,
)
from playground.learning import GROUP
from playground.tensor import Tensor

MOST_CLASSES = 10_000
"""For which somebody writes weights by hand or by program."""


class LossLayer(Layer, frozen=True, kw_only=True):
    """Judges its inputs by one number. Those with a target are of `TargetLoss`.

    `e.work["loss"]` and `e.work["metric"]` hold this lane's share of the step's means. With
    `e.work["count"]`, the means are over what `count` finds in the whole batch.
    """

    outputs = ()
    answer: ClassVar[str] = "probabilities"
    """The array of the workspace that the user calls the network's output; else the first input."""

    weight: Annotated[float, about(
        "Times this loss in the sum of all losses.", ge=0, le=1e6)] = 1.0
    trains: Annotated[str, about(
        "The group of nodes that this loss trains; empty: all that lead to it. Losses with "
        "different groups take turns within a step, as the two players of a GAN.",
        pattern=GROUP)] = ""

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        return ()

    def metric_name(self, *x: Signal) -> str:
        """What the metric is."""
        raise AssertionError(f"{self.kind} measures nothing")

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"loss": (1,), "metric": (1,)}

    def count(self, e: Emitter) -> None:
        """Emit `e.work["count"]`: what this lane adds to what the means of loss and metric are
        over."""
        raise AssertionError(f"{self.kind} counts nothing")


class TargetLoss(LossLayer, frozen=True, kw_only=True):
    """Compares the prediction with the target; without a connection, with the data's target.

    A target of class numbers has no axis but the batch, or time; one of values has the
    prediction's shape.
    """

    inputs = ("prediction", "target")
    optional = frozenset({"target"})
    target_port = 1

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        if len(x) < 2:
            raise ShapeError("There is no target to compare with. Connect the prediction to a "
                             "network that starts at a data set, or connect a target.")
        self.check(*x)
        return ()

    def check(self, prediction: Signal, target: Signal) -> None:
        """Raise ShapeError when the two cannot be compared."""

    def metric_name(self, *x: Signal) -> str:
        return "accuracy" if x[1].classes else "mean abs error"


class ClassLoss(TargetLoss, frozen=True, kw_only=True):
    """Takes a score for each class, and one class; or both at each time step. -1 is no class."""

    def check(self, prediction: Signal, target: Signal) -> None:
        classes = target.classes
        if not classes:
            raise ShapeError(f"{self.label} needs class numbers as target, got values of shape "
                             f"{show_shape(target.shape)}. Use Mean squared error.")
        if target.shape:
            if prediction.shape != (*target.shape, classes):
                raise ShapeError(
                    f"{self.label} with a class at each of {show_shape(target.shape)} time steps "
                    f"needs {show_shape((*target.shape, classes))} logits, got "
                    f"{show_shape(prediction.shape)}. Let the recurrent layer return the sequence, "
                    f"and set the last Dense layer to {classes} units.")
            return
        logits = check_flat(self.label, prediction)
        if logits != classes:
            raise ShapeError(
                f"{classes} classes need {classes} logits, got {logits}. "
                f"Set the last Dense layer to {classes} units.")

    def weights(self) -> Operand:
        """How much the targets of each class count, or 0 where all count the same."""
        return 0

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        made = super().workspace(batch, *x)
        # A plain class for each sample needs no counting.
        alike = len(x[0]) == 1 and isinstance(self.weights(), int)
        return made if alike else {**made, "count": (2,)}

    def count(self, e: Emitter) -> None:
        e.emit(kernels.loss.count_targets, batch=e.x[1].size, weights=self.weights(),
               target=e.x[1], count=e.work["count"])

    def sizes(self, e: Emitter) -> dict[str, Any]:
        """Each time step is a sample of its own."""
        return {"batch": e.x[1].size, "total": e.total, "classes": e.x[0].shape[-1],
                "count": e.work.get("count", 0)}


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


def check_flat(label: str, prediction: Signal) -> int:
    """The number of outputs."""
    if len(prediction.shape) != 1:
        raise ShapeError(f"{label} needs one number per class, got "
                         f"{show_shape(prediction.shape)}. Add a Flatten and a Dense before it.")
    return prediction.shape[0]


def check_one_class(label: str, target: Signal) -> None:
    if target.classes and target.shape:
        raise ShapeError(f"{label} takes one class for each sample, and there is one at each of "
                         f"{show_shape(target.shape)} time steps. Use Softmax cross-entropy.")


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"


def _has_classes(target: Tensor) -> bool:
    return len(target.shape) == 1


def _sizes(e: Emitter) -> dict[str, int]:
    return {"batch": e.batch, "total": e.total}


def _emit_metric(e: Emitter, p: Tensor) -> None:
    """Accuracy for classes (one output: on which side of ½), else the mean absolute error."""
    t, metric = e.x[1], e.work["metric"]
    outputs = size_of(p.shape[1:])
    if not _has_classes(t):
        e.emit(kernels.loss.mean_absolute_error, **_sizes(e), features=outputs, prediction=p,
               target=t, mean=metric)
    elif outputs == 1:
        e.emit(kernels.loss.binary_accuracy, **_sizes(e), prediction=p, target=t, metric=metric)
    else:
        e.emit(kernels.loss.accuracy, **_sizes(e), classes=outputs, prediction=p, target=t,
               metric=metric)


@layer("softmax_cross_entropy", category="loss", label="Softmax cross-entropy", stem="loss")
class SoftmaxCrossEntropy(ClassLoss, frozen=True, kw_only=True):
    """For classes: minus the log of the probability that softmax gives to the right class.

    For one class, or for one at each time step; -1 is no class, and counts for nothing.
    """

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
               target=e.x[1], probabilities=e.work["probabilities"], loss=e.work["loss"],
               metric=e.work["metric"])

    def backward(self, e: Emitter) -> None:
        plain, smoothed = (kernels.loss.softmax_cross_entropy_backward,
                           kernels.loss.smoothed_cross_entropy_backward)
        if e.dx[0] is not None:
            e.emit(plain if self._is_plain else smoothed, **self._settings(e), target=e.x[1],
                   probabilities=e.work["probabilities"], dlogits=e.dx[0])

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


class _Binary(TargetLoss, frozen=True, kw_only=True):
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
    ending = "with sigmoid"

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.loss.binary_cross_entropy, **_sizes(e), features=size_of(e.x[0].shape[1:]),
               prediction=e.x[0], target=e.x[1], loss=e.work["loss"])
        _emit_metric(e, e.x[0])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.loss.binary_cross_entropy_backward, **_sizes(e),
                   features=size_of(e.x[0].shape[1:]), prediction=e.x[0], target=e.x[1],
                   dprediction=e.dx[0])


@layer("binary_cross_entropy_with_logits", category="loss",
       label="Binary cross-entropy with logits", stem="loss")
class BinaryCrossEntropyWithLogits(_Binary, frozen=True, kw_only=True):
    """Sigmoid and binary cross-entropy in one: exact where a probability would be 0 or 1."""

    formula = "L = -(w t log σ(x) + (1 - t) log(1 - σ(x)))"
    ending = "without activation"

    pos_weight: Annotated[float, about(
        "Times what a target of 1 costs: above 1 fewer of them are missed.", gt=0, le=1e6,
        log=True)] = 1.0

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"probabilities": (batch, *x[0]), **super().workspace(batch, *x)}

    def forward(self, e: Emitter) -> None:
        p = e.work["probabilities"]
        e.emit(kernels.loss.binary_cross_entropy_with_logits, **self._settings(e), logits=e.x[0],
               target=e.x[1], probabilities=p, loss=e.work["loss"])
        _emit_metric(e, p)

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.loss.binary_cross_entropy_with_logits_backward, **self._settings(e),
                   probabilities=e.work["probabilities"], target=e.x[1], dlogits=e.dx[0])

    def _settings(self, e: Emitter) -> dict[str, Any]:
        return {**_sizes(e), "features": size_of(e.x[0].shape[1:]),
                "pos_weight": float(self.pos_weight)}


@layer("mean_squared_error", category="loss", label="Mean squared error", stem="loss")
class MeanSquaredError(TargetLoss, frozen=True, kw_only=True):
    """For values: the squared difference. Classes are compared with 1 for the right one, else 0."""

    formula = "L = (x - t)²"

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

    def forward(self, e: Emitter) -> None:
        p, t, loss = e.x[0], e.x[1], e.work["loss"]
        outputs = size_of(p.shape[1:])
        if self._is_one_hot(e):
            e.emit(kernels.loss.mean_squared_error_classes, **_sizes(e), classes=outputs,
                   prediction=p, target=t, loss=loss)
        else:
            e.emit(kernels.loss.mean_squared_error, **_sizes(e), features=outputs, prediction=p,
                   target=t, loss=loss)
        _emit_metric(e, p)

    def backward(self, e: Emitter) -> None:
        p, t, dp = e.x[0], e.x[1], e.dx[0]
        outputs = size_of(p.shape[1:])
        if dp is None:
            return
        if self._is_one_hot(e):
            e.emit(kernels.loss.mean_squared_error_classes_backward, **_sizes(e), classes=outputs,
                   prediction=p, target=t, dprediction=dp)
        else:
            e.emit(kernels.loss.mean_squared_error_backward, **_sizes(e), features=outputs,
                   prediction=p, target=t, dprediction=dp)

    def _is_one_hot(self, e: Emitter) -> bool:
        """One output for two classes is compared with the class number itself."""
        return _has_classes(e.x[1]) and size_of(e.x[0].shape[1:]) > 1


@layer("mean_absolute_error", category="loss", label="Mean absolute error", stem="loss")
class MeanAbsoluteError(TargetLoss, frozen=True, kw_only=True):
    """For values: the absolute difference. What is far off counts less than when squared."""

    formula = "L = |x - t|"

    def check(self, prediction: Signal, target: Signal) -> None:
        check_values(self.label, prediction, target)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.loss.mean_absolute_error, **_sizes(e), features=size_of(e.x[0].shape[1:]),
               prediction=e.x[0], target=e.x[1], mean=e.work["loss"])
        _emit_metric(e, e.x[0])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.loss.mean_absolute_error_backward, **_sizes(e),
                   features=size_of(e.x[0].shape[1:]), prediction=e.x[0], target=e.x[1],
                   dprediction=e.dx[0])


@layer("huber", category="loss", label="Huber", stem="loss")
class Huber(TargetLoss, frozen=True, kw_only=True):
    """For values: squared where the difference is small, absolute where it is large."""

    formula = "L = ½ d² where |d| = |x - t| ≤ δ, else δ (|d| - ½ δ)"

    delta: Annotated[float, about(
        "The difference from which on it grows along a line.", gt=0, le=1e6, log=True)] = 1.0

    def check(self, prediction: Signal, target: Signal) -> None:
        check_values(self.label, prediction, target)

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.loss.huber, **self._settings(e), prediction=e.x[0], target=e.x[1],
               loss=e.work["loss"])
        _emit_metric(e, e.x[0])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.loss.huber_backward, **self._settings(e), prediction=e.x[0],
                   target=e.x[1], dprediction=e.dx[0])

    def _settings(self, e: Emitter) -> dict[str, Any]:
        return {**_sizes(e), "features": size_of(e.x[0].shape[1:]), "delta": float(self.delta)}
