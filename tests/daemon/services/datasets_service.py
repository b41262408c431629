"""The Datasets service over a real store, called without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

from calls import Call

from daemon.kinds.lifecycle import Lifecycle
from daemon.kinds.registry import Kinds
from daemon.services.datasets import DatasetsService


class Nudged:
    """An inbox that remembers whose clips were changed."""

    def __init__(self) -> None:
        self.voices: list[str] = []

    def nudge(self, voice: str) -> None:
        self.voices.append(voice)


def service_of(daemon: Any) -> DatasetsService:
    hub: Any = None  # nobody waits for jobs here
    lifecycle = Lifecycle(Kinds(daemon.home, daemon.settings))
    return DatasetsService(daemon.home, daemon.settings, daemon.store, daemon.inbox, lifecycle, hub)


def ask(method: Any, request: object) -> Any:
    """The answer of a method, or all of a stream's."""

    async def call() -> Any:
        answer = method(request, Call())
        return [one async for one in answer] if hasattr(answer, "__aiter__") else await answer

    return asyncio.run(call())
