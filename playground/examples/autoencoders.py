"""Networks that rebuild what they are given: through two numbers, and out of noise."""

from __future__ import annotations

from playground.examples.base import Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits
from playground.layers.loss import MeanSquaredError
from playground.layers.noise import GaussianNoise
from playground.layers.shape import Reshape
from playground.training import Adam

IMAGE = (1, 8, 8)


def _autoencoder(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.002)), notes)
    net.add("digits_1", Digits(), 0, 0)
    net.add("flatten_1", Flatten(), 1, 0, "digits_1")
    net.add("encoder_1", Dense(units=128, activation="relu"), 2, 0, "flatten_1")
    net.add("encoder_2", Dense(units=64, activation="relu"), 3, 0, "encoder_1")
    net.add("code", Dense(units=2), 4, 0.5, "encoder_2")
    net.add("decoder_1", Dense(units=64, activation="relu"), 3, 1, "code")
    net.add("decoder_2", Dense(units=128, activation="relu"), 2, 1, "decoder_1")
    net.add("pixels", Dense(units=64, activation="sigmoid"), 1, 1, "decoder_2")
    net.add("rebuilt", Reshape(shape=IMAGE), 0, 1, "pixels")
    net.add("loss_1", MeanSquaredError(), 0, 2, "rebuilt", "digits_1")
    return net.graph


AUTOENCODER = Example(
    "autoencoder", "Autoencoder",
    "digits squeezed through two numbers and rebuilt from them",
    _autoencoder("""
# Autoencoder

64 pixels, two numbers, 64 pixels: whatever the decoder is to draw has to pass through *code*. The
target of the loss is the picture itself, so no labels are needed: the wire from digits_1 goes round
the network, straight to the loss.

**Press Space and select rebuilt**: a grey average at first, then blurs that differ, then digits.
What two numbers cannot hold is lost: thin strokes, and which of two similar digits it was.

**Select code.** Digits of one kind come to lie together, though nobody told the network which are
of one kind: that is a representation. The best linear one, the first two principal components,
leaves an error more than a fifth larger.

**Try.** Give code 8 units: the digits become sharp. Set all activations to *identity*: what is left
does no better than the principal components.
"""),
    Mark("error_over_pca", "<=", 0.8, epochs=40))


def _denoising(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.002)), notes)
    net.add("digits_1", Digits(), 0, 0)
    net.add("noise_1", GaussianNoise(deviation=0.3), 1, 0, "digits_1")
    net.add("flatten_1", Flatten(), 2, 0, "noise_1")
    net.add("encoder_1", Dense(units=128, activation="relu"), 3, 0, "flatten_1")
    net.add("code", Dense(units=32, activation="relu"), 4, 0.5, "encoder_1")
    net.add("decoder_1", Dense(units=128, activation="relu"), 3, 1, "code")
    net.add("pixels", Dense(units=64, activation="sigmoid"), 2, 1, "decoder_1")
    net.add("rebuilt", Reshape(shape=IMAGE), 1, 1, "pixels")
    net.add("loss_1", MeanSquaredError(), 0, 1, "rebuilt", "digits_1")
    return net.graph


DENOISING_AUTOENCODER = Example(
    "denoising-autoencoder", "Denoising autoencoder",
    "given noisy digits, it learns to give back the clean ones",
    _denoising("""
# Denoising autoencoder

The network sees each digit under new noise in every step (noise_1), and the target is the clean
one. It cannot copy its input; it has to know what digits look like (Vincent et al. 2008).

**Press Space**, pause after some epochs, and compare noise_1 with rebuilt while stepping: the
grains are gone, the strokes have stayed.

**Look at the loss.** The noise has a mean square of 0.09, which is the error of doing nothing. On
digits that it has never seen, the network comes to less than half of it: more than 3 decibels.

Noise is added while training only. When the network is just used, as for validation, noise_1 lets
everything through; so the validation loss lies below the training loss.

**Try.** Raise the deviation to 0.6. Or give code 2 units: then the noise goes, and much of the
digit with it.
"""),
    Mark("decibels_gained", ">=", 3.0, epochs=20))
