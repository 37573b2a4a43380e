"""The catalogue of layers. Modules are imported by hand, in the order of the palette."""

from __future__ import annotations

from playground.layers import data  # isort: skip
from playground.layers import core  # isort: skip
from playground.layers import noise  # isort: skip
from playground.layers import conv  # isort: skip
from playground.layers import pool  # isort: skip
from playground.layers import norm  # isort: skip
from playground.layers import activation  # isort: skip
from playground.layers import recurrent  # isort: skip
from playground.layers import merge  # isort: skip
from playground.layers import loss  # isort: skip
from playground.layers.base import LAYERS, Layer

__all__ = ["LAYERS", "Layer", "activation", "conv", "core", "data", "loss", "merge", "noise",
           "norm", "pool", "recurrent"]
