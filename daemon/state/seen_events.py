"""Which events a caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from sqlalchemy.orm import Session

from daemon.database.store import caller_of
from daemon.state import seen
from proto import myna_pb2 as pb


def of(session: Session, events: Sequence[tuple[str, pb.Event]]) -> list[pb.Event]:
    """Those of the events (each after the voice that it is about) that the caller may see. What is about no voice is
    the owner's, but for jobs that were cleared away; so is what the owner's notifiers tell of."""
    if caller_of(session).everything:
        return [event for _, event in events]
    since = seen.readable_since(session)
    jobs = seen.jobs(session, [event.job.id for _, event in events if event.HasField("job")])
    found = []
    for voice, event in events:
        if event.HasField("cleared"):
            known = seen.jobs(session, event.cleared.ids)
            del event.cleared.ids[:]
            event.cleared.ids.extend(sorted(known, reverse=True))
            if known:
                found.append(event)
        elif event.HasField("occasion"):
            continue
        elif event.HasField("job"):
            if event.job.id in jobs:
                found.append(event)
        elif event.voice.renamed_to in since or (voice in since and event.time.ToDatetime(UTC) >= since[voice]):
            found.append(event)
    return found
