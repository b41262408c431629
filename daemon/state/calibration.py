"""What a voice's limits drop, or others would, and how what they are held against is spread. Nothing is changed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording
from daemon.errors import BadRequest
from daemon.state import judging, voices
from daemon.state.judging import StoredClip
from daemon.state.recordings import SUPERSEDED
from engines.errors import BadInput
from engines.judging import voice as together
from engines.judging.limits import SETTING_OF, Limits
from engines.judging.measures import LIKENESS, MEASURES, spread
from engines.judging.reasons import Reason
from engines.judging.verdict import Verdict
from engines.judging.voice_clip import Vector
from proto import myna_pb2 as pb

#: Clips to hear for each limit.
EXAMPLES = 10
#: Makes the message of a clip.
ClipMessage = Callable[[Clip, Recording], pb.Clip]


def calibrate(session: Session, voice: str, limits: Mapping[str, str], message: ClipMessage) -> pb.Calibration:
    """By the voice's limits, with these instead of its own. Raises NotFound, and BadRequest for a limit that cannot
    be."""
    owner = voices.get(session, voice)
    try:
        tried = Limits.read(owner.options.get("dataset", {}), limits)
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None
    clips = judging.stored(session, voice)
    found = judging.verdicts(clips, owner, tried)
    kept = [clip for clip in clips if (clip.row.kept if clip.by_person else clip.row.id not in found)]
    return pb.Calibration(
        voice=voice,
        clips=len(clips),
        seconds=_seconds(clips),
        kept=len(kept),
        kept_seconds=_seconds(kept),
        kept_now=sum(clip.row.kept for clip in clips),
        by_person=sum(clip.by_person for clip in clips),
        unmeasured=_unmeasured(session, voice),
        spreads=_spreads(clips, judging.who_speaks(clips, owner, tried).own),
        effects=_effects(session, list(judging.broken(clips, owner, tried)), tried, message),
    )


def _spreads(clips: Sequence[StoredClip], own: Vector | None) -> list[pb.Spread]:
    values: dict[str, list[float]] = defaultdict(list)
    for clip in clips:
        for name, number in clip.facts.quality.numbers.items():
            values[name].append(number)
    values[LIKENESS.name] = list(together.likenesses([clip.beside for clip in clips], own).values())
    return [
        pb.Spread(
            measure=measure.name,
            title=measure.title,
            unit=measure.unit,
            clips=found.count,
            least=found.least,
            lower_quartile=found.lower_quartile,
            median=found.median,
            upper_quartile=found.upper_quartile,
            most=found.most,
            histogram=found.histogram,
        )
        for measure in MEASURES
        if (found := spread(values[measure.name])) is not None
    ]


def _effects(
    session: Session, broken: Sequence[tuple[StoredClip, Verdict]], limits: Limits, message: ClipMessage
) -> list[pb.LimitEffect]:
    by_reason: dict[Reason, list[tuple[StoredClip, Verdict]]] = defaultdict(list)
    for clip, verdict in broken:
        if verdict.reason is not None:
            by_reason[verdict.reason].append((clip, verdict))
    effects = []
    for reason in Reason:
        setting = SETTING_OF.get(reason, "")
        if not (some := by_reason[reason]) and not setting:
            continue
        effects.append(
            pb.LimitEffect(
                reason=reason,
                limit=setting,
                value=_as_text(getattr(limits, setting)) if setting else "",
                clips=len(some),
                seconds=_seconds([clip for clip, _ in some]),
                examples=[_example(session, *one, message) for one in _worst(some)],
            )
        )
    return effects


def _worst(some: Sequence[tuple[StoredClip, Verdict]]) -> list[tuple[StoredClip, Verdict]]:
    """Those farthest beyond the limit; some at random where no number decides."""

    def beyond(one: tuple[StoredClip, Verdict]) -> float:
        measured, limit = one[1].measured or 0.0, one[1].limit or 0.0
        return abs(measured - limit)

    mixed = random.Random(0).sample(list(some), len(some))
    return sorted(mixed, key=beyond, reverse=True)[:EXAMPLES]


def _example(session: Session, clip: StoredClip, verdict: Verdict, message: ClipMessage) -> pb.Clip:
    told = message(clip.row, session.get_one(Recording, clip.row.recording))
    told.ClearField("measured")
    told.ClearField("threshold")
    if verdict.measured is not None and verdict.limit is not None:
        told.measured, told.threshold = verdict.measured, verdict.limit
    return told


def _unmeasured(session: Session, voice: str) -> int:
    query = select(func.count()).select_from(Clip).join(Recording, Recording.id == Clip.recording)
    query = query.where(Clip.voice == voice, Clip.facts.is_(None), Clip.reason != SUPERSEDED)
    return session.scalar(query.where(Recording.removed.is_(None))) or 0


def _seconds(clips: Sequence[StoredClip]) -> float:
    return sum(clip.row.end - clip.row.start for clip in clips)


def _as_text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_as_text, value))
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
