"""POST /v1/audio/transcriptions: a sound file goes to mynad, and what is heard in it comes back in OpenAI's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from doors.http import subtitles
from doors.http.body import Gone, hung_up
from doors.http.callers import let_in, mynad_of
from doors.http.callers import problem as said
from doors.http.errors import CLOSE, Problem, Refused, wrong
from doors.http.room import Room
from doors.http.subtitles import Stretch, Subtitles
from proto import myna_pb2 as pb
from proto.client import AsyncClient, ClientError

LARGEST = 25 * 1_048_576  #: bytes of a file, as OpenAI has it
REST = 65_536  #: bytes of each other field, and of what stands between them
FIELDS = 50
PATIENCE = 120.0  #: seconds in which all of it must come
MOST = 8  #: files that are heard or wait at once
PART = 262_144  #: bytes of a file in one message to mynad
WEAK = "pocketsphinx"  #: the recogniser whose words are not to be relied on
#: What stands for the recogniser that the site has: ours, and what programs send that were written for OpenAI.
ANY = ("whisper-1", "whisper", "myna", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")


class Shape(StrEnum):
    """How the answer is written."""

    JSON = "json"
    VERBOSE = "verbose_json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    file: BinaryIO
    spec: pb.TranscribeSpec
    shape: Shape


class TranscriptionDoor:
    """The route, as an ASGI application."""

    def __init__(self, mynad: AsyncClient) -> None:
        self._mynad = mynad
        self._room = Room(MOST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await let_in(scope, self._mynad)
            with self._room.place():
                async with _form(scope, receive) as form:
                    wanted = _wanted(form)
                    answer = written(wanted, await self._heard(wanted, scope, receive))
        except Gone:
            return
        except Refused as refused:
            answer = refused.problem.answer()
        await answer(scope, receive, send)

    async def _heard(self, wanted: Wanted, scope: Scope, receive: Receive) -> pb.Transcript:
        """What mynad hears. Raises Refused, and Gone when the caller goes away first: that ends its job."""
        gone = asyncio.create_task(hung_up(receive))
        work = asyncio.create_task(mynad_of(scope, self._mynad).transcribe(_parts(wanted)))
        try:
            await asyncio.wait((gone, work), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Gone
            return await work
        except ClientError as error:
            raise Refused(said(scope, error)) from None
        finally:
            for task in (gone, work):
                task.cancel()
                with suppress(asyncio.CancelledError, ClientError):
                    await task


@asynccontextmanager
async def _form(scope: Scope, receive: Receive) -> AsyncIterator[FormData]:
    """The fields of a request; its file lies on the disk if it is large. Raises Refused, Gone."""
    left = LARGEST + FIELDS * 1_024 + REST

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise Refused(Problem(413, f"A file has at most {LARGEST:,} bytes.", "too_large", "file", headers=CLOSE))
        return message

    request = Request(scope, counted)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        sentence = "The body must be a form (multipart/form-data) with the sound in `file`."
        raise Refused(Problem(400, sentence, "invalid_form", headers=CLOSE))
    try:
        async with asyncio.timeout(PATIENCE):
            form = await request.form(max_files=1, max_fields=FIELDS, max_part_size=REST)
    except TimeoutError:
        raise Refused(Problem(408, f"The body did not come within {PATIENCE:.0f} s.", "too_slow", headers=CLOSE)) from (
            None
        )
    except ClientDisconnect:
        raise Gone from None
    except (HTTPException, MultiPartException, ValueError, KeyError) as error:
        why = error.detail if isinstance(error, HTTPException) else "it is no form"
        raise Refused(Problem(400, f"The form cannot be read: {why}", "invalid_form", headers=CLOSE)) from None
    try:
        yield form
    finally:
        await form.close()


def _wanted(form: FormData) -> Wanted:
    """Raises Refused."""
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise wrong("file", "file is missing: send the sound as a file.", "missing_required_parameter")
    if not file.size:
        raise wrong("file", "file is empty.")
    shape = _text(form, "response_format") or Shape.JSON.value
    if shape not in set(Shape):
        raise wrong("response_format", f"response_format must be one of: {', '.join(Shape)}.")
    grains = [one for name in ("timestamp_granularities[]", "timestamp_granularities") for one in form.getlist(name)]
    if any(one not in ("word", "segment") for one in grains):
        raise wrong("timestamp_granularities", "timestamp_granularities[] must be word or segment.")
    spec = pb.TranscribeSpec(
        language=_text(form, "language"),
        words="word" in grains,
        prompt=_text(form, "prompt"),
        temperature=_temperature(form),
        recogniser=_recogniser(_text(form, "model")),
    )
    return Wanted(file.file, spec, Shape(shape))


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    if not isinstance(value, str):
        raise wrong(name, f"{name} must be a text.", "invalid_type")
    if "\0" in value or any(0xD800 <= ord(one) < 0xE000 for one in value):
        raise wrong(name, f"{name} holds what is no character.")
    return value.strip()


def _temperature(form: FormData) -> float:
    try:
        value = float(_text(form, "temperature") or 0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise wrong("temperature", "temperature must be a number from 0 to 1.")
    return value


def _recogniser(model: str) -> str:
    """The recogniser that a model's name means; empty: the site's. Raises Refused."""
    if model in ("", *ANY) or model.startswith(("gpt-4o-transcribe-", "gpt-4o-mini-transcribe-")):
        return ""
    if model == WEAK:
        return WEAK
    sentence = f"There is no model {model[:40]!r} that hears. There are: {', '.join((*ANY, WEAK))}."
    raise Refused(Problem(404, sentence, "model_not_found", "model"))


def _parts(wanted: Wanted) -> Iterator[pb.TranscribePart]:
    wanted.file.seek(0)
    yield pb.TranscribePart(spec=wanted.spec)
    while data := wanted.file.read(PART):
        yield pb.TranscribePart(data=data)


def written(wanted: Wanted, heard: pb.Transcript) -> Response:
    """The answer. What is not to be relied on says so, in a header and in JSON."""
    headers = {"Myna-Recogniser": heard.recogniser, **({"Myna-Trust": "low"} if heard.low_trust else {})}
    weak = {"trust": "low"} if heard.low_trust else {}
    match wanted.shape:
        case Shape.JSON:
            return JSONResponse({"text": heard.text, **weak}, headers=headers)
        case Shape.VERBOSE:
            return JSONResponse({**_verbose(wanted, heard), **weak}, headers=headers)
        case Shape.TEXT:
            return Response(f"{heard.text}\n", media_type="text/plain; charset=utf-8", headers=headers)
    format = Subtitles(wanted.shape.value)
    stretches = [Stretch(one.text, one.start, one.end) for one in _cues(wanted, heard)]
    return Response(subtitles.written(format, stretches), media_type=subtitles.media_type(format), headers=headers)


def _cues(wanted: Wanted, heard: pb.Transcript) -> Iterator[pb.HeardSegment | pb.WordTime]:
    """What a subtitle is of: a word, where times of words were asked for and there are some."""
    for segment in heard.segments:
        if wanted.spec.words and segment.words:
            yield from segment.words
        else:
            yield segment


def _verbose(wanted: Wanted, heard: pb.Transcript) -> dict[str, object]:
    segments = [
        {
            "id": number,
            "seek": 0,
            "start": round(one.start, 3),
            "end": round(one.end, 3),
            "text": one.text,
            "tokens": [],
            "temperature": wanted.spec.temperature,
            "avg_logprob": one.mean_log_probability,
            "compression_ratio": one.compression_ratio,
            "no_speech_prob": one.no_speech_probability,
        }
        for number, one in enumerate(heard.segments)
    ]
    words = [
        {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
        for segment in heard.segments
        for word in segment.words
    ]
    return {
        "task": "transcribe",
        "language": heard.language,
        "duration": round(heard.seconds, 3),
        "text": heard.text,
        "segments": segments,
        **({"words": words} if wanted.spec.words else {}),
    }
