"""`myna` as a person meets it: exit codes, wrong usage, help, completion, and what goes to which stream."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.text import Text

from proto import myna_pb2 as pb
from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.stage.rows import NOW
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_without_a_daemon_a_command_fails_with_one_sentence_and_how_to_start_it(myna: Run, home: Path) -> None:
    ended = myna("jobs")
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err == f"myna: No daemon is running in {home}.\n  Start it with `myna up`.\n"


@pytest.mark.parametrize(
    "words",
    [
        ("logs", "99999999999999999999"),
        ("cancel", "99999999999999999999"),
        ("logs", "1", "--tail", "99999999999"),
    ],
)
def test_a_number_that_no_message_can_carry_is_wrong_usage(myna: Run, words: tuple[str, ...]) -> None:
    ended = myna(*words)
    assert ended.code == 2, ended.err
    assert "is too large a number" in ended.err


def test_with_json_an_error_is_an_object_on_stderr(myna: Run) -> None:
    ended = myna("jobs", "--json")
    assert ended.code == 1
    assert ended.out == ""
    assert json.loads(ended.err)["code"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    "words",
    [
        ("jbos",),
        ("job",),
        ("job", "seven"),
        ("job", "0"),
        ("promote", "anna"),
        ("jobs", "--state", "sleeping"),
        ("--host", "nowhere", "jobs"),
    ],
)
def test_wrong_usage_exits_2_without_asking_a_daemon(myna: Run, words: tuple[str, ...]) -> None:
    ended = myna(*words)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert ended.err.strip()


def test_a_mistyped_command_is_answered_with_the_one_meant(myna: Run) -> None:
    assert "jobs" in myna("jbos").err


def test_help_names_every_command_of_the_design(myna: Run) -> None:
    from tui.cli import COMMANDS

    ended = myna("--help")
    assert ended.code == 0
    assert all(f" {name} " in ended.out for names in COMMANDS.values() for name in names)


def test_no_word_of_a_help_is_taken_for_markup() -> None:
    """Rich reads "[keep]" as a style, and shows nothing of it."""
    from tui import cli

    def texts(command: Any) -> Iterator[str]:
        yield command.help or ""
        yield from (getattr(one, "help", None) or "" for one in command.params)
        for below in getattr(command, "commands", {}).values():
            yield from texts(below)

    said = list(texts(typer.main.get_command(cli.app(["--help"]))))
    assert len(said) > 200
    assert [text for text in said if Text.from_markup(text).plain != text] == []


def test_a_voice_that_does_not_exist_is_answered_with_those_that_do(myna: Run, stage: Stage) -> None:
    ended = myna("versions", "ana")
    assert ended.code == 1
    assert "no voice named 'ana'" in ended.err
    assert "There are: anna." in ended.err


def test_a_list_as_json_is_an_array_whose_numbers_are_numbers(myna: Run, stage: Stage) -> None:
    rows = json.loads(myna("jobs", "--json", "-n", 2).out)
    assert [row["id"] for row in rows] == [1, 2]
    assert rows[0]["kind"] == "train"
    assert rows[0]["status"]["succeeded"]["ended"].endswith("Z")


def test_a_watch_as_json_is_a_line_an_event(home: Path, stage: Stage) -> None:
    stage.jobs.events = [
        pb.Event(cursor=101, time=NOW, inbox=pb.InboxEvent(voice="anna", name="a.wav", state="taken", seconds=3.0))
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "tui.cli", "watch", "--json"],
        cwd=ROOT,
        env=clean_environment(home),
        stdout=subprocess.PIPE,
    ) as watch:
        assert watch.stdout is not None
        assert json.loads(watch.stdout.readline())["inbox"]["name"] == "a.wav"
        watch.send_signal(signal.SIGINT)
        assert watch.wait(20) == 130


def test_ctrl_c_ends_a_watch_without_a_word(home: Path, stage: Stage) -> None:
    stage.jobs.events = [pb.Event(cursor=101, time=NOW, notice=pb.Notice(level="note", sentence="Hello."))]
    command = [sys.executable, "-m", "tui.cli", "watch"]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        assert b"Hello." in watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        assert watch.wait(20) == 130
        assert watch.stderr.read() == b""


def test_ctrl_c_while_waiting_leaves_the_job_at_work_and_says_so(home: Path, stage: Stage) -> None:
    command = [sys.executable, "-m", "tui.cli", "train", "anna", "--wait"]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as train:
        assert train.stderr is not None
        assert b"queued GPU held by train #12" in train.stderr.readline()
        train.send_signal(signal.SIGINT)
        assert train.wait(20) == 130
        assert train.stderr.read() == b"The work goes on without us: myna jobs\n"


def test_a_reader_that_leaves_early_is_no_error(home: Path, stage: Stage) -> None:
    command = [sys.executable, "-m", "tui.cli", "logs", "1"]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as logs:
        assert logs.stdout is not None
        assert logs.stderr is not None
        logs.stdout.readline()
        logs.stdout.close()
        assert logs.wait(30) == 1
        assert logs.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_onto_a_full_disk_is_a_failure_with_a_sentence(home: Path, stage: Stage) -> None:
    command = [sys.executable, "-m", "tui.cli", "jobs"]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            command, cwd=ROOT, env=clean_environment(home), stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert ended.returncode == 1
    assert b"No space left" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_names_and_logs_cannot_steer_the_terminal(myna: Run, stage: Stage) -> None:
    assert "\x1b" not in myna("logs", 1).out
    dropped = myna("clips", "anna", "--dropped").out
    assert len(dropped.splitlines()) == 2  # the newline in the file's name made no line of its own
    assert "b ad.wav" in dropped


def test_what_comes_later_is_answered_with_the_daemons_sentence_and_leaves_no_file(
    myna: Run, stage: Stage, tmp_path: Path
) -> None:
    ended = myna("export", "anna", "-o", tmp_path / "anna.myna.tar.zst")
    assert ended.code == 1
    assert "later version" in ended.err
    assert not list(tmp_path.glob("*.zst*"))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("myna prom", {"promote"}),
        ("myna versions a", {"anna"}),
        ("myna promote anna@", {"anna@7", "anna@6", "anna@base"}),
    ],
)
def test_the_shell_completes_commands_voices_and_versions(
    myna: Run, stage: Stage, line: str, offered: set[str]
) -> None:
    words = line.split()
    ended = myna(_MYNA_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert set(ended.out.split()) == offered


def test_completion_without_a_daemon_is_silent(myna: Run) -> None:
    ended = myna(_MYNA_COMPLETE="complete_bash", COMP_WORDS="myna versions a", COMP_CWORD="2")
    assert (ended.out.strip(), ended.err) == ("", "")
    assert "complete_bash" in myna("completion", "bash").out
