"""The command line: what it prints, its exit codes, and that it never touches Qt."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground import document, graph_json
from playground.cli import _Bar, main
from playground.examples import EXAMPLES, plane
from playground.examples.base import Mark, chain, seeded
from playground.graph import Graph
from playground.headless import train
from playground.layers.core import Dense
from playground.layers.data import Spiral
from playground.layers.loss import SoftmaxCrossEntropy
from playground.results import as_table, in_words
from playground.session import Session
from playground.training import SGD

ROOT = Path(__file__).parents[1]
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:  # --help
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def result(capsys: Capture, *arguments: object) -> dict[str, Any]:
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    value = json.loads(out)
    assert isinstance(value, dict)
    return value


def small(learning_rate: float = 0.1) -> Graph:
    return chain(Spiral(points=60), Dense(units=4, activation="tanh"), Dense(units=2),
                 SoftmaxCrossEntropy(), notes="",
                 training=seeded(1, batch=16, optimizer=SGD(learning_rate=learning_rate)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    document.save(tmp_path / "small.playground", small())
    return tmp_path / "small.playground"


# -- examples and summary -------------------------------------------------------------------------


def test_examples(capsys: Capture) -> None:
    code, out, err = run(capsys, "examples")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(EXAMPLES)
    _, out, _ = run(capsys, "examples", "--json")
    assert json.loads(out)[0].keys() == {"name", "title", "description", "mark"}


def test_summary_of_lenet(capsys: Capture) -> None:
    summary = result(capsys, "summary", "lenet5")
    assert summary["parameters"] == 61_706
    assert summary["rows"][0] == {
        "node": "conv_1", "kind": "conv2d", "output": [6, 28, 28], "parameters": 156}
    outputs = 6 * 28 * 28 + 6 * 14 * 14 + 16 * 10 * 10 + 16 * 5 * 5 + 120 + 84 + 10
    assert summary["forward_backward_mb"] == pytest.approx(2 * outputs * 4 / 2**20)
    assert summary["input_mb"] == pytest.approx(28 * 28 * 4 / 2**20)
    assert summary["total_mb"] == pytest.approx(
        summary["input_mb"] + summary["forward_backward_mb"] + summary["parameters_mb"])
    _, out, _ = run(capsys, "summary", "lenet5")
    assert "Total parameters  61,706" in out


def test_a_summary_allocates_nothing(capsys: Capture, tmp_path: Path) -> None:
    """Twenty million parameters in a process that may not grow by their 80 MB."""
    graph = chain(Spiral(), Dense(units=4000), Dense(units=5000), Dense(units=2),
                  SoftmaxCrossEntropy(), training=seeded(1), notes="")
    document.save(tmp_path / "large.json", graph)
    done = python(f"""
import resource
from playground.cli import _Bar, main
main(["examples"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert main(["summary", {str(tmp_path / "large.json")!r}]) == 0
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
""")
    assert done.returncode == 0, done.stderr
    assert "20,027,002" in done.stdout


# -- train ----------------------------------------------------------------------------------------


def test_train_gives_one_json_object(capsys: Capture, file: Path) -> None:
    value = result(capsys, "train", file, "--steps", 20, "--seed", 3)
    assert value.keys() == {
        "example", "steps", "epochs", "seed", "parameters", "loss", "train", "validation",
        "gradient_norms", "seconds", "steps_per_second", "state"}
    assert (value["steps"], value["epochs"], value["seed"]) == (20, 6, 3)
    assert value["parameters"] == 2 * 4 + 4 + 4 * 2 + 2
    assert value["train"].keys() == {"loss", "accuracy"}
    assert value["gradient_norms"].keys() == {"dense_1", "dense_2"}
    assert value["gradient_norms"]["dense_1"]["before"] > 0
    assert value["state"] == "done"


def test_an_example_tells_its_mark_when_it_was_trained_for_as_long(capsys: Capture) -> None:
    mark = result(capsys, "train", "perceptron")["mark"]
    example = EXAMPLES["perceptron"].mark
    assert (mark["metric"], mark["sense"], mark["value"]) == (
        example.metric, example.sense, example.value)
    assert mark["holds"] is example.holds(mark["reached"]) is True
    _, out, _ = run(capsys, "train", "perceptron")
    shown = example.show(mark["reached"])
    assert out.splitlines()[-1] == f"mark        {example}: {shown}, reached"
    assert "mark" not in result(capsys, "train", "perceptron", "--steps", 5)


def test_a_missed_mark_is_told(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    example = EXAMPLES["perceptron"]
    monkeypatch.setattr(plane, "PERCEPTRON", replace(example, mark=Mark(
        "accuracy", ">=", 1.5, steps=3)))
    code, out, _ = run(capsys, "train", "perceptron")
    assert code == 0
    assert out.splitlines()[-1].endswith("missed")


def test_the_marks_that_only_measures_know_are_told_too(capsys: Capture) -> None:
    mark = result(capsys, "train", "exploding")["mark"]
    assert mark["metric"] == "clipped_share"
    assert mark["holds"]


def test_the_loss_is_that_of_the_last_batch_and_help_says_so(
        capsys: Capture, file: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    value = result(capsys, "train", file, "--steps", 20, "--seed", 3, "--log", log)
    with log.open(newline="") as lines:
        last = list(csv.DictReader(lines))[-1]
    assert value["loss"] == pytest.approx(float(last["loss"]), rel=1e-5)
    assert value["loss"] != value["train"]["loss"]  # of all samples, one update later
    _, out, _ = run(capsys, "train", "--help")
    assert "loss is that of the last batch" in " ".join(out.split())


def test_the_same_seed_gives_the_same_run(capsys: Capture, file: Path) -> None:
    def loss(seed: int) -> float:
        return float(result(capsys, "train", file, "--epochs", 2, "--seed", seed)["loss"])

    assert loss(5) == loss(5)
    assert loss(5) != loss(6)


def test_saving_and_going_on_is_the_same_as_going_through(capsys: Capture, file: Path,
                                                          tmp_path: Path) -> None:
    half, rest, through = (tmp_path / f"{n}.playground" for n in ("half", "rest", "through"))
    assert run(capsys, "train", file, "--steps", 15, "--save", half)[0] == 0
    value = result(capsys, "train", half, "--steps", 15, "--save", rest)
    assert value["steps"] == 30
    assert run(capsys, "train", file, "--steps", 30, "--save", through)[0] == 0
    a, b = document.load(rest).state, document.load(through).state
    assert a is not None
    assert a.same_as(b)


def test_the_log_is_a_table(capsys: Capture, file: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    assert run(capsys, "train", file, "--steps", 20, "--log", log)[0] == 0
    rows = list(csv.DictReader(log.read_text().splitlines()))
    assert [row["step"] for row in rows] == [str(n) for n in range(1, 21)]
    assert float(rows[-1]["loss"]) > 0
    assert rows[-1]["validation loss"]


def test_a_diverged_run_says_so(capsys: Capture, tmp_path: Path) -> None:
    document.save(tmp_path / "wild.playground", small(learning_rate=1000.0).with_layer(
        "dense_1", Dense(units=64, activation="relu", initializer="he_normal")))
    code, out, err = run(capsys, "train", tmp_path / "wild.playground", "--steps", 5000, "--json")
    assert code == 3
    assert json.loads(out)["state"] == "diverged"
    assert len(err.splitlines()) == 1
    assert "Lower the learning rate" in err


def test_a_person_reads_lines(capsys: Capture, file: Path) -> None:
    code, out, err = run(capsys, "train", file, "--steps", 5)
    assert (code, err) == (0, "")  # No progress bar where there is no terminal.
    assert out.startswith(f"{file}: done at step 5")


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


def test_version(capsys: Capture) -> None:
    code, out, _ = run(capsys, "--version")
    assert code == 0
    assert re.fullmatch(r"playground (\d+\.\d+.*|\(not installed\))\n", out)


def test_a_small_network_is_measured_in_kb(capsys: Capture, file: Path) -> None:
    _, out, _ = run(capsys, "summary", file)
    assert "0.00" not in out
    assert "Parameters        0.09 kB" in out


@pytest.mark.parametrize("command", ["", "examples", "summary", "train"])
def test_help(capsys: Capture, command: str) -> None:
    code, out, _ = run(capsys, *command.split(), "--help")
    assert code == 0
    assert out.startswith("usage: playground")


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


def test_small_numbers_are_told_as_such() -> None:
    value = {"example": "x", "state": "done", "steps": 3, "epochs": 1, "seed": 1, "parameters": 9,
             "seconds": 1.0, "steps_per_second": 3.0, "gradient_norms": {},
             "train": {"loss": 7.123e-6, "accuracy": 0.98765},
             "validation": {"loss": math.nan, "accuracy": 1.0}}
    text = in_words(value)
    assert "loss 7.12e-6  accuracy 0.9877" in text
    assert "loss NaN  accuracy 1" in text
    assert "7.12e-6" in as_table([value])


@pytest.mark.parametrize("name", ["out.json", "out.txt", "out"])
def test_training_is_saved_as_a_document_only(capsys: Capture, file: Path, name: str) -> None:
    assert "end it in .playground" in refused(capsys, file, "--save", file.with_name(name))
    assert not file.with_name(name).exists()


# -- no Qt ----------------------------------------------------------------------------------------


def test_headless_commands_do_not_import_qt() -> None:
    done = python("""
import sys
from playground.cli import _Bar, main
assert main(["examples"]) == main(["summary", "perceptron"]) == 0
assert main(["train", "perceptron", "--steps", "2"]) == 0
found = {m.partition(".")[0] for m in sys.modules} & {"PySide6", "pyqtgraph", "qtpy", "ui"}
assert not found, found
""")
    assert done.returncode == 0, done.stderr


def test_module_and_pipe() -> None:
    done = subprocess.run(f"{sys.executable} -m playground examples | head -1", shell=True,
                          capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("mlp-spiral")
    assert done.stderr == ""


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


def test_train_says_where_variations_are_trained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "exploding:clipping-off"]) == 2
    way_out = capsys.readouterr().err.partition("playground compare ")[2].split()
    assert way_out == ["exploding", "exploding:clipping-off"]
    assert main(["compare", *way_out, "--steps", "2"]) == 0


def python(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT,
                          timeout=300)


# -- compare ---------------------------------------------------------------------------------------


def test_compare_prints_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "exploding", "exploding:clipping-off", "--steps", "60"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert "train loss" in head
    assert [row.split()[3] for row in rows] == ["1,185", "1,185"]
    assert [row.split()[:3] for row in rows] == [
        ["exploding", "done", "60"], ["exploding:clipping-off", "diverged", "28"]]


def test_an_example_alone_is_compared_with_its_variations(
        capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "deep-sigmoid", "--steps", "5", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [r["example"] for r in results] == [
        "deep-sigmoid", "deep-sigmoid:relu-instead", "deep-sigmoid:tanh-instead",
        "deep-sigmoid:maxout-instead"]
    assert {r["steps"] for r in results} == {5}


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


def test_the_bar_counts_this_run_alone(
        monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    graph = EXAMPLES["perceptron"].graph
    session = Session(graph)
    session.run(50)
    shares: list[float] = []
    monkeypatch.setattr("playground.headless.SLICE", 0.0)
    train(graph, steps=10, saved=session.saved_state(),
          progress=lambda _, done: shares.append(done))
    assert shares[-1] == 1
    assert shares == sorted(shares)
    _Bar(terminal=True).show(session, 0.25)
    assert " 25%  step 50" in capfd.readouterr().err
