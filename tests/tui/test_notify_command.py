"""`myna notify` and `myna notify test`, on the real mynad and real servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.daemon.receivers import mailbox, receiver
from tests.tui.conftest import Run

pytestmark = pytest.mark.integration


def test_where_people_are_told_is_listed_and_tried(home: Path, myna: Run) -> None:
    home.mkdir()
    with receiver() as there, mailbox() as box:
        (home / "hook.secret").write_text(there.url("geheimnis"))
        (home / "hook.secret").chmod(0o600)
        (home / "myna.toml").write_text(
            '[[notify]]\nname = "hook"\nurl_file = "hook.secret"\nevents = ["disk"]\nquiet = "22-7"\ndigest = "1h"\n'
            f'[[notify]]\nname = "post"\nurl = "{box.url()}"\n[[notify]]\nname = "odd"\nurl = "nonsense://geheimnis"\n'
        )
        (home / "myna.toml").chmod(0o644)
        refused = myna("up")
        assert "Other users can read" in refused.err
        assert "chmod 600" in refused.err
        (home / "myna.toml").chmod(0o600)
        try:
            assert myna("up").code == 0
            listed = myna("notify", COLUMNS="200").out
            assert f"json://127.0.0.1:{there.port}/…" in listed
            assert "every 1 h, not 22-7 h" in listed
            assert "Apprise does not understand its URL." in listed
            (hook, *_) = json.loads(myna("notify", "--json").out)
            assert (hook["name"], hook["service"], hook["digest_seconds"]) == ("hook", "JSON", 3600.0)
            tried = myna("notify", "test", "hook")
            assert (tried.code, "HTTP 200 OK." in tried.out) == (0, True), tried
            assert there.next().body["message"] == "This is a test: notices of this Myna arrive here."
            everywhere = myna("notify", "test")
            assert everywhere.code == 1
            assert "SMTP 250 taken" in everywhere.out
            assert "1 test message was not taken." in everywhere.err
            assert "a test" in str(box.next()["Subject"])
            unknown = myna("notify", "test", "other")
            assert "There is no notifier named 'other'." in unknown.err
            assert "There are: hook, post, odd." in unknown.err
            said = listed + tried.out + everywhere.out + everywhere.err + (home / "log" / "mynad.log").read_text()
            assert "geheimnis" not in said
        finally:
            myna("down", "--now")


def test_without_a_notifier_it_says_how_to_have_one(myna: Run, any_daemon: object) -> None:
    assert "Write [[notify]] into myna.toml" in myna("notify").out
    assert myna("notify", "test").code == 0
