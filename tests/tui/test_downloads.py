"""`myna add VOICE https://…`: the sound of what lies on the web, by the real yt-dlp, from a web server of ours."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.tui.conftest import Run
from tests.tui.stage.server import Stage
from tui import downloads


def wav(seconds: float = 20.0) -> bytes:
    out = io.BytesIO()
    time = np.arange(round(seconds * 16_000)) / 16_000
    soundfile.write(out, (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32), 16_000, format="WAV")
    return out.getvalue()


class Web:
    """A web server with one recording; it can hang up in the middle."""

    def __init__(self) -> None:
        self.sound = wav()
        self.breaks = False  #: hang up after half of what is asked for
        self.asked: list[str] = []  #: the range of each request for the recording; empty: all of it
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def _answer(self, *, body: bool) -> None:
                if self.path != "/talk.wav":
                    self.send_error(404)
                    return
                wanted = self.headers.get("Range", "")
                start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0)
                content = web.sound[start:]
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Type", "audio/x-wav")
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(len(content)))
                if wanted:
                    whole = len(web.sound)
                    self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
                self.end_headers()
                if body:
                    web.asked.append(wanted)
                    self.wfile.write(content[: len(content) // 2] if web.breaks else content)

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    yield made
    made.close()


def test_what_lies_at_an_address_is_added_as_files_are(myna: Run, home: Path, tmp_path: Path, web: Web) -> None:
    ended = myna(
        "add", "anna", f"{web.url}/talk.wav", "--text", "A tone.", "--json", XDG_CACHE_HOME=str(tmp_path / "c")
    )
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["names"] == ["talk [talk].wav"]
    inbox = home / "inbox" / "anna"
    assert (inbox / "talk [talk].wav").read_bytes() == web.sound
    assert (inbox / "talk [talk].txt").read_text() == "A tone.\n"
    assert not [path for path in (tmp_path / "c").rglob("*") if path.is_file()], "it is in the inbox: once is enough"


def test_what_broke_off_goes_on_where_it_was(myna: Run, home: Path, tmp_path: Path, web: Web) -> None:
    web.breaks = True
    cache = str(tmp_path / "c")
    ended = myna("add", "anna", f"{web.url}/talk.wav", XDG_CACHE_HOME=cache)
    assert ended.code == 1
    assert "goes on from there" in ended.err
    assert not (home / "inbox" / "anna").exists()
    web.breaks, before = False, len(web.asked)
    assert myna("add", "anna", f"{web.url}/talk.wav", XDG_CACHE_HOME=cache).code == 0
    assert (home / "inbox" / "anna" / "talk [talk].wav").read_bytes() == web.sound
    ranges = [one for one in web.asked[before:] if one.startswith("bytes=") and not one.startswith("bytes=0-")]
    assert ranges, web.asked[before:]


def test_it_is_sent_to_a_daemon_elsewhere(myna: Run, stage: Stage, tmp_path: Path, web: Web) -> None:
    stage.system.info.home = "/somewhere/else"
    ended = myna("add", "anna", f"{web.url}/talk.wav", XDG_CACHE_HOME=str(tmp_path / "c"))
    assert ended.code == 0, ended.err
    assert stage.datasets.uploaded == {"talk [talk].wav": web.sound}


def test_an_address_without_a_recording_says_what_is_wrong(myna: Run, home: Path, tmp_path: Path, web: Web) -> None:
    ended = myna("add", "anna", f"{web.url}/gone.wav", XDG_CACHE_HOME=str(tmp_path / "c"))
    assert ended.code == 1
    assert "cannot be fetched" in ended.err
    assert "404" in ended.err
    assert len(ended.err.splitlines()) <= 3
    assert not (home / "inbox").exists()


def test_of_a_film_only_the_sound_counts(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"film")
    assert downloads._as_sound(tmp_path / "a.mp4").name == "a.m4a"
    assert downloads._as_sound(tmp_path / "a.mp4").read_bytes() == b"film"
    assert downloads._as_sound(tmp_path / "a.opus").name == "a.opus"


def test_without_yt_dlp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "find_spec", lambda name: None)
    with pytest.raises(downloads.ClientError, match="yt-dlp is not installed"):
        downloads.fetch("https://example.org/a.wav")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://a.org/b", True),
        ("HTTP://a.org", True),
        ("file:///etc/passwd", False),
        ("ftp://a", False),
        ("a.wav", False),
    ],
)
def test_only_the_web_is_an_address(text: str, is_one: bool) -> None:
    assert downloads.is_url(text) is is_one


def test_what_yt_dlp_says_cannot_steer_the_terminal() -> None:
    said = downloads._reason(b"WARNING: x\nERROR: \x1b[31mbad\x07 " + b"y" * 1_000 + b"\nmore\n")
    assert "\x1b" not in said
    assert said.startswith("[31mbad y")
    assert len(said) < 310


def test_the_shell_completes_files_of_recordings(myna: Run, tmp_path: Path) -> None:
    (tmp_path / "takes").mkdir()
    (tmp_path / "take.wav").touch()
    line = f"myna add anna {tmp_path}/ta"
    ended = myna(_MYNA_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD="3")
    assert set(ended.out.split()) == {f"{tmp_path}/take.wav", f"{tmp_path}/takes/"}
