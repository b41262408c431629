"""The paper daemon's speech: tones in place of a voice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from tests.tui.stage.rows import RATE, refuse, tone


class Speech(stubs.SpeechServicer):
    def __init__(self) -> None:
        self.asked: list[pb.SpeakSpec] = []
        self.heard: list[tuple[pb.TranscribeSpec, bytes]] = []  # files that were to be transcribed
        self.converted: list[tuple[pb.SpeakSpec, bytes]] = []  # recordings that were to sound like a voice
        self.sampled: list[pb.SampleRequest] = []
        self.unspoken = {4}  # versions that never spoke the held-out lines
        self.sound = b""  # what is said, in place of tones
        self.hung_up = 0  # callers who went away before the end
        self.refusal: tuple[str, str, str] | None = None  # what is said no with: code, sentence, hint
        self._gone = threading.Condition()
        self.go_on = threading.Event()  # what "later" waits for

    def Transcribe(self, request_iterator: Iterator[pb.TranscribePart], context: Any) -> pb.Transcript:
        """The same words, whatever is sent; with "slowly" as a prompt it waits until the caller has gone."""
        parts = list(request_iterator)
        gone = self._count_when_gone(context) if parts[0].spec.prompt == "slowly" else None
        with self._gone:
            self.heard.append((parts[0].spec, b"".join(part.data for part in parts)))
            self._gone.notify_all()
        if self.refusal is not None:
            code, sentence, hint = self.refusal
            refuse(context, grpc.StatusCode[code], sentence, hint)
        if gone is not None:
            gone.wait(60)
        said = (("One two.", 0.0, 1.25), ("Three.", 1.5, 2.0))
        segments = [pb.HeardSegment(text=text, start=start, end=end) for text, start, end in said]
        if parts[0].spec.words:
            segments[0].words.add(text="One", start=0.0, end=0.5)
            segments[0].words.add(text="two.", start=0.5, end=1.25)
        weak = parts[0].spec.recogniser == "pocketsphinx"
        return pb.Transcript(
            text="One two. Three.", language="en", seconds=2.5, segments=segments,
            recogniser=parts[0].spec.recogniser or "whisper", low_trust=weak,
        )  # fmt: skip

    def Convert(self, request_iterator: Iterator[pb.ConvertPart], context: Any) -> Iterator[pb.AudioChunk]:
        """A tone, as long as the recording has bytes."""
        parts = list(request_iterator)
        sent = b"".join(part.data for part in parts)
        self.converted.append((parts[0].spec, sent))
        if self.refusal is not None:
            code, sentence, hint = self.refusal
            refuse(context, grpc.StatusCode[code], sentence, hint)
        yield pb.AudioChunk(version="anna", job=41)
        seconds = len(sent) / 1_000
        yield pb.AudioChunk(samples=tone(seconds / 2), sample_rate=RATE, seconds=seconds)
        yield pb.AudioChunk(samples=tone(seconds / 2), sample_rate=RATE)
        yield pb.AudioChunk(sample_rate=RATE, last=True)

    def Sample(self, request: pb.SampleRequest, context: Any) -> Iterator[pb.AudioChunk]:
        self.sampled.append(request)
        if request.version in self.unspoken:
            refuse(
                context,
                grpc.StatusCode.NOT_FOUND,
                f"anna@{request.version} has not spoken this line yet.",
                "It does when it is scored.",
            )
        yield pb.AudioChunk(samples=self.sound or tone(0.25), sample_rate=RATE)
        yield pb.AudioChunk(samples=b"" if self.sound else tone(0.25), sample_rate=RATE, last=True)

    def Synthesize(self, request: pb.SynthesizeRequest, context: Any) -> Iterator[pb.AudioChunk]:
        self.asked.append(request.spec)
        if self.refusal is not None:
            code, sentence, hint = self.refusal
            refuse(context, grpc.StatusCode[code], sentence, hint)
        yield pb.AudioChunk(version="anna@7", job=41)
        if request.spec.speaker == "?":
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "The base has no stock speaker '?'.", "It has: Ana, Ben.")
        if request.spec.text == "break":
            yield pb.AudioChunk(samples=tone(0.1), sample_rate=RATE)
            refuse(context, grpc.StatusCode.ABORTED, "The engine stopped.", "Try again.")
        if request.spec.text.startswith("slowly"):
            gone = self._count_when_gone(context)
            yield pb.AudioChunk(samples=self.sound or tone(0.1), sample_rate=RATE, text="Slowly.")
            gone.wait(60)
            return
        if request.spec.text == "later" and not self.go_on.wait(30):
            return
        left_out = ["<break>"] if "<break>" in request.spec.text else []
        words = [pb.WordTime(text="One", start=0.1, end=0.4)] if "One" in request.spec.text else []
        sound = self.sound or tone(0.5)
        yield pb.AudioChunk(samples=sound, sample_rate=RATE, text="One.", left_out=left_out, words=words)
        yield pb.AudioChunk(samples=b"" if self.sound else tone(0.25), sample_rate=RATE, sentence=1, text="Two.")
        yield pb.AudioChunk(sample_rate=RATE, sentence=1, last=True)

    def _count_when_gone(self, context: Any) -> threading.Event:
        """Is set when the call is over, and its caller counted with it. gRPC leaves off in the middle of a method whose
        caller goes while a message is being sent: what comes after the message would not be reached."""
        gone = threading.Event()

        def count() -> None:
            with self._gone:
                self.hung_up += 1
                self._gone.notify_all()
            gone.set()

        if not context.add_callback(count):  # it is over by now
            count()
        return gone

    def wait_heard(self, files: int, seconds: float = 10.0) -> bool:
        """Have so many files come to be transcribed, or do within some seconds?"""
        with self._gone:
            return self._gone.wait_for(lambda: len(self.heard) >= files, seconds)

    def wait_hung_up(self, callers: int, seconds: float = 30.0) -> bool:
        """Have so many callers gone away before the end, or do within some seconds?"""
        with self._gone:
            return self._gone.wait_for(lambda: self.hung_up >= callers, seconds)
