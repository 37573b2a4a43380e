"""Nodes that learn have colours, by number: an edit leaves them to those that had one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from playground.layers import Layer

if TYPE_CHECKING:
    from playground.graph import Node


def color_numbers(nodes: Iterable[Node]) -> dict[str, int]:
    """Of those with weights of their own, the number each has, else the first free: as added."""
    learners = [node for node in nodes if _learns(node)]
    kept = {node.color for node in learners}
    free = (number for number in count() if number not in kept)
    return {n.id: next(free) if n.color is None else n.color for n in learners}


def with_colors(before: Iterable[Node], after: Iterable[Node]) -> tuple[Node, ...]:
    """What an edit makes of nodes, each with the number that it had before the edit.

    Nothing is noted where all have these numbers anyway.
    """
    had = color_numbers(before)
    plain = tuple(msgspec.structs.replace(node, color=None) for node in after)
    if all(had.get(id, number) == number for id, number in color_numbers(plain).items()):
        return plain
    return tuple(msgspec.structs.replace(node, color=had.get(node.id)) for node in plain)


def _learns(node: Node) -> bool:
    return (isinstance(node.layer, Layer) and not node.shares
            and type(node.layer).parameters is not Layer.parameters)


__all__ = ["color_numbers", "with_colors"]
