"""Numbers too small for a normal float32 (below 1.2e-38) count as zero while a program runs.

A processor takes about a hundred times longer for such denormal numbers, and training makes them:
weight decay halves an unused weight again and again, Adam's moments of a dead unit fade away.
Nothing is learned from them; flushing them keeps the speed. Intel SDM vol. 1, 10.2.3 (MXCSR).
"""

from __future__ import annotations

import platform

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.jit import inline

HAS_SWITCH = platform.machine().lower() in ("x86_64", "amd64")
"""Elsewhere denormals are about as fast as other numbers (ARM) or left alone."""
_FLUSH = np.int32(0x8040)
"""Flush results to zero (bit 15), take operands as zero (bit 6)."""


def _access(name):  # type: ignore[no-untyped-def]
    """An intrinsic that stores the mode to, or loads it from, an int32 array (1,)."""

    @intrinsic
    def access(typing_context, place):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            if HAS_SWITCH:
                data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
                bytes_ = ir.IntType(8).as_pointer()
                function = cgutils.get_or_insert_function(
                    builder.module, ir.FunctionType(ir.VoidType(), [bytes_]),
                    f"llvm.x86.sse.{name}")
                builder.call(function, [builder.bitcast(data, bytes_)])
            return context.get_dummy_value()

        return types.void(place), generate

    return access


_store_mode, _load_mode = _access("stmxcsr"), _access("ldmxcsr")


@inline
def flush_denormals(kept):  # type: ignore[no-untyped-def]
    """Treat denormals as zero on this thread from now on; `kept` (2,) int32 remembers the mode."""
    mode = kept[1:]
    _store_mode(kept)
    mode[0] = kept[0] | _FLUSH
    _load_mode(mode)


@inline
def restore_denormals(kept):  # type: ignore[no-untyped-def]
    """Back to the mode that `flush_denormals` found."""
    _load_mode(kept)
