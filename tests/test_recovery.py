"""Autosave: what a crash leaves is found, what ends well leaves nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from ui.preferences import RECENT, Preferences
from ui.recovery import Origin, Recovery, Write, _read

CRASH = """
import os, sys
from functools import partial
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from ui.recovery import Origin, Recovery, Write
app = QCoreApplication([])
recovery = Recovery(lambda file: Write(lambda: partial(file.write_text, "work"), lambda: None),
                    lambda: Origin("net.playground", Path("/home/me/net.playground"), (1, 2, 3)),
                    Path(sys.argv[1]))
recovery.save()
recovery.wait()
print("saved", flush=True)
os._exit(1) if sys.argv[2] == "crash" else sys.stdin.read()
"""


@pytest.fixture
def recovery(qapp, tmp_path):
    recovery = Recovery(lambda file: Write(lambda: partial(file.write_text, "work"), lambda: None),
                        lambda: Origin("a"), tmp_path)
    yield recovery
    recovery.close()


def test_a_clean_end_leaves_nothing(recovery, tmp_path):
    recovery.save()
    recovery.wait()
    assert recovery.file.read_text() == "work"
    recovery.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_is_offered_once(recovery, tmp_path):
    assert recovery.crashed() == []
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), "crash"], check=False,
                   cwd=Path(__file__).parents[1])
    left, = recovery.crashed()
    assert left.name == "net.playground"
    assert left.original == Path("/home/me/net.playground")
    assert left.seen == (1, 2, 3)
    assert left.file.read_text() == "work"
    left.discard()
    assert recovery.crashed() == []


def test_what_is_gone_on_with_stays_until_a_new_save(recovery, tmp_path):
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), "crash"], check=False,
                   cwd=Path(__file__).parents[1])
    left, = recovery.crashed()
    assert recovery.claim(left)
    recovery.adopt(left)
    assert left.file.exists()
    assert recovery.crashed() == []
    recovery.save()
    recovery.wait()
    assert recovery.file.exists()
    assert not left.file.exists()


CLAIM = """
import os, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from ui.recovery import Origin, Recovery, Write
app = QCoreApplication([])
recovery = Recovery(lambda file: None, lambda: Origin("b"), Path(sys.argv[1]))
left, = recovery.crashed()
print(recovery.claim(left), flush=True)
os._exit(sys.stdin.read() != "")
"""


def test_a_copy_that_one_window_asks_about_is_not_offered_by_another(recovery, tmp_path):
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), "crash"], check=False, cwd=root)
    left, = recovery.crashed()  # both have seen it at the same time
    other = subprocess.Popen([sys.executable, "-c", CLAIM, str(tmp_path)], cwd=root,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline().strip() == b"True"
        assert not recovery.claim(left)
        assert recovery.crashed() == []
    finally:
        other.kill()
        other.communicate()
    assert recovery.crashed() == [left], "who has claimed it is dead"
    assert recovery.claim(left)
    recovery.release(left)
    assert recovery.crashed() == [left]
    assert recovery.claim(left)
    left.discard()
    recovery.release(left)
    assert not recovery.claim(left), "it is gone"
    assert left.file.stem not in {file.stem for file in tmp_path.iterdir()}


def test_a_run_that_lives_is_left_alone(recovery, tmp_path):
    other = subprocess.Popen([sys.executable, "-c", CRASH, str(tmp_path), "live"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=Path(__file__).parents[1])
    try:
        assert other.stdout.readline().strip() == b"saved"
        assert recovery.crashed() == []
    finally:
        other.communicate()


def test_locks_of_killed_runs_are_removed_at_the_start(qapp, tmp_path):
    killed = CRASH.replace("recovery.save()\n", "")
    for what in ("crash", "crash"):
        subprocess.run([sys.executable, "-c", killed, str(tmp_path), what], check=False,
                       cwd=Path(__file__).parents[1], capture_output=True)
    # The second of them has removed the first one's.
    left, = tmp_path.glob("*.lock")
    left.with_suffix(".json").write_text("{}")
    left.with_suffix(".part").write_text("{")
    other = subprocess.Popen([sys.executable, "-c", killed, str(tmp_path), "live"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=Path(__file__).parents[1])
    try:
        assert other.stdout.readline().strip() == b"saved"
        alive, = tmp_path.glob("*.lock")
        assert alive != left
        own = Recovery(lambda file: None, lambda: Origin("a"), tmp_path)
        assert set(tmp_path.iterdir()) == {alive, own.file.with_suffix(".lock")}
        own.close()
        assert list(tmp_path.iterdir()) == [alive], "a run that lives keeps its lock"
    finally:
        other.communicate()


def test_what_a_crash_left_is_not_tidied_away(qapp, tmp_path):
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), "crash"], check=False,
                   cwd=Path(__file__).parents[1], capture_output=True)
    before = set(tmp_path.iterdir())
    own = Recovery(lambda file: None, lambda: Origin("a"), tmp_path)
    assert before <= set(tmp_path.iterdir())
    assert len(own.crashed()) == 1
    own.close()


def test_a_failed_save_is_not_the_end(qapp, tmp_path):
    def fail() -> None:
        raise OSError("disk full")

    recovery = Recovery(lambda file: Write(lambda: fail, lambda: None), lambda: Origin("a"),
                        tmp_path)
    recovery.save()
    recovery.wait()
    assert "disk full" in recovery.last_error
    assert not recovery.file.exists()
    recovery.close()


def test_a_copy_never_goes_under_the_name_of_the_document_before(qapp, tmp_path, monkeypatch):
    """Killed between the two writes: the note that lies there is about another document."""
    now = ["first"]
    recovery = Recovery(
        lambda file: Write(lambda: partial(file.write_text, f"work on {now[0]}"), lambda: None),
        lambda: Origin(now[0], Path(f"/home/me/{now[0]}"), (1, 2, 3)), tmp_path)
    recovery.save()
    recovery.wait()
    now[0], real = "the second", Path.write_text

    def killed(path, *args, **options):
        if path.suffix == ".part":
            raise OSError("killed")
        return real(path, *args, **options)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", killed)
        recovery._rest_until = 0.0
        recovery.save()
        recovery.wait()
    recovery._held.unlock()
    other = Recovery(lambda file: None, lambda: Origin("a"), tmp_path)
    left, = other.crashed()
    assert left.file.read_text() == "work on the second"
    assert (left.name, left.original, left.seen) == ("untitled", None, None)
    other.close()
    assert recovery._held.tryLock(0)
    recovery.close()


def test_a_copy_that_cannot_be_replaced_keeps_its_name(qapp, tmp_path):
    works = [lambda: recovery.file.write_text("work"), lambda: 1 / 0]
    recovery = Recovery(lambda file: Write(lambda: works.pop(0), lambda: None),
                        lambda: Origin("net"), tmp_path)
    for _ in range(2):
        recovery._rest_until = 0.0
        recovery.save()
        recovery.wait()
    assert "division" in recovery.last_error
    recovery._held.unlock()
    other = Recovery(lambda file: None, lambda: Origin("a"), tmp_path)
    assert [left.name for left in other.crashed()] == ["net"]
    other.close()
    assert recovery._held.tryLock(0)
    recovery.close()


def test_a_copy_says_the_step_that_was_written(qapp, tmp_path):
    """Training goes on while a save waits for its turn."""
    steps = [7]
    recovery = Recovery(
        lambda file: Write(lambda: steps.append(8) or partial(file.write_text, "work"),
                           lambda: None, step=lambda: steps[-1]),
        lambda: Origin("net"), tmp_path)
    recovery.save()
    recovery.wait()
    recovery._held.unlock()
    other = Recovery(lambda file: None, lambda: Origin("a"), tmp_path)
    assert [left.step for left in other.crashed()] == [8]
    other.close()
    assert recovery._held.tryLock(0)
    recovery.close()


def test_a_copy_that_another_window_removes_meanwhile_is_not_offered(recovery, tmp_path):
    assert _read(tmp_path / "gone.playground") is None


@pytest.mark.parametrize("fails", [False, True])
def test_a_slow_disk_gets_its_rest(qapp, tmp_path, fails):
    tries = []

    def write() -> None:
        tries.append(time.sleep(0.05))
        if fails:
            raise OSError("disk full")

    recovery = Recovery(lambda file: Write(lambda: write, lambda: None), lambda: Origin("a"),
                        tmp_path)
    for _ in range(2):
        recovery.save()
        recovery.wait()
    assert len(tries) == 1
    assert bool(recovery.last_error) == fails
    recovery.close()


def test_nothing_to_save_writes_nothing(qapp, tmp_path):
    recovery = Recovery(lambda file: None, lambda: Origin("a"), tmp_path)
    recovery.save()
    recovery.wait()
    assert not recovery.file.exists()
    recovery.close()


def test_recent_files_are_few_and_exist(tmp_path):
    preferences = Preferences(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))
    files = [tmp_path / f"{n}.playground" for n in range(RECENT + 3)]
    for file in files:
        file.touch()
        preferences.add_recent(file)
    preferences.add_recent(files[5])
    assert preferences.recent[0] == files[5]
    assert len(preferences.recent) == RECENT
    files[5].unlink()
    assert files[5] not in preferences.recent
    preferences.theme = "light"
    again = Preferences(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))
    assert again.theme == "light"
    assert again.layout is None
