"""Who may ask: callers with the token, or with one of a person, which mynad looks at; without one, only those who name
this machine as itself (a web page elsewhere that has its own name lead here does not), and of web pages only the ones
that the settings name."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Mapping
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doors.http.callers import TOKEN, unknown
from doors.http.errors import CLOSE, Problem
from doors.http.pace import Pace
from doors.settings import Http
from proto.token import PREFIX

log = logging.getLogger("doors.http")

LARGEST_HEAD = 16_384  #: bytes (the server itself counts only what comes in pieces)
QUIET = 60.0  #: seconds between two lines of the log about callers without the token
#: what anybody may ask
OPEN = frozenset({"/healthz", "/openapi.json"})
#: … and where the settings say so
LISTS = frozenset({"/v1/audio/voices", "/v1/audio/models"})
ALLOWED = {"Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS", "Access-Control-Max-Age": "600"}
#: headers that a page may send where it does not say which it would (OpenAI's client has a dozen of its own)
USUAL = "Authorization, Content-Type"
#: … and read
SHOWN = "X-Request-Id, Retry-After, Myna-Voice, Myna-Job, Myna-Ignored, Myna-Trust"
#: a caller's own name of a request, or ours
REQUEST_ID = "X-Request-Id"
_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_NAMES = re.compile(r"[\w-]{1,64}( *, *[\w-]{1,64}){0,63}", re.ASCII)


class Gate:
    """Before every route."""

    def __init__(self, app: ASGIApp, settings: Http) -> None:
        self._app = app
        self._settings = settings
        self._pace = Pace(settings.requests_a_minute)
        self._expected = _digest(settings.token.encode())
        self._refused, self._logged = 0, float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        allowed = origin in self._settings.origins
        id = given if _ID.fullmatch(given := headers.get(REQUEST_ID, "")) else secrets.token_hex(12)
        send = _with({REQUEST_ID: id, **(_allowing(origin) if allowed else {})}, send)
        if scope["method"] == "OPTIONS" and allowed:
            await Response(status_code=204, headers={**ALLOWED, **_may_send(headers)})(scope, receive, send)
            return
        if len(scope["path"]) > 1:  # the same address with a slash behind it: nobody is sent elsewhere
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        problem = await self._pace.problem((scope.get("client") or ("",))[0]) or self._problem(
            scope, headers, origin, allowed
        )
        if problem is not None:
            await problem.answer()(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception:
            log.exception("The request %s failed: this is a bug in Myna", id)
            raise

    def _problem(self, scope: Scope, headers: Headers, origin: str, allowed: bool) -> Problem | None:
        path = scope["path"]
        if len(path) + sum(len(name) + len(value) for name, value in headers.raw) > LARGEST_HEAD:
            sentence = f"The address and the headers have more than {LARGEST_HEAD:,} bytes."
            return Problem(431, sentence, "too_large", headers=CLOSE)
        kind, _, given = headers.get("authorization", "").partition(" ")
        given = given.strip()
        right = hmac.compare_digest(_digest(given.encode("utf-8", "replace")), self._expected)
        if kind.lower() == "bearer" and given.startswith(PREFIX) and not right:
            scope[TOKEN] = given  # mynad knows whether it opens, and what
            return None
        if path in OPEN or (path in LISTS and self._settings.voices_without_key):
            return None
        if self._settings.token:
            if right and kind.lower() == "bearer":
                return None
            self._tell()
            return unknown()
        if origin and not allowed:
            sentence = f"Web pages of {origin[:100]!r} may not ask here. Name it in origins, in [http] of myna.toml."
            return Problem(403, sentence, "origin_not_allowed", headers=CLOSE)
        if not _is_here(headers.get("host", "")):
            sentence = "Without a token, only requests to localhost are answered. Set token_file in myna.toml."
            return Problem(403, sentence, "host_not_allowed", headers=CLOSE)
        return None

    def _tell(self) -> None:
        self._refused += 1
        if time.monotonic() - self._logged >= QUIET:
            log.warning("Requests refused because of a wrong or missing token: %d so far", self._refused)
            self._refused, self._logged = 0, time.monotonic()


def _digest(token: bytes) -> bytes:
    """Of one length, whatever is given: comparing takes the same time."""
    return hashlib.sha256(token).digest()


def _is_here(host: str) -> bool:
    """Does a Host header name this machine as itself?"""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    name = name.strip("[]").lower().rstrip(".")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _allowing(origin: str) -> Mapping[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": SHOWN, "Vary": "Origin"}


def _may_send(headers: Headers) -> Mapping[str, str]:
    """Whatever headers the page asks for: whether it may ask at all is decided by its origin."""
    wanted = headers.get("access-control-request-headers", "")
    return {"Access-Control-Allow-Headers": wanted if _NAMES.fullmatch(wanted) else USUAL}


def _with(headers: Mapping[str, str], send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            more = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sent
