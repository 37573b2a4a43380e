"""The gallery: networks that are ready to run, each with a mark that a test holds it to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from playground.examples.base import Example, Mark


class Gallery(Mapping[str, Example]):
    """Examples by name. An example is built when it is first asked for: a start needs one."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> Example:
        module, _, constant = self._places[name].partition(".")
        example: Example = getattr(import_module(f"{__name__}.{module}"), constant)
        return example

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places


EXAMPLES = Gallery({
    "mlp-spiral": "plane.MLP_SPIRAL",
    "perceptron": "plane.PERCEPTRON",
    "perceptron-xor": "plane.PERCEPTRON_XOR",
    "local-minima": "minima.LOCAL_MINIMA",
    "mlp-digits": "digits.MLP_DIGITS",
    "cnn-digits": "digits.CNN_DIGITS",
    "maxout-digits": "digits.MAXOUT_DIGITS",
    "conv-matrix": "shared_weights.CONV_MATRIX",
    "representation": "hidden.REPRESENTATION",
    "lenet5": "lenet.LENET5",
    "alexnet-small": "clothes.ALEXNET_SMALL",
    "alexnet": "alexnet.ALEXNET",
    "vgg-small": "clothes.VGG_SMALL",
    "vgg16": "vgg.VGG16",
    "inception": "clothes.INCEPTION",
    "what-excites": "excites.WHAT_EXCITES",
    "plain-deep": "residual.PLAIN_DEEP",
    "resnet": "residual.RESNET",
    "transfer-source": "transfer.TRANSFER_SOURCE",
    "transfer": "transfer.TRANSFER",
    "transfer-regression": "transfer.TRANSFER_REGRESSION",
    "deep-sigmoid": "depth.DEEP_SIGMOID",
    "deep-relu": "depth.DEEP_RELU",
    "batch-norm": "normalised.BATCH_NORM",
    "over-fitting": "over_fitting.OVER_FITTING",
    "gradient-descent": "surfaces.GRADIENT_DESCENT",
    "rosenbrock": "surfaces.ROSENBROCK",
    "saddle": "surfaces.SADDLE",
    "himmelblau": "surfaces.HIMMELBLAU",
    "beale": "surfaces.BEALE",
    "shallow-minimum": "surfaces.SHALLOW_MINIMUM",
    "gradient-descent-linear": "descent.GRADIENT_DESCENT_LINEAR",
    "least-squares": "descent.LEAST_SQUARES",
    "lstm-by-hand": "by_hand.LSTM_BY_HAND",
    "elman": "adding.ELMAN",
    "lstm": "adding.LSTM_ADDING",
    "gru": "adding.GRU_ADDING",
    "jordan": "forecast.JORDAN",
    "sine": "forecast.SINE",
    "series": "forecast.SERIES",
    "copy-memory": "symbols.COPY_MEMORY",
    "sequential-digits": "symbols.SEQUENTIAL_DIGITS",
    "bidirectional-lstm": "symbols.BIDIRECTIONAL_LSTM",
    "one-way-lstm": "symbols.ONE_WAY_LSTM",
    "slot-filling": "slots.SLOT_FILLING",
    "slot-filling-feed-forward": "slots.SLOT_FILLING_FEED_FORWARD",
    "char-lstm": "characters.CHAR_LSTM",
    "exploding": "exploding.EXPLODING",
    "transformer": "transformer.TRANSFORMER",
    "vqa": "vqa.VQA",
    "vqa-image-alone": "vqa.VQA_IMAGE_ALONE",
    "vqa-question-alone": "vqa.VQA_QUESTION_ALONE",
    "autoencoder": "autoencoders.AUTOENCODER",
    "autoencoder-conv": "autoencoders.AUTOENCODER_CONV",
    "denoising-autoencoder": "autoencoders.DENOISING_AUTOENCODER",
    "vae": "vae.VAE",
    "gan": "gan.GAN",
    "gan-digits": "gan.GAN_DIGITS",
})
"""By the name that the command line and the menu use: the file and the constant there."""

__all__ = ["EXAMPLES", "Example", "Gallery", "Mark"]
