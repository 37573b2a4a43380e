"""How a network is trained: batch size, optimizer, learning-rate schedule, clipping and seeds.

These are part of the document. Floats among them can change while the network trains.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from playground.optimizers import SGD, Adam, AnyOptimizer
from playground.schedules import Constant, Schedule


class Clipping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to large gradients before the update."""

    mode: Annotated[Literal["off", "value", "layer_norm", "global_norm"], Meta(
        title="Clip", description="off; by value: each component is capped at ±threshold; "
        "by norm: g · c / |g| when |g| > c, per layer or over all layers.")] = "off"
    threshold: Annotated[float, Meta(
        gt=0, le=1e6, title="Threshold",
        description="The cap c.", extra={"log": True})] = 1.0


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to train. The four seeds are separate: one can change while the others stay."""

    batch: Annotated[int, Meta(
        ge=1, le=100_000, title="Batch size",
        description="Samples per step. What is left over at the end of an epoch is dropped; "
        "the next epoch shuffles anew.")] = 32
    optimizer: Annotated[AnyOptimizer, Meta(title="Optimizer")] = SGD()
    schedule: Annotated[Schedule, Meta(title="Learning-rate schedule")] = Constant()
    clipping: Annotated[Clipping, Meta(title="Clipping")] = Clipping()
    weight_seed: Annotated[int, Meta(
        ge=0, le=2**31 - 1, title="Weight seed",
        description="Draws the initial weights.")] = 7
    shuffle_seed: Annotated[int, Meta(
        ge=0, le=2**31 - 1, title="Shuffle seed",
        description="Draws the order of the samples in each epoch.")] = 7
    dropout_seed: Annotated[int, Meta(
        ge=0, le=2**31 - 1, title="Dropout seed",
        description="Draws what dropout leaves out, noise, and random sources.")] = 7
    augmentation_seed: Annotated[int, Meta(
        ge=0, le=2**31 - 1, title="Augmentation seed",
        description="Draws how training samples are changed, where the data node says so.")] = 7

    @property
    def structure(self) -> tuple[object, ...]:
        """What a program is compiled for; a change of it needs a new one."""
        return (self.batch, self.optimizer.structure, self.schedule, self.clipping.mode,
                self.weight_seed, self.shuffle_seed, self.dropout_seed, self.augmentation_seed)

    @property
    def numbers(self) -> dict[str, float]:
        """What can change while a program runs: the learning rate and the like."""
        values = {name: float(getattr(self.optimizer, name)) for name in self.optimizer.hyper}
        return {**values, "threshold": self.clipping.threshold}

    def seeded(self, seed: int) -> Training:
        """The same with one seed for everything that is drawn."""
        return msgspec.structs.replace(self, weight_seed=seed, shuffle_seed=seed,
                                       dropout_seed=seed, augmentation_seed=seed)


__all__ = ["SGD", "Adam", "AnyOptimizer", "Clipping", "Constant", "Schedule", "Training"]
