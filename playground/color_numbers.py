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


def with_colors(before: Iterable[Node], after: tuple[Node, ...]) -> tuple[Node, ...]:
    """What an edit makes of nodes, each with the number that it had before the edit."""
    had, has = color_numbers(before), color_numbers(after)
    if all(had[id] == number for id, number in has.items() if id in had):
        return after
    return tuple(msgspec.structs.replace(node, color=had.get(node.id)) for node in after)


def _learns(node: Node) -> bool:
    return (isinstance(node.layer, Layer) and not node.shares
            and type(node.layer).parameters is not Layer.parameters)


__all__ = ["color_numbers", "with_colors"]
