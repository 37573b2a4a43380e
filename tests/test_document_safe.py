"""Saving is safe: a full disk or a kill in the middle leaves the old file."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from playground import document, graph_json
from playground.document import DocumentError
from playground.document.atomic import replacing
from playground.graph import Edge, Graph
from playground.layers.core import Dense
from tests.document_files import (
    ROOT,
    network,
    saved,
)


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
    "tempfile.mkstemp", "zipfile.ZipFile.open", "zipfile.ZipFile.close", "os.fsync",
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


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe) as file:
        file.write(b"numbers")
    reader.join(10)
    assert got == [b"numbers"]
    assert pipe.is_fifo()
    assert [*tmp_path.iterdir()] == [pipe]
