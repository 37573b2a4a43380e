"""Ten dense layers, twice: with sigmoid the gradient dies on its way back, with ReLU it arrives."""

from __future__ import annotations

import math

from playground.activations import ActivationName
from playground.examples.base import Dial, Example, Mark, chain, seeded, set_otherwise
from playground.graph import Graph
from playground.initializers import Initializer, Normal
from playground.lane import Lane
from playground.layers.activation import Maxout
from playground.layers.base import Layer
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import SoftmaxCrossEntropy
from playground.training import SGD


def _ten_layers(activation: ActivationName, initializer: Initializer, notes: str) -> Graph:
    hidden = [Dense(units=32, activation=activation, initializer=initializer) for _ in range(9)]
    return _network(*hidden, notes=notes)


def _maxout() -> Graph:
    """Each of the 32 outputs of a layer is the larger one of two units."""
    pairs = [layer for _ in range(9) for layer in (
        Dense(units=64, initializer="glorot_uniform"), Maxout(pieces=2))]
    return _network(*pairs, notes="")


def _network(*hidden: Layer, notes: str) -> Graph:
    return chain(
        Digits(standardise="global"), Flatten(), *hidden, Dense(units=10), SoftmaxCrossEntropy(),
        training=seeded(7, optimizer=SGD(learning_rate=0.02)), notes=notes)


def _weight_scale(graph: Graph) -> float:
    """The deviation of dense_2's weights as they start, in that of He; 1 for other rules."""
    rule = getattr(graph.node("dense_2").layer, "initializer", None)
    return rule.deviation / _he(32) if isinstance(rule, Normal) else 1.0


def _with_weight_scale(graph: Graph, scale: float) -> Graph:
    """The nine hidden layers begin with so many times the weights of He."""
    for i in range(1, 10):
        start = Normal(deviation=scale * _he(64 if i == 1 else 32))
        graph = set_otherwise("", graph, f"dense_{i}", initializer=start).graph
    return graph


def _he(fan_in: int) -> float:
    """The deviation that keeps the size of a signal through a ReLU. He et al. 2015, eq. 10."""
    return math.sqrt(2 / fan_in)


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
for the activation. In the loss and in the gradient norms it has a line beside this one. So has
*maxout instead*, where each output is the larger one of two units without an activation: whichever
it is, its slope is 1, and there are no inactive units.
"""),
    Mark("gradient_ratio", "<=", 1e-3, steps=200), panels=("gradients",), variations=(
        Lane("ReLU instead", _RELU,
             help="Slope 1 where a unit is active: the gradient reaches the first layer."),
        Lane("tanh instead", _ten_layers("tanh", "glorot_uniform", ""),
             help="Slope 1 at 0, and less away from it: far better than sigmoid."),
        Lane("maxout instead", _maxout(),
             help="The larger one of two units, as it is: slope 1 for one of them, always.")))

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

**Turn the weight scale** below this note: how large the weights begin, 1 being what He found. Each
turn draws them anew and runs one step. At 0.5 every layer halves the gradient on its way back, and
at dense_1 there is next to nothing: vanishing. At 2 every layer doubles it: exploding. The forward
signal doubles too, and a layer's gradient is the product of the two, so that all ten norms stand in
the hundreds. **Press Space**: within four steps the numbers overflow. *weight scale 0.5* and
*weight scale 1.5* run beside this network.

**Try.** Give all layers *glorot_uniform* instead of *he_normal*. It was made for tanh and takes no
account of the half that ReLU cuts off: the signal shrinks at each layer, and learning starts late.
"""),
    Mark("gradient_ratio", ">=", 0.05, steps=200), panels=("gradients",), variations=(
        Lane("sigmoid instead", _SIGMOID,
             help="A slope of ¼ at most: nine layers back there is nothing left of the gradient."),
        Lane("glorot start", _ten_layers("relu", "glorot_uniform", ""),
             help="Made for tanh: the signal shrinks at each ReLU, and learning starts late."),
        Lane("weight scale 0.5", _with_weight_scale(_RELU, 0.5),
             help="Half at each layer on its way back: the first one gets next to nothing."),
        Lane("weight scale 1.5", _with_weight_scale(_RELU, 1.5),
             help="Half as much again at each layer: it begins forty times as large.")),
    dial=Dial(
        "Weight scale", 0.1, 3.1, _weight_scale, _with_weight_scale,
        "The hidden layers' weights start as He's times this number. Turn it and look at Gradient "
        "norms: below 1 the gradient shrinks from layer to layer, above 1 it grows."))
