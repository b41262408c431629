"""A voice is deleted (nothing of it goes), restored, renamed: its rows. Its folders: `daemon.home.voice_folders`.

Renaming takes two transactions with the moving of folders between them. The first gives all rows the new name and notes
the old one (`Voice.renamed_from`); until the second one takes the note away, no job of the voice can begin. Whoever
finds the note, after a kill at any moment, moves what is not moved yet, and takes it away.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, or_, select, text, update
from sqlalchemy.orm import Session

from daemon import names
from daemon.database.comparison_rows import Comparison
from daemon.database.models import LIVE, Evaluation, Job, Row, Version, Voice, now
from daemon.errors import BadRequest, NotNow
from daemon.state import derived, events, seen, voices
from proto import myna_pb2 as pb

#: Tables whose rows tell what was, and stay as they are.
_HISTORY = frozenset(("events",))


def delete(session: Session, name: str) -> Voice:
    """Take a voice out of all lists; all rows and files are kept. Raises NotFound, and NotNow while a job of it has not
    ended."""
    row = voices.get_with_deleted(session, name)
    if row.deleted is None:
        voices.check_there(row)
        _check_idle(session, row, "deleted")
        row.deleted = now()
        voices.emit_voice(session, row)
    return row


def restore(session: Session, name: str) -> Voice:
    """Bring a deleted voice back, as it was. Raises NotFound."""
    row = voices.get_with_deleted(session, name)
    if row.deleted is not None:
        row.deleted = None
        voices.emit_voice(session, row)
    return row


def begin_rename(session: Session, old: str, new: str) -> None:
    """Give every row of a voice its new name, and note the old one. A deleted voice can be renamed, too: that frees its
    name. Raises NotFound, BadRequest for a name that cannot be, NotNow if it is taken, or while a job of the voice has
    not ended."""
    row = voices.get_with_deleted(session, old)
    names.check_voice(new)
    if old == new:
        raise BadRequest(f"The voice is called {old} already.", "")
    if row.renamed_from:
        voices.check_there(row)
    voices.check_free(session, new)
    _check_idle(session, row, "renamed")
    session.flush()
    values = {column.key: getattr(row, column.key) for column in inspect(Voice).column_attrs}
    renamed = Voice(**{**values, "name": new, "renamed_from": old})
    session.add(renamed)
    session.flush()
    for table in Row.metadata.sorted_tables:
        if "voice" in table.columns and table.name not in _HISTORY:
            session.execute(update(table).where(table.c.voice == old).values(voice=new))
    session.delete(row)
    session.flush()
    for loaded in list(session):  # the transaction is shared: what others have in hand has its new name, too
        if getattr(loaded, "voice", None) == old:
            session.refresh(loaded)
    _rename_within(session, old, new)


def end_rename(session: Session, name: str) -> Voice:
    """The folders are in their place."""
    row = voices.get_with_deleted(session, name)
    old, row.renamed_from = row.renamed_from, ""
    if old:
        events.emit(session, pb.Event(voice=pb.Voice(name=old, renamed_to=name)), voice=old)
        voices.emit_voice(session, row)
    return row


def on_their_way(session: Session) -> list[tuple[str, str]]:
    """(old, new) of voices whose folders may not all have been moved."""
    rows = session.scalars(select(Voice).where(Voice.renamed_from != "").order_by(Voice.name))
    return [(row.renamed_from, row.name) for row in rows]


def _check_idle(session: Session, row: Voice, what: str) -> None:
    works = Job.voice == row.name, Job.kind == "evaluate"  # the latter may be of another voice, and speak for this one
    every = session.scalars(select(Job).where(text(LIVE), or_(*works)).order_by(Job.id))
    job = next((one for one in every if row.name in (one.voice, _beside(one))), None)
    if job is not None:
        named, hint = seen.OTHERS, "Wait until it has ended, then try again."
        if seen.job(session, job):
            named = f"job #{job.id} ({job.title})"
            hint = f"Wait until it has ended, or `myna cancel {job.id}`; then try again."
        raise NotNow(f"{row.name} cannot be {what} now: {named} is {job.state}.", hint)


def _beside(job: Job) -> str:
    """The voice that a job holds against its own; empty: none."""
    return pb.JobSpec.FromString(job.spec).evaluate.against_voice


def _rename_within(session: Session, old: str, new: str) -> None:
    """Names inside of values: paths, and what jobs were to do, should they be tried again."""
    derived.renamed(session, old, new)
    for version in session.scalars(select(Version).where(Version.voice == new)):
        version.path = _moved(version.path, old, new)
    for evaluation in session.scalars(select(Evaluation).where(Evaluation.voice == new)):
        evaluation.report = _moved(evaluation.report, old, new)
    both = or_(Comparison.voice == new, Comparison.other_voice == old)
    for comparison in session.scalars(select(Comparison).where(both)):
        comparison.report = _moved(comparison.report, old, new)
        comparison.other_voice = new if comparison.other_voice == old else comparison.other_voice
    for job in session.scalars(select(Job).where(Job.kind == "evaluate")):
        if _beside(job) == old:
            spec = pb.JobSpec.FromString(job.spec)
            spec.evaluate.against_voice = new
            job.spec = spec.SerializeToString()
    for job in session.scalars(select(Job).where(Job.voice == new)):
        spec = pb.JobSpec.FromString(job.spec)
        asked = getattr(spec, spec.WhichOneof("spec") or "", None)
        if asked is not None and getattr(asked, "voice", "") == old:
            asked.voice = new
            job.spec = spec.SerializeToString()
    session.flush()


def _moved(value: Any, old: str, new: str) -> Any:
    """A value in which each path below the voice's folders leads to the new ones."""
    if isinstance(value, dict):
        return {key: _moved(one, old, new) for key, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, old, new) for one in value]
    if isinstance(value, str):
        for place in ("voices", "samples"):
            if value.startswith(f"{place}/{old}/"):
                return f"{place}/{new}/{value.removeprefix(f'{place}/{old}/')}"
    return value
