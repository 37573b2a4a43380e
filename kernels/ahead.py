"""Compiling kernels that this machine has never compiled, in processes of their own.

Numba compiles one function at a time and holds Python's lock meanwhile: a window would stutter for
seconds. The processes share nothing with this one but the folder of compiled kernels, from which a
kernel is then loaded in milliseconds.

    python -m kernels.ahead      compiles each kernel named on a line of its input

A network waits for its own kernels (`compile_all`). All others come later, while nothing else wants
the processor (`Filler`), so that nothing is left to compile when a layer is dropped.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from kernels.jit import KERNELS, Kernel, cached, keeps_code

WORTH_IT = 3
"""Starting a process takes as long as compiling a few small kernels."""
_MOST_PROCESSES = 4
_LOWEST_PRIORITY = 19
_KERNELS_PER_PROCESS = 40
"""Then the Filler takes a new one: each kernel adds 2 MB to the process that has compiled it."""


def compile_all(kernels: Sequence[Kernel], progress: Callable[[str], None] | None = None) -> None:
    """Make all kernels ready to be called; progress gets a sentence for each that takes time."""
    missing = _missing(kernels)
    if len(missing) >= WORTH_IT:
        _compile_elsewhere(missing, progress)
        missing = _missing(missing)
    for number, kernel in enumerate(missing, 1):
        if progress:
            progress(_sentence(number, len(missing)))
        kernel.compile()
    for kernel in kernels:
        kernel.compile()


def _missing(kernels: Sequence[Kernel]) -> list[Kernel]:
    """Those that must be compiled, file by file; what takes longest first: many operands."""
    new = [kernel for kernel in kernels if not kernel.is_compiled]
    known = cached() if new else set()
    missing = [k for k in new if f"{_file(k).rpartition('.')[2]}.{k.name}" not in known]
    effort = Counter[str]()
    for kernel in missing:
        effort[_file(kernel)] += len(kernel.operands)
    return sorted(missing, key=lambda k: (-effort[_file(k)], _file(k), -len(k.operands)))


def _file(kernel: Kernel) -> str:
    return kernel.function.__module__


def _sentence(number: int, count: int) -> str:
    return f"Preparing layers for this machine, once ({number} of {count})"


class _Waiting:
    """The kernels that no process has begun.

    Those of one file share helpers, that a process need not compile twice: it keeps to the file
    that it has begun, then takes one that nobody has, and in the end helps out.
    """

    def __init__(self, missing: Sequence[Kernel]) -> None:
        self._kernels, self._begun = list(missing), set[str]()
        self._lock = threading.Lock()

    def take(self, file: str) -> Kernel | None:
        """The next one for a process that is at `file`."""
        with self._lock:
            kernel = min(self._kernels, default=None, key=lambda k: (
                _file(k) != file, _file(k) in self._begun))
            if kernel:
                self._kernels.remove(kernel)
                self._begun.add(_file(kernel))
            return kernel

    def clear(self) -> None:
        with self._lock:
            self._kernels.clear()


def _compile_elsewhere(missing: Sequence[Kernel], progress: Callable[[str], None] | None) -> None:
    """Fill the cache; what fails here is compiled by this process later, and says why."""
    waiting = _Waiting(missing)
    begun: queue.SimpleQueue[Kernel | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            _serve(_start_process(), waiting, begun.put)
        except OSError:
            pass
        finally:
            begun.put(None)

    count = min(os.cpu_count() or 1, _MOST_PROCESSES, len(missing))
    for _ in range(count):
        threading.Thread(target=work, daemon=True).start()
    running, number = count, 0
    try:
        while running:
            started = begun.get()
            if started is None:
                running -= 1
                continue
            number += 1
            if progress:
                progress(_sentence(number, len(missing)))
    finally:
        waiting.clear()  # `progress` may raise, to give up: then no process begins another one


def _start_process(idle: bool = False) -> subprocess.Popen[str]:
    """One that compiles; `idle`: only while no other wants the processor. Raises OSError."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    process = subprocess.Popen(
        [sys.executable, "-m", "kernels.ahead"], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        creationflags=getattr(subprocess, "IDLE_PRIORITY_CLASS", 0) if idle else 0)
    if idle and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST_PRIORITY)
    return process


def _serve(process: subprocess.Popen[str], waiting: _Waiting,
           tell: Callable[[Kernel], object]) -> None:
    """Give the process one kernel after another, until none is left or it ends (or OSError)."""
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        file = ""
        while kernel := waiting.take(file):
            file = _file(kernel)
            tell(kernel)
            process.stdin.write(f"{file} {kernel.name}\n")
            process.stdin.flush()
            if not process.stdout.readline():
                return


def every_kernel() -> list[Kernel]:
    """All that there are, whatever the networks so far have asked for."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"kernels.{module.name}")
    return list(KERNELS.values())


class Filler:
    """Fills the cache with the kernels that this machine has never compiled, from now on.

    One process at a time, of the lowest priority, does it, and ends with this one. It may be ended
    whenever, and others may fill the same cache: files there are written whole and then renamed.
    Where nothing is missing, no process starts.
    """

    def __init__(self, kernels: Callable[[], Sequence[Kernel]] = every_kernel) -> None:
        self.number, self.count = 0, 0
        """Which one it is at, of how many."""
        self._kernels = kernels
        self._process: subprocess.Popen[str] | None = None
        self._unwanted, self._lock = False, threading.Lock()
        self._thread = threading.Thread(target=self._fill, name="kernels", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the process, and wait for that."""
        with self._lock:
            self._unwanted = True
            if self._process is not None:
                self._process.terminate()
        self._thread.join()

    def _fill(self) -> None:
        # Where compiled code goes elsewhere, nobody can tell what is missing.
        missing = _missing(self._kernels()) if keeps_code() else []
        self.count = len(missing)
        # Without a process, or when it ends, kernels are compiled once a network needs them.
        with contextlib.suppress(OSError):
            for start in range(0, len(missing), _KERNELS_PER_PROCESS):
                with self._lock:
                    if self._unwanted:
                        return
                    self._process = _start_process(idle=True)
                _serve(self._process, _Waiting(missing[start:start + _KERNELS_PER_PROCESS]),
                       self._tell)

    def _tell(self, kernel: Kernel) -> None:
        self.number += 1


def main() -> None:
    for line in sys.stdin:
        module, name = line.split()
        # One that fails does so again where it is needed, and says why there.
        with contextlib.suppress(Exception):
            getattr(importlib.import_module(module), name).compile()
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
