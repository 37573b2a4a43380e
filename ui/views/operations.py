"""Kernel names as people say them: dense_weight_gradient is "dense ∂w"."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.emitter import Instruction

SUFFIXES = {
    # How something is done is not what is done.
    "_packed": "", "_turned": "", "_reset_before": "",
    "_weight_gradient": " ∂w", "_bias_gradient": " ∂b", "_input_gradient": " ∂x",
    "_backward": " ∂x", "_forward": "", "_plain": "", "_update": "",
}
NAMES = {
    "load_batch": "load batch", "shuffle_samples": "shuffle", "clip_by_norm": "clip by norm",
    "clip_by_value": "clip by value", "global_norm": "global norm → clip", "guard": "check for NaN",
}
TRANSPOSED = {
    # Forward it goes the way that a convolution's gradient goes, and the other way round.
    "conv2d ∂x": "conv transpose2d", "conv2d ∂w": "conv transpose2d ∂w",
    "conv2d": "conv transpose2d ∂x",
}
MEASURING = frozenset({
    "gradient_statistics", "gradient_part", "join_gradient_parts", "update_ratios", "vector_norm",
    "activation_statistics", "activation_part", "join_activation_parts", "unit_statistics",
    "unit_activity", "record",
    "accuracy", "binary_accuracy", "mean_absolute_error", "clipped_norms", "clipped",
})
"""Instructions that only measure: training would be the same without them."""


def operation(kernel: str) -> str:
    """The human name of a kernel."""
    if kernel in NAMES:
        return NAMES[kernel]
    end = ""
    for suffix, sign in SUFFIXES.items():
        if kernel.endswith(suffix):
            kernel, end = kernel.removesuffix(suffix), sign + end
    return kernel.replace("_", " ") + end


def full_operation(instruction: Instruction, kind: str = "") -> str:
    """With the time step of a recurrent layer. kind: of the node's layer, which may have kernels
    of another's: a sequence is an image of one row.
    """
    name = operation(instruction.kernel.name)
    if kind.endswith("1d"):
        name = name.replace("2d", "1d")
    if kind == "conv_transpose2d":
        name = TRANSPOSED.get(name, name)
    return name if instruction.time is None else f"{name} · t = {instruction.time}"


def measures(instruction: Instruction) -> bool:
    return instruction.kernel.name in MEASURING


def format_microseconds(time: float) -> str:
    """1 204 µs: thousands set apart, a decimal where there are few; "" where unknown."""
    if time != time:
        return ""
    number = f"{time:.1f}" if time < 10 else f"{time:,.0f}".replace(",", "\u2009")
    return f"{number} µs"


__all__ = ["MEASURING", "format_microseconds", "full_operation", "measures", "operation"]
