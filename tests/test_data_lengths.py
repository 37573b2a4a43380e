"""Own sequences of different lengths: from an archive to the data node's ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from playground import document
from playground.data import (
    NO_TARGET,
    DataError,
    Dataset,
    prepare,
    preview,
    read_npz,
    with_all,
    with_classes,
)
from playground.data.wording import facts
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.layers.file_data import File
from playground.session import Session
from playground.shapes import check
from playground.time_notes import UNREAD_LENGTHS
from playground.training import Training
from tests.command_line import Capture, result
from tests.data_files import LABELS, archive, attempt, npy, save
from tests.reopened import reopened

TIME = 5
OWN = np.tile([5, 1, 3, 2, 4], 8)


def sequences(padding: float = np.nan) -> np.ndarray:
    """(40, 5, 2): every own value tells the length; then a number that it is larger by."""
    x = np.random.default_rng(0).normal(size=(len(OWN), TIME, 2)).astype(np.float32) / 8
    x += 10 * OWN[:, None, None]
    x[np.arange(TIME) >= OWN[:, None]] = padding
    return x


def saved(folder: Path, **arrays: Any) -> Path:
    return save(folder / "a.npz", **{
        "x": sequences(), "y": np.arange(40) % 2, "lengths": OWN, **arrays})


def read(folder: Path, **arrays: Any) -> Dataset:
    return read_npz(saved(folder, **arrays), lengths_key="lengths")


def parts_of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Packed samples as sequences (n, time, 2) and lengths (n,)."""
    return x[:, :-1].reshape(len(x), TIME, -1), x[:, -1]


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [
    OWN, OWN[:, None], OWN.astype(np.uint8), OWN.astype(">i8"), OWN.astype(np.float16)])
def test_sequences_come_with_their_lengths_and_padding_is_0(
        tmp_path: Path, lengths: np.ndarray) -> None:
    dataset = read(tmp_path, lengths=lengths)
    assert [(port.name, port.shape, port.scaled) for port in dataset.ports] == [
        ("x", (TIME, 2), True), ("lengths", (1,), False)]
    x, own = parts_of(dataset.x)
    np.testing.assert_array_equal(own, OWN)
    np.testing.assert_array_equal(x, np.nan_to_num(sequences()))


def test_one_value_at_each_step_and_any_length(tmp_path: Path) -> None:
    dataset = read(tmp_path, x=sequences()[:, :, 0], lengths=np.where(OWN == 5, 0, OWN))
    assert [port.shape for port in dataset.ports] == [(TIME,), (1,)]
    assert not dataset.x[::5].any()


def test_bytes_with_lengths_are_no_images(tmp_path: Path) -> None:
    path = saved(tmp_path, x=np.full((40, TIME, 28), 255, np.uint8))
    with_lengths, plain = read_npz(path, lengths_key="lengths"), read_npz(path)
    assert with_lengths.ports[0].shape == preview(path).shape == (TIME, 28)
    assert with_lengths.x[0, 0] == 255
    assert plain.shape == preview(path, lengths_key="").shape == (1, TIME, 28)


@pytest.mark.parametrize(("row", "value", "words"), [
    (7, 2.5, "sample 8 has the length 2.5; a whole number from 0 to 5"),
    (7, -1, "sample 8 has the length -1"), (39, 6, "sample 40 has the length 6"),
    (0, np.nan, "sample 1 has the length nan"), (3, np.inf, "sample 4 has the length inf"),
])
def test_the_first_wrong_length_is_told(
        tmp_path: Path, row: int, value: float, words: str) -> None:
    lengths = OWN.astype(float)
    lengths[row:] = value
    with pytest.raises(DataError, match=f"'a.npz', array 'lengths': {words}"):
        read(tmp_path, lengths=lengths)


@pytest.mark.parametrize(("arrays", "words"), [
    ({"lengths": OWN[1:]}, r"'lengths' has the shape \(39,\), and there are 40 samples"),
    ({"lengths": np.tile(OWN[:, None], 2)}, r"shape \(40, 2\)"),
    ({"lengths": np.array(5)}, r"shape \(\), and there are 40"),
    ({"lengths": OWN.astype(str)}, "holds text; lengths must be whole numbers"),
    ({"x": np.zeros((40, 1, 8, 8))}, r"samples of shape \(40, 1, 8, 8\); sequences are wanted"),
    ({"x": np.zeros(40)}, "sequences are wanted"),
    ({"y": np.arange(39) % 2}, "40 samples but 39 targets"),
])
def test_lengths_that_do_not_fit_are_told(
        tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, **arrays)
    assert "a.npz" in str(caught.value)


def test_what_is_no_number_in_a_step_that_counts_is_told(tmp_path: Path) -> None:
    for wrong in (np.nan, np.inf, 1e300):
        x = sequences().astype(np.float64)
        x[:, 4] = 1e300  # beyond every length but 5
        x[OWN == 5, 4] = 1
        x[2, 2, 1] = wrong
        with pytest.raises(DataError, match=r"'a.npz': sample 3 holds a value that is missing"):
            read(tmp_path, x=x)


def test_an_array_of_lengths_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no array of lengths called ends; it holds lengths, x, y"):
        read_npz(saved(tmp_path), lengths_key="ends")


@settings(max_examples=60, deadline=None)
@given(lengths=hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint64, np.int8, np.bool_]),
    st.sampled_from([(4,), (4, 1), (3,), (4, 2)])))
def test_any_lengths_give_sequences_or_a_sentence(
        tmp_path_factory: pytest.TempPathFactory, lengths: np.ndarray) -> None:
    path = save(tmp_path_factory.mktemp("fuzz") / "a.npz", x=np.full((4, 3, 1), np.nan),
                y=np.arange(4.0) / 3, lengths=lengths)
    result = attempt(lambda file: read_npz(file, lengths_key="lengths"), path)
    if isinstance(result, str):
        assert "a.npz" in result
    else:  # all that counts is missing: only samples without a step are whole
        assert not result.x.any()
        assert not np.asarray(lengths, float).any()


@settings(max_examples=60, deadline=None)
@given(shape=st.sampled_from(["()", "(2,)", "(2, 1)", "(2, 2**62)", "(0,)", "('a',)"]),
       dtype=st.sampled_from(["<f4", "|u1", ">i8", "<U3", "|O", "<M8[s]", "<c8"]),
       body=st.binary(max_size=24))
def test_a_damaged_array_of_lengths_gives_sequences_or_a_sentence(
        tmp_path_factory: pytest.TempPathFactory, shape: str, dtype: str, body: bytes) -> None:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}"
    x = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4)}", data=bytes(8))
    y = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", data=b"\0\1")
    path = archive(tmp_path_factory.mktemp("fuzz") / "a.npz", x=x, y=y,
                   lengths=npy(header, data=body))
    for reads in (lambda file: read_npz(file, lengths_key="lengths"), preview):
        result = attempt(reads, path)
        if isinstance(result, str):
            assert "a.npz" in result


# -- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [np.nan, 7, -1])
def test_classes_of_time_steps_are_none_after_the_last(tmp_path: Path, padding: float) -> None:
    steps = (np.arange(40)[:, None] + np.arange(TIME)) % 3 + 4.0
    steps[np.arange(TIME) >= OWN[:, None]] = padding
    steps[0, 0] = NO_TARGET
    dataset = read(tmp_path, y=steps)
    assert dataset.classes == ("4", "5", "6")
    beyond = np.arange(TIME) >= OWN[:, None]
    assert (dataset.target[beyond] == NO_TARGET).all()
    assert dataset.target[0, 0] == NO_TARGET
    np.testing.assert_array_equal(dataset.target[~beyond][1:], steps[~beyond][1:] - 4)


def test_numbers_of_time_steps_are_0_after_the_last(tmp_path: Path) -> None:
    steps = sequences()
    dataset = read(tmp_path, y=steps)
    assert not dataset.classes
    np.testing.assert_array_equal(dataset.target, np.nan_to_num(steps))


@pytest.mark.parametrize("y", [
    np.arange(40) / 7, np.arange(40)[:, None] / 7, np.arange(80).reshape(40, 2) / 7,
    np.arange(200).reshape(40, TIME) / 7])
def test_targets_of_whole_samples_stay_as_they_are(tmp_path: Path, y: np.ndarray) -> None:
    np.testing.assert_allclose(read(tmp_path, y=y).target, y.reshape(40, -1), rtol=1e-6)


def test_one_step_has_targets_of_samples(tmp_path: Path) -> None:
    dataset = read(tmp_path, x=np.ones((40, 1, 2)), lengths=np.arange(40) % 2,
                   y=(np.arange(40) % 3)[:, None])
    assert dataset.classes == ("0", "1", "2")
    assert dataset.target.shape == (40,)


# -- parts and scale ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_a_length_stays_with_its_sample(tmp_path: Path, seed: int) -> None:
    ready = prepare(read(tmp_path), 0.7, seed=seed)
    assert len(ready.x_train) == 28
    for part in (ready.x_train, ready.x_validation):
        x, own = parts_of(part)
        beyond = np.arange(TIME) >= own[:, None]
        assert not x[beyond].any()
        np.testing.assert_array_equal(np.rint(x / 10)[~beyond], np.repeat(own, own.astype(int))[
            :, None].repeat(2, axis=1))


def test_some_classes_keep_their_lengths(tmp_path: Path) -> None:
    some = with_classes(read(tmp_path, y=np.arange(40) % 4), (1, 3))
    np.testing.assert_array_equal(some.x[:, -1], OWN[1::2])
    assert some.padded is not None


@pytest.mark.parametrize("mode", ["feature", "global"])
def test_padding_is_not_measured_and_stays_0(tmp_path: Path, mode: Any) -> None:
    dataset = read(tmp_path)
    raw, ready = prepare(dataset, 0.6), prepare(dataset, 0.6, mode)
    (before, own), (after, same) = parts_of(raw.x_train), parts_of(ready.x_train)
    np.testing.assert_array_equal(own, same)
    mine = np.arange(TIME) < own[:, None]
    axis = 0 if mode == "feature" else None
    steps = before[mine].astype(np.float64)
    np.testing.assert_allclose(
        after[mine], (steps - steps.mean(axis)) / steps.std(axis), rtol=1e-4, atol=1e-5)
    assert not after[~mine].any()
    for part, x in ((raw.x_train, ready.x_train), (raw.x_validation, ready.x_validation)):
        np.testing.assert_allclose(ready.raw(x), part, rtol=1e-5)
        np.testing.assert_allclose(ready.scaled(part), x, rtol=1e-4, atol=1e-5)


def test_samples_without_a_step_have_no_scale(tmp_path: Path) -> None:
    dataset = read(tmp_path, lengths=0 * OWN)
    assert not prepare(dataset, 0.5, "feature").x_train.any()


# -- the node -------------------------------------------------------------------------------------


def network(path: Path, **settings: Any) -> Graph:
    """An LSTM that knows where each sample ends."""
    graph = Graph().with_training(Training(batch=8)).with_node(make_layer(
        "file", {"path": str(path), "lengths_key": "lengths", "standardise": "feature",
                 **settings}), id="data")
    for id, kind, made in (("lstm", "lstm", {"units": 3, "returns": "sequence"}),
                           ("attention", "multi_head_attention", {"heads": 1}),
                           ("last", "last_step", {}), ("dense", "dense", {"units": 2}),
                           ("loss", "softmax_cross_entropy", {})):
        before = graph.nodes[-1].id
        graph = graph.with_node(make_layer(kind, made), id=id).connect(before, id)
    for id, port in (("lstm", 1), ("attention", 2), ("last", 1)):
        graph = graph.connect("data", id, 2, port)
    return graph


def test_lengths_that_nothing_takes_are_told_of(tmp_path: Path) -> None:
    whole = network(saved(tmp_path))
    without = whole.without_edges(e for e in whole.edges if e.source_port == 2)
    alone = whole.without_edges(whole.edges)
    told = [check(graph).notes["data"].count(UNREAD_LENGTHS) for graph in (without, whole, alone)]
    assert told == [1, 0, 0]


def test_lengths_that_do_not_fit_are_not_passed_over(tmp_path: Path) -> None:
    seen = preview(saved(tmp_path, lengths=OWN[:-1]))
    assert seen.lengths_key == "lengths"
    assert preview(tmp_path / "a.npz", lengths_key="").lengths_key == ""
    with pytest.raises(DataError, match="one length for each is wanted"):
        read_npz(tmp_path / "a.npz", lengths_key=seen.lengths_key)


def test_the_node_has_an_output_for_lengths_when_it_is_told_of_them(tmp_path: Path) -> None:
    path = saved(tmp_path)
    graph = network(path)
    checked = check(graph)
    assert checked.trainable, checked.graph_error
    assert [str(signal) for signal in checked.signals["data"]] == ["5×2", "classes 0-1", "1"]
    assert not any("knows where" in note for notes in checked.notes.values() for note in notes)
    assert File(path=str(path)).outputs == ("x", "target")
    # Without them, the edges go too.
    plain = graph.with_layer("data", File(path=str(path)))
    assert {edge.source_port for edge in plain.outputs_of("data")} == {0}
    away = network(tmp_path / "gone.npz")
    assert len(away.outputs_of("data")) == 4, "the file is away, the edges are not"
    assert "gone.npz" in check(away).errors["data"]


def test_another_kind_of_file_has_no_lengths(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("a,b\n" + "1,2\n3,4\n" * 10)
    with pytest.raises(DataError, match=r"'a.csv' has no array of lengths.* Empty Lengths array"):
        File(path=str(table), lengths_key="lengths").load()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_hands_each_sample_its_own_length(tmp_path: Path, threads: int) -> None:
    session = Session(network(saved(tmp_path), standardise="none"), threads=threads)
    for _ in range(3):
        session.run(1)
        x, own = session.values("data.x"), session.values("data.lengths")
        np.testing.assert_array_equal(np.rint(x[:, 0, 0] / 10), own[:, 0])
        assert not x[np.arange(TIME) >= own].any()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_the_file_holds_as_padding_changes_nothing(tmp_path: Path, threads: int) -> None:
    trained = []
    for padding in (0, np.nan, 1e9):
        folder = tmp_path / str(padding)
        folder.mkdir()
        session = Session(network(saved(folder, x=sequences(padding))), threads=threads)
        session.run(12)
        assert np.isfinite(session.measured("loss"))
        trained.append(session.saved_state())
    assert trained[0].same_as(trained[1])
    assert trained[0].same_as(trained[2])


def test_a_document_goes_on_where_it_stopped(tmp_path: Path) -> None:
    session = Session(network(saved(tmp_path)))
    session.run(7)
    again = reopened(session, tmp_path)
    for each in (session, again):
        each.run(5)
    assert again.saved_state().same_as(session.saved_state())


def test_the_command_line_trains_it(tmp_path: Path, capsys: Capture) -> None:
    saved(tmp_path)
    document.save(tmp_path / "net.json", network(tmp_path / "a.npz"))
    told = result(capsys, "train", tmp_path / "net.json", "--steps", 3)
    assert told["steps"] == 3
    assert np.isfinite(told["loss"])


# -- in words -------------------------------------------------------------------------------------


def test_a_first_look_finds_what_may_be_lengths(tmp_path: Path) -> None:
    path = saved(tmp_path, steps=OWN[:, None] / 2, names=OWN.astype(str), other=OWN[1:])
    seen = preview(path)
    assert (seen.lengths_keys, seen.lengths_key, seen.lengths) == (
        ("lengths", "steps"), "lengths", None)
    assert preview(path, lengths_key="steps").lengths_key == "steps"
    assert preview(path, lengths_key="").lengths_key == ""
    assert preview(path, lengths_key="gone").lengths_key == "lengths"
    assert with_all(seen, read_npz(path, lengths_key="lengths")).lengths == (1, 5)
    whole = save(tmp_path / "whole.npz", x=np.zeros((4, 3)), y=LABELS)
    assert with_all(preview(whole), read_npz(whole)).lengths is None
    pictures = save(tmp_path / "b.npz", x=np.zeros((4, 1, 8, 8)), y=LABELS, lengths=LABELS)
    assert preview(pictures).lengths_keys == ()


def test_the_node_tells_the_lengths(tmp_path: Path) -> None:
    def told(**arrays: Any) -> str:
        return facts(File(path=str(saved(tmp_path, **arrays)), lengths_key="lengths").load())

    assert "8 validate. Lengths 1 to 5.\n" in told()
    assert "8 validate. All of length 3.\n" in told(x=np.ones((40, 3, 2)), lengths=0 * OWN + 3)
    assert "engths" not in facts(make_layer("spiral", {}).load())  # type: ignore[attr-defined]
