"""The app under a real X server: drag, run, save (see real_window.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real_window import drive, python, rewire


@pytest.mark.window
def test_drag_run_save(tmp_path: Path) -> None:
    assert "dragged" in drive(python(), tmp_path)


@pytest.mark.window
def test_rewire(tmp_path: Path) -> None:
    assert "undid it all" in rewire(python(), tmp_path)
