"""What a mangled description of a network is told: in words of people, wherever it is wrong."""

from __future__ import annotations

import copy
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.document import save
from playground.examples import EXAMPLES
from playground.graph_json import DocumentError, decode, encode

JARGON = ("`", "NoneType", "Object ", "`list`", "regex", "msgspec")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands, from the top down."""
    inside = value.items() if isinstance(value, dict) else (
        enumerate(value[:2]) if isinstance(value, list) else ())
    for key, part in inside:
        yield (*path, key)
        yield from places(part, (*path, key))


def mangled(whole: Any, path: tuple[Any, ...], what: object) -> Any:
    """With something else at a place; ... takes it away."""
    made = copy.deepcopy(whole)
    inside = made
    for key in path[:-1]:
        inside = inside[key]
    if what is ...:
        del inside[path[-1]]
    else:
        inside[path[-1]] = what
    return made


@pytest.mark.parametrize("what", [..., None, [], {}, 1.5, "x y", True, [None], {"x": None}],
                         ids=str)
def test_errors_are_without_jargon(what: object) -> None:
    whole = json.loads(encode(EXAMPLES["cnn-digits"].graph))
    told = []
    for path in places(whole):
        try:
            decode(json.dumps(mangled(whole, path, what)).encode())
        except DocumentError as error:
            told.append((path, str(error)))
    assert told
    for path, sentence in told:
        assert not [word for word in JARGON if word in sentence], (path, sentence)
        assert sentence.endswith((".", ")")), (path, sentence)


@pytest.mark.parametrize(("number", "space"), [
    (errno.ENOSPC, True), (errno.EFBIG, True), (errno.EACCES, False), (errno.EPERM, False)])
def test_more_space_is_the_advice_where_space_is_short(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, space: bool) -> None:
    def refuse(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(DocumentError) as caught:
        save(tmp_path / "mine.playground", EXAMPLES["mlp-spiral"].graph)
    assert ("free some space" in str(caught.value)) == space
    assert "another folder" in str(caught.value)
