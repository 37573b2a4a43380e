"""The gallery: networks that are ready to run, each with a mark that a test holds it to."""

from __future__ import annotations

from playground.examples.adding import ELMAN, GRU_ADDING, LSTM_ADDING
from playground.examples.alexnet import ALEXNET
from playground.examples.autoencoders import AUTOENCODER, DENOISING_AUTOENCODER
from playground.examples.base import Example, Mark
from playground.examples.by_hand import LSTM_BY_HAND
from playground.examples.characters import CHAR_LSTM
from playground.examples.clothes import ALEXNET_SMALL, INCEPTION, VGG_SMALL
from playground.examples.depth import DEEP_RELU, DEEP_SIGMOID
from playground.examples.descent import GRADIENT_DESCENT_LINEAR, LEAST_SQUARES
from playground.examples.digits import CNN_DIGITS, MAXOUT_DIGITS, MLP_DIGITS
from playground.examples.exploding import EXPLODING
from playground.examples.forecast import JORDAN, SERIES, SINE
from playground.examples.gan import GAN
from playground.examples.lenet import LENET5
from playground.examples.normalised import BATCH_NORM
from playground.examples.over_fitting import OVER_FITTING
from playground.examples.plane import MLP_SPIRAL, PERCEPTRON, PERCEPTRON_XOR
from playground.examples.residual import PLAIN_DEEP, RESNET
from playground.examples.slots import SLOT_FILLING, SLOT_FILLING_FEED_FORWARD
from playground.examples.surfaces import (
    GRADIENT_DESCENT,
    HIMMELBLAU,
    ROSENBROCK,
    SADDLE,
)
from playground.examples.symbols import (
    BIDIRECTIONAL_LSTM,
    COPY_MEMORY,
    ONE_WAY_LSTM,
    SEQUENTIAL_DIGITS,
)
from playground.examples.transfer import TRANSFER, TRANSFER_REGRESSION, TRANSFER_SOURCE
from playground.examples.transformer import TRANSFORMER
from playground.examples.vae import VAE
from playground.examples.vgg import VGG16
from playground.examples.vqa import VQA, VQA_IMAGE_ALONE, VQA_QUESTION_ALONE

EXAMPLES: dict[str, Example] = {example.name: example for example in (
    MLP_SPIRAL, PERCEPTRON, PERCEPTRON_XOR, MLP_DIGITS, CNN_DIGITS, MAXOUT_DIGITS, LENET5,
    ALEXNET_SMALL, ALEXNET, VGG_SMALL, VGG16, INCEPTION, PLAIN_DEEP, RESNET,
    TRANSFER_SOURCE, TRANSFER, TRANSFER_REGRESSION,
    DEEP_SIGMOID, DEEP_RELU, BATCH_NORM, OVER_FITTING,
    GRADIENT_DESCENT, ROSENBROCK, SADDLE, HIMMELBLAU, GRADIENT_DESCENT_LINEAR, LEAST_SQUARES,
    LSTM_BY_HAND, ELMAN, LSTM_ADDING, GRU_ADDING, JORDAN, SINE, SERIES,
    COPY_MEMORY, SEQUENTIAL_DIGITS, BIDIRECTIONAL_LSTM, ONE_WAY_LSTM,
    SLOT_FILLING, SLOT_FILLING_FEED_FORWARD, CHAR_LSTM, EXPLODING, TRANSFORMER,
    VQA, VQA_IMAGE_ALONE, VQA_QUESTION_ALONE,
    AUTOENCODER, DENOISING_AUTOENCODER, VAE, GAN)}
"""By the name that the command line and the menu use."""

__all__ = ["EXAMPLES", "Example", "Mark"]
