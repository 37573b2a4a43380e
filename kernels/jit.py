"""The only place that names Numba's decorators: how a plain function becomes a kernel.

A *kernel* is one kind of machine instruction: a function of a single row of 64-bit integers, its
operands. An operand is a size, the address of an array, or the bits of a float (read with `real`).
Kernels are compiled one by one, the first time a program needs them, and are then loaded from a
per-user cache. `kernels.ahead` compiles the rest while the window is open: after that, dropping a
layer on the canvas compiles nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numba
import numpy as np
import platformdirs
from llvmlite import ir
from llvmlite.binding import get_host_cpu_name
from numba import carray, types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

# Not fastmath=True: "nnan" and "ninf" would let LLVM delete the checks for non-finite values.
FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}
# error_model="numpy": a Python-style test for division by zero would keep loops from vectorising.
OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "fastmath": FASTMATH}
SIGNATURE = types.void(types.CPointer(types.int64))
WIDER_THAN_8 = ("avx512", "avx10")
WIDER_THAN_4 = ("avx", "fma", "f16c", "vaes", "vpclmulqdq", "xop")
"""How the names of x86's extensions begin that a machine with vectors of 8, or 4, has not."""
_STALE_AFTER = 30 * 24 * 3600  # seconds


def _cache_folder() -> Path:
    """The per-user folder of compiled kernels, named after the text of all kernel sources.

    Numba notices an edit of a kernel's own file but not of the files that it calls into, so a
    folder is never shared between two versions of the sources; nor of Python, Numba or processor,
    as what the one has compiled is not there for the other.
    """
    digest = hashlib.sha256(os.environ.get("PLAYGROUND_VECTOR_WIDTH", "").encode())
    digest.update(f"{sys.version} {numba.__version__} {get_host_cpu_name()}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    root = os.environ.get("PLAYGROUND_CACHE_DIR") or platformdirs.user_cache_dir("playground")
    return Path(root) / f"kernels-{digest.hexdigest()[:16]}"


def _use_cache_folder(folder: Path) -> None:
    """Point Numba to `folder`, and drop the folders that no run has used for a month."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        for old in folder.parent.glob("kernels-*"):
            if time.time() - old.stat().st_mtime > _STALE_AFTER:
                shutil.rmtree(old, ignore_errors=True)
    except OSError:
        # A read-only home: Numba then falls back to its own places, and kernels still run.
        return
    numba.config.CACHE_DIR = str(folder)


def _use_vectors() -> None:
    """Have LLVM fill registers as wide as those that simd.py fills: no more, and no less.

    Of 512 bits it would use one half by itself, because early processors lowered their clock for
    them; products of matrices use them anyway. A width that is asked for is a smaller machine.
    """
    asked, features = os.environ.get("PLAYGROUND_VECTOR_WIDTH"), get_host_cpu_features().split(",")
    if numba.config.CPU_FEATURES:
        return
    if asked and int(asked) < 16:
        wider = WIDER_THAN_8 if int(asked) == 8 else WIDER_THAN_4
        numba.config.CPU_FEATURES = ",".join(
            f"-{name[1:]}" if name[1:].startswith(wider) else name for name in features)
    elif "+avx512f" in features:
        numba.config.CPU_FEATURES = ",".join([*features, "-prefer-256-bit"])


_use_cache_folder(_cache_folder())
_use_vectors()

#: For helper functions that kernels of any file may call; they become part of the caller.
inline = numba.njit(inline="always", error_model="numpy", fastmath=FASTMATH)


def helper(function: Callable[..., Any]) -> Any:
    """For helpers too large to copy into each caller.

    Only kernels call them: what Python or C would need to is a sixth of the time to compile them.
    """
    made = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True,
                      **OPTIONS)(function)
    resolve = made.get_call_template

    def for_any_integers(arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        return resolve(tuple(types.unliteral(kind) if isinstance(kind, types.IntegerLiteral)
                             else kind for kind in arguments), keywords)

    # Numba would compile one more for each 0 or 1 that a caller passes.
    made.get_call_template = for_any_integers
    return made


@dataclass(eq=False)
class Kernel:
    """One kind of instruction.

    `inputs` and `outputs` name the operands in the order in which the row holds them; an operand
    that is both read and written stands among the outputs.
    """

    name: str
    function: Callable[..., None]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    _compiled: Any = field(default=None, init=False, repr=False)

    @property
    def operands(self) -> tuple[str, ...]:
        return self.inputs + self.outputs

    @property
    def formula(self) -> str:
        """The first line of the docstring."""
        return (self.function.__doc__ or self.name).strip().splitlines()[0].rstrip(".")

    @property
    def is_compiled(self) -> bool:
        return self._compiled is not None

    def compile(self) -> int:
        """The address of the machine code; compiled, or loaded from the cache, the first time."""
        if self._compiled is None:
            self._compiled = numba.cfunc(SIGNATURE, **OPTIONS)(self.function)
        return int(self._compiled.address)

    def check(self, names: Iterable[str]) -> None:
        """Raise TypeError unless these are the operands."""
        if set(names) != set(self.operands):
            raise TypeError(f"{self.name} takes {self.operands}, got {tuple(names)}")

    def row(self, **values: Any) -> list[int]:
        """The operands as integers: arrays give their address, floats their bits."""
        self.check(values)
        return [encode(values[name]) for name in self.operands]

    def __call__(self, **values: Any) -> None:
        """Run the kernel once on NumPy arrays (for tests and for work outside a program)."""
        address = self.compile()
        row = np.array(self.row(**values), np.int64)
        call_once(address, row)


KERNELS: dict[str, Kernel] = {}


def keeps_code() -> bool:
    """Whether what is compiled goes to the folder of these sources, and `cached` tells what is."""
    return bool(numba.config.CACHE_DIR)


def cached() -> set[str]:
    """Names of the kernels whose machine code the cache holds, as "conv.conv2d_forward"."""
    if not keeps_code():
        return set()
    return {path.name.partition("-")[0] for path in Path(numba.config.CACHE_DIR).glob("*/*.nbc")}


def kernel(operands: str) -> Callable[[Callable[..., None]], Kernel]:
    """Make the function an instruction: `@kernel("n x -> y")` reads n and x, and writes y."""
    inputs, _, outputs = operands.partition("->")

    def register(function: Callable[..., None]) -> Kernel:
        name = function.__name__
        if name in KERNELS:
            raise ValueError(f"two kernels are called {name!r}")
        made = Kernel(name, function, tuple(inputs.split()), tuple(outputs.split()))
        KERNELS[name] = made
        return made

    return register


def encode(value: Any) -> int:
    """The 64-bit integer that stands for an operand in a row."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError("a kernel's array must be C-contiguous")
        return int(value.ctypes.data)
    if isinstance(value, float):
        return int(struct.unpack("<q", struct.pack("<d", value))[0])
    return int(value)


@intrinsic
def _pointer(typing_context, address, like):  # type: ignore[no-untyped-def]
    """An integer address as a pointer to elements of the type of `like`."""
    pointee = like.dtype if isinstance(like, types.NumberClass) else like
    signature = types.CPointer(pointee)(address, like)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return signature, generate


@intrinsic
def real(typing_context, bits):  # type: ignore[no-untyped-def]
    """The float64 whose bits an integer operand holds."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic
def call_kernel(typing_context, address, row, index):  # type: ignore[no-untyped-def]
    """Call the machine code at `address` with a pointer to element `index` of the row."""
    signature = types.void(types.int64, row, types.intp)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        operands = builder.gep(data, [arguments[2]])
        function_type = ir.FunctionType(ir.VoidType(), [operands.type])
        builder.call(builder.inttoptr(arguments[0], function_type.as_pointer()), [operands])
        return context.get_dummy_value()

    return signature, generate


@numba.njit(types.void(types.int64, types.int64[::1]), nogil=True, **OPTIONS)
def call_once(address, row):  # type: ignore[no-untyped-def]
    call_kernel(address, row, 0)


@inline
def floats(address, n):  # type: ignore[no-untyped-def]
    """The n float32 values at an address, as an array."""
    return carray(_pointer(address, np.float32), (n,))


@inline
def doubles(address, n):  # type: ignore[no-untyped-def]
    """The n float64 values at an address."""
    return carray(_pointer(address, np.float64), (n,))


@inline
def matrix(address, rows, columns):  # type: ignore[no-untyped-def]
    """The float32 matrix (rows, columns) at an address."""
    return carray(_pointer(address, np.float32), (rows, columns))


@inline
def ints(address, n):  # type: ignore[no-untyped-def]
    """The n int32 values at an address."""
    return carray(_pointer(address, np.int32), (n,))


@inline
def longs(address, n):  # type: ignore[no-untyped-def]
    """The n int64 values at an address."""
    return carray(_pointer(address, np.int64), (n,))


__all__ = [
    "FASTMATH", "KERNELS", "OPTIONS", "Kernel", "call_kernel", "doubles", "encode", "floats",
    "helper", "inline", "ints", "kernel", "longs", "matrix", "real",
]
