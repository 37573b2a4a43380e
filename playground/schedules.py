"""Learning-rate schedules: a factor on the learning rate that depends on epoch or step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

import kernels
from playground.tensor import Tensor


class _Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the learning rate changes with the steps. The fields are the settings."""

    def emit(self, emit: Callable[..., None], *, base: Tensor, learning_rate: Tensor,
             counters: Tensor, batches_per_epoch: int) -> None:
        """Emit the computation of this step's learning rate."""
        raise AssertionError(f"{type(self).__name__} emits nothing")


class Constant(_Schedule, frozen=True, kw_only=True, tag="constant"):
    """The learning rate stays as it is."""

    def emit(self, emit: Callable[..., None], *, base: Tensor, learning_rate: Tensor,
             counters: Tensor, batches_per_epoch: int) -> None:
        emit(kernels.schedule.schedule_constant, base=base, learning_rate=learning_rate)


class Factor(_Schedule, frozen=True, kw_only=True, tag="factor"):
    """Multiplied by a factor after every epoch: lr · factorᵉ."""

    factor_per_epoch: Annotated[float, Meta(
        gt=0, le=2, title="Factor", description="What each epoch multiplies lr by.")] = 0.95

    def emit(self, emit: Callable[..., None], *, base: Tensor, learning_rate: Tensor,
             counters: Tensor, batches_per_epoch: int) -> None:
        emit(kernels.schedule.schedule_factor, factor=float(self.factor_per_epoch),
             batches_per_epoch=batches_per_epoch, counters=counters, base=base,
             learning_rate=learning_rate)


class StepDecay(_Schedule, frozen=True, kw_only=True, tag="step"):
    """Multiplied by gamma once every so many epochs."""

    every: Annotated[int, Meta(
        ge=1, le=100_000, title="Every", description="Epochs between two drops.",
        extra={"unit": "epochs"})] = 10
    gamma: Annotated[float, Meta(
        gt=0, le=1, title="Gamma", description="What a drop multiplies lr by.")] = 0.5

    def emit(self, emit: Callable[..., None], *, base: Tensor, learning_rate: Tensor,
             counters: Tensor, batches_per_epoch: int) -> None:
        emit(kernels.schedule.schedule_step, every=self.every, gamma=float(self.gamma),
             batches_per_epoch=batches_per_epoch, counters=counters, base=base,
             learning_rate=learning_rate)


class Exponential(_Schedule, frozen=True, kw_only=True, tag="exponential"):
    """Decays smoothly with every step: lr · exp(-rate · step)."""

    rate: Annotated[float, Meta(
        ge=0, le=1, title="Rate", description="Decay per step.", extra={"log": True})] = 1e-4

    def emit(self, emit: Callable[..., None], *, base: Tensor, learning_rate: Tensor,
             counters: Tensor, batches_per_epoch: int) -> None:
        emit(kernels.schedule.schedule_exponential, rate=float(self.rate), counters=counters,
             base=base, learning_rate=learning_rate)


Schedule = Constant | Factor | StepDecay | Exponential
SCHEDULES: tuple[type, ...] = (Constant, Factor, StepDecay, Exponential)
