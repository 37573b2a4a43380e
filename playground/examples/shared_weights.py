"""Convolution and pooling as the matrices that they are."""

from __future__ import annotations

from playground.examples.base import Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.merge import Concat
from playground.layers.pool import AvgPool2D, MaxPool2D
from playground.training import Adam


def _two_pools(notes: str) -> Graph:
    net = Wired(seeded(7, optimizer=Adam(learning_rate=0.005)), notes)
    net.add("digits_1", Digits(standardise="global"), 0, 0.5)
    net.add("conv_1", Conv2D(channels=4, activation="relu"), 1, 0, "digits_1")
    net.add("conv_2", Conv2D(channels=4, activation="relu"), 1, 1, "digits_1")
    net.add("largest", MaxPool2D(), 2, 0, "conv_1")
    net.add("mean", AvgPool2D(), 2, 1, "conv_2")
    net.add("concat_1", Concat(), 3, 0.5, "largest", "mean")
    net.add("flatten_1", Flatten(), 4, 0, "concat_1")
    net.add("dense_1", Dense(units=10), 4, 1, "flatten_1")
    net.add("loss_1", SoftmaxCrossEntropy(), 5, 0.5, "dense_1")
    return net.graph


CONV_MATRIX = Example(
    "conv-matrix", "Convolution as a matrix",
    "a dense layer with most weights gone and the rest shared; and what pooling routes",
    _two_pools("""
# The matrix of a convolution

A convolution is a dense layer: its output is a matrix times the pixels. But what a matrix! The
panel *As a matrix* draws that of conv_1, for one filter: a row for each of 36 outputs, a column for
each of 64 pixels. Of 2,304 places 1,980 are **zero**, since an output looks at 3×3 pixels and
nowhere else; the other 324 hold **nine weights**, each in one colour, 36 times.

**Press Space, switch *values* on** and watch: each weight changes in all its places at once.
**Point at the picture**: it says which output, which pixel, and which weight k[i, j]. *All
channels* puts the four filters above each other; *crop* takes a smaller input.

# What pooling routes

**Select largest.** Its matrix has one 1 in each row, at the largest value of that window, and is
another one for each sample. Read down its columns and it takes the gradient back, from ∂y to ∂x:
**all of it to the winner, nothing to the rest.** **Select mean**: four quarters in each row, so
every value of the window gets its share, and the matrix never changes. Neither has anything to
learn, and both keep the channels apart.

**Try.** Give conv_1 a stride of 2, dilation, or padding *same*, and see what that does to the
stripes. Set the window of *largest* to 3×3 with stride 1: windows overlap, and one pixel may win
several times.
"""),
    Mark("accuracy", ">=", 0.94, epochs=25),
    panels=("matrix",), selected="conv_1")
