"""Speaking by an engine elsewhere, in a worker of its own that loads no model: what comes goes on as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.kinds.remote import request as requests
from daemon.worker.job import Channel, audio_report
from daemon.worker.sayable import sayable
from engines import interruption, registry
from engines.audio.watermark import marked
from engines.base import AudioChunk
from engines.errors import EngineError
from engines.remote import access
from engines.remote.access import Access
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire


def run(plan: wire.RemotePlan, channel: Channel) -> str:
    """Speak a request. Sends Audio reports, the last one empty with `last` set; what the provider takes is committed
    before its sound goes out."""
    asked = plan.spec
    engine = registry.speaker(plan.engine)
    request, left_out = sayable(engine, requests.of(asked), channel)
    given = Accessed(plan.engine, plan.speaker, channel)
    seconds, sentence, rate = 0.0, -1, engine.info.sample_rate
    with access.given(given.access), interruption.checked_by(channel.check):
        spoken = engine.speak(engine.load(None), request)
        if asked.word_times:
            spoken = _with_words(spoken, request.language)
        for chunk in marked(spoken, plan.watermark):
            text, words = (chunk.text, _words(chunk)) if chunk.sentence != sentence else ("", [])
            sentence, rate = chunk.sentence, chunk.sample_rate
            sound = chunk.samples.astype("<f4").tobytes()
            channel.report(audio_report(sound, rate, sentence, text, last=False, left_out=left_out, words=words))
            left_out = []  # told once
            seconds += len(chunk.samples) / rate
    channel.report(audio_report(b"", rate, max(sentence, 0), "", last=True))
    before = f", and {given.saved:,} had been spoken before" if given.saved else ""
    return f"Spoke {seconds:.1f} s as {asked.voice}: {plan.engine} was sent {given.sent:,} characters{before}."


class Accessed:
    """How a provider is asked by a job, and what it was sent until now."""

    def __init__(self, engine: str, speaker: wire.RemoteSpeaker, channel: Channel) -> None:
        self.sent, self.saved = 0, 0  #: characters
        self._engine, self._channel = engine, channel
        self._at_most = speaker.at_most if speaker.HasField("at_most") else None
        self.access = Access(
            voice=speaker.voice,
            model=speaker.model,
            base_url=speaker.base_url,
            key_file=Path(speaker.key_file) if speaker.key_file else None,
            cache=Path(speaker.cache_dir) if speaker.cache_dir else None,
            cache_bytes=speaker.cache_bytes,
            whose=speaker.person,
            may_send=self._may_send,
            charge=self._charge,
            save=self._save,
        )

    def check(self) -> None:
        """Raises where the job is to end. A pause waits until a line was said: no provider waits in the middle of
        one."""
        if self._channel.pending() in ("cancel", "stop"):
            self._channel.check()

    def _may_send(self, characters: int) -> None:
        if self._at_most is not None and self.sent + characters > self._at_most:
            raise EngineError(
                f"What {self._engine} spoke before is not kept any more, and what may be spent with it today does not "
                "reach for it.",
                "Ask for it tomorrow.",
            )

    def _charge(self, characters: int) -> None:
        self.sent += characters
        self._channel.commit(wire.Report(charged=wire.Charged(engine=self._engine, characters=characters)))

    def _save(self, characters: int) -> None:
        self.saved += characters
        self._channel.commit(wire.Report(charged=wire.Charged(engine=self._engine, saved=characters)))


def _with_words(spoken: Iterator[AudioChunk], language: str) -> Iterator[AudioChunk]:
    from daemon.worker.word_times import with_words  # only where it is wanted: it loads a recogniser

    return with_words(spoken, language)


def _words(chunk: AudioChunk) -> list[pb.WordTime]:
    return [pb.WordTime(text=word.text, start=word.start, end=word.end) for word in chunk.words]
