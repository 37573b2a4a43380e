"""Compiling kernels that this machine has never compiled, in processes of their own.

Numba compiles one function at a time and holds Python's lock meanwhile: a window would stutter for
seconds. The processes share nothing with this one but the folder of compiled kernels, from which a
kernel is then loaded in milliseconds.

    python -m kernels.ahead      compiles each kernel named on a line of its input
"""

from __future__ import annotations

import importlib
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from kernels.jit import Kernel, cached

WORTH_IT = 3
"""Starting a process takes as long as compiling a few small kernels."""
_MOST_PROCESSES = 4


def compile_all(kernels: Sequence[Kernel], progress: Callable[[str], None] | None = None) -> None:
    """Make all kernels ready to be called; progress gets a sentence for each that takes time."""
    missing = _missing(kernels)
    if len(missing) >= WORTH_IT:
        _compile_elsewhere(missing, progress)
        missing = _missing(missing)
    for number, kernel in enumerate(missing, 1):
        if progress:
            progress(_sentence(kernel, number, len(missing)))
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


def _sentence(kernel: Kernel, number: int, count: int) -> str:
    return f"Preparing {kernel.name} ({number} of {count})"


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
    count = min(os.cpu_count() or 1, _MOST_PROCESSES, len(missing))
    threads = [threading.Thread(target=_serve, args=(waiting, begun), daemon=True)
               for _ in range(count)]
    for thread in threads:
        thread.start()
    running, number = count, 0
    try:
        while running:
            started = begun.get()
            if started is None:
                running -= 1
                continue
            number += 1
            if progress:
                progress(_sentence(started, number, len(missing)))
    finally:
        waiting.clear()  # `progress` may raise, to give up: then no process begins another one


def _serve(waiting: _Waiting, begun: queue.SimpleQueue[Kernel | None]) -> None:
    """Give one process after another kernel, until none is left or the process fails."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    try:
        with subprocess.Popen(
                [sys.executable, "-m", "kernels.ahead"], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path}) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            file = ""
            while kernel := waiting.take(file):
                file = _file(kernel)
                begun.put(kernel)
                process.stdin.write(f"{file} {kernel.name}\n")
                process.stdin.flush()
                if not process.stdout.readline():
                    return
    except OSError:
        return
    finally:
        begun.put(None)


def main() -> None:
    for line in sys.stdin:
        module, name = line.split()
        getattr(importlib.import_module(module), name).compile()
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
