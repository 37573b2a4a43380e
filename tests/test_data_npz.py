"""NumPy archives: keys, layouts, targets, and headers that lie."""

import gzip
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.data import DataError, open_data, preview, read_npz
from tests.data_files import LABELS, PIXELS, archive, attempt, npy, save, write_idx_pair


@pytest.mark.parametrize(
    ("keys"), [("x", "y"), ("X", "Y"), ("images", "labels"), ("x_train", "y_train")]
)
def test_npz_with_the_usual_keys(tmp_path, keys):
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    path = save(tmp_path / "a.npz", **dict(zip(keys, (x, LABELS), strict=True)), other=x)
    data = open_data(path)
    assert data.x.tolist() == x.tolist()
    assert data.classes == ("1", "3")


def test_npz_keys_can_be_named(tmp_path):
    path = save(tmp_path / "a.npz", pixels=PIXELS, y=LABELS, price=np.array([0.5, 1, 2, 3]))
    data = read_npz(path, x_key="pixels", y_key="price")
    assert data.target.tolist() == [[0.5], [1], [2], [3]]
    with pytest.raises(DataError, match=r"no array of samples .*holds pixels, price, y"):
        read_npz(path)
    with pytest.raises(DataError, match="targets called cost"):
        read_npz(path, x_key="pixels", y_key="cost")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 2, 5), (1, 2, 5)), ((4, 3, 2, 5), (3, 2, 5)), ((4, 2, 5, 3), (3, 2, 5))],
)
def test_npz_bytes_become_images(tmp_path, shape, expected):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = save(tmp_path / "a.npz", x=pixels, y=LABELS)
    data = read_npz(path)
    assert data.shape == preview(path).shape == expected
    channels_last = shape[-1] == 3
    first = pixels[1].transpose(2, 0, 1) if channels_last else pixels[1].reshape(expected)
    np.testing.assert_allclose(data.x[1], first / 255.0, rtol=1e-6)
    plain = read_npz(path, layout="plain")
    assert np.array_equal(plain.x, pixels)


def test_npz_targets_of_every_kind(tmp_path):
    x = np.arange(8.0).reshape(4, 2)
    texts = read_npz(save(tmp_path / "a.npz", x=x, y=np.array(["b", "a", "b", "c"])))
    assert texts.classes == ("a", "b", "c")
    assert texts.target.tolist() == [1, 0, 1, 2]
    raw = read_npz(save(tmp_path / "a.npz", x=x, y=np.array([b"b", b"a", b"b", b"c"])))
    assert raw.classes == ("a", "b", "c")
    names = np.array(["zero", "one", "two", "three"])
    named = read_npz(save(tmp_path / "a.npz", x=x, y=LABELS, classes=names))
    assert named.classes == tuple(names)
    assert named.target.tolist() == [3, 1, 3, 1]
    told = read_npz(save(tmp_path / "a.npz", x=x, y=LABELS), task="regression")
    assert told.target.tolist() == [[3], [1], [3], [1]]
    column = read_npz(save(tmp_path / "a.npz", x=x, y=LABELS[:, None]))
    assert column.classes == ("1", "3")
    wide = read_npz(save(tmp_path / "a.npz", x=x, y=np.zeros((4, 2, 3))))
    assert wide.target_shape == (2, 3)
    order = read_npz(save(tmp_path / "a.npz", x=np.asfortranarray(x), y=LABELS))
    assert order.x.tolist() == x.tolist()
    big = read_npz(save(tmp_path / "a.npz", x=x.astype(">f8"), y=LABELS.astype(">i4")))
    assert big.x.tolist() == x.tolist()


GOOD_Y = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", data=b"\0\1")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 9999999999)}"), "at most 512"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}"), "holds 0; the file"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}"), "negative shape"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0)}"), "empty"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}"), "objects are never"),
        (npy("{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}"), "not numbers or text"),
        (npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}", data=b"a\0\0\0"), "text"),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", data=b"a"), "single value"),
        (
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", data=b"ab"),
            "samples of shape",
        ),
        (npy("import os"), "header of the array 'x' is damaged"),
        (npy("((((((((((((((((((((("), "damaged"),
        (npy("{}", (3, 0)), "version"),
        (npy("{}", (9, 9)), "damaged|version"),
        (b"junk", "damaged"),
        (b"", "damaged"),
    ],
)
def test_a_wrong_array_says_why(tmp_path, x, words):
    path = archive(tmp_path / "a.npz", x=x, y=GOOD_Y)
    with pytest.raises(DataError, match=words) as caught:
        read_npz(path)
    assert "a.npz" in str(caught.value)


def test_a_file_that_lies_about_its_size_costs_no_memory(tmp_path):
    huge = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 60000000)}", data=b"1234")
    packed = archive(tmp_path / "a.npz", x=huge, y=GOOD_Y)
    images = write_idx_pair(tmp_path, gzip.compress, ".gz")
    images.write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 120_000_000) + b"1234"))
    tracemalloc.start()
    for path in (packed, images):
        with pytest.raises(DataError):
            open_data(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_pickled_objects_are_never_loaded(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}, None], dtype=object), y=np.array([0, 1]))
    with pytest.raises(DataError, match="could run code"):
        read_npz(path)


def test_a_wrong_archive_says_why(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK\3\4 but no zip")
    with pytest.raises(DataError, match="not a NumPy archive"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("readme.txt", "hello")
    with pytest.raises(DataError, match="0 NumPy arrays"):
        read_npz(path)
    save(path, x=PIXELS, y=LABELS)
    for options in ({"task": "guess"}, {"layout": "tall"}):
        with pytest.raises(DataError, match="choose"):
            read_npz(path, **options)
    save(path, x=np.array([[1.0], [np.nan]]), y=np.array([0, 1]))
    with pytest.raises(DataError, match="sample 2"):
        read_npz(path)
    save(path, x=PIXELS, y=np.zeros(4, np.uint8))
    with pytest.raises(DataError, match="only one class"):
        read_npz(path, task="classification")
    save(path, x=PIXELS, y=LABELS[:2])
    with pytest.raises(DataError, match="4 samples but 2 targets"):
        read_npz(path)


@settings(max_examples=100, deadline=None)
@given(
    header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100)
    | st.builds(
        "{{'descr': {!r}, 'fortran_order': {}, 'shape': {}}}".format,
        st.sampled_from(["<f4", "|u1", "<U3", "|S2", "|O", "<M8[s]", "|V8", ">i8", "|b1", "x"]),
        st.sampled_from(["True", "False", "2"]),
        st.sampled_from(["()", "(2,)", "(2, 3)", "(2, 10**9)", "(2, 2**62)", "[2]", "('a',)"]),
    ),
    body=st.binary(max_size=64),
)
def test_any_array_header_gives_a_dataset_or_a_sentence(tmp_path_factory, header, body):
    path = tmp_path_factory.mktemp("fuzz") / "a.npz"
    archive(path, x=npy(header, data=body), y=GOOD_Y)
    for read in (read_npz, preview):
        result = attempt(read, path)
        if isinstance(result, str):
            assert "a.npz" in result
