"""The import dialog as a user has it: a file looked at, and Import pressed."""

from PySide6.QtWidgets import QDialog

from ui.dialogs.data_import import DataImport


def checked(qtbot, dialog: DataImport) -> DataImport:
    """The dialog once all of the file is read."""
    qtbot.waitUntil(lambda: not dialog._reader.busy)
    return dialog


def look_at(qtbot, file) -> DataImport:
    dialog = DataImport(str(file))
    qtbot.addWidget(dialog)
    return checked(qtbot, dialog)


def accept_imports(qtbot, monkeypatch) -> None:
    """Answer the dialog with Import."""
    def accept(dialog: DataImport) -> QDialog.DialogCode:
        checked(qtbot, dialog).accept()
        assert dialog.result() == QDialog.DialogCode.Accepted
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(DataImport, "exec", accept)
