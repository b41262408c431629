"""Where doors listen."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from doors.__main__ import CannotOpen, until
from doors.http.server import bound
from doors.wyoming import server as wyoming
from tests.daemon.certificates import Authority
from tests.tui.conftest import ROOT, clean_environment

pytestmark = pytest.mark.integration


def test_what_is_sent_does_not_wait_for_an_acknowledgement() -> None:
    """With Nagle's algorithm, the first sound would wait some 40 ms behind the headers."""

    async def main() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            told.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        place = bound("127.0.0.1:0")
        async with await asyncio.start_server(talk, sock=place):
            _, writer = await asyncio.open_connection(*place.getsockname())
            writer.close()
            async with asyncio.timeout(10):
                return await told

    assert asyncio.run(main())


def test_who_never_reads_is_hung_up_on_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming, "LEAVE", 0.1)

    async def main() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(20_000_000))
            await wyoming.hang_up(writer)
            told.set_result(writer.transport.get_write_buffer_size())

        place = bound("127.0.0.1:0")
        async with await asyncio.start_server(talk, sock=place):
            with socket.create_connection(place.getsockname()):
                async with asyncio.timeout(10):
                    return await told

    assert asyncio.run(main()) == 0


def refusal(home: Path, **told: object) -> str:
    """What the program says when it cannot open its doors."""
    environment = clean_environment(home, MYNA_DOORS=json.dumps({"here": False, **told}))
    made = subprocess.run(
        [sys.executable, "-m", "doors"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30
    )
    assert made.returncode == 2, made.stderr
    assert "is open" not in made.stderr
    return made.stderr


@pytest.mark.parametrize("wrong", ["of another", "is none", "is not there"])
def test_a_door_without_its_certificate_says_so_and_does_not_open(tmp_path: Path, wrong: str) -> None:
    authority = Authority(tmp_path / "authority", "an authority")
    cert, key = authority.sign("localhost").cert, tmp_path / "key.pem"
    if wrong == "of another":
        key = authority.own.key
    elif wrong == "is none":
        key.write_text("key")
    said = refusal(
        tmp_path, http={"listen": "127.0.0.1:0", "token": "a-token", "tls_cert": str(cert), "tls_key": str(key)}
    )
    why = "No such file or directory" if wrong == "is not there" else "they are no PEM files of one pair"
    files = f"tls_cert {cert} and tls_key {key}"
    assert said == f"doors: The HTTP door cannot use {files}: {why}. Set both to a certificate and its key.\n"


def test_a_server_that_fails_is_not_waited_for() -> None:
    async def serve() -> None:
        raise OSError("Too many open files")

    async def main() -> None:
        async with asyncio.timeout(10):
            await until(asyncio.Event(), [asyncio.create_task(serve())])

    with pytest.raises(CannotOpen, match="does not answer any more: Too many open files"):
        asyncio.run(main())


@pytest.mark.parametrize("path", ["", "wyoming.sock", "./wyoming.sock"])
def test_a_unix_socket_has_a_whole_path(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    with pytest.raises(OSError, match="a Unix socket needs its whole path"):
        wyoming.bound(path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == []


def test_a_unix_socket_without_a_whole_path_is_refused_in_a_sentence(tmp_path: Path) -> None:
    said = refusal(tmp_path, wyoming={"listen": "unix:"})
    why = "a Unix socket needs its whole path, such as unix:/run/myna/wyoming.sock"
    assert said == f"doors: It cannot listen on unix:: {why}.\n"
