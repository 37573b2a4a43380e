"""Ten dense layers, twice: with sigmoid the gradient dies on its way back, with ReLU it arrives."""

from __future__ import annotations

from playground.activations import ActivationName
from playground.examples.base import Example, Mark, chain, seeded
from playground.graph import Graph
from playground.initializers import Initializer
from playground.lane import Lane
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.training import SGD


def _ten_layers(activation: ActivationName, initializer: Initializer, notes: str) -> Graph:
    hidden = [Dense(units=32, activation=activation, initializer=initializer) for _ in range(9)]
    return chain(
        Digits(standardise="global"), Flatten(), *hidden, Dense(units=10), SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=SGD(learning_rate=0.02)), notes=notes)


_SIGMOID = _ten_layers("sigmoid", "glorot_uniform", "")
_RELU = _ten_layers("relu", "he_normal", "")

DEEP_SIGMOID = Example(
    "deep-sigmoid", "Ten layers of sigmoid",
    "the gradient vanishes layer by layer on its way back",
    _ten_layers("sigmoid", "glorot_uniform", """
# The vanishing gradient

The slope of a sigmoid is at most ¼. Going back, each layer multiplies the gradient by its weights
and by that slope: after nine layers little is left.

**Press Space and look at the gradient norms**, on a logarithmic axis: the curves lie below each
other like steps of a staircase, dense_10 on top, dense_1 at the bottom. The panel's verdict says
*vanishing*. The loss stays at log 10 = 2.303, which is guessing: the last layer learns how frequent
each digit is, the first ones do not move.

**Step through it.** Pause, then F11 through the backward phase, and watch ∂y shrink from node to
node on the canvas.

**The way out.** Choose *ReLU instead* below this note, which is `deep-relu`: the same network but
for the activation. In the loss and in the gradient norms it has a line beside this one.
"""),
    Mark("gradient_ratio", "<=", 1e-3, steps=200), panels=("gradients",), variations=(
        Lane("ReLU instead", _RELU,
             help="Slope 1 where a unit is active: the gradient reaches the first layer."),
        Lane("tanh instead", _ten_layers("tanh", "glorot_uniform", ""),
             help="Slope 1 at 0, and less away from it: far better than sigmoid.")))

DEEP_RELU = Example(
    "deep-relu", "Ten layers of ReLU",
    "the same network with ReLU: the gradient arrives, and it learns",
    _ten_layers("relu", "he_normal", """
# The way out

The slope of a ReLU is 1 wherever the unit is active, and He's initialisation keeps the size of the
activations from layer to layer. Nothing shrinks on the way back.

**Press Space and look at the gradient norms**: ten curves in one bundle, where `deep-sigmoid` has a
staircase. The loss falls within the first epoch.

**Look at the share of inactive units** in the inspector: a ReLU that is zero for every sample gets
no gradient and stays dead. Raise the learning rate to 0.5: most units die within an epoch or two,
then the numbers overflow, and the app says where.

**Try.** Give all layers *glorot_uniform* instead of *he_normal*. It was made for tanh and takes no
account of the half that ReLU cuts off: the signal shrinks at each layer, and learning starts late.
"""),
    Mark("gradient_ratio", ">=", 0.05, steps=200), panels=("gradients",), variations=(
        Lane("sigmoid instead", _SIGMOID,
             help="A slope of ¼ at most: nine layers back there is nothing left of the gradient."),
        Lane("glorot start", _ten_layers("relu", "glorot_uniform", ""),
             help="Made for tanh: the signal shrinks at each ReLU, and learning starts late.")))
