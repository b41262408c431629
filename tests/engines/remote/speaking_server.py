"""Providers of speech on this machine, for tests: a server that takes requests as the providers' documentation has
them, refuses what that does not allow, and answers with samples piece by piece, or as a test tells it to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import numpy as np
import uvicorn

KEY = "sk-test-0123456789abcdef"
RATE = 24_000
EACH = 0.05  #: seconds of sound for each character
VOICES = {"alloy", "nova", "21m00Tcm4TlvDq8ikWAM", "en-US-JennyNeural"}
SSML = "{http://www.w3.org/2001/10/synthesis}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def text(self) -> str:
        """What is to be said."""
        if self.path == "/cognitiveservices/v1":
            return "".join(ElementTree.fromstring(self.body).itertext())
        return str(self.json.get("input") or self.json.get("text"))


@dataclass(frozen=True)
class Answer:
    """What a test wants answered in place of speech."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False  #: the connection breaks off after the body
    waits: bool = False  #: … or the rest of it comes when the test says so (`Server.go_on`)


def tone(text: str) -> bytes:
    """16-bit samples that stand for a text: the same for the same one."""
    pitch = 110 + sum(text.encode()) % 220
    times = np.arange(int(EACH * len(text) * RATE)) / RATE
    return (np.sin(2 * np.pi * pitch * times) * 12_000).astype("<i2").tobytes()


class Server:
    """While it runs: `asked` has every request, and `answers` what the next ones get."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: deque[Answer] = deque()
        self.go_on = threading.Event()
        self.came = threading.Condition()
        self.gone = threading.Event()  #: a caller hung up before the end
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = Asked(scope["path"], parse_qs(scope["query_string"].decode()), headers, body)
        with self.came:
            self.asked.append(asked)
            self.came.notify_all()
        answer = self.answers.popleft() if self.answers else _documented(asked)
        sends = asyncio.create_task(self._send(answer, send))
        hangs_up = asyncio.create_task(_until_gone(receive))
        await asyncio.wait((sends, hangs_up), return_when=asyncio.FIRST_COMPLETED)
        if not sends.done():
            self.gone.set()
            sends.cancel()
            return
        hangs_up.cancel()
        await sends

    async def _send(self, answer: Answer, send: Any) -> None:
        named = {"content-type": "audio/pcm" if answer.status == 200 else "application/json", **answer.headers}
        encoded = [(name.encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        async for piece in self._pieces(answer):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if answer.breaks:
            raise ConnectionError("the test wants this connection to break off")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self, answer: Answer) -> AsyncIterator[bytes]:
        """Odd sizes: samples come in two parts."""
        first = answer.body[:3_001]
        yield first
        if answer.waits:
            await asyncio.to_thread(self.go_on.wait, 60)
        for start in range(len(first), len(answer.body), 7_777):
            yield answer.body[start : start + 7_777]


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _documented(asked: Asked) -> Answer:
    """What the provider whose address it is would answer."""
    match asked.path.rstrip("/").split("/"):
        case ["", "v1", "audio", "speech"]:
            return _openai(asked)
        case ["", "v1", "text-to-speech", voice, "stream"]:
            return _elevenlabs(asked, voice)
        case ["", "cognitiveservices", "v1"]:
            return _azure(asked)
    return Answer(404, b'{"detail": "Not Found"}')


def _openai(asked: Asked) -> Answer:
    def refused(status: int, message: str, code: str) -> Answer:
        told = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
        return Answer(status, json.dumps(told).encode())

    if asked.headers.get("authorization") != f"Bearer {KEY}":
        given = asked.headers.get("authorization", "")[7:]
        return refused(401, f"Incorrect API key provided: {given}. You can find yours at …", "invalid_api_key")
    said = asked.json
    if set(said) - {"model", "voice", "input", "response_format", "speed", "instructions", "stream_format"}:
        return refused(400, f"Unrecognized request argument supplied: {sorted(said)}", "unknown_parameter")
    if said["model"] not in ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"):
        return refused(404, f"The model `{said['model']}` does not exist", "model_not_found")
    if said["voice"] not in VOICES:
        return refused(400, f"Input should be 'alloy' or 'nova', not {said['voice']}", "invalid_value")
    if len(said["input"]) > 4_096 or not 0.25 <= said.get("speed", 1.0) <= 4.0:
        return refused(400, "string_too_long", "invalid_value")
    assert said["response_format"] == "pcm"
    return Answer(body=tone(said["input"]))


def _elevenlabs(asked: Asked, voice: str) -> Answer:
    def refused(status: int, code: str, message: str) -> Answer:
        return Answer(status, json.dumps({"detail": {"status": code, "message": message}}).encode())

    if asked.headers.get("xi-api-key") != KEY:
        return refused(401, "invalid_api_key", "Invalid API key")
    said = asked.json
    if voice not in VOICES:
        return refused(404, "voice_not_found", f"A voice with voice_id {voice} was not found.")
    if said.get("language_code") and said["model_id"] not in ("eleven_turbo_v2_5", "eleven_flash_v2_5"):
        return refused(400, "unsupported_language", "This model does not support the language code.")
    if not 0.7 <= said.get("voice_settings", {}).get("speed", 1.0) <= 1.2 or not 0 <= said.get("seed", 0) < 2**32:
        return refused(400, "invalid_voice_settings", "Invalid setting")
    assert asked.query["output_format"] == ["pcm_24000"]
    return Answer(body=tone(said["text"]))


def _azure(asked: Asked) -> Answer:
    if asked.headers.get("ocp-apim-subscription-key") != KEY:
        return Answer(401)
    if asked.headers.get("content-type") != "application/ssml+xml" or not asked.headers.get("user-agent"):
        return Answer(400)
    if asked.headers.get("x-microsoft-outputformat") != "raw-24khz-16bit-mono-pcm":
        return Answer(400)
    try:
        speak = ElementTree.fromstring(asked.body)
    except ElementTree.ParseError:
        return Answer(400)
    (voice,) = speak
    if speak.tag != f"{SSML}speak" or not speak.get(LANGUAGE) or voice.tag != f"{SSML}voice":
        return Answer(400)
    if voice.get("name") not in VOICES:
        return Answer(400, b"Unsupported voice " + str(voice.get("name")).encode(), {"content-type": "text/plain"})
    return Answer(body=tone(asked.text))


@contextmanager
def serving() -> Iterator[Server]:
    """A server for the length of the block."""
    server = Server()
    quiet = uvicorn.Config(server, host="127.0.0.1", port=0, log_level="critical", lifespan="off", loop="asyncio")
    runs = uvicorn.Server(quiet)
    socket = quiet.bind_socket()
    server.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    thread = threading.Thread(target=runs.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        runs.should_exit = True
        thread.join(10)
