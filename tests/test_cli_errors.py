"""What the command line refuses: one line, the way out."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from playground import document, graph_json
from playground.cli import main
from playground.graph import Graph
from playground.layers.core import Dense
from tests.command_line import Capture, one_line, run, small

# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "words"), [
    (["nowhere"], "no file and no example 'nowhere'"),
    (["train", "mlp-spirl"], "Did you mean mlp-spiral"),
    (["summary"], "FILE|EXAMPLE"),
    (["summary", "nowhere"], "no file and no example 'nowhere'"),
    (["train", "mlp-spiral", "--steps", "0"], "between 1 and"),
    (["train", "mlp-spiral", "--steps", "many"], "--steps"),
    (["train", "mlp-spiral", "--steps", "1", "--epochs", "1"], "not allowed with"),
    (["train", "mlp-spiral", "--seed", "-1"], "--seed"),
    (["train", "mlp-spiral", "--save", "/nowhere/at/all.playground"], "cannot be written"),
    (["train", "mlp-spiral", "--frobnicate"], "--frobnicate"),
    (["train", "mlp-spiral", "--steps", "many"], "not a whole number between 1 and"),
    (["train", "mlp-spiral", "--threads", "1000000000"], "between 1 and 256"),
    (["examples", "twice"], "twice"),
])
def test_bad_arguments_are_one_line(capsys: Capture, arguments: list[str], words: str) -> None:
    err = one_line(capsys, *arguments)
    assert err.startswith("playground: ")
    assert words in err


def test_bad_files_are_one_line(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "bad.playground").write_text("hello\nworld")
    document.save(tmp_path / "empty.playground", Graph())
    document.save(tmp_path / "huge.playground", small().with_layer("dense_1", Dense(units=10**9)))
    document.save(tmp_path / "alone.playground", small().without(["dense_2"]))
    for name, words in {"bad": "neither", "empty": "empty", "huge": "of memory",
                        "alone": "Nothing is connected"}.items():
        assert words in one_line(capsys, "train", tmp_path / f"{name}.playground")


class Stream(io.StringIO):
    """Standard output of a process that a terminal, or nobody, reads."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(("words", "terminal", "screen", "opens"), [
    (["gone.playground"], None, True, True),
    (["gone.json", "--theme", "light"], None, True, True),
    (["gone.playground"], "stderr", True, False),
    (["gone.playground"], "stdin", True, False),
    (["gone.playground"], None, False, False),
    (["gone.playground", "--screenshot", "a.png"], None, True, False),
    (["no-such-example"], None, True, False),
    (["summary", "gone.playground"], None, True, False),
])
def test_a_missing_file_is_told_where_somebody_reads_it(
        monkeypatch: pytest.MonkeyPatch, words: list[str], terminal: str | None, screen: bool,
        opens: bool) -> None:
    opened: list[list[str]] = []
    monkeypatch.setattr("ui.app.main", lambda words: opened.append(words) or 0)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    streams = {name: Stream(name == terminal) for name in ("stdin", "stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    code = main(words)
    said = streams["stderr"].getvalue()
    if opens:
        assert (code, opened, said) == (0, [words], "")
    else:
        assert (code, opened) == (2, [])
        assert "There is no file and no example" in said


@pytest.mark.parametrize("command", ["summary", "train"])
def test_a_wrong_setting_is_one_line(capsys: Capture, tmp_path: Path, command: str) -> None:
    raw = json.loads(graph_json.encode(small()))
    next(n for n in raw["nodes"] if n["kind"] == "spiral")["settings"]["points"] = 10**9
    (tmp_path / "points.json").write_text(json.dumps(raw))
    assert "spiral_1" in one_line(capsys, command, tmp_path / "points.json")


def test_a_damaged_file_ends_in_one_full_stop(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "cut.playground").write_bytes(b"PK\x03\x04 cut off")
    assert ".. " not in run(capsys, "summary", tmp_path / "cut.playground")[2]


@pytest.mark.parametrize(("words", "told"), [
    (["perceptron"], "nothing to compare"),
    (["exploding:foo", "perceptron"], "no variation 'foo'"),
    (["perceptron", "nowhere"], "There is no file and no example 'nowhere'"),
])
def test_what_cannot_be_compared(words: list[str], told: str, capsys: Capture) -> None:
    assert told in one_line(capsys, "compare", *words)


# -- no window ------------------------------------------------------------------------------------


@pytest.fixture
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.app.main", lambda words: pytest.fail("the window opens"))


def make_odd(path: Path, kind: str) -> None:
    path.mkdir() if kind == "directory" else os.mkfifo(path)


@pytest.mark.usefixtures("no_window")
@pytest.mark.parametrize("content", ["directory", "pipe", b"", b"{}", b"PK nonsense"])
@pytest.mark.parametrize("more", [[], ["--screenshot", "a.png"]])
def test_a_bad_file_ends_with_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: Capture, content: str | bytes,
                                     more: list[str]) -> None:
    monkeypatch.setattr("playground.cli._from_desktop", lambda: False)
    path = tmp_path / "bad.playground"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        make_odd(path, content)
    assert one_line(capsys, path, *more)


@pytest.mark.usefixtures("no_window")
@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_can_be_no_document_opens_no_window(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, kind: str) -> None:
    """Whoever starts this has no terminal; yet no file manager hands over a folder or a pipe."""
    monkeypatch.setattr("playground.cli._from_desktop", lambda: True)
    make_odd(tmp_path / "odd", kind)
    assert one_line(capsys, tmp_path / "odd")


@pytest.mark.usefixtures("no_window")
@pytest.mark.parametrize("command", [[], ["train"], ["summary"]])
@pytest.mark.parametrize("name", ["", "a" * 5000])
def test_names_that_cannot_be(command: list[str], name: str, capsys: Capture) -> None:
    err = one_line(capsys, *command, name)
    assert "There is no file and no example" in err
    assert len(err) < 2000


@pytest.mark.parametrize("option", ["--log", "--save"])
def test_names_that_cannot_be_written(option: str, capsys: Capture) -> None:
    name = "a" * 5000 + (".csv" if option == "--log" else ".playground")
    assert "cannot be written" in one_line(capsys, "train", "perceptron", option, name)


@pytest.mark.usefixtures("no_window")
def test_without_a_screen_there_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "needs a screen" in one_line(capsys, "perceptron")


@pytest.mark.usefixtures("no_window")
def test_a_picture_that_cannot_be_written_is_told(tmp_path: Path, capsys: Capture) -> None:
    picture = tmp_path / "no" / "a.png"
    assert "cannot be written" in one_line(capsys, "perceptron", "--screenshot", picture)
