"""One linear neuron with a known answer: by gradient descent, and at once by least squares."""

from __future__ import annotations

from playground.examples.base import Example, Mark, seeded, trained_otherwise
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.core import Dense
from playground.layers.data import Plane
from playground.layers.loss import MeanSquaredError
from playground.layers.merge import Multiply
from playground.layers.source import Constant
from playground.optimizers import GradientDescent
from playground.second_order import LeastSquares
from playground.training import SGD, AnyOptimizer

SCALES = (0.5, 0.1)
"""Of the two inputs: the loss is a valley, 25 times as steep across as along."""
WATCHED = 30.0
"""Steps per second."""


def _linear(optimizer: AnyOptimizer, notes: str) -> Graph:
    net = Wired(seeded(7, batch=320, optimizer=optimizer), notes)
    net.add("plane_1", Plane(points=400, noise=0.1), 0, 0)
    net.add("scales", Constant(shape=(2,), values=SCALES), 0, 1)
    net.add("scaled", Multiply(), 1, 0, "plane_1", "scales")
    net.add("dense_1", Dense(units=1), 2, 0, "scaled")
    net.add("loss_1", MeanSquaredError(), 3, 0, "dense_1")
    return net.graph


_DESCENT = _linear(GradientDescent(learning_rate=0.3), "")

GRADIENT_DESCENT_LINEAR = Example(
    "gradient-descent-linear", "Gradient descent in a valley",
    "a linear neuron slides down to the answer that least squares knows",
    _linear(GradientDescent(learning_rate=0.3), """
# Gradient descent, with a known answer

y = w₁ x₁ + w₂ x₂ + b on a tilted plane. The loss is a bowl with one lowest point, which
`least-squares` finds by solving equations. Gradient descent knows only the slope under its feet,
and arrives at the same numbers to four digits.

The inputs have different sizes (node *scales*), so the bowl is a valley: 25 times as steep across
as along.

**Press Space and look at the panel *Surface***, the loss over the two weights: the first jumps from
side to side of the valley, ever less; the second creeps along the floor.

**Try another learning rate.** At 0.35 each jump across is longer than the last: the loss grows
without end, and the app stops and says so. At 0.003 nothing jumps, and nothing arrives either:
after ten times as many steps the second weight is still on its way.

**Try momentum.** Choose *SGD* with batch size 320 (all samples), learning rate 0.3 and momentum
0.5: what points to and fro cancels, what points the same way adds up. It is there in less than half
the steps.

**Try.** Give *scales* the values 0.5, 0.5: a round bowl, where the slope points straight at the
answer.
"""),
    Mark("distance_to_exact", "<=", 1e-4, steps=200), WATCHED, panels=("surface",), variations=(
        trained_otherwise("momentum 0.5", _DESCENT, optimizer=SGD(learning_rate=0.3, momentum=0.5),
                          batch=320, help="It is there in less than half the steps."),
        trained_otherwise("rate 0.35", _DESCENT,
                          optimizer=GradientDescent(learning_rate=0.35),
                          help="Above 2 over the largest curvature: each jump is longer."),
        trained_otherwise("rate 0.003", _DESCENT,
                          optimizer=GradientDescent(learning_rate=0.003),
                          help="A hundred times smaller: it crawls."),
        trained_otherwise("least squares", _DESCENT, optimizer=LeastSquares(),
                          help="There at once.")))

LEAST_SQUARES = Example(
    "least-squares", "Least squares",
    "the same neuron, solved exactly in a single step",
    _linear(LeastSquares(), """
# The answer at once

Where the model is linear and the error is squared, the slope is zero at one point alone, and that
condition is a system of linear equations: Legendre 1805, Gauss 1809. One step solves it.

**Press Space**, or F10 for one step: the loss falls to its floor and stays. The floor is not zero,
since the data are noisy.

**Compare with `gradient-descent-linear`**, which needs some hundred steps for the same numbers.

**Try.** Set the activation of dense_1 to *tanh*. Now there are no linear equations to solve, and
the app says what to change. Descent does not mind: choose SGD and go on.
"""),
    Mark("distance_to_exact", "<=", 1e-4, steps=1), WATCHED, panels=("surface",))
