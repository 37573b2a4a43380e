"""Images made larger by whole factors: each pixel repeated, or values drawn between pixels."""

from __future__ import annotations

import numpy as np

from kernels.jit import floats, inline, ints, kernel


@kernel("planes height width scale_height scale_width x -> y")
def upsample_nearest_forward(a):
    """y[s i + u, s j + v] = x[i, j]: each pixel becomes a block.

    x (planes, height, width), y (planes, scale_height height, scale_width width)
    """
    rows, width, scale_height, scale_width = a[0] * a[1], a[2], a[3], a[4]
    out_width = width * scale_width
    x, y = floats(a[5], rows * width), floats(a[6], rows * scale_height * out_width)
    for i in range(rows):
        to = i * scale_height * out_width
        for v in range(scale_width):
            for j in range(width):
                y[to + j * scale_width + v] = x[i * width + j]
        for u in range(1, scale_height):
            for j in range(out_width):
                y[to + u * out_width + j] = y[to + j]


@kernel("planes height width scale_height scale_width dy -> dx")
def upsample_nearest_backward(a):
    """dx[i, j] = sum_uv dy[s i + u, s j + v].

    dx (planes, height, width), dy (planes, scale_height height, scale_width width)
    """
    rows, width, scale_height, scale_width = a[0] * a[1], a[2], a[3], a[4]
    out_width = width * scale_width
    dy, dx = floats(a[5], rows * scale_height * out_width), floats(a[6], rows * width)
    for i in range(rows):
        for j in range(width):
            dx[i * width + j] = np.float32(0)
        for u in range(scale_height):
            at = (i * scale_height + u) * out_width
            for v in range(scale_width):
                for j in range(width):
                    dx[i * width + j] += dy[at + j * scale_width + v]


@inline
def source(i, size, scale, align_corners):
    """Where output i of an axis lies between the inputs: the one before it, and how far on.

    As PyTorch: pixels are squares, or (align_corners) points whose first and last stay in place.
    """
    if align_corners:
        place = i * (size - 1) / max(1, size * scale - 1)
    else:
        place = max(0.0, (i + 0.5) / scale - 0.5)
    before = np.int64(place)
    return before, np.float32(place - before)


@kernel("planes height width scale_height scale_width align_corners x -> y across places shares")
def upsample_bilinear_forward(a):
    """y[i, j] = the mean of the four pixels around it, weighted by how near they are.

    x (planes, height, width), y (planes, out height, out width), across (height, out width): rows
    drawn out; places int32, shares (out width)
    """
    planes, height, width, scale_height, scale_width = a[0], a[1], a[2], a[3], a[4]
    align_corners = a[5] != 0
    out_height, out_width = height * scale_height, width * scale_width
    x, y = floats(a[6], planes * height * width), floats(a[7], planes * out_height * out_width)
    across = floats(a[8], height * out_width)
    places, shares = ints(a[9], out_width), floats(a[10], out_width)
    one = np.float32(1)
    for j in range(out_width):
        places[j], shares[j] = source(j, width, scale_width, align_corners)
    for plane in range(planes):
        for i in range(height):
            at, to = (plane * height + i) * width, i * out_width
            for j in range(out_width):
                left, share = np.int64(places[j]), shares[j]
                right = min(left + 1, width - 1)
                across[to + j] = (one - share) * x[at + left] + share * x[at + right]
        for i in range(out_height):
            above, share = source(i, height, scale_height, align_corners)
            first, second = above * out_width, min(above + 1, height - 1) * out_width
            to = (plane * out_height + i) * out_width
            for j in range(out_width):
                y[to + j] = (one - share) * across[first + j] + share * across[second + j]


@kernel("planes height width scale_height scale_width align_corners dy -> dx across places shares")
def upsample_bilinear_backward(a):
    """dx[p] += share of p in y[i, j] times dy[i, j], from zero.

    dx (planes, height, width), dy (planes, out height, out width), across (height, out width);
    places int32, shares (out width)
    """
    planes, height, width, scale_height, scale_width = a[0], a[1], a[2], a[3], a[4]
    align_corners = a[5] != 0
    out_height, out_width = height * scale_height, width * scale_width
    dy, dx = floats(a[6], planes * out_height * out_width), floats(a[7], planes * height * width)
    across = floats(a[8], height * out_width)
    places, shares = ints(a[9], out_width), floats(a[10], out_width)
    one = np.float32(1)
    dx[:] = 0
    for j in range(out_width):
        places[j], shares[j] = source(j, width, scale_width, align_corners)
    for plane in range(planes):
        across[:] = 0
        for i in range(out_height):
            above, share = source(i, height, scale_height, align_corners)
            first, second = above * out_width, min(above + 1, height - 1) * out_width
            at = (plane * out_height + i) * out_width
            for j in range(out_width):
                across[first + j] += (one - share) * dy[at + j]
            for j in range(out_width):
                across[second + j] += share * dy[at + j]
        for i in range(height):
            to, at = (plane * height + i) * width, i * out_width
            for j in range(out_width):
                left, share = np.int64(places[j]), shares[j]
                right = min(left + 1, width - 1)
                dx[to + left] += (one - share) * across[at + j]
                dx[to + right] += share * across[at + j]
