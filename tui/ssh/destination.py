"""Where `--ssh` leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from proto.channel import ClientError


@dataclass(frozen=True)
class Destination:
    """[user@]host[:port]; the host may be an alias of ssh's own configuration."""

    login: str  #: "user@box"
    port: int = 0  #: 0: ssh's own choice

    @classmethod
    def parse(cls, text: str) -> Self:
        """Also ssh://user@box:22 and [::1]:22. Raises ClientError INVALID_ARGUMENT for what cannot be meant."""
        rest = text.strip().removeprefix("ssh://").rstrip("/")
        user, at, host = rest.rpartition("@")
        port = ""
        if host.startswith("["):
            host, _, port = host[1:].partition("]")
            port = port.removeprefix(":")
        elif host.count(":") == 1:
            host, _, port = host.partition(":")
            port = port or "-"  # a colon with nothing behind it
        fit = host and not rest.startswith("-") and rest.isprintable() and not set(rest) & set(" /\"'`$;&|<>\\")
        if not fit or (at and not user) or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
            raise ClientError(
                f"{text!r} is not a place that ssh can go to.",
                "Give it as user@box or user@box:22.",
                "INVALID_ARGUMENT",
            )
        return cls(f"{user}{at}{host}", int(port or 0))

    @property
    def host(self) -> str:
        return self.login.rpartition("@")[2]

    def arguments(self) -> list[str]:
        """What names it on ssh's command line, at its end."""
        return [*(["-p", str(self.port)] if self.port else []), "--", self.login]

    def __str__(self) -> str:
        return f"{self.login}:{self.port}" if self.port else self.login
