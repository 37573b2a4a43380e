"""Augmentation: training samples changed at random, so that no two epochs are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import numpy as np

import kernels
from playground.data import Dataset, PreparedData
from playground.data.dataset import FloatArray
from playground.layers.base import about, size_of

FOR_IMAGES = ("flip_horizontal", "flip_vertical", "rotate", "shift", "crop", "cutout")
"""The settings that need samples of (channels, height, width), in the order of execution."""
AUGMENTED = ("augmentation", "cutout")
"""Other names of image data, for what can be done to the images."""


class Augmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to each training sample, anew in each step; validation sees none of it.

    Images are changed in the data's own units, where 0 is black, and noise is added to what the
    network sees. Targets stay: of data that are their own target, the network restores the
    original.
    """

    flip_horizontal: Annotated[bool, about(
        "Of images: mirrors every other one, left to right.")] = False
    flip_vertical: Annotated[bool, about(
        "Of images: turns every other one upside down.")] = False
    rotate: Annotated[float, about(
        "Of images: turns each by an angle up to this, either way.", ge=0, le=180,
        unit="°")] = 0.0
    shift: Annotated[int, about(
        "Of images: moves each by up to so many pixels along each axis. What moves in is black.",
        ge=0, le=64, unit="px")] = 0
    crop: Annotated[int, about(
        "Of images: pads each side by so many pixels of its mirror image, then crops to the old "
        "size at a random place.", ge=0, le=64, unit="px")] = 0
    cutout: Annotated[int, about(
        "Of images: blackens a square with sides of so many pixels, centred anywhere. DeVries & "
        "Taylor 2017.", ge=0, le=256, unit="px")] = 0
    noise: Annotated[float, about(
        "Adds normal noise of this deviation to each value, after scaling.", ge=0, le=10)] = 0.0

    @property
    def active(self) -> tuple[str, ...]:
        """The settings that are not off."""
        return tuple(name for name in (*FOR_IMAGES, "noise") if getattr(self, name))


def usable(dataset: Dataset) -> frozenset[str]:
    """The settings that mean something for these samples; none where they hold word numbers."""
    if dataset.vocabulary or dataset.ports:
        return frozenset()
    return frozenset({*(FOR_IMAGES if dataset.are_images else ()), "noise"})


def emit_augmentation(
        augmentation: Augmentation, append: Callable[[Any, dict[str, Any]], None], *,
        data: PreparedData, key: Callable[[str], int], first: int, batch: int, counters: Any,
        x: Any, image: Any) -> None:
    """Append the kernels that change a lane's samples, in order, with their operands.

    x (batch, *shape): samples `first` and following of the whole batch. image: memory for one
    channel. key: a key for each purpose. Tensors of a program, or arrays to work on at once.
    """
    useful = usable(data.dataset)
    drawn = {"first": first, "batch": batch, "counters": counters, "x": x}
    names = [name for name in augmentation.active if name in useful and name != "noise"]
    scale = {
        "batch": batch, "size": size_of(data.dataset.shape), "scales": data.mean.size,
        "mean": data.mean.ctypes.data, "deviation": data.std.ctypes.data, "x": x}
    is_scaled = bool(names) and bool(np.any(data.mean != 0) or np.any(data.std != 1))
    if is_scaled:
        append(kernels.augment.to_own_units, scale)
    if names:
        channels, height, width = data.dataset.shape
        drawn_image = drawn | {"channels": channels, "height": height, "width": width}
        flips = int(augmentation.flip_horizontal), int(augmentation.flip_vertical)
        if any(flips):
            append(kernels.augment.flip_images, drawn_image | {
                "across": flips[0], "down": flips[1], "key": key("flip")})
        if augmentation.rotate:
            append(kernels.augment.rotate_images, drawn_image | {
                "degrees": float(augmentation.rotate), "key": key("rotate"), "image": image})
        for name, mirrored in (("shift", 0), ("crop", 1)):
            if getattr(augmentation, name):
                append(kernels.augment.shift_images, drawn_image | {
                    "most": getattr(augmentation, name), "mirrored": mirrored, "key": key(name),
                    "image": image})
        if augmentation.cutout:
            append(kernels.augment.cut_out, drawn_image | {
                "side": augmentation.cutout, "key": key("cutout")})
    if is_scaled:
        append(kernels.augment.to_scaled_units, scale)
    if augmentation.noise and "noise" in useful:
        append(kernels.augment.jitter, drawn | {
            "size": size_of(data.dataset.shape), "deviation": float(augmentation.noise),
            "key": key("noise")})


def augmented(augmentation: Augmentation, data: PreparedData, count: int, draw: int,
              key: Callable[[str], int]) -> FloatArray:
    """The first training samples as step number `draw` would change them, (count, *shape)."""
    x = np.array(data.x_train[:count])
    image = np.zeros(x.shape[-2:] if x.ndim == 4 else 1, np.float32)
    emit_augmentation(
        augmentation, lambda kernel, operands: kernel(**operands), data=data, key=key, first=0,
        batch=len(x), counters=np.array([draw], np.int64), x=x, image=image)
    return x


__all__ = ["AUGMENTED", "FOR_IMAGES", "Augmentation", "augmented", "emit_augmentation", "usable"]
