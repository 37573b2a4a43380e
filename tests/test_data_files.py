"""IDX files, NumPy archives, image folders, and the door that tells them apart."""

import gzip
import io
import struct
import tracemalloc
import zipfile
import zlib

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
from playground.data.idx_reader import read_idx_array

PIXELS = (np.arange(4 * 2 * 3) * 10).astype(np.uint8).reshape(4, 2, 3)
LABELS = np.array([3, 1, 3, 1], np.uint8)
IDX_TYPES = {"u1": 8, "i1": 9, "i2": 0xB, "i4": 0xC, "f4": 0xD, "f8": 0xE}


def idx_bytes(array):
    code = IDX_TYPES[array.dtype.str[1:]]
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx_pair(folder, pack=bytes, suffix=""):
    images = folder / f"train-images-idx3-ubyte{suffix}"
    images.write_bytes(pack(idx_bytes(PIXELS)))
    (folder / f"train-labels-idx1-ubyte{suffix}").write_bytes(pack(idx_bytes(LABELS)))
    return images


# IDX


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
    images.write_bytes(gzip.compress(idx_bytes(PIXELS)))
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
        (gzip.compress(idx_bytes(PIXELS))[:-9], "damaged or incomplete gzip"),
        (b"\x1f\x8bjunk and more junk", "damaged or incomplete gzip"),
        (gzip.compress(b"\0\0\x08\x03" + b"\x7f" * 12), "at most 512 MiB"),
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


# NumPy archives


def save(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


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


def npy(header, version=(1, 0), data=b""):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(text)) + text + data


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return path


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


# Image folders


def paint(path, colour, size=(5, 3), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


@pytest.fixture
def pictures(tmp_path):
    paint(tmp_path / "set/dog/b.png", (0, 0, 255))
    paint(tmp_path / "set/cat/z.png", (255, 0, 0))
    paint(tmp_path / "set/cat/a.bmp", (0, 51, 0))
    (tmp_path / "set/cat/notes.txt").write_text("not a picture")
    (tmp_path / "set/.hidden").mkdir()
    return tmp_path / "set"


def test_a_folder_of_pictures(pictures):
    data = read_image_folder(pictures)
    assert data.classes == ("cat", "dog")
    assert data.target.tolist() == [0, 0, 1]
    assert data.shape == (3, 3, 5)
    np.testing.assert_allclose(data.x[:, :, 1, 2], [[0, 0.2, 0], [1, 0, 0], [0, 0, 1]], atol=1e-6)
    assert np.array_equal(open_data(pictures).x, data.x)
    seen = preview(pictures, rows=2)
    assert seen.rows == (("a.bmp", "cat"), ("z.png", "cat"))
    assert (seen.count, seen.classes, seen.class_counts) == (3, ("cat", "dog"), (2, 1))
    assert seen.shape == (3, 3, 5)


def test_grey_and_resized_pictures(pictures):
    grey = read_image_folder(pictures, size=(4, 2), grey=True)
    assert grey.shape == (1, 4, 2)
    # ITU-R 601 luma, in whole 255ths.
    np.testing.assert_allclose(grey.x[1], 76 / 255, atol=1 / 255)
    np.testing.assert_allclose(grey.x[2], 29 / 255, atol=1 / 255)


def test_pictures_are_turned_by_exif_laid_on_white_and_scaled_from_16_bits(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    image = Image.new("RGB", (16, 8), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 8, 8))
    (tmp_path / "turned").mkdir()
    image.save(tmp_path / "turned/a.jpg", exif=exif, quality=95)
    paint(tmp_path / "clear/a.png", (255, 0, 0, 0), (8, 16), "RGBA")
    paint(tmp_path / "deep/a.png", 51 * 256, (8, 16), "I;16")
    data = read_image_folder(tmp_path)
    assert data.classes == ("clear", "deep", "turned")
    assert data.shape == (3, 16, 8)
    assert data.x[0].min() == 1.0
    np.testing.assert_allclose(data.x[1], 0.2, atol=1e-6)
    assert data.x[2, :, :6].min() > 0.9
    assert data.x[2, :, 10:].max() < 0.1


def test_a_wrong_picture_is_named(pictures):
    paint(pictures / "dog/c.png", "white", size=(6, 3))
    with pytest.raises(DataError, match=r"c\.png' is 3 x 6 pixels .* first picture is 3 x 5"):
        read_image_folder(pictures)
    assert read_image_folder(pictures, size=(3, 5)).shape == (3, 3, 5)
    (pictures / "dog/c.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(DataError, match=r"c\.png' cannot be read"):
        read_image_folder(pictures)
    (pictures / "dog/c.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(DataError, match=r"c\.png' cannot be read"):
        read_image_folder(pictures)


def test_a_huge_picture_is_refused_by_its_header(pictures):
    header = struct.pack(">2I5B", 50_000, 50_000, 8, 2, 0, 0, 0)
    stored = io.BytesIO()
    Image.new("RGB", (2, 2)).save(stored, "PNG")
    for width, words in ((7_000, "7,000 x 7,000 pixels"), (50_000, "cannot be read")):
        header = struct.pack(">2I5B", width, width, 8, 2, 0, 0, 0)
        crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
        bomb = stored.getvalue()[:16] + header + crc + stored.getvalue()[33:]
        (pictures / "cat/a.bmp").write_bytes(bomb)
        with pytest.raises(DataError, match=words):
            read_image_folder(pictures)


def test_a_wrong_folder_says_why(pictures, tmp_path):
    with pytest.raises(DataError, match="has 1 sub-folders"):
        read_image_folder(tmp_path)
    (pictures / "empty").mkdir()
    with pytest.raises(DataError, match="empty' holds no pictures"):
        read_image_folder(pictures)
    with pytest.raises(DataError, match="is a file"):
        read_image_folder(pictures / "cat/a.bmp")
    with pytest.raises(DataError, match="moved or renamed"):
        read_image_folder(tmp_path / "gone")
    for size in ((0, 5), (5, 5000)):
        with pytest.raises(DataError, match="choose 1 to 4096"):
            read_image_folder(pictures, size=size)


def test_the_memory_for_pictures_is_bounded(pictures, monkeypatch):
    monkeypatch.setattr("playground.data.limits.MAX_BYTES", 500)
    with pytest.raises(DataError, match=r"declares 3 x 3 x 3 x 5 values"):
        read_image_folder(pictures)
    assert len(read_image_folder(pictures, size=(2, 2))) == 3


# The door


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
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n"), "unpack it"),
        ("a.gz", gzip.compress(b"\0\0\x08\x01" * 99)[:12], "damaged or incomplete gzip"),
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


def test_options_are_passed_on_and_checked(pictures, tmp_path):
    assert open_data(pictures, grey=True).shape == (1, 3, 5)
    with pytest.raises(DataError, match="no option 'task'; it has size, grey"):
        open_data(pictures, task="auto")
    with pytest.raises(DataError, match="moved or renamed"):
        open_data(tmp_path / "gone.csv")


# Fuzz: whatever comes, a data set or a sentence


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


def attempt(read, path):
    """What the reader gives: a result, or the sentence of its DataError; nothing else is let by."""
    try:
        return read(path)
    except DataError as error:
        return str(error)


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
