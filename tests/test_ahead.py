"""Kernels that were never compiled, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from kernels import ahead, elementwise
wanted = (elementwise.copy, elementwise.add, elementwise.add_into, elementwise.multiply)
if sys.argv[1:]:
    sys.executable = sys.argv[1]
sentences = []
ahead.compile_all(wanted, sentences.append)
assert all(kernel.is_compiled for kernel in wanted)
print(*sentences, sep="\\n")
ahead.compile_all(wanted, lambda sentence: print("again", sentence))
"""


def run(cache: Path, *arguments: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], check=True, text=True, capture_output=True,
        env={**os.environ, "PLAYGROUND_CACHE_DIR": str(cache)}, cwd=Path(__file__).parents[1])
    return found.stdout.splitlines()


def test_other_processes_fill_the_cache(tmp_path: Path) -> None:
    assert [sentence[-8:] for sentence in run(tmp_path)] == [
        "(1 of 4)", "(2 of 4)", "(3 of 4)", "(4 of 4)"]
    assert run(tmp_path) == [""]  # All are in the cache now: nothing takes time.


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_without_other_processes_this_one_compiles(tmp_path: Path, python: str) -> None:
    assert run(tmp_path, python)[-1].endswith("(4 of 4)")
