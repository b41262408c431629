"""Backups of a home, restoring them, and checking that a home is whole.

Belongs here: which files of a home are a backup's (`contents`), where backups lie (`depot`, `manifest`), how one is
taken while mynad works (`backup`, `pins`), put back (`restore`), and what of a home is damaged (`check`) and can be
mended (`mending`). All of it is done by a program of its own (`python -m daemon.upkeep`), which mynad has its launcher
start, and the command line where no mynad runs. Does not: what the rows mean, which `daemon.state` knows.

Nothing here loads what computes: files are bytes.
"""
