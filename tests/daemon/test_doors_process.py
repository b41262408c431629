"""The doors as a child of mynad, through real workers: opened with it, again when they die, ended with it; and a caller
who hangs up frees the engine."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from living_daemon import Living, living
from test_attempts import ended

from daemon.door_settings import Http, Wyoming
from daemon.errors import BadRequest
from daemon.settings import Settings, load

pytestmark = pytest.mark.integration

SPEECH = {"model": "tts-1", "voice": "anna", "response_format": "pcm"}


class Told(logging.Handler):
    """What mynad's log has of the doors."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put_nowait(record.getMessage())

    async def address(self) -> str:
        """Of the HTTP door, the next time it opens."""
        async with asyncio.timeout(30):
            while True:
                if found := re.search(r"HTTP door is open at (\S+)/v1", await self.lines.get()):
                    return found[1]


def opened(home: Path, life: Callable[[Living, Told], Awaitable[None]], **settings: Any) -> None:
    """Run a test's coroutine function with a living daemon that has an HTTP door."""

    async def main() -> None:
        told, log = Told(), logging.getLogger("mynad.doors")
        log.addHandler(told)
        log.setLevel(logging.INFO)
        try:
            async with living(home, http=Http(listen="127.0.0.1:0"), **settings) as running:
                await life(running, told)
        finally:
            log.removeHandler(told)

    asyncio.run(main())


def processes() -> list[int]:
    """Of the doors that live now."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and b"-m\0doors\0" in _words(entry / "cmdline") and _ours(entry)
    ]


def _words(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _ours(entry: Path) -> bool:
    """Was it started for this test's home?"""
    return f"MYNA_HOME={os.environ['MYNA_TEST_HOME']}\0".encode() in _words(entry / "environ")


def test_doors_open_with_mynad_and_again_when_they_die_and_end_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_TEST_HOME", str(tmp_path))

    async def life(living: Living, told: Told) -> None:
        first = await told.address()
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            assert (await client.get(f"{first}/healthz")).json() == {"status": "ok"}
            (pid,) = processes()
            os.kill(pid, signal.SIGKILL)
            again = await told.address()
            assert (await client.get(f"{again}/healthz")).json() == {"status": "ok"}
            assert processes() != [pid]

    opened(tmp_path, life)
    assert processes() == []


def test_speech_comes_through_and_who_hangs_up_frees_the_engine(tmp_path: Path) -> None:
    async def life(living: Living, told: Told) -> None:
        url = f"{await told.address()}/v1/audio/speech"
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            whole = await client.post(url, json={**SPEECH, "input": "one two"})
            assert (whole.status_code, whole.headers["myna-voice"]) == (200, "anna@base")
            async with client.stream("POST", url, json={**SPEECH, "input": "one steps"}) as answer:
                job = int(answer.headers["myna-job"])  # its first word was heard, and it goes on for ever
            assert (await living.until(job, ended)).status.HasField("cancelled")
            assert (await client.post(url, json={**SPEECH, "input": "and the next"})).status_code == 200
            refused = await client.post(url, json={**SPEECH, "input": "refuse"})
            assert refused.json()["error"]["message"] == "This text cannot be spoken. Give another."

    opened(tmp_path, life)


def test_who_hangs_up_before_there_is_sound_frees_the_engine_too(tmp_path: Path) -> None:
    async def life(living: Living, told: Told) -> None:
        url = f"{await told.address()}/v1/audio/speech"
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            waiting = asyncio.create_task(client.post(url, json={**SPEECH, "input": "steps"}))
            await living.until(1, "running")
            waiting.cancel()
            assert (await living.until(1, ended)).status.HasField("cancelled")

    opened(tmp_path, life)


@pytest.mark.unit
def test_tables_are_read_from_myna_toml_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myna.toml").write_text(
        '[http]\nlisten = "127.0.0.1:1"\norigins = ["http://a", "http://b"]\n[http.voices]\nalloy = "anna@7"\n'
        '[wyoming]\nvoice = "anna"\n'
    )
    monkeypatch.setenv("MYNA_HTTP_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("MYNA_WYOMING_ANYWHERE", "true")
    read = load(tmp_path)
    assert read.http == Http(listen="127.0.0.1:2", origins=("http://a", "http://b"), voices={"alloy": "anna@7"})
    assert read.wyoming == Wyoming(voice="anna", anywhere=True)


def names(many: int, longer: str = "") -> str:
    """So many other names of voices."""
    return "[http.voices]\n" + "".join(f'"{longer}{number}" = "anna"\n' for number in range(many))


@pytest.mark.unit
@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[http]\nport = 8765\n", "There is no http setting named 'port'"),
        ("[http.voices]\nalloy = 7\n", "voices.alloy must be a voice; 7 was given"),
        ('[http]\nvoices = "anna"\n', "voices must be a table of names"),
        ('http = "127.0.0.1:8765"\n', "http must be a table"),
        ("[wyoming]\nanywhere = 1\n", "anywhere must be true or false"),
        (names(501), "voices has 501 names; at most 500 are possible"),
        (
            f'[http.voices]\nalloy = "{"a" * 201}"\n',
            "voices takes names of at most 200 characters; 'alloy' = ",
        ),
        (f"[http]\norigins = {['http://a'] * 101}\n", "origins must be at most 100 web pages"),
        (f"[http]\norigins = ['http://{'a' * 194}']\n", "each of at most 200 characters"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, toml: str, sentence: str) -> None:
    (tmp_path / "myna.toml").write_text(toml)
    with pytest.raises(BadRequest, match=sentence):
        load(tmp_path)


@pytest.mark.unit
def test_as_many_names_as_can_be_told_and_no_more(tmp_path: Path) -> None:
    listen = '[http]\nlisten = "127.0.0.1:1"\n[wyoming]\nlisten = "127.0.0.1:2"\n'
    (tmp_path / "myna.toml").write_text(listen + names(500, "a name "))
    (told,) = load(tmp_path).doors(child=True).values()
    assert told.count("a name 499") == 2
    (tmp_path / "myna.toml").write_text(listen + names(200, "ä" * 20))
    with pytest.raises(BadRequest, match=r"\[http\] and \[wyoming\] take .* bytes, and 50,000 fit"):
        load(tmp_path).doors(child=True)


TLS = {"tls_cert": "cert.pem", "tls_key": "key.pem"}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("http", "wyoming", "more", "sentence"),
    [
        (Http(listen="0.0.0.0:8765"), Wyoming(), TLS, "Anybody who reaches 0.0.0.0:8765 could use the HTTP door"),
        (Http(listen="box:8765"), Wyoming(), {"token_file": "T"}, "does not listen on box:8765 without encryption"),
        (Http(listen="8765"), Wyoming(), {}, "is no address"),
        (Http(listen="localhost:99999"), Wyoming(), {}, "is no address"),
        (Http(), Wyoming(listen="192.168.0.7:10200"), {}, "Wyoming knows no passwords"),
        (Http(), Wyoming(listen="unix:"), {}, "is no address: 'unix:'. Write a Unix socket with its whole path"),
        (Http(), Wyoming(listen="unix:run/wyoming.sock"), {}, "is no address"),
        (Http(), Wyoming(listen="unix:/run/\0"), {}, "is no address"),
    ],
)
def test_doors_that_anybody_could_come_in_by_stay_closed(
    tmp_path: Path, http: Http, wyoming: Wyoming, more: dict[str, str], sentence: str
) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-some-length")
    token.chmod(0o600)
    more = {name: str(token) if value == "T" else value for name, value in more.items()}
    with pytest.raises(BadRequest, match=sentence):
        Settings(http=http, wyoming=wyoming, **more).doors(child=True)  # type: ignore[arg-type]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("http", "wyoming"),
    [
        (Http(listen="127.0.0.1:8765"), Wyoming()),
        (Http(listen="[::1]:8765"), Wyoming(listen="unix:/run/myna/wyoming.sock")),
        (Http(listen="localhost:0"), Wyoming(listen="0.0.0.0:10200", anywhere=True)),
    ],
)
def test_doors_of_this_machine_need_nothing(http: Http, wyoming: Wyoming) -> None:
    assert Settings(http=http, wyoming=wyoming).doors(child=True)
    assert Settings().doors(child=True) == {}
