"""AlexNet as it was published: 61 million weights, one step at a time."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.graph import Graph
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.norm import LocalResponseNorm
from playground.layers.picture_data import Gratings
from playground.layers.pool import MaxPool2D
from playground.training import SGD, Clipping

ROW = 6


def _conv(channels: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> Conv2D:
    return Conv2D(channels=channels, kernel=(kernel, kernel), stride=(stride, stride),
                  padding=(padding, padding), groups=groups, activation="relu",
                  initializer="he_uniform")


def _pool() -> MaxPool2D:
    """Overlapping windows, which the paper prefers."""
    return MaxPool2D(kernel=(3, 3), stride=(2, 2))


def _alexnet(notes: str) -> Graph:
    return chain(
        Gratings(pictures=20, size=227, kinds=1000, standardise="global"),
        _conv(96, 11, stride=4), LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0), _pool(),
        _conv(256, 5, padding=2, groups=2),
        LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0), _pool(),
        _conv(384, 3, padding=1), _conv(384, 3, padding=1, groups=2),
        _conv(256, 3, padding=1, groups=2), _pool(), Flatten(),
        Dense(units=4096, activation="relu", initializer="he_uniform"), Dropout(rate=0.5),
        Dense(units=4096, activation="relu", initializer="he_uniform"), Dropout(rate=0.5),
        Dense(units=1000), SoftmaxCrossEntropy(),
        row=ROW, notes=notes, training=seeded(
            7, batch=1, optimizer=SGD(learning_rate=0.01, momentum=0.9, weight_decay=5e-4),
            clipping=Clipping(mode="global_norm", threshold=1.0)))


ALEXNET = Example(
    "alexnet", "AlexNet",
    "the network of 2012 in its true size: 61 million weights in two halves",
    _alexnet("""
# AlexNet

Krizhevsky, Sutskever and Hinton, 2012: five convolutions, three dense layers, ReLU, dropout and
response normalisation; it halved the errors on ImageNet, and the field changed. One graphics card
was too small for it, so the channels were split over two: *conv_2*, *conv_4* and *conv_5* have two
groups that do not see each other, and only *conv_3* and the dense layers read both halves.

**Press F10** to go through one step layer by layer, forward and back, with one picture. (The first
time takes a moment: memory for 61 million weights, their gradients and their momentum.) **Look at
conv_1 in *Feature maps***: 96 filters of 11×11 pixels, noise still, and what they make of the
stripes; then at *Gradient norms*: the way back from the loss reaches all eight layers.

That one step moves nearly all 61 million weights, each by very little, and the same picture costs
less right after it; how much less is this example's mark. **Press Space** to train on, at a few
steps a second: at this size, on one processor, one sees why it took two graphics cards a week.

**Look at the canvas.** `playground summary alexnet` prints 60,965,224 weights; with one group
everywhere there would be 62,378,344. Nine in ten sit in the dense layers.

**Try.** `alexnet-small` has the same parts on pictures of clothes, and learns while you watch.
"""),
    Mark("fall_of_loss", ">=", 0.5, steps=1), panels=("feature_maps",), selected="conv_1")
