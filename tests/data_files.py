"""Small files for the data tests to read, damage and read again."""

import struct
import zipfile

import numpy as np
from PIL import Image

from playground.data import DataError

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


def save(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def npy(header, version=(1, 0), data=b""):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(text)) + text + data


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.npy", content)
    return path


def paint(path, colour, size=(5, 3), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


def paint_set(folder):
    """Three pictures 3 high and 5 wide in two classes, among things that are none."""
    paint(folder / "set/dog/b.png", (0, 0, 255))
    paint(folder / "set/cat/z.png", (255, 0, 0))
    paint(folder / "set/cat/a.bmp", (0, 51, 0))
    (folder / "set/cat/notes.txt").write_text("not a picture")
    (folder / "set/.hidden").mkdir()
    return folder / "set"


def attempt(read, path):
    """What the reader gives: a result, or the sentence of its DataError; nothing else is let by."""
    try:
        return read(path)
    except DataError as error:
        return str(error)
