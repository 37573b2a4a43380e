"""Points in the plane: where one can see all that a network does."""

from __future__ import annotations

from playground.examples.base import (
    Example,
    Mark,
    chain,
    seeded,
    set_otherwise,
    trained_otherwise,
)
from playground.layers.core import Dense
from playground.layers.data import Gaussians, Spiral, Xor
from playground.layers.loss import BinaryCrossEntropy, SoftmaxCrossEntropy
from playground.training import SGD, Clipping

WATCHED = 300.0
"""Steps per second: at full speed these small networks are done before the first picture."""

_SPIRAL = chain(
    Spiral(points=600, noise=0.1),
    Dense(units=16, activation="tanh"), Dense(units=16, activation="tanh"),
    Dense(units=2), SoftmaxCrossEntropy(),
    training=seeded(7, optimizer=SGD(learning_rate=0.1, momentum=0.9),
                    clipping=Clipping(mode="global_norm", threshold=1.0)),
    notes="""
# Two spiral arms

**Press Space.** In the *Output* panel the plane starts as one straight cut; the two hidden layers
bend it until it follows both arms. That is what a hidden layer is for: a single one, without
activation, can only ever draw a line.

**Look at the gradient norms.** The dashed line is the clipping threshold. Where the loss is steep,
some steps rise above it: clipping shortens them and keeps their direction. Later all norms sink,
since little is left to learn.

**Try.** Pause with Space and press F11 to walk through one step, instruction by instruction;
Shift+F10 walks back. Choose *no activation* below this note: no amount of training helps. Set the
learning rate to 0.3: the accuracy never settles, and the share of clipped steps says why.
""")

MLP_SPIRAL = Example(
    "mlp-spiral", "Two spiral arms",
    "two hidden layers bend the plane until a line parts the arms", _SPIRAL,
    Mark("accuracy", ">=", 0.97, steps=3000), WATCHED, variations=(
        set_otherwise("no activation", _SPIRAL, "dense_1", "dense_2", activation="identity",
                      help="Three layers that are one straight cut: it stays near a coin's toss."),
        set_otherwise("sigmoid", _SPIRAL, "dense_1", "dense_2", activation="sigmoid",
                      help="A flatter slope, and no outputs below 0: it stays behind."),
        trained_otherwise("rate 0.001", _SPIRAL,
                          optimizer=SGD(learning_rate=0.001, momentum=0.9),
                          help="A hundred times smaller: it crawls."),
        trained_otherwise("no momentum", _SPIRAL, optimizer=SGD(learning_rate=0.1),
                          help="Each step knows of its own batch alone: slower.")))

PERCEPTRON = Example(
    "perceptron", "One neuron, two clouds",
    "a weighted sum and a sigmoid: the line that parts two clouds",
    chain(
        Gaussians(points=400, noise=0.1), Dense(units=1, activation="sigmoid"),
        BinaryCrossEntropy(),
        training=seeded(7, optimizer=SGD(learning_rate=0.1)),
        notes="""
# One neuron

y = φ(w₁ x₁ + w₂ x₂ + b): two weights, one bias, a sigmoid. The weights give the direction of the
cut, the bias its place, the sigmoid how sure the neuron is on either side.

**Press Space** and watch the cut turn between the clouds in the *Output* panel. **Select dense_1**:
its three numbers are all that it knows, and the whole of what training changes.

**Try.** Raise the noise of the data until the clouds overlap: the line stays, the accuracy goes.
Then open `perceptron-xor`, and see what no single line can do.
"""),
    Mark("accuracy", ">=", 0.97, steps=500), WATCHED)

PERCEPTRON_XOR = Example(
    "perceptron-xor", "One neuron, XOR",
    "the same neuron where no line is right: it stays at chance",
    chain(
        Xor(points=400), Dense(units=1, activation="sigmoid"), BinaryCrossEntropy(),
        training=seeded(7, optimizer=SGD(learning_rate=0.1)),
        notes="""
# One neuron and XOR

Opposite quadrants belong together. Whichever line the neuron draws, it is wrong about nearly half
of the points: Minsky and Papert's argument of 1969, in one picture.

**Press Space.** The loss stops near log 2 = 0.693, which is what a coin would cost. The gradients
do not stop: every batch pulls the line another way, and on average they cancel. The best place has
been found; it is not a good one.

**The way out.** Pause, drag a *Dense* layer onto the canvas between xor_1 and dense_1, give it 8
units with tanh, connect it, and run again. Two layers are enough.
"""),
    Mark("accuracy", "<=", 0.75, steps=500), WATCHED)
