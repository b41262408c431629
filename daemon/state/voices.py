"""Voices and their versions: what there is, which version speaks, and how that came to be.

A voice has at most one promoted version. Promotions are kept as history, so that rolling back knows where to; files are
never deleted here (`daemon.home.purging` deletes weights, where a person asked for it).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Promotion, Recording, Run, Version, Voice, now
from daemon.errors import NotFound, NotNow
from daemon.home import identity
from daemon.state import (
    consent_notes,
    events,
    free_names,
    heard_language,
    occasions,
    remote_voices,
    seen,
    verdict,
    what_next,
)
from daemon.state.stamp import stamp
from daemon.state.values import ByHand, Decision, VersionKind, VersionState, on_wire
from engines.language import without_region
from proto import myna_pb2 as pb
from proto import version_words

#: Who promoted, as stored.
BY_SCORE, BY_LISTENERS, BY_PERSON, BY_ROLLBACK = "score", "listeners", "a person", "rollback"
#: Among a version's metrics: the digest of what they were measured on. Equal where they can be compared.
SCORED_ON = "scored_on"


def get(session: Session, name: str) -> Voice:
    """Raises NotFound with the voices there are, or how a deleted one comes back; NotNow for one that is being
    renamed."""
    return check_there(get_with_deleted(session, name))


def get_with_deleted(session: Session, name: str) -> Voice:
    """The voice, be it deleted. Raises NotFound with the voices there are; the same where the caller is not to know
    of it."""
    if remote_voices.is_one(name):
        raise remote_voices.refused(name)
    voice = session.get(Voice, name)
    if voice is not None and seen.rights(session, name):
        return voice
    known, where = select(Voice.name).where(Voice.deleted.is_(None)), seen.voices_where(session, Voice.name, seen.SEE)
    there = session.scalars((known if where is None else known.where(where)).order_by(Voice.name).limit(10)).all()
    hint = (
        f"There are: {', '.join(there)}." if there else "Copy recordings into inbox/NAME/ and the voice NAME is made."
    )
    raise NotFound(f"There is no voice named {name!r}.", hint)


def check_there(voice: Voice) -> Voice:
    """The voice. Raises NotFound if it was deleted, NotNow if it is being renamed: no job may begin."""
    if voice.deleted is not None:
        raise NotFound(f"The voice {voice.name} was deleted.", f"`myna voices restore {voice.name}` brings it back.")
    if voice.renamed_from:
        hint = "Ask again in a moment. If it lasts, log/mynad.log says why; it is tried again when mynad starts."
        raise NotNow(f"The folders of {voice.name} are still being renamed from {voice.renamed_from}.", hint)
    return voice


def check_new(session: Session, name: str) -> None:
    """Raises as `get` does for a voice that may not be given anything now; one that there is not yet may be. NotNow
    where the caller is not to know of it, or of what waits for it."""
    if (voice := session.get(Voice, name)) is not None:
        _check_name(session, name)
        check_there(voice)
    else:
        free_names.check(session, name)


def check_free(session: Session, name: str) -> None:
    """Raises NotNow if there is a voice of that name, be it deleted."""
    if (taken := session.get(Voice, name)) is not None:
        _check_name(session, name)
        back = f", which was deleted: `myna voices restore {name}` brings it back" if taken.deleted is not None else ""
        raise NotNow(f"There is a voice named {name} already{back}.", "Choose another name.")
    free_names.check_noted(session, name)


def _check_name(session: Session, name: str) -> None:
    """Raises NotNow for the name of a voice that the caller is not to know of: a name is of one voice."""
    if not seen.rights(session, name):
        raise free_names.taken(name)


def page(session: Session, after: str, size: int, *, deleted: bool = False) -> list[Voice]:
    """Voices that the caller may see, in the order of their names, `size` at most; the deleted ones only if asked
    for."""
    query = select(Voice).where(Voice.name > after).order_by(Voice.name).limit(size)
    if (where := seen.voices_where(session, Voice.name, seen.SEE)) is not None:
        query = query.where(where)
    return list(session.scalars(query if deleted else query.where(Voice.deleted.is_(None))))


def version(session: Session, voice: str, number: int) -> Version:
    """Raises NotFound with what to do."""
    get(session, voice)
    found = session.scalars(select(Version).where(Version.voice == voice, Version.number == number)).first()
    if found is None:
        raise NotFound(f"{voice} has no version {number}.", f"`myna versions {voice}` lists those there are.")
    return found


def usable(session: Session, voice: str, number: int) -> Version:
    """A version that still has its weights. Raises NotFound, and NotNow for one that was purged."""
    return check_usable(version(session, voice, number))


def check_usable(row: Version) -> Version:
    """The version. Raises NotNow if it was purged."""
    if row.state == VersionState.PURGED:
        sentence = f"{spelt(row.voice, row.number)} was purged: its weights were deleted to free disk."
        raise NotNow(sentence, f"Choose another version (`myna versions {row.voice}`), or train again.")
    return row


def folder(session: Session, row: Version, home: Path) -> Path:
    """The version's folder, for a job to read. Raises NotNow if the version was purged, or if what lies there is
    another's (daemon/home/identity.py)."""
    return own_folder(session, check_usable(row), home)


def own_folder(session: Session, row: Version, home: Path) -> Path:
    """The version's folder, be it purged. Raises NotNow if what lies there is another's."""
    place, run = home / row.path, session.get(Run, row.run)
    mark = identity.read(place)
    if mark is not None and run is not None and mark.run != run.uuid:
        sentence = (
            f"{place} is not {spelt(row.voice, row.number)}: it was made by another run, of the home {mark.home[:8]}."
        )
        raise NotNow(sentence, "Myna does not use this folder. Put the version's own folder back, or train again.")
    return place


def versions(session: Session, voice: str, before: int, size: int) -> list[Version]:
    """Versions, newest first, with a number below `before` (0: from the newest)."""
    query = select(Version).where(Version.voice == voice).order_by(Version.number.desc()).limit(size)
    return list(session.scalars(query.where(Version.number < before) if before else query))


def promoted(session: Session, voice: Voice) -> Version | None:
    """The version that speaks; None: the engine's base does."""
    return None if voice.promoted is None else version(session, voice.name, voice.promoted)


def promote(session: Session, voice: str, number: int, by: str) -> Version:
    """Let a version speak from now on; if it does already, nothing changes. The one before is archived (its files are
    kept: rolling back needs them)."""
    owner, chosen = get(session, voice), usable(session, voice, number)
    if owner.promoted == number:
        return chosen
    if by == BY_PERSON:
        verdict.put_by_hand(chosen, ByHand.PROMOTED)
    _switch(session, owner, chosen, by)
    return chosen


def rollback(session: Session, voice: str, by: str = BY_ROLLBACK) -> Version | None:
    """Back to the version promoted before the present one (again: further back); None: to the engine's base. The
    version left behind is rejected: a person said no to it. Raises NotNow when the base speaks already, or when the
    one to go back to was purged."""
    owner = get(session, voice)
    present = promoted(session, owner)
    if present is None:
        hint = f"`myna promote {voice}@VERSION` chooses one."
        raise NotNow(f"{voice} speaks with the engine's base already: no version is promoted.", hint)
    target = way_back(session, present)
    if target is not None and target.state == VersionState.PURGED:
        sentence = f"{spelt(voice, target.number)}, which was active before, was purged: its weights were deleted."
        hint = f"`myna promote {voice}@VERSION` chooses another one; `myna versions {voice}` lists them."
        raise NotNow(sentence, hint)
    _switch(session, owner, target, by)
    present.state = VersionState.REJECTED
    verdict.put_by_hand(present, ByHand.ROLLED_BACK)
    emit_version(session, present)
    return target


def way_back(session: Session, present: Version) -> Version | None:
    """The version that was promoted before this one; None: the engine's base spoke."""
    came = select(Promotion).where(
        Promotion.voice == present.voice, Promotion.version == present.number, Promotion.by != BY_ROLLBACK
    )
    arrival = session.scalars(came.order_by(Promotion.id.desc())).first()
    earlier = arrival.previous if arrival is not None else None
    return None if earlier is None else version(session, present.voice, earlier)


def archive(session: Session, voice: str, number: int) -> Version:
    """Put a version out of the way; its files are kept. Raises NotNow for the one that speaks, and for one that was
    purged."""
    owner, chosen = get(session, voice), usable(session, voice, number)
    if owner.promoted == number:
        hint = f"Promote another one or `myna rollback {voice}` first."
        raise NotNow(f"{spelt(voice, number)} is promoted: it cannot be archived.", hint)
    chosen.state = VersionState.ARCHIVED
    emit_version(session, chosen)
    return chosen


def _switch(session: Session, owner: Voice, chosen: Version | None, by: str) -> None:
    before = promoted(session, owner)
    session.add(
        Promotion(
            voice=owner.name,
            version=None if chosen is None else chosen.number,
            previous=None if before is None else before.number,
            by=by,
            time=now(),
        )
    )
    if before is not None:
        before.state = VersionState.ARCHIVED
        emit_version(session, before)
    owner.promoted = None if chosen is None else chosen.number
    if chosen is not None:
        chosen.state = VersionState.PROMOTED
        emit_version(session, chosen)
    emit_voice(session, owner)
    occasions.spoken_by(session, owner, 0 if before is None else before.number, rolled_back=by == BY_ROLLBACK)


def emit_version(session: Session, row: Version) -> None:
    """Tell watchers of a new or changed version."""
    session.flush()
    events.emit(session, pb.Event(version=version_message(row)), voice=row.voice)


def emit_voice(session: Session, row: Voice) -> None:
    """Tell watchers of a new or changed voice."""
    session.flush()
    events.emit(session, pb.Event(voice=message(session, row)), voice=row.name)


def message(session: Session, row: Voice) -> pb.Voice:
    """The voice on the wire."""
    recorded = select(func.count(), func.coalesce(func.sum(Recording.seconds), 0.0))
    count, seconds = session.execute(recorded.where(Recording.voice == row.name, Recording.removed.is_(None))).one()
    newest = newest_dataset(session, row.name)
    trained = session.scalar(select(func.count()).select_from(Version).where(Version.voice == row.name)) or 0
    result = pb.Voice(
        name=row.name,
        language=row.language,
        engine=row.engine,
        promoted=row.promoted or 0,
        newest_dataset=newest.number if newest else 0,
        recorded_seconds=seconds,
        kept_seconds=newest.seconds + newest.held_out_seconds if newest else 0.0,
        recordings=count,
        versions=trained,
        created=stamp(row.created),
        next=what_next.sentence(session, row, newest),
        owner=row.owner or "",
    )
    if row.deleted is not None:
        result.deleted.FromDatetime(row.deleted)
    if (note := consent_notes.current(session, row.name)) is not None:
        result.consent.CopyFrom(consent_notes.message(note))
    result.consent_missing = consent_notes.is_missing(session, row.name)
    if (heard := heard_language.message(row)) is not None:
        result.heard_language.CopyFrom(heard)
    if row.derivation:
        result.derivation.CopyFrom(pb.Derivation(**row.derivation))
    return result


def version_message(row: Version, home: Path | None = None, *, report: bool = False) -> pb.Version:
    """The version on the wire. With `home`, its path is absolute; with `report` too, the report's files are in it."""
    place = home / row.path if home is not None else None
    result = pb.Version(
        voice=row.voice,
        number=row.number,
        parent=row.parent,
        dataset=row.dataset,
        run=row.run,
        engine=row.engine,
        kind=row.kind,
        state=row.state,
        metrics=numbers(row.metrics),
        created=stamp(row.created),
        verdict=verdict.whole(row),
        licence=row.licence,
        path=str(place or row.path),
        size=row.size,
        state_value=on_wire(VersionState, row.state),
        kind_value=on_wire(VersionKind, row.kind),
        decision=on_wire(Decision, verdict.decision(row)),
        by_hand=on_wire(ByHand, verdict.by_hand(row)),
        scored_on=str(row.metrics.get(SCORED_ON, "")),
    )
    if row.sound:
        result.sound.CopyFrom(version_words.own_sound(row.sound))
    if row.adopted is not None:
        result.adopted.FromDatetime(row.adopted)
    if report and place is not None:
        result.report_md, result.report_json = _text(place / "report.md"), _text(place / "report.json")
    return result


def base_message(row: Voice) -> pb.Version:
    """The engine's base, standing where a version would: number 0."""
    words = f"{row.name} speaks with the base of {row.engine}: no version is promoted."
    state = VersionState.BASE
    return pb.Version(
        voice=row.name,
        number=0,
        engine=row.engine,
        state=state,
        verdict=words,
        state_value=on_wire(VersionState, state),
    )


def numbers(values: dict[str, Any]) -> dict[str, float]:
    """Those values that are numbers."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def spelt(voice: str, number: int) -> str:
    """How people write a version: "anna@7", "anna@base"; "openai:alloy" has none."""
    if remote_voices.is_one(voice):
        return voice
    return f"{voice}@{number if number > 0 else 'base'}"


def said(voice: str, number: int) -> str:
    """How a sentence names a version: "anna@7", "the base"."""
    return spelt(voice, number) if number > 0 else "the base"


def language(code: str) -> str:
    """The language of a code with or without its region, as engines and recognisers know it: "en-GB" → "en"."""
    return without_region(code)


def option(row: Voice, table: str) -> dict[str, Any]:
    """A table of the voice's options ("train", "promotion"), as voice.toml gave it."""
    found = row.options.get(table)
    return dict(found) if isinstance(found, dict) else {}


def option_json(row: Voice, table: str) -> str:
    return json.dumps(option(row, table), sort_keys=True)


def newest_dataset(session: Session, voice: str) -> Dataset | None:
    """The dataset with the greatest number."""
    return session.scalars(
        select(Dataset).where(Dataset.voice == voice).order_by(Dataset.number.desc()).limit(1)
    ).first()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
