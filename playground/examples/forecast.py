"""Sequences of values to continue."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.examples.cells import other_cells
from playground.graph import Graph
from playground.layers.core import Dense
from playground.layers.loss import MeanSquaredError
from playground.layers.recurrent import GRU, Jordan
from playground.layers.sequence_data import ElNino, Sines
from playground.layers.unrolled import RecurrentLayer
from playground.training import Adam, Clipping

CLIPPING = Clipping(mode="global_norm", threshold=1.0)

JORDAN = Example(
    "jordan", "Jordan network, sines",
    "the output, not the hidden state, goes round: enough to continue a wave",
    chain(
        Sines(waves=1),
        Jordan(units=32, output_units=8, returns="sequence", output_activation="tanh"),
        Dense(units=1), MeanSquaredError(),
        training=seeded(7, optimizer=Adam(learning_rate=0.003), clipping=CLIPPING),
        notes="""
# The Jordan network

hₜ = tanh(W xₜ + U yₜ₋₁ + b), yₜ = tanh(V hₜ + c): what is read again at the next step is the
*output* (Jordan 1986), where an Elman network reads its hidden state. All that it remembers has to
fit into the eight numbers that it gives.

The task is to say what comes next in a wave whose period and phase differ from sequence to
sequence. Two values tell the slope; how fast it bends takes a third: a short memory is enough.

**Press Space and look at the *Output* panel**: the forecast lags behind the wave at first, then
lies on it. **Look at *Through time***, the tab beside it: the rows of *out* are all that the next
step reads; *h* is made anew at each.

**Try.** Set *output units* to 1: a single number has to be the memory, and the loss stays ten
times higher. Replace jordan_1 by an *Elman RNN* of 32 units, whose whole hidden layer goes round.
"""),
    Mark("error_over_naive", "<=", 0.1, epochs=40),
    panels=("output", "through_time"), selected="jordan_1")


def _sines(cell: RecurrentLayer, notes: str = "") -> Graph:
    return chain(
        Sines(waves=2, noise=0.05), cell, Dense(units=1), MeanSquaredError(),
        training=seeded(7, optimizer=Adam(learning_rate=0.005), clipping=CLIPPING), notes=notes)


_WAVES = GRU(units=32, returns="sequence")

SINE = Example(
    "sine", "Sines, forecast",
    "two waves added up and noise on top: a GRU says what comes next",
    _sines(_WAVES, """
# What comes next?

Each sequence is a sum of two sine waves with periods, phases and sizes of its own, with some noise
on top; at each step the network says the next value. The simplest forecast is that it stays as it
is. This one has to find out, within the sequence, which waves it sees: the weights are the same
for all of them, so what differs must be in the state.

**Press Space and look at the *Output* panel**: the first steps of each sequence are guesses, since
nothing is known yet. With each step that it has seen the forecast gets better: at the end of a
sequence the error is a quarter of that at the beginning.

**Choose *Elman*, *Jordan* and *LSTM*** below this note: all four forecast well. The two without
gates end a quarter above the two with.

**Try.** Raise the noise to 0.3: the forecast gets smoother than what it reads, because the targets
have no noise. Set the waves to 5.
"""),
    Mark("error_over_naive", "<=", 0.2, epochs=100), panels=("output",),
    variations=other_cells(
        _sines, _WAVES,
        elman="The last values tell most of it: a quarter above the error of the gates.",
        jordan="It reads its own output again, and does as well as Elman.",
        lstm="As good as the GRU, with a third more weights in the cell."))


def _months(cell: RecurrentLayer, notes: str = "") -> Graph:
    return chain(
        ElNino(months=24, standardise="global"), cell, Dense(units=1), MeanSquaredError(),
        training=seeded(7, optimizer=Adam(learning_rate=0.003), clipping=CLIPPING), notes=notes)


_SEAS = GRU(units=16)

SERIES = Example(
    "series", "El Niño, forecast",
    "sixty years of sea temperatures off Peru: next month's from the last two years",
    _months(_SEAS, """
# A real series

The surface of the sea off Peru, month by month from 1950 to 2010 (NOAA). Mostly these are seasons;
every few years El Niño comes, and it is warmer by several degrees for a year or so. The network
reads 24 months and forecasts the next one; the last years are kept for validation.

To say that it stays as it is would be wrong by more than a degree, most of all in spring and
autumn. To add what the same month brought last year leaves 0.7 of a degree. The network has to
know the season from the shape of the curve alone, for nobody tells it the month, and comes to half
a degree. The rest is El Niño, which comes when it likes.

**Press Space and look at the *Output* panel**, and at the two loss curves: 566 windows that
overlap are not many, and soon only the training curve still falls.

**Choose *Elman*, *Jordan* and *LSTM*** below this note: there is nothing between them. No cell
forecasts what the series does not tell.

**Try.** Set the months to 3: it does hardly worse, for value and slope already tell the season.
"""),
    Mark("error_over_naive", "<=", 0.25, epochs=40), panels=("output",),
    variations=other_cells(
        _months, _SEAS,
        elman="Value and slope are enough here: no worse without gates.",
        jordan="No worse either.",
        lstm="No better: what is left is El Niño, which nobody can see coming."))
