"""Dialogs: small screens over the one that is looked at, which ask one thing and close with the answer. One a file.

A dialog is a `ModalScreen[Answer]`: it is given what it shows, and dismisses with a value; whoever opened it acts on
that. Screens and widgets open dialogs; a dialog knows widgets, and no screen.
"""
