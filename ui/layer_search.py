"""Which layers a search finds, and which of them it means."""

from __future__ import annotations

import re
from itertools import chain

from playground.layers.base import CATEGORIES, Layer, tooltip

Score = tuple[bool, int, int]
"""How well a name is met: by its beginning, by how many whole words, how many begun."""


def matches(cls: type[Layer], search: str) -> bool:
    """Whether each word of a search is in a layer's names, its group or what it is for."""
    names = (cls.label, cls.kind, *cls.other_names)
    text = _plain(" ".join((*names, CATEGORIES[cls.category], cls.category, tooltip(cls))))
    words = set(chain.from_iterable(map(_words, names)))
    return all(word in text or word in words for word in _plain(search).split())


def rank(cls: type[Layer], search: str) -> tuple[Score, Score]:
    """How well a search names a layer: by its label, then by its other names.

    Many layers are found by their purpose alone; the one that is named is meant.
    """
    others = (_score(name, search) for name in cls.other_names)
    return _score(cls.label, search), max(others, default=(False, 0, 0))


def _score(name: str, search: str) -> Score:
    words, wanted = _words(name), _parts(search)
    begun = sum(any(word.startswith(part) for word in words) for part in wanted)
    begins = " ".join(_parts(name)).startswith(" ".join(wanted))
    return begins, len(words & set(wanted)), begun


def _words(name: str) -> set[str]:
    """The words of a name, their initials (MSE is the mean squared error), and all in one."""
    parts = _parts(name)
    return {*parts, "".join(part[0] for part in parts), "".join(parts)}


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", _plain(text)) if part]


def _plain(text: str) -> str:
    """In small letters, and normalization the same as normalisation."""
    return text.lower().replace("iz", "is")
