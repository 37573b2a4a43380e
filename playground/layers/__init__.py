"""The catalogue of layers. Modules are imported by hand, in the order of the palette."""

from __future__ import annotations

from playground.layers import data  # isort: skip
from playground.layers import file_data  # isort: skip
from playground.layers import source  # isort: skip
from playground.layers import sequence_data  # isort: skip
from playground.layers import picture_data  # isort: skip
from playground.layers import core  # isort: skip
from playground.layers import noise  # isort: skip
from playground.layers import conv  # isort: skip
from playground.layers import transposed  # isort: skip
from playground.layers import upsample  # isort: skip
from playground.layers import pool  # isort: skip
from playground.layers import norm  # isort: skip
from playground.layers import sequence  # isort: skip
from playground.layers import attention  # isort: skip
from playground.layers import activation  # isort: skip
from playground.layers import recurrent  # isort: skip
from playground.layers import merge  # isort: skip
from playground.layers import shape  # isort: skip
from playground.layers import loss  # isort: skip
from playground.layers import hinge_loss  # isort: skip
from playground.layers import generative_loss  # isort: skip
from playground.layers import surface  # isort: skip
from playground.layers.base import LAYERS, Layer

__all__ = ["LAYERS", "Layer", "activation", "attention", "conv", "core", "data", "file_data",
           "generative_loss", "hinge_loss", "loss", "merge", "noise", "norm", "picture_data",
           "pool", "recurrent", "sequence", "sequence_data", "shape", "source", "surface",
           "transposed", "upsample"]
