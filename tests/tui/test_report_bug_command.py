"""`myna report-bug`: what those who mend Myna need, and nothing that is nobody's business."""

from __future__ import annotations

import json
import stat
import tarfile
from pathlib import Path

import pytest

from tests.tui.conftest import Run
from tests.tui.stage.server import Stage
from tui import bug_report

pytestmark = pytest.mark.integration

TOML = """
auto_train = false
token_file = "/etc/private/token"
default_engine = "glow"
[http]
listen = "0.0.0.0:80"
voices = { aloysius = "anna" }
[cost]
per_hour = 2.5
[[notify]]
name = "grannys-phone"
url = "mailtos://me:hunter2@example.org"
"""
LOG = """2026-11-30 12:00:00,000 INFO mynad: ready: {home}/run/mynad.sock
2026-11-30 12:00:01,000 WARNING daemon.inbox: anna/secret interview.wav of anna and annabel was refused
2026-11-30 12:00:01,500 WARNING mynad.notices: grannys-phone: 3 notices were not taken. no answer
2026-11-30 12:00:02,000 WARNING mynad: https://user:hunter2@example.org/x?key=1 did not answer, nor me@example.org
"""


def read(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        return {
            member.name.removeprefix("myna-report/"): archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive.getmembers()
        }


def test_it_holds_what_is_needed_and_no_secret(myna: Run, home: Path, stage: Stage, tmp_path: Path) -> None:
    (home / "log").mkdir(parents=True, exist_ok=True)
    (home / "myna.toml").write_text(TOML)
    (home / "log" / "mynad.log").write_text(LOG.format(home=home))
    file = tmp_path / "report.tar.gz"
    ended = myna("report-bug", "-o", file)
    assert ended.code == 0, ended.err
    made = read(file)
    for name in made:
        assert name in ended.out
    assert {"versions.txt", "doctor.txt", "daemon.json", "failed.txt", "settings.json", "mynad.log"} == set(made)
    whole = "\n".join(made.values())
    for hidden in ("hunter2", "example.org", "/etc/private", str(home), "interview", "0.0.0.0", "granny"):
        assert hidden not in whole
    assert json.loads(made["settings.json"]) == {
        "auto_train": False,
        "token_file": "(left out)",
        "default_engine": "glow",
        "http": {"listen": "(left out)", "voices": "(left out)"},
        "cost": {"per_hour": 2.5},
        "notify": [{"name": "(left out)", "url": "(left out)"}],
    }
    assert "<home>/run/mynad.sock" in made["mynad.log"]
    assert " anna " not in made["mynad.log"]
    assert "mynad.notices: notifier-1: 3 notices were not taken" in made["mynad.log"]
    assert "grpcio " in made["versions.txt"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_report_is_never_written_over(myna: Run, tmp_path: Path) -> None:
    file = tmp_path / "report.tar.gz"
    file.write_text("mine")
    ended = myna("report-bug", "-o", file)
    assert ended.code == 1
    assert "is there already" in ended.err
    assert file.read_text() == "mine"


def test_without_a_daemon_it_tells_what_it_finds(myna: Run, home: Path, tmp_path: Path) -> None:
    for folder in ("log", "voices/aloysius/1", "inbox/beatrix"):
        (home / folder).mkdir(parents=True)
    (home / "myna.toml").write_text('[[notify]\nname = "grannys-phone"\n')
    (home / "log" / "mynad.log").write_text("grannys-phone was told of aloysius@1, and of beatrix\n")
    file = tmp_path / "report.tar.gz"
    assert myna("report-bug", "-o", file).code == 0
    made = read(file)
    assert {"versions.txt", "doctor.txt", "settings.json"} <= set(made)
    assert made["mynad.log"] == "notifier-1 was told of voice-1@1, and of voice-2\n"
    refused = myna("report-bug", "--job", 7, "-o", tmp_path / "other.tar.gz")
    assert refused.code == 1
    assert not (tmp_path / "other.tar.gz").exists()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (b'default_language = "caf\xe9"\n', "is not UTF-8 text"),
        (b"a = " + b"[" * 2_000, "goes too deep"),
        (b"a = ", "TOML"),
    ],
)
def test_settings_that_nobody_can_read_are_reported(
    myna: Run, home: Path, tmp_path: Path, settings: bytes, why: str
) -> None:
    home.mkdir(exist_ok=True)
    (home / "myna.toml").write_bytes(settings)
    ended = myna("report-bug", "-o", tmp_path / "report.tar.gz")
    assert ended.code == 0, ended.err
    assert why in read(tmp_path / "report.tar.gz")["settings.json"]


def test_voices_keep_apart_though_their_names_go(tmp_path: Path) -> None:
    mask = bug_report.Mask(tmp_path, ["anna", "anna-bright", ""])
    assert (
        mask("anna-bright came from anna; Johanna did not, anna did")
        == "voice-1 came from voice-2; Johanna did not, voice-2 did"
    )
    assert mask("a token myna_3fJk29sLq0aZpp7TT1x and step 1200") == "a token <secret or digest> and step 1200"


def test_people_and_addresses_go_and_times_stay(tmp_path: Path) -> None:
    mask = bug_report.Mask(tmp_path, ["anna"], ["ben", "anna"])
    assert mask("ben may not speak as anna, ben") == "person-1 may not speak as voice-1, person-1"
    assert mask("ready: run/mynad.sock and 192.168.1.7:8443.") == "ready: run/mynad.sock and <address>:8443."
    assert mask("the last from ipv6:%5B2001:db8::7%5D:50312 at 12:00:01") == "the last from <address> at 12:00:01"
    assert mask("[fe80::1]:80, 10.0.0.7, 1.2.3, 2026-11-30 07:30:00,123") == (
        "[<address>]:80, <address>, 1.2.3, 2026-11-30 07:30:00,123"
    )


def test_notifiers_that_only_the_running_mynad_knows_go_too(myna: Run, home: Path, tmp_path: Path) -> None:
    toml, log = home / "myna.toml", home / "log" / "mynad.log"
    home.mkdir(exist_ok=True)
    toml.touch(mode=0o600)
    toml.write_text(
        '[[notify]]\nname = "grannys-phone"\nurl = "json://127.0.0.1:9/"\n[[notify]]\nurl = "xml://127.0.0.1:9/"\n'
    )
    try:
        assert myna("up").code == 0
        toml.write_text("settle = 5\n")
        with log.open("a") as more:
            more.write("grannys-phone was not told, nor xml\n")
        file = tmp_path / "report.tar.gz"
        assert myna("report-bug", "-o", file).code == 0
        assert "notifier-1 was not told, nor xml" in read(file)["mynad.log"]
    finally:
        myna("down", "--now")
