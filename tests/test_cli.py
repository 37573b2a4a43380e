"""The command line: what it prints, its exit codes, and that it never touches Qt."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playground import document
from playground.cli import main
from playground.console import Bar
from playground.examples import EXAMPLES, plane
from playground.examples.base import Mark, chain, seeded
from playground.headless import train
from playground.layers.core import Dense
from playground.layers.data import Spiral
from playground.layers.loss import SoftmaxCrossEntropy
from playground.results import as_table, in_words
from playground.session import Session
from tests.command_line import ROOT, Capture, result, run, saved, small


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(tmp_path)


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
from playground.cli import main
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


def test_small_numbers_are_told_as_such() -> None:
    value = {"example": "x", "state": "done", "steps": 3, "epochs": 1, "seed": 1, "parameters": 9,
             "seconds": 1.0, "steps_per_second": 3.0, "gradient_norms": {},
             "train": {"loss": 7.123e-6, "accuracy": 0.98765},
             "validation": {"loss": math.nan, "accuracy": 1.0}}
    text = in_words(value)
    assert "loss 7.12e-6  accuracy 0.9877" in text
    assert "loss NaN  accuracy 1" in text
    assert "7.12e-6" in as_table([value])


# -- no Qt ----------------------------------------------------------------------------------------


def test_headless_commands_do_not_import_qt() -> None:
    done = python("""
import sys
from playground.cli import main
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
    Bar(terminal=True).show(session, 0.25)
    assert " 25%  step 50" in capfd.readouterr().err


def test_a_log_hears_now_and_then_how_far_it_is(
        monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    monkeypatch.setattr("playground.console.time.monotonic", lambda: now)
    session, bar, heard = Session(EXAMPLES["perceptron"].graph), Bar(terminal=False), []
    for _ in range(1200):  # two minutes
        now += 0.1
        bar.say("Preparing layers for this machine, once (3 of 9)")
        if said := capfd.readouterr().err:
            assert said == "playground: Preparing layers for this machine, once (3 of 9)\n"
            heard.append(now)
    gaps = np.diff([0, *heard])
    assert gaps[0] == pytest.approx(2)
    assert gaps.min() + 1e-6 >= 2
    assert gaps.max() < 13
    now += 60
    bar.show(session, 0.25)
    assert capfd.readouterr().err.startswith("playground: 25% step 0 loss")
    bar.end()
    assert not capfd.readouterr().err
