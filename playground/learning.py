"""How the parameters of one node learn, beside what the training settings say for all."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from playground.sizes import Shape

GROUP = r"^\w*\Z"


def is_penalised(shape: Shape) -> bool:
    """Whether penalties on weights count an array: matrices and kernels, as in Keras'
    kernel_regularizer, and not what has one axis, such as biases and scales.
    """
    return len(shape) > 1


class Learning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is special about one node. Penalties count in the loss, as in Keras' regularizers."""

    frozen: Annotated[bool, Meta(
        title="Frozen", description="Keep these weights as they are: no gradient, no update. "
        "A BatchNorm goes on moving its running statistics, as in PyTorch; choose running ones in "
        "training to keep them too, as in Keras.")
    ] = False
    rate: Annotated[float, Meta(
        ge=0, le=1000, title="Learning rate ×",
        description="Times the learning rate of the training.")] = 1.0
    l1: Annotated[float, Meta(
        ge=0, le=10, title="L1 penalty",
        description="Adds l1 · Σ|w| to the loss (matrices and kernels; neither "
        "biases nor scales, slopes and shifts of one axis): many become zero.",
        extra={"log": True})] = 0.0
    l2: Annotated[float, Meta(
        ge=0, le=10, title="L2 penalty",
        description="Adds l2 · Σ w² to the loss (matrices and kernels; neither "
        "biases nor scales, slopes and shifts of one axis): they stay small.",
        extra={"log": True})] = 0.0
    activity_l1: Annotated[float, Meta(
        ge=0, le=10, title="L1 of outputs",
        description="Adds this times Σ|y|, the mean over the batch, to the loss: few units speak.",
        extra={"log": True})] = 0.0
    activity_l2: Annotated[float, Meta(
        ge=0, le=10, title="L2 of outputs",
        description="Adds this times Σ y², the mean over the batch, to the loss.",
        extra={"log": True})] = 0.0
    clip_weights: Annotated[float, Meta(
        ge=0, le=1000, title="Clip weights",
        description="After each update all parameters are kept within ± this, as the critic of a "
        "Wasserstein GAN needs (0.01 in the paper); 0: they go where they like.",
        extra={"log": True})] = 0.0
    group: Annotated[str, Meta(
        pattern=GROUP, max_length=40, title="Group",
        description="A name for nodes that one loss trains while another leaves them alone, such "
        "as the two players of a GAN.")] = ""

    @property
    def penalises_weights(self) -> bool:
        return self.l1 > 0 or self.l2 > 0

    @property
    def penalises_outputs(self) -> bool:
        return self.activity_l1 > 0 or self.activity_l2 > 0
