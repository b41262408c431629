"""The names of all voices and versions, as a person writes them."""

from __future__ import annotations

from collections.abc import Iterable

from proto.client_async import AsyncClient


async def known_names(client: AsyncClient, voices: Iterable[str]) -> list[str]:
    """The voices first (each: the version that speaks now), then their versions, newest first, and their bases."""
    every = sorted(voices)
    versions = []
    for voice in every:
        versions += [f"{voice}@{version.number}" async for version in client.versions(voice)]
        versions.append(f"{voice}@base")
    return every + versions
