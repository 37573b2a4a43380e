"""Data sets as nodes: where the network's samples and targets come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from playground import data
from playground.data import DataError, Dataset, PreparedData
from playground.data.fingerprint import fingerprint
from playground.data.idx_reader import labels_beside
from playground.data.labels import Task
from playground.data.lengths import LENGTHS
from playground.data.table import Decimal, Header, Separator
from playground.data.table_reader import Missing
from playground.layers.augmentation import AUGMENTED, FOR_IMAGES, Augmentation, usable
from playground.layers.base import Layer, Shape, ShapeError, Signal, about, layer

Points = Annotated[int, about("Number of points.", ge=10, le=100_000)]
Noise = Annotated[float, about("How far points stray.", ge=0, le=5)]


WITHOUT_SAMPLES = frozenset({"augmentation"})
"""The settings that change nothing while the samples cannot be read."""
FEW = 10
"""With fewer samples than this, validation says little."""


class DataLayer(Layer, frozen=True, kw_only=True):
    """A data set: its samples come out at x, what they should give at target.

    A subclass says what the samples are in `dataset`; split, scale and seed are common to all. One
    whose samples have ports names them as outputs after "x" and "target", in any order.
    """

    inputs = ()
    outputs: ClassVar[tuple[str, ...]] = ("x", "target")
    not_of_samples: ClassVar[frozenset[str]] = frozenset(
        {"train_fraction", "standardise", "augmentation"})
    """The settings that change how samples are used, not which ones there are."""
    paths: ClassVar[tuple[str, ...]] = ()
    """The settings that name files; documents store them as seen from their own folder."""

    train_fraction: Annotated[float, about(
        "The share of the samples to train on; the rest validates. Each class keeps its share. Of "
        "what follows in time, the first part trains and the last validates.",
        gt=0, lt=1)] = 0.8
    standardise: Annotated[Literal["none", "feature", "global"], about(
        "Shift and scale to mean 0 and deviation 1, as measured on the training part: each "
        "feature by itself, or all together (for images). Of sequences with lengths, a feature is "
        "measured over all time steps that are a sample's own.")] = "none"
    seed: Annotated[int, about(
        "Draws the samples of a made data set, and which ones train.", ge=0, le=2**31 - 1)] = 1
    augmentation: Annotated[Augmentation, about(
        "How training samples are changed at random in each step, so that no two epochs are "
        "alike. Validation samples stay as they are.", title="Augmentation")] = Augmentation()

    def dataset(self) -> Dataset:
        """All samples, raw. Raises DataError."""
        raise AssertionError(f"{self.kind} gives no samples")

    def version(self) -> int:
        """Changes when the samples change on disk."""
        return hash(tuple(fingerprint(path) for name in self.paths
                          if (path := getattr(self, name))))

    def raw(self) -> Dataset:
        """All samples as `dataset` gives them; remembered for equal settings. Raises DataError."""
        plain = {name: field.default for field in msgspec.structs.fields(type(self))
                 if (name := field.name) in self.not_of_samples}
        found = _read(msgspec.structs.replace(self, **plain), self.version())
        if isinstance(found, str):
            raise DataError(found)
        return found

    def load(self) -> PreparedData:
        """The two parts, scaled; remembered for equal settings. Raises DataError."""
        return _load(self, self.version())

    def infer(self, *x: Signal) -> tuple[Signal, ...]:
        try:
            dataset = self.load().dataset
        except DataError as error:
            raise ShapeError(str(error)) from error
        signals = {"x": Signal(dataset.shape, len(dataset.vocabulary)),
                   **{port.name: Signal(port.shape, port.classes) for port in dataset.ports},
                   "target": Signal(dataset.target_shape, len(dataset.classes))}
        return tuple(signals[name] for name in self.outputs)

    def output_shape(self, *x: Shape) -> Shape:
        return self.infer()[0].shape

    def workspace(self, batch: int, *x: Shape) -> Mapping[str, Shape]:
        dataset = self.load().dataset
        wanted = dataset.are_images and self.augmentation.active
        return {"image": dataset.shape[1:]} if wanted else {}

    def idle_settings(self) -> frozenset[str]:
        unread = self.unread_settings()
        try:
            dataset = self.load().dataset
        except DataError:
            return WITHOUT_SAMPLES | unread
        idle = {f"augmentation.{name}" for name in (*FOR_IMAGES, "noise")
                if name not in usable(dataset)}
        without_use = {
            "augmentation": not usable(dataset), "standardise": not dataset.scalable.any(),
            "seed": dataset.ordered and "seed" in self.not_of_samples}
        return unread | idle | {name for name, useless in without_use.items() if useless}

    def unread_settings(self) -> frozenset[str]:
        """Those that say nothing of files such as the chosen one; told without reading it all."""
        return frozenset()

    def notes(self, *x: Shape) -> tuple[str, ...]:
        data = self.load()
        count, notes = len(data.x_validation), []
        if count < FEW:
            notes.append(f"Only {count} of {len(data.dataset):,} samples validate: their loss says "
                         "little about new data. Lower the train fraction.")
        idle = [name for name in self.augmentation.active if name not in usable(data.dataset)]
        if idle:
            told = " and ".join(idle).replace("_", " ")
            notes.append(f"Augmentation by {told} changes nothing here: these samples are not "
                         f"{'plain numbers' if 'noise' in idle else 'images'}.")
        return tuple(notes)


@lru_cache(maxsize=8)
def _read(layer: DataLayer, version: int) -> Dataset | str:
    """The samples, or why there are none: finding that out may take as long."""
    try:
        return layer.dataset()
    except DataError as error:
        if isinstance(error.__cause__, OSError):
            raise  # the disk may do better the next time, with a file that looks the same
        return str(error)


@lru_cache(maxsize=8)
def _load(layer: DataLayer, version: int) -> PreparedData:
    return data.prepare(layer.raw(), layer.train_fraction, layer.standardise, layer.seed)


@layer("spiral", category="data", label="Spiral")
class Spiral(DataLayer, frozen=True, kw_only=True):
    """Two or more interleaved spiral arms in the plane: the hardest of the 2-D classics."""

    points: Points = 500
    noise: Noise = 0.2
    arms: Annotated[int, about("Number of arms, one class each.", ge=2, le=5)] = 2

    def dataset(self) -> Dataset:
        return data.spiral(self.points, self.arms, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points, {self.arms} arms"


@layer("circle", category="data", label="Circle")
class Circle(DataLayer, frozen=True, kw_only=True):
    """A disc within a ring: no straight line parts them."""

    points: Points = 500
    noise: Noise = 0.0

    def dataset(self) -> Dataset:
        return data.circle(self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points"


@layer("xor", category="data", label="XOR")
class Xor(DataLayer, frozen=True, kw_only=True):
    """Four quadrants, opposite ones alike: what a single neuron cannot learn."""

    points: Points = 500
    noise: Noise = 0.0

    def dataset(self) -> Dataset:
        return data.xor(self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points"


@layer("gaussians", category="data", label="Gaussians")
class Gaussians(DataLayer, frozen=True, kw_only=True):
    """Round clouds, one per class: what a single neuron can learn."""

    points: Points = 500
    noise: Noise = 0.0
    clouds: Annotated[int, about("Number of clouds, one class each.", ge=2, le=10)] = 2

    def dataset(self) -> Dataset:
        return data.gaussians(self.points, self.clouds, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points, {self.clouds} clouds"


@layer("moons", category="data", label="Moons")
class Moons(DataLayer, frozen=True, kw_only=True):
    """Two half moons that reach into each other."""

    points: Points = 500
    noise: Noise = 0.1

    def dataset(self) -> Dataset:
        return data.moons(self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points"


@layer("checkerboard", category="data", label="Checkerboard")
class Checkerboard(DataLayer, frozen=True, kw_only=True):
    """Black and white fields in turn; more fields need a wider network."""

    points: Points = 1000
    noise: Noise = 0.0
    cells: Annotated[int, about("Fields along a side.", ge=2, le=8)] = 4

    def dataset(self) -> Dataset:
        return data.checkerboard(self.points, self.cells, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points, {self.cells}×{self.cells} fields"


@layer("plane", category="data", label="Plane (regression)")
class Plane(DataLayer, frozen=True, kw_only=True):
    """A number that grows evenly across the plane: one linear neuron is enough."""

    points: Points = 1200
    noise: Noise = 0.0

    def dataset(self) -> Dataset:
        return data.plane(self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points"


@layer("hills", category="data", label="Hills (regression)")
class Hills(DataLayer, frozen=True, kw_only=True):
    """Hills and hollows over the plane."""

    points: Points = 1200
    noise: Noise = 0.0

    def dataset(self) -> Dataset:
        return data.multi_gaussian(self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.points} points"


@layer("curve", category="data", label="Curve (regression)")
class Curve(DataLayer, frozen=True, kw_only=True):
    """A function of one number to rebuild from samples."""

    points: Points = 200
    noise: Noise = 0.05
    function: Annotated[Literal["sine", "cubic", "abs", "step"], about(
        "Which function.")] = "sine"

    def dataset(self) -> Dataset:
        return data.curve(self.function, self.points, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.function}, {self.points} points"


@layer("digits", category="data", label="Digits 8×8")
class Digits(DataLayer, frozen=True, kw_only=True):
    """1,797 real handwritten digits of 8×8 pixels (UCI, Alpaydin & Kaynak 1998)."""

    other_names = AUGMENTED

    classes: Annotated[Literal["all", "0-4", "5-9"], about(
        "Which digits: all ten, or half of them, to learn one half and pass on to the other.",
        title="Digits")] = "all"
    asks: Annotated[Literal["digit", "slant"], about(
        "What is asked of each picture: which digit it is, or by how many tens of degrees it "
        "leans, a number for regression.")] = "digit"

    def dataset(self) -> Dataset:
        digits = data.digits()
        if self.classes != "all":
            first, last = map(int, self.classes.split("-"))
            digits = data.with_classes(digits, range(first, last + 1))
        return digits if self.asks == "digit" else data.with_slants(digits)

    def subtitle(self) -> str:
        count = f"{len(self.raw()):,} images"
        return count if self.classes == "all" else f"{self.classes}, {count}"


@layer("fashion_mnist", category="data", label="Fashion-MNIST", stem="fashion")
class FashionMnist(DataLayer, frozen=True, kw_only=True):
    """Photographs of clothes, 28×28 pixels, 10 kinds (Zalando, Xiao et al. 2017)."""

    other_names = AUGMENTED

    size: Annotated[Literal["subset", "full"], about(
        "The 6,000 images that ship with the app, or all 70,000 where Debian's package "
        "dataset-fashion-mnist is installed.")] = "subset"

    def dataset(self) -> Dataset:
        return data.fashion_mnist() if self.size == "subset" else data.full_fashion_mnist()

    def subtitle(self) -> str:
        return "6,000 images" if self.size == "subset" else "70,000 images"


@layer("iris", category="data", label="Iris")
class Iris(DataLayer, frozen=True, kw_only=True):
    """150 flowers of three species, four measures each (Fisher 1936)."""

    def dataset(self) -> Dataset:
        return data.iris()

    def subtitle(self) -> str:
        return "150 flowers"


@layer("wine", category="data", label="Wine")
class Wine(DataLayer, frozen=True, kw_only=True):
    """178 wines of three growers, thirteen chemical measures each (UCI, Aeberhard & Forina)."""

    def dataset(self) -> Dataset:
        return data.wine()

    def subtitle(self) -> str:
        return "178 wines"


@layer("file", category="data", label="My data")
class File(DataLayer, frozen=True, kw_only=True):
    """Your own: a CSV table, .npz arrays, IDX images, or a folder of images per class.

    Sequences of .npz arrays may have lengths: they come out at an output of their own.
    """

    other_names = AUGMENTED
    not_of_samples = DataLayer.not_of_samples | {"seed"}
    paths = ("path", "labels_path")

    path: Annotated[str, about(
        "The file or folder. One that lies in the document's folder is saved as seen from there, "
        "so that the two can move together.", title="File")] = ""
    target_column: Annotated[str, about(
        "Of a table: the column to predict; empty takes the last one.")] = ""
    task: Annotated[Task, about(
        "Whether to predict classes or numbers. A folder of images is always classes.")] = "auto"
    missing: Annotated[Missing, about(
        "Of a table: whether an empty cell is an error, drops its row, or takes the mean that its "
        "column has in the training part (validation rows are not averaged).",
        title="Missing values")] = "error"
    ignore_columns: Annotated[str, about(
        "Of a table: columns to leave out, with commas between their names.")] = ""
    separator: Annotated[Separator, about("Of a table: what stands between two cells.")] = "auto"
    header: Annotated[Header, about(
        "Of a table: whether the first row holds the names of the columns.")] = "auto"
    decimal: Annotated[Decimal, about(
        "Of a table: the decimal mark, as in 1.5 or 1,5.", title="Decimal mark")] = "auto"
    x_key: Annotated[str, about(
        "Of .npz arrays: the array of samples; empty tries the usual names (x, images, data, "
        "...).", title="Samples array")] = ""
    y_key: Annotated[str, about(
        "Of .npz arrays: the array of targets; empty tries the usual names (y, labels, target, "
        "...).", title="Targets array")] = ""
    lengths_key: Annotated[str, about(
        "Of .npz arrays: the array of one whole number for each sample, how many of its time steps "
        "are its own; empty: all are. Samples are then sequences (samples, time, features). What "
        "stands after those steps is padding: it may be anything in the file, becomes 0, and "
        "counts neither for standardising nor among targets of time steps. Connect the output "
        "lengths to all that takes lengths.", title="Lengths array")] = ""
    labels_path: Annotated[str, about(
        "Of IDX images: the file of their labels; empty looks beside the images.",
        title="Labels file")] = ""
    image_size: Annotated[int, about(
        "Of a folder of images: all are brought to this height and width; 0 keeps them.",
        ge=0, le=512)] = 0
    grey: Annotated[bool, about("Of a folder of images: one channel instead of three.")] = False

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*DataLayer.outputs, *([LENGTHS] if self.lengths_key else []))

    def dataset(self) -> Dataset:
        if not self.path:
            raise DataError("No file is chosen yet. Pick one in the inspector, "
                            "or use File > Import data.")
        options = data.reader_options(self.path)
        if self.lengths_key and "lengths_key" not in options:
            raise DataError(f"'{Path(self.path).name}' has no array of lengths: only .npz arrays "
                            "do. Empty Lengths array.")
        settings = {
            "target_column": self.target_column, "task": self.task, "missing": self.missing,
            "ignore_columns": self.ignore_columns, "separator": self.separator,
            "header": self.header, "decimal": self.decimal,
            "x_key": self.x_key, "y_key": self.y_key, "lengths_key": self.lengths_key,
            "labels_path": self.labels_path,
            "size": (self.image_size, self.image_size) if self.image_size else None,
            "grey": self.grey}
        return data.open_data(self.path, **{
            name: settings[name] for name in options & settings.keys()})

    def unread_settings(self) -> frozenset[str]:
        """Of other kinds of files. One that is set is no such, as it may be what is wrong."""
        try:
            options = data.reader_options(self.path) if self.path else frozenset()
        except DataError:
            return frozenset()
        usual = File()
        return frozenset(
            name for name in File.__struct_fields__
            if name not in (*DataLayer.__struct_fields__, "path")
            and {"image_size": "size"}.get(name, name) not in options
            and getattr(self, name) == getattr(usual, name))

    def version(self) -> int:
        known = super().version()
        if self.path and not self.labels_path:
            # Labels that are found by their name; where there are none, only `path` counts.
            with suppress(DataError, ValueError):
                known = hash((known, fingerprint(str(labels_beside(Path(self.path))))))
        return known

    def subtitle(self) -> str:
        return os.path.basename(self.path) or "no file yet"
