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

import numpy as np
import threadpoolctl
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from kernels.denormals import flush_denormals, restore_denormals
from kernels.jit import call_kernel, ints, kernel, longs

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


@kernel("""lanes width length first_lane end_lane start count clock clock_id time_one_in give_way
           code meets -> halt meeting times scratch done""")
def run_lanes(a):  # type: ignore[no-untyped-def]
    """Run `count` instructions from `start`, for the lanes from first_lane to end_lane - 1.

    code (length, lanes, width), meets (length,), times (length, 2), done (1,): how many were run.
    When these are not all lanes, the others run on other threads, and before an instruction whose
    `meets` is 1 all wait for each other: meeting[0] counts arrivals, meeting[8] completed meetings
    (64 bytes apart: two cache lines). clock (0: take no times) and give_way are the addresses of
    clock_gettime and sched_yield. Denormal numbers are taken as zero.
    """
    lanes, width, length, first_lane, end_lane = a[0], a[1], a[2], a[3], a[4]
    start, count, clock, clock_id, time_one_in, give_way = a[5], a[6], a[7], a[8], a[9], a[10]
    code, meets = longs(a[11], length * lanes * width), longs(a[12], length)
    halt, meeting, times = longs(a[13], 1), longs(a[14], 16), longs(a[15], 2 * length)
    before, after, mode = longs(a[16], 2), longs(a[16] + 16, 2), ints(a[16] + 32, 2)
    flush_denormals(mode)
    alone = end_lane - first_lane == lanes
    takes_time = clock != 0 and first_lane == 0
    # A pass just after Python ran is slower than the rest: only single steps are timed at once.
    position, passes, timed = start, 0, takes_time and count < length
    done, halted = 0, False
    while done < count and not halted:
        if not alone and meets[position]:
            turn = _atomic_load(meeting, 8)
            if _atomic_add(meeting, 0, 1) == lanes - 1:
                _atomic_add(meeting, 0, -lanes)
                _atomic_add(meeting, 8, 1)
            else:
                spins = 0
                while not halted and _atomic_load(meeting, 8) == turn:
                    spins += 1
                    if spins % _SPINS == 0:
                        if give_way != 0:
                            _give_way(give_way)
                        # Lane 0 halts between two meetings and comes to no other.
                        halted = _atomic_load(halt, 0) != 0
                if halted:
                    break
        if timed:
            _read_clock(clock, clock_id, before)
        for row in range((position * lanes + first_lane) * width,
                         (position * lanes + end_lane) * width, width):
            if code[row] != 0:
                call_kernel(code[row], code, row + 1)
        if timed:
            _read_clock(clock, clock_id, after)
            times[2 * position] += (after[0] - before[0]) * 1_000_000_000 + after[1] - before[1]
            times[2 * position + 1] += 1
        done += 1
        halted = first_lane == 0 and halt[0] != 0
        position += 1
        if position == length:
            position = 0
            passes += 1
            timed = takes_time and passes % time_one_in == FIRST_TIMED
    restore_denormals(mode)
    longs(a[17], 1)[0] = done


class Machine:
    """Runs a linked program; owned by one thread at a time.

    code: (instructions, lanes, 1 + operands) int64. meets: (instructions,) uint8. halt: int64
    array (1,), which lane 0 of the program sets to stop after the current instruction.
    """

    def __init__(self, code: NDArray[np.int64], meets: NDArray[np.uint8],
                 halt: NDArray[np.int64]) -> None:
        # OpenBLAS threads of its own would fight with ours (and with the window) for the cores.
        _limit_blas()
        self._code, self._meets, self._halt = code, meets.astype(np.int64), halt
        self._times = np.zeros((len(code), 2), np.int64)
        self._meeting = np.zeros(16, np.int64)

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
        length, lanes, width = self._code.shape
        scratch, done = np.zeros(6, np.int64), np.zeros(1, np.int64)
        run_lanes(lanes=lanes, width=width, length=length, first_lane=first, end_lane=end,
                  start=start, count=count, clock=_CLOCK, clock_id=_MONOTONIC,
                  time_one_in=TIME_ONE_STEP_IN, give_way=_YIELD, code=self._code,
                  meets=self._meets, halt=self._halt, meeting=self._meeting, times=self._times,
                  scratch=scratch, done=done)
        return int(done[0])

    def forget_times(self) -> None:
        """As if nothing had been timed yet."""
        self._times[:] = 0

    @property
    def times_measured(self) -> int:
        """How often every instruction was timed, at least."""
        return int(self._times[:, 1].min())

    def microseconds(self) -> NDArray[np.float64]:
        """Mean time of each instruction, NaN where it has not been measured."""
        return np.maximum(self._nanoseconds() - _clock_cost(), 0) / 1000

    def _nanoseconds(self) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._times[:, 0] / self._times[:, 1]


@functools.cache
def _clock_cost() -> float:
    """Nanoseconds of reading the clock, which every measured time contains."""
    if not _CLOCK:
        return 0.0
    count, costs = 1000, []
    for _ in range(5):
        # All are timed, as of any run that is not a whole pass.
        nothing = Machine(np.zeros((count + 1, 1, 1), np.int64), np.zeros(count + 1, np.uint8),
                          np.zeros(1, np.int64))
        nothing.run(0, count)
        costs.append(float(nothing._nanoseconds()[:count].mean()))
    return min(costs)


_blas_limits: list[threadpoolctl.threadpool_limits] = []


def _limit_blas() -> None:
    if not _blas_limits:
        import scipy.linalg.cython_blas  # noqa: F401 (the library that np.dot in kernels calls)

        _blas_limits.append(threadpoolctl.threadpool_limits(1, "blas"))
