"""Who speaks in a voice's recordings, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import output, wording

#: How the voice's own speaker was told, for people.
BY: Mapping[int, str] = {
    pb.OWN_SPEAKER_ALONE: "who says most in recordings of one speaker",
    pb.OWN_SPEAKER_BARELY: "a guess: who says most in recordings of one speaker, though not by much",
    pb.OWN_SPEAKER_MOST: "a guess: who says most, for every recording has several speakers",
    pb.OWN_SPEAKER_PERSON: "as you said",
}
NEWER = "by a newer Myna"
#: How it was told where it may well be wrong.
GUESSED = frozenset((pb.OWN_SPEAKER_BARELY, pb.OWN_SPEAKER_MOST))
#: What follows from taking back what a person said.
TAKEN_BACK = (
    "It is told from the recordings again: whoever says most in recordings of one speaker. What others say is left out "
    "of the next dataset. Nothing is deleted."
)


def doubtful(found: pb.SpeakersReply) -> bool:
    """Whether a person should look: whose voice it is was guessed, or is not whose they said."""
    return found.missing or (found.by in GUESSED and len(found.speakers) > 1)


def whose(found: pb.SpeakersReply, number: int) -> str:
    """What the one with that number, counted from 1, is to the voice."""
    return "the voice's own" if number == 1 else "kept, too" if found.everybody else "left out"


def told(found: pb.SpeakersReply) -> str:
    """How the voice's own speaker was told, in sentences."""
    if not found.speakers:
        return f"{found.voice} has too few clips to tell whose voices are in them."
    missing = "Whom you called the voice's own is not heard in the recordings. " if found.missing else ""
    if len(found.speakers) == 1:
        return f"{missing}Nobody else can be told apart in {found.voice}'s recordings."
    return f"{missing}How the voice's own is told: {BY.get(found.by, NEWER)}."


def in_short(found: pb.SpeakersReply) -> str:
    """That several speak, in half a line; empty: nothing is to be told."""
    people = len(found.speakers)
    if found.missing:
        return f"{wording.count(people, 'speaker')}; whom you called {found.voice}'s own is not heard"
    if people < 2:
        return ""
    how = "whose voice it is was guessed" if found.by in GUESSED else f"{people - 1} left out"
    return f"{people} speakers, {how}"


def consequence(found: pb.SpeakersReply, number: int) -> str:
    """What follows from saying that the voice is that of the one with that number, counted from 1."""
    if found.everybody:
        return f"All are kept all the same: other_speaker is 0 in {found.voice}'s voice.toml."
    kept = found.speakers[number - 1]
    others = [one for place, one in enumerate(found.speakers, 1) if place != number]
    return (
        f"The next dataset has what they say ({_amount([kept])}). What others say ({_amount(others)}) is left out, "
        "and so is what is recorded of them later. Nothing is deleted, what you said of single clips stands, and you "
        "can take it back."
    )


def _amount(speakers: Sequence[pb.Speaker]) -> str:
    clips, seconds = sum(one.clips for one in speakers), sum(one.seconds for one in speakers)
    return f"{wording.count(clips, 'clip')}, {wording.duration(seconds)}"


def example(found: pb.SpeakersReply, number: int) -> str:
    """A clip of the one with that number, counted from 1: its SHA-256. Raises ClientError."""
    if number <= len(found.speakers) and (sha256 := found.speakers[number - 1].example.sha256):
        return sha256
    there = wording.count(len(found.speakers), "speaker")
    raise ClientError(
        f"{found.voice} has no speaker {number}: {there} can be told apart in its recordings.",
        f"`myna datasets speakers {found.voice}` lists them.",
        "NOT_FOUND",
    )


def show(found: pb.SpeakersReply) -> None:
    """For a person."""
    rows = [
        (
            number,
            whose(found, number),
            one.clips,
            wording.duration(one.seconds),
            one.recordings,
            f"{one.likeness:.2f}",
            one.example.sha256[:12],
            wording.origin(one.example),
        )
        for number, one in enumerate(found.speakers, 1)
    ]
    output.table(
        ("speaker", "whose", "clips", "length", "recordings", "speaker similarity", "a clip", "from"), rows, told(found)
    )
    if not rows:
        return
    output.line(output.safe(told(found)))
    if len(rows) > 1:
        output.line(output.safe(f"Is it another one? `myna datasets speakers {found.voice} --own N` says so."))


def numbers(found: pb.SpeakersReply) -> dict[str, Any]:
    """For a report's JSON: the speakers, the voice's own first, how it was told ("alone", "barely", "most", "person";
    empty where nobody was, or by a newer Myna), and whether whom a person chose is not heard, and others are kept."""
    return {
        "speakers": [
            {
                "clips": one.clips,
                "seconds": one.seconds,
                "recordings": one.recordings,
                "seconds_alone": one.alone_seconds,
                "similarity": one.likeness,
                "example": one.example.sha256,
            }
            for one in found.speakers
        ],
        "own_speaker_by": (
            pb.OwnSpeakerBy.Name(found.by).removeprefix("OWN_SPEAKER_").lower() if found.by in BY else ""
        ),
        "own_speaker_missing": found.missing,
        "others_kept": found.everybody,
    }


def section(report: dict[str, Any], voice: str) -> list[str]:
    """Lines of a report's page; none where nobody can be told from others."""
    if len(report["speakers"]) < 2:
        return []
    how = report["own_speaker_by"]
    by = BY[pb.OwnSpeakerBy.Value(f"OWN_SPEAKER_{how.upper()}")] if how else NEWER
    missing = " Whom a person called the voice's own is not heard in them." if report["own_speaker_missing"] else ""
    others = "kept, too" if report["others_kept"] else "left out"
    return [
        "",
        "## Speakers",
        "",
        f"{len(report['speakers'])} people speak in the recordings as they are now.{missing} The voice's own is the "
        f"first: {by}. Others are {others}; `myna datasets speakers {voice} --own N` chooses another one.",
        "",
        "| speaker | clips | length | recordings | speaker similarity to the voice's own |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {number} | {one['clips']} | {wording.duration(one['seconds'])} | {one['recordings']} | "
            f"{one['similarity']:.2f} |"
            for number, one in enumerate(report["speakers"], 1)
        ),
    ]
