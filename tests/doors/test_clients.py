"""Other people's clients at the HTTP door: the `openai` package, curl, and requests as Open WebUI and SillyTavern send
them."""

from __future__ import annotations

import base64
import http.client
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import av
import httpx
import openai
import pytest

from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def client_of_openai(opened: Opened) -> Iterator[openai.OpenAI]:
    through = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=f"{opened.http}/v1", api_key="unused", http_client=through, max_retries=0) as made:
        yield made


def seconds(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


def test_openai_plain(client_of_openai: openai.OpenAI, tmp_path: Path) -> None:
    speech = client_of_openai.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="One. Two.")
    assert seconds(speech.content) == pytest.approx(0.75, abs=0.05)
    speech.write_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").stat().st_size == len(speech.content)


def test_openai_streaming(client_of_openai: openai.OpenAI) -> None:
    create = client_of_openai.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="anna", input="One. Two.", response_format="opus") as answer:
        parts = list(answer.iter_bytes(256))
    assert len(parts) > 1
    assert seconds(b"".join(parts)) == pytest.approx(0.75, abs=0.05)


def test_openai_events(client_of_openai: openai.OpenAI) -> None:
    create = client_of_openai.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="anna", input="One.", response_format="wav", stream_format="sse") as answer:
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    kinds = [event["type"] for event in events]
    assert (set(kinds[:-1]), kinds[-1]) == ({"speech.audio.delta"}, "speech.audio.done")
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert sound.startswith(b"RIFF")


def test_openai_custom_voice_and_error(client_of_openai: openai.OpenAI) -> None:
    assert client_of_openai.audio.speech.create(model="tts-1", voice={"id": "anna@7"}, input="One.").content
    with pytest.raises(openai.BadRequestError) as refused:
        client_of_openai.audio.speech.create(model="tts-1", voice="anna", input="One.", speed=17)
    assert (refused.value.param, refused.value.type) == ("speed", "invalid_request_error")
    with pytest.raises(openai.NotFoundError):
        client_of_openai.models.retrieve("davinci")
    assert "myna" in [model.id for model in client_of_openai.models.list()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl(opened: Opened, tmp_path: Path) -> None:
    """As docs/doors.md and OpenAI's own page say it."""
    body = json.dumps({"model": "tts-1", "input": "One. Two.", "voice": "anna"})
    out = tmp_path / "speech.mp3"
    command = ["curl", "-sS", "--noproxy", "*", f"{opened.http}/v1/audio/speech", "-H", "Authorization: Bearer unused",
               "-H", "Content-Type: application/json", "-d", body, "--output", str(out)]  # fmt: skip
    subprocess.run(command, check=True, timeout=30)
    assert seconds(out.read_bytes()) == pytest.approx(0.75, abs=0.05)


def test_open_webui(client: httpx.Client, stage: Stage) -> None:
    """open-webui/open-webui backend/open_webui/routers/audio.py at 01fb3e46d3e5: `get_available_models` and
    `get_available_voices` ask without a key, and read `models[].id` and a dictionary of `voices[].id` to `name`;
    `speech` sends the page's body ({input, voice}) with the set model added, and reads all of the answer into a file
    named .mp3; of an error it shows `error.message`."""
    assert client.get("/v1/audio/models").json()["models"][0]["id"] == "myna"
    voices = {voice["id"]: voice["name"] for voice in client.get("/v1/audio/voices").json().get("voices", [])}
    assert voices == {"anna": "anna (en, glow)", "alloy": "alloy (anna@7)"}
    body = {"input": "One. Two.", "voice": "anna", "model": "tts-1"}
    headers = {"Authorization": "Bearer sk-1", "X-OpenWebUI-User-Name": "Ada", "X-OpenWebUI-User-Role": "user"}
    answer = client.post("/v1/audio/speech", json=body, headers=headers)
    assert answer.content[:3] == b"ID3", "an MP3 file's tag: it is saved as .mp3"
    refused = client.post("/v1/audio/speech", json={**body, "voice": "anna@"})
    assert refused.json()["error"].get("message", "")


def test_sillytavern(opened: Opened, stage: Stage) -> None:
    """SillyTavern/SillyTavern src/endpoints/openai.js at 00a72b5a7119, `custom.post('/generate-voice')`: five fields to
    the endpoint as a person wrote it (public/scripts/extensions/tts/openai-compatible.js at 11386ca6d419 has
    http://127.0.0.1:8000/v1/audio/speech), with an empty key where none was set; the answer becomes an audio/mpeg."""
    body = {"input": "*One.* Two.", "response_format": "mp3", "voice": "alloy", "speed": 1, "model": "tts-1"}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer "}
    there = http.client.HTTPConnection("127.0.0.1", opened.port, timeout=20)
    with closing(there):
        there.request("POST", "/v1/audio/speech", json.dumps(body), headers)
        answer = there.getresponse()
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/mpeg")
        assert seconds(answer.read()) == pytest.approx(0.75, abs=0.05)
    assert stage.speech.asked[-1].text == "*One.* Two."


def id3_length(data: bytes) -> int:
    """Bytes of the ID3 tag that a stream begins with: every demuxer skips it, a bare decoder is not given it."""
    assert data[:3] == b"ID3"
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


@pytest.mark.parametrize(("format", "codec"), [("mp3", "mp3float"), ("aac", "aac")])
def test_decoded_as_it_arrives(opened: Opened, format: str, codec: str) -> None:
    """PyAV has sound before the speech is over."""
    body = {"model": "tts-1", "input": "slowly", "voice": "anna", "response_format": format}
    decoder = av.CodecContext.create(codec, "r")
    with (
        httpx.Client(base_url=opened.http, timeout=20, trust_env=False) as client,
        client.stream("POST", "/v1/audio/speech", json=body) as answer,
    ):
        came, sound = b"", (data for data in answer.iter_raw())
        while len(came) < 10 or len(came) < (tag := id3_length(came)):
            came += next(sound)
        parts = chain([came[tag:]], sound)
        frames = (frame for data in parts for packet in decoder.parse(data) for frame in decoder.decode(packet))
        assert next(frames).samples > 0


@pytest.mark.parametrize(("format", "container"), [("opus", "ogg"), ("flac", "flac"), ("wav", "wav")])
def test_containers_are_opened_as_they_arrive(opened: Opened, format: str, container: str) -> None:
    body = {"model": "tts-1", "input": "slowly", "voice": "anna", "response_format": format}
    with (
        httpx.Client(base_url=opened.http, timeout=20, trust_env=False) as client,
        client.stream("POST", "/v1/audio/speech", json=body) as answer,
    ):
        came = b""
        for data in answer.iter_raw():
            came += data
            if len(came) > 500:
                break
        with av.open(io.BytesIO(came), format=container) as file:
            assert next(file.decode(audio=0)).samples > 0
