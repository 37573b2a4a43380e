"""The order of the gallery: themes, their examples, and the panel that shows what each is about."""

from __future__ import annotations

from collections.abc import Iterable

THEMES: dict[str, dict[str, str]] = {
    "One neuron, and a few more": {
        "perceptron": "output", "perceptron-xor": "output", "mlp-spiral": "output",
        "mlp-digits": "output", "maxout-digits": "output",
    },
    "Descent": {
        "gradient-descent-linear": "loss", "least-squares": "output",
    },
    "Pictures": {
        "cnn-digits": "feature_maps", "lenet5": "feature_maps", "alexnet-small": "output",
        "alexnet": "feature_maps", "vgg-small": "feature_maps", "vgg16": "feature_maps",
        "inception": "output",
    },
    "Depth": {
        "deep-sigmoid": "gradients", "deep-relu": "gradients", "plain-deep": "gradients",
        "resnet": "gradients",
    },
    "Time and memory": {
        "lstm-by-hand": "through_time", "elman": "through_time", "lstm": "through_time",
        "gru": "through_time", "exploding": "gradients", "copy-memory": "through_time",
        "sequential-digits": "output", "bidirectional-lstm": "through_time",
        "one-way-lstm": "through_time",
    },
    "Forecasts": {
        "jordan": "output", "sine": "output", "series": "output",
    },
    "Words and characters": {
        "slot-filling": "output", "slot-filling-feed-forward": "output",
        "char-lstm": "output", "transformer": "through_time",
    },
    "Codes, and things made up": {
        "autoencoder": "output", "denoising-autoencoder": "output", "vae": "output",
        "gan": "output",
    },
    "Reuse, and two inputs": {
        "transfer-source": "feature_maps", "transfer": "output", "vqa": "output",
        "vqa-image-alone": "output", "vqa-question-alone": "output",
    },
}
"""Theme -> example -> panel, in the order of the gallery. The panel comes to the front when the
example opens, and the example's thumbnail is a picture of it."""

PANEL: dict[str, str] = {name: panel for theme in THEMES.values() for name, panel in theme.items()}
"""Of each example."""


def by_theme(names: Iterable[str]) -> dict[str, list[str]]:
    """Those of the names that there are, theme by theme; what no theme has comes last."""
    there = list(names)
    groups = {theme: [name for name in panels if name in there]
              for theme, panels in THEMES.items()}
    groups["More"] = [name for name in there if name not in PANEL]
    return {theme: found for theme, found in groups.items() if found}
