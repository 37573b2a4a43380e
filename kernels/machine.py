"""The loop that runs instructions, without Python's lock and for many steps per call.

A program is an int64 array (instructions, lanes, width). Lane l of an instruction is one row:
the address of the kernel's machine code (0: nothing to do in this lane), then its operands.
Lanes are shards of the batch; they touch different memory, so that running them one after the
other or on threads of their own gives the same bits.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading

import numba
import numpy as np
import threadpoolctl
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from kernels.denormals import flush_denormals, restore_denormals
from kernels.jit import OPTIONS, call_kernel

TIME_ONE_STEP_IN, FIRST_TIMED = 64, 8
"""Reading the clock costs about 25 ns: of a free run, pass 8 and every 64th after it is timed."""
_SPINS = 2000
"""Turns of a waiting loop (a few microseconds) before a thread offers its core to others."""


def _function_address(name: str) -> int:
    """The address of a C function of this process, or 0 where there is none."""
    try:
        return ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value or 0
    except (AttributeError, OSError, TypeError):
        return 0


_CLOCK = _function_address("clock_gettime")
_YIELD = _function_address("sched_yield")
_MONOTONIC = 6 if sys.platform == "darwin" else 1


@intrinsic
def _read_clock(typing_context, address, identity, buffer):  # type: ignore[no-untyped-def]
    """Call clock_gettime(identity, buffer); buffer holds seconds and nanoseconds."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[2])(context, builder, arguments[2]).data
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), data.type])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(function, [builder.trunc(arguments[1], ir.IntType(32)), data])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, buffer), generate


@intrinsic
def _give_way(typing_context, address):  # type: ignore[no-untyped-def]
    """Call sched_yield()."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _atomic_add(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """array[index] += value as one indivisible act; gives the old value."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.gep(data, [arguments[1]])
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), generate


@intrinsic
def _atomic_load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """array[index], read anew from memory."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "seq_cst", 8)

    return types.int64(array, types.intp), generate


_CODE = types.int64[:, :, ::1]
_LONGS = types.int64[::1]


@numba.njit(nogil=True, **OPTIONS)
def _run_rows(code, meets, first_lane, end_lane, start, count, halt, meeting, times, system):
    """Run `count` instructions from `start`, for the lanes from first_lane to end_lane - 1.

    Gives how many were run. When these are not all lanes, the others run on other threads, and
    before an instruction whose `meets` is 1 all wait for each other: meeting[0] counts arrivals,
    meeting[8] completed meetings (64 bytes apart: two cache lines). system holds the addresses
    of the clock (0: take no times), the clock's number, that of sched_yield, and which passes to
    time.
    """
    length, lanes, width = code.shape
    clock, clock_id, give_way, time_one_in = system[0], system[1], system[2], system[3]
    # A row as an array of its own would count its users up and down: longer than most kernels take.
    flat = code.reshape(code.size)
    before, after = np.zeros(2, np.int64), np.zeros(2, np.int64)
    alone = end_lane - first_lane == lanes
    takes_time = clock != 0 and first_lane == 0
    # A pass just after Python ran is slower than the rest: only single steps are timed at once.
    position, passes, timed = start, 0, takes_time and count < length
    for done in range(count):
        if not alone and meets[position]:
            turn = _atomic_load(meeting, 8)
            if _atomic_add(meeting, 0, 1) == lanes - 1:
                _atomic_add(meeting, 0, -lanes)
                _atomic_add(meeting, 8, 1)
            else:
                spins = 0
                while _atomic_load(meeting, 8) == turn:
                    spins += 1
                    if spins % _SPINS == 0:
                        if give_way != 0:
                            _give_way(give_way)
                        # Lane 0 halts between two meetings and comes to no other.
                        if _atomic_load(halt, 0) != 0:
                            return done
        if timed:
            _read_clock(clock, clock_id, before)
        for lane in range(first_lane, end_lane):
            row = (position * lanes + lane) * width
            if flat[row] != 0:
                call_kernel(flat[row], flat, row + 1)
        if timed:
            _read_clock(clock, clock_id, after)
            times[position, 0] += (after[0] - before[0]) * 1_000_000_000 + after[1] - before[1]
            times[position, 1] += 1
        if first_lane == 0 and halt[0] != 0:
            return done + 1
        position += 1
        if position == length:
            position = 0
            passes += 1
            timed = takes_time and passes % time_one_in == FIRST_TIMED
    return count


@numba.njit(
    types.int64(_CODE, types.uint8[::1], types.int64, types.int64, types.int64, types.int64,
                _LONGS, _LONGS, types.int64[:, ::1], types.int64[::1]),
    nogil=True, **OPTIONS)
def _run(code, meets, first_lane, end_lane, start, count, halt, meeting, times, system):
    """As `_run_rows`, with denormal numbers taken as zero."""
    kept = np.zeros(2, np.int32)
    flush_denormals(kept)
    done = _run_rows(code, meets, first_lane, end_lane, start, count, halt, meeting, times, system)
    restore_denormals(kept)
    return done


class Machine:
    """Runs a linked program; owned by one thread at a time.

    code: (instructions, lanes, 1 + operands) int64. meets: (instructions,) uint8. halt: int64
    array (1,), which lane 0 of the program sets to stop after the current instruction.
    """

    def __init__(self, code: NDArray[np.int64], meets: NDArray[np.uint8],
                 halt: NDArray[np.int64]) -> None:
        # OpenBLAS threads of its own would fight with ours (and with the window) for the cores.
        _limit_blas()
        self._code, self._meets, self._halt = code, meets, halt
        self._times = np.zeros((len(code), 2), np.int64)
        self._meeting = np.zeros(16, np.int64)
        self._system = np.array([_CLOCK, _MONOTONIC, _YIELD, TIME_ONE_STEP_IN], np.int64)

    def run(self, start: int, count: int) -> int:
        """Run `count` instructions from index `start`, round and round.

        Gives the number that were run: fewer when the program halted.
        """
        lanes = self._code.shape[1]
        if lanes == 1 or count == 1:
            return self._run_lanes(0, lanes, start, count)
        self._meeting[:] = 0
        helpers = [
            threading.Thread(target=self._run_lanes, args=(lane, lane + 1, start, count),
                             name=f"lane {lane}", daemon=True)
            for lane in range(1, lanes)]
        for helper in helpers:
            helper.start()
        done = self._run_lanes(0, 1, start, count)
        for helper in helpers:
            helper.join()
        return done

    def _run_lanes(self, first: int, end: int, start: int, count: int) -> int:
        return int(_run(self._code, self._meets, first, end, start, count, self._halt,
                        self._meeting, self._times, self._system))

    def forget_times(self) -> None:
        """As if nothing had been timed yet."""
        self._times[:] = 0

    def microseconds(self) -> NDArray[np.float64]:
        """Mean time of each instruction, NaN where it has not been measured."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._times[:, 0] / self._times[:, 1] - _clock_cost()
        return np.maximum(mean, 0) / 1000


@numba.njit(types.int64(types.int64[::1], types.int64), nogil=True, **OPTIONS)
def _time_clock(system, readings):
    """Nanoseconds that `readings` readings of the clock take."""
    before, after = np.zeros(2, np.int64), np.zeros(2, np.int64)
    _read_clock(system[0], system[1], before)
    for _ in range(readings):
        _read_clock(system[0], system[1], after)
    return (after[0] - before[0]) * 1_000_000_000 + after[1] - before[1]


@functools.cache
def _clock_cost() -> float:
    """Nanoseconds of one reading, which every measured time contains."""
    if not _CLOCK:
        return 0.0
    system = np.array([_CLOCK, _MONOTONIC], np.int64)
    return min(int(_time_clock(system, 1000)) for _ in range(5)) / 1000


_blas_limits: list[threadpoolctl.threadpool_limits] = []


def _limit_blas() -> None:
    if not _blas_limits:
        import scipy.linalg.cython_blas  # noqa: F401 (the library that np.dot in kernels calls)

        _blas_limits.append(threadpoolctl.threadpool_limits(1, "blas"))
