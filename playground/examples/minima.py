"""Sigmoid units too few to spare one: where descent ends depends on where it begins."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded, trained_otherwise
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.core import Dense
from playground.layers.data import Xor
from playground.layers.loss import BinaryCrossEntropy
from playground.learning import Learning
from playground.optimizers import GradientDescent

WATCHED = 100.0
"""Steps per second: all has come to rest after some ten seconds."""
L2 = 5e-4
"""Keeps the lowest points at finite weights: without, some would lie at infinity."""


def _two_layers(units: int, notes: str = "") -> Graph:
    graph = chain(
        Xor(points=250, standardise="feature"), Dense(units=units, activation="sigmoid"),
        Dense(units=1, activation="sigmoid"), BinaryCrossEntropy(), notes=notes,
        training=seeded(7, optimizer=GradientDescent(learning_rate=1.0)))
    for id in ("dense_1", "dense_2"):
        graph = graph.with_learning(id, Learning(l2=L2))
    return graph


_TWO_UNITS, _SIXTEEN_UNITS = _two_layers(2), _two_layers(16)


def _start(seed: int, help: str, graph: Graph = _TWO_UNITS, name: str = "") -> Lane:
    return trained_otherwise(f"{name}seed {seed}", graph, weight_seed=seed, help=help)


LOCAL_MINIMA = Example(
    "local-minima", "Many minima",
    "two sigmoid units on XOR: each start comes to rest, and not all at the same loss",
    _two_layers(2, """
# Local minima

Two sigmoid units, and opposite quadrants that belong together. Gradient descent on all samples goes
downhill until there is no slope left. Where that is depends on the initial weights alone.

**Choose *seed 2*, *seed 3* and *seed 6*** below this note: the same network and the same data from
other initial weights. **Press Space and look at the loss.** Each curve falls and comes to rest, at
0.32, 0.37, 0.49 and 0.48, and no training will ever bring it lower: in *Gradient norms* all four
fall to nothing.

**Look at *Output*:** each of the others draws its cut there, in its colour. This network leaves a
band between its two units, and *seed 2* has one along the other diagonal, which suits these points
less. The other two have given up on half of the plane. Out of each of these places any small step
leads uphill.

**Choose the three with *16 units*.** They end together, and far lower: where one unit is in the
wrong place another one is in the right one. That is why large networks are easier to train than
small ones. Two ReLU units would not help: they get stuck as well.

**Try.** Change the seed in the bar above and run again. Of the seeds 1 to 12, six end in the lowest
place.
"""),
    Mark("spread_of_losses", ">=", 0.1, steps=5000), WATCHED, panels=("output",), variations=(
        _start(2, "It ends at 0.37, with a band along the other diagonal."),
        _start(3, "It ends at 0.49: it has given up on the left half."),
        _start(6, "It ends at 0.48: it has given up on the upper half."),
        Lane("16 units", _SIXTEEN_UNITS, help="Far lower: with units to spare none is missed."),
        _start(2, "It ends where the other two with 16 units do.", _SIXTEEN_UNITS, "16 units "),
        _start(3, "It ends where the other two with 16 units do.", _SIXTEEN_UNITS, "16 units ")))
