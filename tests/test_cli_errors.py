"""What the command line refuses: one line, the way out, and nothing lost."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from playground import document, graph_json
from playground.cli import main
from playground.graph import Graph
from playground.layers.core import Dense
from tests.command_line import ROOT, Capture, run, saved, small


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(tmp_path)


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
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("playground: ")
    assert len(err.splitlines()) == 1
    assert words in err


def test_bad_files_are_one_line(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "bad.playground").write_text("hello\nworld")
    document.save(tmp_path / "empty.playground", Graph())
    document.save(tmp_path / "huge.playground", small().with_layer("dense_1", Dense(units=10**9)))
    document.save(tmp_path / "alone.playground", small().without(["dense_2"]))
    for name, words in {"bad": "neither", "empty": "empty", "huge": "of memory",
                        "alone": "Nothing is connected"}.items():
        code, out, err = run(capsys, "train", tmp_path / f"{name}.playground")
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert words in err


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
    code, out, err = run(capsys, command, tmp_path / "points.json")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "spiral_1" in err


def test_a_damaged_file_ends_in_one_full_stop(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "cut.playground").write_bytes(b"PK\x03\x04 cut off")
    assert ".. " not in run(capsys, "summary", tmp_path / "cut.playground")[2]


# -- what must not be lost ------------------------------------------------------------------------


@pytest.fixture
def trained(capsys: Capture, file: Path) -> Path:
    assert run(capsys, "train", file, "--steps", 9, "--save", file)[0] == 0
    return file


def refused(capsys: Capture, path: Path, *arguments: object) -> str:
    """Exit code 2 with one line, and the file is what it was."""
    before = path.read_bytes()
    code, out, err = run(capsys, "train", path, "--steps", 5, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert path.read_bytes() == before
    return err


def damage(path: Path) -> None:
    """Turn a byte of the weights."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("weights.safetensors").header_offset
    data[start + 200] ^= 0xFF
    path.write_bytes(data)


def test_weights_that_cannot_be_read_are_not_replaced(capsys: Capture, trained: Path) -> None:
    damage(trained)
    assert "weights.safetensors is damaged" in refused(capsys, trained)
    refused(capsys, trained, "--save", trained)
    assert "read-only" in refused(capsys, trained, "--seed", 1, "--save", trained)
    other = trained.with_name("other.playground")
    assert run(capsys, "train", trained, "--steps", 5, "--seed", 1, "--save", other)[0] == 0


def test_a_newer_document_is_not_replaced(capsys: Capture, file: Path) -> None:
    newer = file.with_name("newer.playground")
    raw = json.loads(graph_json.encode(small()))
    newer.write_text(json.dumps(raw | {"version": 99}))
    assert "read-only" in refused(capsys, newer, "--save", newer)


def test_a_seed_does_not_replace_trained_weights(capsys: Capture, trained: Path) -> None:
    assert "step 9" in refused(capsys, trained, "--seed", 3, "--save", trained)
    code, _, err = run(capsys, "train", trained, "--steps", 5, "--seed", 3)
    assert code == 0
    assert "the saved weights of step 9 are not used" in err


def test_trained_weights_of_another_document_are_not_replaced(
        capsys: Capture, trained: Path) -> None:
    before, other = trained.read_bytes(), trained.with_name("other.playground")
    document.save(other, small())
    command = ("train", other, "--steps", 2, "--save", trained)
    code, out, err = run(capsys, *command)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "of step 9" in err
    assert "--replace" in err
    damage(trained)
    assert "cannot be read now" in run(capsys, *command)[2]
    trained.write_bytes(before)
    assert run(capsys, *command, "--replace")[0] == 0
    loaded = document.load(trained)
    assert loaded.state is not None
    assert loaded.state.step == 2
    # One that holds a drawing only has nothing to lose.
    document.save(other, small())
    assert run(capsys, "train", trained, "--steps", 2, "--save", other)[0] == 0


def test_replace_lets_a_seed_begin_anew_in_the_same_file(capsys: Capture, trained: Path) -> None:
    assert run(capsys, "train", trained, "--steps", 4, "--seed", 3, "--save", trained,
               "--replace")[0] == 0
    loaded = document.load(trained)
    assert loaded.state is not None
    assert loaded.state.step == 4


@pytest.mark.parametrize("name", ["out.json", "out.txt", "out"])
def test_training_is_saved_as_a_document_only(capsys: Capture, file: Path, name: str) -> None:
    assert "end it in .playground" in refused(capsys, file, "--save", file.with_name(name))
    assert not file.with_name(name).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize(("output", "why"), [(">/dev/full", "No space left"), (">&-", "closed")])
@pytest.mark.parametrize("command", ["examples", "examples --json", "summary perceptron",
                                     "train perceptron --steps 2 --save {}"])
def test_an_output_that_cannot_be_written_is_told(
        tmp_path: Path, command: str, output: str, why: str) -> None:
    saved = tmp_path / "a.playground"
    done = subprocess.run(f"{sys.executable} -m playground {command.format(saved)} {output}",
                          shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert saved.exists() == ("--save" in command), "what was trained is not lost"


@pytest.mark.parametrize(("words", "told"), [
    (["perceptron"], "nothing to compare"),
    (["exploding:foo", "perceptron"], "no variation 'foo'"),
    (["perceptron", "nowhere"], "There is no file and no example 'nowhere'"),
])
def test_what_cannot_be_compared(words: list[str], told: str,
                                 capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
