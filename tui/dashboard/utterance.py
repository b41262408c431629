"""A text being spoken, or that was: what was asked for, the sound as it comes, and what became of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.client_async import AsyncClient
from tui.track import Track

State = Literal["speaking", "whole", "cancelled", "failed"]
SEEDS = 1 << 31  #: seeds that we choose are below this: short enough to be read and typed


@dataclass
class Utterance:
    """Its spec always holds a seed, so that it can be spoken again, sample for sample."""

    spec: pb.SpeakSpec
    track: Track = field(default_factory=Track)
    state: State = "speaking"
    version: str = ""  #: who speaks, "anna@7"; known with the first chunk
    job: int = 0  #: known with the first chunk, which comes before any sound
    sentence: str = ""  #: what is being spoken now
    left_out: list[str] = field(default_factory=list)  #: what of the text the engine cannot say
    first_sound: float = 0.0  #: seconds from asking to the first sound; 0: none yet
    problem: ClientError | None = None

    def __post_init__(self) -> None:
        if not self.spec.HasField("seed"):
            self.spec.seed = new_seed()

    async def speak(self, client: AsyncClient) -> AsyncIterator[None]:
        """Let the daemon speak it; one step for each chunk that came. Closing the iterator cancels the job.

        Raises what went wrong as ClientError, after noting it.
        """
        began = time.monotonic()
        try:
            async with aclosing(client.synthesize(self.spec)) as chunks:  # type: ignore[type-var]  # an async generator
                async for chunk in chunks:
                    self.version = self.version or chunk.version
                    self.job = self.job or chunk.job
                    self.sentence = chunk.text or self.sentence
                    self.left_out += chunk.left_out
                    if chunk.samples:
                        self.first_sound = self.first_sound or time.monotonic() - began
                        self.track.add(chunk.samples, chunk.sample_rate)
                    yield
            if not self.track.frames:
                raise ClientError("The voice said nothing.", "Its job on the screen Now says why.", "ABORTED")
            self.state = "whole"
        except ClientError as problem:
            self.state, self.problem = "failed", problem
            raise
        finally:
            if self.state == "speaking":
                self.state = "cancelled"
            self.track.whole = True


def new_seed() -> int:
    """A seed that nobody chose."""
    return secrets.randbelow(SEEDS)


def again(before: pb.SpeakSpec, *, seed: int | None = None) -> Utterance:
    """The same words once more, with this seed, or the same."""
    spec = pb.SpeakSpec()
    spec.CopyFrom(before)
    if seed is not None:
        spec.seed = seed
    return Utterance(spec)
