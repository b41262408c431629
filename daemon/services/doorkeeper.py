"""What stands before every call: who calls, whether they may what they ask for, and what of the answer is theirs.

On the Unix socket without a token calls the workstation's owner: it has mode 0600 and lies in a folder of mode 0700,
so nobody else opens it (gRPC does not tell the other end's user). Over TCP the token of `token_file` is the owner's,
too. A person comes with a token of theirs, or with a client certificate of their name. A door that serves many passes
its caller's token on, beside its own (`proto.token.ON_BEHALF`). What an RPC takes: `daemon.services.access`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import ExitStack
from typing import Any

import grpc
import grpc.aio

from daemon import caller as callers
from daemon.caller import OWNER, Caller, Right
from daemon.database.models import now
from daemon.database.store import Store
from daemon.errors import MynaError
from daemon.idle.activity import Activity
from daemon.services import access, veil
from daemon.services.access import Rule
from daemon.services.directory import Directory, Still
from daemon.services.errors import abort
from daemon.services.gate import UNREADABLE
from daemon.services.open_calls import OpenCalls
from proto.token import ON_BEHALF

log = logging.getLogger("mynad")

#: Seconds between two lines of the log about callers who are let in by nothing.
QUIET = 60.0
#: What a token begins with in the metadata `authorization`.
BEARER = "Bearer"
#: What is said to whoever is not let in, whatever is wrong with what they gave.
WANTED = "This mynad wants a token. Give it with --token or MYNA_TOKEN."
#: Who calls is known when the call is there: a certificate tells.
UNTOLD = Caller("", Right.NONE)

Continue = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
Context = grpc.aio.ServicerContext[Any, Any]


class Doorkeeper:
    """Makes the interceptors of mynad's servers. `master`: the token of `token_file`; empty: there is none."""

    def __init__(self, master: str = "") -> None:
        self.directory = Directory(master)
        self.activity = Activity()
        self.open_calls = OpenCalls()
        self._store: Store | None = None

    def open(self, store: Store) -> None:
        """Before a server starts."""
        self._store = store
        self.directory.open(store)

    def at(self, *, socket: bool, token: bool = False) -> grpc.aio.ServerInterceptor:
        """The interceptor of the Unix socket's server, or of TCP's: there a token is needed, or else a certificate is
        the caller's."""
        return _Door(self, socket=socket, token=token)

    async def check(self, rule: Rule, request: Any) -> None:
        """As `access.check`, for the task's caller."""
        assert self._store is not None
        await self._store.read(access.check, rule, request)


class _Door(grpc.aio.ServerInterceptor):
    """Callers whose token opens nothing are refused before anything that they send is read: a stream's handler is
    called at once, a single request's only when all of the request is here."""

    def __init__(self, keeper: Doorkeeper, *, socket: bool, token: bool) -> None:
        self._keeper = keeper
        self._nobody = OWNER if socket else None if token else UNTOLD  #: who calls without a token; None: they may not
        self._handlers: dict[str, Any] = {}
        self._refused = 0  #: since the log's last line of it
        self._logged = float("-inf")  #: when that was, monotonic

    async def intercept_service(self, continuation: Continue, details: grpc.HandlerCallDetails) -> Any:
        caller = self._who(details.invocation_metadata or ())
        if caller is None:
            return grpc.stream_stream_rpc_method_handler(self.refuse)
        callers.begin(caller)
        self._keeper.activity.call(details.method)
        if caller.owner:
            return await continuation(details)
        if (handler := self._handlers.get(details.method)) is None:
            handler = await continuation(details)
            if handler is not None:
                handler = self._handlers[details.method] = Guard(self._keeper, self, details.method, handler).handler()
        return handler

    def _who(self, metadata: Iterable[tuple[str, str | bytes]]) -> Caller | None:
        """By their tokens; None: one of them opens nothing, or there is none where one is needed."""
        given = {key: _text(value) for key, value in metadata if key in ("authorization", ON_BEHALF)}
        own, other = given.get("authorization"), given.get(ON_BEHALF)
        caller = self._nobody
        if own is not None:
            kind, _, token = own.partition(" ")
            found = self._keeper.directory.by_token(token)
            caller = found if kind == BEARER else None
        if other is not None:
            behalf = self._keeper.directory.by_token(other)
            caller = behalf if caller is not None else None
        return caller

    async def refuse(self, _requests: Any, context: Context) -> None:
        """End the call of somebody who is not let in."""
        self._refused += 1
        if time.monotonic() - self._logged >= QUIET:
            log.warning(
                "Requests refused because of a wrong or missing token: %d so far, the last from %s",
                self._refused,
                context.peer(),
            )
            self._refused, self._logged = 0, time.monotonic()
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, WANTED)


class Guard:
    """Around an RPC's method, for callers who are not the owner."""

    def __init__(self, keeper: Doorkeeper, door: _Door, method: str, inner: Any) -> None:
        self._keeper = keeper
        self._door = door
        self._rpc = method.rpartition(".")[2].replace("/", ".")
        self._rule = access.of(method)
        self._inner = inner

    def handler(self) -> Any:
        """The handler in its place."""
        inner = self._inner
        asks, answers = ("stream" if flag else "unary" for flag in (inner.request_streaming, inner.response_streaming))
        make = getattr(grpc, f"{asks}_{answers}_rpc_method_handler")
        method = getattr(inner, f"{asks}_{answers}")
        call = self._stream(method) if inspect.isasyncgenfunction(method) else self._once(method)
        return make(call, inner.request_deserializer, inner.response_serializer)

    def _once(self, method: Any) -> Any:
        async def answer(request: Any, context: Context) -> Any:
            call = await self._begin(context)
            async with call:
                return veil.over(await method(await call.admitted(request), context), call.caller)

        return answer

    def _stream(self, method: Any) -> Any:
        async def answers(request: Any, context: Context) -> AsyncIterator[Any]:
            call = await self._begin(context)
            async with call:
                stream = method(await call.admitted(request), context)
                try:
                    async for message in stream:
                        await call.still()
                        yield veil.over(message, call.caller)
                finally:
                    await stream.aclose()

        return answers

    async def _begin(self, context: Context) -> Call:
        caller = callers.current()
        if caller is UNTOLD:
            names = list(context.auth_context().get("x509_common_name", ()))
            found = self._keeper.directory.by_name(b"".join(names[:1]).decode("utf-8", "replace"))
            if found is None:
                await self._door.refuse(None, context)
                raise AssertionError
            caller = found
            callers.begin(caller)
        return Call(self._keeper, caller, self._rpc, self._rule, context, streams=self._inner.request_streaming)


class Call:
    """One call. As a block: what came of it is written down, where it is an act, or was refused."""

    def __init__(
        self, keeper: Doorkeeper, caller: Caller, rpc: str, rule: Rule, context: Context, *, streams: bool
    ) -> None:
        self.caller = caller
        self._keeper = keeper
        self._rpc = rpc
        self._rule = rule
        self._context = context
        self._streams = streams
        self._generation = keeper.directory.generation
        self._about = ""
        self._admitted, self._refused = False, False
        self._asked: Any = None  #: what was let in
        self._open = ExitStack()  #: while it goes on

    async def admitted(self, request: Any) -> Any:
        """The request, or the stream of them, once the caller may ask it. Ends the call where they may not."""
        if self._streams:
            return self._each(request)
        await self._check(request)
        return request

    async def _each(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            await self.still()
            await self._check(request)
            yield request

    async def _check(self, request: Any) -> None:
        if self.caller.owner or request is UNREADABLE or self._rule is access.STANDARD:
            return
        if self._admitted and not getattr(request, "voice", ""):
            return  # a further part of what was let in
        self._about = access.named(self._rule, request) or self._about
        if self.caller.everything:
            return
        await self._hold_against_rule(request)
        self._admitted, self._asked = True, request

    async def _hold_against_rule(self, request: Any) -> None:
        try:
            await self._keeper.check(self._rule, request)
        except MynaError as error:
            self._refused = True
            await abort(self._context, error, self._rpc)

    async def still(self) -> None:
        """Ends the call of somebody who may not what they might when it began."""
        directory, until = self._keeper.directory, self.caller.expires
        if self._generation == directory.generation and (until is None or now() < until):
            return
        match directory.still(self.caller):
            case Still.OUT:
                await self._context.abort(grpc.StatusCode.UNAUTHENTICATED, WANTED)
            case Still.OTHER:  # our clients' watches ask again by themselves
                await self._context.abort(grpc.StatusCode.UNAVAILABLE, "What you may was changed. Ask again.")
        self._generation = directory.generation
        if self._asked is not None:  # what it is about may be shared no more
            await self._hold_against_rule(self._asked)

    async def __aenter__(self) -> None:
        if (what := self._rule.at_once) is None or self.caller.everything:
            return
        try:
            self._open.enter_context(self._keeper.open_calls.one(self.caller.name, what))
        except MynaError as error:
            self._keeper.directory.note(self.caller, self._rpc, "", "RESOURCE_EXHAUSTED")
            await abort(self._context, error, self._rpc)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._open.close()
        if not self.caller.owner and (self._rule.act or self._refused):
            self._keeper.directory.note(self.caller, self._rpc, self._about, self._outcome(kind))

    def _outcome(self, kind: type[BaseException] | None) -> str:
        if kind is None:
            return "OK"
        if issubclass(kind, grpc.aio.AbortError):
            code = self._context.code()
            return code.name if isinstance(code, grpc.StatusCode) else _CODES.get(code, "UNKNOWN")
        return "CANCELLED" if issubclass(kind, asyncio.CancelledError | GeneratorExit) else "INTERNAL"


#: gRPC's codes by number, as a call's context has them
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
