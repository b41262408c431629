"""A recording in place of a text, the daemon's side: a speak job that no engine speaks for. What its passes make of it
is what is heard, so one of them converts; the job is of the voice that it is to sound like."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from daemon.errors import BadRequest, NotNow
from daemon.home import heard_files
from daemon.kinds.speak import after
from proto import myna_pb2 as pb
from proto import passes
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start

#: What a spec may have beside a recording.
_TAKEN = ("voice", "version", "recording", "after", "seed")


def check(session: Session, asked: pb.SpeakSpec, home: Path) -> tuple[str, str]:
    """As `Kind.check`. Raises BadRequest, NotFound or NotNow with a sentence and what to do."""
    sound = _here(asked, home)
    to = check_asked(session, asked, home)
    asked.voice, asked.version = to.voice, to.version
    others = after.words([one for one in asked.after if not one.HasField("convert")])
    return to.voice, f"convert {sound.stat().st_size / 1e6:.1f} MB of sound to {passes.like(to)}{others}"


def check_asked(session: Session, asked: pb.SpeakSpec, home: Path) -> pb.ConvertPass:
    """What can be told before the recording is here; whom it is to sound like. Raises as `check`."""
    for field, _ in asked.ListFields():
        if field.name not in _TAKEN:
            raise BadRequest(
                f"A recording keeps its words and how they are said: {field.name} cannot be given with it.",
                "Leave it out.",
            )
    to = passes.conversion(asked.after)
    if to is None:
        raise BadRequest(
            "Nothing says whom the recording is to sound like.", f"Name a voice: {passes.CONVERT}:VOICE in `after`."
        )
    after.check(session, asked.after, home)
    return to


def plan(session: Session, asked: pb.SpeakSpec, home: Path, watermark: str) -> Start:
    """As `Kind.plan`."""
    return Start(
        speak=wire.SpeakPlan(
            spec=asked,
            version_name=name(asked),
            recording=str(_here(asked, home)),
            watermark=watermark,
            after=after.plans(session, asked.after, home),
        )
    )


def name(asked: pb.SpeakSpec) -> str:
    """Whom it sounds like, for people: "anna", "anna@7"."""
    to = passes.conversion(asked.after)
    return "" if to is None else passes.like(to)


def _here(asked: pb.SpeakSpec, home: Path) -> Path:
    sound = heard_files.path(home, asked.recording)
    if not sound.is_file():
        raise NotNow("The recording that was sent is not here any more.", "Send it again: `myna convert FILE`.")
    return sound
