"""How a client reaches a daemon (Unix socket, or TLS with a token), and how gRPC's errors become plain sentences.

Shared by the sync and the async client. No RPC is made here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from proto import lock
from proto.home import home, socket_path

#: metadata key under which the daemon sends what to do, apart from the sentence itself (the status message holds both)
HINT_KEY = "myna-hint-bin"
#: with a request that is more than its person may: after how many seconds there may be more; 0: not by waiting
RETRY_KEY = "myna-retry-after"
LARGEST_MESSAGE = 64 * 1024 * 1024  #: bytes: a page of 1,000 clips or an unreduced series fits many times
DEADLINE = 30.0  #: seconds a single question may take

CONNECT = 5.0  #: seconds a daemon on a busy machine may take to answer a new connection
PATIENCE = 60.0  #: seconds a watch waits for a lost daemon to come back
RETRY = 0.05  #: seconds before it first asks again

Option = tuple[str, int | str]


class ClientError(Exception):
    """What went wrong, in one plain sentence. `hint` says what to do (or is empty); `code` is gRPC's name, such as
    "NOT_FOUND". `retry_after`: seconds until a person may have more of what they have used up (0: waiting does not
    help); None: that is not what is wrong."""

    def __init__(self, sentence: str, hint: str = "", code: str = "UNKNOWN", *, retry_after: int | None = None) -> None:
        super().__init__(f"{sentence} {hint}".strip())
        self.sentence = sentence
        self.hint = hint
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True)
class Address:
    """Where a daemon listens. `host` empty: the Unix socket of `home`."""

    home: Path
    host: str = ""  #: "box:7777"
    token: str = ""  #: sent as `authorization: Bearer …`, over TLS only
    tls_ca: Path | None = None  #: PEM of who signed the daemon's certificate; None: the system's authorities
    tls_cert: Path | None = None  #: PEM of our own certificate (mutual TLS)
    tls_key: Path | None = None
    tls_name: str = ""  #: name in the daemon's certificate, where it is not the host's (through a tunnel)
    through: str = (
        ""  #: "user@box": the socket in `home` is the near end of an SSH forward, and the daemon's files are there
    )

    @property
    def target(self) -> str:
        """gRPC's name for it."""
        return self.host or f"unix:{socket_path(self.home)}"

    @property
    def remote(self) -> str:
        """The other machine that the daemon runs on; empty: it is this one."""
        return self.host or self.through

    def __str__(self) -> str:
        return self.remote or str(socket_path(self.home))


def address(
    host: str | None = None,
    home_folder: Path | str | None = None,
    token: str | None = None,
    tls_ca: Path | str | None = None,
    tls_cert: Path | str | None = None,
    tls_key: Path | str | None = None,
    tls_name: str | None = None,
) -> Address:
    """What was asked for, else what the environment says (MYNA_HOST, MYNA_HOME, MYNA_TOKEN, MYNA_CA,
    MYNA_CLIENT_CERT, MYNA_CLIENT_KEY, MYNA_TLS_NAME).

    A token may be given as `@file`. Raises ClientError when the address or a file cannot be meant.
    """
    host = os.environ.get("MYNA_HOST", "") if host is None else host
    if host:
        name, _, port = host.rpartition(":")
        if not name or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ClientError(f"{host!r} is no address.", "Give it as HOST:PORT, such as box:7777.", "INVALID_ARGUMENT")
    where = Path(home_folder).expanduser().absolute() if home_folder else home()
    if not host and len(os.fsencode(socket_path(where))) > 107:  # sun_path of Linux
        raise ClientError(
            f"The path {socket_path(where)} is too long for a Unix socket.",
            "Set MYNA_HOME to a shorter path.",
            "INVALID_ARGUMENT",
        )
    return Address(
        home=where,
        host=host,
        token=_token(os.environ.get("MYNA_TOKEN", "") if token is None else token),
        tls_ca=_path(tls_ca, "MYNA_CA"),
        tls_cert=_path(tls_cert, "MYNA_CLIENT_CERT"),
        tls_key=_path(tls_key, "MYNA_CLIENT_KEY"),
        tls_name=os.environ.get("MYNA_TLS_NAME", "") if tls_name is None else tls_name,
    )


def options(where: Address) -> list[Option]:
    """Channel options: big pages pass, a dead peer is noticed within half a minute, a daemon that comes back is found
    at once."""
    chosen: list[Option] = [
        ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.min_reconnect_backoff_ms", int(CONNECT * 1000)),  # how long one attempt may take; not a pause
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.enable_http_proxy", 0),
        (
            "grpc.use_local_subchannel_pool",
            1,
        ),  # two clients in one process must not share a broken connection's back-off
    ]
    if where.host:  # a Unix socket's peer cannot vanish unnoticed
        chosen += [("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000)]
        if where.tls_name:
            chosen.append(("grpc.ssl_target_name_override", where.tls_name))
    else:
        chosen.append(("grpc.default_authority", "localhost"))
    return chosen


def credentials(where: Address) -> grpc.ChannelCredentials | None:
    """TLS, and the token where there is one. None for a Unix socket. A network address is never spoken to in the
    clear."""
    if not where.host:
        return None
    _check_files(where)
    tls = grpc.ssl_channel_credentials(_read(where.tls_ca), _read(where.tls_key), _read(where.tls_cert))
    if not where.token:
        return tls
    return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(where.token))


def _check_files(where: Address) -> None:
    """Raises ClientError for files that are not what they should be: gRPC would only say that nobody answers."""
    import ssl  # only where TLS is spoken: most commands go through the socket

    if bool(where.tls_cert) != bool(where.tls_key):
        raise ClientError(
            "A client certificate and its key belong together.",
            "Give both --tls-cert and --tls-key.",
            "INVALID_ARGUMENT",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if authority := _read(where.tls_ca):
            context.load_verify_locations(cadata=authority.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise ClientError(
            f"{where.tls_ca} holds no certificate.", "Give one as PEM with --tls-ca.", "INVALID_ARGUMENT"
        ) from None
    if where.tls_cert is None or where.tls_key is None:
        return
    for path in (where.tls_cert, where.tls_key):
        _read(path)  # says which one cannot be read
    try:
        context.load_cert_chain(where.tls_cert, where.tls_key, password="")
    except (ssl.SSLError, ValueError):
        sentence = f"{where.tls_cert} and {where.tls_key} are not a certificate and its key."
        raise ClientError(sentence, "Give both as PEM, the key without a password.", "INVALID_ARGUMENT") from None


def translate(error: grpc.RpcError, where: Address) -> ClientError:
    """The same in words."""
    code: grpc.StatusCode = error.code()  # type: ignore[attr-defined]  # every RpcError that reaches us is also a Call
    details: str = error.details() or ""  # type: ignore[attr-defined]
    hint = _hint(error.trailing_metadata() or ())  # type: ignore[attr-defined]
    if code is grpc.StatusCode.UNAVAILABLE and not hint:
        return _unreachable(where, details)
    if code is grpc.StatusCode.UNAUTHENTICATED and not hint:
        sentence = f"The token is not the one that {where} expects." if where.token else f"{where} wants a token."
        return ClientError(sentence, "Give it with --token (or --token @FILE), or in MYNA_TOKEN.", code.name)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        hint = "Look at its log, and at `myna status`. If it hangs, `myna down` ends it."
        return ClientError(f"The daemon at {where} did not answer in time.", hint, code.name)
    if code is grpc.StatusCode.CANCELLED:
        return ClientError("The request was cancelled.", "", code.name)
    if code is grpc.StatusCode.UNIMPLEMENTED and (
        not details or "Method not found" in details or "not implemented" in details.lower()
    ):
        hint = "It may be of an older version: restart it with `myna down` and `myna up`."
        return ClientError("The daemon does not know this request.", hint, code.name)
    if (
        code is grpc.StatusCode.INTERNAL and details == "Internal error from Core"
    ):  # grpc.aio, of a stream refused while it still sent
        return ClientError("The daemon ended the request before all of it was sent.", "Send it again.", "ABORTED")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and not hint and "larger than max" in details:
        return ClientError("This is too much for one request.", "Send it in parts.", code.name)
    sentence = details.removesuffix(hint).strip() if hint else details
    again = _retry_after(error.trailing_metadata() or ())  # type: ignore[attr-defined]
    return ClientError(sentence or f"The daemon answered {code.name}.", hint, code.name, retry_after=again)


def lost(error: grpc.RpcError) -> bool:
    """The daemon went away (it may come back), as against: it said no."""
    return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)  # type: ignore[attr-defined]


def _unreachable(where: Address, details: str) -> ClientError:
    if where.through:
        hint = f"Start it there: `ssh {where.through} myna up`. A link that dropped is opened again by itself."
        return ClientError(f"No daemon answers on {where.through}.", hint, "UNAVAILABLE")
    if not where.host:
        return _silent(where.home)
    lowered = details.lower()
    for words, sentence, hint in _TLS_TROUBLE:
        if all(word in lowered for word in words):
            return ClientError(f"{where.host} {sentence}.", hint, "UNAVAILABLE")
    hint = "Check the address, and that mynad there listens on TCP with TLS."
    return ClientError(f"No daemon answers at {where.host}.", hint, "UNAVAILABLE")


def _silent(home: Path) -> ClientError:
    """Why the local daemon does not answer: there is none, nobody finds it, or it hangs."""
    if not lock.is_held(home):
        return ClientError(f"No daemon is running in {home}.", "Start it with `myna up`.", "UNAVAILABLE")
    pid = lock.holder(home)
    who = f"The daemon of {home} runs" + (f" (process {pid})" if pid else "")
    if not socket_path(home).exists():
        hint = (
            "It is starting, or it makes it anew within seconds: try again. If that does not help, `myna down` ends it."
        )
        return ClientError(f"{who}, but its socket is not there.", hint, "UNAVAILABLE")
    hint = (
        f"It may be starting, busy or stopped: {home}/log/mynad.log may say. `myna down` ends it, and "
        f"`myna down --now` whatever it does."
    )
    return ClientError(f"{who}, but does not answer.", hint, "UNAVAILABLE")


#: What gRPC's own words tell of a TLS connection that did not come about (it has no codes for it): words that are all
#: in them, what that means, and what to do. The first that fits holds.
_TLS_TROUBLE = (
    (
        ("failed to connect", "socket closed"),
        "closed the connection: it may want a client certificate, or not take this one",
        "Give one that its tls_client_ca signed and that has not expired, with --tls-cert and --tls-key.",
    ),
    (("wrong_version_number",), "does not speak TLS", "Check the port: mynad never speaks in the clear."),
    (
        ("certificate has expired",),
        "has a TLS certificate that has expired",
        "Make it a new one (tls_cert in its myna.toml).",
    ),
    (
        ("hostname verification",),
        "has a TLS certificate that is made out to another name",
        "Ask for it by that name, or give the name with --tls-name.",
    ),
    (
        ("certificate",),
        "is not trusted: its TLS certificate could not be verified",
        "Give the certificate that signed the daemon's with --tls-ca (and --tls-name if it "
        "is made out to another name).",
    ),
    (
        ("handshake",),
        "does not speak TLS as it should",
        "Check the address, and that mynad there listens on TCP with TLS.",
    ),
)


def _hint(metadata: Iterable[Any]) -> str:
    for key, value in metadata:
        if key == HINT_KEY:
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return ""


def _retry_after(metadata: Iterable[Any]) -> int | None:
    found = [value for key, value in metadata if key == RETRY_KEY]
    return int(found[0]) if found and str(found[0]).isdecimal() else None


def _path(given: Path | str | None, variable: str) -> Path | None:
    named = given or os.environ.get(variable)
    return Path(named).expanduser() if named else None


def _token(given: str) -> str:
    if not given.startswith("@"):
        return given
    content = _read(Path(given[1:]).expanduser())
    return content.decode("utf-8", "replace").strip() if content else ""


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ClientError(
            f"{path} cannot be read: {error.strerror}.", "Name a readable file.", "INVALID_ARGUMENT"
        ) from None


def gone(where: Address) -> ClientError:
    """The daemon that a watch was reading from did not come back."""
    return ClientError(
        f"The daemon at {where} went away and did not come back.", "Start it again with `myna up`.", "UNAVAILABLE"
    )
