"""POST /v1/audio/speech: a request becomes a call of mynad, and its sound goes out as it comes.

Until there is sound, what goes wrong is an error object with its status; after that the connection breaks off, so that
nobody takes half a speech for a whole one (as events, an `error` comes). A caller who hangs up cancels the call, which
frees the engine.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from doors.http import subtitles
from doors.http.asked import Asked, Delivery, Times, asked
from doors.http.body import Gone, body, hung_up
from doors.http.callers import let_in, mynad_of, others_of
from doors.http.callers import problem as said
from doors.http.course import Course
from doors.http.errors import Problem, Refused, wrong
from doors.http.room import Room
from doors.http.subtitles import Stretch, Subtitles
from doors.models import Models, NoSuchModel, OtherEngine
from doors.settings import Http
from proto import myna_pb2 as pb
from proto import passes
from proto.client import AsyncClient, ClientError
from sound.streams import Format, StreamEncoder, media_type, stream_encoder
from sound.tags import Tag

log = logging.getLogger("doors.http")

PIECE = 0.1  #: seconds of sound that are encoded at a time: others are served between two
SILENCE = "The voice said nothing."


class SpeechDoor:
    """The route, as an ASGI application."""

    def __init__(self, mynad: AsyncClient, settings: Http) -> None:
        self._mynad = mynad
        self._others = settings.voices
        self._models = Models(mynad)
        self._room = Room(settings.most_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await let_in(scope, self._mynad)
            given = await body(scope, receive)
            try:
                others = await others_of(scope, self._mynad, self._others)
            except ClientError as error:
                raise Refused(_of(scope, error)) from None
            wanted = asked(given, others)
            with self._room.place():
                await self._until_gone(wanted, scope, receive, send)
        except Gone:
            pass
        except Refused as refused:
            await refused.problem.answer()(scope, receive, send)

    async def _until_gone(self, wanted: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the caller goes away first. Raises Refused, Gone."""
        gone = asyncio.create_task(hung_up(receive))
        work = asyncio.create_task(self._answer(wanted, scope, send))
        try:
            await asyncio.wait((gone, work), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Gone
            await work
        finally:
            for task in (gone, work):
                task.cancel()
                with suppress(asyncio.CancelledError, Refused, ClientError):
                    await task

    async def _answer(self, wanted: Asked, scope: Scope, send: Send) -> None:
        """Ask mynad, and send what comes. Raises Refused as long as nothing was sent."""
        mynad = mynad_of(scope, self._mynad)
        try:
            await self._models.check(wanted.model, wanted.spec.voice, mynad)
        except NoSuchModel as error:
            raise Refused(Problem(404, str(error), "model_not_found", "model")) from None
        except OtherEngine as error:
            raise wrong("model", str(error)) from None
        except ClientError as error:
            raise Refused(_of(scope, error)) from None
        if isinstance(wanted.format, Subtitles):
            await self._subtitles(wanted, wanted.format, scope, send)
            return
        out = _Out(wanted, wanted.format, scope, send)
        try:
            async with aclosing(mynad.synthesize(wanted.spec)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    await out.add(chunk)
        except ClientError as error:
            await out.failed(error)
            return
        await out.end()

    async def _subtitles(self, wanted: Asked, format: Subtitles, scope: Scope, send: Send) -> None:
        course = Course()
        try:
            async for chunk in mynad_of(scope, self._mynad).synthesize(wanted.spec):
                course.add(chunk)
        except ClientError as error:
            raise Refused(_of(scope, error)) from None
        text = subtitles.written(format, course.stretches(wanted.times or Times.SENTENCE))
        await Response(text, media_type=subtitles.media_type(format))({"type": "http"}, _nothing, send)


class _Out:
    """An answer under way: headers with the first sound, then what the encoder makes."""

    def __init__(self, wanted: Asked, format: Format, scope: Scope, send: Send) -> None:
        self._wanted, self._format, self._scope, self._send = wanted, format, scope, send
        self._encoder: StreamEncoder | None = None
        self._began = False
        self._course = Course()
        self._voice, self._job = "", 0

    async def add(self, chunk: pb.AudioChunk) -> None:
        if self._encoder is None:  # now: the first chunk holds no sound, and the engine works on the next
            self._encoder = stream_encoder(self._format, Tag(passes.who(chunk.version, self._wanted.spec.after)))
        self._voice, self._job = self._voice or chunk.version, self._job or chunk.job
        self._course.add(chunk)
        if not chunk.samples:
            return
        if not self._began:
            self._began = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers()})
        for piece in _pieces(chunk.samples, chunk.sample_rate):
            await self._sound(self._encoder.add(piece, chunk.sample_rate))
            # sending waits for nobody who reads: others have a turn here, and that the caller went is noticed
            await asyncio.sleep(0)

    async def end(self) -> None:
        if not self._began or self._encoder is None:
            raise Refused(Problem(500, SILENCE, "speech_failed"))
        await self._sound(self._encoder.end())
        if self._wanted.delivery is Delivery.SSE:
            await self._event(self._done())
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def failed(self, error: ClientError) -> None:
        """mynad said no. Raises Refused as long as nothing was sent."""
        problem = _of(self._scope, error)
        if not self._began:
            raise Refused(problem)
        log.warning("Speech broke off (job %d). %s", self._job, error)
        if self._wanted.delivery is Delivery.SSE:
            await self._event({"type": "error", **problem.body()})
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        # else: left unfinished on purpose; the server closes the connection

    async def _sound(self, data: bytes) -> None:
        if not data:
            return
        if self._wanted.delivery is Delivery.SSE:
            await self._event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
        else:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _event(self, data: dict[str, object]) -> None:
        line = f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
        await self._send({"type": "http.response.body", "body": line, "more_body": True})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        wanted = self._wanted
        events = wanted.delivery is Delivery.SSE
        ignored = [*wanted.ignored]
        if wanted.times is not None and not (events and self._course.known(wanted.times) is wanted.times):
            ignored.append("timestamps")
        named = {
            "content-type": "text/event-stream; charset=utf-8" if events else media_type(self._format),
            "cache-control": "no-cache",
            "myna-voice": quote(self._voice, safe="@"),
            "myna-job": str(self._job),
            **({"myna-ignored": ", ".join(ignored)} if ignored else {}),
        }
        return [(name.encode(), value.encode()) for name, value in named.items()]

    def _done(self) -> dict[str, object]:
        """The last event. Tokens are OpenAI's way to count; here a character is one, and a tenth of a second."""
        said, heard = len(self._wanted.spec.text), round(self._course.seconds * 10)
        usage = {"input_tokens": said, "output_tokens": heard, "total_tokens": said + heard}
        done: dict[str, object] = {"type": "speech.audio.done", "usage": usage}
        if self._wanted.times is not None:
            times = self._course.known(self._wanted.times)
            done["timestamps"] = [_stretch(times, one) for one in self._course.stretches(times)]
        return done


def _stretch(times: Times, one: Stretch) -> dict[str, object]:
    return {times.value: one.text, "start_time": round(one.start, 3), "end_time": round(one.end, 3)}


def _pieces(samples: bytes, rate: int) -> Iterator[bytes]:
    size = max(1, int(PIECE * rate)) * 4
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _of(scope: Scope, error: ClientError) -> Problem:
    """What a call for speech was refused with: what is not found then is the voice."""
    problem = said(scope, error)
    return replace(problem, code="voice_not_found", param="voice") if problem.status == 404 else problem


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}
