"""What the gradients are like in a word, and how often they were clipped: two chips."""

from __future__ import annotations

from collections.abc import Mapping

from playground.diagnosis import advice
from playground.snapshot import NodeStatistics, Verdict
from ui.views.header import Header
from ui.views.numbers import format_share

MOST_DETAILS = 4
"""Sentences on single nodes in the verdict's tooltip."""
MARKS = {"unknown": "○", "healthy": "✓", "settled": "●", "vanishing": "▼", "exploding": "▲",
         "clipped": "✂", "diverged": "✕"}


class VerdictChips:
    """In the header of a view: a sign, a word and a sentence."""

    def __init__(self, header: Header) -> None:
        self.clip = header.chip()
        self.verdict = header.chip()

    def show(self, verdict: Verdict, nodes: Mapping[str, NodeStatistics], clips: bool) -> None:
        """nodes: what is known of each. clips: whether gradients are clipped at all."""
        share = verdict.clipped_share
        self.clip.show_text(
            f"✂ clipped {format_share(share)} of steps" if clips and share > 0 else "",
            "clipped", "The share of recent steps whose gradient was larger than the threshold.\n"
            + (verdict.text if verdict.kind == "clipped" else ""),
            short=f"✂ {format_share(share)}")
        details = [f"{node}: {said[0]}" for node, statistics in nodes.items()
                   if (said := advice(statistics))]
        # Where the verdict is the clipping, the chip beside it says so already.
        word = "" if verdict.kind == "clipped" and share > 0 else (
            f"{MARKS[verdict.kind]} {verdict.kind}")
        self.verdict.show_text(word, verdict.kind,
                               "\n".join([verdict.text, *details[:MOST_DETAILS]]))

    def clear(self) -> None:
        """Nothing is known."""
        self.clip.show_text("", "clipped")
        self.verdict.show_text("", "unknown")
