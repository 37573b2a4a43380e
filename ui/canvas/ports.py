"""Where the ports of a node stand: inputs on its left border, outputs on its right, always.

A port whose name says nothing stands in the node's head, at the same height on every node, so that
rows of nodes join straight. One with a meaning has a row of its own below, with its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from ui.canvas.face import Port

HEAD_PORT = 24.0
"""From a node's top to a port in its head."""
ROWS_TOP, ROW = 50.0, 16.0
"""From a node's top to the first row of a port with a name, and from row to row."""
PLAIN = ("x", "y", "x1")


def in_head(ports: Sequence[Port]) -> int:
    """How many of a side's ports stand in the head: 1 or 0."""
    return int(len(ports) == 1 or (len(ports) > 1 and ports[0].name in PLAIN))


def rows(inputs: Sequence[Port], outputs: Sequence[Port]) -> int:
    """How many rows of named ports a node has."""
    return max(len(inputs) - in_head(inputs), len(outputs) - in_head(outputs))


def heights(ports: Sequence[Port]) -> list[float]:
    """From the node's top to each port of a side."""
    head = in_head(ports)
    return [HEAD_PORT] * head + [
        ROWS_TOP + ROW * (row + 0.5) for row in range(len(ports) - head)]
