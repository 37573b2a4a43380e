"""The table of a network, held to the published numbers of VGG16."""

from __future__ import annotations

import pytest

from playground.examples import EXAMPLES
from playground.graph import Graph
from playground.layers.core import Dense
from playground.summary import SummaryError, summarize

PARAMETERS = (
    1_792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160, 2_359_808, 2_359_808,
    2_359_808, 2_359_808, 2_359_808, 102_764_544, 16_781_312)


def vgg16_rows() -> list[tuple[str, tuple[int, ...], int]]:
    """The published table, written out: what each row is, gives and learns."""
    rows: list[tuple[str, tuple[int, ...], int]] = []
    counts = iter(PARAMETERS)
    for channels, size, convolutions in (
            (64, 224, 2), (128, 112, 2), (256, 56, 3), (512, 28, 3), (512, 14, 3)):
        for _ in range(convolutions):
            rows += [("conv2d", (channels, size, size), next(counts)),
                     ("relu", (channels, size, size), 0)]
        rows.append(("max_pool2d", (channels, size // 2, size // 2), 0))
    for _ in range(2):
        rows += [("dense", (4096,), next(counts)), ("relu", (4096,), 0), ("dropout", (4096,), 0)]
    return rows


def test_vgg16_as_published() -> None:
    summary = summarize(EXAMPLES["vgg16"].graph)
    assert [(row.kind, row.output, row.parameters) for row in summary.rows] == vgg16_rows()
    assert len(summary.rows) == 37
    assert tuple(row.parameters for row in summary.rows if row.parameters) == PARAMETERS
    assert [row.output for row in summary.rows if "pool" in row.kind] == [
        (64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]
    text = str(summary)
    for line in ("Total parameters  134,260,544", "Input             0.57 MB",
                 "Forward/backward  218.58 MB", "Parameters        512.16 MB",
                 "Total             731.32 MB"):
        assert line in text


def test_alexnet_as_published() -> None:
    """The shapes and the 60,965,224 weights of Krizhevsky's network (as in Caffe's model)."""
    summary = summarize(EXAMPLES["alexnet"].graph)
    assert summary.parameters == 60_965_224
    assert [row.output for row in summary.rows if row.kind in ("conv2d", "max_pool2d")] == [
        (96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13),
        (256, 13, 13), (256, 6, 6)]
    assert [row.parameters for row in summary.rows if row.parameters] == [
        34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000]


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(SummaryError, match="empty"):
        summarize(Graph())
    with pytest.raises(SummaryError, match=r"^dense_1: Nothing is connected"):
        summarize(Graph().with_node(Dense()))
