"""What to do where the file on the disk is not the one that was opened."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from ui.dialogs.choice import Choice, Role


class ChangedQuestion(Choice):
    """Replace what another window or program has written there, save elsewhere, or not at all."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__("Replace it?", (
            f"{path.name} has been changed by another window or program since it was opened or "
            "saved here. Saving replaces what it holds now."), [
            ("save as", "Save As…", "Keep both: save this one under another name",
             Role.AcceptRole),
            ("replace", "Replace", "Save this one; what the file holds now is lost",
             Role.DestructiveRole),
            ("cancel", "Cancel", "Save nothing", Role.RejectRole)], parent)
