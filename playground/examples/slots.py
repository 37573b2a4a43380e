"""Slot filling: the same word means another thing after another word."""

from __future__ import annotations

from playground.data.sentences import SLOTS, VOCABULARY
from playground.examples.base import WIDE, Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.lane import Lane
from playground.layers.core import Dense
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.recurrent import LSTM
from playground.layers.sequence import Embedding
from playground.layers.sequence_data import SlotFilling
from playground.training import Adam, Clipping

EPOCHS = 10
UNITS = 32
LENGTHS = 2
"""The output of the data that says how many words there are."""
ABOVE = -0.6
"""The row of the embedding: the wire from the lengths passes below it."""


def _slots(recurrent: bool, notes: str) -> Graph:
    net = Wired(seeded(7, optimizer=Adam(learning_rate=0.005),
                       clipping=Clipping(mode="global_norm", threshold=1.0)), notes)
    words = net.add("requests_1", SlotFilling(), 0, 0)
    vectors = net.add("embedding_1", Embedding(vocabulary=len(VOCABULARY), dimension=16), WIDE,
                      ABOVE, words)
    if recurrent:
        hidden = net.add("lstm_1", LSTM(units=UNITS, returns="sequence"), WIDE + 1, 0, vectors,
                         (words, LENGTHS))
    else:
        hidden = net.add("dense_1", Dense(units=UNITS, activation="tanh"), WIDE + 1, 0, vectors)
    slots = net.add("slots", Dense(units=len(SLOTS)), WIDE + 2, 0, hidden)
    net.add("loss_1", SoftmaxCrossEntropy(), WIDE + 3, 0, slots)
    return net.graph


SLOT_FILLING = Example(
    "slot-filling", "Slot filling",
    "\"arrive Taipei\" or \"leave Taipei\": memory tells the two apart",
    _slots(True, """
# Slot filling

*I would like to arrive Taipei on monday*: a machine that sells tickets has to know that Taipei is
the destination. In *leave Taipei* it is the departure: the same word, the same vector from the
embedding, and another answer. What tells them apart is the word before (Hung-yi Lee's example).

The LSTM reads the request word by word and names a slot for each: other, destination, departure or
time. The second wire, from *lengths*, tells it where each request ends.

**Press Space and look at the accuracy**: it climbs fast to where all unambiguous words are right,
and then on to 100 %, once the network has found out that the verb is to be kept until the city
comes.

**Look at the samples in the *Output* panel**: under each word is its slot, and below that what the
network says.

**Choose *feed-forward*** below this note, which is `slot-filling-feed-forward`: the same network
without memory.

**Try.** Set *units* of lstm_1 to 4: four numbers are enough to keep which verb came last. Replace
embedding_1 by a *1-of-N*.
"""),
    Mark("ambiguous_accuracy", ">=", 0.99, epochs=EPOCHS), panels=("output",),
    variations=(Lane("feed-forward", _slots(False, ""),
                     help="Each word by itself: a city is a city, and it guesses."),))

SLOT_FILLING_FEED_FORWARD = Example(
    "slot-filling-feed-forward", "Slot filling without memory",
    "the same requests to a feed-forward network: a city is a city, it guesses",
    _slots(False, """
# Slot filling without memory

The same requests as in `slot-filling`, but where the LSTM stood is a dense layer, which sees one
word at a time and nothing of those before.

**Press Space and look at the accuracy**: it rises to about nine in ten and stops there, for ever.
All words that always mean the same are right; *taipei* gets one answer, whatever verb came before,
and is right about every other time.

**Look at the samples in the *Output* panel**: what is marked wrong are cities, and nothing else.
More units, more layers and more steps do not help. The two requests differ in a word that this
network does not have in front of it.

**The way out.** Put an *LSTM* that returns the sequence in the place of dense_1.
"""),
    Mark("ambiguous_accuracy", "<=", 0.6, epochs=EPOCHS), panels=("output",),
    variations=(Lane("with memory", _slots(True, ""),
                     help="An LSTM in the place of the dense layer: all cities right."),))
