"""Image folders: classes, layouts, odd pictures, and limits."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from playground.data import DataError, open_data, preview, read_image_folder, read_npz, with_all
from playground.data.picture import upright_size
from tests.data_files import paint, paint_set


@pytest.fixture
def pictures(tmp_path):
    return paint_set(tmp_path)


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


def test_a_preview_shows_pictures_of_different_classes(tmp_path):
    """And of what sizes they were: told by their headers, turned as EXIF says."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(8):
        paint(tmp_path / f"cat/{number}.png", (0, 255, 0), (6, 4))
    paint(tmp_path / "dog/a.jpg", (255, 0, 0), (40, 30), exif=exif)
    paint(tmp_path / "owl/a.png", (0, 0, 255), (200, 300))
    seen = preview(tmp_path, image_size=8)
    assert seen.shape == (3, 8, 8)
    assert seen.sizes == ((4, 6), (300, 200))
    assert not seen.pictures, "nothing is decoded yet"
    assert preview(tmp_path).shape == (), "they have no size in common"
    assert upright_size(tmp_path / "dog/a.jpg") == (40, 30)
    data = read_image_folder(tmp_path, size=(300, 300))
    whole = with_all(seen, data)
    assert whole.shape == (3, 300, 300)
    assert [shown.name for shown in whole.pictures] == ["cat", "dog", "owl", *["cat"] * 7]
    assert {shown.x.shape for shown in whole.pictures} == {(3, 150, 150)}, "no more than is seen"
    assert np.array_equal(whole.pictures[2].x, data.x[9, :, ::2, ::2])


def test_arrays_of_pictures_without_classes_show_the_first(tmp_path):
    path = tmp_path / "a.npz"
    x = np.arange(20 * 5 * 4, dtype=np.uint8).reshape(20, 5, 4)
    np.savez(path, x=x, y=np.linspace(0, 1, 20))
    shown = with_all(preview(path), read_npz(path)).pictures
    assert len(shown) == 12
    assert {picture.name for picture in shown} == {""}
    assert np.allclose(shown[11].x * 255, x[11])
    np.savez(path, x=np.zeros((20, 5)), y=np.arange(20) % 2)
    assert with_all(preview(path), read_npz(path)).pictures == ()


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
