"""A remote daemon: the real mynad on TCP, with TLS and a token."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tui.conftest import Run, clean_environment
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.integration
TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Remote:
    host: str
    certificate: Path


@pytest.fixture
def remote(myna: Run, home: Path, tmp_path: Path) -> Iterator[Remote]:
    key, certificate, token = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "token"
    request = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    try:
        subprocess.run(
            [*request.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate of this test")
    token.write_text(TOKEN)
    token.chmod(0o600)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        host = f"localhost:{free.getsockname()[1]}"
    home.mkdir()
    settings = {"listen": host, "tls_cert": certificate, "tls_key": key, "token_file": token}
    (home / "myna.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))
    try:
        up = myna("up")
        assert up.code == 0, up.err
        yield Remote(host, certificate)
    finally:
        myna("down", "--now")  # also one that was too slow for `up`


def test_a_remote_daemon_is_reached_over_tls_with_its_token_only(
    myna: Run, remote: Remote, home: Path, tmp_path: Path
) -> None:
    elsewhere = {"MYNA_HOME": str(tmp_path / "elsewhere")}
    there = myna(
        "--host", remote.host, "--tls-ca", remote.certificate, "--token", TOKEN, "status", "--json", **elsewhere
    )
    assert there.code == 0, there.err
    assert json.loads(there.out)["home"] == str(home)
    (tmp_path / "given").write_text(TOKEN + "\n")
    by_environment = {
        "MYNA_HOST": remote.host,
        "MYNA_CA": str(remote.certificate),
        "MYNA_TOKEN": f"@{tmp_path / 'given'}",
    }
    assert myna("jobs", **elsewhere, **by_environment).code == 0

    nobody = myna("--host", remote.host, "--tls-ca", remote.certificate, "jobs", **elsewhere)
    assert nobody.code == 1
    assert "wants a token" in nobody.err
    wrong = myna("--host", remote.host, "--tls-ca", remote.certificate, "--token", "guess", "jobs", **elsewhere)
    assert "not the one" in wrong.err
    untrusting = myna("--host", remote.host, "--token", TOKEN, "jobs", **elsewhere)
    assert untrusting.code == 1
    assert "--tls-ca" in untrusting.err


def test_the_dashboard_shows_a_remote_daemon(remote: Remote, home: Path, tmp_path: Path) -> None:
    words = ["--host", remote.host, "--tls-ca", str(remote.certificate), "--token", TOKEN]
    terminal = Terminal([sys.executable, "-m", "tui.cli", *words], clean_environment(tmp_path / "elsewhere"))
    terminal.until(remote.host)
    terminal.until("filter")  # connected: the keys stand in the last line
    terminal.type("q")
    assert terminal.ended() == 0, terminal.shown


def test_recordings_for_a_remote_daemon_are_sent_into_its_inbox(
    myna: Run, remote: Remote, home: Path, tmp_path: Path
) -> None:
    given = tmp_path / "recordings"
    given.mkdir()
    (given / "a.wav").write_bytes(b"no audio at all")
    (given / "a.txt").write_text("Hello.")
    ended = myna(
        "--host",
        remote.host,
        "--tls-ca",
        remote.certificate,
        "--token",
        TOKEN,
        "add",
        "anna",
        given,
        "--wait",
        MYNA_HOME=str(tmp_path),
    )
    assert ended.code == 0, ended.err
    refused = home / "inbox" / "anna" / ".refused"
    assert (refused / "a.wav").read_bytes() == b"no audio at all"
    assert "refused" in ended.err


def test_up_does_not_pretend_to_start_a_daemon_elsewhere(myna: Run) -> None:
    ended = myna("--host", "box:7777", "up")
    assert ended.code == 1
    assert "another machine" in ended.err
