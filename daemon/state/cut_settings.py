"""By what settings recordings are cut: a mark that each of them bears, so that what other settings cut is told from
what these do, and is cut again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Recording, Voice
from daemon.state.recordings import SUPERSEDED
from engines import registry
from engines.judging.limits import Limits


def mark(engine: str, options: Mapping[str, Any]) -> str:
    """Of clips for an engine by a voice's options: the rate and the lengths that the engine wants, and what takes noise
    and music out. The same mark, the same samples. Empty for an engine that is not there."""
    info = registry.ENGINES.get(engine)
    if info is None:
        return ""
    limits = Limits.of(options.get("dataset", {}))
    wanted = {"sample_rate": info.sample_rate, "clip_seconds": info.clip_seconds, "denoise": limits.denoise}
    if limits.separate != "off":  # marks are older than this setting, and say nothing of it where it is off
        wanted["separate"] = limits.separate
    return json.dumps(wanted, sort_keys=True)


def of_voice(voice: Voice) -> str:
    """As it is now."""
    return mark(voice.engine, voice.options)


def cut_otherwise(session: Session, voice: Voice) -> list[Recording]:
    """Recordings that are there and bear the mark of other settings than the voice has now, whether they wait to be cut
    again or not. What an older Myna cut bears none."""
    wanted = of_voice(voice)
    if not wanted:
        return []
    query = select(Recording).where(Recording.voice == voice.name, Recording.removed.is_(None))
    return list(session.scalars(query.where(Recording.cut_by.not_in(["", wanted])).order_by(Recording.id)))


def cut_again(session: Session, voice: Voice, before: str) -> int:
    """Have the next dataset job cut what the voice's settings, changed since `before` was the mark, want otherwise.
    Returns how many recordings there are. Of those without a mark, what is cut for another engine, or has a clip with
    its noise where noise is to be taken out, or one without."""
    wanted = of_voice(voice)
    if wanted == before or not wanted:
        return 0
    unmarked = select(Recording).where(
        Recording.voice == voice.name, Recording.cut_by == "", Recording.removed.is_(None), Recording.cut.is_not(None)
    )
    denoised = Limits.of(voice.options.get("dataset", {})).denoise
    if before and _but_noise(before) == _but_noise(wanted):
        noise = func.json_extract(Clip.quality, "$.denoised_db")
        other = select(Clip.recording).where(Clip.voice == voice.name, Clip.sha256 != "", Clip.reason != SUPERSEDED)
        other = other.where(noise.is_(None) if denoised != "off" else noise.is_not(None))
        unmarked = unmarked.where(Recording.id.in_(other))
    rows = [row for row in (*cut_otherwise(session, voice), *session.scalars(unmarked)) if row.cut is not None]
    for row in rows:
        row.cut = None
    return len(rows)


def heard_anew(session: Session, voice: Voice, before: str) -> int:
    """Have the next dataset job cut all recordings of a voice again that had the language `before` until now: what a
    recogniser wrote and judged was in that. Returns how many there are; none are of what was made, which nobody
    heard."""
    heard = Recording.cut.is_not(None) & (Recording.made_from == "")
    rows = list(session.scalars(select(Recording).where(Recording.voice == voice.name, heard)))
    for row in rows:
        heard_otherwise(row, before)
    return sum(row.removed is None for row in rows)


def heard_otherwise(row: Recording, language: str) -> None:
    """A recording was cut in another language than its voice has: it bears a mark that no settings give, and waits to
    be cut again."""
    row.cut, row.cut_by = None, json.dumps({**json.loads(row.cut_by or "{}"), "language": language}, sort_keys=True)


def _but_noise(mark: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(mark).items() if name != "denoise"}
