"""A variational autoencoder: a code that can be drawn from."""

from __future__ import annotations

from playground.examples.base import Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.activation import Exponential
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.generative_loss import GaussianKL
from playground.layers.loss import MeanSquaredError
from playground.layers.merge import Add, Multiply
from playground.layers.shape import Reshape
from playground.layers.source import Constant, RandomNormal
from playground.training import Adam

BETA = 0.003
"""The weight of the divergence beside a mean over 64 pixels."""


def _vae(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.002)), notes)
    net.add("digits_1", Digits(), 0, 0)
    net.add("flatten_1", Flatten(), 1, 0, "digits_1")
    net.add("encoder_1", Dense(units=128, activation="relu"), 2, 0, "flatten_1")
    net.add("encoder_2", Dense(units=64, activation="relu"), 3, 0, "encoder_1")
    net.add("mean", Dense(units=2), 4, 0, "encoder_2")
    net.add("log_variance", Dense(units=2), 4, 1, "encoder_2")
    net.add("half", Constant(values=(0.5,)), 4, 2)
    net.add("log_deviation", Multiply(), 5, 2, "log_variance", "half")
    net.add("deviation", Exponential(), 6, 2, "log_deviation")
    net.add("noise_1", RandomNormal(shape=(2,)), 6, 3)
    net.add("shift", Multiply(), 7, 2, "deviation", "noise_1")
    net.add("code", Add(), 8, 0, "mean", "shift")
    net.add("decoder_1", Dense(units=64, activation="relu"), 0, 3, "code")
    net.add("decoder_2", Dense(units=128, activation="relu"), 1, 3, "decoder_1")
    net.add("pixels", Dense(units=64, activation="sigmoid"), 2, 3, "decoder_2")
    net.add("rebuilt", Reshape(shape=(1, 8, 8)), 3, 3, "pixels")
    net.add("loss_1", MeanSquaredError(), 4, 3, "rebuilt", "digits_1")
    net.add("loss_2", GaussianKL(weight=BETA), 5, 1, "mean", "log_variance")
    return net.graph


VAE = Example(
    "vae", "Variational autoencoder",
    "each digit becomes a small cloud in the code, and any place of it draws a digit",
    _vae("""
# Variational autoencoder

An autoencoder's code has holes: between the places of two digits there may be nothing. Here the
encoder says for each digit a *mean* and a *deviation*, and the decoder gets a point drawn at random
around the mean: code = mean + deviation · noise (Kingma and Welling 2014). Neighbouring points must
draw much the same.

Two losses pull against each other. loss_1 wants the digit back, so clouds that are small and far
apart. loss_2 wants each cloud to be the standard normal one, so that all of them together fill the
plane without gaps, around 0, with deviation 1.

Noise cannot be learned from, but the gradient passes it by: noise_1 comes in from the side, and the
way from code to mean and deviation is a sum and a product. That is the reparametrisation trick.

**Press Space and look at Representation**: the means of all digits fill a disc of radius 2 or so,
without gaps. **Drag the marker**, or switch *pictures* on: wherever you point, the decoder draws a
digit, if a blurred one; a cloud remembers less than a point. Compare with `autoencoder`.

**Switch Output to over time**: eight codes drawn at random, once, and what becomes of them after 1,
4, 9, 16, ... steps.

**Try.** Set the weight of loss_2 to 0.3: the code collapses to 0 and every digit becomes the same
grey average. Set it to 0: the deviations shrink, and what is left is `autoencoder`.
"""),
    Mark("error_over_pca", "<=", 0.85, epochs=40), panels=("representation", "output"))
