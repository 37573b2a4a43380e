"""Networks that rebuild what they are given: through two numbers, and out of noise."""

from __future__ import annotations

from msgspec.structs import replace

from playground.examples.base import Example, Mark, seeded
from playground.examples.wired import Wired
from playground.graph import Graph
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Flatten
from playground.layers.data import Digits, FashionMnist
from playground.layers.loss import MeanSquaredError
from playground.layers.noise import GaussianNoise
from playground.layers.shape import Reshape
from playground.layers.transposed import ConvTranspose2D
from playground.training import Adam

IMAGE = (1, 8, 8)


def _autoencoder(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.002)), notes)
    net.add("digits_1", Digits(), 0, 0)
    net.add("flatten_1", Flatten(), 1, 0, "digits_1")
    net.add("encoder_1", Dense(units=128, activation="relu"), 2, 0, "flatten_1")
    net.add("encoder_2", Dense(units=64, activation="relu"), 3, 0, "encoder_1")
    net.add("code", Dense(units=2), 4, 0, "encoder_2")
    net.add("decoder_1", Dense(units=64, activation="relu"), 0, 1, "code")
    net.add("decoder_2", Dense(units=128, activation="relu"), 1, 1, "decoder_1")
    net.add("pixels", Dense(units=64, activation="sigmoid"), 2, 1, "decoder_2")
    net.add("rebuilt", Reshape(shape=IMAGE), 3, 1, "pixels")
    net.add("loss_1", MeanSquaredError(), 4, 1, "rebuilt", "digits_1")
    return net.graph


AUTOENCODER = Example(
    "autoencoder", "Autoencoder",
    "digits squeezed through two numbers and rebuilt from them",
    _autoencoder("""
# Autoencoder

64 pixels, two numbers, 64 pixels: whatever the decoder is to draw has to pass through *code*. The
target of the loss is the picture itself, so no labels are needed: the wire from digits_1 goes round
the network, straight to the loss.

**Press Space.** *Output* has each digit above what comes back of it: a grey average at first, then
blurs that differ, then digits. What two numbers cannot hold is lost: thin strokes, and which of two
similar digits it was.

**Look at Representation**: every digit where its two numbers put it. Those of one kind come to lie
together, though nobody told the network which are of one kind. The best linear code, the first two
principal components, leaves an error more than a fifth larger.

**Drag the marker.** The decoder draws what you point at, also where no digit has ever been. Switch
*pictures* on to see it everywhere: one digit turns into another, and between some there is nothing
that one could read. `vae` mends that.

**Try.** Give code 8 units: the digits become sharp. Set all activations to *identity*: what is left
does no better than the principal components.
"""),
    Mark("error_over_pca", "<=", 0.8, epochs=40), panels=("representation", "output"))


def _convolutional(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.004)), notes)
    down = Conv2D(kernel=(3, 3), stride=(2, 2), padding=(1, 1), activation="relu")
    up = ConvTranspose2D(kernel=(4, 4), stride=(2, 2), padding=(1, 1), activation="relu")
    to_pixels = replace(up, channels=1, activation="sigmoid")
    net.add("clothes_1", FashionMnist(), 0, 0)
    net.add("conv_1", replace(down, channels=8), 1, 0, "clothes_1")
    net.add("conv_2", replace(down, channels=16), 2, 0, "conv_1")
    net.add("flatten_1", Flatten(), 3, 0, "conv_2")
    net.add("encoder", Dense(units=64, activation="relu"), 4, 0, "flatten_1")
    net.add("code", Dense(units=2), 5, 0, "encoder")
    net.add("decoder", Dense(units=64, activation="relu"), 0, 1, "code")
    net.add("parts", Dense(units=16 * 7 * 7, activation="relu"), 1, 1, "decoder")
    net.add("maps", Reshape(shape=(16, 7, 7)), 2, 1, "parts")
    net.add("up_1", replace(up, channels=8), 3, 1, "maps")
    net.add("rebuilt", to_pixels, 4, 1, "up_1")
    net.add("loss_1", MeanSquaredError(), 5, 1, "rebuilt", "clothes_1")
    return net.graph


AUTOENCODER_CONV = Example(
    "autoencoder-conv", "Convolutional autoencoder",
    "photographs of clothes through two numbers: strides make them small, transposed convolutions "
    "large again",
    _convolutional("""
# Down and up again

The encoder halves the image twice: conv_1 and conv_2 move their filters by two pixels at a time, 28
→ 14 → 7. The decoder doubles twice: up_1 and rebuilt are *transposed* convolutions. Where a
convolution reads a patch into one value, they write one value out as a patch, two pixels from the
last one: 7 → 14 → 28. In between stand two numbers.

**Press Space.** *Output* has each photograph above what comes back of it: soft shapes of the right
kind of clothing. Prints and straps are lost; two numbers do not hold them.

**Drag the marker in Representation.** The decoder draws what you point at. Switch *pictures* on:
trousers, shoes and bags have lands of their own, dresses lie where trousers become shirts, and
pullover, coat and shirt share one land, as they do for every classifier of these images.

**Select rebuilt** and look at its filters in *Feature maps*: eight maps of 14×14 values become the
image through them. A kernel of 4 with a stride of 2 covers each pixel equally often; with 3 it
would not, and a chessboard would shine through (Odena, Dumoulin and Olah 2016).

**Try.** Replace up_1 by *Upsample2D* and a convolution with padding "same". Or give code 16 units:
prints come back.
"""),
    Mark("error_over_pca", "<=", 0.8, epochs=8), panels=("representation", "output"))


def _denoising(notes: str) -> Graph:
    net = Wired(seeded(7, batch=32, optimizer=Adam(learning_rate=0.002)), notes)
    net.add("digits_1", Digits(), 0, 0)
    net.add("noise_1", GaussianNoise(deviation=0.3), 1, 0, "digits_1")
    net.add("flatten_1", Flatten(), 2, 0, "noise_1")
    net.add("encoder_1", Dense(units=128, activation="relu"), 3, 0, "flatten_1")
    net.add("code", Dense(units=32, activation="relu"), 4, 0, "encoder_1")
    net.add("decoder_1", Dense(units=128, activation="relu"), 0, 1, "code")
    net.add("pixels", Dense(units=64, activation="sigmoid"), 1, 1, "decoder_1")
    net.add("rebuilt", Reshape(shape=IMAGE), 2, 1, "pixels")
    net.add("loss_1", MeanSquaredError(), 3, 1, "rebuilt", "digits_1")
    return net.graph


DENOISING_AUTOENCODER = Example(
    "denoising-autoencoder", "Denoising autoencoder",
    "given noisy digits, it learns to give back the clean ones",
    _denoising("""
# Denoising autoencoder

The network sees each digit under new noise in every step (noise_1), and the target is the clean
one. It cannot copy its input; it has to know what digits look like (Vincent et al. 2008).

**Press Space.** *Output* has each digit as it is, as the network gets it, and as it comes back: the
grains go, the strokes stay. *over time* shows the same digits after 1, 4, 9, 16, ... steps.

**Look at the loss.** The noise has a mean square of 0.09, which is the error of doing nothing. On
digits that it has never seen, the network comes to less than half of it: more than 3 decibels.

Noise is added while training only (and in that picture). When the network is just used, as for
validation, noise_1 lets everything through; so the validation loss lies below the training loss.

**Try.** Raise the deviation to 0.6. Or give code 2 units: then the noise goes, and much of the
digit with it.
"""),
    Mark("decibels_gained", ">=", 3.0, epochs=20), panels=("output",))
