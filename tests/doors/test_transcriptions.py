"""POST /v1/audio/transcriptions: in every shape, by OpenAI's own client, and what is said no to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration

SOUND = b"RIFF" + bytes(700_000)


@pytest.fixture
def openai_client(opened: Opened) -> Iterator[openai.OpenAI]:
    through = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=f"{opened.http}/v1", api_key="unused", http_client=through, max_retries=0) as made:
        yield made


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"RIFF....")}, data=fields)


def test_openais_client_gets_a_text_and_the_file_comes_whole(openai_client: openai.OpenAI, stage: Stage) -> None:
    heard = openai_client.audio.transcriptions.create(
        file=("a.wav", SOUND), model="whisper-1", language="en", prompt="names", temperature=0.5
    )
    assert heard.text == "One two. Three."
    spec, data = stage.speech.heard[-1]
    assert data == SOUND
    assert (spec.language, spec.prompt, spec.temperature, spec.words, spec.file) == ("en", "names", 0.5, False, "")


def test_openais_client_gets_times(openai_client: openai.OpenAI) -> None:
    heard = openai_client.audio.transcriptions.create(
        file=("a.wav", SOUND),
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert (heard.language, heard.duration, heard.text) == ("en", 2.5, "One two. Three.")
    assert [(one.start, one.end, one.text) for one in heard.segments or ()] == [
        (0.0, 1.25, "One two."), (1.5, 2.0, "Three."),
    ]  # fmt: skip
    assert [(one.word, one.start, one.end) for one in heard.words or ()] == [("One", 0.0, 0.5), ("two.", 0.5, 1.25)]


def test_every_other_shape(client: httpx.Client) -> None:
    text = ask(client, response_format="text")
    assert (text.text, text.headers["content-type"]) == ("One two. Three.\n", "text/plain; charset=utf-8")
    srt = ask(client, response_format="srt")
    assert srt.headers["content-type"] == "application/x-subrip; charset=utf-8"
    assert srt.text.startswith("1\n00:00:00,000 --> 00:00:01,250\nOne two.\n")
    vtt = ask(client, response_format="vtt", **{"timestamp_granularities[]": "word"})
    assert vtt.text.startswith("WEBVTT\n\n1\n00:00:00.000 --> 00:00:00.500\nOne\n")
    assert ask(client).json() == {"text": "One two. Three."}


def test_a_weak_recogniser_says_so(client: httpx.Client, stage: Stage) -> None:
    answer = ask(client, model="pocketsphinx")
    assert (answer.json()["trust"], answer.headers["myna-trust"]) == ("low", "low")
    assert stage.speech.heard[-1][0].recogniser == "pocketsphinx"
    assert "myna-trust" not in ask(client).headers


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "docx"}, "response_format"),
        ({"temperature": "2"}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"timestamp_granularities[]": "letter"}, "timestamp_granularities"),
        ({"model": "tts-1"}, "model"),
        ({"language": "e\0n"}, "language"),
    ],
)
def test_what_cannot_be_meant_is_an_error_object(client: httpx.Client, fields: dict[str, str], param: str) -> None:
    answer = ask(client, **fields)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["param"] == param


def test_what_is_no_form_or_has_no_file_is_an_error_object(client: httpx.Client) -> None:
    for answer in (
        client.post("/v1/audio/transcriptions", json={"file": "a"}),
        client.post("/v1/audio/transcriptions", data={"model": "whisper-1"}),
        client.post("/v1/audio/transcriptions", files={"file": ("a.wav", b"")}),
        client.post("/v1/audio/transcriptions", files={"file": (None, "a text")}),
        client.post("/v1/audio/transcriptions", files=[("file", b"a"), ("file", b"b")]),
        client.post(
            "/v1/audio/transcriptions",
            content=b"--x\r\nbroken",
            headers={"content-type": "multipart/form-data; boundary=x"},
        ),
        client.post("/v1/audio/transcriptions", content=b"x", headers={"content-type": "multipart/form-data"}),
        client.post("/v1/audio/transcriptions", files={"file": b"a"}, data={f"f{n}": "x" for n in range(60)}),
        client.post("/v1/audio/transcriptions", files={"file": b"a"}, data={"prompt": "x" * 100_000}),
    ):
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_file_that_is_too_large_is_told_so(client: httpx.Client) -> None:
    answer = client.post("/v1/audio/transcriptions", files={"file": ("a.wav", bytes(27_000_000))})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_without_a_model_the_command_that_gets_one_is_told(openai_client: openai.OpenAI, stage: Stage) -> None:
    stage.speech.refusal = ("FAILED_PRECONDITION", "There is no Whisper model here.", "Get one: `hf download …`.")
    try:
        with pytest.raises(openai.BadRequestError) as refused:
            openai_client.audio.transcriptions.create(file=("a.wav", SOUND), model="whisper-1")
    finally:
        stage.speech.refusal = None
    assert "hf download" in refused.value.message


def test_who_hangs_up_ends_the_call(opened: Opened, stage: Stage) -> None:
    before, files = stage.speech.hung_up, len(stage.speech.heard)
    form = (
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nslowly\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
    )
    with socket.create_connection(("127.0.0.1", opened.port)) as caller:
        head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(form)}\r\n"
        caller.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode() + form)
        assert stage.speech.wait_heard(files + 1)
    assert stage.speech.wait_hung_up(before + 1)


def test_it_is_described(client: httpx.Client) -> None:
    paths = json.loads(client.get("/openapi.json").text)["paths"]
    assert "multipart/form-data" in paths["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]
