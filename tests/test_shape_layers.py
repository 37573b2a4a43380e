"""Shapes, merges and sources: against NumPy, whose rules they follow, and numbers by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernels.random import normal
from playground.graph import Edge, Graph
from playground.layers.base import Layer, Shape, ShapeError, make_layer
from playground.layers.core import Dense
from playground.layers.merge import Add, Average, Concat, Maximum, Multiply, Subtract
from playground.layers.shape import Crop, Pad, Permute, Reshape, Slice, Split
from playground.layers.source import Constant, RandomNormal
from playground.session import Session
from playground.shapes import check
from playground.summary import summarize
from playground.training import Training
from tests.gradient_check import Bench
from tests.networks import Samples
from tests.test_parity import check_layer


def run(layer: Layer, *x: np.ndarray) -> np.ndarray:
    """The output for one sample; several outputs as one vector."""
    bench = Bench(layer, tuple(one.shape for one in x), batch=1)
    given = bench.draw()
    return bench.play(replace(given, x=tuple(one[None].astype(np.float32) for one in x))).y[0]


def numbers(*shape: int) -> np.ndarray:
    return np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "x", "expected"), [
    ((16, -1), (4, 8, 2), (16, 4)), ((-1,), (4, 8, 2), (64,)), ((2, 2, 2, 4, 2), (64,), None)])
def test_reshape(shape: Shape, x: Shape, expected: Shape | None) -> None:
    assert Reshape(shape=shape).output_shape(x) == (expected or shape)


@pytest.mark.parametrize(("layer", "x", "words"), [
    (Reshape(shape=(5, -1)), (4, 3), "holds 12 values, and a reshape to 5×-1 needs a multiple"),
    (Reshape(shape=(5, 2)), (4, 3), "needs 10. Choose sizes whose product is 12"),
    (Reshape(shape=(-1, -1)), (4, 3), "more than one -1"),
    (Reshape(shape=(0, 3)), (4, 3), "Choose sizes"),
    (Permute(axes=(1, 1)), (4, 3), "1, 1 is no order of the 2 axes of 4×3. Write each from 1 to 2"),
    (Permute(axes=(2, 1)), (4,), "is no order of the 1 axis of 4"),
    (Split(parts=3), (4, 3), "which 3 equal parts do not divide"),
    (Split(sizes=(1, 2)), (4, 3), r"1 \+ 2 are 3 together, and axis 1 has 4"),
    (Split(axis=3), (4, 3), "works along axis 3, and 4×3 has 2"),
    (Slice(start=4), (4,), "Nothing is left"),
    (Pad(columns=(3, 0), mode="reflect", rows=(0, 0)), (2, 3), "cannot mirror a sequence"),
    (Pad(), (5,), "5 has no rows. Set rows to 0 and 0"),
    (Crop(rows=(2, 1)), (1, 3, 9), "Nothing is left of 1×3×9 without 3 rows"),
    (Constant(shape=(2, 2), values=(1, 2, 3)), None, "holds 4 values, and there are 3"),
    (Concat(axis=3), (4, 3), "Choose an axis from 1 to 2"),
])
def test_errors_are_sentences(layer: Layer, x: Shape | None, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        layer.infer(*([] if x is None else [check_signal(x)] * len(layer.inputs)))


def check_signal(shape: Shape) -> Any:
    from playground.layers.base import Signal

    return Signal(shape)


@pytest.mark.parametrize(("axes", "shape"), [
    ((2, 1), (3, 4)), ((3, 1, 2), (2, 3, 4)), ((1, 4, 2, 5, 3), (2, 3, 2, 4, 3)), ((1,), (7,))])
def test_permute(axes: tuple[int, ...], shape: Shape) -> None:
    x = numbers(*shape)
    assert np.array_equal(run(Permute(axes=axes), x), x.transpose([axis - 1 for axis in axes]))


@pytest.mark.torch
@pytest.mark.parametrize(("layer", "shapes"), [
    (Permute(axes=(1, 4, 2, 5, 3)), ((2, 3, 2, 4, 3),)),
    (Reshape(shape=(2, 3, 1, -1, 2)), ((4, 3, 4),)),
    (Concat(axis=5), ((2, 1, 3, 2, 3), (2, 1, 3, 2, 1), (2, 1, 3, 2, 2))),
    (Concat(axis=4), ((2, 1, 3, 2, 3), (2, 1, 3, 1, 3))),
    (Split(sizes=(1, 3, 2), axis=4), ((2, 1, 3, 6, 2),))])
def test_five_axes_are_theirs(torch: Any, layer: Layer, shapes: tuple[Shape, ...]) -> None:
    check_layer(torch, layer, shapes)


def test_pixels_are_shuffled_by_reshape_and_permute() -> None:
    """Shi et al. 2016: channels of a small image become pixels of a large one."""
    x = numbers(8, 3, 5)
    parts = run(Reshape(shape=(2, 2, 2, 3, 5)), x)
    mixed = run(Permute(axes=(1, 4, 2, 5, 3)), parts)
    y = run(Reshape(shape=(2, 6, 10)), mixed)
    for c, i, j in np.ndindex(2, 6, 10):
        assert y[c, i, j] == x[c * 4 + i % 2 * 2 + j % 2, i // 2, j // 2]


@pytest.mark.parametrize(("settings", "part"), [
    ({"start": 1, "stop": -1}, np.s_[1:-1]), ({"step": 2, "axis": 3}, np.s_[:, :, ::2]),
    ({"start": -2, "axis": 2}, np.s_[:, -2:]), ({"stop": 100}, np.s_[:100]),
    ({"start": 1, "stop": 7, "step": 3, "axis": 3}, np.s_[:, :, 1:7:3]),
    ({"start": 1, "axis": 4}, np.s_[:, :, :, 1:]),
    ({"start": 1, "stop": 4, "step": 2, "axis": 5}, np.s_[:, :, :, :, 1:4:2])])
def test_slices_are_pythons(settings: dict[str, Any], part: Any) -> None:
    x = numbers(4, 3, 8, 2, 5) if settings.get("axis", 1) > 3 else numbers(4, 3, 8)
    assert np.array_equal(run(Slice(**settings), x), x[part])


@pytest.mark.parametrize("axis", [1, 2, 3, 4, 5])
def test_every_axis_is_split_and_joined_again(axis: int) -> None:
    x = numbers(3, 4, 3, 5, 3)
    first, second = np.split(x, [1], axis=axis - 1)
    parts = run(Split(sizes=(1, x.shape[axis - 1] - 1), axis=axis), x)
    assert np.array_equal(parts, np.concatenate([first.ravel(), second.ravel()]))
    assert np.array_equal(run(Concat(axis=axis), first, second), x)


@pytest.mark.parametrize(("mode", "name"), [
    ("constant", "constant"), ("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
@pytest.mark.parametrize("shape", [(2, 4, 5), (3, 5), (6,)])
def test_pad_and_crop_undo_each_other(mode: Any, name: Any, shape: Shape) -> None:
    rows, columns = (1, 2) if len(shape) == 3 else (0, 0), (3, 0)
    x = numbers(*shape)
    y = run(Pad(rows=rows, columns=columns, mode=mode, value=-7), x)
    widths = [(0, 0)] * (len(shape) - 2) + [rows, columns][-len(shape):]
    constant = {"constant_values": -7} if name == "constant" else {}
    assert np.array_equal(y, np.pad(x, widths, mode=name, **constant))
    assert np.array_equal(run(Crop(rows=rows, columns=columns), y), x)


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 5), (6,)])
def test_pad_of_everything_is_theirs(torch: Any, mode: Any, shape: Shape) -> None:
    rows = (2, 1) if len(shape) == 3 else (0, 0)
    check_layer(torch, Pad(rows=rows, columns=(0, 3), mode=mode, value=2), (shape,))


# -- several outputs ------------------------------------------------------------------------------


def test_split_as_numpy() -> None:
    x = numbers(2, 6)
    parts = np.split(x, [1, 3], axis=1)
    whole = np.concatenate([part.ravel() for part in parts])
    assert np.array_equal(run(Split(sizes=(1, 2, 3), axis=2), x), whole)
    assert Split(sizes=(1, 2, 3)).outputs == ("y1", "y2", "y3")
    assert Split(parts=4).outputs == ("y1", "y2", "y3", "y4")


def split_network(**settings: object) -> Graph:
    """A dense layer in parts; the first and the last of them reach the loss."""
    graph = Graph().with_node(Samples(shape=(3,), target=(2,)))
    for kind, options in (("dense", {"units": 6}), ("split", settings), ("dense", {"units": 2}),
                          ("dense", {"units": 2}), ("add", {}), ("mean_squared_error", {})):
        graph = graph.with_node(make_layer(kind, options))
    graph = graph.connect("samples_1", "dense_1").connect("dense_1", "split_1")
    last = len(make_layer("split", settings).outputs) - 1
    graph = graph.connect("split_1", "dense_2", 0).connect("split_1", "dense_3", last)
    graph = graph.connect("dense_2", "add_1").connect("dense_3", "add_1")
    return graph.connect("add_1", "loss_1").with_training(Training(batch=4))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_part_that_nobody_reads_gets_no_gradient(threads: int) -> None:
    session = Session(split_network(parts=3), threads=threads)
    session.run(1)
    session.values("split_1.dy2")[...] = np.nan
    session.run(1)
    gradient = session.values("dense_1.dw")
    assert not gradient[2:4].any()
    assert gradient[:2].any()
    assert gradient[4:].any()


def test_edges_from_outputs_that_are_gone_go_with_them() -> None:
    graph = split_network(parts=3)
    assert check(graph).trainable
    fewer = graph.with_layer("split_1", Split(parts=2))
    assert [e.source_port for e in fewer.outputs_of("split_1")] == [0]
    assert "dense_3: Nothing is connected" in check(fewer).graph_error


def test_the_summary_has_a_row_for_each_output() -> None:
    rows = summarize(split_network(sizes=(1, 2, 3))).rows
    assert [(row.node, row.output) for row in rows if row.kind == "split"] == [
        ("split_1.y1", (1,)), ("split_1.y2", (2,)), ("split_1.y3", (3,))]


# -- merges ---------------------------------------------------------------------------------------

RULES: dict[type[Layer], Any] = {
    Add: lambda x: sum(x), Multiply: lambda x: np.prod(np.stack(x), axis=0),
    Average: lambda x: np.mean(np.stack(x), axis=0), Maximum: lambda x: np.max(np.stack(x), axis=0),
    Subtract: lambda x: x[0] - x[1]}
BROADCAST: list[tuple[Shape, ...]] = [
    ((4,), (2, 3, 4)), ((2, 1, 4), (3, 1)), ((5, 1, 1), (5, 3, 4)), ((1,), (3,)),
    ((2, 1, 3, 1), (4, 1, 5)), ((3, 1), (1, 4))]


@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
@pytest.mark.parametrize("cls", RULES)
def test_broadcasting_is_numpys(cls: type[Layer], shapes: tuple[Shape, ...]) -> None:
    random = np.random.default_rng(0)
    x = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    expected = RULES[cls](np.broadcast_arrays(*x))
    assert cls().output_shape(*shapes) == expected.shape
    np.testing.assert_allclose(run(cls(), *x), expected, rtol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
@pytest.mark.parametrize("cls", RULES)
def test_gradients_of_what_is_repeated_are_theirs(
        torch: Any, cls: type[Layer], shapes: tuple[Shape, ...]) -> None:
    check_layer(torch, cls(), shapes)
    check_layer(torch, cls(), shapes[::-1])


def test_a_clash_names_the_axis_and_the_way_out() -> None:
    with pytest.raises(ShapeError, match=r"axis 3 is 4 in one and 5 in the other"):
        Add().output_shape((2, 3, 4), (3, 5))
    with pytest.raises(ShapeError, match="Reshape it to 8×1×1"):
        Multiply().output_shape((8, 5, 5), (8,))
    with pytest.raises(ShapeError, match=r"\(input 3\): axis 1 is 3 in one and 2"):
        Maximum().output_shape((3,), (1,), (2,))


@pytest.mark.parametrize(("shapes", "words", "mend"), [
    (((1, 8, 8), (64,)), "Put a Flatten after the 1×8×8.", ((64,), (64,))),
    (((64,), (1, 8, 8)), "Put a Flatten after the 1×8×8.", ((64,), (64,))),
    (((3, 4), (4, 3)), "Put a Reshape to 3×4 after the 4×3.", ((3, 4), (3, 4))),
    (((1, 8, 8), (10,)), "Put a Flatten and a Dense with 10 units after the 1×8×8.",
     ((10,), (10,))),
    (((5,), (7,)), "Put a Dense with 7 units after the one with 5.", ((7,), (7,))),
    (((6, 3, 3), (2, 3, 3)), "Give both as many channels, or use Concat.", ((6, 3, 3),) * 2),
    (((2, 5, 5), (2, 4, 4)), "Make them equal with a Reshape, Pad or Crop.", ((2, 4, 4),) * 2)])
def test_the_way_out_of_a_clash_works(
        shapes: tuple[Shape, ...], words: str, mend: tuple[Shape, ...]) -> None:
    with pytest.raises(ShapeError) as told:
        Multiply().output_shape(*shapes)
    assert str(told.value).endswith(words)
    assert len(str(told.value)) < 150, "short enough for a node"
    Multiply().output_shape(*mend)
    if "Concat" in words:
        Concat().output_shape(*shapes)


def test_the_first_of_equals_has_the_gradient() -> None:
    bench = Bench(Maximum(), ((2,), (2,)), batch=1)
    x = np.array([[1, np.nan]], np.float32)
    came = bench.play(replace(bench.draw(), x=(x, x), dy=np.array([[3, 4]], np.float32)))
    assert came.y[0, 0] == 1
    assert np.isnan(came.y[0, 1])
    assert came.dx[0] is not None
    assert came.dx[0][0, 0] == 3


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concat_along_an_axis(axis: int) -> None:
    a, b = numbers(2, 3, 4), -numbers(2, 3, 4)
    assert np.array_equal(run(Concat(axis=axis), a, b), np.concatenate([a, b], axis=axis - 1))


# -- sources --------------------------------------------------------------------------------------


def test_constants() -> None:
    assert run(Constant(shape=(2, 2), values=(1, 2, 3, 4))).tolist() == [[1, 2], [3, 4]]
    assert run(Constant(shape=(3,), values=(2.5,))).tolist() == [2.5] * 3
    bench = Bench(Constant(shape=(2,), values=(5, 6)), ())
    assert bench.play(bench.draw()).y.tolist() == [[5, 6]] * 5


def test_normal_numbers_are_normal() -> None:
    y = np.empty(200_001, np.float32)
    normal(n=y.size, mean=2.0, deviation=3.0, key=7, counters=np.array([5], np.int64), y=y)
    z = (y.astype(np.float64) - 2) / 3
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    assert abs((z**3).mean()) < 0.03
    assert abs((z**4).mean() - 3) < 0.1
    # A normal number lies within 1, 2, 3 deviations this often.
    for within, share in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert (abs(z) < within).mean() == pytest.approx(share, abs=0.004)
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 0.01


def noise_network() -> Graph:
    """Random codes through a generator, compared with the data's targets."""
    graph = Graph().with_node(Samples(shape=(3,), target=(2,), count=40))
    for layer in (RandomNormal(shape=(4,)), Dense(units=2)):
        graph = graph.with_node(layer)
    graph = graph.with_node(make_layer("mean_squared_error", {}))
    graph = graph.connect("noise_1", "dense_1").connect("dense_1", "loss_1")
    return graph.with_training(Training(batch=6))


def test_draws_are_new_in_every_step_and_the_same_when_replayed() -> None:
    graph = noise_network().with_edge(Edge("samples_1", 1, "loss_1", 1))
    session = Session(graph)
    drawn = []
    for _ in range(3):
        session.run(1)
        drawn.append(session.values("noise_1.y").copy())
    assert drawn[0].shape == (6, 4)
    assert len({float(value) for y in drawn for value in y.ravel()}) == 3 * 24
    again = Session(graph)
    again.run(2)
    assert np.array_equal(again.values("noise_1.y"), drawn[1])


def test_a_source_is_no_data_set() -> None:
    assert "no target to compare with" in check(noise_network()).graph_error
    no_data = Graph().with_node(Constant()).with_node(make_layer("mean_squared_error", {}))
    no_data = no_data.connect("constant_1", "loss_1").with_edge(Edge("constant_1", 0, "loss_1", 1))
    assert "No data reaches the loss" in check(no_data).graph_error
