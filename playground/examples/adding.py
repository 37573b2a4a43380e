"""The adding problem, three times: what an Elman network forgets, gates keep."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.examples.cells import other_cells
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.core import Dense
from playground.layers.loss import MeanSquaredError
from playground.layers.recurrent import GRU, LSTM, Elman
from playground.layers.sequence_data import Adding
from playground.layers.unrolled import RecurrentLayer
from playground.training import Adam, Clipping

STEPS = 3000
"""Of training, the same for all three."""


def _adding(cell: RecurrentLayer, notes: str = "") -> Graph:
    return chain(
        Adding(count=10_000, steps=50), cell, Dense(units=1), MeanSquaredError(),
        training=seeded(7, optimizer=Adam(learning_rate=0.005),
                        clipping=Clipping(mode="global_norm", threshold=1.0)),
        notes=notes)


_CELLS = {lane.key: lane for lane in other_cells(
    _adding, Elman(units=32), elman="No gates: the loss stays at 0.167.",
    jordan="The output goes round, and forgets as fast: the loss stays at 0.167.",
    lstm="A memory behind gates: learned within a few hundred steps.",
    gru="One gate less, three quarters of the weights: as good.")}

ELMAN = Example(
    "elman", "Elman network, adding problem",
    "two numbers to add, up to 49 steps apart: a plain recurrent network never learns it",
    _adding(Elman(units=32), """
# The adding problem

50 numbers go by, two of them are marked, and at the end their sum is asked for (Hochreiter and
Schmidhuber 1997). Who always answers 1 has a mean squared error of 1/6 = 0.167.

An Elman network is hₜ = tanh(W xₜ + U hₜ₋₁ + b): each step mixes all that it remembers with the
new input. What came 30 steps ago has been through U and tanh 30 times.

**Press Space and look at the loss**: it falls to 0.167, and stays there. **Look at *Through
time***: the gradient norm against the time step. It is large at the end, where the loss is, and
small at the beginning: the first of the two marked numbers gets hardly any of it.

**Choose *LSTM* and *GRU*** below this note, and start anew: the same data, the same seeds, the same
3,000 steps, and both learn it. They are `lstm` and `gru`. *Jordan* has no gates either, and stays
where this network does.

**Try.** Set the steps of the data to 10 and run again: short sums can be learned.
"""),
    Mark("mean_squared_error", ">=", 0.1, steps=STEPS),
    variations=(_CELLS["lstm"], _CELLS["gru"], _CELLS["jordan"]),
    panels=("through_time",), selected="elman_1")

LSTM_ADDING = Example(
    "lstm", "LSTM, adding problem",
    "the same sums with a memory that gates protect: learned in a few hundred steps",
    _adding(LSTM(units=32), """
# Long short-term memory

cₜ = f · cₜ₋₁ + i · g. The memory c is not mixed anew at each step, it is carried on: where the
forget gate f is 1, value and gradient go through unchanged, over as many steps as it takes.

**Press Space and look at the loss.** For some hundred steps it stays at 0.167, as with `elman`.
Then it breaks down within a moment, when the input gate has learned to open at the marks alone.

**Select lstm_1** and look at its gates for one sequence: the input gates answer to the marks, and
a few forget gates stay near 1 in between. These units remember; the others may forget.

**Look at *Through time***: the gradient norm of the memory c is as large at the first step as at
the last. In `elman` it loses a factor of twenty or more on its way.

**Try.** Set the *forget bias* to -2: the memory forgets from the start, no gradient comes through,
and learning begins much later. Set the steps of the data to 200.
"""),
    Mark("mean_squared_error", "<=", 0.01, steps=STEPS),
    variations=(_CELLS["elman"], _CELLS["gru"], Lane(
        "shut forget gates", _adding(LSTM(units=32, forget_bias=-2), ""),
        help="Gates that begin shut: the gradient vanishes, and learning begins later.")),
    panels=("through_time",), selected="lstm_1")

GRU_ADDING = Example(
    "gru", "GRU, adding problem",
    "one gate that both forgets and writes: fewer weights, as good a memory",
    _adding(GRU(units=32), """
# The gated recurrent unit

hₜ = (1 - z) · n + z · hₜ₋₁: what the update gate z keeps of the old state, it does not take of the
new one (Cho et al. 2014). There is no memory beside the state, and no output gate: three blocks of
weights instead of the LSTM's four.

**Press Space and look at the loss**, then **choose *LSTM*** below this note: as good on these sums,
with 3,456 parameters in the cell instead of 4,608, and more steps in a second.

**Select gru_1**: between the marks the update gates of some units stay above 0.9, and drop where a
mark comes. These are the units that remember.

**Try.** Turn *reset after* off: the reset gate then acts before the weights, as in the paper of
2014.
"""),
    Mark("mean_squared_error", "<=", 0.01, steps=STEPS),
    variations=(_CELLS["elman"], _CELLS["lstm"]),
    panels=("through_time",), selected="gru_1")
