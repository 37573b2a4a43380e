"""Windows that slide over an image or a sequence: what convolution and pooling share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from playground.layers.base import MAX_SIZE, Pair, Shape, ShapeError, show_shape

SizePair = tuple[Annotated[int, Meta(ge=1, le=MAX_SIZE)], Annotated[int, Meta(ge=1, le=MAX_SIZE)]]
"""(height, width), each at least 1."""

PaddingPair = tuple[
    Annotated[int, Meta(ge=0, le=MAX_SIZE)], Annotated[int, Meta(ge=0, le=MAX_SIZE)]]
"""(above and below, left and right)."""

Border = tuple[int, int, int, int]
"""(top, left, bottom, right)."""

Ground = Literal["image", "sequence"]
"""What windows slide over. To the kernels a sequence is an image of one row."""
_GROUNDS: dict[Ground, str] = {"image": "an image", "sequence": "a sequence"}

SEQUENCE_HELP = {"x": (
    "(channels, length), as in PyTorch. Data sets of sequences, embeddings and recurrent layers "
    "give (time, features): put a Permute to 2, 1 before it, and one after it for what goes along "
    "time.")}
"""Of what slides along a sequence."""

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


def image_shape(label: str, x: Shape) -> tuple[int, int, int]:
    """(channels, height, width), or a ShapeError that says what came instead."""
    if len(x) == 3:
        return x[0], x[1], x[2]
    if len(x) == 1:
        raise ShapeError(f"{label} needs an image (channels, height, width), got a vector of "
                         f"{x[0]}. Connect it to a layer before the Flatten or Dense, or add a "
                         "Reshape before it.")
    raise ShapeError(f"{label} needs an image (channels, height, width), got {show_shape(x)}. "
                     "Connect it to image data, or add a Reshape before it.")


def row_shape(label: str, x: Shape) -> tuple[int, int, int]:
    """(channels, 1, length): a sequence as an image of one row; or a ShapeError."""
    if len(x) == 2:
        return x[0], 1, x[1]
    way_out = ("Add a Reshape to 1×-1 before it." if len(x) == 1 else
               f"Use {label.replace('1D', '2D')} for images, or add a Reshape before it.")
    raise ShapeError(f"{label} needs a sequence (channels, length), got {show_shape(x)}. {way_out}")


def borders(padding: object, size: int, reach: int, stride: int) -> Pair:
    """The padding (before, after) of one axis, by its name or as a number.

    An odd "same" puts more after, as TensorFlow does; "causal" puts all of it before.
    """
    match padding:
        case "valid":
            return 0, 0
        case "same":
            total = max(0, (-(-size // stride) - 1) * stride + reach - size)
            return total // 2, total - total // 2
        case "full":
            return reach - 1, reach - 1
        case "causal":
            return reach - 1, 0
        case int():
            return padding, padding
    raise AssertionError(padding)


def _size(pair: Pair, what: Ground) -> str:
    return show_shape(pair) if what == "image" else str(pair[1])


def check_fits(reach: Pair, image: Pair, padding: Border, way_out: str,
               what: Ground = "image") -> None:
    """Raise a ShapeError where a window of `reach` is larger than the padded image."""
    top, left, bottom, right = padding
    padded = (top + image[0] + bottom, left + image[1] + right)
    if reach[0] > padded[0] or reach[1] > padded[1]:
        window, size, whole = (_size(pair, what) for pair in (reach, image, padded))
        turned = "" if what == "image" else (
            " Where x is (time, features), put a Permute to 2, 1 before it.")
        with_padding = f" ({whole} with its padding)" if padded != image else ""
        raise ShapeError(f"A window of {window} does not fit {_GROUNDS[what]} of "
                         f"{size}{with_padding}. {way_out}{turned}")


def check_padding_mode(mode: str, image: Pair, border: Border, what: Ground = "image") -> None:
    """Raise a ShapeError where an image is too small to be mirrored or repeated so far."""
    names = ("height", "width") if what == "image" else ("height", "length")
    for axis, name in enumerate(names):
        size, padding = image[axis], max(border[axis], border[axis + 2])
        if mode == "reflect" and padding >= size:
            raise ShapeError(
                f"A border of {padding} cannot mirror {_GROUNDS[what]} of {name} {size}: reflect "
                f"needs less border than {what}. Choose less padding, or the mode zeros or "
                "replicate.")
        if mode == "circular" and padding > size:
            raise ShapeError(
                f"A border of {padding} goes more than once around {_GROUNDS[what]} of {name} "
                f"{size}. Choose less padding, or the mode zeros or replicate.")


def steps(padded: int, reach: int, stride: int) -> int:
    """How many windows of `reach` fit on an axis, `stride` apart."""
    return (padded - reach) // stride + 1


def short(pair: Pair) -> str:
    """(2, 2) as 2, and (2, 3) as 2×3."""
    return str(pair[0]) if pair[0] == pair[1] else show_shape(pair)


def left_out_note(image: Pair, stride: Pair, left_out: Pair,
                  what: Ground = "image") -> tuple[str, ...]:
    """A sentence about the last rows and columns that no window reaches, if there are any."""
    names = ("row", "column") if what == "image" else ("row", "value")
    parts = [name if n == 1 else f"{n} {name}s"
             for n, name in zip(left_out, names, strict=True) if n > 0]
    if not parts:
        return ()
    size, by = _size(image, what), short(stride) if what == "image" else str(stride[1])
    verb = "is" if len(parts) == 1 and 1 in left_out else "are"
    return (f"{size} does not divide by {by}: the last {' and '.join(parts)} {verb} left out.",)


def unreached(size: int, reach: int, stride: int, before: int, after: int) -> int:
    """How many of an axis's last values no window reaches."""
    return max(0, (before + size + after - reach) % stride - after)
