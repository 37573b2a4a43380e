"""Compiled kernels are kept in a folder that is named after their sources: none runs stale."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[1] / "kernels"
SCRIPT = """
import numpy as np
from kernels import activation, jit
y = np.zeros(1, np.float32)
activation.sigmoid_forward(n=1, x=np.zeros(1, np.float32), y=y)
print(jit._cache_folder().name, y[0], np.asarray(jit.numba.config.CACHE_DIR))
"""


def run(root: Path, **environment: str) -> tuple[str, float, str]:
    """The cache folder's name, sigmoid(0), and where Numba keeps what it compiles."""
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, check=True, text=True, capture_output=True,
        env={**os.environ, "PLAYGROUND_CACHE_DIR": str(root / "cache"), **environment})
    folder, value, used = found.stdout.split()
    return folder, float(value), used


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the kernels that may be changed."""
    shutil.copytree(KERNELS, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_kernel_is_compiled_again_when_what_it_calls_has_changed(tree: Path) -> None:
    # Numba itself looks at the kernel's own file alone.
    folder, value, used = run(tree)
    assert value == 0.5
    assert used.endswith(folder)
    assert run(tree) == (folder, value, used)
    helper = tree / "kernels" / "vector_math.py"
    text = helper.read_text("utf-8")
    old = "return np.float32(1) / (multiply_add(scale, p, scale) + np.float32(1))"
    assert text.count(old) == 1
    helper.write_text(text.replace(old, old.replace("float32(1) /", "float32(3) /")), "utf-8")
    other, changed, _ = run(tree)
    assert other != folder
    assert changed == 1.5
    helper.write_text(text, "utf-8")
    assert run(tree) == (folder, value, used)


def test_kernels_for_other_vectors_are_kept_apart(tree: Path) -> None:
    script = "from kernels import jit; print(jit._cache_folder().name)"
    names = {subprocess.run(
        [sys.executable, "-c", script], cwd=tree, check=True, text=True, capture_output=True,
        env={**os.environ, "PLAYGROUND_VECTOR_WIDTH": width}).stdout for width in ("", "4", "8")}
    assert len(names) == 3


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86's registers")
@pytest.mark.parametrize(("width", "absent"), [("4", {"ymm", "zmm"}), ("8", {"zmm"})])
def test_a_smaller_machines_kernels_use_its_registers_alone(
        width: str, absent: set[str], tmp_path: Path) -> None:
    script = """
from kernels import elementwise, loss
for kernel in (elementwise.add_into, loss.softmax_cross_entropy):
    kernel.compile()
    print(kernel._compiled._library.get_asm_str())
"""
    text = subprocess.run(
        [sys.executable, "-c", script], check=True, text=True, capture_output=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PLAYGROUND_VECTOR_WIDTH": width,
             "PLAYGROUND_CACHE_DIR": str(tmp_path)}).stdout
    assert "xmm" in text
    assert [name for name in absent if name in text] == []
