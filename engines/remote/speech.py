"""Speech by a provider: the text in whole sentences, each piece as sound goes on as it comes, and kept for the next
time."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines import interruption
from engines.base import AudioChunk, Clip, EngineInfo, Model, SpeechRequest
from engines.errors import EngineError
from engines.remote import access as accesses
from engines.remote import key as keys
from engines.remote import text
from engines.remote.access import Access
from engines.remote.cache import Cache
from engines.remote.pieces import kept_key, pieces
from engines.remote.providers import RATE, Provider
from engines.remote.transfer import Call, Line
from engines.remote.trouble import Trouble
from engines.text.unspeakable import Stretch

WIDTH = 2  #: bytes of a sample
BLOCK = RATE // 10 * WIDTH  #: bytes that go on together after the first
#: Seconds of sound that a piece may have, and more for each of its characters: a server that never ends is no provider.
MOST, MOST_EACH = 60.0, 1.0
#: How files begin that are no bare samples: servers of one's own may not know the format that is asked for.
_FILES = {b"RIFF": "a WAV file", b"ID3": "an MP3 file", b"OggS": "an Ogg file", b"fLaC": "a FLAC file"}


class Way(Protocol):
    """How one provider is asked."""

    provider: Provider

    def call(self, access: Access, key: str, text: str, request: SpeechRequest) -> Call:
        """A request for raw samples (`RATE` Hz, 16 bits, mono) of the text. `key`: empty where there is none."""
        ...

    def trouble(self, status: int, body: bytes, key: str) -> Trouble:
        """What an answer means that is not 200."""
        ...


@dataclass(frozen=True)
class RemoteVoice:
    """A voice of a provider, as a model."""

    access: Access
    module: None = None


class RemoteEngine:
    """Any provider as an engine."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self.info: EngineInfo = way.provider.info

    def base_dir(self) -> None:
        """Nothing of it is here."""

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> RemoteVoice:
        """The voice that `engines.remote.access` names."""
        return RemoteVoice(accesses.current())

    def unspeakable(self, said: str, language: str) -> tuple[Stretch, ...]:
        return text.unspeakable(said, language)

    def speak(self, model: Model, request: SpeechRequest) -> Iterator[AudioChunk]:
        assert isinstance(model, RemoteVoice)
        access = model.access
        cache = Cache(access.cache, access.cache_bytes)
        with Line(self.info.name, access.base_url) as line:
            for index, piece in enumerate(pieces(request, self._way.provider.longest)):
                with closing(self._piece(access, cache, line, piece, request)) as sound:
                    for samples in sound:
                        yield AudioChunk(samples, RATE, index, piece)

    def _piece(
        self, access: Access, cache: Cache, line: Line, piece: str, request: SpeechRequest
    ) -> Generator[NDArray[np.float32]]:
        """Sound of one piece of the text."""
        provider = self._way.provider
        kept_as = kept_key(provider, access, piece, request)
        kept = cache.get(kept_as)
        if kept is not None:
            access.save(provider.billed(piece))
            for start in range(0, len(kept), 10 * BLOCK):
                interruption.check()
                yield _samples(kept[start : start + 10 * BLOCK])
            return
        access.may_send(provider.billed(piece))
        key = keys.read(access.key_file) if access.key_file is not None else ""
        call = self._way.call(access, key, piece, request)
        answer = line.sound(
            call,
            lambda status, body: self._way.trouble(status, body, key),
            lambda: access.charge(provider.billed(piece)),
        )
        whole = bytearray()
        with closing(answer):
            for block in self._blocks(answer, piece):
                whole += block
                yield _samples(block)
        if not whole:
            raise EngineError(f"{self.info.name} answered with no sound.", "Try another text or voice.")
        cache.put(kept_as, bytes(whole))

    def _blocks(self, answer: Iterator[bytes], piece: str) -> Iterator[bytes]:
        """Whole samples: the first as soon as they are there."""
        waiting, size = bytearray(), 0
        most = int((MOST + MOST_EACH * len(piece)) * RATE * WIDTH)
        for more in answer:
            waiting += more
            if not size:
                if len(waiting) < 4:
                    continue
                _check_bare(self.info.name, bytes(waiting[:4]))
            if size and len(waiting) < BLOCK:
                continue
            whole = len(waiting) // WIDTH * WIDTH
            size += whole
            if size > most:
                raise EngineError(
                    f"{self.info.name} did not stop speaking “{piece[:40]}”.", "Ask again, or another voice."
                )
            yield bytes(waiting[:whole])
            del waiting[:whole]
        if rest := bytes(waiting[: len(waiting) // WIDTH * WIDTH]):
            yield rest


def _samples(block: bytes) -> NDArray[np.float32]:
    return np.frombuffer(block[: len(block) // WIDTH * WIDTH], "<i2").astype(np.float32) / np.float32(32_768)


def _check_bare(name: str, start: bytes) -> None:
    """Raises EngineError where a file came in place of samples."""
    found = next((what for begins, what in _FILES.items() if start.startswith(begins)), "")
    if not found and start[:1] in b"{<" and start[1:].isascii() and start[1:].decode().isprintable():
        found = "a text"
    if found:
        raise EngineError(
            f"{name} answered with {found} and not with bare samples.",
            f"base_url of [remote.{name}] must lead to a server that knows the format pcm.",
        )
