"""One piece of speech, while it comes and after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from proto import myna_pb2 as pb

SAMPLE = 4  #: bytes of a sample


@dataclass
class Track:
    """Little-endian float32 mono samples; one thread adds to them while another plays them."""

    rate: int = 0  #: Hz; 0: nothing came yet
    samples: bytearray = field(default_factory=bytearray)
    whole: bool = False  #: nothing more will come

    @property
    def frames(self) -> int:
        """Samples there are."""
        return len(self.samples) // SAMPLE

    @property
    def seconds(self) -> float:
        """How long it is, as far as it is there."""
        return self.frames / self.rate if self.rate else 0.0

    def add(self, samples: bytes, rate: int) -> None:
        """What came at `rate` Hz; the first sets the rate."""
        self.rate = self.rate or rate
        self.samples += samples

    async def fill(self, chunks: AsyncIterator[pb.AudioChunk]) -> None:
        """Add what comes, to its end; that the track is whole then is for the caller to say, who knows whether more
        comes."""
        async for chunk in chunks:
            self.add(chunk.samples, chunk.sample_rate)

    def read(self, start: int, count: int) -> bytes:
        """At most `count` samples from `start` on."""
        return bytes(self.samples[start * SAMPLE : (start + count) * SAMPLE])
