"""`myna purge`: what it says before and after, when it asks, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.voices.versions["anna"] += [
        pb.Version(voice="anna", number=5, state="rejected"),
        pb.Version(voice="anna", number=4, state="archived"),
    ]
    return stage


def test_named_versions_are_purged_and_the_bytes_are_told_before_and_after(myna: Run, stage: Stage) -> None:
    ended = myna("purge", "anna@6", "anna@5", "--yes")
    assert ended.code == 0, ended.err
    before, after = ended.out.split("This frees 560 MB.")
    assert "anna@6" in before
    assert "anna@5" in before
    assert "560 MB are free now." in after
    assert stage.voices.changed == [("Purge", "anna", 6), ("Purge", "anna", 5)]


def test_a_dry_run_only_tells(myna: Run, stage: Stage) -> None:
    ended = myna("purge", "anna", "--archived", "--rejected", "--dry-run")
    assert "This would free 840 MB. Nothing is deleted yet." in ended.out
    assert stage.voices.changed == []
    assert json.loads(myna("purge", "anna@6", "--dry-run", "--json").out)["freed"] == 280_000_000


def test_without_a_terminal_and_without_yes_it_refuses_and_says_so(myna: Run, stage: Stage) -> None:
    ended = myna("purge", "anna@6")
    assert ended.code == 1
    assert "Nothing was purged: nobody can be asked here." in ended.err
    assert "Add --yes to free 280 MB" in ended.err
    assert stage.voices.changed == []


@pytest.mark.parametrize(("answer", "gone"), [(b"n\n", []), (b"y\n", [("Purge", "anna", 6)])])
def test_on_a_terminal_it_asks(stage: Stage, answer: bytes, gone: list[tuple[str, str, int]]) -> None:
    parent, child = pty.openpty()
    try:
        command = [sys.executable, "-m", "tui.cli", "purge", "anna@6"]
        os.write(parent, answer)
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(stage.home), stdin=child, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
    finally:
        os.close(parent)
        os.close(child)
    assert b"Purge 1 version and free 280 MB? The weights are deleted for good" in done.stderr
    assert done.returncode == (0 if gone else 1)
    assert stage.voices.changed == gone


def test_what_is_left_of_a_state_is_told_with_the_reason(myna: Run, stage: Stage) -> None:
    stage.voices.needed = {6}
    ended = myna("purge", "anna", "--archived", "--yes")
    assert ended.code == 0, ended.err
    assert "is left: anna@6 cannot be purged: anna@7 holds adapters only" in ended.out
    assert stage.voices.changed == [("Purge", "anna", 4)]
    told = json.loads(myna("purge", "anna", "--archived", "--yes", "--json").out)
    assert [one["name"] for one in told["left"]] == ["anna@6"]
    assert "There is nothing to purge." in myna("purge", "anna", "--archived").out


def test_what_cannot_be_purged_is_refused_before_anything_goes(myna: Run, stage: Stage) -> None:
    ended = myna("purge", "anna@6", "anna@7", "--yes")
    assert ended.code == 1
    assert "anna@7 is promoted; only archived and rejected versions can be purged." in ended.err
    assert stage.voices.changed == []


def test_packages_are_purged(myna: Run, stage: Stage) -> None:
    ended = myna("purge", "anna", "--exports", "--yes")
    assert "anna-6-coqui.tar" in ended.out
    assert "2.0 MB are free now." in ended.out
    assert stage.voices.packages == []
    assert stage.voices.changed == []
    assert "There is nothing to purge." in myna("purge", "--exports").out


@pytest.mark.parametrize(
    "words",
    [(), ("anna",), ("anna@base",), ("anna@6", "--archived"), ("anna", "--archived", "--exports"), ("anna@six",)],
)
def test_what_cannot_be_meant_is_wrong_usage(myna: Run, stage: Stage, words: tuple[str, ...]) -> None:
    assert myna("purge", *words, "--yes").code == 2
    assert stage.voices.changed == []


@pytest.mark.parametrize(
    ("line", "offered"),
    [("myna purge a", {"anna@6", "anna@5", "anna@4"}), ("myna purge anna@6 anna@5", {"anna@5"})],
)
def test_the_shell_completes_what_can_be_purged(myna: Run, stage: Stage, line: str, offered: set[str]) -> None:
    ended = myna(_MYNA_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1))
    assert set(ended.out.split()) == offered
