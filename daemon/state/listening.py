"""What listeners decide: a version whose scores left it open is promoted, or said to be worse, by blind votes on it and
the version it was judged against.

Each vote is looked at in its own transaction (`daemon.state.sequential`). How long a version waits for listeners is the
voice's rule; nothing runs when that time is over: it is compared with the time of the scoring wherever it matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.models import Evaluation, Version, Voice, now
from daemon.database.rating_rows import Rating
from daemon.state import occasions, ratings, seen, spoken_lines, verdict, voices
from daemon.state.sequential import Look
from daemon.state.stamp import stamp
from daemon.state.values import Decision, Preference, Standing, VersionState, on_wire
from engines.metrics.rule import Rule
from proto import myna_pb2 as pb

TOLD = 20  #: versions that wait for listeners, told at once


@dataclass(frozen=True)
class Case:
    """A version that scores left undecided, or did until listeners decided."""

    voice: Voice
    candidate: Version
    scoring: Evaluation  #: the newest of it
    rule: Rule  #: the voice's

    @property
    def against(self) -> int:
        """What it was judged against; 0: the base."""
        return self.scoring.against

    @property
    def until(self) -> datetime:
        """Until then votes promote it."""
        return self.scoring.time + timedelta(days=self.rule.listen_days)

    @property
    def open(self) -> bool:
        """Whether votes can still decide anything."""
        return verdict.decision(self.candidate) is Decision.UNDECIDED

    @property
    def waits(self) -> bool:
        """Whether it is to be offered to listeners: they can promote it, in time, and over the version that speaks. The
        versions of an experiment's trials are not: they are there to be compared with each other."""
        asked = bool(self.scoring.report.get(verdict.ASKED, True))
        return self.open and asked and now() < self.until and (self.voice.promoted or 0) == self.against


def rate(session: Session, given: pb.Rating) -> pb.Rating:
    """Store a rating, and let it decide what it can. Raises as `ratings.add` does."""
    row = ratings.add(session, given)
    told = ratings.message(row, swap=given.a > given.b)
    case = find(session, row.voice, row.a, row.b)
    if case is not None and counts(row):
        told.decision = on_wire(Decision, decide(session, case))
        told.sentence = _sentence(case, _look(session, case))
    return told


def unrate(session: Session, voice: str, id: int) -> pb.Rating:
    """Take a rating back; what votes have decided stays decided, and the answer says so. Raises NotFound."""
    row = ratings.remove(session, voice, id)
    told = ratings.message(row)
    case = find(session, row.voice, row.a, row.b)
    if case is not None and counts(row):
        session.flush()
        if not case.open:
            told.sentence = _stays(case)
            return told
        told.decision = on_wire(Decision, decide(session, case))
        told.sentence = _sentence(case, _look(session, case))
    return told


def tally(session: Session, voice: str, a: int, b: int) -> pb.Tally:
    """All ratings of the pair together, and what they decide. Raises as `ratings.counted` does."""
    told = ratings.counted(session, voice, a, b)
    case = find(session, voice, a, b)
    if case is not None:
        told.listening.CopyFrom(_message(session, case))
    return told


def waiting(session: Session, voice: str, home: Path) -> list[pb.Undecided]:
    """Versions that wait for listeners, of a voice or of all (""); first the one whose time is over first. Raises
    NotFound."""
    if voice:
        voices.get(session, voice)
    query = select(Version).join(Voice, Voice.name == Version.voice)
    query = query.where(Version.state == VersionState.CANDIDATE, Voice.deleted.is_(None))
    if (where := seen.voices_where(session, Version.voice, Right.READ)) is not None:
        query = query.where(where)
    rows = session.scalars(query.where(Version.voice == voice) if voice else query)
    cases = [_case(session, row) for row in rows if verdict.decision(row) is Decision.UNDECIDED]
    waits = sorted((case for case in cases if case is not None and case.waits), key=lambda case: case.until)
    return [
        pb.Undecided(
            voice=case.voice.name,
            listening=_message(session, case),
            lines=[pb.SpokenLine(name=one.name, text=one.text) for one in spoken_lines.of_both(case.scoring, home)],
        )
        for case in waits[:TOLD]
    ]


def find(session: Session, voice: str, a: int, b: int) -> Case | None:
    """The case that votes on these two belong to, whichever was judged against the other; None: they decide nothing."""
    for number, other in ((max(a, b), min(a, b)), (min(a, b), max(a, b))):
        case = _case(session, voices.version(session, voice, number)) if number else None
        if case is not None and case.against == other:
            return case
    return None


def decide(session: Session, case: Case) -> Decision | None:
    """Let the votes so far decide: promote the version, or say that it is worse. None: they decide nothing (yet)."""
    votes = _look(session, case)
    if not case.open or votes.standing is Standing.OPEN:
        return None
    decided, row = _decision(case, votes), case.candidate
    reasons = " ".join(case.scoring.report.get("verdict", {}).get("reasons", ()))
    words = verdict.heard(decided, about(case.voice, row, case.against, case.rule), votes)
    words = f"{words} The scores had left it open: {reasons}" if reasons else words
    verdict.put(row, decided, words)
    case.scoring.report = {**case.scoring.report, verdict.DECISION: decided.value}
    case.scoring.verdict = words
    if decided is Decision.PREFERRED:
        voices.promote(session, row.voice, row.number, voices.BY_LISTENERS)
    else:
        voices.emit_version(session, row)
        occasions.judged(session, row, decided)
    return decided


def decide_scored(session: Session, candidate: Version) -> Decision | None:
    """The same for a version that was scored just now: it may have been listened to before."""
    case = _case(session, candidate)
    return decide(session, case) if case is not None else None


def about(voice: Voice, row: Version, against: int, rule: Rule) -> verdict.Scored:
    """A version that was judged, in words."""
    name, speaks = voices.spelt(voice.name, row.number), voice.promoted or 0
    return verdict.Scored(
        name=name,
        other=voices.said(voice.name, against),
        speaks=voices.said(voice.name, speaks),
        compare=f"myna compare {name} {voices.spelt(voice.name, speaks)} --score",
        state=row.state,
        listen_days=rule.listen_days if row.state == VersionState.CANDIDATE else 0,
    )


def counts(row: Rating) -> bool:
    """Whether a rating is a vote: somebody preferred one, and did not know which was which."""
    return row.blind and row.preferred in (Preference.A, Preference.B)


def _case(session: Session, row: Version) -> Case | None:
    """The version's own; None for one that votes neither decided nor may: of another decision, or put aside."""
    decided = verdict.decision(row)
    undecided = decided is Decision.UNDECIDED and row.state == VersionState.CANDIDATE
    if not undecided and decided not in verdict.BY_LISTENERS:
        return None
    query = select(Evaluation).where(Evaluation.voice == row.voice, Evaluation.version == row.number)
    scoring = session.scalars(query.order_by(Evaluation.id.desc()).limit(1)).first()
    voice = voices.get(session, row.voice)
    rule = Rule.from_json(voices.option(voice, "promotion"))
    return Case(voice, row, scoring, rule) if scoring is not None else None


def _look(session: Session, case: Case) -> Look:
    votes = ratings.blind_votes(session, case.voice.name, case.candidate.number, case.against)
    return Look(*votes, case.rule.confidence)


def _decision(case: Case, votes: Look) -> Decision:
    """What enough votes make of the version."""
    if votes.standing is Standing.NOT_PREFERRED:
        return Decision.NOT_PREFERRED
    if not case.scoring.report.get(verdict.ASKED, True):
        return Decision.PREFERRED_NOT_ASKED
    if (case.voice.promoted or 0) != case.against:
        return Decision.PREFERRED_OTHER_SPEAKS
    return Decision.PREFERRED if now() < case.until else Decision.PREFERRED_LATE


def _message(session: Session, case: Case) -> pb.Listening:
    votes = _look(session, case)
    return pb.Listening(
        version=case.candidate.number,
        against=case.against,
        wins=votes.wins,
        losses=votes.losses,
        standing=on_wire(Standing, votes.standing),
        evidence=votes.evidence,
        needed=votes.needed,
        more=votes.more,
        decision=on_wire(Decision, verdict.decision(case.candidate)),
        until=stamp(case.until),
        sentence=_sentence(case, votes),
    )


def _sentence(case: Case, votes: Look) -> str:
    """What the votes come to, for people."""
    name, other = voices.spelt(case.voice.name, case.candidate.number), voices.said(case.voice.name, case.against)
    ahead = other if votes.losses > votes.wins else name
    count = votes.wins + votes.losses
    won = f"{ahead} won {max(votes.wins, votes.losses)} of {count} blind vote{'' if count == 1 else 's'}"
    decided = verdict.decision(case.candidate)
    if decided is Decision.PREFERRED:
        return f"Decided: {won}, and {name} was promoted."
    if decided is Decision.NOT_PREFERRED:
        return f"Decided: {won}, so {name} is not promoted."
    if decided in verdict.BY_LISTENERS:
        return f"Decided: {won}. `myna promote {name}` lets it speak."
    if now() >= case.until:
        return f"Votes no longer promote {name} ({votes.wins} : {votes.losses} blind): `myna promote {name}` does."
    if not count:
        return f"Nobody has voted blind yet: {votes.more} votes for the same one would decide."
    if votes.more is None:
        return f"{won}: votes as even as these will not decide."
    return f"{won}: about {votes.more} more like these would decide."


def _stays(case: Case) -> str:
    """Of a vote that is taken back too late."""
    name = voices.spelt(case.voice.name, case.candidate.number)
    if case.voice.promoted == case.candidate.number:
        return f"The votes had decided before, and {name} speaks: `myna rollback {case.voice.name}` undoes that."
    return f"The votes had decided before: `myna promote {name}` lets it speak all the same."
