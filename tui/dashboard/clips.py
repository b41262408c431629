"""The clips of a voice or of one of its datasets: fetched page by page, filtered, counted; and what a person changed,
to be undone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field

from proto import myna_pb2 as pb
from proto.client_async import AsyncClient
from tui import wording

ALL = 0  #: in place of a dataset's number: every clip there is, the dropped ones too
PERSON = "person"  #: `Clip.trust` of what a person has decided
PAGE = 1_000  #: clips between two looks while many come


@dataclass(frozen=True)
class Totals:
    """What a list of clips adds up to."""

    training: int = 0
    training_seconds: float = 0.0
    held_out: int = 0
    held_out_seconds: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)  #: by reason

    def sentence(self) -> str:
        """ "9,812 train (9 h 12 min) · 98 held out · 190 dropped: 170 too-short, 20 noisy"."""
        parts = [f"{self.training:,} train ({wording.duration(self.training_seconds)})", f"{self.held_out:,} held out"]
        if self.dropped:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in self.dropped.most_common())
            parts.append(f"{self.dropped.total():,} dropped: {reasons}")
        return " · ".join(parts)


def key(clip: pb.Clip) -> Hashable:
    """What makes a row that clip and no other (a dropped one may have no sound of its own)."""
    return clip.recording, clip.start, clip.end


def seconds(clip: pb.Clip) -> float:
    return clip.end - clip.start


def use(clip: pb.Clip) -> str:
    """What becomes of it: "train", "held out", or why it was dropped."""
    if clip.kept:
        return "held out" if clip.held_out else "train"
    return f"✗ {clip.reason or 'dropped'}"


def why(clip: pb.Clip) -> str:
    """What is doubted of it the most, and how much else there is: "text hardly fits +1"."""
    more = f" +{len(clip.doubts) - 1}" if len(clip.doubts) > 1 else ""
    return (clip.doubts[0].title if clip.doubts else "") + more


def quality(clip: pb.Clip, name: str) -> float:
    """One of its numbers; NaN when it was not measured."""
    return clip.quality.get(name, math.nan)


def matches(clip: pb.Clip, words: Iterable[str]) -> bool:
    """Does it hold all these words (small letters) in its text, its file's name, or what became of it?"""
    hay = f"{clip.text} {clip.recording_name} {use(clip)} {clip.sentence} {clip.text_source} {clip.trust}"
    hay = f"{hay} {' '.join(doubt.title for doubt in clip.doubts)}".lower()
    return all(word in hay for word in words)


def totals(clips: Iterable[pb.Clip]) -> Totals:
    """Add them up."""
    training = held = 0
    training_seconds = held_seconds = 0.0
    dropped: Counter[str] = Counter()
    for clip in clips:
        if not clip.kept:
            dropped[clip.reason or "dropped"] += 1
        elif clip.held_out:
            held, held_seconds = held + 1, held_seconds + seconds(clip)
        else:
            training, training_seconds = training + 1, training_seconds + seconds(clip)
    return Totals(training, training_seconds, held, held_seconds, dropped)


async def fetched(client: AsyncClient, voice: str, number: int) -> AsyncIterator[list[pb.Clip]]:
    """The clips so far, again and again while they come: soon after the first page, then at every thousand, at the end
    all."""
    rows: list[pb.Clip] = []
    yielded = 0
    async for clip in client.clips(voice, number, dropped=True):
        rows.append(clip)
        if len(rows) == 200 or len(rows) - yielded >= 2 * PAGE:
            yielded = len(rows)
            yield list(rows)
    yield rows


def without(rows: Iterable[pb.Clip], clip: pb.Clip) -> list[pb.Clip]:
    """The rows without those of that sound."""
    return [row for row in rows if row.sha256 != clip.sha256]


def changed(rows: Iterable[pb.Clip], new: pb.Clip) -> list[pb.Clip]:
    """The rows with what a person said of one of them: equal sounds change together."""
    updated = []
    for row in rows:
        if row.sha256 == new.sha256 and row.sha256:
            other = pb.Clip()
            other.CopyFrom(row)
            other.text, other.text_source, other.trust = new.text, new.text_source, new.trust
            other.kept, other.reason, other.sentence = new.kept, new.reason, new.sentence
            updated.append(other)
        else:
            updated.append(row)
    return updated


@dataclass(frozen=True)
class Done:
    """Something a person did, and how it is undone."""

    what: str  #: "the text of this clip", for "Undone: …"
    undo: Callable[[], Awaitable[None]]
