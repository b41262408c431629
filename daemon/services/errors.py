"""What a caller sees when something goes wrong: a gRPC status code and one plain sentence. Tracebacks go to mynad's own
log."""

from __future__ import annotations

import functools
import inspect
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from daemon.errors import MynaError, QuotaReached
from proto.channel import HINT_KEY, RETRY_KEY

log = logging.getLogger("mynad")
C = TypeVar("C")
#: characters of a message to a caller, at most: a person reads it, and gRPC's metadata holds 8 kB
LONGEST = 1_000


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: Exception, method: str) -> None:
    """End a call with an error: ours in its own words, another one as a mistake, which the log tells of."""
    if isinstance(error, MynaError):
        sentence, hint = _short(error.sentence), _short(error.hint)
        beside = [(HINT_KEY, hint.encode())] if hint else []  # apart from the sentence, for clients that show both
        if isinstance(error, QuotaReached):
            beside.append((RETRY_KEY, str(math.ceil(error.retry_after)).encode()))
        await context.abort(grpc.StatusCode[error.code], f"{sentence} {hint}".strip(), tuple(beside))
    log.exception("%s failed", method, exc_info=error)
    await context.abort(
        grpc.StatusCode.INTERNAL, "Myna made a mistake here. log/mynad.log in its home folder has the details."
    )


def _short(text: str) -> str:
    """No longer than half of what a message may be, with a space between the two."""
    return text if len(text) < LONGEST // 2 else text[: LONGEST // 2 - 2] + "…"


def unary(method: Callable[[Any, Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """Wrap a method that answers once."""

    @functools.wraps(method)
    async def wrapped(self: Any, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await method(self, request, context)
        except (grpc.aio.AbortError, grpc.aio.BaseError):
            raise
        except Exception as error:
            await abort(context, error, method.__qualname__)

    return wrapped


def streaming(method: Callable[[Any, Any, Any], AsyncIterator[Any]]) -> Callable[[Any, Any, Any], AsyncIterator[Any]]:
    """Wrap a method that answers with a stream."""

    @functools.wraps(method)
    async def wrapped(self: Any, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        answers = method(self, request, context)
        try:
            async for answer in answers:
                yield answer
        except (grpc.aio.AbortError, grpc.aio.BaseError):
            raise
        except Exception as error:
            await abort(context, error, method.__qualname__)
        finally:
            if inspect.isasyncgen(answers):
                await answers.aclose()

    return wrapped


def plain(service: type[C]) -> type[C]:
    """Class decorator: every public method of a servicer (named as in the .proto, with a capital) speaks plainly when
    it fails."""
    for name, method in list(vars(service).items()):
        if name[0].isupper():
            if inspect.isasyncgenfunction(method):
                setattr(service, name, streaming(method))
            elif inspect.iscoroutinefunction(method):
                setattr(service, name, unary(method))
    return service
