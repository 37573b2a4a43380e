"""What the README shows works: its layer trains, its commands and files exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_layer_of_the_readme_trains(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", README, re.DOTALL)
    assert [path for path, _ in blocks] == ["playground/layers/scale.py", "kernels/scale.py"]
    for path, text in blocks:
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text, "utf-8")
    done = subprocess.run([sys.executable, "-c", f"""
import kernels, playground.layers
kernels.__path__.append({str(tmp_path / "kernels")!r})
playground.layers.__path__.append({str(tmp_path / "playground" / "layers")!r})
from playground.layers.scale import Scale
from playground.examples import EXAMPLES
from playground.graph import Edge
from playground.headless import train
graph = EXAMPLES["perceptron"].graph.without_edges([Edge("gaussians_1", 0, "dense_1", 0)])
graph = graph.with_node(Scale(factor=0.5)).connect("gaussians_1", "scale_1")
outcome = train(graph.connect("scale_1", "dense_1"), steps=500)
assert outcome.validation.metric > 0.95, outcome
"""], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_finds_its_commands() -> None:
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    for name in re.findall(r"readme ([a-z-]+)", run):
        assert f"<!-- ci: {name} -->\n```sh\n" in README
