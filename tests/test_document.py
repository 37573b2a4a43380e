"""Documents: what is saved comes back, and whatever else a file may hold ends in one sentence."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground import document, graph_json
from playground.document import DocumentError, history_csv
from playground.graph import Edge, Graph, UnknownLayer
from playground.history import History
from playground.layers.core import Dense
from playground.layers.data import Spiral
from playground.layers.loss import SoftmaxCrossEntropy
from playground.state import SavedState
from playground.training import Adam, Training

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[1]


def network() -> Graph:
    graph = Graph(notes="# Notes\nwith ∂ and 中文").with_training(
        Training(batch=16, optimizer=Adam(learning_rate=0.01)))
    for i, layer in enumerate((Spiral(points=50), Dense(units=3, activation="tanh"),
                               Dense(units=2), SoftmaxCrossEntropy())):
        graph = graph.with_node(layer, 200.0 * i, -8.5)
    for a, b in (("spiral_1", "dense_1"), ("dense_1", "dense_2"),
                 ("dense_2", "loss_1")):
        graph = graph.connect(a, b)
    return graph


def state() -> SavedState:
    random = np.random.default_rng(0)
    shapes = {"dense_1.w": (3, 2), "dense_1.b": (3,), "dense_2.w": (2, 3), "dense_2.b": (2,)}
    parameters = {name: random.normal(size=shape).astype(np.float32)
                  for name, shape in shapes.items()}
    parameters["dense_2.b"][0] = np.nan  # A diverged network is saved as it is.
    return SavedState(
        step=1234, position=5, parameters=parameters,
        optimizer={f"{name}.m": np.float32(0.1) * values for name, values in parameters.items()},
        running={"noise": np.arange(6, dtype=np.float32)})


def history() -> History:
    made = History(("loss", "dense_1.grad_norm"), capacity=32)
    random = np.random.default_rng(1)
    for step in range(1, 21):
        row = random.random((1, 2)).astype(np.float32)
        if step == 7:
            row[0, 0] = np.inf
        made.extend(np.concatenate([[[1]], row, row, row], axis=1), np.array([step]))
        if step % 5 == 0:
            made.append_validation(step, 0.5 / step, 0.9)
    made.merge()
    return made


def saved(path: Path) -> Path:
    document.save(path, network(), state(), history().view(), b"\x89PNG not looked into")
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(path: Path, changes: dict[str, bytes | None]) -> Path:
    """The same document with some members changed, added or (None) taken out."""
    kept = {k: v for k, v in {**members(path), **changes}.items() if v is not None}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    return path


def refused(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        document.load(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.endswith("."), text
    assert "\n" not in text
    return text


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
        assert members(path) == members(tmp_path / "new.playground")


def test_there_is_a_golden_file_of_every_version() -> None:
    wanted = {f"version_{n}.playground" for n in range(1, document.VERSION + 1)}
    assert wanted == {path.name for path in GOLDEN.glob("*.playground")}
    assert set(graph_json.MIGRATIONS) == set(range(1, document.VERSION))


# -- versions and strangers -----------------------------------------------------------------------


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(graph_json.encode(network())), **changes}).encode()


def test_an_older_version_is_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = graph_json.VERSION
    monkeypatch.setattr(graph_json, "VERSION", now + 1)
    monkeypatch.setitem(graph_json.MIGRATIONS, now, lambda raw: raw | {"notes": raw["remarks"]})
    raw = json.loads(changed())
    raw["remarks"] = raw.pop("notes")
    with pytest.raises(DocumentError, match="remarks"):  # The migration left it there.
        graph_json.decode(json.dumps(raw).encode())
    with pytest.raises(DocumentError, match=f"says version {now}, but does not look"):
        graph_json.decode(changed())


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


# -- saving is safe -------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.playground")
    old = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DocumentError, match="No space left on device"):
        document.save(path, Graph())
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.playground"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="could not be saved"):
        document.save(tmp_path / "none" / "a.playground", network())


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    real = saved(tmp_path / "real.playground")
    real.chmod(0o640)
    (tmp_path / "link.playground").symlink_to(real)
    document.save(tmp_path / "link.playground", Graph())
    assert (tmp_path / "link.playground").is_symlink()
    assert not document.load(real).graph.nodes
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_a_full_disk(tmp_path: Path) -> None:
    """The system itself refuses to write more than 600 bytes."""
    path = saved(tmp_path / "a.playground")
    old = path.read_bytes()
    done = run_python(f"""
        import resource
        from pathlib import Path
        from tests.test_document import saved
        from playground.document import DocumentError
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        try:
            saved(Path({str(path)!r}))
        except DocumentError as error:
            print(error)
        """)
    assert "could not be saved: File too large" in done.stdout, done.stderr
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("stage", [
    "tempfile.mkstemp", "zipfile.ZipFile.writestr", "zipfile.ZipFile.close", "os.fsync",
    "os.chmod", "os.replace"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_saving(stage: str, when: str, tmp_path: Path) -> None:
    """kill -9 at each stage: the file is the old or the new one, whole."""
    path = tmp_path / "a.playground"
    document.save(path, Graph(notes="old"))
    done = run_python(f"""
        import os, signal, sys, tempfile, zipfile
        from pathlib import Path
        from playground import document
        from tests.test_document import saved
        *owner, name = {stage!r}.split(".")
        target = sys.modules[owner[0]]
        for part in owner[1:]:
            target = getattr(target, part)
        original = getattr(target, name)
        def deadly(*arguments, **named):
            if {when!r} == "after":
                original(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)
        setattr(target, name, deadly)
        saved(Path({str(path)!r}))
        """)
    assert done.returncode == -signal.SIGKILL, done.stderr
    notes = document.load(path).graph.notes
    assert notes in ("old", network().notes)
    assert (notes == "old") == ((stage, when) != ("os.replace", "after"))


def run_python(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True,
                          text=True, cwd=ROOT, timeout=120)


def test_a_large_graph_opens_quickly() -> None:
    graph = Graph()
    nodes = [graph.with_node(Dense(), id=f"n{i}").nodes[0] for i in range(2000)]
    edges = tuple(Edge(f"n{i}", 0, f"n{i + 1}", 0) for i in range(1999))
    text = graph_json.encode(Graph(nodes=tuple(nodes), edges=tuple(sorted(edges))))
    assert len(graph_json.decode(text).graph.edges) == 1999


def test_unpacked_members_are_read_from_memory_too() -> None:
    from playground.document.archive import Archive

    with pytest.raises(DocumentError, match="cut off or damaged"):
        Archive(io.BytesIO(b"PK\x05\x06" + b"\0" * 3))
