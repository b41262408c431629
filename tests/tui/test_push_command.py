"""`myna push` and `myna pull`: what is asked of the daemon, and what is said."""

from __future__ import annotations

import json

from tests.tui.conftest import Run
from tests.tui.stage.server import Stage


def test_a_push_is_a_job(myna: Run, stage: Stage) -> None:
    ended = myna("push", "anna@7", "s3://bucket/voices")
    (request,) = stage.jobs.submitted
    asked = request.spec.push
    assert (asked.voice, asked.version, asked.url) == ("anna", 7, "s3://bucket/voices")
    assert "Follow it: myna logs 900 -f" in ended.out
    myna("push", "anna", "hf://ada/anna")
    assert stage.jobs.submitted[-1].spec.push.version == 0


def test_a_pull_is_waited_for(myna: Run, stage: Stage) -> None:
    stage.jobs.at_once = True
    ended = myna("pull", "s3://bucket/voices/anna-7", "--as", "wren", "--json")
    (request,) = stage.jobs.submitted
    assert (request.spec.pull.url, request.spec.pull.voice) == ("s3://bucket/voices/anna-7", "wren")
    assert ended.code == 0
    assert json.loads(ended.out)["id"] in ("900", 900)
