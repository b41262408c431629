"""What the global options say: which daemon this invocation speaks to."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from proto.channel import Address, ClientError, address
from proto.client import Client
from tui.ssh.destination import Destination

if TYPE_CHECKING:
    from tui.ssh.tunnel import Tunnel

_chosen: Address | None = None
_ssh: tuple[Destination, str] | None = None  #: where --ssh leads, and the state folder there if one was named
_tunnel: Tunnel | None = None  #: opened when the daemon is first asked for


def choose(
    host: str | None = None,
    token: str | None = None,
    home: Path | None = None,
    tls_ca: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    tls_name: str | None = None,
    ssh: str | None = None,
    ssh_home: str | None = None,
) -> None:
    """Remember the global options. Raises ClientError for an address that cannot be meant."""
    global _chosen, _ssh
    if ssh and (host or home):
        raise ClientError(
            "--ssh and another daemon were asked for.", "Leave --host and --home out.", "INVALID_ARGUMENT"
        )
    if ssh is None and host is None and home is None:
        ssh = os.environ.get("MYNA_SSH", "")
    _ssh = (Destination.parse(ssh), ssh_home or os.environ.get("MYNA_SSH_HOME", "")) if ssh else None
    _chosen = address("" if ssh else host, home, token, tls_ca, tls_cert, tls_key, tls_name)


def where() -> Address:
    """The daemon meant. With --ssh the link to it is opened now: ssh may ask for a password. Raises ClientError."""
    global _tunnel
    if _ssh is None:
        return _chosen or address()
    if _tunnel is None:
        from tui.ssh.tunnel import Tunnel

        _end_in_order()
        _tunnel = Tunnel(*_ssh)
        _tunnel.open(
            prompt="_MYNA_COMPLETE" not in os.environ
        )  # a shell that completes a word must not ask for a password
    return Address(home=_tunnel.home, through=str(_tunnel.to))


def link_problem() -> ClientError | None:
    """Why the link of --ssh is down just now; None while it is up, and without --ssh."""
    return _tunnel.problem if _tunnel is not None else None


def close() -> None:
    """End what this invocation opened."""
    global _tunnel
    if _tunnel is not None:
        _tunnel.close()
        _tunnel = None


def _end_in_order() -> None:
    """A signal that would end us ends the link first."""

    def ended(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, ended)


def client() -> Client:
    """A client of it, for the life of the process."""
    return Client(where())
