"""The gallery: networks that are ready to run, each with a mark that a test holds it to."""

from __future__ import annotations

from playground.examples.alexnet import ALEXNET
from playground.examples.base import Example, Mark
from playground.examples.clothes import ALEXNET_SMALL, INCEPTION, VGG_SMALL
from playground.examples.depth import DEEP_RELU, DEEP_SIGMOID
from playground.examples.descent import GRADIENT_DESCENT_LINEAR, LEAST_SQUARES
from playground.examples.digits import CNN_DIGITS, MAXOUT_DIGITS, MLP_DIGITS
from playground.examples.lenet import LENET5
from playground.examples.plane import MLP_SPIRAL, PERCEPTRON, PERCEPTRON_XOR
from playground.examples.residual import PLAIN_DEEP, RESNET
from playground.examples.transfer import TRANSFER, TRANSFER_SOURCE
from playground.examples.vgg import VGG16

EXAMPLES: dict[str, Example] = {example.name: example for example in (
    MLP_SPIRAL, PERCEPTRON, PERCEPTRON_XOR, MLP_DIGITS, CNN_DIGITS, MAXOUT_DIGITS, LENET5,
    ALEXNET_SMALL, ALEXNET, VGG_SMALL, VGG16, INCEPTION, PLAIN_DEEP, RESNET,
    TRANSFER_SOURCE, TRANSFER,
    DEEP_SIGMOID, DEEP_RELU, GRADIENT_DESCENT_LINEAR, LEAST_SQUARES)}
"""By the name that the command line and the menu use."""

__all__ = ["EXAMPLES", "Example", "Mark"]
