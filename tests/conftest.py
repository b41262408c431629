"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Children hear Ctrl-C, also where the tests were started in the background: a shell lets such jobs ignore SIGINT,
    and what is ignored stays ignored in every program started from here."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
