"""What one request for speech is measured by."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from daemon.telemetry.meters import Meters
from proto import worker_pb2 as wire

SAMPLE = 4  #: bytes


class Said:
    """Made when speech is asked for; told of each chunk before it goes out. A context: what went out is counted at its
    end, also of speech that nobody heard to its end."""

    def __init__(self, meters: Meters, engine: str = "") -> None:
        self._meters = meters
        self.engine = engine
        self._asked = time.monotonic()
        self._sound = 0.0  #: seconds of it
        self._whole = False

    def chunk(self, audio: wire.Audio) -> None:
        if audio.samples and audio.sample_rate:
            if not self._sound:
                self._meters.first_sound(self.engine, time.monotonic() - self._asked)
            self._sound += len(audio.samples) / SAMPLE / audio.sample_rate
        self._whole = self._whole or audio.last

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._meters.spoke(self.engine, self._sound, time.monotonic() - self._asked, self._whole)
