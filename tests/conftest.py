"""What every test runs under: no screen, and one line for each kind of test that was left out."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FASHION = Path("/usr/share/datasets/fashion-mnist")
REAL_WINDOW = os.environ.get("PLAYGROUND_REQUIRE_WINDOW") == "1"
REQUIRE_TORCH = os.environ.get("PLAYGROUND_REQUIRE_TORCH") == "1"

# Before any test module imports Qt or a numeric library.
os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if REAL_WINDOW else "offscreen")
os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PLAYGROUND_PREPARE", "0")  # no test shall share the processor with it

LEFT_OUT = {
    "torch": "parity with PyTorch, which is not installed (pip install torch)",
    "fashion": "the full Fashion-MNIST (apt-get install dataset-fashion-mnist)",
    "window": "the real window, for which .ci/run starts an X server",
}
LEFT_OUT_KEY = pytest.StashKey[Counter[str]]()


def _available() -> dict[str, bool]:
    return {"torch": importlib.util.find_spec("torch") is not None, "window": REAL_WINDOW,
            "fashion": FASHION.is_dir()}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT_KEY] = Counter()
    if REQUIRE_TORCH and not _available()["torch"]:
        raise pytest.UsageError("PLAYGROUND_REQUIRE_TORCH=1, but PyTorch is not installed.")
    if REAL_WINDOW and not os.environ.get("DISPLAY"):
        raise pytest.UsageError("PLAYGROUND_REQUIRE_WINDOW=1, but there is no DISPLAY.")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what cannot run here, and count it."""
    absent = [marker for marker, available in _available().items() if not available]
    kept, gone = [], []
    for item in items:
        reason = next((m for m in absent if item.get_closest_marker(m)), None)
        (gone if reason else kept).append(item)
        if reason:
            config.stash[LEFT_OUT_KEY][reason] += 1
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = kept
    output = getattr(config, "workeroutput", None)  # a worker of pytest-xdist
    if output is not None:
        output["left_out"] = dict(config.stash[LEFT_OUT_KEY])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Every worker collects everything: one worker's count is the count."""
    node.config.stash[LEFT_OUT_KEY] |= Counter(getattr(node, "workeroutput", {}).get("left_out"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for marker, count in sorted(config.stash[LEFT_OUT_KEY].items()):
        terminalreporter.write_line(f"Not run: {count} of {LEFT_OUT[marker]}", yellow=True)


@pytest.fixture
def torch() -> Any:
    """PyTorch, on one thread, drawing the same in every run; only for tests marked `torch`."""
    module = importlib.import_module("torch")
    module.set_num_threads(1)
    module.manual_seed(0)
    return module


@pytest.fixture
def out() -> Any:
    """Makes outputs for kernels, beyond which nothing may be written."""
    yield from importlib.import_module("tests.kernel_numbers").guarded()


# -- the window over an engine that only remembers what it was told ------------------------------


@pytest.fixture
def engine() -> Any:
    return importlib.import_module("tests.fake_engine").FakeEngine()


@pytest.fixture
def make_window(qtbot: Any, tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that builds a main window; nothing is opened in it yet."""
    fake = importlib.import_module("tests.fake_window")

    def make(create: Any = lambda: engine) -> Any:
        return fake.make_window(qtbot, tmp_path, monkeypatch, create)

    return make


@pytest.fixture
def window(qtbot: Any, tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A main window that shows the first start's example."""
    return importlib.import_module("tests.fake_window").open_window(
        qtbot, tmp_path, monkeypatch, engine)
