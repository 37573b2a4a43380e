"""The door that tells files apart, and a fuzz of every binary reader through it."""

import gzip
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from playground.data import (
    DataError,
    data_format,
    open_data,
    preview,
    read_idx,
    read_image_folder,
    read_npz,
)
from playground.data.idx_reader import labels_beside
from playground.layers.data import Spiral
from playground.layers.file_data import File
from tests.data_files import (
    LABELS,
    PIXELS,
    attempt,
    idx_bytes,
    paint,
    paint_set,
    write_idx_pair,
)


def test_the_content_decides_not_the_name(tmp_path):
    table = tmp_path / "table.npz"
    table.write_text("a,b\n1,2.5\n3,4.5\n")
    assert data_format(table) == "csv"
    packed = tmp_path / "archive.csv"
    with packed.open("wb") as stream:
        np.savez(stream, x=PIXELS, y=LABELS)
    assert data_format(packed) == "npz"
    assert data_format(write_idx_pair(tmp_path, gzip.compress, ".gz")) == "idx"
    assert data_format(tmp_path) == "images"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npy", b"\x93NUMPY\1\0", "single array"),
        ("a.xlsx", b"PK\3\4....", "save it as CSV"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0), "unpack it"),
        ("a.gz", gzip.compress(b"\0\0\x08\x01" * 99, mtime=0)[:12], "damaged or incomplete gzip"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "single picture"),
        ("a.csv", b"", "empty"),
        ("a.bin", b"\0\0\0\0\0\0\0\0", "not a text table"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    for look in (open_data, preview):
        with pytest.raises(DataError, match=words):
            look(path)


def test_options_are_passed_on_and_checked(tmp_path):
    pictures = paint_set(tmp_path)
    assert open_data(pictures, grey=True).shape == (1, 3, 5)
    with pytest.raises(DataError, match="no option 'task'; it has size, grey"):
        open_data(pictures, task="auto")
    with pytest.raises(DataError, match="moved or renamed"):
        open_data(tmp_path / "gone.csv")


def stored(kind):
    """The bytes of a small valid file."""
    stream = io.BytesIO()
    if kind == "npz":
        np.savez_compressed(stream, x=PIXELS, y=LABELS, classes=np.array(list("abcd")))
    elif kind == "png":
        Image.fromarray(PIXELS[0]).save(stream, "PNG")
    elif kind == "jpg":
        Image.fromarray(PIXELS[0]).save(stream, "JPEG")
    else:
        stream.write(idx_bytes(PIXELS) if kind == "idx" else gzip.compress(idx_bytes(PIXELS)))
    return stream.getvalue()


VALID = {kind: stored(kind) for kind in ("npz", "png", "jpg", "idx", "idx.gz")}


def read_as(kind, folder, content):
    """Write the content as a file of that kind and read it by its reader, the door and preview."""
    if kind in ("png", "jpg"):
        paint(folder / "other/a.png", 1, (3, 2), "L")
        path = folder / f"broken/a.{kind}"
        path.parent.mkdir()
        path.write_bytes(content)
        target, readers = folder, (lambda p: read_image_folder(p, size=(2, 3)), preview)
    else:
        (folder / "x-labels").write_bytes(idx_bytes(LABELS))
        target = folder / "x-images"
        target.write_bytes(content)
        readers = (read_npz if kind == "npz" else read_idx, open_data, preview)
    for read in readers:
        result = attempt(read, target)
        if isinstance(result, str):
            assert result.endswith((".", "?"))


@pytest.mark.parametrize("kind", VALID)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_give_a_dataset_or_a_sentence(tmp_path_factory, kind, data):
    valid = VALID[kind]
    place = data.draw(st.integers(0, len(valid)))
    junk = data.draw(st.binary(max_size=8))
    damage = data.draw(st.sampled_from(["cut", "insert", "replace", "prefix"]))
    content = {
        "cut": valid[:place],
        "insert": valid[:place] + junk + valid[place:],
        "replace": valid[:place] + junk + valid[place + len(junk) :],
        "prefix": valid[: min(place, 12)] + junk * 20,
    }[damage]
    read_as(kind, tmp_path_factory.mktemp("fuzz"), content)


@pytest.mark.parametrize("kind", VALID)
@settings(max_examples=30, deadline=None)
@given(content=st.binary(max_size=300))
def test_random_bytes_give_a_sentence(tmp_path_factory, kind, content):
    read_as(kind, tmp_path_factory.mktemp("fuzz"), content)


def test_the_node_offers_what_the_readers_can_do(tmp_path):
    """Errors name these ways out; each must be a setting of the node."""
    table = tmp_path / "gap.csv"
    table.write_text("a;b;c\n1,5;;2\n" + "".join(f"{n},5;{n};{n}\n" for n in range(30)))
    with pytest.raises(DataError, match="set missing values to drop"):
        File(path=str(table)).dataset()
    assert len(File(path=str(table), missing="drop").dataset()) == 30
    assert len(File(path=str(table), missing="mean").dataset()) == 31
    assert File(path=str(table), ignore_columns="b").dataset().features == ("a",)
    named = File(path=str(table), missing="drop", header="yes", separator="semicolon",
                 decimal="comma", task="classification", target_column="a")
    assert named.dataset().kind == "classification"

    arrays = tmp_path / "arrays.npz"
    np.savez(arrays, left=np.arange(12.0).reshape(6, 2), right=np.arange(6) % 2)
    assert len(File(path=str(arrays), x_key="left", y_key="right").dataset()) == 6
    assert File(path=str(arrays), x_key="left", y_key="right",
                task="regression").dataset().kind == "regression"

    images = write_idx_pair(tmp_path, bytes, "")
    elsewhere = tmp_path / "mine"
    labels_beside(images).rename(elsewhere)
    with pytest.raises(DataError, match="choose the labels file too"):
        File(path=str(images)).dataset()
    assert len(File(path=str(images), labels_path=str(elsewhere)).dataset()) > 0


def test_few_samples_to_validate_on_are_told():
    assert "Only 1 of" in Spiral(points=200, train_fraction=0.9999).notes()[0]
    assert not Spiral(points=200).notes()
