"""LeNet-5 on photographs of clothes."""

from __future__ import annotations

from playground.examples.base import Example, Mark, chain, seeded
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Flatten
from playground.layers.data import FashionMnist
from playground.layers.loss import SoftmaxCrossEntropy
from playground.layers.pool import AvgPool2D
from playground.training import Adam, Clipping

LENET5 = Example(
    "lenet5", "LeNet-5 on clothes",
    "convolution, average pooling and tanh: the network of 1998 on Fashion-MNIST",
    chain(
        FashionMnist(standardise="global"),
        Conv2D(channels=6, kernel=(5, 5), padding="same", activation="tanh"),
        AvgPool2D(kernel=(2, 2)),
        Conv2D(channels=16, kernel=(5, 5), activation="tanh"),
        AvgPool2D(kernel=(2, 2)),
        Flatten(), Dense(units=120, activation="tanh"), Dense(units=84, activation="tanh"),
        Dense(units=10), SoftmaxCrossEntropy(),
        training=seeded(7, batch=64, optimizer=Adam(learning_rate=0.002),
                        clipping=Clipping(mode="global_norm", threshold=1.0)),
        notes="""
# LeNet-5

LeCun, Bottou, Bengio and Haffner, 1998: two convolutions with tanh, each followed by averaging over
2×2 pixels, then three dense layers: 61,706 parameters. The data are 6,000 photographs of clothes
instead of digits.

**Press Space, select conv_1** and watch its six 5×5 filters: some become edges, some blobs. In the
feature maps the outline of a shoe stays readable; after conv_2 it is parts, after dense_1 numbers.

**Look at the gradient norms**: the layers lie close together. Four layers of tanh are not yet deep;
`deep-sigmoid` is.

**Open the confusion matrix.** Shirt, pullover and coat are taken for each other: at 28×28 pixels
people mix them up too.

**Try.** Replace average by max pooling, and tanh by ReLU, as everyone has done since 2012.
"""),
    Mark("accuracy", ">=", 0.83, epochs=10),
    panels=("feature_maps",), selected="conv_1")
