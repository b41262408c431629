"""One connection: events in, sound out. Reading goes on while it speaks, so that the next sentence is there in time,
and a caller who hangs up is noticed, which frees the engine."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from doors.voices import NoSuchName
from doors.wyoming import events, sentences
from doors.wyoming.events import BadEvent
from doors.wyoming.voices import NoVoice, Voices
from proto.client import AsyncClient, ClientError
from sound.streams import samples16

log = logging.getLogger("doors.wyoming")

T = TypeVar("T")

LONGEST = 100_000  #: characters that wait to be spoken
UNREAD = 60.0  #: seconds a caller may leave what was sent unread
WIDTH = 2  #: bytes of a sample
BETWEEN = 0.25  #: seconds of silence between sentences that were spoken one by one


class Mark(Enum):
    """Between texts that are to be spoken."""

    END = auto()  #: of a lone text
    STOPPED = auto()  #: of a text that came in pieces


@dataclass(frozen=True)
class Said:
    """A stretch of text to speak, and as whom."""

    text: str
    voice: SynthesizeVoice | None


@dataclass
class _Growing:
    """A text that comes in pieces."""

    voice: SynthesizeVoice | None
    text: str = ""  #: not yet given to be spoken
    came: bool = False  #: did any piece of it come?
    whole: str = ""  #: all of it once more, for servers that know no pieces


class Conversation:
    """With one caller."""

    def __init__(
        self, mynad: AsyncClient, voices: Voices, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._mynad, self._voices = mynad, voices
        self._reader, self._writer = reader, writer
        self._waiting: deque[Said | Mark] = deque()
        self._more = asyncio.Event()  #: set while something waits or is being spoken
        self._spoken = asyncio.get_running_loop().time()  #: when there was last nothing left to speak
        self._growing: _Growing | None = None

    async def run(self) -> None:
        """Until the caller goes, or sends what cannot be understood."""
        reading, speaking = asyncio.create_task(self._read()), asyncio.create_task(self._speak())
        try:
            await asyncio.wait((reading, speaking), return_when=asyncio.FIRST_COMPLETED)
            for task in (reading, speaking):
                if task.done():
                    await task
        except (BadEvent, NoSuchName, NoVoice, ClientError) as error:
            log.info("A caller was refused. %s", error)
            with suppress(OSError, TimeoutError):
                code = error.code if isinstance(error, ClientError) else "INVALID_ARGUMENT"
                await self._send(Error(str(error), code))
        except (OSError, TimeoutError):
            pass  # it went away, or reads no more
        finally:
            for task in (reading, speaking):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    # ----------------------------------------------------------------------------------------------------- reading

    async def _read(self) -> None:
        while (event := await events.read(self._reader, self._silent)) is not None:
            if Describe.is_type(event.type):
                await self._send(await self._voices.info())
            elif Ping.is_type(event.type):
                await self._send(Pong(_pinged(_parsed(Ping.from_event, event))))
            elif Synthesize.is_type(event.type):
                self._whole(_parsed(Synthesize.from_event, event))
            elif SynthesizeStart.is_type(event.type):
                self._growing = _Growing(_parsed(SynthesizeStart.from_event, event).voice)
            elif SynthesizeChunk.is_type(event.type):
                self._piece(_text(_parsed(SynthesizeChunk.from_event, event).text))
            elif SynthesizeStop.is_type(event.type):
                self._stop()

    def _silent(self) -> float:
        """Seconds for which nothing has been spoken."""
        return 0.0 if self._more.is_set() else asyncio.get_running_loop().time() - self._spoken

    def _whole(self, asked: Synthesize) -> None:
        """A text at once. While one comes in pieces it is the same again, for servers that know no pieces: then it
        counts only where no piece came."""
        text = _text(asked.text)
        if self._growing is not None:
            self._growing.whole = text
            return
        self._put(Said(text, asked.voice), Mark.END)

    def _piece(self, text: str) -> None:
        if self._growing is None:
            raise BadEvent("A synthesize-chunk came without a synthesize-start.")
        growing = self._growing
        growing.came = growing.came or bool(text.strip())
        ready, growing.text = sentences.cut(growing.text + text)
        if ready.strip():
            self._put(Said(ready, growing.voice))
        elif len(growing.text) > LONGEST:
            raise BadEvent(f"More than {LONGEST:,} characters came without the end of a sentence.")

    def _stop(self) -> None:
        if (growing := self._growing) is None:
            return
        self._growing = None
        rest = growing.text if growing.came else growing.whole
        said = [Said(rest, growing.voice)] if rest.strip() else []
        self._put(*said, Mark.STOPPED)

    def _put(self, *said: Said | Mark) -> None:
        self._waiting.extend(said)
        if sum(len(one.text) for one in self._waiting if isinstance(one, Said)) > LONGEST:
            raise BadEvent(f"More than {LONGEST:,} characters wait to be spoken.")
        self._more.set()

    # ---------------------------------------------------------------------------------------------------- speaking

    async def _speak(self) -> None:
        rate = 0  #: Hz of the sound that was begun; 0: none was
        while True:
            while not self._waiting:
                self._more.clear()
                self._spoken = asyncio.get_running_loop().time()
                await self._more.wait()
            one = self._waiting.popleft()
            if isinstance(one, Said):
                rate = await self._sound(self._joined(one), rate)
                continue
            if rate:
                await self._send(AudioStop())
            elif one is Mark.END:
                raise NoVoice("There is nothing to speak in this text.")
            rate = 0
            if one is Mark.STOPPED:
                await self._send(SynthesizeStopped())

    def _joined(self, first: Said) -> Said:
        """All that waits of the same text: fewer requests, and the engine minds the pauses itself."""
        text = first.text
        while self._waiting and isinstance(self._waiting[0], Said):
            following = self._waiting[0]
            if following.voice != first.voice:
                break
            text += following.text
            self._waiting.popleft()
        return Said(text, first.voice)

    async def _sound(self, said: Said, rate: int) -> int:
        """Speak a stretch of text after sound at `rate` Hz (0: none came before). Returns the rate."""
        if not any(character.isalnum() for character in said.text):
            return rate
        spec = await self._voices.spec(said.voice, said.text)
        encoder, first = samples16(), True
        async with aclosing(self._mynad.synthesize(spec)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if not chunk.samples:
                    continue
                if not rate:
                    rate = chunk.sample_rate
                    await self._send(AudioStart(rate, WIDTH, 1))
                elif first:
                    await self._send(AudioChunk(rate, WIDTH, 1, b"\0" * (int(BETWEEN * rate) * WIDTH)))
                first = False
                audio = encoder.add(chunk.samples, chunk.sample_rate)
                await self._send(AudioChunk(chunk.sample_rate, WIDTH, 1, audio))
        return rate

    async def _send(self, what: Eventable) -> None:
        """Raises TimeoutError where the caller reads no more, OSError where it is gone."""
        async with asyncio.timeout(UNREAD):
            await async_write_event(what.event(), self._writer)


def _parsed(parse: Callable[[Event], T], event: Event) -> T:
    try:
        return parse(event)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise BadEvent(f"The data of {event.type[:40]!r} are not what they should be.") from None


def _pinged(ping: Ping) -> str | None:
    return None if ping.text is None else _text(ping.text)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise BadEvent("A text must be a text.")
    if len(given) > LONGEST:
        raise BadEvent(f"The text has {len(given):,} characters; {LONGEST:,} can be spoken at once.")
    try:
        given.encode("utf-8")
    except UnicodeEncodeError:
        raise BadEvent("The text holds half a character (a lone surrogate).") from None
    return given
