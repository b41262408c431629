"""What `myna doctor` says of notifiers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import now
from daemon.database.notice_rows import NotifierRow
from proto import myna_pb2 as pb
from proto.findings import note, ok, problem

#: a service that fails for longer does not come back by itself
LONG = timedelta(hours=1)


def of(session: Session, moment: datetime | None = None) -> list[pb.Finding]:
    """One for each notifier that has sent something, or tried to."""
    found = []
    for row in session.scalars(select(NotifierRow).order_by(NotifierRow.name)):
        name = f"notify {row.name}"
        if row.failing_since is not None:
            long = (moment or now()) - row.failing_since > LONG
            sentence = f"No notice was taken since {row.failing_since:%Y-%m-%d %H:%M} UTC. {row.answer}"
            found.append((problem if long else note)(name, sentence, f"`myna notify test {row.name}` tries it."))
        elif row.last_sent is not None:
            found.append(ok(name, f"The last message was taken at {row.last_sent:%Y-%m-%d %H:%M} UTC."))
    return found


def of_urls(states: Iterable[pb.Notifier]) -> list[pb.Finding]:
    """One for each notifier with which nothing can be sent, whatever there is to tell; as `Notices.states` has them."""
    hint = "Mend its URL and start mynad again: docs/notices.md."
    return [problem(f"notify {one.name}", one.trouble, hint) for one in states if one.trouble]
