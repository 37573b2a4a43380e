"""Own sequences of symbols: from an archive of whole numbers to an Embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from playground import document
from playground.data import DataError, Dataset, read_npz
from playground.data.symbols import MAX_SYMBOLS
from playground.data.wording import facts, wordings
from playground.graph import Graph
from playground.layers.base import make_layer
from playground.layers.file_data import File
from playground.probes import answer
from playground.session import Session
from playground.shapes import check
from playground.snapshot import PredictionsProbe
from playground.training import Adam, Training
from tests.command_line import Capture, result
from tests.data_files import attempt, save
from tests.reopened import reopened

COUNT, TIME, SYMBOLS = 60, 6, 9
OWN = np.tile([6, 1, 4, 2, 3, 5], COUNT // 6)
BEYOND = np.arange(TIME) >= OWN[:, None]
WORDS = np.array(["the", "a", "cat", "dog", "bird", "sees", "hears", "not", "and"])


def symbols(padding: int = 0) -> np.ndarray:
    """(60, 6): numbers from 0 to 8; padding after a sample's own steps."""
    x = np.random.default_rng(3).integers(0, SYMBOLS, (COUNT, TIME))
    x[0, 0] = SYMBOLS - 1
    x[BEYOND] = padding
    return x


def saved(folder: Path, **arrays: Any) -> Path:
    x = arrays.pop("x", symbols())
    return save(folder / "a.npz", **{"x": x, "y": np.arange(len(x)) % 3, **arrays})


def read(folder: Path, vocabulary: int = 0, **arrays: Any) -> Dataset:
    key = "lengths" if "lengths" in arrays else ""
    return read_npz(saved(folder, **arrays), lengths_key=key, holds="symbols",
                    vocabulary=vocabulary)


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i8", np.float32])
def test_whole_numbers_are_symbols_when_they_are_called_so(tmp_path: Path, dtype: Any) -> None:
    dataset = read(tmp_path, x=symbols().astype(dtype))
    assert dataset.shape == (TIME,)
    assert dataset.vocabulary == tuple("012345678")
    assert dataset.classes == ("0", "1", "2")
    assert not dataset.scalable.any()
    np.testing.assert_array_equal(dataset.x, symbols())


def test_an_old_document_means_what_it_meant(tmp_path: Path) -> None:
    layer = make_layer("file", {"path": str(saved(tmp_path))})
    assert isinstance(layer, File)
    assert (layer.holds, layer.raw().vocabulary) == ("values", ())
    assert str(check(Graph().with_node(layer, id="data")).signals["data"][0]) == str(TIME)
    assert layer.raw().scalable.all()


def test_there_may_be_more_symbols_than_occur_and_they_may_have_names(tmp_path: Path) -> None:
    assert read(tmp_path, 12).vocabulary == tuple(map(str, range(12)))
    assert read(tmp_path, vocab=WORDS).vocabulary == tuple(WORDS)
    assert read(tmp_path, vocabulary=12, words=WORDS).vocabulary == (*WORDS, "9", "10", "11")
    more = np.array([*WORDS, "fish"])
    assert read(tmp_path, words=more.astype("S5")).vocabulary == tuple(more)
    assert read(tmp_path, vocabulary=9, words=more).vocabulary == tuple(WORDS)
    numbers = read(tmp_path, words=np.arange(9))
    assert numbers.vocabulary[1] == "1", "an array of numbers names nothing"


@pytest.mark.parametrize(("row", "step", "value", "words"), [
    (2, 4, -1, "sample 3 holds -1 at time step 5; symbols are whole numbers from 0 up"),
    (0, 0, 1.5, "sample 1 holds 1.5 at time step 1; symbols"),
    (59, 5, np.nan, "sample 60 holds nan at time step 6; symbols"),
    (1, 1, np.inf, "sample 2 holds inf at time step 2; symbols are whole"),
    (1, 1, 10**7, r"sample 2 holds 10000000 at time step 2, and the 100,000 .* at most 100,000"),
])
def test_the_first_number_that_is_no_symbol_is_told(
        tmp_path: Path, row: int, step: int, value: float, words: str) -> None:
    x = symbols().astype(np.float64)
    x[row, step] = value
    with pytest.raises(DataError, match=f"'a.npz', array 'x': {words}"):
        read(tmp_path, x=x)


def test_too_small_a_vocabulary_says_which_would_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=(
            r"'a.npz', array 'x': sample 1 holds 8 at time step 1, and the 5 symbols are numbered "
            r"0 to 4. Set Vocabulary to 9, or correct the file.")):
        read(tmp_path, 5)
    with pytest.raises(DataError, match="Set Vocabulary to 9"):
        read(tmp_path, words=WORDS[:5])
    assert len(read(tmp_path, MAX_SYMBOLS).vocabulary) == MAX_SYMBOLS


@pytest.mark.parametrize(("arrays", "words"), [
    ({"x": np.zeros((40, 5, 2), int)}, r"array 'x' has the shape \(40, 5, 2\); symbols are wanted"),
    ({"x": np.zeros(40, int)}, r"shape \(40,\); symbols are wanted as \(samples, time\)"),
    ({"x": np.zeros((40, 5), int)}, "holds no symbol but 0"),
    ({"x": np.full((40, 5), "cat")}, "'x' holds text; samples must be numbers"),
    ({"y": np.arange(9)}, "60 samples but 9 targets"),
])
def test_what_cannot_be_symbols_is_told(
        tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, **arrays)
    assert "a.npz" in str(caught.value)


@pytest.mark.parametrize("padding", [0, -1, 10**9])
def test_padding_after_the_lengths_may_be_any_number(tmp_path: Path, padding: int) -> None:
    dataset = read(tmp_path, x=symbols(padding), lengths=OWN)
    assert [(port.name, port.shape, port.classes, port.lengths) for port in dataset.ports] == [
        ("x", (TIME,), SYMBOLS, "lengths"), ("lengths", (1,), 0, "")]
    np.testing.assert_array_equal(dataset.x, np.column_stack([symbols(), OWN]))


def test_padding_without_lengths_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sample 2 holds -1 at time step 2.* array of lengths"):
        read(tmp_path, x=symbols(-1))
    with pytest.raises(DataError, match="holds no symbol but 0"):
        read(tmp_path, lengths=0 * OWN)


@settings(max_examples=80, deadline=None)
@given(x=hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint64, np.int8, np.bool_]),
    st.sampled_from([(4, 3), (4, 1), (4,), (4, 1, 2)])), count=st.sampled_from([0, 1, 3, 200]))
def test_any_array_gives_symbols_or_a_sentence(
        tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, count: int) -> None:
    path = save(tmp_path_factory.mktemp("fuzz") / "a.npz", x=x, y=np.arange(4) % 2)
    found = attempt(lambda file: read_npz(file, holds="symbols", vocabulary=count), path)
    if isinstance(found, str):
        assert "a.npz" in found
    else:
        np.testing.assert_array_equal(found.x, x)
        assert found.x.max() < len(found.vocabulary)


# -- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [False, True])
def test_a_class_for_each_step(tmp_path: Path, lengths: bool) -> None:
    y = (symbols() + np.arange(TIME)) % 40 + 10  # more different ones than are guessed at
    y[0, 1] = -1
    arrays = {"lengths": OWN} if lengths else {}
    mine = ~BEYOND if lengths else np.full((COUNT, TIME), True)
    dataset = read(tmp_path, y=y, **arrays)
    assert dataset.classes == tuple(str(n) for n in np.unique(y[mine & (y >= 0)]))
    told = np.array([-1, *map(int, dataset.classes)])[dataset.target.astype(int) + 1]
    np.testing.assert_array_equal(told, np.where(mine, y, -1))
    named = read(tmp_path, y=y % 2 - (y < 0), classes=np.array(["thing", "deed"]), **arrays)
    assert named.classes == ("thing", "deed")


def test_numbers_for_each_step_stay_numbers(tmp_path: Path) -> None:
    y = symbols() / 7
    assert read(tmp_path, y=y).target.shape == (COUNT, TIME)
    assert not read(tmp_path, y=y).classes
    plain = read_npz(saved(tmp_path, y=symbols()), holds="symbols", task="regression")
    assert not plain.classes


def test_one_target_for_each_sample(tmp_path: Path) -> None:
    assert read(tmp_path, y=np.arange(COUNT) / 7).target_shape == (1,)
    column = read(tmp_path, x=symbols()[:, :1], y=(np.arange(COUNT) % 3)[:, None])
    assert (column.shape, column.target_shape) == ((1,), ())


def test_the_next_symbol_is_called_as_the_vocabulary_calls_it(tmp_path: Path) -> None:
    x = symbols()
    y = np.full_like(x, -1)
    y[:, :-1] = x[:, 1:]
    for arrays in ({}, {"lengths": OWN}):
        dataset = read(tmp_path, vocabulary=20, y=y, words=WORDS, **arrays)
        assert dataset.classes == dataset.vocabulary
        mine = ~BEYOND if arrays else np.full(x.shape, True)
        np.testing.assert_array_equal(dataset.target, np.where(mine, y, -1))
    with pytest.raises(DataError, match="array 'y' asks for the next of 1,001 symbols"):
        read(tmp_path, vocabulary=1001, y=y)
    other = y.copy()
    other[0, 0] = (other[0, 0] + 1) % SYMBOLS
    assert read(tmp_path, vocabulary=20, y=other, words=WORDS).classes == tuple("012345678")


# -- the node -------------------------------------------------------------------------------------


def network(path: Path, reader: str = "embedding", **own: Any) -> Graph:
    """Whether symbol 2 occurs, asked of an LSTM."""
    graph = Graph().with_training(Training(batch=12, optimizer=Adam(learning_rate=0.02)))
    graph = graph.with_node(make_layer("file", {
        "path": str(path), "holds": "symbols", "lengths_key": "lengths", **own}), id="data")
    sizes = {"embedding": {"vocabulary": SYMBOLS, "dimension": 4}}.get(reader, {})
    for id, kind, made in (("reader", reader, sizes), ("lstm", "lstm", {"units": 8}),
                           ("dense", "dense", {"units": 2}),
                           ("loss", "softmax_cross_entropy", {})):
        before = graph.nodes[-1].id
        graph = graph.with_node(make_layer(kind, made), id=id).connect(before, id)
    return graph.connect("data", "lstm", 2, 1)


def question(folder: Path, padding: int = 0) -> Path:
    x = symbols(padding)
    return saved(folder, x=x, y=((x == 2) & ~BEYOND).any(axis=1), lengths=OWN)


@pytest.mark.parametrize("reader", ["embedding", "one_hot"])
def test_a_network_learns_from_own_symbols(tmp_path: Path, reader: str) -> None:
    graph = network(question(tmp_path), reader)
    found = check(graph)
    assert found.trainable, found.graph_error
    assert [str(signal) for signal in found.signals["data"]] == [
        "6 of 9 classes", "classes 0-1", "1"]
    session = Session(graph)
    session.run(120)
    assert session.measured("loss") < 0.1


@pytest.mark.parametrize("threads", [1, 2])
def test_padding_changes_nothing(tmp_path: Path, threads: int) -> None:
    trained = []
    for padding in (0, 7, -1):
        folder = tmp_path / str(padding)
        folder.mkdir()
        session = Session(network(question(folder, padding)), threads=threads)
        session.run(6)
        trained.append(session.saved_state())
    assert trained[0].same_as(trained[1])
    assert trained[0].same_as(trained[2])


def test_readers_say_what_does_not_fit(tmp_path: Path) -> None:
    path = question(tmp_path)
    for reader, label in (("embedding", "Embedding"), ("one_hot", "1-of-N")):
        values = check(network(path, reader, holds="values")).errors
        assert values["reader"].startswith(f"{label} needs symbols")
        assert "Samples hold" in values["reader"]
    larger = check(network(path, vocabulary=50)).errors
    assert "has 50 symbols" in larger["reader"]
    assert "Set its vocabulary to 50" in larger["reader"]
    smaller = check(network(path, vocabulary=4)).errors
    assert smaller == {"data": smaller["data"]}
    assert "Set Vocabulary to 9" in smaller["data"]


def test_another_kind_of_file_holds_no_symbols(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("a,b\n" + "1,2\n3,4\n" * 10)
    with pytest.raises(DataError, match=r"'a.csv' holds no symbols: only .npz arrays do"):
        File(path=str(table), holds="symbols").load()


def test_what_means_nothing_for_symbols_is_hidden(tmp_path: Path) -> None:
    path = str(saved(tmp_path))
    idle = File(path=path, holds="symbols").idle_settings()
    assert {"standardise", "augmentation"} <= idle
    assert not {"task", "x_key", "lengths_key", "holds", "vocabulary"} & idle
    assert "vocabulary" in File(path=path).idle_settings(), "values have none"


def test_a_document_goes_on_where_it_stopped(tmp_path: Path) -> None:
    session = Session(network(question(tmp_path)))
    session.run(5)
    again = reopened(session, tmp_path)
    for each in (session, again):
        each.run(5)
    assert again.saved_state().same_as(session.saved_state())


def test_the_command_line_trains_it(tmp_path: Path, capsys: Capture) -> None:
    document.save(tmp_path / "net.json", network(question(tmp_path)))
    told = result(capsys, "train", tmp_path / "net.json", "--steps", 3)
    assert told["steps"] == 3
    assert np.isfinite(told["loss"])


# -- in words -------------------------------------------------------------------------------------


def test_samples_are_told_as_words_without_padding(tmp_path: Path) -> None:
    path = saved(tmp_path, words=WORDS, lengths=OWN)
    data = File(path=str(path), holds="symbols", lengths_key="lengths").load()
    for x, target, told in zip(data.x_train, data.target_train, wordings(data), strict=False):
        said = [WORDS[int(n)] for n in x[:int(x[-1])]]
        assert told == f"{' '.join(said)} → {int(target)}"
    assert "Lengths 1 to 6." in facts(data)
    plain = File(path=str(saved(tmp_path, x=symbols() + 3, y=np.arange(COUNT) / 7)),
                 holds="symbols").load()
    first = [str(int(n)) for n in plain.x_train[0]]
    assert wordings(plain, 1)[0] == f"{' '.join(first)} → {float(plain.target_train[0, 0]):.4g}"


def test_predictions_know_the_lengths_and_the_words(tmp_path: Path) -> None:
    path = question(tmp_path)
    session = Session(network(path))
    session.run(1)
    p = answer(session, PredictionsProbe(count=8))
    assert p is not None
    assert p.vocabulary == tuple("012345678")
    assert p.lengths is not None
    own = session.data.x_validation[:8, -1]
    np.testing.assert_array_equal(p.lengths, own)
