"""The same deep network twice, with and without skip connections."""

from __future__ import annotations

import math

from playground.activations import ActivationName
from playground.examples.base import PITCH_X, PITCH_Y, Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.initializers import Initializer, Normal
from playground.lane import Lane
from playground.layers.conv import Conv2D
from playground.layers.core import Dense
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.merge import Add
from playground.layers.pool import GlobalAvgPool2D
from playground.schedules import Cosine
from playground.training import SGD, Clipping

BLOCKS = 15
"""Of two convolutions each; with the first convolution and the dense layer, 32 layers."""
CHANNELS = 12
OPEN = {1: (2, 0), 2: (0, 1)}
"""Blocks that are drawn layer by layer, and their column and row."""
FOLDS = ((3, 6), (7, 10), (11, 15))
"""The others, from the first to the last that are drawn as one. Unfolded they come below, two to a
row."""
FOLD_WIDTH = 1.45
"""Columns: a fold tells what goes in and what comes out."""
EPOCHS = 8


SMALL = Normal(deviation=round(math.sqrt(2 / (9 * CHANNELS)) * (4 * BLOCKS) ** -0.25, 2))
"""How weights inside a block with a way round start: as He's times a power of the depth. With He's
each block would treble the mean square of what goes through it, and the network would begin at a
loss of 1,500; so it grows by a thirtieth. After Zhang, Dauphin & Ma 2019, Fixup initialization."""


def _conv(activation: ActivationName, initializer: Initializer = "he_normal") -> Conv2D:
    return Conv2D(channels=CHANNELS, kernel=(3, 3), padding="same", activation=activation,
                  initializer=initializer)


def _deep(skip: bool, notes: str) -> Graph:
    net = Wired(seeded(7, optimizer=SGD(learning_rate=0.03, momentum=0.9),
                       schedule=Cosine(period=EPOCHS),
                       clipping=Clipping(mode="global_norm", threshold=1.0)), notes)
    size = 3 if skip else 2
    net.add("digits_1", Digits(standardise="global"), 0, 0)
    last = net.add("conv_0", _conv("relu"), 1, 0, "digits_1")
    for block in range(1, BLOCKS + 1):
        column, row = OPEN.get(block) or (size * ((block + 1) % 2), (block + 3) // 2)
        bend, mix = (_conv("relu", SMALL), _conv("identity", SMALL)) if skip else (
            _conv("relu"), _conv("relu"))
        a = net.add(f"conv_{block}a", bend, column, row, last)
        b = net.add(f"conv_{block}b", mix, column + 1, row, a)
        last = net.add(f"add_{block}", Add(), column + 2, row, last, b) if skip else b
    tail = FOLD_WIDTH
    net.add("average", GlobalAvgPool2D(), tail, 2, last)
    net.add("dense_1", Dense(units=10), tail + 1, 2, "average")
    net.add("loss_1", SoftmaxCrossEntropy(), tail + 2, 2, "dense_1")
    graph = net.graph
    places = ((size, 1), (size + FOLD_WIDTH, 1), (0, 2))
    for (first, end), (x, y) in zip(FOLDS, places, strict=True):
        names = tuple(f"{kind}{block}{part}" for block in range(first, end + 1)
                      for kind, part in (("conv_", "a"), ("conv_", "b"), ("add_", "")))
        graph = graph.with_fold([node.id for node in graph.nodes if node.id in names],
                                PITCH_X * x, PITCH_Y * y, f"blocks_{first}_to_{end}")
    return graph


PLAIN_DEEP = Example(
    "plain-deep", "32 layers in a row",
    "convolution after convolution: too deep to learn", _deep(False, """
# Too deep to learn

31 convolutions and a dense layer in a row, with ReLU and He's initialisation: nothing vanishes at
once, and still it hardly learns. Each layer bends the signal a little, and after thirty of them
what comes out says little about what went in, and the gradient little about what to change. (Most
of the layers are folded: double-click *blocks_3_to_6* to see some.)

**Press Space and look at the loss**: after eight epochs a network of two layers
has the digits (`cnn-digits`); this one still guesses at half of them.

**Choose *skip connections*** below this note, which is `resnet`: the same layers and the same
steps, with a way round every two convolutions.

**Try.** Delete some convolutions in the middle and connect the rest: the shallower it is, the
sooner it learns. That more layers did *worse*, on the training data too, was the surprise of 2015.
"""),
    Mark("accuracy", "<=", 0.8, epochs=EPOCHS), panels=("gradients",),
    variations=(Lane("skip connections", _deep(True, ""),
                     help="A way round every two convolutions: the digits are learned."),))

RESNET = Example(
    "resnet", "32 layers with skip connections",
    "the same network with a way round every two layers", _deep(True, """
# Skip connections

He, Zhang, Ren and Sun, 2015: let two layers compute only what is to be *added* to their input. Then
doing nothing is easy, the signal has a straight way through, and so has the gradient: *add* passes
it on whole, to both sides. What is added begins small (see *conv_1a*'s initializer): at first the
digits come out of thirty layers much as they went in. Two blocks are drawn layer by layer;
double-click *blocks_3_to_6* and its like to see the others.

**Press Space and look at the loss**: it falls from the first steps on. The gradient norms of 32
layers lie in one bundle, and in a few epochs the digits are known.

**Choose *no skip connections*** below this note, which is `plain-deep`: without the additions the
same layers, the same number of weights and the same steps end far below.

**Step through it.** Pause, press F10 through the backward phase, and watch ∂y arrive at an *add*
and go on along both ways.

**Try.** Cut one skip connection, then all that you can find, and train again.
"""),
    Mark("accuracy", ">=", 0.9, epochs=EPOCHS), panels=("gradients",),
    variations=(Lane("no skip connections", _deep(False, ""),
                     help="The same layers in one row, with He's weights: it ends far below."),))
