"""Samples changed at random before they are trained on, in place.

What is drawn is a pure function of (key, step, sample of the whole batch): a step that is run again
draws the same, and so does a batch that is split among threads. Images are (channels, height,
width); `first` is where the lane's samples begin in the batch, `image` memory for one channel.
"""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, kernel, longs, matrix, real
from kernels.random import mixed, squares, standard_normal

_32 = np.uint64(32)


@inline
def _counter(step, index):
    """One counter for each number that a kernel draws in a step."""
    return (np.uint64(step) << _32) + np.uint64(index)


@inline
def _below(n, counter, key):
    """A whole number from 0 to n - 1."""
    return np.int64((squares(counter, key) * np.uint64(n)) >> _32)


@inline
def _between(low, high, counter, key):
    """A real number, low <= r < high."""
    return low + (high - low) * (np.float64(squares(counter, key)) * 2.0**-32)


@inline
def _mirrored(i, n):
    """A place outside of 0 to n - 1, reflected at the first and last one."""
    if 0 <= i < n:
        return i
    if n == 1:
        return 0
    i = abs(i) % (2 * n - 2)
    return i if i < n else 2 * n - 2 - i


@kernel("first batch channels height width across down key counters -> x")
def flip_images(a):
    """x = x, or with even chance its mirror image: left to right (across), upside down (down).

    counters int64: [0] the step; across, down 0 or 1; x (batch, channels, height, width)
    """
    first, batch, channels, height, width = a[0], a[1], a[2], a[3], a[4]
    across, down, key, step = a[5], a[6], mixed(a[7]), longs(a[8], 1)[0]
    x = matrix(a[9], batch * channels * height, width)
    for i in range(batch):
        flips_across = across != 0 and _below(2, _counter(step, 2 * (first + i)), key) != 0
        flips_down = down != 0 and _below(2, _counter(step, 2 * (first + i) + 1), key) != 0
        for c in range(channels):
            top = (i * channels + c) * height
            if flips_across:
                for row in range(top, top + height):
                    for j in range(width // 2):
                        x[row, j], x[row, width - 1 - j] = x[row, width - 1 - j], x[row, j]
            if flips_down:
                for k in range(height // 2):
                    for j in range(width):
                        low, high = top + k, top + height - 1 - k
                        x[low, j], x[high, j] = x[high, j], x[low, j]


@kernel("first batch channels height width degrees key counters -> image x")
def rotate_images(a):
    """x(p) = x(R p) about the centre, R by an angle within ±degrees; bilinear, 0 outside.

    counters int64: [0] the step; image (height, width); x (batch, channels, height, width)
    """
    first, batch, channels, height, width = a[0], a[1], a[2], a[3], a[4]
    degrees, key, step = real(a[5]), mixed(a[6]), longs(a[7], 1)[0]
    image, x = matrix(a[8], height, width), matrix(a[9], batch * channels * height, width)
    middle_row, middle_column = 0.5 * (height - 1), 0.5 * (width - 1)
    for i in range(batch):
        angle = _between(-degrees, degrees, _counter(step, first + i), key) * (np.pi / 180.0)
        cosine, sine = np.cos(angle), np.sin(angle)
        for c in range(channels):
            top = (i * channels + c) * height
            for k in range(height):
                for j in range(width):
                    image[k, j] = x[top + k, j]
            for k in range(height):
                for j in range(width):
                    u, v = j - middle_column, k - middle_row
                    row = middle_row + sine * u + cosine * v
                    column = middle_column + cosine * u - sine * v
                    x[top + k, j] = _bilinear(image, height, width, row, column)


@inline
def _pixel(image, height, width, row, column):
    """One pixel, 0 outside."""
    if row < 0 or row >= height or column < 0 or column >= width:
        return np.float32(0)
    return image[row, column]


@inline
def _bilinear(image, height, width, row, column):
    """The image between its pixels, weighted by how near they are."""
    k, j = np.int64(np.floor(row)), np.int64(np.floor(column))
    down, right = np.float32(row - k), np.float32(column - j)
    above = ((np.float32(1) - right) * _pixel(image, height, width, k, j)
             + right * _pixel(image, height, width, k, j + 1))
    below = ((np.float32(1) - right) * _pixel(image, height, width, k + 1, j)
             + right * _pixel(image, height, width, k + 1, j + 1))
    return (np.float32(1) - down) * above + down * below


@kernel("first batch channels height width most mirrored key counters -> image x")
def shift_images(a):
    """x(p) = x(p + d), each part of d a whole number within ±most; outside 0, or the mirror image.

    counters int64: [0] the step; mirrored 0 or 1; image (height, width); x (batch, channels,
    height, width). Mirrored, it pads by `most` and crops to the old size.
    """
    first, batch, channels, height, width = a[0], a[1], a[2], a[3], a[4]
    most, mirrored, key, step = a[5], a[6], mixed(a[7]), longs(a[8], 1)[0]
    image, x = matrix(a[9], height, width), matrix(a[10], batch * channels * height, width)
    for i in range(batch):
        down = _below(2 * most + 1, _counter(step, 2 * (first + i)), key) - most
        right = _below(2 * most + 1, _counter(step, 2 * (first + i) + 1), key) - most
        for c in range(channels):
            top = (i * channels + c) * height
            for k in range(height):
                for j in range(width):
                    image[k, j] = x[top + k, j]
            for k in range(height):
                for j in range(width):
                    row, column = k + down, j + right
                    if mirrored != 0:
                        x[top + k, j] = image[_mirrored(row, height), _mirrored(column, width)]
                    else:
                        x[top + k, j] = _pixel(image, height, width, row, column)


@kernel("first batch channels height width side key counters -> x")
def cut_out(a):
    """x = 0 in a square of the given side, centred on a random pixel. DeVries & Taylor 2017.

    counters int64: [0] the step; x (batch, channels, height, width)
    """
    first, batch, channels, height, width = a[0], a[1], a[2], a[3], a[4]
    side, key, step = a[5], mixed(a[6]), longs(a[7], 1)[0]
    x = matrix(a[8], batch * channels * height, width)
    for i in range(batch):
        row = _below(height, _counter(step, 2 * (first + i)), key) - side // 2
        column = _below(width, _counter(step, 2 * (first + i) + 1), key) - side // 2
        for c in range(channels):
            top = (i * channels + c) * height
            for k in range(max(0, row), min(height, row + side)):
                for j in range(max(0, column), min(width, column + side)):
                    x[top + k, j] = np.float32(0)


@kernel("first batch size deviation key counters -> x")
def jitter(a):
    """x = x + deviation n, with n from the normal distribution.

    counters int64: [0] the step; x (batch, size)
    """
    first, batch, size, deviation = a[0], a[1], a[2], np.float32(real(a[3]))
    key, start = mixed(a[4]), _counter(longs(a[5], 1)[0], first * size)
    n = batch * size
    x = floats(a[6], n)
    for i in range(n):
        x[i] += deviation * standard_normal(squares(start + np.uint64(i), key))


@kernel("batch size scales mean deviation -> x")
def to_own_units(a):
    """x = x deviation + mean: undoes the scaling of the data.

    mean, deviation (scales,), one for all (1) or one for each value (size); x (batch, size)
    """
    batch, size, scales = a[0], a[1], a[2]
    mean, deviation, x = floats(a[3], scales), floats(a[4], scales), floats(a[5], batch * size)
    for i in range(batch):
        for j in range(size):
            k = j if scales > 1 else 0
            x[i * size + j] = x[i * size + j] * deviation[k] + mean[k]


@kernel("batch size scales mean deviation -> x")
def to_scaled_units(a):
    """x = (x - mean) / deviation: the scaling of the data.

    mean, deviation (scales,), one for all (1) or one for each value (size); x (batch, size)
    """
    batch, size, scales = a[0], a[1], a[2]
    mean, deviation, x = floats(a[3], scales), floats(a[4], scales), floats(a[5], batch * size)
    for i in range(batch):
        for j in range(size):
            k = j if scales > 1 else 0
            x[i * size + j] = (x[i * size + j] - mean[k]) / deviation[k]
