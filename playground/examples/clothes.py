"""The convolutional networks of 2012 to 2014, in small, on photographs of clothes."""

from __future__ import annotations

from playground.examples.base import PITCH_Y, Example, Mark, chain, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.augmentation import Augmentation
from playground.layers.base import Layer
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.data import FashionMnist
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.merge import Concat
from playground.layers.norm import LocalResponseNorm
from playground.layers.pool import MaxPool2D
from playground.schedules import Cosine
from playground.training import Adam

BRANCH, SECOND = 0.88, 1.15
"""Rows from one branch of a module to the next, and columns from its first layers to the second."""


def _conv(channels: int, kernel: int = 3, groups: int = 1) -> Conv2D:
    return Conv2D(channels=channels, kernel=(kernel, kernel), padding="same", groups=groups,
                  activation="relu", initializer="he_normal")


def _dense(units: int) -> Dense:
    return Dense(units=units, activation="relu", initializer="he_normal")


def _vgg_small() -> Graph:
    layers: list[Layer] = [FashionMnist(
        standardise="global", augmentation=Augmentation(flip_horizontal=True))]
    for channels in (12, 24, 48):
        layers += [_conv(channels), _conv(channels), MaxPool2D()]
    layers += [Flatten(), _dense(64), Dropout(rate=0.3), Dense(units=10), SoftmaxCrossEntropy()]
    return chain(
        *layers, training=seeded(7, batch=32, optimizer=Adam(learning_rate=0.003),
                                 schedule=Cosine(period=10)), notes="""
# A small VGG

The idea of VGG (Simonyan and Zisserman, 2014) at a size that learns while you watch: 3×3
convolutions in pairs, then pooling, and more channels each time the maps become smaller. Two 3×3
kernels in a row see 5×5 pixels, with 18 weights for each pair of channels instead of 25, and with a
bend between them.

**Press Space.** The learning rate falls along a cosine over ten epochs, and the validation curve
climbs to the end with it.

**Select conv_1, conv_3, conv_5** in turn and look at *Feature maps*: outlines first, then parts
of them, then maps that light up for a heel or a strap and are dark elsewhere.

**Try.** Set the schedule to *constant*: the curve shakes and ends lower. Compare the parameters
with `vgg16`, where three quarters of all weights sit in the first dense layer.
""")


def _alexnet_small() -> Graph:
    return chain(
        FashionMnist(standardise="global", augmentation=Augmentation(flip_horizontal=True)),
        _conv(16, 5), LocalResponseNorm(), MaxPool2D(kernel=(3, 3)),
        _conv(32, 3, groups=2), LocalResponseNorm(), MaxPool2D(kernel=(3, 3)),
        _conv(48), _conv(48, groups=2), _conv(32, groups=2), MaxPool2D(kernel=(3, 3)),
        Flatten(), _dense(128), Dropout(rate=0.3), _dense(64), Dense(units=10),
        SoftmaxCrossEntropy(),
        training=seeded(7, batch=32, optimizer=Adam(learning_rate=0.003),
                        schedule=Cosine(period=14)), notes="""
# A small AlexNet

All parts of AlexNet (Krizhevsky and others, 2012) at a size that learns while you watch: five
convolutions with ReLU, response normalisation after the first two, overlapping pooling, two halves
(*groups* 2) that meet in *conv_3* alone, dropout, and pictures that are mirrored at random.

**Press Space and look at the loss.** The training curve is measured on changed pictures and with
dropout, the validation curve on neither: so they stay together, where without both the first runs
away from the second.

**Select conv_2.** Its first 16 kernels see the first 8 maps of *conv_1* only, the others the last
8: in the paper each half lived on a graphics card of its own.

**Try.** Set the augmentation and the dropout off: the training loss falls faster, and the
validation loss turns round and rises. Set all groups to 1 and compare the number of weights.
""")


def _inception() -> Graph:
    net = Wired(seeded(7, batch=16, optimizer=Adam(learning_rate=0.004),
                       schedule=Cosine(period=8)), """
# Inception

Szegedy and others, 2014: which kernel size is right? All of them. In each module the same maps go
through 1×1, 3×3 and 5×5 convolutions and through pooling, and what comes out is stacked. The 1×1
convolutions before the large kernels (*reduce*) and after the pool (*project*) make it cheap: they
mix the channels down to a few before the costly part.

**Press Space, then look at the canvas**: four branches beside each other, joined by *concat*.
*module_b* is a second one of its kind, folded: double-click it. In the gradient norms the branches
learn at different speeds; none is left behind, since each has a short way to the loss.

**Select a_5x5 and a_3x3** and compare their maps in *Feature maps*: the small kernel keeps the
texture of the cloth, the large one its outline.

**Try.** Take away a branch: select its nodes, press Delete, and train again. How much is missed?
""")
    middle, tail = BRANCH, 4 * BRANCH
    net.add("fashion_1", FashionMnist(standardise="global"), 0, middle)
    net.add("stem", _conv(16, 5), 1, middle, "fashion_1")
    net.add("pool_1", MaxPool2D(), 2, middle, "stem")
    first = _module(net, "a", "pool_1", 3, 0, ones=8, threes=(8, 16), fives=(4, 8), pooled=8)
    net.add("pool_2", MaxPool2D(), 5 + SECOND, middle, first)
    last = _module(net, "b", "pool_2", 3, 5, ones=32, threes=(16, 64), fives=(8, 32), pooled=32)
    net.add("pool_3", MaxPool2D(), 1.3, tail, last)
    net.add("flatten_1", Flatten(), 2.3, tail, "pool_3")
    net.add("dropout_1", Dropout(rate=0.4), 3.3, tail, "flatten_1")
    net.add("dense_1", Dense(units=10), 4.3, tail, "dropout_1")
    net.add("loss_1", SoftmaxCrossEntropy(), 5.3, tail, "dense_1")
    second = [node.id for node in net.graph.nodes if node.id.startswith("b_")]
    return net.graph.with_fold(second, 0, PITCH_Y * tail, "module_b")


def _module(net: Wired, name: str, source: str, column: int, branch: int, *, ones: int,
            threes: tuple[int, int], fives: tuple[int, int], pooled: int) -> str:
    """Four branches and their concatenation; gives its id. (reduced, channels) of 3×3 and 5×5.

    column, branch: where it begins on the canvas.
    """
    def add(id: str, layer: Layer, across: float, down: int, *sources: str) -> str:
        return net.add(f"{name}_{id}", layer, column + across, (branch + down) * BRANCH, *sources)

    heads = [add("1x1", _conv(ones, 1), SECOND, 0, source)]
    for row, (kernel, (reduced, channels)) in enumerate(((3, threes), (5, fives)), 1):
        size = f"{kernel}x{kernel}"
        reduce = add(f"reduce_{size}", _conv(reduced, 1), 0, row, source)
        heads.append(add(size, _conv(channels, kernel), SECOND, row, reduce))
    pool = MaxPool2D(kernel=(3, 3), stride=(1, 1), padding="same")
    heads.append(add("project", _conv(pooled, 1), SECOND, 3, add("pool", pool, 0, 3, source)))
    return add("concat", Concat(), SECOND + 1, 1, *heads)


VGG_SMALL = Example(
    "vgg-small", "A small VGG on clothes",
    "pairs of 3×3 convolutions, then pooling: nothing else, and deep",
    _vgg_small(), Mark("accuracy", ">=", 0.85, epochs=10),
    panels=("feature_maps",), selected="conv_1")

ALEXNET_SMALL = Example(
    "alexnet-small", "A small AlexNet on clothes",
    "five convolutions in two halves, response normalisation, dropout, augmentation",
    _alexnet_small(), Mark("accuracy", ">=", 0.85, epochs=14),
    panels=("feature_maps",), selected="conv_1")

INCEPTION = Example(
    "inception", "Inception on clothes",
    "four looks at the same place, 1×1, 3×3, 5×5 and pooled, side by side",
    _inception(), Mark("accuracy", ">=", 0.85, epochs=8),
    panels=("feature_maps",), selected="stem")
