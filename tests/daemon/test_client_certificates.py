"""Who mynad lets in over TCP by their certificate, and which mynad our client believes: real TLS, certificates made
here."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import Authority, Pair
from test_main import free_port, mynad
from test_main import refusal as refused_start

from proto.client import ClientError, connect

pytestmark = pytest.mark.integration
SOON = 10.0  #: seconds in which a person hears that they are not let in


@dataclass(frozen=True)
class Place:
    """A mynad that asks for certificates of `ours`."""

    host: str
    ours: Authority
    theirs: Authority  #: that nobody here trusts


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    ours, theirs = Authority(folder / "ours", "ours"), Authority(folder / "theirs", "theirs")
    server, port = ours.sign("localhost"), free_port()
    files = {
        "MYNA_TLS_CERT": str(server.cert),
        "MYNA_TLS_KEY": str(server.key),
        "MYNA_TLS_CLIENT_CA": str(ours.own.cert),
    }
    with mynad(folder / "home", MYNA_LISTEN=f"localhost:{port}", **files):
        yield Place(f"localhost:{port}", ours, theirs)


def refusal(host: str, authority: Authority, pair: Pair | None, name: str = "") -> ClientError:
    """What a person is told who is not let in, or does not want to go in."""
    began = time.monotonic()
    cert, key = (pair.cert, pair.key) if pair is not None else (None, None)
    with (
        connect(host=host, tls_ca=authority.own.cert, tls_cert=cert, tls_key=key, tls_name=name) as client,
        pytest.raises(ClientError) as caught,
    ):
        client.info()
    assert time.monotonic() - began < SOON
    assert caught.value.hint
    return caught.value


def test_a_certificate_of_the_authority_opens(place: Place) -> None:
    pair = place.ours.sign("anna")
    with connect(host=place.host, tls_ca=place.ours.own.cert, tls_cert=pair.cert, tls_key=pair.key) as client:
        assert client.info().pid


@pytest.mark.parametrize("who", ["nobody", "expired", "of another authority", "signed by itself"])
def test_any_other_certificate_does_not_open_and_a_sentence_says_so(place: Place, who: str) -> None:
    made: dict[str, Callable[[], Pair | None]] = {
        "nobody": lambda: None,
        "expired": lambda: place.ours.sign("late", expired=True),
        "of another authority": lambda: place.theirs.sign("anna"),
        "signed by itself": lambda: place.theirs.own,
    }
    assert "client certificate" in refusal(place.host, place.ours, made[who]()).sentence


def test_our_client_believes_only_a_daemon_whose_certificate_its_authority_signed(place: Place) -> None:
    assert "not trusted" in refusal(place.host, place.theirs, place.ours.sign("anna")).sentence


def test_our_client_does_not_believe_a_certificate_made_out_to_another_name(place: Place) -> None:
    error = refusal(place.host, place.ours, place.ours.sign("anna"), name="elsewhere")
    assert "another name" in error.sentence
    assert "--tls-name" in error.hint


def test_our_client_does_not_believe_an_expired_certificate(place: Place, tmp_path: Path) -> None:
    server, anna, host = place.ours.sign("localhost", expired=True), place.ours.sign("anna"), f"localhost:{free_port()}"
    files = {
        "MYNA_TLS_CERT": str(server.cert),
        "MYNA_TLS_KEY": str(server.key),
        "MYNA_TLS_CLIENT_CA": str(place.ours.own.cert),
    }
    with mynad(tmp_path, MYNA_LISTEN=host, **files):
        assert "has expired" in refusal(host, place.ours, anna).sentence


def test_a_port_that_does_not_speak_tls_is_told_as_such(place: Place) -> None:
    class Plain(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.ThreadingTCPServer(("localhost", 0), Plain) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            assert "does not speak TLS" in refusal(f"localhost:{server.server_address[1]}", place.ours, None).sentence
        finally:
            server.shutdown()


def test_files_that_are_no_certificates_are_refused_before_anybody_is_asked(place: Place, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    anna, bob = place.ours.sign("anna"), place.ours.sign("bob")
    for authority, cert, key, words in (
        (junk, anna.cert, anna.key, "holds no certificate"),
        (place.ours.own.cert, anna.cert, bob.key, "are not a certificate and its key"),
        (place.ours.own.cert, junk, anna.key, "are not a certificate and its key"),
        (place.ours.own.cert, anna.cert, None, "belong together"),
        (tmp_path / "none.pem", anna.cert, anna.key, "cannot be read"),
    ):
        with pytest.raises(ClientError, match=words) as caught:
            connect(host=place.host, tls_ca=authority, tls_cert=cert, tls_key=key)
        assert caught.value.code == "INVALID_ARGUMENT"


def test_mynad_does_not_start_with_files_that_let_nobody_in(place: Place, tmp_path: Path) -> None:
    one, other, junk = place.ours.sign("localhost"), place.ours.sign("elsewhere"), tmp_path / "junk.pem"
    junk.write_text("junk")
    given = {
        "MYNA_LISTEN": f"localhost:{free_port()}",
        "MYNA_TLS_CERT": str(one.cert),
        "MYNA_TLS_CLIENT_CA": str(place.ours.own.cert),
    }
    assert "are not a certificate and its key" in refused_start(tmp_path, **given, MYNA_TLS_KEY=str(other.key))
    given["MYNA_TLS_CLIENT_CA"] = str(junk)
    assert "holds no certificate" in refused_start(tmp_path, **given, MYNA_TLS_KEY=str(one.key))
