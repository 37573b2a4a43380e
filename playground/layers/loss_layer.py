"""What losses have in common: what they are given, and what their means are over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import kernels
from playground.emitter import Emitter, Operand
from playground.layers.base import Layer, Shape, ShapeError, Signal, about, show_shape, size_of
from playground.layers.lengths import (
    LENGTHS,
    LengthsLayer,
    check_lengths,
    lengths_of,
    optional_inputs,
)
from playground.learning import GROUP
from playground.tensor import Tensor


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
    turns: Annotated[int, about(
        "How often in each step this group is trained before it is the next one's turn, each time "
        "on a fresh batch and with fresh noise: an epoch has fewer steps then. Of several losses "
        "of a group the largest number counts. The critic of a Wasserstein GAN has 5 (n_critic of "
        "Arjovsky et al. 2017; the k of Goodfellow et al. 2014).", ge=1, le=20)] = 1

    def idle_settings(self) -> frozenset[str]:
        return super().idle_settings() | (frozenset() if self.trains else {"turns"})

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


class TargetLoss(LossLayer, LengthsLayer, frozen=True, kw_only=True):
    """Compares the prediction with the target; without a connection, with the data's target.

    A target of class numbers has no axis but the batch, or time; one of values has the
    prediction's shape. With lengths, the means are over the steps that are a sample's own.
    """

    inputs = ("prediction", "target", LENGTHS)
    optional = frozenset({"target", LENGTHS})
    input_help: ClassVar[Mapping[str, str]] = {
        "target": "What the prediction is compared with; without it the data's target.",
        LENGTHS: "How many time steps are a sample's own: the others are left out of the means of "
                 "loss and metric, and get no gradient."}
    target_port = 1

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        prediction, target, lengths = optional_inputs(x, 3)
        if target is None:
            raise ShapeError("There is no target to compare with. Connect the prediction to a "
                             "network that starts at a data set, or connect a target.")
        self.check(prediction, target)
        if lengths is not None and len(prediction.shape) != 2:
            raise ShapeError(
                "The input lengths says how many time steps count, and the prediction, "
                f"{show_shape(prediction.shape)}, has none. Disconnect it, or connect a sequence.")
        check_lengths(lengths and lengths.shape)
        return ()

    def check(self, prediction: Signal, target: Signal) -> None:
        """Raise ShapeError when the two cannot be compared."""

    def idle_inputs(self, *x: Shape) -> frozenset[str]:
        return frozenset() if x and len(x[0]) == 2 else frozenset({LENGTHS})

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
        if optional_inputs(x, 3)[2] is not None:
            made = {**made, "own_target": (batch, *x[1])}
        return made if alike else {**made, "count": (2,)}

    def count(self, e: Emitter) -> None:
        lengths, steps = lengths_of(e, 2), {"batch": e.batch, "times": e.x[0].shape[1]}
        if lengths:
            e.emit(kernels.padding.replace_padding, **steps, features=1, value=-1.0,
                   lengths=lengths, x=e.x[1], y=self.target(e))
        e.emit(kernels.loss.count_targets, batch=e.x[1].size, weights=self.weights(),
               target=self.target(e), count=e.work["count"])
        if lengths:
            e.emit(kernels.padding.check_steps, **steps, lengths=lengths, count=e.work["count"])

    def target(self, e: Emitter) -> Tensor:
        """The classes, -1 beyond a sample's own length."""
        return e.work.get("own_target", e.x[1])

    def sizes(self, e: Emitter) -> dict[str, Any]:
        """Each time step is a sample of its own."""
        return {"batch": e.x[1].size, "total": e.total, "classes": e.x[0].shape[-1],
                "count": e.work.get("count", 0)}


class ValueLoss(TargetLoss, frozen=True, kw_only=True):
    """Compares number with number; padding is made a prediction and a target that cost nothing."""

    whole_time = True
    kernel: ClassVar[str]
    """Of `kernels.loss`; that of the gradient is called ..._backward."""
    padding: ClassVar[float] = 0.0
    """The prediction that costs nothing where the target is 0."""

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        made = super().workspace(batch, *x)
        if optional_inputs(x, 3)[2] is None:
            return made
        values = (batch, *x[0])
        return {**made, "count": (2,), "own_prediction": values, "own_target": values}

    def count(self, e: Emitter) -> None:
        e.emit(kernels.padding.count_steps, batch=e.batch, times=e.x[0].shape[1],
               lengths=lengths_of(e, 2), count=e.work["count"])

    def forward(self, e: Emitter) -> None:
        if lengths := lengths_of(e, 2):
            _, times, features = e.x[0].shape
            for x, name, value in ((e.x[0], "own_prediction", self.padding),
                                   (e.x[1], "own_target", 0.0)):
                e.emit(kernels.padding.replace_padding, batch=e.batch, times=times,
                       features=features, value=value, lengths=lengths, x=x, y=e.work[name])
        p, t = self._compared(e)
        self.compare(e, p, t)
        self._measure(e, e.work.get(self.answer, p), t)
        self._over_own(e, e.work["loss"], e.work["metric"])

    def input_gradient(self, e: Emitter, dx: Tensor) -> None:
        self.gradient(e, *self._compared(e), dx)
        self._over_own(e, dx)

    def compare(self, e: Emitter, p: Tensor, t: Tensor) -> None:
        """Emit the loss of predictions and targets."""
        e.emit(getattr(kernels.loss, self.kernel), **self.sizes(e), prediction=p, target=t,
               loss=e.work["loss"])

    def gradient(self, e: Emitter, p: Tensor, t: Tensor, dp: Tensor) -> None:
        """Emit the gradient of the predictions."""
        e.emit(getattr(kernels.loss, f"{self.kernel}_backward"), **self.sizes(e), prediction=p,
               target=t, dprediction=dp)

    def sizes(self, e: Emitter) -> dict[str, Any]:
        """What both kernels are told beside the tensors."""
        return {"batch": e.batch, "total": e.total, "features": size_of(e.x[0].shape[1:])}

    @staticmethod
    def _measure(e: Emitter, answer: Tensor, t: Tensor) -> None:
        """Accuracy for classes (one output: on which side of ½), else the mean absolute error."""
        metric, outputs = e.work["metric"], size_of(answer.shape[1:])
        given: dict[str, Any] = {"batch": e.batch, "total": e.total, "prediction": answer,
                                 "target": t}
        if not has_classes(t):
            e.emit(kernels.loss.mean_absolute_error, **given, features=outputs, mean=metric)
        elif outputs == 1:
            e.emit(kernels.loss.binary_accuracy, **given, metric=metric)
        else:
            e.emit(kernels.loss.accuracy, **given, classes=outputs, metric=metric)

    def _compared(self, e: Emitter) -> tuple[Tensor, Tensor]:
        return (e.work.get("own_prediction", e.x[0]), e.work.get("own_target", e.x[1]))

    def _over_own(self, e: Emitter, *means: Tensor) -> None:
        """Emit means over the steps that are the samples' own, of means over all."""
        for x in means:
            if "count" in e.work:
                e.emit(kernels.padding.mean_of_own, n=x.size, all=e.total * e.x[0].shape[1],
                       count=e.work["count"], x=x)


def has_classes(target: Tensor) -> bool:
    return len(target.shape) == 1


def check_flat(label: str, prediction: Signal) -> int:
    """The number of outputs."""
    if len(prediction.shape) != 1:
        raise ShapeError(f"{label} needs one number per class, got "
                         f"{show_shape(prediction.shape)}. Add a Flatten and a Dense before it.")
    return prediction.shape[0]
