"""VGG16 as it was published, less its last layer: a table of numbers, and a pass through them."""

from __future__ import annotations

from playground.examples.base import PITCH_X, PITCH_Y, Example, Mark, chain, seeded
from playground.graph import Graph
from playground.layers.activation import ReLU
from playground.layers.base import Layer
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.loss import MeanSquaredError
from playground.layers.picture_data import Gratings
from playground.layers.pool import MaxPool2D
from playground.layers.source import Constant
from playground.learning import Learning

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
FEATURES = 4096
ROW = 6
FOLD_WIDTH = 1.2
"""Columns that a folded block takes."""


def _vgg16(notes: str) -> Graph:
    layers: list[Layer] = [Gratings(pictures=4, size=224, train_fraction=0.5,
                                    standardise="global")]
    for block in BLOCKS:
        for channels in block:
            layers += [Conv2D(channels=channels, padding="same", initializer="he_uniform"), ReLU()]
        layers.append(MaxPool2D())
    layers.append(Flatten())
    for _ in range(2):
        layers += [Dense(units=FEATURES, initializer="he_uniform"), ReLU(), Dropout(rate=0.5)]
    layers.append(MeanSquaredError())
    graph = _in_blocks(chain(*layers, training=seeded(7, batch=1), notes=notes))
    for node in graph.nodes:
        if isinstance(node.layer, Conv2D | Dense):
            graph = graph.with_learning(node.id, Learning(frozen=True))
    loss = graph.node("loss_1")
    graph = graph.with_node(Constant(shape=(FEATURES,)), loss.x - PITCH_X, loss.y, "zeros")
    return graph.connect("zeros", "loss_1", 0, 1)


def _in_blocks(graph: Graph) -> Graph:
    """The first block is drawn layer by layer and each of the others as one node; unfolded they
    come below, a row for each.
    """
    left = [node.id for node in graph.nodes]

    def take(count: int) -> list[str]:
        taken, left[:] = left[:count], left[count:]
        return taken

    rows = {0: (0.0, take(ROW))}  # row -> its first column and what is there
    for i, block in enumerate(BLOCKS[1:]):
        members = take(2 * len(block) + 1)
        rows[4 + i] = 0.0, members
        graph = graph.with_fold(members, PITCH_X * FOLD_WIDTH * i, PITCH_Y, f"block_{i + 2}")
    rows |= {1: (FOLD_WIDTH * (len(BLOCKS) - 1), take(1)), 2: (0, take(ROW)), 3: (1, take(1))}
    return graph.moved({id: (PITCH_X * (first + column), PITCH_Y * row)
                        for row, (first, ids) in rows.items() for column, id in enumerate(ids)})


VGG16 = Example(
    "vgg16", "VGG16",
    "134 million weights as a feature extractor: the table of 2014, and one pass through it",
    _vgg16("""
# VGG16, less its last layer

Simonyan and Zisserman, 2014: nothing but 3×3 convolutions, in pairs and threes, and pooling. Two
such convolutions see 5×5 pixels and three see 7×7, with fewer weights than one large kernel and a
bend between them. Without the layer that names 1,000 classes, what is left turns a picture of
3×224×224 into 4,096 numbers that other networks can build on.

**Look at the canvas before you run**: nothing has been allocated yet. The badges tell each shape.
Four of the five blocks are folded: double-click one to see its layers.
`playground summary vgg16` prints them all: 37 rows, 134,260,544 weights, 731 MB. Three quarters of
the weights sit in one layer, *dense_1*; most of the work is done in the convolutions.

**Press F10**, again and again, and one picture goes through, layer by layer. (The first time takes
seconds: 512 MB of weights are drawn.) **Select a convolution** and see in *Feature maps* how the
maps become smaller and more. All is frozen, so no gradient goes back: a network on the canvas ends
in a loss, and this one only measures the mean square of the 4,096 numbers. **Press Space** to send
one picture after the other.

**Try.** `vgg-small` is the same idea in a size that learns while you watch.
"""),
    Mark("loss", ">=", 4.0, steps=1), panels=("feature_maps",), selected="conv_1")
