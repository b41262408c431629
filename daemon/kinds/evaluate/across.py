"""Scoring of two versions of different voices or engines, the daemon's side: nothing is judged and nothing promoted;
both say the same texts, so that they can be compared (`daemon/state/across.py`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from daemon.database.comparison_rows import Comparison
from daemon.database.models import LIVE, Job, now
from daemon.database.store import caller_of, settings_of
from daemon.errors import BadRequest, MynaError, NotFound, NotNow, QuotaReached
from daemon.kinds.remote import kept
from daemon.state import across, charges, clip_refs, engines, remote_voices, sides, voices
from daemon.state.sides import Side
from engines import registry
from engines.capabilities import Capability
from engines.metrics.further_texts import further
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

LINES = 20  #: texts that both say, at most
#: Recordings by which a person is known of whom none are held out.
KNOWN_BY = 8


def wanted(session: Session, asked: pb.EvaluateSpec) -> tuple[Side, Side] | None:
    """Both sides, if they are of different voices or engines. Raises NotFound, BadRequest."""
    one, other = sides.pair(session, asked.voice, asked.version, asked.against, asked.against_voice)
    return (one, other) if sides.apart(one, other) else None


def is_across(session: Session, asked: pb.EvaluateSpec) -> bool:
    """The same of a job that may have been told of versions that are gone."""
    try:
        return wanted(session, asked) is not None
    except MynaError:
        return asked.against_voice not in ("", asked.voice)


def check(session: Session, both: tuple[Side, Side], asked: pb.EvaluateSpec, home: Path) -> tuple[str, str]:
    """(voice, title) of the job. Raises BadRequest and NotNow, with what to do."""
    one, other = both
    if asked.promote_if_better:
        raise BadRequest(
            f"{one.name} and {other.name} are of different voices or engines: neither can take the other's place.",
            "Compare them without a promotion.",
        )
    sides.check_language(one, other)
    for side in both:
        engines.require(engines.anywhere(side.engine), Capability.SPEAKS)
        if side.row is not None:
            voices.check_usable(side.row)
    if not _texts(session, both):
        sentence = f"There are no texts in {_language(session, both)} that {one.name} and {other.name} could both say."
        raise NotNow(sentence, "Add recordings to one of them: about a tenth is held out.")
    check_price(session, both, caller_of(session).name, home)
    return asked.voice, f"compare {one.name} with {other.name}"


def elsewhere(session: Session, both: tuple[Side, Side]) -> list[tuple[Side, list[str]]]:
    """Sides whose engine is elsewhere, and what they are to say at most: what they have said is there already."""
    return [(side, _texts(session, both)) for side in both if side.elsewhere]


def check_price(
    session: Session, both: tuple[Side, Side], person: str, home: Path, *, asked_now: bool = True
) -> dict[str, int]:
    """How many characters may be sent for it, by voice, where not for every text: what was spoken before is no matter
    of a budget. Raises NotNow for an engine elsewhere that cannot be asked, QuotaReached where it would cost more than
    may be spent; `asked_now`: as `charges.require` has it."""
    at_most: dict[str, int] = {}
    by_engine: dict[str, dict[str, list[str]]] = {}
    for side, texts in elsewhere(session, both):
        by_engine.setdefault(side.engine, {})[side.voice.name] = texts
    for engine, said in by_engine.items():  # of two voices of one, both have to fit into its budget
        of = remote_voices.check_ready(session, engine)
        most = sum(of.provider.billed(text) for texts in said.values() for text in texts)
        try:
            charges.require(session, of, person, most, asked_now=asked_now)
        except QuotaReached:
            language = _language(session, both)
            counted = {name: kept.of_lines(of, name, texts, language, person, home) for name, texts in said.items()}
            if not any(before for _, before in counted.values()):
                raise
            charges.require(session, of, person, sum(new for new, _ in counted.values()), asked_now=asked_now)
            at_most |= {name: new for name, (new, _) in counted.items()}
    return at_most


def why_not(session: Session, both: tuple[Side, Side], home: Path) -> str:
    """Why it cannot begin now: what an engine lacks."""
    here = (side for side in both if not side.elsewhere)
    return next(filter(None, (engines.why_not(session, engines.info(side.engine), home) for side in here)), "")


def at_samples(session: Session, job: Job) -> str:
    """Another scoring that writes lines of one of the job's voices, and is of another voice itself, in words; empty:
    there is none. (Those of the same voice the scheduler keeps apart.)"""
    own = _voices(job)
    works = Job.state.in_(("running", "paused")), Job.paused_by_person.is_(False), Job.id != job.id
    for other in session.scalars(select(Job).where(text(LIVE), *works, Job.kind == "evaluate").order_by(Job.id)):
        if common := own & _voices(other):
            return f"evaluate #{other.id} is at work on {min(common)}'s samples"
    return ""


def gpu_memory(both: tuple[Side, Side]) -> int:
    """One model after the other: the larger one's."""
    infos = [registry.ENGINES.get(side.engine) for side in both]
    return max(info.speak_memory if info is not None else 0 for info in infos)


def plan(session: Session, both: tuple[Side, Side], home: Path, person: str) -> wire.EvaluatePlan:
    """What the worker is to do, for whoever asked. Raises as `check_price` does."""
    at_most = check_price(session, both, person, home, asked_now=False)
    one, other = (_plan(session, side, home, person) for side in both)
    for side in (one, other):
        if side.voice in at_most:
            side.remote.at_most = at_most[side.voice]
    return wire.EvaluatePlan(
        voice=one.voice,
        engine=one.engine,
        language=_language(session, both),
        version=one.version,
        version_dir=one.version_dir,
        held_out=one.held_out,
        reference=one.reference,
        samples_dir=one.samples_dir,
        remote=one.remote if one.HasField("remote") else None,
        other=other,
        texts=_texts(session, both),
    )


def commit(session: Session, job: Job, both: tuple[Side, Side], scored: wire.EvaluateResult) -> None:
    """Keep the lines and their scores; the same report again changes nothing."""
    if session.scalars(select(Comparison).where(Comparison.job == job.id)).first() is not None:
        return
    one, other = both
    session.add(
        Comparison(
            voice=one.voice.name,
            version=one.number,
            other_voice=other.voice.name,
            other_version=other.number,
            job=job.id,
            report=json.loads(scored.report_json),
            time=now(),
        )
    )


def _plan(session: Session, side: Side, home: Path, person: str) -> wire.OtherSide:
    name = side.voice.name
    if side.elsewhere:
        of = remote_voices.check_ready(session, side.engine)
        speaker = remote_voices.speaker(of, name, person, home)
        return wire.OtherSide(voice=name, engine=side.engine, remote=speaker, samples_dir=str(home / "samples" / name))
    reference = clip_refs.reference(session, side.voice, home)
    return wire.OtherSide(
        voice=name,
        engine=side.engine,
        version=side.number,
        version_dir=str(voices.folder(session, side.row, home)) if side.row is not None else "",
        held_out=_held_out(session, side, home) or reference[:KNOWN_BY],
        reference=reference,
        samples_dir=str(home / "samples" / name),
    )


def _texts(session: Session, both: tuple[Side, Side]) -> list[str]:
    mine, theirs = ([clip.text for clip in _held_out(session, side, Path())] for side in both)
    return across.texts(further(_language(session, both)), mine, theirs, LINES)


def _language(session: Session, both: tuple[Side, Side]) -> str:
    return sides.language(both, settings_of(session).default_language)


def _held_out(session: Session, side: Side, home: Path) -> Sequence[wire.ClipRef]:
    """None of a voice without recordings: its base can speak all the same."""
    try:
        data = clip_refs.dataset(session, side.voice.name)
    except NotFound:
        return []
    return clip_refs.held_out(session, side.voice, data, home)


def _voices(job: Job) -> set[str]:
    asked = pb.JobSpec.FromString(job.spec).evaluate
    return {job.voice, asked.against_voice or job.voice}
