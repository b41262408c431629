"""Where mynad listens: a Unix socket only its user can open, and TCP only with TLS and a token (or client
certificates)."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from daemon import token_file
from daemon.errors import BadRequest
from daemon.idle.activity import Noting
from daemon.services.doorkeeper import Doorkeeper
from daemon.services.gate import ReadableGate, worth_telling

if TYPE_CHECKING:
    from daemon.settings import Settings

#: bytes a Unix socket's path may have (sun_path, less its closing zero)
PATH_LIMIT = 107
#: bytes of one request: a text of 100,000 characters takes 0.4 MB, an ingest of 10,000 files of usual names 1 MB
LARGEST_REQUEST = 4 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_REQUEST),
    ("grpc.so_reuseport", 0),
    (
        "grpc.http2.min_ping_interval_without_data_ms",
        10_000,
    ),  # our clients ask every 20 s whether a quiet watch still stands
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)


#: for callers that nobody knows yet: they send their first bytes soon, and a connection on which nothing is asked is
#: closed
STRANGERS = (
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_concurrent_streams", 128),
)


def doorkeeper(settings: Settings) -> Doorkeeper:
    """Who is let in. Raises BadRequest for an unfit file of the token."""
    return Doorkeeper(token_file.token(Path(settings.token_file)) if settings.token_file else "")


def unix_server(keeper: Doorkeeper) -> grpc.aio.Server:
    """A server for those who can open the socket."""
    logging.getLogger("grpc._cython.cygrpc").addFilter(worth_telling)
    return grpc.aio.server(
        interceptors=[keeper.at(socket=True), Noting(keeper.activity), ReadableGate()], options=OPTIONS
    )


def bind_unix(server: grpc.aio.Server, path: Path) -> None:
    """Listen on the socket, mode 0600 from its first moment. Call only with the lock held: what a killed mynad left is
    replaced. Raises BadRequest where something that is no socket has the name (that is not ours to delete)."""
    if not remove_socket(path):
        raise BadRequest(f"{path} is not a socket.", "Move it away, then start mynad again.")
    before = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise BadRequest(f"mynad cannot listen on {path}: {error}.", "See whether the folder can be written.") from None
    finally:
        os.umask(before)


def remove_socket(path: Path) -> bool:
    """Remove our socket, or what a killed mynad left of its own. False: something else has the name, and was left
    alone."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        path.unlink()
    except FileNotFoundError:
        pass
    return True


def check(settings: Settings, path: Path) -> None:
    """Raises BadRequest when the socket's path is too long, or TCP is asked for without TLS and a way to know who
    calls."""
    length = len(os.fsencode(path))
    if length > PATH_LIMIT:
        raise BadRequest(
            f"The socket's path {path} is {length} bytes long, and the system allows {PATH_LIMIT}.",
            "Set MYNA_HOME to a folder with a shorter path (a symbolic link will do).",
        )
    if not settings.listen:
        return
    if not (settings.tls_cert and settings.tls_key):
        raise BadRequest(
            f"mynad does not listen on {settings.listen} without encryption.",
            "Set tls_cert and tls_key in myna.toml, or leave `listen` out and use the Unix "
            "socket (ssh -L works with it).",
        )
    if not (settings.token_file or settings.tls_client_ca):
        raise BadRequest(
            f"Anybody who reaches {settings.listen} could use mynad.",
            "Set token_file, or tls_client_ca for client certificates.",
        )


def tcp_server(settings: Settings, keeper: Doorkeeper) -> grpc.aio.Server:
    """A server bound to `settings.listen`, with TLS, and a token or client certificates. Raises BadRequest for unfit
    files."""
    authority = _read(settings.tls_client_ca, "tls_client_ca") if settings.tls_client_ca else None
    _check_pair(settings)
    pair = (_read(settings.tls_key, "tls_key"), _read(settings.tls_cert, "tls_cert"))
    credentials = grpc.ssl_server_credentials([pair], authority, require_client_auth=authority is not None)
    gates = [keeper.at(socket=False, token=bool(settings.token_file)), Noting(keeper.activity), ReadableGate()]
    server = grpc.aio.server(interceptors=gates, options=OPTIONS + STRANGERS)
    try:
        bound = server.add_secure_port(settings.listen, credentials)
    except RuntimeError as error:
        raise BadRequest(
            f"mynad cannot listen on {settings.listen}: {error}.", "See whether something else does."
        ) from None
    if bound == 0:
        raise BadRequest(
            f"mynad cannot listen on {settings.listen}.",
            "See whether something else does, and whether the certificate is PEM.",
        )
    return server


def _check_pair(settings: Settings) -> None:
    """Raises BadRequest for files that no handshake could use: gRPC would listen, and nobody could come in."""
    import ssl  # only where TLS is asked for

    for path, key in ((settings.tls_cert, "tls_cert"), (settings.tls_key, "tls_key")):
        _read(path, key)  # says which one cannot be read
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (ssl.SSLError, ValueError):
        sentence = (
            f"The tls_cert {settings.tls_cert} and the tls_key {settings.tls_key} are not a certificate and its key."
        )
        raise BadRequest(sentence, "Give both as PEM, the key without a password.") from None
    try:
        if settings.tls_client_ca:
            context.load_verify_locations(
                cadata=_read(settings.tls_client_ca, "tls_client_ca").decode("ascii", "replace")
            )
    except (ssl.SSLError, ValueError):
        raise BadRequest(
            f"The tls_client_ca {settings.tls_client_ca} holds no certificate.", "Give one as PEM."
        ) from None


def _read(path: str, key: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadRequest(f"The {key} {path} cannot be read: {error.strerror}.") from None
