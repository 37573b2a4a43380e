"""Learning-rate schedules: how the rate changes with epoch, step or loss. One class is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

import kernels
from playground.emitter import Operand


class _Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the learning rate changes with the steps. The fields are the settings."""

    label: ClassVar[str]
    kernel: ClassVar[str]
    """Of kernels.schedule; its operands carry the names of the settings."""
    state: ClassVar[int] = 0
    """Numbers that it keeps from step to step."""

    warmup: Annotated[int, Meta(
        ge=0, le=10_000_000, title="Warm-up",
        description="Steps in which the rate rises evenly from almost 0; the schedule's own "
        "clock starts after them.", extra={"unit": "steps"})] = 0

    def emit(self, emit: Callable[..., None], **known: Operand) -> None:
        """Emit the computation of this step's learning rate.

        known: base, learning_rate, loss, counters, state and batches_per_epoch.
        """
        kernel = getattr(kernels.schedule, self.kernel)
        defaults = zip(self.__struct_fields__, self.__struct_defaults__, strict=True)
        # A float written as 1 in code must not reach a kernel as the bits of an int.
        known |= {name: type(usual)(getattr(self, name)) for name, usual in defaults}
        emit(kernel, **{name: known[name] for name in kernel.operands})
        if self.warmup:
            emit(kernels.schedule.schedule_warmup, warmup=self.warmup,
                 counters=known["counters"], learning_rate=known["learning_rate"])


class Constant(_Schedule, frozen=True, kw_only=True, tag="constant"):
    """The learning rate stays as it is."""

    label = "Constant"
    kernel = "schedule_constant"


class Factor(_Schedule, frozen=True, kw_only=True, tag="factor"):
    """Multiplied by a factor after every epoch: lr · factorᵉ."""

    label = "Factor"
    kernel = "schedule_factor"

    factor_per_epoch: Annotated[float, Meta(
        gt=0, le=2, title="Factor", description="What each epoch multiplies lr by.")] = 0.95


class StepDecay(_Schedule, frozen=True, kw_only=True, tag="step"):
    """Multiplied by gamma once every so many epochs."""

    label = "Step decay"
    kernel = "schedule_step"

    every: Annotated[int, Meta(
        ge=1, le=100_000, title="Every", description="Epochs between two drops.",
        extra={"unit": "epochs"})] = 10
    gamma: Annotated[float, Meta(
        gt=0, le=1, title="Gamma", description="What a drop multiplies lr by.")] = 0.5


class Exponential(_Schedule, frozen=True, kw_only=True, tag="exponential"):
    """Decays smoothly with every step: lr · exp(-rate · step)."""

    label = "Exponential"
    kernel = "schedule_exponential"

    rate: Annotated[float, Meta(
        ge=0, le=1, title="Rate", description="Decay per step.", extra={"log": True})] = 1e-4


class Cosine(_Schedule, frozen=True, kw_only=True, tag="cosine"):
    """Falls along half a cosine to a minimum; with restarts, again and again.

    Loshchilov & Hutter 2017. Without restarts it stays at the minimum, where PyTorch's
    CosineAnnealingLR would rise again.
    """

    label = "Cosine"
    kernel = "schedule_cosine"

    period: Annotated[int, Meta(
        ge=1, le=1_000_000, title="Period",
        description="Epochs from the full rate to the minimum. In PyTorch: T_max, T_0.",
        extra={"unit": "epochs"})] = 20
    minimum: Annotated[float, Meta(
        ge=0, le=1000, title="Minimum",
        description="The learning rate at the end. In PyTorch: eta_min.",
        extra={"log": True})] = 0.0
    restarts: Annotated[bool, Meta(
        title="Restarts", description="Begin again at the full rate after each period.")] = False
    growth: Annotated[int, Meta(
        ge=1, le=10, title="Growth",
        description="With restarts: how many times as long each period is as the one before. "
        "In PyTorch: T_mult.")] = 1


class Plateau(_Schedule, frozen=True, kw_only=True, tag="plateau"):
    """Multiplied by a factor when the loss has not become better for some epochs.

    As PyTorch's ReduceLROnPlateau (mode min, threshold relative), with one difference: what is
    watched is the training loss, averaged over the steps of each epoch, where people mostly hand
    PyTorch the validation loss. So it is part of the program, and replay is exact.
    """

    label = "Reduce on plateau"
    kernel = "schedule_plateau"
    state = 6

    factor: Annotated[float, Meta(
        gt=0, lt=1, title="Factor", description="What a plateau multiplies lr by.")] = 0.1
    patience: Annotated[int, Meta(
        ge=0, le=100_000, title="Patience",
        description="Epochs without a better loss that are borne.",
        extra={"unit": "epochs"})] = 10
    threshold: Annotated[float, Meta(
        ge=0, lt=1, title="Threshold",
        description="A loss is better when it is below the best by more than this share.",
        extra={"log": True})] = 1e-4
    cooldown: Annotated[int, Meta(
        ge=0, le=100_000, title="Cooldown",
        description="Epochs after a drop in which nothing is counted.",
        extra={"unit": "epochs"})] = 0
    minimum: Annotated[float, Meta(
        ge=0, le=1000, title="Minimum",
        description="The learning rate never drops below it. In PyTorch: min_lr.",
        extra={"log": True})] = 0.0


Schedule = Constant | Factor | StepDecay | Exponential | Cosine | Plateau
SCHEDULES: tuple[type[_Schedule], ...] = (
    Constant, Factor, StepDecay, Exponential, Cosine, Plateau)
