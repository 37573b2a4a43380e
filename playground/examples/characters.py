"""Text, character by character."""

from __future__ import annotations

from playground.examples.base import WIDE, Example, Mark, chain, seeded
from playground.examples.cells import other_cells
from playground.graph import Graph
from playground.layers.core import Dense, Dropout
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.recurrent import LSTM
from playground.layers.sequence import Embedding
from playground.layers.sequence_data import Characters
from playground.layers.unrolled import RecurrentLayer
from playground.training import Adam, Clipping

CHARACTERS = 44
"""Different ones in the text that comes with the app, in lower case."""


def _reading(cell: RecurrentLayer, notes: str = "") -> Graph:
    return chain(
        Characters(steps=50, stride=10, lower_case=True, predict="each"),
        Embedding(vocabulary=CHARACTERS, dimension=32), Dropout(rate=0.2), cell, Dropout(rate=0.4),
        Dense(units=CHARACTERS), SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=Adam(learning_rate=0.003),
                        clipping=Clipping(mode="global_norm", threshold=1.0)),
        first=WIDE, notes=notes)


_READER = LSTM(units=128, returns="sequence")

CHAR_LSTM = Example(
    "char-lstm", "Jane Austen by character",
    "an LSTM reads Pride and Prejudice and says which character comes next",
    _reading(_READER, """
# Jane Austen by character

The first six chapters of *Pride and Prejudice* (1813), in lower case: after each character the
network says how likely each of 44 comes next. Nobody has told it of words.

**Press Space and look at the loss.** Guessing costs log 44 = 3.78. First it learns how frequent
each letter is, then that q is followed by u, then short words, then longer ones. A loss of 1.62 is
2.33 bits for a character. Counting how often each character follows each *three* others in the
same text, and falling back on two, one and none where these three never came, needs 2.44: the LSTM
has learned to look further back than that.

**Look at the panel *Text***: it goes on from the prompt with the weights of now, again and again:
first letters at random, then spaces where they belong, then words, then Mrs. Bennet. An orange
ground is a character that surprised the network itself; point at one and see what else was
possible. At **temperature** 0 it takes the likeliest and soon goes round in circles; at 1 it draws
as it believes; at 2 it babbles.

**Look at the validation curve**: 34,000 characters are few. Without the two *Dropout* nodes it
turns round early, while the training curve falls and falls: that is the book learned by heart.

**Choose *Elman*, *Jordan* and *GRU*** below this note: the same text, the same batches. After
12 epochs the GRU is at 2.40 bits, Jordan at 2.46 and Elman at 2.67: the two without gates know no
more than the table of threes does.

**Try.** Set both rates to 0. Or let it read a text of your own: drop the file on the window, or
press *Choose data…* in the settings of text_1. What other characters make too small grows with it.
"""),
    Mark("bits_per_character", "<=", 2.4, epochs=12),
    variations=other_cells(
        _reading, _READER,
        elman="Without gates it stays behind: 2.67 bits after 12 epochs.",
        jordan="Its output goes round: quick at first, and then 2.46 bits.",
        gru="Quicker than the LSTM, with a quarter fewer weights in the cell, and then 2.40 bits."),
    panels=("text",))
