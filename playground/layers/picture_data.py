"""Made pictures as nodes: as large, and of as many classes, as a network wants."""

from __future__ import annotations

from typing import Annotated

from playground.data.dataset import Dataset
from playground.data.gratings import gratings
from playground.layers.augmentation import AUGMENTED
from playground.layers.base import about, layer
from playground.layers.data import DataLayer, Noise


@layer("gratings", category="data", label="Gratings")
class Gratings(DataLayer, frozen=True, kw_only=True):
    """Coloured stripes of any size and up to 1,000 kinds: room for networks made for ImageNet."""

    other_names = AUGMENTED

    pictures: Annotated[int, about("Number of pictures.", ge=2, le=100_000)] = 200
    size: Annotated[int, about("Height and width.", ge=8, le=512, unit="px")] = 32
    kinds: Annotated[int, about(
        "Number of classes: ten directions, then ten widths, then ten colours.", ge=2, le=1000,
        title="Classes")] = 10
    noise: Noise = 0.1

    def dataset(self) -> Dataset:
        return gratings(self.pictures, self.size, self.kinds, self.noise, self.seed)

    def subtitle(self) -> str:
        return f"{self.pictures:,} pictures, {self.size}×{self.size}"
