"""Lines that a voice elsewhere says to be compared: a pause waits until a line was said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from inbox_workshop import InProcessChannel

from daemon.database.store import Store
from daemon.worker import spoken
from daemon.worker.spoken import Speaker
from engines import registry
from engines.base import AudioChunk, SpeechRequest

pytestmark = pytest.mark.integration
PIECES = 3


class Asked(InProcessChannel):
    """Notes what it was asked, and when."""

    def __init__(self, store: Store, home: Path) -> None:
        super().__init__(store, home, 1)
        self.story: list[str] = []

    def check(self) -> None:
        self.story.append("may wait")


def test_between_pieces_of_a_line_elsewhere_nobody_waits(store: Store, tmp_path: Path) -> None:
    channel = Asked(store, tmp_path)

    def speak(_model: object, request: SpeechRequest) -> Iterator[AudioChunk]:
        for _ in range(PIECES):
            channel.story.append("piece")
            yield AudioChunk(np.zeros(2_400, np.float32), 24_000, 0, request.text)

    engine = cast(Any, SimpleNamespace(info=registry.info("glow"), unspeakable=lambda *_: (), speak=speak))
    who = Speaker("openai:alloy", tmp_path / "samples", None, "x", "openai:alloy")
    lines = [spoken.unrecorded("Good morning.", "en")]

    def say(**more: Any) -> None:
        spoken.speak_all(engine, lambda: cast(Any, object()), who, lines, channel, lambda: None, **more)

    say(within=lambda: channel.story.append("ends only"))
    assert channel.story == ["may wait", *["piece", "ends only"] * PIECES]
    channel.story.clear()
    say(take=1)
    assert channel.story == ["may wait", *["piece", "may wait"] * PIECES]
