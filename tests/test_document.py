"""Documents: what is saved comes back, from every version."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground import document, graph_json
from playground.document import DocumentError
from playground.graph import UnknownLayer
from playground.layers.core import Dense
from tests.document_files import (
    GOLDEN,
    changed,
    history,
    members,
    network,
    rezipped,
    saved,
    state,
)

# -- round trips ----------------------------------------------------------------------------------


def test_all_comes_back(tmp_path: Path) -> None:
    loaded = document.load(saved(tmp_path / "a.playground"))
    assert loaded.graph == network()
    assert loaded.state is not None
    assert loaded.state.same_as(state())
    assert loaded.thumbnail == b"\x89PNG not looked into"
    assert not loaded.notes
    assert not loaded.read_only
    view, back = history().view(), loaded.history
    assert back is not None
    assert back.columns == view.columns
    np.testing.assert_array_equal(back.step, view.step)
    np.testing.assert_allclose(back.values, view.values, rtol=1e-8)
    np.testing.assert_allclose(back.validation_loss, view.validation_loss, rtol=1e-8)


def test_saving_again_gives_the_same_bytes(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.playground")
    x = document.load(first)
    document.save(tmp_path / "b.playground", x.graph, x.state, x.history, x.thumbnail)
    assert first.read_bytes() == (tmp_path / "b.playground").read_bytes()


def test_a_bare_graph_opens(tmp_path: Path) -> None:
    document.save(tmp_path / "graph.json", network(), state())
    loaded = document.load(tmp_path / "graph.json")
    assert loaded.graph == network()
    assert loaded.state is None
    text = (tmp_path / "graph.json").read_bytes()
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf" + text)
    assert document.load(tmp_path / "bom.json").graph == network()


def test_one_change_is_one_line(tmp_path: Path) -> None:
    before = graph_json.encode(network()).decode().splitlines()
    edited = network().with_layer("dense_1", Dense(units=4, activation="tanh"))
    after = graph_json.encode(edited).decode().splitlines()
    assert len([1 for a, b in zip(before, after, strict=True) if a != b]) == 1
    assert any('"dense_1.0 -> dense_2.0"' in line for line in after)


def test_weights_are_stored_and_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(saved(tmp_path / "a.playground")) as archive:
        info = archive.getinfo("weights.safetensors")
        assert info.compress_type == zipfile.ZIP_STORED
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        header = archive.read(info)[8:]
    assert b'"dense_1.w":{"dtype":"F32","shape":[3,2]' in header


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("version_*.playground")), ids=lambda p: p.name)
def test_documents_of_every_version_open_and_save(path: Path, tmp_path: Path) -> None:
    x = document.load(path)
    assert not x.notes
    assert not x.read_only
    assert x.state is not None
    assert x.state.step == 1234
    document.save(tmp_path / "new.playground", x.graph, x.state, x.history, x.thumbnail)
    again = document.load(tmp_path / "new.playground")
    assert again.graph == x.graph
    assert again.state is not None
    assert again.state.same_as(x.state)
    if path.stem == f"version_{document.VERSION}":
        old, new = members(path), members(tmp_path / "new.playground")
        graphs = [json.loads(files.pop("graph.json")) for files in (old, new)]
        assert [files.pop("manifest.json") != b"" for files in (old, new)] == [True, True]
        assert old == new
        assert_kept(*graphs)


def assert_kept(old: Any, new: Any) -> None:
    """All that was saved is saved again; settings that are newer than the file may come to it."""
    if isinstance(old, dict):
        assert set(old) <= set(new)
        for name, value in old.items():
            assert_kept(value, new[name])
    elif isinstance(old, list):
        assert len(old) == len(new)
        for a, b in zip(old, new, strict=True):
            assert_kept(a, b)
    else:
        assert old == new


def test_there_is_a_golden_file_of_every_version() -> None:
    wanted = {f"version_{n}.playground" for n in range(1, document.VERSION + 1)}
    assert wanted == {path.name for path in GOLDEN.glob("*.playground")}
    assert set(graph_json.MIGRATIONS) == set(range(1, document.VERSION))


# -- versions and strangers -----------------------------------------------------------------------


def test_an_older_version_is_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = graph_json.VERSION
    monkeypatch.setattr(graph_json, "VERSION", now + 1)
    monkeypatch.setitem(graph_json.MIGRATIONS, now, lambda raw: raw | {"notes": raw["remarks"]})
    raw = json.loads(changed(version=now))
    raw["remarks"] = raw.pop("notes")
    with pytest.raises(DocumentError, match="remarks"):  # The migration left it there.
        graph_json.decode(json.dumps(raw).encode())
    with pytest.raises(DocumentError, match=f"says version {now}, but does not look like it"):
        graph_json.decode(changed(version=now))


def test_a_newer_version_opens_read_only() -> None:
    raw = json.loads(changed(version=99, colours={}, training={"tempo": "presto"}))
    raw["nodes"][1]["frozen"] = True
    raw["nodes"][2]["kind"] = "quantum_dense"
    decoded = graph_json.decode(json.dumps(raw).encode())
    assert decoded.read_only
    assert "newer version" in decoded.notes[0]
    assert isinstance(decoded.graph.node("dense_2").layer, UnknownLayer)
    assert len(decoded.graph.edges) == 3


def test_unknown_layers_and_settings_are_kept_as_they_came() -> None:
    raw = json.loads(changed())
    raw["nodes"][1] |= {"kind": "quantum", "settings": {"spin": [1, {"up": None}]}}
    raw["nodes"][2]["settings"] |= {"units": -1}
    decoded = graph_json.decode(json.dumps(raw).encode())
    quantum, dense = (decoded.graph.node(id).layer for id in ("dense_1", "dense_2"))
    assert isinstance(quantum, UnknownLayer)
    assert isinstance(dense, UnknownLayer)
    assert "quantum" in quantum.why
    assert "units" in dense.why
    assert len(decoded.notes) == 2
    assert not decoded.read_only
    assert json.loads(graph_json.encode(decoded.graph)) == raw


def test_weights_that_do_not_fit_are_told_one_by_one(tmp_path: Path) -> None:
    graph = network().with_layer("dense_2", Dense(units=2, bias=False)).with_layer(
        "dense_1", Dense(units=4, activation="tanh"))
    document.save(tmp_path / "a.playground", graph, state())
    loaded = document.load(tmp_path / "a.playground")
    assert loaded.state is not None
    assert not loaded.state.parameters
    assert not loaded.state.optimizer
    assert loaded.state.running
    text = " ".join(loaded.notes)
    assert "dense_1.w are 3×2 where 4×2 are wanted" in text
    assert "dense_2.b belong to no layer" in text
    document.save(tmp_path / "b.playground", graph.without(["spiral_1"]), state())
    loaded = document.load(tmp_path / "b.playground")
    assert loaded.state is not None
    assert len(loaded.state.parameters) == 4  # No shapes without data: nothing to object to.


def test_a_damaged_part_costs_only_itself(tmp_path: Path) -> None:
    for name in ("weights.safetensors", "state.safetensors", "history.csv"):
        path = rezipped(saved(tmp_path / f"{name}.playground"), {name: b"rubbish"})
        loaded = document.load(path)
        assert loaded.graph == network()
        assert loaded.read_only
        assert name in loaded.notes[0]


def test_members_of_others_are_named(tmp_path: Path) -> None:
    path = rezipped(saved(tmp_path / "a.playground"), {"mine.txt": b"?"})
    assert "mine.txt" in document.load(path).notes[0]
