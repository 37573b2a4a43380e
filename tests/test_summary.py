"""The table of a network, held to the published numbers of VGG16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from playground.examples.base import chain, seeded
from playground.graph import Graph
from playground.layers.activation import ReLU
from playground.layers.base import Layer
from playground.layers.conv import Conv2D
from playground.layers.core import Dense, Dropout, Flatten
from playground.layers.data import File
from playground.layers.pool import MaxPool2D
from playground.summary import SummaryError, summarize

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
PARAMETERS = (
    1_792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160, 2_359_808, 2_359_808,
    2_359_808, 2_359_808, 2_359_808, 102_764_544, 16_781_312)


def vgg16(folder: Path) -> Graph:
    """Without its last dense layer, as a feature extractor for 3×224×224 images."""
    images = np.zeros((4, 3, 224, 224), np.uint8)
    np.savez_compressed(folder / "images.npz", x=images, y=np.array([0, 1, 0, 1]))
    layers: list[Layer] = [File(path=str(folder / "images.npz"), train_fraction=0.5)]
    for block in BLOCKS:
        for channels in block:
            layers += [Conv2D(channels=channels, kernel=(3, 3), padding="same"), ReLU()]
        layers.append(MaxPool2D(kernel=(2, 2)))
    layers.append(Flatten())
    for _ in range(2):
        layers += [Dense(units=4096), ReLU(), Dropout()]
    return chain(*layers, training=seeded(1), notes="")


def test_vgg16_as_published(tmp_path: Path) -> None:
    summary = summarize(vgg16(tmp_path))
    assert len(summary.rows) == 37
    assert tuple(row.parameters for row in summary.rows if row.parameters) == PARAMETERS
    assert [row.output for row in summary.rows if "pool" in row.kind] == [
        (64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]
    text = str(summary)
    for line in ("Total parameters  134,260,544", "Input             0.57 MB",
                 "Forward/backward  218.58 MB", "Parameters        512.16 MB",
                 "Total             731.32 MB"):
        assert line in text


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(SummaryError, match="empty"):
        summarize(Graph())
    with pytest.raises(SummaryError, match=r"^dense_1: Nothing is connected"):
        summarize(Graph().with_node(Dense()))
