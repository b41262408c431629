"""The routes of the HTTP door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from doors.http.callers import let_in, mynad_of, others_of, person, problem
from doors.http.errors import CLOSE, Problem, Refused
from doors.http.gate import Gate
from doors.http.openapi import description
from doors.http.speech import SpeechDoor
from doors.http.transcriptions import TranscriptionDoor
from doors.models import Models
from doors.settings import Http
from doors.voices import remote_voices
from proto import myna_pb2 as pb
from proto.client import AsyncClient, ClientError

log = logging.getLogger("doors.http")

HEALTH = 5.0  #: seconds mynad gets to say that it is there
NOT_HERE = "Translation is not offered here. POST /v1/audio/transcriptions writes down what is said."

Handler = Callable[[Request], Awaitable[Response]]


def application(mynad: AsyncClient, settings: Http) -> Starlette:
    """The door, for a server."""
    lists = _Lists(mynad, settings)
    routes = [
        Route("/v1/audio/speech", SpeechDoor(mynad, settings), methods=["POST"]),
        Route("/v1/audio/transcriptions", TranscriptionDoor(mynad), methods=["POST"]),
        Route("/v1/audio/translations", _not_here, methods=["POST"]),
        Route("/v1/audio/voices", _plainly(lists.voices)),
        Route("/v1/audio/models", _plainly(lists.audio_models)),
        Route("/v1/models", _plainly(lists.models)),
        Route("/v1/models/{name:path}", _plainly(lists.model)),
        Route("/healthz", _plainly(lists.health)),
        Route("/metrics", _plainly(lists.metrics)),
        Route("/openapi.json", _openapi),
    ]
    handlers: Any = {HTTPException: _http_error, Exception: _mistake}
    app = Starlette(routes=routes, middleware=[Middleware(Gate, settings=settings)], exception_handlers=handlers)
    app.router.redirect_slashes = False  # a slash too many is the gate's business
    return app


class _Lists:
    """What there is."""

    def __init__(self, mynad: AsyncClient, settings: Http) -> None:
        self._mynad = mynad
        self._others = settings.voices
        self._models = Models(mynad)

    async def voices(self, request: Request) -> Response:
        """As Open WebUI reads them: a list of id and name."""
        mynad = mynad_of(request.scope, self._mynad)
        async with aclosing(mynad.voices()) as found:  # type: ignore[type-var]
            rows = [voice async for voice in found]
        listed = [{"id": one.name, "name": _titled(one), "language": one.language} for one in rows]
        told = await (mynad.info() if person(request.scope) else self._models.info())
        listed += [{"id": name, "name": name} for name in remote_voices(told)]
        others = await others_of(request.scope, self._mynad, self._others)
        listed += [{"id": other, "name": f"{other} ({voice})"} for other, voice in others.items()]
        return JSONResponse({"voices": listed})

    async def audio_models(self, request: Request) -> Response:
        """As Open WebUI reads them."""
        return JSONResponse({"models": [{"id": name, "name": name} for name in await self._all(request)]})

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_model(name) for name in await self._all(request)]})

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in await self._all(request):
            return Problem(404, f"There is no model {name[:40]!r}.", "model_not_found", "model").answer()
        return JSONResponse(_model(name))

    async def _all(self, request: Request) -> list[str]:
        await let_in(request.scope, self._mynad)
        return await self._models.all()

    async def metrics(self, request: Request) -> Response:
        """For Prometheus; a person needs the right admin."""
        answer = await mynad_of(request.scope, self._mynad).metrics()
        return Response(answer.text, headers={"content-type": answer.content_type})

    async def health(self, _: Request) -> Response:
        async with asyncio.timeout(HEALTH):
            await self._mynad.wait_ready(0.0)
        return JSONResponse({"status": "ok"})


def _titled(voice: pb.Voice) -> str:
    return f"{voice.name} ({voice.language}, {voice.engine})"


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "myna"}


def _plainly(method: Handler) -> Handler:
    """What mynad says no to becomes an error object."""

    @wraps(method)
    async def answer(request: Request) -> Response:
        try:
            return await method(request)
        except ClientError as error:
            return problem(request.scope, error).answer()
        except Refused as refused:
            return refused.problem.answer()
        except TimeoutError:
            return Problem(503, "mynad does not answer.", "not_available").answer()

    return answer


async def _not_here(_: Request) -> Response:
    return Problem(501, NOT_HERE, "not_implemented", headers=CLOSE).answer()


async def _openapi(_: Request) -> Response:
    return JSONResponse(description())


async def _http_error(request: Request, error: HTTPException) -> Response:
    offered = (error.headers or {}).get("Allow", "")
    sentences = {
        404: "There is nothing at this address. GET /openapi.json lists what there is.",
        405: f"{request.method[:20]} is not taken at this address; {offered or 'another method'} is.",
    }
    said = sentences.get(error.status_code, f"{error.detail}.")
    return Problem(error.status_code, said, "not_found" if error.status_code == 404 else "invalid_request",
                   headers=dict(error.headers or {})).answer()  # fmt: skip


async def _mistake(_: Request, error: Exception) -> Response:
    return Problem(500, "This is a bug in Myna; its log has more.", "server_error").answer()
