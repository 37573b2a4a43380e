"""What views ask of the training thread (probes) and what they get (a snapshot of copies)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from playground.history import HistoryView
    from playground.lane import Lane
    from playground.program import Program
    from playground.state import SavedState
    from playground.training import Training

Floats = NDArray[np.float32]
State = Literal["empty", "compiling", "stepping", "running", "paused", "diverged", "failed"]
SplitName = Literal["train", "validation"]


@dataclass(frozen=True)
class TensorProbe:
    """The values of a tensor by name: "conv_1.w", "conv_1.dw", "conv_1.y", "conv_1.dy", ...

    Gives a float32 array. Of tensors with a batch axis, `sample` picks one sample of the batch
    (shape without the batch axis); None gives the first `limit` samples. With source
    "validation" an activation is computed anew for validation sample `sample`, with the
    weights as they are, in inference mode. With source "data" the x or target of the data node is
    not the batch but the first `limit` training samples, which are there before anything runs.
    moved: of a validation sample that is a picture, by so many pixels to the right before the
    network sees it; what moves in is black.
    """

    name: str
    sample: int | None = None
    limit: int = 64
    source: Literal["batch", "validation", "data"] = "batch"
    moved: int = 0


@dataclass(frozen=True)
class WorkspaceProbe:
    """One sample's part of an array of a layer's workspace: "lstm_1.gates", "attention_1.weights".

    axis: where the samples of the batch are. Gives a float32 array without that axis, whichever
    lane the sample is in.
    """

    name: str
    sample: int = 0
    axis: int = 0


@dataclass(frozen=True)
class BoundaryProbe:
    """The network's outputs over the plane of two input features.

    Gives a `Boundary`.
    """

    resolution: int = 64


@dataclass(frozen=True)
class ResponsesProbe:
    """What single units answer over the plane of two input features.

    Gives a dictionary: node -> float32 (units, resolution, resolution) of the first `limit`
    outputs, the first row at the top (the largest second feature). Only for 2-D data.
    """

    resolution: int = 24
    limit: int = 4


@dataclass(frozen=True)
class ConfusionProbe:
    """Counts (true class, predicted class), int64 (classes, classes); along time, of all steps."""

    split: SplitName = "validation"


@dataclass(frozen=True)
class PredictionsProbe:
    """Samples with what the network says of them. Gives `Predictions`."""

    split: SplitName = "validation"
    start: int = 0
    count: int = 24


@dataclass(frozen=True)
class TimingsProbe:
    """Mean time of each instruction in microseconds, float64 (instructions,), NaN where unknown."""


@dataclass(frozen=True)
class AugmentationProbe:
    """The first training samples as they are, and as a step would change them.

    Gives float32 (2, count, *shape): before and after, in the data's own units. Another `draw`
    changes them in another way. Nothing where the data node changes nothing.
    """

    count: int = 6
    draw: int = 0


@dataclass(frozen=True)
class WeightsProbe:
    """All that the network has learned, to use it elsewhere. Gives `weights.Weights`.

    Nothing where that are more than `most` numbers: the training would wait for their copy.
    """

    most: int = 8_000_000


@dataclass(frozen=True)
class RepresentationProbe:
    """What a node makes of the first `limit` validation samples. Gives a `Representation`.

    components: how many principal components at most, where there are more values than two.
    """

    node: str
    components: int = 2
    limit: int = 500


@dataclass(frozen=True)
class DecodedProbe:
    """What the decoder draws of places in the plane of its code: each x with each y.

    Gives float32 (len(y), len(x), channels, height, width). Only where `find_decoder` finds one.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class FilmProbe:
    """What the network makes, then and now. Gives a `Film`; nothing where it makes no samples."""


@dataclass(frozen=True)
class SurfaceProbe:
    """The loss of the training part over the plane of the first two weights.

    The other weights stay as they are. extent: x0, x1, y0, y1. Gives float32 (resolution,
    resolution), the first row at y0. Only for networks of a few weights, see `Program.followed`.
    """

    extent: tuple[float, float, float, float]
    resolution: int = 48


Probe = (TensorProbe | WorkspaceProbe | BoundaryProbe | ResponsesProbe | ConfusionProbe
         | PredictionsProbe | TimingsProbe | AugmentationProbe | WeightsProbe
         | RepresentationProbe | DecodedProbe | FilmProbe | SurfaceProbe)


@dataclass(frozen=True)
class Boundary:
    """values (resolution, resolution): the winning class's number, or a regression's value, for
    x from left to right and y from bottom to top. margin: the same shape, 0..1, how sure (the
    probability of the winner). extent: x0, x1, y0, y1 in the data's own units. points (n, 2) and
    target (n,) are the training data, validation_points likewise.

    judged: it is a judge's, beside a generator. The classes are "real" and "made", and so are the
    points; pulls (n, 2, 2): made points, and for each the place that it is pulled to."""

    values: Floats
    margin: Floats
    extent: tuple[float, float, float, float]
    points: Floats
    target: Floats
    validation_points: Floats
    validation_target: Floats
    classes: tuple[str, ...]
    judged: bool = False
    pulls: Floats | None = None


NO_CLASS = -1
"""What an output says that is not finite."""


@dataclass(frozen=True)
class StepPredictions:
    """Classes along time. target (n, time): class numbers, -1 where nothing is asked. said
    (n, time): the most probable class, NO_CLASS where the output is not finite; sure (n, time):
    its probability."""

    target: NDArray[np.int64]
    said: NDArray[np.int64]
    sure: Floats


@dataclass(frozen=True)
class Predictions:
    """x (n, *shape) raw samples; target (n,) or (n, ...); output (n, ...): probabilities of the
    classes, or values for a regression. Of classes along time, the last step with a target; of
    packed samples, what comes out at x. vocabulary: the words that x numbers, if it does. steps:
    every time step, where x or the targets are a sequence of classes. rebuilt: output is x again,
    as the network gives it back; noisy: x as the network was given it, where it learns to clean
    up. words: what is written beside each x, such as a question about it."""

    x: Floats
    target: Floats
    output: Floats
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...] = ()
    steps: StepPredictions | None = None
    rebuilt: bool = False
    noisy: Floats | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Representation:
    """values (n, k) of a node for n samples: its two values as they are, or principal components.

    shares (k,): of the variance in each component; None where values are shown as they are. units:
    how many values the node has. x (n, *shape): the samples in the data's own units. labels (n,):
    class numbers, or None without classes. ordered: the classes are ranges of a value to predict,
    from the lowest up.
    """

    node: str
    values: Floats
    shares: Floats | None
    units: int
    x: Floats
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """What was made after so many steps: samples (n, *shape)."""

    step: int
    samples: Floats


@dataclass(frozen=True, eq=False)
class Film:
    """frames: from the first step to now. kind: "drawn" from the same random numbers each time,
    or "rebuilt" from the same samples. originals (n, *shape): those, or real ones to compare."""

    kind: Literal["drawn", "rebuilt"]
    node: str
    frames: tuple[Frame, ...]
    originals: Floats


@dataclass(frozen=True)
class NodeStatistics:
    """One node at the last finished measurement. NaN where a number does not apply or is not there.

    grad_norm_before and grad_norm: L2 norm of the parameter gradients before and after clipping.
    grad_max: largest |g|. grad_zeros, inactive: shares 0..1. nonfinite: number of NaN and Inf.
    update_ratio: norm of the update over norm of the weights. mean, deviation: of the outputs.
    inactive: share of units dead or saturated over the whole batch.
    """

    grad_norm_before: float
    grad_norm: float
    grad_max: float
    grad_zeros: float
    nonfinite: float
    update_ratio: float
    mean: float
    deviation: float
    inactive: float


@dataclass(frozen=True)
class Verdict:
    """What the gradients look like, in a word and a sentence."""

    kind: Literal["unknown", "healthy", "settled", "vanishing", "exploding", "clipped",
                  "diverged"]
    text: str
    clipped_share: float = 0.0


@dataclass(frozen=True)
class LaneView:
    """A variant that trains beside the network, at the moment of the snapshot."""

    lane: Lane
    step: int = 0
    """Finished steps; fewer than the network's while it catches up."""
    message: str = ""
    """Why it has stopped or never began, as a sentence; empty when all is well."""
    history: HistoryView | None = None
    """None where it never began."""
    validation_loss: float = float("nan")
    validation_metric: float = float("nan")
    boundary: Boundary | None = None
    """What it says everywhere, where a view asks that of the network."""
    parameters: int = 0
    seconds_per_step: float = float("nan")
    """Of its own steps alone; NaN before the first."""


@dataclass(frozen=True)
class Snapshot:
    """The training at one moment; every array is a copy of its own, or append-only history."""

    state: State
    message: str = ""
    """Why, in a sentence, when diverged or failed; when paused, what training has stopped at."""
    faults: tuple[Exception, ...] = ()
    """Of pictures that could not be made: the first for each kind of probe."""
    brief: str = ""
    """The same in a few words, for the node."""
    node: str | None = None
    """The node to blame when diverged or failed."""
    program: Program | None = None
    """Its `instructions` are the listing; immutable."""
    training: Training | None = None
    """Its numbers as they are now: those of the program's graph are as it was compiled."""
    position: int = 0
    """Index of the next instruction; 0 between two steps."""
    stops: frozenset[int] = frozenset()
    """Indices of the instructions that Run stops before."""
    step: int = 0
    """Finished steps."""
    epoch: int = 0
    batch_in_epoch: int = 0
    batches_per_epoch: int = 0
    steps_per_second: float = 0.0
    seconds_per_step: float = float("nan")
    """Of the network's steps alone, whatever else takes time; NaN before the first."""
    instrumentation: float = 0.0
    """Share of the time that goes into measuring, 0..1."""
    can_step_back: bool = False
    loss: float = float("nan")
    """The weighted sum of all losses and penalties."""
    losses: Mapping[str, float] = field(default_factory=dict)
    """Each loss node's own."""
    metric: float = float("nan")
    """Accuracy (0..1) of the last batch, or the mean absolute error of a regression."""
    metric_name: str = ""
    validation_loss: float = float("nan")
    validation_metric: float = float("nan")
    validation_step: int | None = None
    """After how many steps that was; None where it was not."""
    learning_rate: float = float("nan")
    nodes: Mapping[str, NodeStatistics] = field(default_factory=dict)
    history: HistoryView | None = None
    verdict: Verdict = Verdict("unknown", "No gradients yet.")
    values: Mapping[Probe, Any] = field(default_factory=dict)
    """An answer for each probe of the last `watch`; an absent probe could not be answered."""
    progress: str = ""
    """What is going on while compiling: "Preparing layers for this machine, once (3 of 12)"."""
    lanes: tuple[LaneView, ...] = ()
    """The variants that train beside it, in the order in which they were set."""

    @property
    def validated_at(self) -> int | None:
        """The step that the validation is of, where it is not that of all the other numbers.

        While it runs, validation always lags a little: only what is far behind counts.
        """
        at = self.validation_step
        if at is None:
            return None
        lag = abs(self.step - at)
        return at if lag > (self.step // 2 if self.state == "running" else 0) else None


def as_left(status: Snapshot, saved: SavedState, history: HistoryView | None) -> Snapshot:
    """What is known of a network that has no memory, or no data: how far it was, and its curves."""
    per_epoch = saved.batches_per_epoch
    status = replace(status, step=saved.step, history=history,
                     epoch=(saved.step + saved.ahead) // per_epoch if per_epoch else 0)
    if history is None or not len(history.validation_step):
        return status
    return replace(status, validation_loss=float(history.validation_loss[-1]),
                   validation_metric=float(history.validation_metric[-1]),
                   validation_step=int(history.validation_step[-1]))
