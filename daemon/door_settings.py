"""The tables `[http]` and `[wyoming]` of `myna.toml`: doors for other programs (docs/doors.md). Declared and checked
here; what the program `doors` is told follows from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from daemon.errors import BadRequest
from daemon.token_file import token
from engines.errors import BadInput
from engines.setting import Setting, checked, declared, shown

#: the variable in which `doors` is told; doors/settings.py reads it
VARIABLE = "MYNA_DOORS"
#: of other names of voices; of web pages; characters of each of them
MOST_NAMES, MOST_ORIGINS, LONGEST = 500, 100, 200
ROOM = 50_000  #: bytes that `doors` is told at most: its start has to fit into one message to the launcher


@dataclass(frozen=True)
class Http:
    """OpenAI's speech API."""

    listen: Annotated[
        str, Setting('"host:port" of the HTTP door, such as "127.0.0.1:8765"; empty: it stays closed')
    ] = ""
    voices_without_key: Annotated[
        bool, Setting("list voices and models also to callers without the token (Open WebUI asks so)")
    ] = False
    origins: Annotated[
        tuple[str, ...], Setting('web pages that may ask from a browser, such as "http://localhost:3000"')
    ] = ()
    most_at_once: Annotated[
        int, Setting("requests for speech at work or waiting; more are told to come again", 1, 10_000, "requests")
    ] = 200
    requests_a_minute: Annotated[
        int,
        Setting(
            "requests from one address within a minute; more are told to come again. 0: any number, as behind a proxy, "
            "where all come from one",
            0,
            1_000_000,
            "requests",
        ),
    ] = 6_000
    in_the_clear: Annotated[
        bool, Setting("listen without TLS also where others can reach it: behind a proxy, or in a container's network")
    ] = False
    voices: Mapping[str, str] = field(default_factory=dict)  #: other names of voices: {"alloy": "anna@7"}

    def __post_init__(self) -> None:
        checked(HTTP, {name: getattr(self, name) for name in HTTP}, "http")
        if len(self.origins) > MOST_ORIGINS or any(len(origin) > LONGEST for origin in self.origins):
            raise BadInput(
                f"origins must be at most {MOST_ORIGINS} web pages, each of at most {LONGEST} characters.",
                "Name in origins only the pages that ask from a browser.",
            )


@dataclass(frozen=True)
class Wyoming:
    """Home Assistant's protocol."""

    listen: Annotated[
        str,
        Setting('"host:port" of the Wyoming door, such as "127.0.0.1:10200", or "unix:PATH"; empty: it stays closed'),
    ] = ""
    voice: Annotated[str, Setting("who speaks where no voice is asked for; empty: the first there is")] = ""
    anywhere: Annotated[
        bool, Setting("listen where others can reach it: the protocol knows no passwords, so all who can may speak")
    ] = False

    def __post_init__(self) -> None:
        checked(WYOMING, {name: getattr(self, name) for name in WYOMING}, "wyoming")


HTTP, WYOMING = declared(Http), declared(Wyoming)


def other_names(given: object) -> dict[str, str]:
    """The table `[http.voices]`. Raises BadInput."""
    if not isinstance(given, dict):
        raise BadInput(
            f"voices must be a table of names; {shown(given)} was given.", 'Write [http.voices], and alloy = "anna".'
        )
    if len(given) > MOST_NAMES:
        raise BadInput(f"voices has {len(given):,} names; at most {MOST_NAMES} are possible.", "Leave some out.")
    for name, voice in given.items():
        if not isinstance(voice, str) or not voice:
            raise BadInput(f"voices.{name} must be a voice; {shown(voice)} was given.", f'Write {name} = "anna".')
        if max(len(name), len(voice)) > LONGEST:
            raise BadInput(
                f"voices takes names of at most {LONGEST} characters; {shown(name)} = {shown(voice)} was given.",
                'Write [http.voices], and alloy = "anna".',
            )
    return dict(given)


def told(http: Http, wyoming: Wyoming, token_file: str, tls: tuple[str, str], *, child: bool) -> dict[str, str]:
    """Environment of the program `doors`; empty: no door is asked for. `tls`: files of mynad's certificate and key.
    `child`: of the mynad that serves this home. Raises BadRequest for doors that anybody could come in by, and for more
    than can be told."""
    told: dict[str, Any] = {"here": child}
    if http.listen:
        here = _is_here(http.listen, "http")
        if not here and not token_file:
            raise BadRequest(f"Anybody who reaches {http.listen} could use the HTTP door.", "Set token_file.")
        if not here and not all(tls) and not http.in_the_clear:
            raise BadRequest(
                f"The HTTP door does not listen on {http.listen} without encryption.",
                "Set tls_cert and tls_key, or in_the_clear = true in [http] where a proxy does that.",
            )
        certificate, key = ("", "") if here or http.in_the_clear else tls
        told["http"] = {
            "listen": http.listen,
            "token": token_file and token(Path(token_file)),
            "tls_cert": certificate,
            "tls_key": key,
            "voices": dict(http.voices),
            "voices_without_key": http.voices_without_key,
            "origins": http.origins,
            "most_at_once": http.most_at_once,
            "requests_a_minute": http.requests_a_minute,
        }
    if wyoming.listen:
        if not _is_socket(wyoming.listen) and not _is_here(wyoming.listen, "wyoming") and not wyoming.anywhere:
            raise BadRequest(
                f"Anybody who reaches {wyoming.listen} could speak: Wyoming knows no passwords.",
                "Set anywhere = true in [wyoming] if that is what you want.",
            )
        told["wyoming"] = {"listen": wyoming.listen, "voice": wyoming.voice, "voices": dict(http.voices)}
    told_in = {VARIABLE: json.dumps(told)} if len(told) > 1 else {}
    if (size := len(json.dumps(told_in))) > ROOM:
        raise BadRequest(
            f"[http] and [wyoming] take {size:,} bytes, and {ROOM:,} fit.",
            "Write fewer or shorter names into [http.voices], and fewer origins.",
        )
    return told_in


def _is_socket(listen: str) -> bool:
    """Is it a Unix socket? Raises BadRequest for one without a whole path: a relative one would depend on where the
    program was started."""
    if not listen.startswith("unix:"):
        return False
    path = listen.removeprefix("unix:")
    if not Path(path).is_absolute() or "\0" in path:
        raise BadRequest(
            f"listen in [wyoming] is no address: {shown(listen)}.",
            'Write a Unix socket with its whole path, such as "unix:/run/myna/wyoming.sock".',
        )
    return True


def _is_here(listen: str, table: str) -> bool:
    """Can only this machine reach it? Raises BadRequest for what is no "host:port"."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise BadRequest(
            f"listen in [{table}] is no address: {shown(listen)}.", 'Write it as "host:port", such as "127.0.0.1:8765".'
        )
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
