"""Who has voices speak: over gRPC, HTTP and Wyoming; to the end, and hung up midway; and a person whose minutes of a
day are used up, and there again the next day."""

from __future__ import annotations

import json
import socket
import threading
from itertools import islice

import httpx

from benchmarks.soaking.callers import Caller
from benchmarks.soaking.house import SPEECH_IDLE, House, Tally
from benchmarks.soaking.work import VOICES
from proto import myna_pb2 as pb
from proto.client import Client, ClientError

SHORT = "Number {} leaves at noon, and it is not late."
LONG = "The ferry leaves at noon, and nobody knew how deep the lake was. " * 8
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm", "srt")
#: speeches in a row, before speech is silent for so long that its worker goes
BURST = 9
#: minutes that the person may have spoken in a day: a few speeches
MINUTES = 0.2
PERSON = "dora"
PATIENCE = 300.0


class Speaker(Caller):
    """Asks for speech in every way there is."""

    name = "speech"
    pause = 6.0

    def __init__(self, house: House, tally: Tally, over: threading.Event, seed: int) -> None:
        super().__init__(house, tally, over, seed)
        self._spoken, self._token = 0, ""

    def turn(self) -> None:
        self._spoken += 1
        if self._spoken % BURST == 0:
            self.rest(SPEECH_IDLE + 25.0)
            self.did("silences long enough for its worker to go")
        ways = (self._stream, self._stream, self._hung_up, self._http, self._http, self._http_hung_up,
                self._wyoming, self._person)  # fmt: skip
        self.chance.choice(ways)()

    def _voice(self, client: Client) -> str:
        """One that is there."""
        there = [name for name in VOICES if name in {one.name for one in client.voices()}]
        if not there:
            self.rest(5.0)
            return self._voice(client)
        return self.chance.choice(there)

    def _text(self) -> str:
        return " ".join(SHORT.format(self.chance.randrange(1_000)) for _ in range(self.chance.randrange(1, 4)))

    # ------------------------------------------------------------------------------------------------------------- gRPC

    def _stream(self) -> None:
        with self.chance.choice((self.house.client, self.house.script))() as client:
            samples = 0
            for chunk in client.synthesize(pb.SpeakSpec(voice=self._voice(client), text=self._text())):
                samples += len(chunk.samples)
            self.expect(samples > 0, "a stream without sound")
        self.did("gRPC, to the end")

    def _hung_up(self) -> None:
        with self.house.client() as client:
            stream = client.synthesize(pb.SpeakSpec(voice=self._voice(client), text=LONG))
            for _ in islice(stream, self.chance.randrange(2, 5)):
                pass
        self.did("gRPC, hung up")

    # ------------------------------------------------------------------------------------------------------------- HTTP

    def _http(self) -> None:
        form = self.chance.choice(FORMATS)
        with self.house.client() as client:
            body = {"model": "tts-1", "voice": self._voice(client), "input": self._text(), "response_format": form}
        with self._web() as web:
            answer = web.post("/v1/audio/speech", json=body)
        self.expect(
            answer.status_code == 200 and bool(answer.content), f"{form}: {answer.status_code} {answer.text[:90]}"
        )
        self.did(f"HTTP, {form}")

    def _http_hung_up(self) -> None:
        with self.house.client() as client:
            body = {"model": "tts-1", "voice": self._voice(client), "input": LONG, "response_format": "wav"}
        with self._web() as web, web.stream("POST", "/v1/audio/speech", json=body) as answer:
            self.expect(answer.status_code == 200, f"HTTP {answer.status_code}")
            next(answer.iter_raw(), b"")
        self.did("HTTP, hung up")

    def _web(self, token: str = "") -> httpx.Client:
        bearer = {"authorization": f"Bearer {token or self.house.token}"}
        return httpx.Client(base_url=self.house.url, headers=bearer, timeout=PATIENCE, trust_env=False)

    # ---------------------------------------------------------------------------------------------------------- Wyoming

    def _wyoming(self) -> None:
        with self.house.client() as client:
            data = {"text": self._text(), "voice": {"name": self._voice(client)}}
        with socket.create_connection(("127.0.0.1", self.house.wyoming), timeout=PATIENCE) as line:
            line.sendall(json.dumps({"type": "synthesize", "data": data}).encode() + b"\n")
            with line.makefile("rb") as answers:
                hangs_up = self.chance.random() < 0.3
                while (kind := self._event(answers)) not in ("audio-stop", "error", ""):
                    if hangs_up and kind == "audio-chunk":
                        break
        self.expect(kind in ("audio-stop", "audio-chunk"), f"Wyoming ended with {kind!r}")
        self.did("Wyoming, hung up" if kind == "audio-chunk" else "Wyoming, to the end")

    @staticmethod
    def _event(answers: object) -> str:
        """The type of the next event; empty at the end."""
        line = answers.readline()  # type: ignore[attr-defined]
        if not line:
            return ""
        head = json.loads(line)
        answers.read(head.get("data_length", 0) + head.get("payload_length", 0))  # type: ignore[attr-defined]
        return str(head["type"])

    # --------------------------------------------------------------------------------------------------------- a person

    def _person(self) -> None:
        """Speaks, over TCP, by a token of their own, until their minutes of the day are used up."""
        with self.house.client() as client:
            voice = self._voice(client)
            if not self._token:
                client.add_person(PERSON, ["speak"], pb.Limits(minutes_a_day=MINUTES))
                self._token = client.create_token(PERSON).token
            client.share(voice, PERSON, ["speak"])
        with self.house.script() as script:
            try:
                for _ in script.bearing(self._token).synthesize(pb.SpeakSpec(voice=voice, text=self._text())):
                    pass
                self.did("a person's")
            except ClientError as error:
                if error.code != "RESOURCE_EXHAUSTED":
                    raise
                self.did("a person's, refused: the day's minutes are used up")
