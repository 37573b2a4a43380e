"""Foreign, mangled, oversized documents: one sentence each, nothing lost."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground import document, graph_json
from playground.cli import main
from playground.document import DocumentError, history_csv
from playground.history import History
from playground.state import SavedState
from tests.document_files import (
    changed,
    history,
    members,
    network,
    refused,
    rezipped,
    saved,
)

# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty"), (b"hello", "neither"), (b"PK\x03\x04 no zip", "cut off or damaged"),
    (b"{", "not JSON"), (b'{"a": 1}', '"format": "playground"'), (b"\x00" * 2000, "neither"),
    (b'{"format": "playground",\n "version": 1,\n oops}', "line 3, column 2"),
    (b'{"format": "playground"}', "no version"),
    (b'{"format": "playground", "version": "1"}', "no version"),
    (b'{"format": "playground", "version": 1, "nodes": ' + b"[" * 5000, "not JSON"),
])
def test_foreign_files(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.playground").write_bytes(content)
    assert words in refused(tmp_path / "x.playground")


def test_data_that_are_opened_as_a_document_are_shown_the_way_in(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    np.savez(tmp_path / "arrays.npz", x=np.zeros((3, 2)))
    for name in ("train-images-idx3-ubyte", "LABELS.GZ", "cat.jpeg", "x.npy"):
        (tmp_path / name).write_bytes(b"\0\0\x08\x01")
    for path in tmp_path.iterdir():
        with pytest.raises(DocumentError, match=r"Data come in by File > Import Data\."):
            document.load(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.playground")
    assert "directory" in refused(tmp_path)


@pytest.mark.parametrize(("changes", "words"), [
    ({"nodes": 3}, "nodes"),
    ({"nodes": [{"id": "a b", "kind": "dense"}]}, "nodes[0].id"),
    ({"nodes": [{"id": "a", "kind": "dense", "x": "left"}]}, "nodes[0].x"),
    ({"nodes": [{"id": "a", "kind": "dense"}] * 2, "edges": []}, "second node called a"),
    ({"nodes": [{"id": "a", "kind": "dense", "colour": 1}], "edges": []}, "colour"),
    ({"nodes": [{"id": f"a{i}", "kind": "dense"} for i in range(3000)]}, "2000"),
    ({"edges": ["dense_1.0 > dense_2.0"]}, "edges[0]"),
    ({"edges": ["dense_1.0 -> nobody.0"]}, "no node called nobody"),
    ({"edges": ["dense_1.7 -> dense_2.0"]}, "no output number 8"),
    ({"edges": ["dense_1.0 -> dense_2.0"] * 2}, "connected twice"),
    ({"edges": ["dense_1.0 -> dense_2.0", "dense_2.0 -> dense_1.0"]}, "close a cycle"),
    ({"edges": ["dense_1.0 -> dense_1.0"]}, "cycle"),
    ({"training": {"batch": 0}}, "training.batch"),
    ({"training": {"optimizer": {"type": "magic"}}}, "training.optimizer"),
    ({"notes": None}, "notes"),
])
def test_hand_mangled_graphs(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_bytes(changed(**changes))
    assert words in refused(tmp_path / "graph.json")


def test_zip_bombs_are_not_unpacked(tmp_path: Path) -> None:
    path = rezipped(saved(tmp_path / "a.playground"), {"history.csv": b"0" * (30 << 20)})
    assert path.stat().st_size < 100_000
    assert "would unpack to 31,457,280 bytes" in refused(path)


def test_too_many_members_and_no_manifest(tmp_path: Path) -> None:
    path = rezipped(saved(tmp_path / "a.playground"), {f"m{i}": b"" for i in range(200)})
    assert "members" in refused(path)
    path = rezipped(saved(tmp_path / "b.playground"), {"manifest.json": None})
    assert "not one of this app" in refused(path)
    path = rezipped(saved(tmp_path / "c.playground"), {"manifest.json": b"[]"})
    assert "manifest.json" in refused(path)


@pytest.mark.parametrize("gone", ["weights.safetensors", "state.safetensors", "history.csv",
                                  "thumbnail.png"])
def test_a_member_that_is_missing_opens_read_only(
        tmp_path: Path, gone: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = saved(tmp_path / "whole.playground")
    part = rezipped(saved(tmp_path / "part.playground"), {gone: None})
    loaded = document.load(part)
    assert loaded.read_only
    assert [note for note in loaded.notes if f"its member {gone} is missing" in note]
    assert bool(loaded.lost) == (gone == "weights.safetensors")
    assert not document.load(whole).read_only
    before = part.read_bytes()
    assert main(["train", str(part), "--steps", "1", "--save", str(part)]) == 2
    assert part.read_bytes() == before
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("ahead", [-6, 1 << 60])
def test_epochs_that_cannot_be_are_refused(tmp_path: Path, ahead: int) -> None:
    path = tmp_path / "net.playground"
    for value in (0, -5, ahead):
        document.save(path, network(), SavedState(step=5, ahead=value))
        assert document.load(path).read_only == (value == ahead)
        # Versions that do not know it need not know.
        assert (b"ahead" in members(path)["state.safetensors"]) == (value != 0)


# -- fuzzing --------------------------------------------------------------------------------------


def only_document_errors(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    try:
        loaded = document.load(path)
    except DocumentError as error:
        said = str(error)
    else:  # What can be opened can be saved and opened again.
        document.save(path, loaded.graph, loaded.state, loaded.history, loaded.thumbnail)
        assert document.load(path).graph == loaded.graph
        said = ""
    assert "\n" not in said


fuzz = settings(max_examples=150, deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(st.data())
def test_truncated_and_flipped_bytes(tmp_path: Path, data: st.DataObject) -> None:
    good = saved(tmp_path / "good.playground").read_bytes()
    cut = data.draw(st.integers(0, len(good)))
    bad = bytearray(good[:cut] if data.draw(st.booleans()) else good)
    for place, value in data.draw(st.lists(st.tuples(
            st.integers(0, max(len(bad) - 1, 0)), st.integers(0, 255)), max_size=8)):
        if bad:
            bad[place] = value
    only_document_errors(bytes(bad), tmp_path / "bad.playground")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2**70, 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner,
                                                                 max_size=4), max_leaves=8)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a JSON value."""
    inner = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ())
    return [path, *(p for key, child in inner for p in places(child, (*path, key)))]


@fuzz
@given(st.data())
def test_json_with_anything_anywhere(tmp_path: Path, data: st.DataObject) -> None:
    raw = json.loads(graph_json.encode(network()))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from([p for p in places(raw) if p]))
        owner = raw
        for key in path:
            owner = owner[key]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del owner[last]
        elif action == "add" and isinstance(owner, dict):
            owner[data.draw(st.text(max_size=8))] = data.draw(JSON)
        else:
            owner[last] = data.draw(JSON)
    only_document_errors(json.dumps(raw).encode(), tmp_path / "graph.json")


@fuzz
@given(st.sampled_from(["manifest.json", "graph.json", "weights.safetensors",
                        "state.safetensors", "history.csv"]), st.data())
def test_members_with_flipped_bytes(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Inside an intact zip, so that no checksum of the zip catches it."""
    path = saved(tmp_path / "good.playground")
    bad = bytearray(members(path)[name])
    for place, value in data.draw(st.lists(st.tuples(
            st.integers(0, len(bad) - 1), st.integers(0, 255)), min_size=1, max_size=6)):
        bad[place] = value
    only_document_errors(rezipped(path, {name: bytes(bad)}).read_bytes(), path)


def test_histories_survive_as_tables() -> None:
    text = history_csv.to_csv(history().view())
    assert text.splitlines()[0].startswith(b"step,loss,loss low,loss high,dense_1.grad_norm")
    assert history_csv.to_csv(history_csv.from_csv(text)) == text
    empty = history_csv.to_csv(History(("loss",)).view())
    assert history_csv.to_csv(history_csv.from_csv(empty)) == empty


def test_saving_a_history_never_holds_all_its_text(tmp_path: Path) -> None:
    # Every autosave does it while the network trains.
    made = History([f"dense_{i}.mean" for i in range(20)])
    rows = np.random.default_rng(1).random((1000, 61)).astype(np.float32)
    made.extend(rows, np.arange(1, 1001))
    path, text = tmp_path / "a.playground", history_csv.to_csv(made.view())
    document.save(path, network(), None, made.view())  # imports what it needs
    tracemalloc.start()
    try:
        document.save(path, network(), None, made.view())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert members(path)["history.csv"] == text
    assert peak < len(text)
