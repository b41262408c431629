"""`myna idle`: what keeps the machine up, and what is done when nothing does."""

from __future__ import annotations

import json

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.server import Stage


def test_what_keeps_it_up_is_listed_and_what_follows(myna: Run, stage: Stage) -> None:
    keeps = (pb.KEEPS_JOBS, pb.KEEPS_USERS, pb.KEEPS_WATCHED)
    stage.system.idle = pb.IdleResponse(do="shutdown", keeps=keeps, users=["anna"], jobs=2, watchers=1)
    assert myna("idle").out.splitlines() == [
        "2 jobs to do.",
        "Logged in: anna.",
        "1 watcher: dashboards, or scripts.",
        "Once that has ended, the machine shuts down after a while.",
    ]
    assert json.loads(myna("idle", "--json").out)["users"] == ["anna"]


def test_when_it_is_done_is_said_with_what_it_waits_for(myna: Run, stage: Stage) -> None:
    stage.system.idle = pb.IdleResponse(do="suspend", due_seconds=600.0, notices=3, notices_seconds=900.0)
    assert myna("idle").out.splitlines() == [
        "Nothing is left to do, and nobody is there.",
        "If that stays so, the machine goes to sleep in 10 min.",
        "3 notices not sent yet; it waits for that, at most 15 min.",
    ]


def test_a_dry_run_and_nothing_at_all_are_said_to_be_so(myna: Run, stage: Stage) -> None:
    stage.system.idle = pb.IdleResponse(do="command", dry_run=True, keeps=[pb.KEEPS_INBOX], files=1)
    assert "Once that has ended, your command runs after a while (a dry run: it is only said)." in myna("idle").out
    stage.system.idle = pb.IdleResponse(do="command", dry_run=True, due_seconds=60.0)
    assert "your command runs in 1 min (a dry run: it is only said)." in myna("idle").out
    stage.system.idle = pb.IdleResponse(do="command")
    assert "What [when_idle] asks for was done; it is done again only once something happened" in myna("idle").out
    stage.system.idle = pb.IdleResponse(do="nothing")
    assert "Nothing is done when nothing is left to do" in myna("idle").out
