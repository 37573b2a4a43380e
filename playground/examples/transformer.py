"""A small Transformer that continues a text, character by character."""

from __future__ import annotations

from playground.examples.base import Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.attention import MultiHeadAttention, PositionalEncoding
from playground.layers.core import Dense
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.merge import Add
from playground.layers.norm import LayerNorm
from playground.layers.sequence import Embedding
from playground.layers.sequence_data import Characters
from playground.schedules import Constant
from playground.training import Adam, Clipping

TEXT = Characters(steps=32, stride=1, lower_case=True, predict="each")
CHARACTERS = 44
"""Different ones in the text."""
WIDTH, INNER = 48, 96


def _transformer(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.003),
                       schedule=Constant(warmup=100),
                       clipping=Clipping(mode="global_norm", threshold=1.0)), notes)
    net.add("text_1", TEXT, 0, 0)
    net.add("embedding_1", Embedding(vocabulary=CHARACTERS, dimension=WIDTH), 1, 0, "text_1")
    before = net.add("position_1", PositionalEncoding(), 2, 0, "embedding_1")
    for block in (1, 2):  # a row for each
        net.add(f"attention_{block}", MultiHeadAttention(heads=4, causal=True), 0, block, before)
        net.add(f"sum_{block}", Add(), 1, block, before, f"attention_{block}")
        net.add(f"norm_{block}", LayerNorm(), 2, block, f"sum_{block}")
        net.add(f"inner_{block}", Dense(units=INNER, activation="relu"), 3, block, f"norm_{block}")
        net.add(f"outer_{block}", Dense(units=WIDTH), 4, block, f"inner_{block}")
        net.add(f"sum_{block}b", Add(), 5, block, f"norm_{block}", f"outer_{block}")
        before = net.add(f"norm_{block}b", LayerNorm(), 6, block, f"sum_{block}b")
    net.add("dense_1", Dense(units=CHARACTERS), 0, 3, before)
    net.add("loss_1", SoftmaxCrossEntropy(), 1, 3, "dense_1")
    return net.graph


TRANSFORMER = Example(
    "transformer", "Transformer",
    "attention instead of memory: a text continued character by character",
    _transformer("""
# A Transformer

Each character looks back at the ones before it, asks for what it needs, and takes the mean of what
matches (Vaswani et al. 2017). Two blocks, four heads in each. Nothing is remembered from step to
step as in an LSTM; all places of the text are worked on at once, and *position_1* is all that
tells their order.

**Press Space.** The loss is in nats; divided by 0.693 it is bits per character. Guessing among the
characters would cost 5.5; a table that predicts from the last two characters comes to 2.8, and the
network below that, on chapters that it has not read.

**Look at the panel *Text*:** what it writes, again and again while it learns. Point at a character
and see what else was possible there; the orange ones surprised the network itself.

**Look at the gradient norms.** Both blocks lie close together: sums carry the gradient past each
block, and the layer norms keep sizes in place.

**Select attention_1** and look at its weights: rows are places, columns where they look. Above the
diagonal all is zero, since it is *causal*: what is to come must not be seen.

**Try.** Switch *causal* off in both blocks: the loss falls far below all that is possible, since
the answer can be read off. It has learned to copy, and can write nothing: *Text* says so.
"""),
    Mark("bits_per_character", "<=", 2.75, steps=1500),
    panels=("text",))
