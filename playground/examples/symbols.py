"""Sequences of symbols: what has to be kept, and what only the future tells."""

from __future__ import annotations

from playground.examples.base import WIDE, Dial, Example, Mark, chain, seeded, set_otherwise
from playground.examples.cells import other_cells
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.core import Dense
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.recurrent import GRU, LSTM
from playground.layers.sequence import OneHot
from playground.layers.sequence_data import CopyMemory, DigitRows, LookAhead
from playground.layers.unrolled import RecurrentLayer
from playground.training import Adam, Clipping

CLIPPING = Clipping(mode="global_norm", threshold=1.0)


def _digits(cell: RecurrentLayer, notes: str = "") -> Graph:
    return chain(
        DigitRows(standardise="global"), cell, Dense(units=10), SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=Adam(learning_rate=0.003), clipping=CLIPPING), notes=notes)


_READER = LSTM(units=64)

SEQUENTIAL_DIGITS = Example(
    "sequential-digits", "Digits, row by row",
    "an LSTM reads handwritten digits from top to bottom and names them at the end",
    _digits(_READER, """
# Digits, row by row

The network sees one row of eight pixels at a time, from top to bottom, and answers after the last.
An image is no sequence; but whoever reads it through a slit has to remember.

**Press Space, then select lstm_1** and look at its states for one digit: at the first rows they
are alike for 8 and 9, and part where the strokes do. **Open the confusion matrix**: what is
confused differs only in rows that were read long ago, or in few pixels.

**Compare with `mlp-digits` and `cnn-digits`**, which see the whole image at once.

**Choose *Elman*, *Jordan* and *GRU*** below this note: eight steps are few, and all four end
between 97 and 99 %. Sequences have to be longer before the gates pay, as in `elman` and `lstm`.

**Compare with** a shorter training: after 100 steps the plain Elman network is ahead.
"""),
    Mark("accuracy", ">=", 0.95, epochs=30),
    variations=other_cells(
        _digits, _READER,
        elman="Eight steps are few: as good without gates.",
        jordan="As good: what it says of the rows so far is memory enough.",
        gru="As good, with a quarter fewer weights in the cell."),
    panels=("through_time",), selected="lstm_1")


def _look_ahead(bidirectional: bool, units: int, notes: str) -> Graph:
    return chain(
        LookAhead(), OneHot(),
        LSTM(units=units, bidirectional=bidirectional, returns="sequence"),
        Dense(units=4), SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=Adam(learning_rate=0.005), clipping=CLIPPING),
        notes=notes, first=WIDE)


LOOK_AHEAD_EPOCHS = 30

BIDIRECTIONAL_LSTM = Example(
    "bidirectional-lstm", "LSTM in both directions",
    "asked for symbols that are still to come: a second LSTM reads backwards",
    _look_ahead(True, 32, """
# Past and future

At each step, the symbol is asked for that comes three steps *later*. There are four symbols, drawn
at random: the past says nothing about it.

The LSTM here is two. One reads forwards, one backwards, and at each step the states of both stand
side by side (Schuster and Paliwal 1997). The one that comes from the end has passed the symbol
three steps ago: it only has to keep it that long.

**Press Space**: the accuracy goes to 100 %. The last three steps of each sequence ask for nothing
and do not count.

**Choose *one way*** below this note, which is `one-way-lstm`: it cannot do better than one in four.

**Try.** Set *ahead* to 8: the same, but longer to learn. Such a network is of use where the whole
sequence is there, as a sentence is; it cannot forecast what has not happened yet.
"""),
    Mark("accuracy", ">=", 0.99, epochs=LOOK_AHEAD_EPOCHS),
    variations=(Lane("one way", _look_ahead(False, 64, ""),
                     help="As many units, all reading forwards: one in four."),),
    panels=("through_time",), selected="lstm_1")

ONE_WAY_LSTM = Example(
    "one-way-lstm", "LSTM in one direction",
    "the same question to an LSTM that reads forwards only: it guesses",
    _look_ahead(False, 64, """
# The past alone

The same data as in `bidirectional-lstm`: at each step, the symbol is asked for that comes three
steps later. This LSTM has as many units in its one direction as the other has in both.

**Press Space**: the loss stays at log 4 = 1.386 and the accuracy at one in four. On the training
part both get a little better with time: sequences that have been seen often can be learned by
heart. The validation part does not follow.

**The way out.** Select lstm_1 and switch *bidirectional* on while it runs.
"""),
    Mark("accuracy", "<=", 0.35, epochs=LOOK_AHEAD_EPOCHS),
    variations=(Lane("both ways", _look_ahead(True, 32, ""),
                     help="Half of the units read backwards: they have seen what is asked for."),),
    panels=("through_time",), selected="lstm_1")


def _copying(cell: RecurrentLayer, notes: str = "") -> Graph:
    return chain(
        CopyMemory(count=5000, items=3, delay=20), OneHot(), cell, Dense(units=8),
        SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=Adam(learning_rate=0.005), clipping=CLIPPING),
        first=WIDE, notes=notes)


def _delay(graph: Graph) -> float:
    layer = graph.node("copy_memory_1").layer
    assert isinstance(layer, CopyMemory)
    return layer.delay


def _with_delay(graph: Graph, delay: float) -> Graph:
    return set_otherwise("", graph, "copy_memory_1", delay=round(delay)).graph


_KEEPER = GRU(units=64, returns="sequence")

COPY_MEMORY = Example(
    "copy-memory", "Copy memory",
    "three symbols to repeat after twenty blank steps",
    _copying(_KEEPER, """
# Copy memory

Three symbols of eight, twenty steps of blanks, a question mark: then the three symbols are to be
given back in order. Only these last steps count. Guessing is right once in eight.

Nothing in the input helps while the answer is given: all that is told must have been kept in the
state, symbol *and* place.

**Press Space and look at the accuracy**: 12.5 % for some hundred steps, then nearly one in two, as
the first symbols get through, and on to all of them.

**Look at *Through time***: the gradient starts at the last steps and has to reach the first three,
over all the blanks, before anything can be learned.

**Choose *Elman*, *Jordan* and *LSTM*** below this note. A plain Elman network is done first: its
recurrent weights start as a rotation, and a rotation forgets nothing. The LSTM needs twice as many
steps as the GRU. The Jordan network reads nothing but its own answers again, so it has to say what
it wants to remember, and whether it finds out how is luck: after 800 steps, with nearly all symbols
right in the GRU, it has two of three; from most other seeds one of five, and no more after 2,500.
Which cell is best depends on the task: compare with `elman`.

**Turn the delay** below this note and look at *Through time*: each turn draws the weights anew and
runs one step. The longer the delay, the less of the gradient arrives at the three symbols.

**Try.** Set the *delay* of the data to 40 once it is learned, without a reset: a network that can
wait twenty steps can wait longer, and has little to learn anew. From a reset it takes far longer.
"""),
    Mark("accuracy", ">=", 0.95, epochs=20),
    variations=other_cells(
        _copying, _KEEPER,
        elman="It starts as a rotation, which forgets nothing: learned long before the gates.",
        jordan="What it remembers has to be what it says: later, from most seeds by far.",
        lstm="Half as fast as the GRU: half right for a long time, all right in the end."),
    panels=("through_time",), selected="gru_1", dial=Dial(
        "Delay", 5, 60, _delay, _with_delay,
        "The blank steps between the symbols and the answer. Turn it and look at Through time: the "
        "longer, the less of the gradient arrives at the symbols.", places=55))
