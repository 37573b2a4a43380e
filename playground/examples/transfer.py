"""What was learned from one half of the digits, used for the other half."""

from __future__ import annotations

from importlib import resources
from typing import Literal

from safetensors.numpy import load

from playground.examples.base import Example, Mark, chain, seeded
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.augmentation import Augmentation
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import MeanSquaredError, SoftmaxCrossEntropy
from playground.layers.pool import AvgPool2D
from playground.learning import Learning
from playground.state import SavedState
from playground.training import Adam, Training

TRUNK = ("conv_1", "conv_2")
WEIGHTS = "trunk.safetensors"
TEN_EACH = 50 / 896
"""The share of the digits 5 to 9 that is ten of each, give or take one."""
STEPS = 100
LEANING_STEPS = 200


def _network(digits: Literal["0-4", "5-9"], train_fraction: float, augmentation: Augmentation,
             training: Training, notes: str) -> Graph:
    return chain(
        Digits(classes=digits, train_fraction=train_fraction, standardise="global",
               augmentation=augmentation),
        Conv2D(channels=32, padding="same", activation="sigmoid"), AvgPool2D(),
        Conv2D(channels=64, padding="same", activation="sigmoid"), Flatten(),
        Dense(units=5), SoftmaxCrossEntropy(), training=training, notes=notes)


def _on_new_digits(notes: str, frozen: bool) -> Graph:
    graph = _network("5-9", TEN_EACH, Augmentation(),
                     seeded(7, batch=10, optimizer=Adam(learning_rate=0.003)), notes)
    for id in TRUNK if frozen else ():
        graph = graph.with_learning(id, Learning(frozen=True))
    return graph


def _leaning(notes: str, frozen: bool) -> Graph:
    graph = chain(
        Digits(classes="5-9", asks="slant", train_fraction=TEN_EACH, standardise="global"),
        Conv2D(channels=32, padding="same", activation="sigmoid"), AvgPool2D(),
        Conv2D(channels=64, padding="same", activation="sigmoid"), Flatten(),
        Dense(units=1, initializer="zeros"), MeanSquaredError(),
        training=seeded(7, batch=10, optimizer=Adam(learning_rate=0.003)), notes=notes)
    for id in TRUNK if frozen else ():
        graph = graph.with_learning(id, Learning(frozen=True))
    return graph


def trunk() -> SavedState:
    """The trunk's weights as `make_trunk.py` wrote them, for a network at step 0."""
    file = resources.files("playground.examples").joinpath(WEIGHTS)
    return SavedState(step=0, parameters=load(file.read_bytes()))


TRANSFER_SOURCE = Example(
    "transfer-source", "Transfer, first half",
    "the digits 0 to 4: where the trunk of `transfer` has learned what strokes are",
    _network("0-4", 0.8, Augmentation(rotate=20, shift=1, noise=0.3),
             seeded(7, optimizer=Adam(learning_rate=0.002)), """
# Before the transfer

Two convolutions and a dense layer learn the digits 0 to 4, from 721 pictures that are turned,
shifted and made noisy in each step, so that what is learned holds for more than these.

**Press Space and select conv_2**: its maps show strokes and bends. Nothing in them is about the
digits 0 to 4 alone; only *dense_1* knows those.

**Compare with `transfer`**: there the two convolutions come from this network, as they are after 40
epochs, and only the dense layer is new.
"""),
    Mark("accuracy", ">=", 0.9, epochs=40))

FROM_SCRATCH = _on_new_digits("", frozen=False)
"""What `transfer` is compared with: the same network, nothing frozen, nothing known."""

TRANSFER = Example(
    "transfer", "Transfer, second half",
    "ten pictures of each new digit are enough, on features learned from other digits",
    _on_new_digits("""
# Transfer learning

Ten labelled pictures of each of the digits 5 to 9: too few to learn from scratch what a stroke is.
But a network that has learned the digits 0 to 4 (`transfer-source`) knows that already. Its output
layer is dropped, its two convolutions are kept and *frozen* (see the lock), and a new dense layer
learns five new digits from their maps.

**Press Space and look at the loss.** Within twenty epochs, a hundred steps, nine out of ten of the
846 pictures that it has never seen are right.

**Choose *from scratch*** below this note: the same network, with all its weights drawn anew and
none of them frozen. After a hundred steps it is more than five points behind; it takes about a
thousand to come near.

**Try.** Reset with the convolutions frozen: random features are better than nothing, and worse than
learned ones. Opening the example again brings the learned ones back.
""", frozen=True),
    Mark("accuracy", ">=", 0.88, steps=STEPS), state=trunk(), variations=(
        Lane("from scratch", FROM_SCRATCH,
             help="Nothing frozen, nothing known: more than five points behind after 100 steps."),))

TRANSFER_REGRESSION = Example(
    "transfer-regression", "Transfer to another task",
    "a classifier's trunk under a new head that gives a number: how far does it lean?",
    _leaning("""
# From naming to measuring

The two convolutions of `transfer-source` have learned to tell the digits 0 to 4 apart. Here their
output layer is dropped, they are *frozen* (see the locks), and on top comes a head for another kind
of task: one number instead of a class. By how many tens of degrees does this digit lean? The
pictures are of 5 to 9, which the trunk has never seen, and there are fifty of them to learn from.

Nobody asked the trunk about slant. But to tell strokes apart it had to tell their directions apart,
and a weighted sum of what it says about them is a slant.

**Choose *from scratch*** below this note: the same network, nothing known and nothing frozen.

**Press Space and look at the loss**: the frozen trunk is of use at once, while the other still has
to find out what a stroke is; after two hundred steps its squared error is half of the other's.
Later the other comes near, with 19,841 weights to bend to fifty pictures; this one has 1,025. (The
new head begins with zeros in both, so neither has to unlearn a guess.)

**Look at the samples in the *Output* panel**: the number asked for and the number given.

**Try.** Set the share of the data that trains to 0.5: with enough pictures, learning all of it is
no worse.
""", frozen=True),
    Mark("loss", "<=", 0.025, steps=LEANING_STEPS), state=trunk(), panels=("output",), variations=(
        Lane("from scratch", _leaning("", frozen=False),
             help="Nothing known, nothing frozen: twice the squared error after 200 steps."),))
