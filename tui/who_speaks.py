"""Who speaks in a voice's recordings, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proto import myna_pb2 as pb
from proto.client import ClientError
from tui import output, wording

#: How the voice's own speaker was told, for people.
BY: Mapping[int, str] = {
    pb.OWN_SPEAKER_ALONE: "who says most in recordings of one speaker",
    pb.OWN_SPEAKER_MOST: "a guess: who says most, for every recording has several speakers",
    pb.OWN_SPEAKER_PERSON: "as you said",
}


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
    nobody = f"{found.voice} has too few clips to tell whose voices are in them."
    rows = [
        (
            number,
            "the voice's own" if number == 1 else "left out",
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
        ("speaker", "whose", "clips", "length", "recordings", "speaker similarity", "a clip", "from"), rows, nobody
    )
    if not rows:
        return
    output.line(output.safe(f"How the voice's own is told: {BY.get(found.by, 'by a newer Myna')}."))
    if len(rows) > 1:
        output.line(output.safe(f"Is it another one? `myna datasets speakers {found.voice} --own N` says so."))


def numbers(found: pb.SpeakersReply) -> dict[str, Any]:
    """For a report's JSON: the speakers, the voice's own first, and how it was told ("alone", "most", "person")."""
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
        "own_speaker_by": pb.OwnSpeakerBy.Name(found.by).removeprefix("OWN_SPEAKER_").lower() if found.by else "",
    }


def section(report: dict[str, Any], voice: str) -> list[str]:
    """Lines of a report's page; none where nobody can be told from others."""
    if len(report["speakers"]) < 2:
        return []
    by = BY[pb.OwnSpeakerBy.Value(f"OWN_SPEAKER_{report['own_speaker_by'].upper()}")]
    return [
        "",
        "## Speakers",
        "",
        f"{len(report['speakers'])} people speak in the recordings as they are now. The voice's own is the first: "
        f"{by}. Others are left out; `myna datasets speakers {voice} --own N` chooses another one.",
        "",
        "| speaker | clips | length | recordings | speaker similarity to the voice's own |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {number} | {one['clips']} | {wording.duration(one['seconds'])} | {one['recordings']} | "
            f"{one['similarity']:.2f} |"
            for number, one in enumerate(report["speakers"], 1)
        ),
    ]
