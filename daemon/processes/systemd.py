"""What systemd is told of mynad, where it started it."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """sd_notify(3), where systemd asked for it."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
