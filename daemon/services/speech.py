"""The Speech service: speak a text, or play what was spoken or recorded of a line that versions were scored on."""

from __future__ import annotations

import array
import asyncio
import sys
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from daemon.database.store import Store
from daemon.errors import BadRequest, NotFound
from daemon.home import heard_files
from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.remote import server as remote
from daemon.kinds.speak import after, recorded
from daemon.kinds.speak import server as speak
from daemon.scheduling.speech import Speech
from daemon.services import quota_room
from daemon.services.errors import plain
from daemon.services.exports import Sending
from daemon.services.transcribing import Transcribing
from daemon.state import charges, checkpoints, remote_voices, spoken_lines, voices
from daemon.state.events import EventHub
from daemon.telemetry.meters import Meters
from daemon.telemetry.said import Said
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto import passes

#: Seconds of audio in one chunk of a sample.
PIECE = 1.0


@plain
class SpeechService(stubs.SpeechServicer):
    """See the service in proto/myna.proto."""

    def __init__(
        self, home: Path, store: Store, lifecycle: Lifecycle, speech: Speech, hub: EventHub, meters: Meters
    ) -> None:
        self.home = home
        self.store = store
        self.lifecycle = lifecycle
        self.speech = speech
        self.meters = meters
        self.transcribing = Transcribing(Sending(home, store, lifecycle, hub))

    async def Synthesize(self, request: pb.SynthesizeRequest, context: Any) -> AsyncIterator[pb.AudioChunk]:
        """An empty chunk at once, which names the job; then chunks as they are made; the last, which may be empty, has
        `last`. A caller that hangs up cancels the job."""
        async with aclosing(self._spoken(request.spec)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def Convert(
        self, request_iterator: AsyncIterator[pb.ConvertPart], context: Any
    ) -> AsyncIterator[pb.AudioChunk]:
        """As Synthesize, of a recording that comes first. It counts for the caller's disk until it is deleted."""
        room = await quota_room.of_caller(self.store, self.home)
        incoming = heard_files.Incoming(self.home, self.lifecycle.kinds["speak"].disk, heard_files.LARGEST_CONVERTED)
        try:
            asked = await self._received(request_iterator, incoming, room)
            async with aclosing(self._spoken(asked)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            room.close()
            await asyncio.to_thread(incoming.close)

    async def _received(
        self, parts: AsyncIterator[pb.ConvertPart], incoming: heard_files.Incoming, room: quota_room.Room
    ) -> pb.SpeakSpec:
        """What is asked for of a recording, which is here then. What cannot be is refused before all of it was sent.
        Raises BadRequest, NotFound, DiskFull, QuotaReached, NotNow."""
        asked: pb.SpeakSpec | None = None
        async for part in parts:
            if asked is None:
                asked = pb.SpeakSpec()
                asked.CopyFrom(part.spec)
                await self.store.read(recorded.check_asked, asked, self.home)
            room.take(len(part.data))
            await asyncio.to_thread(incoming.add, part.data)
        await asyncio.to_thread(incoming.end)
        assert asked is not None, "without a part nothing came"
        asked.recording = incoming.name
        return asked

    async def _spoken(self, spec: pb.SpeakSpec) -> AsyncGenerator[pb.AudioChunk]:
        def act(session: Session) -> tuple[int, str, str]:
            job = self.lifecycle.submit(session, pb.JobSpec(speak=spec))
            asked = pb.JobSpec.FromString(job.spec).speak
            return job.id, _version(asked), _engine(session, asked, self.home)

        said = Said(self.meters)
        job, version, said.engine = await self.store.write(act)
        first = True
        # closed early, it cancels the job
        async with aclosing(self.speech.synthesize(job)) as chunks, said:
            async for audio in chunks:
                said.chunk(audio)
                yield pb.AudioChunk(
                    charge=await self.store.read(charges.of_job, job) if audio.last else None,
                    samples=audio.samples,
                    sample_rate=audio.sample_rate,
                    sentence=audio.sentence,
                    text=audio.text,
                    job=job if first else 0,
                    last=audio.last,
                    version=version if first else "",
                    left_out=audio.left_out,
                    words=audio.words,
                    seconds=audio.seconds,
                )
                first = False

    async def Price(self, request: pb.PriceRequest, context: Any) -> pb.PriceResponse:
        return await self.store.read(remote.priced, request, self.home)

    async def Transcribe(self, request_iterator: AsyncIterator[pb.TranscribePart], context: Any) -> pb.Transcript:
        return await self.transcribing.take(request_iterator)

    async def Sample(self, request: pb.SampleRequest, context: Any) -> AsyncIterator[pb.AudioChunk]:
        path, title, text = await self.store.read(_sample, request, self.home)
        rate, samples = await asyncio.to_thread(read_wav, path)
        size = max(1, int(PIECE * rate)) * 4  # bytes of float32
        for start in range(0, max(len(samples), 1), size):
            last = start + size >= len(samples)
            first = start == 0
            yield pb.AudioChunk(
                samples=samples[start : start + size],
                sample_rate=rate,
                text=text if first else "",
                last=last,
                version=title if first else "",
            )


def _version(asked: pb.SpeakSpec) -> str:
    """Who is heard."""
    return recorded.name(asked) if asked.recording else voices.spelt(asked.voice, asked.version)


def _engine(session: Session, asked: pb.SpeakSpec, home: Path) -> str:
    """Which engine is counted with what is heard: the voice's, be it elsewhere; of a recording who converts it."""
    if asked.recording and (convert := passes.conversion(asked.after)) is not None:
        return after.converter(session, convert, home).name
    elsewhere = remote_voices.is_one(asked.voice)
    return asked.voice.partition(remote_voices.MARK)[0] if elsewhere else voices.get(session, asked.voice).engine


def _sample(session: Session, request: pb.SampleRequest, home: Path) -> tuple[Path, str, str]:
    """(file, who speaks, text) of a line. Raises NotFound with what to do."""
    if request.run:
        return checkpoints.sample(session, request.run, request.step, request.clip, home)
    voice = voices.get(session, request.voice)
    text = spoken_lines.text(session, voice.name, request.clip)
    if text is None:
        hint = f"`myna clips {voice.name} --held-out` lists those there are."
        raise NotFound(f"{voice.name} has no held-out clip {request.clip[:12]!r}.", hint)
    folder = home / "samples" / voice.name
    if request.recording:
        path, title = folder / "recordings" / f"{request.clip.partition('.')[0]}.wav", "the recording"
    else:
        version = voices.version(session, voice.name, request.version) if request.version > 0 else None
        path, title = (
            folder / (str(version.number) if version else "base") / f"{request.clip}.wav",
            speak.version_name(voice, version),
        )
    if not path.is_file():
        raise NotFound(f"{title} has not spoken this line yet.", "It does when it is scored: `myna compare … --score`.")
    return path, title, text


def read_wav(path: Path) -> tuple[int, bytes]:
    """(Hz, little-endian float32 mono samples) of a 16-bit mono wav, the format of all samples. The daemon loads no
    numpy for it."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2 or file.getnchannels() != 1:
                raise BadRequest(f"{path.name} is not a 16-bit mono wav.", "Let the version be scored again.")
            rate, raw = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise BadRequest(f"{path.name} cannot be read: {error}.", "Let the version be scored again.") from None
    whole = array.array("h", raw)
    if sys.byteorder == "big":
        whole.byteswap()
    samples = array.array("f", (value / 32768.0 for value in whole))
    if sys.byteorder == "big":
        samples.byteswap()
    return rate, samples.tobytes()
