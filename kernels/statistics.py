"""What is measured while the network trains: norms, shares, means, the guard and the record.

Each is one pass in float32, which LLVM turns into many sums side by side. Where squares leave its
range, a second pass in float64 follows. Whatever is not finite shows in the result.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, ints, kernel, longs, real
from kernels.simd import sums_and_columns_in_range

_INFINITY = np.int32(0x7F800000)  # the bits of inf; those of a NaN are above

_LARGE, _SMALL = np.float32(1e30), np.float32(1e-25)
_SPREAD = np.float32(1e-3)  # of σ² to μ²: the difference of two sums then has four digits


@inline
def is_in_range(squares):
    """Whether a sum of squares in float32 is as good as one in float64; False for NaN."""
    return _SMALL < squares < _LARGE


@inline
def norm_of(x, n, squares):
    """√squares, where `squares` is Σ x² as float32 found it, or found anew in float64."""
    if is_in_range(squares):
        return np.sqrt(np.float64(squares))
    careful = 0.0
    for i in range(n):
        careful += np.float64(x[i]) * np.float64(x[i])
    return np.sqrt(careful)


@inline
def measure(address, n):
    """‖g‖, the bits of max |g|, the number of zeros, the number of NaN and inf of n numbers."""
    gradient, bits = floats(address, n), ints(address, n)
    squares, largest, zeros, wild = np.float32(0), np.int32(0), np.float32(0), 0
    for i in range(n):
        squares += gradient[i] * gradient[i]
        # Without its sign bit, a float grows with its bits and NaN is the largest of all: a
        # maximum of integers that hides nothing, and that LLVM vectorises.
        size = np.int32(bits[i] & np.int32(0x7FFFFFFF))
        largest = max(largest, size)
        # Counted as floats: where there are vectors with masks, that is one instruction less.
        zeros += np.float32(1) if size == 0 else np.float32(0)
    if largest >= _INFINITY:
        for i in range(n):
            wild += not np.isfinite(gradient[i])
    return norm_of(gradient, n, squares), largest, zeros, wild


@kernel("n gaps gradient -> out")
def gradient_statistics(a):
    """out = ‖g‖, max |g|, the share of zeros, the number of NaN and inf.

    gradient (n,), of which `gaps` are zeros between two parameters that do not count; out (4,)
    """
    n, gaps, out = a[0], a[1], floats(a[3], 4)
    norm, largest, zeros, wild = measure(a[2], n)
    out[0], out[2], out[3] = norm, (zeros - gaps) / (n - gaps), wild
    ints(a[3], 4)[1] = largest


@kernel("n gradient -> out")
def gradient_part(a):
    """out = ‖g‖, max |g|, the number of zeros, the number of NaN and inf in a lane's share.

    gradient (n,), out (4,)
    """
    out = floats(a[2], 4)
    norm, largest, zeros, wild = measure(a[1], a[0])
    out[0], out[2], out[3] = norm, zeros, wild
    ints(a[2], 4)[1] = largest


@kernel("lanes n gaps parts -> out")
def join_gradient_parts(a):
    """out = ‖g‖, max |g|, the share of zeros, the number of NaN and inf, of all shares.

    parts (lanes, 4), of n numbers together; out (4,)
    """
    lanes, n, gaps = a[0], a[1], a[2]
    parts, bits, out = floats(a[3], 4 * lanes), ints(a[3], 4 * lanes), floats(a[4], 4)
    squares, largest, zeros, wild = 0.0, np.int32(0), 0.0, 0.0
    for lane in range(lanes):
        squares += np.float64(parts[4 * lane]) * np.float64(parts[4 * lane])
        largest = max(largest, bits[4 * lane + 1])
        zeros += parts[4 * lane + 2]
        wild += parts[4 * lane + 3]
    out[0], out[2], out[3] = np.sqrt(squares), (zeros - gaps) / (n - gaps), wild
    ints(a[4], 4)[1] = largest


@kernel("n x -> norm")
def vector_norm(a):
    """norm = √(Σ x²).

    x (n,), norm (1,)
    """
    n = a[0]
    x, squares = floats(a[1], n), np.float32(0)
    for i in range(n):
        squares += x[i] * x[i]
    floats(a[2], 1)[0] = norm_of(x, n, squares)


@inline
def mean_and_deviation(y, n):
    """Of n numbers, from Σ y and Σ y² in one pass."""
    summed, squares = np.float32(0), np.float32(0)
    for i in range(n):
        summed += y[i]
        squares += y[i] * y[i]
    return from_sums(summed, squares, y, n)


@inline
def from_sums(summed, squares, y, n):
    """Mean and deviation of n numbers from Σ y and Σ y², in float32 as those are: its root takes
    half the time of that of float64."""
    each = np.float32(1) / np.float32(n)
    mean = summed * each
    variance = squares * each - mean * mean
    # Also where one is infinite or NaN. A small spread far from zero cancels in the difference.
    if not _SPREAD * (mean * mean) < variance < _LARGE:
        return careful_mean_and_deviation(y, n)
    return np.float64(mean), np.float64(np.sqrt(variance))


@inline
def careful_mean_and_deviation(y, n):
    """The same in float64, where nothing overflows or cancels."""
    mean, variance = 0.0, 0.0
    for i in range(n):
        mean += np.float64(y[i])
    mean /= n
    for i in range(n):
        variance += (np.float64(y[i]) - mean) ** 2
    return mean, np.sqrt(variance / n)


@kernel("n y -> out")
def activation_statistics(a):
    """out = the mean and the standard deviation of y.

    y (n,), out (2,)
    """
    n = a[0]
    y, out = floats(a[1], n), floats(a[2], 2)
    out[0], out[1] = mean_and_deviation(y, n)


@kernel("n y -> out")
def activation_part(a):
    """out = the mean and the standard deviation of a lane's y, and how many they are.

    y (n,), out (4,)
    """
    n = a[0]
    y, out = floats(a[1], n), floats(a[2], 4)
    out[0], out[1] = mean_and_deviation(y, n)
    out[2] = n


@kernel("lanes parts -> out")
def join_activation_parts(a):
    """out = the mean and the standard deviation of y, of all lanes together.

    parts (lanes, 4), out (2,)
    """
    lanes = a[0]
    parts, out = floats(a[1], 4 * lanes), floats(a[2], 2)
    n, summed, squares = 0.0, 0.0, 0.0
    for lane in range(lanes):
        n += parts[4 * lane + 2]
        summed += np.float64(parts[4 * lane]) * parts[4 * lane + 2]
    mean = summed / n
    for lane in range(lanes):
        apart, deviation = parts[4 * lane] - mean, np.float64(parts[4 * lane + 1])
        squares += (apart * apart + deviation * deviation) * parts[4 * lane + 2]
    out[0], out[1] = mean, np.sqrt(squares / n)


@kernel("batch units low high y -> out")
def unit_statistics(a):
    """out = mean and standard deviation of y; the share of units always <= low or >= high.

    Those are dead or saturated: no output of the batch is in between.
    y (batch, units), out (3,)
    """
    batch, units = a[0], a[1]
    low, high = np.float32(real(a[2])), np.float32(real(a[3]))
    n = batch * units
    y, out = floats(a[4], n), floats(a[5], 3)
    summed, squares, at_work = sums_and_columns_in_range(batch, units, y, low, high)
    out[0], out[1] = from_sums(summed, squares, y, n)
    out[2] = np.float32(1) - np.float32(at_work) / np.float32(units)


@kernel("batch units positions low high y -> seen out")
def unit_activity(a):
    """out = the share of units whose every output is <= low or >= high: dead or saturated.

    y (batch, units, positions), seen (units,) int32: which units had an output in range; out (1,)
    """
    batch, units, positions = a[0], a[1], a[2]
    low, high = np.float32(real(a[3])), np.float32(real(a[4]))
    y, seen = floats(a[5], batch * units * positions), ints(a[6], units)
    at_work = np.int32(0)
    for u in range(units):
        seen[u] = 0
    for i in range(batch):
        at_work = np.int32(0)
        for u in range(units):
            if seen[u] == 0:
                start = (i * units + u) * positions
                for p in range(start, start + positions):
                    if not (y[p] <= low or y[p] >= high):
                        seen[u] = 1
                        break
            at_work += seen[u]
        # Left as soon as every unit was seen at work: mostly after one or two samples.
        if at_work == units:
            break
    floats(a[7], 1)[0] = 1 - at_work / units


@kernel("loss norm -> halt")
def guard(a):
    """halt = 1 if the loss or the gradient's norm is not finite, else 0.

    loss, norm (1,), halt int64 (1,)
    """
    loss, norm = floats(a[0], 1)[0], floats(a[1], 1)[0]
    longs(a[2], 1)[0] = np.int64(not (np.isfinite(loss) and np.isfinite(norm)))


@kernel("columns rows counters per_bucket row -> ring")
def record(a):
    """ring[bucket mod rows] = count, sum, lowest, highest; bucket = step // per_bucket.

    counters int64: [0] the step; per_bucket int64 (1,); row (columns,);
    ring (rows, 1 + 3 columns): count, sums, lowest, highest. A NaN stays in all of them.
    """
    columns, rows, step, per_bucket = a[0], a[1], longs(a[2], 1)[0], longs(a[3], 1)[0]
    row, width = floats(a[4], columns), 1 + 3 * columns
    bucket = floats(a[5] + 4 * width * ((step // per_bucket) % rows), width)
    sums, low, high = bucket[1:], bucket[1 + columns:], bucket[1 + 2 * columns:]
    if step % per_bucket == 0:
        bucket[0] = 1
        for i in range(columns):
            value = row[i]
            sums[i] = value
            low[i] = value
            high[i] = value
    else:
        bucket[0] += 1
        for i in range(columns):
            value = row[i]
            sums[i] += value
            low[i] = value if value < low[i] or value != value else low[i]
            high[i] = value if value > high[i] or value != value else high[i]
