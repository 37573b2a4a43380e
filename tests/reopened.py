"""What a document on disk makes of a session."""

from __future__ import annotations

from pathlib import Path

from playground import document
from playground.session import Session


def reopened(session: Session, folder: Path) -> Session:
    """A session that goes on from where this one is saved; the document holds all of it."""
    path = folder / "saved.playground"
    document.save(path, session.graph, session.saved_state(), session.history.view())
    loaded = document.load(path)
    assert loaded.graph == session.graph
    assert loaded.state is not None
    again = Session(loaded.graph)
    assert again.restore(loaded.state, loaded.history) == ()
    return again
