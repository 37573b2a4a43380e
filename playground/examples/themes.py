"""The order of the gallery: themes, and the examples of each."""

from __future__ import annotations

from collections.abc import Iterable

THEMES: dict[str, tuple[str, ...]] = {
    "One neuron, and a few more": (
        "perceptron", "perceptron-xor", "mlp-spiral", "mlp-digits", "maxout-digits",
        "over-fitting"),
    "Descent": (
        "gradient-descent", "rosenbrock", "saddle", "himmelblau", "beale", "shallow-minimum",
        "local-minima", "gradient-descent-linear", "least-squares"),
    "Pictures": (
        "cnn-digits", "conv-matrix", "what-excites", "lenet5", "alexnet-small", "alexnet",
        "vgg-small", "vgg16", "inception"),
    "Depth": (
        "deep-sigmoid", "deep-relu", "plain-deep", "resnet", "batch-norm"),
    "Time and memory": (
        "lstm-by-hand", "elman", "lstm", "gru", "exploding", "copy-memory", "sequential-digits",
        "bidirectional-lstm", "one-way-lstm"),
    "Forecasts": (
        "jordan", "sine", "series"),
    "Words and characters": (
        "slot-filling", "slot-filling-feed-forward", "char-lstm", "transformer"),
    "Codes, and things made up": (
        "representation", "autoencoder", "autoencoder-conv", "denoising-autoencoder", "vae",
        "gan", "gan-digits"),
    "Reuse, and two inputs": (
        "transfer-source", "transfer", "transfer-regression", "vqa", "vqa-image-alone",
        "vqa-question-alone"),
}
"""Theme -> examples, in the order of the gallery."""


def by_theme(names: Iterable[str]) -> dict[str, list[str]]:
    """Those of the names that there are, theme by theme; what no theme has comes last."""
    there = list(names)
    known = {name for names in THEMES.values() for name in names}
    groups = {theme: [name for name in names if name in there] for theme, names in THEMES.items()}
    groups["More"] = [name for name in there if name not in known]
    return {theme: found for theme, found in groups.items() if found}
