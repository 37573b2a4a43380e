"""Real handwritten digits of 8×8 pixels, read by a dense and by a convolutional network."""

from __future__ import annotations

from playground.examples.base import (
    Example,
    Mark,
    chain,
    seeded,
    set_otherwise,
    trained_otherwise,
)
from playground.layers.activation import Maxout
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.pool import MaxPool2D
from playground.training import SGD, Adam

_MLP = chain(
    Digits(standardise="global"), Flatten(), Dense(units=64, activation="relu"),
    Dense(units=10), SoftmaxCrossEntropy(),
    training=seeded(7, optimizer=SGD(learning_rate=0.05, momentum=0.9, weight_decay=4e-4)),
    notes="""
# Handwritten digits

64 grey values in, 10 classes out, 64 units in between.

**Press Space.** After a few epochs the training curve goes on falling while the validation curve
stays: from there on the network learns the sheet of paper, not the digits. **Open the confusion
matrix**: what is left are the pairs that people mix up too, 8 and 1, 9 and 5.

**Select dense_1.** Each row of its weights is a picture of 8×8 pixels: the pattern that this unit
looks for. Compare them with the filters of `cnn-digits`, which are small and used everywhere.

**Try.** Set the weight decay to 0, or the units to 4, and compare the two curves again.
""")

MLP_DIGITS = Example(
    "mlp-digits", "Digits, dense",
    "1,797 handwritten digits, read by two dense layers", _MLP,
    Mark("accuracy", ">=", 0.96, epochs=30), variations=(
        set_otherwise("sigmoid", _MLP, "dense_1", activation="sigmoid",
                      help="One hidden layer: the slope of at most ¼ costs time, no more."),
        trained_otherwise("no momentum", _MLP,
                          optimizer=SGD(learning_rate=0.05, weight_decay=4e-4),
                          help="The same slope, and nothing that adds up: far slower.")))

_CNN = chain(
    Digits(standardise="global"),
    Conv2D(channels=16, kernel=(3, 3), padding="same", activation="relu"),
    MaxPool2D(kernel=(2, 2)),
    Conv2D(channels=32, kernel=(3, 3), padding="same", activation="relu"),
    MaxPool2D(kernel=(2, 2)),
    Flatten(), Dropout(rate=0.3), Dense(units=10), SoftmaxCrossEntropy(),
    training=seeded(7, optimizer=Adam(learning_rate=0.002)),
    notes="""
# Convolutions

A filter of 3×3 weights slides over the image and looks for the same stroke everywhere. Sixteen of
them make sixteen maps; pooling keeps the strongest answer of every 2×2 pixels, so that a digit may
move a little without changing what comes out.

**Press Space, then select conv_1.** Its filters start as noise and become edges and corners: watch
them in *Feature maps*, and beside them what each sees in the chosen digit. conv_2 reads those
maps and finds parts of digits.

**Move the digit** by a pixel: *moved* in *Feature maps*. The panel shows the maps before and after,
and says how much has changed. **Select conv_1, pool_1, conv_2, pool_2** in turn: the change gets
smaller at each pooling, as a stroke that stays within its window of 2×2 makes no difference.

**Compare with `mlp-digits`**: better on the validation part, with about as many parameters, because
what a filter learns in one corner it knows in all of them.

**Try.** Choose *dropout off* below this note: the training curve gets better, the validation curve
does not.
""")

CNN_DIGITS = Example(
    "cnn-digits", "Digits, convolutional",
    "the same digits with filters that look everywhere alike", _CNN,
    Mark("accuracy", ">=", 0.975, epochs=30), variations=(
        set_otherwise("dropout off", _CNN, "dropout_1", rate=0.0,
                      help="The training curve gets better, the validation curve does not."),),
    panels=("feature_maps",), selected="conv_1")

_MAXOUT = chain(
    Digits(standardise="global"), Flatten(),
    Dense(units=144), Maxout(pieces=3), Dropout(rate=0.5),
    Dense(units=144), Maxout(pieces=3), Dropout(rate=0.5),
    Dense(units=10), SoftmaxCrossEntropy(),
    training=seeded(7, optimizer=SGD(learning_rate=0.02, momentum=0.9, weight_decay=4e-4)),
    notes="""
# Maxout

A maxout unit is the largest of k weighted sums, here of three: a function made of straight pieces,
and the network learns where they bend. ReLU is the special case max(0, z). Goodfellow and others
paired it with dropout in 2013; both are here.

**Press Space and look at the gradient norms**: the curves lie together. Where a sigmoid multiplies
the gradient by ¼ at most, a maxout unit passes it on whole, to the one piece that has won, and no
unit can die: some piece always wins.

**Look at the loss.** With half of the units left out in each step the training curve lies *above*
the validation curve: the network that is used is better than any that was trained.

**Try.** Set the pieces of both to 2 or 6, or both rates of dropout to 0, and compare the two
curves.
""")

MAXOUT_DIGITS = Example(
    "maxout-digits", "Digits, maxout",
    "no fixed activation: each unit learns its own, from straight pieces", _MAXOUT,
    Mark("accuracy", ">=", 0.96, epochs=40), variations=(
        set_otherwise("dropout off", _MAXOUT, "dropout_1", "dropout_2", rate=0.0,
                      help="No unit is left out: the training curve falls far below."),))
