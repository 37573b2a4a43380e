"""Losses: what training makes small. Each ends a network and has a metric beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import kernels
from playground.emitter import Emitter
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


class LossLayer(Layer, frozen=True, kw_only=True):
    """Compares the prediction with the target; without a connection, with the data's target.

    `e.work["loss"]` and `e.work["metric"]` hold this lane's share of the step's means. A target
    of class numbers has no axis but the batch, or time; one of values has the prediction's shape.
    With `e.work["count"]`, the means are over what `count` finds in the whole batch.
    """

    inputs = ("prediction", "target")
    outputs = ()
    optional = frozenset({"target"})
    target_port = 1

    weight: Annotated[float, about(
        "Times this loss in the sum of all losses.", ge=0, le=1e6)] = 1.0
    trains: Annotated[str, about(
        "The group of nodes that this loss trains; empty: all that lead to it. Losses with "
        "different groups take turns within a step, as the two players of a GAN.",
        pattern=GROUP)] = ""

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        if len(x) < 2:
            raise ShapeError("There is no target to compare with. Connect the prediction to a "
                             "network that starts at a data set, or connect a target.")
        self.check(*x)
        return ()

    def check(self, prediction: Signal, target: Signal) -> None:
        """Raise ShapeError when the two cannot be compared."""

    def metric_name(self, prediction: Signal, target: Signal) -> str:
        """What the metric is."""
        return "accuracy" if target.classes else "mean abs error"

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        return {"loss": (1,), "metric": (1,)}

    def count(self, e: Emitter) -> None:
        """Emit `e.work["count"]`, how many targets there are in this lane."""
        raise AssertionError(f"{self.kind} counts nothing")


def _check_same(label: str, prediction: Signal, target: Signal) -> None:
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{label} compares value by value: the prediction is {show_shape(prediction.shape)}, "
            f"the target {show_shape(target.shape)}. Make the last layer give "
            f"{_outputs(size_of(target.shape))}.")


def _check_flat(label: str, prediction: Signal) -> int:
    """The number of outputs."""
    if len(prediction.shape) != 1:
        raise ShapeError(f"{label} needs one number per class, got "
                         f"{show_shape(prediction.shape)}. Add a Flatten and a Dense before it.")
    return prediction.shape[0]


def _check_one_class(label: str, target: Signal) -> None:
    if target.classes and target.shape:
        raise ShapeError(f"{label} takes one class for each sample, and there is one at each of "
                         f"{show_shape(target.shape)} time steps. Use Softmax cross-entropy.")


def _outputs(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"


def _has_classes(target: Tensor) -> bool:
    return len(target.shape) == 1


def _sizes(e: Emitter) -> dict[str, int]:
    return {"batch": e.batch, "total": e.total}


def _emit_metric(e: Emitter) -> None:
    """Accuracy for classes (one output: on which side of ½), else the mean absolute error."""
    p, t, metric = e.x[0], e.x[1], e.work["metric"]
    outputs = size_of(p.shape[1:])
    if not _has_classes(t):
        e.emit(kernels.loss.mean_absolute_error, **_sizes(e), features=outputs, prediction=p,
               target=t, metric=metric)
    elif outputs == 1:
        e.emit(kernels.loss.binary_accuracy, **_sizes(e), prediction=p, target=t, metric=metric)
    else:
        e.emit(kernels.loss.accuracy, **_sizes(e), classes=outputs, prediction=p, target=t,
               metric=metric)


@layer("softmax_cross_entropy", category="loss", label="Softmax cross-entropy", stem="loss")
class SoftmaxCrossEntropy(LossLayer, frozen=True, kw_only=True):
    """For classes: minus the log of the probability that softmax gives to the right class.

    For one class, or for one at each time step; -1 is no class, and counts for nothing.
    """

    formula = "L = -log softmax(x)ₜ"

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
        logits = _check_flat(self.label, prediction)
        if logits != classes:
            raise ShapeError(
                f"{classes} classes need {classes} logits, got {logits}. "
                f"Set the last Dense layer to {classes} units.")

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        made: dict[str, Shape] = {"probabilities": (batch, *x[0]), "loss": (1,), "metric": (1,)}
        return made if len(x[0]) == 1 else {**made, "count": (1,)}

    def count(self, e: Emitter) -> None:
        e.emit(kernels.loss.count_targets, batch=e.x[1].size, target=e.x[1], count=e.work["count"])

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.loss.softmax_cross_entropy, **self._sizes(e), logits=e.x[0], target=e.x[1],
               probabilities=e.work["probabilities"], loss=e.work["loss"],
               metric=e.work["metric"])

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.loss.softmax_cross_entropy_backward, **self._sizes(e),
                   probabilities=e.work["probabilities"], target=e.x[1], dlogits=e.dx[0])

    def _sizes(self, e: Emitter) -> dict[str, Any]:
        """Each time step is a sample of its own."""
        return {"batch": e.x[1].size, "total": e.total, "classes": e.x[0].shape[-1],
                "count": e.work.get("count", 0)}


@layer("binary_cross_entropy", category="loss", label="Binary cross-entropy", stem="loss")
class BinaryCrossEntropy(LossLayer, frozen=True, kw_only=True):
    """For probabilities between 0 and 1, as a sigmoid gives them."""

    formula = "L = -(t log p + (1 - t) log(1 - p))"

    def check(self, prediction: Signal, target: Signal) -> None:
        _check_one_class(self.label, target)
        if not target.classes:
            _check_same(self.label, prediction, target)
        elif target.classes != 2:
            raise ShapeError(f"{self.label} tells 2 classes apart, and there are "
                             f"{target.classes}. Use Softmax cross-entropy.")
        elif prediction.shape != (1,):
            raise ShapeError(
                f"{self.label} needs 1 output for 2 classes, got "
                f"{show_shape(prediction.shape)}. Set the last Dense layer to 1 unit with "
                "sigmoid, or use Softmax cross-entropy.")

    def forward(self, e: Emitter) -> None:
        e.emit(kernels.loss.binary_cross_entropy, **_sizes(e), features=size_of(e.x[0].shape[1:]),
               prediction=e.x[0], target=e.x[1], loss=e.work["loss"])
        _emit_metric(e)

    def backward(self, e: Emitter) -> None:
        if e.dx[0] is not None:
            e.emit(kernels.loss.binary_cross_entropy_backward, **_sizes(e),
                   features=size_of(e.x[0].shape[1:]), prediction=e.x[0], target=e.x[1],
                   dprediction=e.dx[0])


@layer("mean_squared_error", category="loss", label="Mean squared error", stem="loss")
class MeanSquaredError(LossLayer, frozen=True, kw_only=True):
    """For values: the squared difference. Classes are compared with 1 for the right one, else 0."""

    formula = "L = (x - t)²"

    def check(self, prediction: Signal, target: Signal) -> None:
        _check_one_class(self.label, target)
        if not target.classes:
            _check_same(self.label, prediction, target)
            return
        outputs, classes = _check_flat(self.label, prediction), target.classes
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
        _emit_metric(e)

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
