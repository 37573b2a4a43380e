"""The command line loses nothing that was saved, by itself or by others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from playground import document, graph_json, headless
from playground.state import SavedState
from tests.command_line import ROOT, Capture, one_line, run, saved, small


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(tmp_path)


@pytest.fixture
def trained(capsys: Capture, file: Path) -> Path:
    assert run(capsys, "train", file, "--steps", 9, "--save", file)[0] == 0
    return file


def refused(capsys: Capture, path: Path, *arguments: object) -> str:
    """Exit code 2 with one line, and the file is what it was."""
    before = path.read_bytes()
    err = one_line(capsys, "train", path, "--steps", 5, *arguments)
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
    err = one_line(capsys, *command)
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


def test_what_was_saved_while_it_trained_is_left_alone(
        capsys: Capture, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, theirs = headless.train, small(learning_rate=0.3)

    def train(*args: Any, **options: Any) -> headless.Outcome:
        outcome = real(*args, **options)
        document.save(trained, theirs, SavedState(step=77))
        return outcome

    monkeypatch.setattr(headless, "train", train)
    code, _, err = run(capsys, "train", trained, "--steps", 5, "--save", trained)
    assert code == 2
    beside = trained.with_name("small-2.playground")
    assert f"is in {beside}." in err
    state = document.load(beside).state
    assert state is not None
    assert state.step == 14
    assert document.load(trained).graph == theirs


@pytest.mark.parametrize("name", ["small.playground", "new.playground", "graph.json", "thesis.pdf",
                                  "link.csv"])
def test_a_log_replaces_nothing_but_a_log(capsys: Capture, trained: Path, name: str) -> None:
    folder = trained.parent
    (folder / "thesis.pdf").write_bytes(b"%PDF-1.7 years of work")
    (folder / "link.csv").symlink_to(trained)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for what in (trained, "perceptron"):
        assert one_line(capsys, "train", what, "--steps", 1, "--log", folder / name)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_log_replaces_a_log_and_goes_to_pipes(capsys: Capture, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.touch()
    for _ in range(2):
        assert run(capsys, "train", "perceptron", "--steps", 3, "--log", log)[0] == 0
        assert log.read_text().startswith("step,")
    assert run(capsys, "train", "perceptron", "--steps", 3, "--log", os.devnull)[0] == 0
