"""Documents and the files they name; what is wrong in one is told in words that people use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from playground import document, graph_json
from playground.document import DocumentError
from playground.graph import Graph
from playground.layers.file_data import File

# -- data beside a document -----------------------------------------------------------------------


def with_table(path: str) -> Graph:
    return Graph().with_node(File(path=path))


def path_of(graph: Graph) -> str:
    return str(graph.nodes[0].layer.settings()["path"])


@pytest.mark.parametrize("name", ["net.json", "net.playground"])
def test_a_folder_of_document_and_data_moves_as_one(tmp_path: Path, name: str) -> None:
    project = tmp_path / "here"
    (project / "tables").mkdir(parents=True)
    (project / "tables" / "a.csv").write_text("a,b\n1,2\n")
    document.save(project / name, with_table(str(project / "tables" / "a.csv")))
    moved = project.rename(tmp_path / "there")
    assert path_of(document.load(moved / name).graph) == str(moved / "tables" / "a.csv")


def test_other_paths_are_kept_as_they_were_typed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path.parent / "here.csv").touch()
    for path in ("", "here.csv", str(tmp_path.parent / "c.csv")):
        document.save(tmp_path / "net.json", with_table(path))
        assert path_of(document.load(tmp_path / "net.json").graph) == path


@pytest.mark.parametrize("path", ["missing.csv", "../b.csv"])
def test_what_is_missing_is_missed_beside_its_document(tmp_path: Path, path: str) -> None:
    """So that it is found as soon as it is put back there."""
    file = tmp_path / "net.json"
    document.save(file, with_table(path))
    before = file.read_bytes()
    graph = document.load(file).graph
    assert path_of(graph) == str(tmp_path / path)
    document.save(file, graph)
    assert file.read_bytes() == before, "named as before"


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("node", "words"), [
    ({"id": "a b", "kind": "spiral"}, "a name of letters, digits and _"),
    ({"id": "a", "kind": 3}, "Expected a text, got a whole number"),
])
def test_a_wrong_file_is_told_without_jargon(node: dict[str, Any], words: str) -> None:
    text = json.dumps({"format": "playground", "version": 1, "nodes": [node]}).encode()
    with pytest.raises(DocumentError, match=words) as caught:
        graph_json.decode(text)
    assert "`" not in str(caught.value)
    assert "regex" not in str(caught.value)


def test_a_refused_setting_is_told_without_jargon() -> None:
    node = {"id": "a", "kind": "spiral", "settings": {"points": 10**9}}
    text = json.dumps({"format": "playground", "version": 1, "nodes": [node]}).encode()
    assert graph_json.decode(text).notes[0].startswith(
        "a: Spiral: Expected a whole number of at most 100000, in points. The layer")
