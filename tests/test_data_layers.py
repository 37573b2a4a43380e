"""Data nodes: when their samples are read again, and what fills the gaps of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from playground.data import DataError, Dataset, make_dataset, prepare
from playground.data.fingerprint import fingerprint
from playground.layers.data import DataLayer, File, Spiral
from tests.data_files import paint_set, save, write_idx_pair


def table(folder: Path, rows: int = 40) -> Path:
    path = folder / "table.csv"
    path.write_text("a,b,y\n" + "".join(f"{i}.5,{i % 7},{i % 2}\n" for i in range(rows)))
    return path


def pictures(folder: Path, colours: dict[str, int]) -> Path:
    for name, level in colours.items():
        (folder / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (4, 3), level).save(folder / name / f"{number}.png")
    return folder


# -- reading --------------------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the nodes whose samples were read or drawn, in turn."""
    seen: list[str] = []
    for cls in (File, Spiral):
        def counted(layer: Any, read: Any = cls.dataset) -> Dataset:
            seen.append(layer.kind)
            return read(layer)  # type: ignore[no-any-return]

        monkeypatch.setattr(cls, "dataset", counted)
    return seen


def test_another_split_or_scale_does_not_read_the_file_again(
        tmp_path: Path, reads: list[str]) -> None:
    layer = File(path=str(table(tmp_path)))
    first = layer.load()
    for changes in ({"train_fraction": 0.5}, {"standardise": "feature"}, {"seed": 7}):
        other = msgspec.structs.replace(layer, **changes)
        assert other.load().dataset is first.dataset
    assert len(msgspec.structs.replace(layer, train_fraction=0.5).load().x_train) == 20
    assert reads == ["file"]
    msgspec.structs.replace(layer, target_column="a").load()
    assert reads == ["file", "file"]


def test_a_seed_that_draws_the_samples_draws_them_anew(reads: list[str]) -> None:
    layer = Spiral(points=90, seed=3)
    first = layer.load()
    assert msgspec.structs.replace(layer, train_fraction=0.3).load().dataset is first.dataset
    assert reads == ["spiral"]
    other = msgspec.structs.replace(layer, seed=4).load()
    assert not np.array_equal(other.dataset.x, first.dataset.x)
    assert reads == ["spiral", "spiral"]


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    layer = File(path=str(table(tmp_path, 40)))
    assert len(layer.load().dataset) == 40
    table(tmp_path, 41)
    assert len(layer.load().dataset) == 41


def test_a_folder_is_read_again_when_a_picture_changes_comes_or_goes(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", {"dark": 10, "light": 200})
    layer = File(path=str(folder), grey=True)
    assert layer.load().dataset.x.max() == pytest.approx(200 / 255)
    versions = [layer.version()]
    Image.new("L", (4, 3), 255).save(folder / "light" / "1.png")
    versions.append(layer.version())
    assert layer.load().dataset.x.max() == 1.0
    (folder / "dark" / "2.png").unlink()
    versions.append(layer.version())
    assert len(layer.load().dataset) == 5
    (folder / "light" / "2.png").rename(folder / "light" / "3.png")
    versions.append(layer.version())
    assert len(set(versions)) == 4


def test_labels_found_by_their_name_count_too(tmp_path: Path) -> None:
    images = tmp_path / "a-images-idx3-ubyte"
    images.write_bytes(b"\0\0\x08\x03")
    labels = tmp_path / "a-labels-idx1-ubyte"
    labels.write_bytes(b"\0\0\x08\x01")
    before = File(path=str(images)).version()
    labels.write_bytes(b"\0\0\x08\x01\0")
    assert File(path=str(images)).version() != before


def test_a_path_that_is_not_there_has_a_fingerprint_until_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "later.csv"
    before = fingerprint(str(path))
    assert fingerprint(str(path)) == before
    path.write_text("a,b\n")
    assert fingerprint(str(path)) != before
    assert File().version() == File().version()


def test_a_folder_that_takes_long_to_look_through_is_trusted_for_a_while(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 21.9, 22.1, 22.2])  # looked from 0 to 2: trusted until 22
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    before = fingerprint(str(tmp_path))
    (tmp_path / "new").mkdir()
    assert fingerprint(str(tmp_path)) == before
    assert fingerprint(str(tmp_path)) != before


# -- gaps -----------------------------------------------------------------------------------------


def with_gaps(rows: int = 50) -> Dataset:
    x = np.random.default_rng(0).normal([1.0, 50.0, -2.0], 1.0, (rows, 3))
    x[::4, 1] = np.nan
    return make_dataset("Gaps", x, np.arange(rows) / 7, gaps=True)


def test_gaps_take_the_mean_of_the_training_part_alone() -> None:
    dataset = with_gaps()
    ready = prepare(dataset, 0.6, seed=5)
    # Samples are known by their target: which ones train, and which of them have a gap.
    rows = np.rint(ready.target_train[:, 0] * 7).astype(int)
    left = np.rint(ready.target_validation[:, 0] * 7).astype(int)
    mean = np.nanmean(dataset.x[rows, 1].astype(np.float64))
    for x, part in ((ready.x_train, rows), (ready.x_validation, left)):
        gaps = np.isnan(dataset.x[part])
        assert gaps.any()
        np.testing.assert_allclose(x[gaps], mean, rtol=1e-6)
        np.testing.assert_array_equal(x[~gaps], dataset.x[part][~gaps])
    assert abs(mean - np.nanmean(dataset.x[:, 1])) > 1e-4  # the mean of all would leak


def test_gaps_are_filled_before_the_scale_is_measured() -> None:
    ready = prepare(with_gaps(), 0.6, "feature", seed=5)
    assert np.isfinite(ready.x_train).all()
    np.testing.assert_allclose(ready.x_train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(ready.x_train.std(axis=0), 1, atol=1e-5)


def test_a_feature_without_any_training_value_is_told_by_name() -> None:
    x = np.full((10, 2), np.nan)
    x[:, 0] = 1
    dataset = make_dataset("Empty", x, np.arange(10.0), features=("a", "b"), gaps=True)
    with pytest.raises(DataError, match="'Empty': b is missing in every training sample"):
        prepare(dataset)


def test_a_gap_is_a_mistake_where_none_was_announced() -> None:
    x = np.array([[1.0], [np.nan]])
    with pytest.raises(DataError, match="sample 2 holds a value that is missing"):
        make_dataset("Plain", x, np.arange(2.0))
    with pytest.raises(DataError, match="sample 2"):
        make_dataset("Plain", np.array([[1.0], [np.inf]]), np.arange(2.0), gaps=True)


def test_the_node_fills_a_table_from_its_training_part(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("a,y\n" + "".join(f"{'' if i % 5 == 0 else i * i},{i}.5\n" for i in range(40)))
    seeds = [msgspec.structs.replace(File(path=str(path), missing="mean"), seed=s) for s in (1, 2)]
    means = []
    for layer in seeds:
        ready = layer.load()
        gaps = np.rint(ready.target_train[:, 0] - 0.5).astype(int) % 5 == 0
        assert len(np.unique(ready.x_train[gaps])) == 1
        means.append(float(ready.x_train[gaps][0, 0]))
        assert means[-1] == pytest.approx(float(ready.x_train[~gaps].mean()), rel=1e-5)
    assert means[0] != means[1]


# -- what a kind of file needs --------------------------------------------------------------------


def test_only_the_settings_of_the_files_kind_are_offered(tmp_path: Path) -> None:
    """Also where the file is read in vain: the sentence then is about one of them."""
    table = tmp_path / "a.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    arrays = save(tmp_path / "a.npz", x=np.eye(4), y=np.arange(4))

    def offered(layer: File) -> set[str]:
        assert layer.unread_settings() <= layer.idle_settings()
        of_all = {*DataLayer.__struct_fields__, "path"}
        return set(File.__struct_fields__) - layer.unread_settings() - of_all

    assert offered(File()) == set()
    assert offered(File(path=str(table))) == {
        "target_column", "task", "missing", "ignore_columns", "separator", "header", "decimal"}
    assert {"x_key", "y_key", "lengths_key", "task"} <= offered(File(path=str(arrays)))
    assert not {"separator", "labels_path", "grey"} & offered(File(path=str(arrays)))
    assert "separator" not in offered(File(path=str(arrays), x_key="nothing"))
    assert offered(File(path=str(write_idx_pair(tmp_path)))) == {"labels_path", "task"}
    assert offered(File(path=str(paint_set(tmp_path)))) == {"image_size", "grey"}
    assert "lengths_key" in offered(File(path=str(table), lengths_key="n")), "it says to empty it"
