"""What hidden layers hold: a representation in which the classes lie apart."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.training import Adam

REPRESENTATION = Example(
    "representation", "Representation of digits",
    "remove the output layer and look: what hidden layers make of digits",
    chain(
        Digits(standardise="global"), Flatten(),
        Dense(units=64, activation="tanh"), Dense(units=32, activation="tanh"),
        Dense(units=10), SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=Adam(learning_rate=0.002)),
        notes="""
# What hidden layers hold

Take the output layer away, and what is left turns 64 pixels into 32 numbers. Which ones? Here are
all validation digits by these numbers, in the two directions in which they differ most.

**Press Space and look at Representation.** All kinds lie in one heap at first. As the loss falls
they part, each goes its own way, and what the output layer has left to do is draw a few straight
lines between them. Point at a dot to see its digit: the ones between two heaps are hard to read.

**Select flatten_1, then dense_1, then dense_2.** In the plane of the pixels the five nearest
neighbours name a digit in six of ten cases; in that of dense_2 in three of four, and these are
digits that the network never trained on.

**Switch to t-SNE.** It keeps who is near whom in all 32 directions and forgets the rest: ten
islands. It makes islands of the pixels too; look how many strangers live on them in either. It is a
picture of this moment, made in a few seconds; *refresh* makes it anew (van der Maaten and Hinton
2008).

**Try.** Reset, and look at dense_2 before the first step: by random weights the digits lie in one
heap, worse mixed than by their pixels. Or give dense_2 just 2 units: then the plane shows all that
it has.
""", row=6),
    Mark("neighbours_gained", ">=", 0.12, epochs=20), 400.0, panels=("representation",))
