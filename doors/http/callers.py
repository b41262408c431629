"""Whose request it is. A person's token goes on to mynad, which knows it; whoever comes in by the door's own key, or
where none is needed, asks as the owner."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

from starlette.types import Scope

from doors.http.errors import CLOSE, Problem, Refused, of_mynad
from doors.voices import elsewhere
from proto.client import AsyncClient, ClientError

#: of a scope: a person's token, put there by the gate
TOKEN = "myna.token"
UNKNOWN = "The API key is missing or wrong. Send the token of this Myna as `Authorization: Bearer …`."


def person(scope: Scope) -> bool:
    """Whether a person's token came along."""
    return TOKEN in scope


def mynad_of(scope: Scope, mynad: AsyncClient) -> AsyncClient:
    """mynad, asked for whoever calls."""
    return mynad.bearing(scope[TOKEN]) if person(scope) else mynad


def unknown() -> Problem:
    """Of a key that opens nothing."""
    return Problem(401, UNKNOWN, "invalid_api_key", headers={"WWW-Authenticate": "Bearer", **CLOSE})


def problem(scope: Scope, error: ClientError) -> Problem:
    """What mynad said no with: to a person's token, or to the door's own."""
    return unknown() if person(scope) and error.code == "UNAUTHENTICATED" else of_mynad(error)


async def let_in(scope: Scope, mynad: AsyncClient) -> None:
    """Before anything that a person sends is read or kept: whether their token opens anything at all. The gate lets
    every one through that looks like a person's. Raises Refused."""
    if person(scope):
        try:
            await mynad_of(scope, mynad).people()
        except ClientError as error:
            raise Refused(problem(scope, error)) from None


async def others_of(scope: Scope, mynad: AsyncClient, others: Mapping[str, str]) -> Mapping[str, str]:
    """Other names of voices, for a person only of those that are there for them. Raises ClientError."""
    if not person(scope) or not others:
        return others
    async with aclosing(mynad_of(scope, mynad).voices()) as found:  # type: ignore[type-var]
        there = {voice.name async for voice in found}
    if any(map(elsewhere, others.values())):
        there |= {engine.name for engine in (await mynad_of(scope, mynad).info()).engines if engine.remote.open}
    return {other: voice for other, voice in others.items() if (elsewhere(voice) or voice.partition("@")[0]) in there}
