"""Few samples, many weights: learning by heart, and two ways to make that harder."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.core import Dense, Dropout
from playground.layers.data import Moons
from playground.layers.loss import SoftmaxCrossEntropy
from playground.optimizers import AdamW


def _moons(rate: float, decay: float, notes: str) -> Graph:
    return chain(
        Moons(points=400, noise=0.35, train_fraction=0.2),
        Dense(units=128, activation="relu"), Dropout(rate=rate),
        Dense(units=64, activation="relu"), Dropout(rate=rate),
        Dense(units=2), SoftmaxCrossEntropy(), row=4, notes=notes,
        training=seeded(7, optimizer=AdamW(learning_rate=0.005, weight_decay=decay)))


OVER_FITTING = Example(
    "over-fitting", "Learning by heart",
    "8,770 weights for 80 points: the training loss goes to nothing, the validation loss rises",
    _moons(0.0, 0.0, """
# Over-fitting

Two noisy half moons that overlap, 80 points to learn from, 320 to be judged by, and a network with
a hundred times as many weights as points.

**Choose *dropout 0.5* and *weight decay 0.3*** below this note: both train beside it.

**Press Space and look at the loss.** Without either, the training curve falls to nothing while the
validation curve turns and *rises*: the network gets ever surer of what it has only learned by
heart. In the *Output* panel the boundary winds around single points.

*Dropout* leaves out half of the units, others in each step, so that none can rely on another
(Srivastava and others 2014). *Weight decay* pulls all weights towards zero, so that the boundary
cannot bend sharply. With either, the gap between the two curves stays narrower.

**Try.** Set the share of the data that trains to 0.8: with 320 points there is less to know by
heart.
"""),
    Mark("over_fitting_gap", ">=", 0.5, epochs=300), variations=(
        Lane("dropout 0.5", _moons(0.5, 0.0, ""),
             help="Half of the units are left out in each step: the gap narrows."),
        Lane("weight decay 0.3", _moons(0.0, 0.3, ""),
             help="Weights are pulled towards zero: the gap narrows.")))
