"""ui -> playground -> kernels, never back; Qt only in ui/, Numba only in kernels/."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QT = {"PySide6", "shiboken6", "pyqtgraph", "superqt", "qtawesome", "qtpy"}
NUMBA = {"numba", "llvmlite"}
NEVER = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "torch", "sklearn"}
FORBIDDEN = {
    "kernels": {"playground", "ui"} | QT | NEVER,
    "playground": {"ui"} | QT | NUMBA | NEVER,
    "ui": {"kernels"} | NUMBA | NEVER,
}
THE_ONE_DOOR = ("playground/cli.py", "ui")
"""The command `playground` opens the window; it imports ui only when it does."""
TOP_LEVEL = {
    "pyproject.toml", "README.md", "LICENSE", "playground", "ui", "kernels", "tests", "uv.lock",
}

SOURCES = sorted(path for package in FORBIDDEN for path in (ROOT / package).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """The top-level names of all imports in a file, those inside functions too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = imported(ast.parse(path.read_text("utf-8")))
    wrong = found & FORBIDDEN[name.partition("/")[0]]
    wrong -= {ui for file, ui in [THE_ONE_DOOR] if file == name}
    assert not wrong, f"{name} imports {', '.join(sorted(wrong))}"


def test_the_one_door_is_lazy() -> None:
    tree = ast.parse((ROOT / THE_ONE_DOOR[0]).read_text("utf-8"))
    at_import = ast.Module([n for n in tree.body if not isinstance(n, ast.FunctionDef)], [])
    assert "ui" not in imported(at_import)


def test_only_jit_and_the_machine_name_the_decorators() -> None:
    decorated = {
        path.name for path in (ROOT / "kernels").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("njit", "jit", "cfunc", "vectorize")}
    assert decorated <= {"jit.py", "machine.py"}


def test_the_top_level_holds_nothing_else() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - {"build", "dist"} <= TOP_LEVEL
