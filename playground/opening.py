"""What a word of the command line names: a document, an example, or a variation of one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from playground import document
from playground.arguments import LONGEST, UsageError
from playground.console import tell
from playground.document import Loaded
from playground.examples import EXAMPLES
from playground.lane import Lane


def open_named(what: str) -> Loaded:
    if what in EXAMPLES:
        return Loaded(EXAMPLES[what].graph, EXAMPLES[what].state)
    if not exists(what):
        raise _unknown(what)
    return document.load(what)


def lanes_of(words: Sequence[str]) -> list[Lane]:
    """What to train side by side; an example alone comes with all of its variations."""
    lanes = [_lane(what) for what in words]
    if len(words) == 1 and (example := EXAMPLES.get(words[0])) is not None:
        lanes += [_variation(example.name, lane) for lane in example.variations]
    if len(lanes) < 2:
        raise UsageError(f"There is nothing to compare {words[0]} with: name a second network, or "
                         "an example that has variations.")
    return lanes


def _lane(what: str) -> Lane:
    """What was named, as "exploding:clipping-off" names a variation."""
    name, colon, key = what.partition(":")
    if not colon or name not in EXAMPLES:
        loaded = open_named(what)
        tell_notes(what, loaded)
        return Lane(what, loaded.graph, loaded.state, loaded.history)
    known = {lane.key: lane for lane in EXAMPLES[name].variations}
    if key not in known:
        raise UsageError(f"{name} has no variation {key!r}: {', '.join(known) or 'it has none'}.")
    return _variation(name, known[key])


def _variation(example: str, lane: Lane) -> Lane:
    return replace(lane, name=f"{example}:{lane.key}")


def tell_notes(what: str, loaded: Loaded) -> None:
    """What did not fit. Said when the work can go on; an error is one line, by itself."""
    for note in loaded.notes:
        tell(f"{what}: {note}")


def exists(what: str) -> bool:
    """Whether there is such a file; a name that the system cannot even look for is none."""
    try:
        return bool(what) and Path(what).exists()
    except OSError:
        return False


def _unknown(what: str) -> UsageError:
    if len(what) > LONGEST:
        what = f"{what[:LONGEST]}..."
    example, colon, _ = what.partition(":")
    if colon and example in EXAMPLES:
        return UsageError(f"There is no file {what!r}. A variation is trained beside its example: "
                          f"playground compare {example} {what}")
    close = difflib.get_close_matches(what, EXAMPLES, n=3)
    way_out = f"Did you mean {' or '.join(close)}?" if close else (
        f"Give the path of a document, or one of: {', '.join(EXAMPLES)}.")
    return UsageError(f"There is no file and no example {what!r}. {way_out}")
