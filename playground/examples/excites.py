"""Which input a filter likes best: patterns grown for the layers of a small network."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.data import FashionMnist
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.pool import MaxPool2D
from playground.optimizers import AdamW

WHAT_EXCITES = Example(
    "what-excites", "What excites a filter",
    "the input that each filter likes best, grown from noise while it learns",
    chain(
        FashionMnist(standardise="global"),
        Conv2D(channels=8, kernel=(7, 7), padding="same", activation="relu"),
        MaxPool2D(),
        Conv2D(channels=16, kernel=(5, 5), padding="same", activation="relu"),
        MaxPool2D(),
        Flatten(), Dropout(rate=0.3), Dense(units=10), SoftmaxCrossEntropy(),
        training=seeded(7, batch=64, optimizer=AdamW(learning_rate=0.003, weight_decay=2.0)),
        notes="""
# The favourite input

A filter answers to what it looks for. Which input, then, does it answer to *most*? Start with
noise, ask the network's own backward pass how each pixel changes the answer, and go uphill: the
weights stand still and the image learns (Erhan and others, 2009).

**Press Space and look at the panel *What excites***. Each small picture belongs to one filter of
conv_1, red above the mean, blue below. The large one is the chosen filter (click another), and
beside it the photograph that excites it most, made equally long. The pattern beats it by far: the
curve below shows how it climbed past the dashed line.

**Low layers find edges.** The patterns of conv_1 are the filters themselves, bars and edges: of
all inputs of one length w · x is largest for x = w. **Select conv_2**: larger and with more parts,
made of what conv_1 finds. **Select dense_1**: patterns for whole classes, such as trousers (unit 1)
or boots (9). They do not look like photographs: much excites a network that it has never seen.

**In numbers.** An edge or a bar changes along one direction alone. Such a picture is 72 % of a
pattern of conv_1 (a third before the training), 39 % of one of conv_2 and 29 % of one of dense_1.
And classes: how far one of them excites a unit above all others, from 0 (all alike) to 1 (one
alone), is 0.08 in conv_1, 0.16 in conv_2 and 0.96 in dense_1.

**Whole map** excites all places of a map at once, and shows a texture. **Start** takes other noise:
a deep unit has many hills, and each start climbs the one that it stands on.

**Try.** The panel's menu has decay, blur and jitter: they keep the pattern simple, smooth, or good
at more than one place. Reset and watch from the beginning: patterns of a network that has learned
nothing are noise. A strong weight decay (2 in AdamW) is what makes them smooth: it takes away what
does not serve. Set it to 0 and reset: the noise of the first weights stays in the filters.
"""),
    Mark("patterns_above_images", ">=", 0.95, epochs=5),
    panels=("excitation",), selected="conv_1")
