"""Dialogs: examples, data import, shortcuts, help."""
