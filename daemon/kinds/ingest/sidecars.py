"""The transcripts that an ingest job was given, and which of them tells of a recording."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.inbox.subtitles import Cue
from daemon.inbox.transcripts import Metadata, metadata_of
from daemon.names import TEXT_ENDINGS, stem

#: Endings of a transcript beside its recording; the first that is there counts.
ENDINGS = tuple(ending for lower in TEXT_ENDINGS for ending in (lower, lower.upper()))


@dataclass(frozen=True)
class Sidecar:
    """A transcript in the plan, read once."""

    file: bytes
    text: str = ""
    metadata: Metadata | None = None
    cues: tuple[Cue, ...] = ()  #: when it is said, if it tells

    def text_of(self, recording: bytes) -> str | None:
        if self.metadata is None:
            return self.text
        return self.metadata.text_of(os.path.relpath(recording, os.path.dirname(self.file) or b"."))


class Sidecars:
    """Read before the first recording is taken."""

    def __init__(self) -> None:
        self._of_file: dict[bytes, Sidecar] = {}

    def __iter__(self) -> Iterator[Sidecar]:
        return iter(self._of_file.values())

    def add(self, sidecar: Sidecar) -> None:
        self._of_file[sidecar.file] = sidecar

    def of(self, recording: bytes) -> tuple[Sidecar, str] | None:
        """The transcript that tells of a recording, and its text."""
        for file in (*(stem(recording) + ending for ending in ENDINGS), *metadata_of(recording)):
            sidecar = self._of_file.get(file)
            if sidecar is not None and (text := sidecar.text_of(recording)) is not None:
                return sidecar, text
        return None
