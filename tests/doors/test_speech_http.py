"""POST /v1/audio/speech: every format, what is asked of mynad, and what is said no to."""

from __future__ import annotations

import base64
import io
import json
import wave
from typing import Any

import av
import httpx
import pytest

from proto import myna_pb2 as pb
from proto import passes
from tests.doors.opened import Opened
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration

SECONDS = 0.75  #: that the paper daemon speaks
CLOSE = 0.05  #: seconds by which a length may be off
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm;rate=24000;channels=1",
}


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    """A request with what must be there."""
    return client.post("/v1/audio/speech", json={"model": "tts-1", "input": "One. Two.", "voice": "anna", **fields})


def seconds(data: bytes, format: str) -> float:
    """How long a file or stream is, as PyAV decodes it."""
    if format == "pcm":
        return len(data) / 2 / 24_000
    with av.open(io.BytesIO(data)) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


@pytest.mark.parametrize("format", list(TYPES))
def test_every_format_is_whole_and_of_the_right_length(client: httpx.Client, format: str) -> None:
    answer = ask(client, response_format=format)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPES[format]
    assert "content-length" not in answer.headers, "it comes as it is made"
    assert seconds(answer.content, format) == pytest.approx(SECONDS, abs=CLOSE)


def test_mp3_is_what_comes_when_nothing_is_said(client: httpx.Client) -> None:
    assert ask(client).headers["content-type"] == "audio/mpeg"


def test_a_wav_says_that_it_goes_on_to_the_end(client: httpx.Client) -> None:
    data = ask(client, response_format="wav").content
    begin = data.index(b"data") + 8
    assert (data[:4], data[4:8], data[begin - 4 : begin]) == (b"RIFF", b"\xff" * 4, b"\xff" * 4)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
    assert len(data) == begin + int(SECONDS * RATE) * 2


def test_what_is_asked_reaches_mynad(client: httpx.Client, stage: Stage) -> None:
    answer = ask(client, voice={"id": "anna@7"}, speed=1.5, seed=3, language="fi", input="Myna, myna. A mynah!",
                 lexicon={"myna": "my-nah"}, stray="ignored", model="glow")  # fmt: skip
    assert answer.status_code == 200, answer.text
    expected = pb.SpeakSpec(voice="anna", version=7, text="my-nah, my-nah. A mynah!", language="fi", speed=1.5, seed=3)
    assert stage.speech.asked[-1] == expected
    assert answer.headers["myna-voice"] == "anna@7"
    assert answer.headers["myna-job"] == "41"
    assert answer.headers["myna-ignored"] == "stray"


@pytest.mark.parametrize(
    ("name", "version"), [("anna", 0), ("anna@7", 7), ("anna@v7", 7), ("anna@base", -1), ("alloy", 7)]
)
def test_names_of_voices(client: httpx.Client, stage: Stage, name: str, version: int) -> None:
    assert ask(client, voice=name).status_code == 200
    assert (stage.speech.asked[-1].voice, stage.speech.asked[-1].version) == ("anna", version)


@pytest.mark.parametrize("after", ["convert:alloy,enhance", ["convert:anna", "enhance"]])
def test_passes_after_speech_reach_mynad_in_their_order(client: httpx.Client, stage: Stage, after: object) -> None:
    answer = ask(client, voice="anna@7", after=after, response_format="wav")
    assert "myna-ignored" not in answer.headers
    assert answer.status_code == 200, answer.text
    assert passes.written(stage.speech.asked[-1].after) == "convert:anna,enhance"
    assert b"Synthetic speech of the voice anna@7 as anna" in answer.content


def test_instructions_are_said_to_be_ignored(client: httpx.Client) -> None:
    assert ask(client, instructions="Whisper.").headers["myna-ignored"] == "instructions"
    assert ask(client, instructions="", timestamps="sentence").headers["myna-ignored"] == "timestamps"


def test_fields_that_nobody_knows_are_said_to_be_ignored(client: httpx.Client) -> None:
    odd = {"respone_format": "wav", "bad\r\nheader": 1, "x" * 41: 1, "gain": None}
    answer = ask(client, **odd)
    assert (answer.status_code, answer.headers["myna-ignored"]) == (200, "respone_format")


def test_events_bring_sound_and_then_an_end(client: httpx.Client) -> None:
    answer = ask(client, response_format="pcm", stream_format="sse", timestamps="sentence")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    sound = b"".join(base64.b64decode(one["audio"]) for one in events if one["type"] == "speech.audio.delta")
    assert seconds(sound, "pcm") == pytest.approx(SECONDS, abs=CLOSE)
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["total_tokens"] > 0
    assert events[-1]["timestamps"] == [
        {"sentence": "One.", "start_time": 0.0, "end_time": 0.5},
        {"sentence": "Two.", "start_time": 0.5, "end_time": 0.75},
    ]


def test_subtitles_are_formats_too(client: httpx.Client) -> None:
    srt, vtt = (ask(client, response_format=format) for format in ("srt", "vtt"))
    assert srt.text == "1\n00:00:00,000 --> 00:00:00,500\nOne.\n\n2\n00:00:00,500 --> 00:00:00,750\nTwo.\n"
    assert vtt.text.startswith("WEBVTT\n\n1\n00:00:00.000 --> 00:00:00.500\nOne.\n")
    assert vtt.headers["content-type"].startswith("text/vtt")


def test_times_of_words_where_the_engine_knows_them_and_of_sentences_elsewhere(client: httpx.Client) -> None:
    def last(text: str) -> tuple[httpx.Response, Any]:
        answer = ask(client, input=text, response_format="pcm", stream_format="sse", timestamps="word")
        return answer, json.loads(answer.text.strip().rpartition("data: ")[2])["timestamps"]

    answer, times = last("One. Two.")
    assert times == [{"word": "One", "start_time": 0.1, "end_time": 0.4}]
    assert "myna-ignored" not in answer.headers
    answer, times = last("Two.")
    assert [set(one) for one in times] == [{"sentence", "start_time", "end_time"}] * 2
    assert answer.headers["myna-ignored"] == "timestamps"
    srt = ask(client, response_format="srt", timestamps="word").text
    assert srt == "1\n00:00:00,100 --> 00:00:00,400\nOne\n"


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        ({"input": None}, 400, "input", "missing_required_parameter"),
        ({"voice": None}, 400, "voice", "missing_required_parameter"),
        ({"model": None}, 400, "model", "missing_required_parameter"),
        ({"model": "dall-e-3"}, 404, "model", "model_not_found"),
        ({"model": "xtts"}, 400, "model", "invalid_value"),
        ({"input": 7}, 400, "input", "invalid_type"),
        ({"input": "\ud800"}, 400, "input", "invalid_value"),
        ({"voice": "../../etc/passwd@"}, 400, "voice", "invalid_value"),
        ({"voice": ["anna"]}, 400, "voice", "invalid_type"),
        ({"speed": 9}, 400, "speed", "invalid_value"),
        ({"speed": True}, 400, "speed", "invalid_type"),
        ({"speed": 10**400}, 400, "speed", "invalid_value"),
        ({"response_format": "midi"}, 400, "response_format", "invalid_value"),
        ({"stream_format": "ws"}, 400, "stream_format", "invalid_value"),
        ({"response_format": "srt", "stream_format": "sse"}, 400, "response_format", "invalid_value"),
        ({"seed": -1}, 400, "seed", "invalid_value"),
        ({"seed": 2**64}, 400, "seed", "invalid_value"),
        ({"lexicon": ["a"]}, 400, "lexicon", "invalid_value"),
        ({"lexicon": {"a" * 201: "a"}}, 400, "lexicon", "invalid_value"),
        ({"lexicon": {"a": "a" * 201}}, 400, "lexicon", "invalid_value"),
        ({"input": "a " * 50_001}, 400, "input", "invalid_value"),
        ({"input": "a " * 10_000, "lexicon": {"a": "a" * 200}}, 400, "input", "invalid_value"),
        ({"after": "reverb"}, 400, "after", "invalid_value"),
        ({"after": "convert"}, 400, "after", "invalid_value"),
        ({"after": [7]}, 400, "after", "invalid_type"),
        ({"after": {"convert": "anna"}}, 400, "after", "invalid_type"),
        ({"after": "convert:" + "a" * 300}, 400, "after", "invalid_value"),
        ({"timestamps": "phoneme"}, 400, "timestamps", "invalid_value"),
    ],
)  # fmt: skip
def test_wrong_fields_are_named(
    client: httpx.Client, fields: dict[str, Any], status: int, param: str, code: str
) -> None:
    body = {"model": "tts-1", "input": "One. Two.", "voice": "anna", **fields}
    answer = client.post("/v1/audio/speech", content=json.dumps(body), headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


def test_what_mynad_refuses_before_there_is_sound_is_a_status(client: httpx.Client, stage: Stage) -> None:
    stage.speech.refusal = "NOT_FOUND", "There is no voice named 'bert'.", "There are: anna."
    try:
        answer = ask(client, voice="bert")
    finally:
        stage.speech.refusal = None
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["message"] == "There is no voice named 'bert'. There are: anna."
    assert (error["param"], error["code"]) == ("voice", "voice_not_found")


def test_speech_that_breaks_off_is_not_taken_for_a_whole_one(client: httpx.Client, opened: Opened) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client, input="break", response_format="wav")
    opened.until("Speech broke off .job 41.. The engine stopped")
    events = ask(client, input="break", response_format="wav", stream_format="sse").text
    last = json.loads(events.strip().rpartition("data: ")[2])
    assert (last["type"], last["error"]["message"]) == ("error", "The engine stopped. Try again.")


def test_first_bytes_come_before_the_speech_ends(client: httpx.Client, stage: Stage) -> None:
    body = {"model": "tts-1", "input": "slowly", "voice": "anna", "response_format": "mp3"}
    before = stage.speech.hung_up
    for format in TYPES:
        with client.stream("POST", "/v1/audio/speech", json={**body, "response_format": format}) as answer:
            assert next(answer.iter_raw()), format
    assert stage.speech.wait_hung_up(before + len(TYPES)), "each hung up, and its call was cancelled"


def test_who_asks_for_models_that_there_are_not_costs_mynad_nothing(client: httpx.Client, stage: Stage) -> None:
    before = stage.system.asked
    for number in range(30):
        assert ask(client, model=f"none-{number}").json()["error"]["code"] == "model_not_found"
    assert stage.system.asked - before <= 2, "what there is was known from a moment before"
