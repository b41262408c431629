"""What the global options say: which daemon this invocation speaks to."""

from __future__ import annotations

from pathlib import Path

from proto.channel import Address, address
from proto.client import Client

_chosen: Address | None = None


def choose(
    host: str | None = None,
    token: str | None = None,
    home: Path | None = None,
    tls_ca: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    tls_name: str | None = None,
) -> None:
    """Remember the global options. Raises ClientError for an address that cannot be meant."""
    global _chosen
    _chosen = address(host, home, token, tls_ca, tls_cert, tls_key, tls_name)


def where() -> Address:
    """The daemon meant."""
    return _chosen or address()


def client() -> Client:
    """A client of it, for the life of the process."""
    return Client(where())
