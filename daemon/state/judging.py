"""A voice's clips, judged by what is stored of them: nothing is cut, measured or heard again.

What a person said of a clip stands. Clips that a Myna cut before facts were kept, and those of derived voices, keep the
verdict they have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from daemon.database.models import Clip, Recording, Voice
from daemon.state import voices
from daemon.state.recordings import PERSON, SUPERSEDED
from engines import registry
from engines.judging import verdict as alone
from engines.judging import voice as together
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.reasons import Reason
from engines.judging.sentences import say
from engines.judging.speakers import Speakers, speakers
from engines.judging.verdict import KEPT, Facts, Heard, Verdict
from engines.judging.voice_clip import VoiceClip
from proto import worker_pb2 as wire

#: Reasons that are decided here; others (a person's, a held-out stretch's, …) stand where these find nothing.
DECIDED = frozenset(Reason) - {Reason.NOT_FOLLOWED}


@dataclass(frozen=True)
class StoredClip:
    """A clip and what it is judged by."""

    row: Clip
    facts: Facts
    beside: VoiceClip  #: how the rest of the voice sees it

    @property
    def by_person(self) -> bool:
        return self.row.trust == PERSON


def limits_of(voice: Voice) -> Limits:
    """As its voice.toml has them."""
    return Limits.of(voice.options.get("dataset", {}))


def judge(session: Session, voice: str) -> None:
    """Keep or drop the clips of a voice by its limits."""
    if (owner := session.get(Voice, voice)) is None:
        return
    clips = stored(session, voice)
    found = verdicts(clips, owner, limits_of(owner))
    for clip in clips:
        if not clip.by_person:
            _apply(clip, found.get(clip.row.id, KEPT))
    session.flush()


def verdicts(clips: Sequence[StoredClip], owner: Voice, limits: Limits) -> dict[int, Verdict]:
    """What these limits drop, by the clip's id. What a person decided is not among it."""
    good, found = _alone(clips, owner, limits)
    found |= together.judge(good, limits, owner.own_speaker or b"")
    people = {clip.row.id for clip in clips if clip.by_person}
    return {id: verdict for id, verdict in found.items() if id not in people}


def who_speaks(clips: Sequence[StoredClip], owner: Voice, limits: Limits) -> Speakers:
    """The people who speak in those clips of a voice that are good by themselves."""
    good, _ = _alone(clips, owner, limits)
    return speakers(good, owner.own_speaker or b"")


def _alone(clips: Sequence[StoredClip], owner: Voice, limits: Limits) -> tuple[list[VoiceClip], dict[int, Verdict]]:
    """(clips that nothing is wrong with by themselves, what is wrong with each other one). What a person decided is
    what others are compared with, and so is a clip whose being dropped for a reason of ours a person accepted, as
    though nobody had."""
    clip_seconds, language = clip_lengths(owner), voices.language(owner.language)
    found: dict[int, Verdict] = {}
    good: list[VoiceClip] = []
    for clip in clips:
        if clip.by_person and (clip.row.kept or clip.row.reason not in DECIDED):
            if clip.row.kept:
                good.append(clip.beside)
        elif (verdict := alone.judge(clip.facts, clip_seconds, language, limits)).kept:
            good.append(clip.beside)
        else:
            found[clip.row.id] = verdict
    return good, found


def broken(clips: Sequence[StoredClip], owner: Voice, limits: Limits) -> Iterator[tuple[StoredClip, Verdict]]:
    """Every rule that each clip breaks, whichever comes first; beside the voice, as `verdicts` has it."""
    clip_seconds, language = clip_lengths(owner), voices.language(owner.language)
    good: list[VoiceClip] = []
    by_id = {clip.row.id: clip for clip in clips}
    for clip in clips:
        wrong = [] if clip.by_person else list(alone.broken(clip.facts, clip_seconds, language, limits))
        yield from ((clip, verdict) for verdict in wrong)
        if not wrong and (clip.row.kept or not clip.by_person):
            good.append(clip.beside)
    for id, verdict in together.broken(good, limits, owner.own_speaker or b""):
        if not by_id[id].by_person:
            yield by_id[id], verdict


def stored(session: Session, voice: str) -> list[StoredClip]:
    """The clips of a voice's recordings that can be judged, in the order the recordings came, however they were cut."""
    query = select(Clip).join(Recording, Recording.id == Clip.recording).options(undefer(Clip.facts))
    query = query.where(Clip.voice == voice, Recording.removed.is_(None), Clip.facts.is_not(None))
    rows = session.scalars(query.where(Clip.reason != SUPERSEDED).order_by(Recording.id, Clip.start, Clip.id))
    return [_stored(row, wire.ClipFacts.FromString(row.facts or b"")) for row in rows]


def clip_lengths(owner: Voice) -> tuple[float, float]:
    """(shortest, longest) that the voice's engine takes, seconds; any for an engine that is not here."""
    info = registry.ENGINES.get(owner.engine)
    return info.clip_seconds if info is not None else (0.0, 1e9)


def _stored(row: Clip, facts: wire.ClipFacts) -> StoredClip:
    quality = Quality.of(voices.numbers(row.quality))
    heard = None
    if facts.heard_trust:
        trust = "high" if facts.heard_trust == "high" else "low"
        strong = [word for word in facts.words if trust == "high" and any(map(str.isalnum, word.text))]
        least = min(strong, key=lambda word: word.confidence).text if strong else ""
        heard = Heard(facts.heard, cast("alone.Trust", trust), facts.confidence, facts.heard_language, least)
    whole = Facts(
        seconds=facts.seconds,
        speech=facts.speech,
        too_long=facts.too_long,
        text=row.text,
        text_given=row.text_source == "given",
        text_shared=facts.text_shared,
        heard=heard,
        cer=quality.cer,
        quality=quality,
        silent=facts.silent,
    )
    beside = VoiceClip(
        id=row.id,
        sha256=row.sha256,
        text=row.text,
        seconds=facts.seconds,
        seconds_per_char=quality.seconds_per_char,
        voiceprint=facts.voiceprint,
        sketch=facts.sketch,
        cer=whole.weak_cer,
        overlap=quality.overlap_share,
        recording=row.recording,
        first=row.held_out or (row.trust == PERSON and row.kept),
    )
    return StoredClip(row, whole, beside)


def _apply(clip: StoredClip, verdict: Verdict) -> None:
    row = clip.row
    if verdict.kept and not row.kept and row.reason not in DECIDED:
        return  # dropped for what is not decided here
    row.kept, row.reason, row.sentence = verdict.kept, verdict.reason or "", say(verdict, clip.facts)
    row.measured, row.threshold = verdict.measured, verdict.limit
