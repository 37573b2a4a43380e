"""How arrays lie along each other's axes: operands for the kernels of kernels/views.py."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

import kernels
from playground.layers.base import MAX_SIZE, Shape, ShapeError, about, show_shape, size_of

MOST_AXES = 5
"""Of a sample; with the batch, as many as the kernels have loops."""

Steps = tuple[int, ...]

Axis = Annotated[int, about(
    "Which axis: 1 is the first one after the batch, as in PyTorch and Keras.",
    ge=1, le=MOST_AXES)]

Sizes = Annotated[tuple[Annotated[int, Meta(ge=1, le=MAX_SIZE)], ...],
                  Meta(min_length=1, max_length=MOST_AXES)]
"""A shape as a setting."""


def axis_of(label: str, axis: int, shape: Shape) -> int:
    """The place of an axis in a sample's shape. Raises ShapeError where there is none."""
    if axis > len(shape):
        raise ShapeError(f"{label} works along axis {axis}, and {show_shape(shape)} has "
                         f"{len(shape)}. Choose an axis from 1 to {len(shape)}.")
    return axis - 1


def contiguous(shape: Shape) -> Steps:
    """How far one step along each axis goes in an array of this shape."""
    return tuple(size_of(shape[axis + 1:]) for axis in range(len(shape)))


def spread(shape: Shape, over: Shape) -> Steps:
    """The steps of an array (batch, *shape) repeated over (batch, *over), by NumPy's rule.

    Sizes are matched from the last axis; an axis of size 1, or none, is repeated.
    """
    own = (1,) * (len(over) - len(shape)) + shape
    steps = contiguous(own)
    return (size_of(shape), *(step if size > 1 else 0
                              for size, step in zip(own, steps, strict=True)))


def broadcast(label: str, *shapes: Shape) -> Shape:
    """The shape that these shapes have together. Raises ShapeError."""
    whole = max(shapes, key=len)
    for port, shape in enumerate(shapes, 1):
        joined = list(whole)
        for back in range(1, len(shape) + 1):
            one, other = whole[-back], shape[-back]
            if 1 not in (one, other) and one != other:
                raise ShapeError(_clash(label, whole, shape, port, len(whole) - back, back))
            joined[-back] = max(one, other)
        whole = tuple(joined)
    return whole


def _clash(label: str, whole: Shape, shape: Shape, port: int, axis: int, back: int) -> str:
    return (f"{label} cannot join {show_shape(whole)} and {show_shape(shape)} (input {port}): "
            f"axis {axis + 1} is {whole[-back]} in one and {shape[-back]} in the other. "
            f"{_way_out(whole, shape)}")


def _way_out(whole: Shape, shape: Shape) -> str:
    """What makes two shapes fit, with the least that is lost."""
    flat = next((one for one in (shape, whole) if len(one) == 1), None)
    if flat is shape and len(whole) == 3 and shape[0] == whole[0]:
        return f"To go with the channels, Reshape it to {shape[0]}×1×1."
    if size_of(whole) == size_of(shape):
        return (f"Put a Flatten after the {show_shape(whole)}." if flat is shape else
                f"Put a Reshape to {show_shape(whole)} after the {show_shape(shape)}.")
    if flat is not None:
        other = whole if flat is shape else shape
        if len(other) == 1:
            return f"Put a Dense with {flat[0]} units after the one with {other[0]}."
        return f"Put a Flatten and a Dense with {flat[0]} units after the {show_shape(other)}."
    if len(whole) == len(shape) and whole[1:] == shape[1:]:
        return "Give both as many channels, or use Concat."
    return "Make them equal with a Reshape, Pad or Crop."


def view(sizes: Shape, x_steps: Steps, y_steps: Steps, x_size: int, y_size: int, *,
         x_start: int = 0, y_start: int = 0) -> dict[str, int]:
    """The first operands of a kernel that loops over `sizes`; loops that run on are joined."""
    loops: list[tuple[int, int, int]] = []
    for size, x, y in zip(sizes, x_steps, y_steps, strict=True):
        if loops and loops[-1][1:] == (size * x, size * y):
            loops[-1] = (loops[-1][0] * size, x, y)
        elif size != 1:
            loops.append((size, x, y))
    assert len(loops) <= kernels.views.AXES
    filled = [(1, 0, 0)] * (kernels.views.AXES - len(loops)) + loops
    n, x_by, y_by = zip(*filled, strict=True)
    lies = kernels.views.View(*n, *x_by, *y_by, x_start, y_start, x_size, y_size)
    return dict(zip(lies._fields, lies, strict=True))
