"""IDX files: images, labels beside them, every number type, and what is wrong with a bad one."""

import gzip

import numpy as np
import pytest

from playground.data import DataError, open_data, preview, read_idx
from playground.data.idx_reader import read_idx_array
from tests.data_files import LABELS, PIXELS, idx_bytes, write_idx_pair


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_idx_images_find_their_labels(tmp_path, pack, suffix):
    images = write_idx_pair(tmp_path, pack, suffix)
    data = read_idx(images)
    assert data.shape == (1, 2, 3)
    np.testing.assert_allclose(data.x[:, 0], PIXELS / 255.0, rtol=1e-6)
    assert data.classes == ("1", "3")
    assert data.target.tolist() == [1, 0, 1, 0]
    assert np.array_equal(open_data(images).x, data.x)
    seen = preview(images)
    assert (seen.format, seen.count, seen.shape) == ("idx", 4, (1, 2, 3))
    assert (seen.classes, seen.class_counts) == (("1", "3"), (2, 2))


def test_packed_images_find_unpacked_labels(tmp_path):
    write_idx_pair(tmp_path)
    images = tmp_path / "train-images-idx3-ubyte.gz"
    images.write_bytes(gzip.compress(idx_bytes(PIXELS), mtime=0))
    assert read_idx(images).target.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8", "i1"])
def test_idx_numbers_of_every_type(tmp_path, kind):
    values = np.array([[1, -2, 3], [-4, 5, 100]], kind)
    (tmp_path / "x").write_bytes(idx_bytes(values))
    (tmp_path / "y").write_bytes(idx_bytes(np.array([0.5, 2.25], "f4")))
    assert read_idx_array(tmp_path / "x").dtype == np.dtype(kind)
    data = read_idx(tmp_path / "x", tmp_path / "y")
    assert data.x.tolist() == values.tolist()
    assert data.target.tolist() == [[0.5], [2.25]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\0\0", "not an IDX file"),
        (b"\0\0\x07\x03" + bytes(12), "not an IDX file"),
        (b"P5 3 2 255", "not an IDX file: it begins with 50 35"),
        (b"\0\0\x08\x03\0\0\0\1", "ends inside its header"),
        (b"\0\0\x08\x03" + bytes(12), "none of them 0"),
        (b"\0\0\x08\x09" + b"\0\0\0\1" * 9, "1 to 8 dimensions"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "at most 512 MiB"),
        (idx_bytes(PIXELS)[:-1], "only 23 are there"),
        (idx_bytes(PIXELS) + b"x", "more follow"),
        (gzip.compress(idx_bytes(PIXELS), mtime=0)[:-9], "damaged or incomplete gzip"),
        (b"\x1f\x8bjunk and more junk", "damaged or incomplete gzip"),
        (gzip.compress(b"\0\0\x08\x03" + b"\x7f" * 12, mtime=0), "at most 512 MiB"),
    ],
)
def test_a_wrong_idx_file_says_why(tmp_path, content, words):
    write_idx_pair(tmp_path)
    images = tmp_path / "train-images-idx3-ubyte"
    images.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_idx(images)
    assert "train-images-idx3-ubyte" in str(caught.value)


def test_idx_pairs_that_do_not_match(tmp_path):
    images = write_idx_pair(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    with pytest.raises(DataError, match="exchanged"):
        read_idx(labels, images)
    labels.write_bytes(idx_bytes(LABELS[:3]))
    with pytest.raises(DataError, match=r"4 samples but .* 3 labels"):
        read_idx(images)
    labels.unlink()
    with pytest.raises(DataError, match="looked for train-labels-idx1-ubyte and"):
        read_idx(images)
    with pytest.raises(DataError, match="moved or renamed"):
        read_idx(images, tmp_path / "gone")
    plain = tmp_path / "numbers"
    plain.write_bytes(idx_bytes(PIXELS))
    with pytest.raises(DataError, match="No labels were found beside 'numbers'"):
        read_idx(plain)
