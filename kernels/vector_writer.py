"""Writes LLVM's vector instructions for the width of this machine's registers.

A *tile* keeps `rows` x `vectors` sums in registers for as long as one operand is read past them, so
that nearly every instruction is a multiply-add: Goto & van de Geijn, "Anatomy of High-Performance
Matrix Multiplication", 2008.
"""

import os
import platform
from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils


def vector_width() -> int:
    """How many float32 values a vector register of this machine holds."""
    if asked := os.environ.get("PLAYGROUND_VECTOR_WIDTH"):
        return int(asked)
    features = llvmlite.binding.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx2") else 4


WIDTH = vector_width()
_MANY_REGISTERS = WIDTH == 16 or platform.machine().lower() in ("arm64", "aarch64")
#: Rows of a tile. With three vectors a row, 8 rows take 24 of 32 registers, 4 rows 12 of 16.
ROWS = (8, 6, 4, 2, 1) if _MANY_REGISTERS else (4, 2, 1)
VECTORS = 3
TILE_COLUMNS = VECTORS * WIDTH

FLOAT, INT, LANE = ir.FloatType(), ir.IntType(64), ir.IntType(32)
VECTOR, MASK = ir.VectorType(FLOAT, WIDTH), ir.VectorType(ir.IntType(1), WIDTH)
LANES = ir.VectorType(LANE, WIDTH)
ZERO, ALL = ir.Constant(VECTOR, [0.0] * WIDTH), ir.Constant(MASK, [True] * WIDTH)


class Writer:
    """Writes vector instructions with an IR builder."""

    def __init__(self, context, builder, signature, arguments):
        self.builder = builder
        #: Arrays as pointers to their data, all else as it came.
        self.arguments = [
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments, strict=True)]

    def _intrinsic(self, name, result, parameters):
        return cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(result, parameters), f"llvm.{name}")

    def at(self, pointer, *terms):
        """The address `pointer` plus the sum of the terms (in elements)."""
        for term in terms:
            pointer = self.builder.gep(pointer, [INT(term) if isinstance(term, int) else term])
        return pointer

    def apart(self, pointer):
        """The same address, whose origin LLVM does not know.

        It would walk from row to row of a tile by adding the stride, each address waiting for the
        one before it: a sixth of the time of the whole tile.
        """
        kind = ir.FunctionType(pointer.type, [pointer.type])
        return self.builder.asm(kind, "", "=r,0", [pointer], side_effect=False)

    def load_index(self, pointer, index):
        """An int32 table entry as int64."""
        return self.builder.sext(self.builder.load(self.at(pointer, index)), INT)

    def load(self, pointer, mask=None, default=ZERO):
        """A vector; lanes outside the mask are not read and give the default."""
        pointer = self.builder.bitcast(pointer, VECTOR.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=4)
        load = self._intrinsic(f"masked.load.v{WIDTH}f32.p0", VECTOR,
                               [pointer.type, LANE, MASK, VECTOR])
        return self.builder.call(load, [pointer, LANE(4), mask, default])

    def store(self, value, pointer, mask=None):
        """Store a vector; memory outside the mask is left alone."""
        pointer = self.builder.bitcast(pointer, VECTOR.as_pointer())
        if mask is None:
            self.builder.store(value, pointer, align=4)
            return
        store = self._intrinsic(f"masked.store.v{WIDTH}f32.p0", ir.VoidType(),
                                [VECTOR, pointer.type, LANE, MASK])
        self.builder.call(store, [value, pointer, LANE(4), mask])

    def fetch(self, address):
        """Ask for the cache line at an address, which is read later; it may be no address at all.

        It goes to the second level: the first is full of what is being worked on.
        """
        place = self.builder.inttoptr(address, ir.IntType(8).as_pointer())
        prefetch = self._intrinsic("prefetch.p0", ir.VoidType(), [place.type, LANE, LANE, LANE])
        to_read, second_level, data = LANE(0), LANE(2), LANE(1)
        self.builder.call(prefetch, [place, to_read, second_level, data])

    def strided(self, start, stride, offset):
        """offset + stride (start + lane), for each lane."""
        lanes = ir.Constant(ir.VectorType(INT, WIDTH), list(range(WIDTH)))
        positions = self.builder.add(lanes, self._spread(start))
        return self.builder.add(self.builder.mul(positions, self._spread(stride)),
                                self._spread(offset))

    def _places(self, pointer, start, stride):
        addresses = self.strided(start, self.builder.mul(stride, INT(4)),
                                 self.builder.ptrtoint(pointer, INT))
        return self.builder.inttoptr(addresses, ir.VectorType(FLOAT.as_pointer(), WIDTH))

    def gather(self, pointer, start, stride, mask=None):
        """The floats at stride (start + lane)."""
        return self._gather(self._places(pointer, start, stride), mask)

    def _gather(self, places, mask):
        gather = self._intrinsic(f"masked.gather.v{WIDTH}f32.v{WIDTH}p0", VECTOR,
                                 [places.type, LANE, MASK, VECTOR])
        return self.builder.call(gather, [places, LANE(4), mask or ALL, ZERO])

    def gather_indices(self, address, indices, mask=None):
        """The floats at an address (int64) plus int32 indices."""
        wide = self.builder.sext(indices, ir.VectorType(INT, WIDTH))
        offsets = self.builder.mul(wide, ir.Constant(wide.type, [4] * WIDTH))
        places = self.builder.inttoptr(self.builder.add(offsets, self._spread(address)),
                                       ir.VectorType(FLOAT.as_pointer(), WIDTH))
        return self._gather(places, mask)

    def scatter(self, value, pointer, start, stride, mask=None):
        """Store to stride (start + lane)."""
        places = self._places(pointer, start, stride)
        scatter = self._intrinsic(f"masked.scatter.v{WIDTH}f32.v{WIDTH}p0", ir.VoidType(),
                                  [VECTOR, places.type, LANE, MASK])
        self.builder.call(scatter, [value, places, LANE(4), mask or ALL])

    def _spread(self, value):
        """A scalar in all lanes."""
        nothing = ir.Constant(ir.VectorType(value.type, WIDTH), ir.Undefined)
        one = self.builder.insert_element(nothing, value, LANE(0))
        return self.shuffle(one, nothing, [0] * WIDTH)

    def shuffle(self, a, b, lanes):
        """Lanes of a and then b, in this order; of as many as a vector has."""
        return self.builder.shuffle_vector(a, b, ir.Constant(LANES, lanes))

    def broadcast(self, pointer):
        """One float in all lanes."""
        return self._spread(self.builder.load(pointer))

    def first_lanes(self, n):
        """The mask of lanes below n."""
        lanes = ir.Constant(ir.VectorType(INT, WIDTH), list(range(WIDTH)))
        return self.builder.icmp_signed("<", lanes, self._spread(n))

    def multiply_add(self, a, b, c):
        """a b + c, in one instruction where the machine has one."""
        function = self._intrinsic(f"fmuladd.v{WIDTH}f32", VECTOR, [VECTOR] * 3)
        return self.builder.call(function, [a, b, c])

    def count(self, mask):
        """How many lanes of a mask are set."""
        bits = self.builder.bitcast(mask, ir.IntType(WIDTH))
        count = self._intrinsic("ctpop.i64", INT, [INT])
        return self.builder.call(count, [self.builder.zext(bits, INT)])

    def totals(self, vectors):
        """The sum of the lanes of each vector.

        Vectors are added in pairs, half of the sum for each, until one vector holds all totals.
        """
        totals = []
        for start in range(0, len(vectors), WIDTH):
            part = list(vectors[start:start + WIDTH])
            count, segment = len(part), WIDTH
            while segment > 1:
                segment //= 2
                pairs = [(part[i], part[min(i + 1, len(part) - 1)])
                         for i in range(0, len(part), 2)]
                part = [self._add_halves(a, b, segment) for a, b in pairs]
            totals += [self.builder.extract_element(part[0], LANE(i)) for i in range(count)]
        return totals

    def _add_halves(self, a, b, half):
        """Of a and then b: of every 2 * half lanes, the first half plus the second."""
        lanes = [i for i in range(2 * WIDTH) if i // half % 2 == 0]
        first, second = (self.shuffle(a, b, [i + shift for i in lanes]) for shift in (0, half))
        return self.builder.fadd(first, second)

    def loop(self, start, stop, step, sums, body):
        """`for i in range(start, stop, step): sums = body(i, sums)`; the sums stay in registers."""
        builder = self.builder
        before = builder.block
        head, inside, after = (builder.append_basic_block(f"tile_{name}")
                               for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(INT)
        index.add_incoming(start, before)
        phis = [builder.phi(value.type) for value in sums]
        for phi, value in zip(phis, sums, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", index, stop), inside, after)
        builder.position_at_end(inside)
        new = body(index, phis)
        index.add_incoming(builder.add(index, INT(step)), builder.block)
        for phi, value in zip(phis, new, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return phis

    def for_each_tile(self, rows, vectors, emit: Callable[[int, int], None]):
        """Write `emit(rows, vectors)` for every size of a tile, and jump to the one wanted."""
        builder = self.builder
        after = builder.append_basic_block("tiles_after")
        choice = builder.add(builder.mul(rows, INT(VECTORS)), vectors)
        switch = builder.switch(choice, after)
        for r in ROWS:
            for v in range(1, VECTORS + 1):
                block = builder.append_basic_block(f"tile_{r}_by_{v}")
                switch.add_case(INT(r * VECTORS + v), block)
                builder.position_at_end(block)
                emit(r, v)
                builder.branch(after)
        builder.position_at_end(after)


def for_each_vector(writer, n, emit: Callable[[Any, Any], None]):
    """Write `emit(start, mask)` for each vector of a row of n; the mask is None for whole ones."""
    builder = writer.builder
    whole = builder.and_(n, INT(-WIDTH))

    def vector(i, sums):
        emit(i, None)
        return sums

    writer.loop(INT(0), whole, WIDTH, [], vector)
    with builder.if_then(builder.icmp_signed("<", whole, n)):
        emit(whole, writer.first_lanes(builder.sub(n, whole)))
