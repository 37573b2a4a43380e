"""An Elman network whose gradient explodes on its way back through time, and is clipped."""

from __future__ import annotations

from playground.examples.base import (
    Dial,
    Example,
    Mark,
    chain,
    seeded,
    set_otherwise,
    trained_otherwise,
)
from playground.graph import Graph
from playground.initializers import Orthogonal
from playground.lane import Lane
from playground.layers.core import Dense
from playground.layers.loss import MeanSquaredError
from playground.layers.recurrent import LSTM, Elman
from playground.layers.sequence_data import Adding
from playground.layers.unrolled import RecurrentLayer
from playground.training import SGD, Clipping


def _adding(cell: RecurrentLayer, notes: str) -> Graph:
    return chain(
        Adding(count=2000, steps=50), cell, Dense(units=1), MeanSquaredError(),
        training=seeded(7, optimizer=SGD(learning_rate=0.1),
                        clipping=Clipping(mode="global_norm", threshold=1.0)),
        notes=notes)


_EXPLODING = _adding(Elman(units=32, recurrent_initializer=Orthogonal(gain=2)), """
# Exploding through time

At each step the state goes through the recurrent weights U, and on its way back so does the
gradient. Here U starts as a rotation times 2: what the tanh does not take away doubles at each of
50 steps.

**Press Space and look at the gradient norms**, with *whole run* (in the panel's menu): before
clipping they reach thousands, after it no more than 1, the dashed line. g becomes g · c / |g|:
shorter, in the same direction. Nine in ten of the first steps are clipped, and the loss falls all
the same.

**Reset, press F10 until one step is through, and look at *Through time***: the gradient norm grows
towards the first time step, close to a straight line on the logarithmic axis, by a factor of
thousands. Later, training has turned U down, and the line falls.

**Turn clipping off** (*clip* in the bar above), reset, and run: within some dozen steps the
numbers overflow, and the app says where.

**Turn the weight scale** below this note: each turn draws the weights anew and runs one step. Above
1 the line in *Through time* rises towards the first step, below it falls, and at 0.5 the first step
gets nothing at all: vanishing.

**Choose *LSTM with weight scale 8*** below this note. Gates keep the gradient from vanishing; they
do not keep it from exploding. They bound how much of the memory goes on, not the weights that each
state meets on its way into the gates: its norms reach hundreds within the first dozen steps, where
the threshold is 1.

**Try.** Set the clipping threshold to 10: clipped less often, and thrown back more often.
""")


def _gain(graph: Graph) -> float:
    """Of the recurrent weights as they start; 1 where they are drawn in another way."""
    rule = getattr(graph.node("elman_1").layer, "recurrent_initializer", None)
    return rule.gain if isinstance(rule, Orthogonal) else 1.0


def _with_gain(graph: Graph, gain: float) -> Graph:
    return set_otherwise(
        "", graph, "elman_1", recurrent_initializer=Orthogonal(gain=gain)).graph


EXPLODING = Example(
    "exploding", "Exploding through time",
    "recurrent weights above 1: the gradient doubles from step to step, and clipping tames it",
    _EXPLODING,
    Mark("clipped_share", ">=", 0.5, steps=1000), variations=(
        trained_otherwise("clipping off", _EXPLODING, clipping=Clipping(),
                          help="Within some dozen steps the numbers overflow: the curve ends."),
        *(set_otherwise(
            f"weight scale {gain}", _EXPLODING, "elman_1",
            recurrent_initializer=Orthogonal(gain=gain), help=help)
          for gain, help in (
              (1.5, "It still explodes: 1.5 to the power of 49, less what tanh takes away."),
              (1, "A rotation: neither grows nor, but for the tanh, shrinks."),
              (0.5, "Half at each step: at the first of 50 there is nothing left."))),
        Lane("LSTM with weight scale 8",
             _adding(LSTM(units=32, recurrent_initializer=Orthogonal(gain=8)), ""),
             help="Gates cure vanishing, not exploding: hundreds here too.")),
    panels=("through_time",), selected="elman_1", dial=Dial(
        "Weight scale", 0.5, 2.0, _gain, _with_gain,
        "The recurrent weights start as a rotation times this number. Turn it and look at Through "
        "time: below 1 the line falls towards the first step, above 1 it rises."))
