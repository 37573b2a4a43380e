"""The same deep network with and without batch normalisation."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.activation import Tanh
from playground.layers.base import Layer
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.norm import BatchNorm
from playground.training import SGD

HIDDEN = 6
"""Layers, of 32 units each."""


def _deep(normalised: bool, notes: str) -> Graph:
    layers: list[Layer] = [Digits(), Flatten()]
    for _ in range(HIDDEN):
        layers.append(Dense(units=32, activation="identity" if normalised else "tanh"))
        if normalised:
            layers += [BatchNorm(), Tanh()]
    return chain(*layers, Dense(units=10), SoftmaxCrossEntropy(), row=7,
                 training=seeded(7, optimizer=SGD(learning_rate=0.02)), notes=notes)


BATCH_NORM = Example(
    "batch-norm", "Batch normalisation",
    "six layers of tanh, each sum at mean 0 and deviation 1: learned in a third of the steps",
    _deep(True, """
# Batch normalisation

Before each tanh the 32 sums are brought to mean 0 and deviation 1 over the batch, then scaled and
shifted by two numbers that are learned (Ioffe and Szegedy 2015). So they stay where tanh bends,
whatever the layers before are doing, and every layer gets a signal and a gradient of useful size.

**Choose *without batch norm*** below this note: the same network without the six normalisations
trains beside it, on the same batches, from the same weights. **Press Space and look at the loss**:
to come to 1.0, the other needs three times the steps.

**Look at a BatchNorm node**: each dot is a channel's mean in this batch, the line the *running*
mean that training gathers. Training takes away the dots; validation, which may see a single sample,
the line.

**Look at the histogram of a tanh** in the inspector: it fills the range from -1 to 1. Without
normalisation what comes out of the sixth layer is a narrow peak at first.

**Try.** Set the batch size to 2: the dots jump about the line, mean and deviation of two samples
say little, and the gain is gone.
"""),
    Mark("accuracy", ">=", 0.9, steps=400), variations=(
        Lane("without batch norm", _deep(False, ""),
             help="The same weights and batches: it needs three times the steps."),))
