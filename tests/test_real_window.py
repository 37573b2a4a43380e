"""The app under a real X server: drag, run, save (see real_window.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real_window import drive, python


@pytest.mark.window
def test_drag_run_save(tmp_path: Path) -> None:
    assert "dragged" in drive(python(), tmp_path)
