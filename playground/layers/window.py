"""Windows that slide over an image: the sizes and sentences that convolution and pooling share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from playground.layers.base import MAX_SIZE, Pair, Shape, ShapeError, show_shape

SizePair = tuple[Annotated[int, Meta(ge=1, le=MAX_SIZE)], Annotated[int, Meta(ge=1, le=MAX_SIZE)]]
"""(height, width), each at least 1."""

PaddingPair = tuple[
    Annotated[int, Meta(ge=0, le=MAX_SIZE)], Annotated[int, Meta(ge=0, le=MAX_SIZE)]]
"""(above and below, left and right)."""


def image_shape(label: str, x: Shape) -> tuple[int, int, int]:
    """(channels, height, width), or a ShapeError that says what came instead."""
    if len(x) == 3:
        return x[0], x[1], x[2]
    if len(x) == 1:
        raise ShapeError(f"{label} needs an image (channels, height, width), got a vector of "
                         f"{x[0]}. Connect it to a layer before the Flatten or Dense.")
    raise ShapeError(f"{label} needs an image (channels, height, width), got "
                     f"{show_shape(x)}. Connect it to image data.")


def check_fits(reach: Pair, image: Pair, padding: tuple[int, int, int, int], way_out: str) -> None:
    """Raise a ShapeError where a window of `reach` is larger than the padded image."""
    top, left, bottom, right = padding
    padded = (top + image[0] + bottom, left + image[1] + right)
    if reach[0] > padded[0] or reach[1] > padded[1]:
        with_padding = f" ({show_shape(padded)} with its padding)" if padded != image else ""
        raise ShapeError(f"A window of {show_shape(reach)} does not fit an image of "
                         f"{show_shape(image)}{with_padding}. {way_out}")


def steps(padded: int, reach: int, stride: int) -> int:
    """How many windows of `reach` fit on an axis, `stride` apart."""
    return (padded - reach) // stride + 1


def short(pair: Pair) -> str:
    """(2, 2) as 2, and (2, 3) as 2×3."""
    return str(pair[0]) if pair[0] == pair[1] else show_shape(pair)


def left_out_note(image: Pair, stride: Pair, left_out: Pair) -> tuple[str, ...]:
    """A sentence about the last rows and columns that no window reaches, if there are any."""
    parts = [name if n == 1 else f"{n} {name}s"
             for n, name in zip(left_out, ("row", "column"), strict=True) if n > 0]
    if not parts:
        return ()
    size, by = show_shape(image), short(stride)
    verb = "is" if len(parts) == 1 and 1 in left_out else "are"
    return (f"{size} does not divide by {by}: the last {' and '.join(parts)} {verb} left out.",)


def unreached(size: int, reach: int, stride: int, before: int, after: int) -> int:
    """How many of an axis's last values no window reaches."""
    return max(0, (before + size + after - reach) % stride - after)
