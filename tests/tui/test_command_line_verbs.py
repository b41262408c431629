"""Verbs of `myna` that change what is known of versions and clips, lists that are narrowed, and what the shell and
`--help` offer."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.stage.rows import NOW, job
from tests.tui.stage.server import Stage
from tui import cli

pytestmark = pytest.mark.integration


# ----------------------------------------------------------------------------------------------------------- versions


def test_a_version_is_archived_and_the_way_back_is_named(myna: Run, stage: Stage) -> None:
    ended = myna("archive", "anna@6")
    assert ended.code == 0, ended.err
    assert "myna promote anna@6" in ended.out
    assert stage.voices.changed == [("Delete", "anna", 6)]
    assert json.loads(myna("archive", "anna@6", "--json").out)["state"] == "archived"


@pytest.mark.parametrize("name", ["anna", "anna@base", "anna@seven"])
def test_what_is_not_a_version_is_not_archived(myna: Run, stage: Stage, name: str) -> None:
    assert myna("archive", name).code == 2
    assert stage.voices.changed == []


def test_a_number_that_is_none_is_named_in_plain_words(myna: Run) -> None:
    assert "'seven' is not a version number." in myna("version", "anna@seven").err


# ------------------------------------------------------------------------------------------------------------ ratings


@pytest.mark.parametrize("preferred", ["b", "7", "anna@7"])
def test_two_versions_are_rated(myna: Run, stage: Stage, preferred: str) -> None:
    ended = myna("rate", "anna@6", "7", "--prefer", preferred, "--score-b", "4", "--text", "Hello.", "--blind")
    assert ended.code == 0, ended.err
    assert "myna unrate anna 1" in ended.out
    (kept,) = stage.voices.rated
    assert (kept.voice, kept.a, kept.b, kept.preferred) == ("anna", 6, 7, "b")
    assert (kept.score_a, kept.score_b, kept.text, kept.blind) == (0, 4, "Hello.", True)


def test_a_rating_names_its_clip_by_the_first_characters(myna: Run, stage: Stage) -> None:
    assert myna("rate", "anna@base", "anna@7", "--prefer", "same", "--clip", "c0ff").code == 0
    (kept,) = stage.voices.rated
    assert (kept.a, kept.preferred, kept.clip) == (0, "same", "c0ffee" * 10)


def test_ratings_are_listed_and_taken_back(myna: Run, stage: Stage) -> None:
    assert myna("ratings", "anna@6", "anna@7").out.startswith("Nobody has rated anna@6 and anna@7 yet.")
    myna("rate", "anna@6", "anna@7", "--prefer", "a", "--text", "Hello.")
    listed = myna("ratings", "anna@6", "anna@7").out
    assert "Hello." in listed
    assert "1 rating" in listed
    assert len(json.loads(myna("ratings", "anna@6", "anna@7", "--json").out)["ratings"]) == 1
    assert myna("unrate", "anna", "1").out == "Rating 1 of anna is taken back.\n"
    assert stage.voices.rated == []


def test_votes_that_decide_say_what_they_come_to(myna: Run, stage: Stage) -> None:
    stage.voices.undecided = [pb.Undecided(voice="anna", listening=pb.Listening(version=7, against=6))]
    vote = ("rate", "anna@6", "anna@7", "--prefer", "b", "--text", "Hello.", "--blind")
    so_far = "anna@7 won 1 of 1 blind votes: about 7 more like these would decide."
    assert so_far in myna(*vote).out
    assert so_far in myna("ratings", "anna@6", "anna@7").out
    assert so_far in myna("compare", "anna@6", "anna@7").out
    decisive = [myna(*vote).out for _ in range(7)][-1]
    decided = "Decided: anna@7 won 8 of 8 blind votes, and anna@7 was promoted."
    assert decided in decisive
    assert myna("unrate", "anna", "8").out == f"Rating 8 of anna is taken back. {decided}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("anna@6", "anna@7"),
        ("anna@6", "anna@7", "--prefer", "c"),
        ("anna@6", "anna@7", "--score-a", "6"),
        ("anna@6", "bob@7", "--prefer", "a"),
    ],
)
def test_a_rating_that_says_nothing_or_cannot_be_is_wrong_usage(
    myna: Run, stage: Stage, words: tuple[str, ...]
) -> None:
    assert myna("rate", *words).code == 2
    assert stage.voices.rated == []


# -------------------------------------------------------------------------------------------------------------- clips


def test_a_change_of_a_clip_is_taken_back(myna: Run, stage: Stage) -> None:
    assert myna("clip", "anna", "c0ff", "--text", "hello then").code == 0
    ended = myna("clip", "anna", "c0ff", "--undo")
    assert ended.code == 0, ended.err
    assert "hello there" in ended.out
    assert stage.datasets.clips[0].text == "hello there"


def test_undoing_goes_alone(myna: Run, stage: Stage) -> None:
    assert myna("clip", "anna", "c0ff", "--undo", "--drop").code == 2
    assert stage.datasets.clips[0].kept


@pytest.fixture
def doubted(stage: Stage) -> Stage:
    """Two clips to review; the second, which was dropped, more than the first."""
    sentence = "Its text hardly fits the sound: -2.4, right texts are above -1.3."
    poor = pb.Doubt(reason="poor-fit", title="text hardly fits", sentence=sentence, weight=0.4)
    narrow = pb.Doubt(reason="noisy", title="dropped narrowly", weight=0.5)
    stage.datasets.clips[1].sha256 = "ab" * 32
    stage.datasets.doubts = {"c0ffee" * 10: [poor], "ab" * 32: [narrow]}
    return stage


def test_clips_to_review_are_listed_the_most_doubtful_first_with_why(myna: Run, doubted: Stage) -> None:
    told = myna("clips", "anna", "--review").out
    assert "2 clips left to review." in told
    first, second = told.splitlines()[1:3]
    assert first.startswith("abababababab")
    assert "dropped narrowly" in first
    assert " ".join(second.split()) == "c0ffeec0ffee 40% kept text hardly fits a.wav 0.0 s hello there"
    assert "2 clips left to review." in myna("clips", "anna", "--review", "-n", 1).out
    (one,) = json.loads(myna("clips", "anna", "--review", "-n", 1, "--json").out)
    assert (one["doubt"], one["doubts"][0]["reason"]) == (0.5, "noisy")


def test_an_accepted_clip_is_not_reviewed_again_until_that_is_taken_back(myna: Run, doubted: Stage) -> None:
    assert myna("clip", "anna", "c0ff", "--accept").code == 0
    assert "1 clip left to review." in myna("clips", "anna", "--review").out
    assert myna("clip", "anna", "c0ff", "--undo").code == 0
    assert "2 clips left to review." in myna("clips", "anna", "--review").out
    doubted.datasets.doubts = {}
    assert myna("clips", "anna", "--review").out == "No clip of anna is left to review.\n"


@pytest.mark.parametrize(
    "words",
    [
        ("clips", "anna", "--review", "--dropped"),
        ("clip", "anna", "c0ff", "--accept", "--text", "hello"),
        ("clip", "anna", "c0ff", "--accept", "--undo"),
    ],
)
def test_reviewing_and_accepting_go_alone(myna: Run, doubted: Stage, words: tuple[str, ...]) -> None:
    assert myna(*words).code == 2
    assert doubted.datasets.clips[0].trust == ""


# --------------------------------------------------------------------------------------------------------------- jobs


@pytest.mark.parametrize("words", [("--state", "running,failed"), ("--state", "running", "--state", "failed")])
def test_jobs_of_several_states_are_listed(myna: Run, stage: Stage, words: tuple[str, ...]) -> None:
    stage.jobs.rows = {
        1: job(1, running=pb.JobStatus.Running(started=NOW)),
        2: job(2, succeeded=pb.JobStatus.Succeeded(started=NOW, ended=NOW)),
        3: job(3, failed=pb.JobStatus.Failed(started=NOW, ended=NOW)),
    }
    assert [row["id"] for row in json.loads(myna("jobs", *words, "--json").out)] == [1, 3]


def test_a_state_that_does_not_exist_is_named(myna: Run) -> None:
    ended = myna("jobs", "--state", "running,asleep")
    assert ended.code == 2
    assert "'asleep' is not a state" in ended.err


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("2", "3"), {1, 4}),
        ((), {1}),
        (("--state", "done,cancelled"), {1, 3}),
        (("--state", "failed", "--json"), {1, 2, 4}),
    ],
)
def test_jobs_that_have_ended_are_cleared_out_of_the_lists(
    myna: Run, stage: Stage, words: tuple[str, ...], left: set[int]
) -> None:
    stage.jobs.rows = several()
    ended = myna("clear", *words)
    assert ended.code == 0, ended.err
    assert set(stage.jobs.rows) == left
    if "--json" in words:
        assert json.loads(ended.out) == {"cleared": 1}
    else:
        assert f"{4 - len(left)} job" in ended.out
        assert "myna retry" in ended.out
        assert "No such job is still listed." in myna("clear", "--state", "done").out


def test_a_job_that_has_not_ended_is_not_cleared_and_the_way_is_named(myna: Run, stage: Stage) -> None:
    stage.jobs.rows = several()
    ended = myna("clear", "2", "1")
    assert ended.code == 1
    assert "Job 1 is running; only jobs that have ended can be cleared away." in ended.err
    assert "myna cancel 1" in ended.err
    assert set(stage.jobs.rows) == {1, 2, 3, 4}


@pytest.mark.parametrize("words", [("--state", "running"), ("2", "--state", "failed"), ("0",)])
def test_what_cannot_be_cleared_is_wrong_usage(myna: Run, stage: Stage, words: tuple[str, ...]) -> None:
    assert myna("clear", *words).code == 2
    assert stage.jobs.changed == []


def several() -> dict[int, pb.Job]:
    """A job that runs, and three that have ended, each in another way."""
    return {
        1: job(1, running=pb.JobStatus.Running(started=NOW)),
        2: job(2, succeeded=pb.JobStatus.Succeeded(started=NOW, ended=NOW)),
        3: job(3, failed=pb.JobStatus.Failed(started=NOW, ended=NOW)),
        4: job(4, cancelled=pb.JobStatus.Cancelled(ended=NOW)),
    }


def test_runs_are_listed_and_told_in_full(myna: Run, stage: Stage) -> None:
    stage.runs.rows = {
        12: pb.Run(
            id=12, voice="anna", engine="glow", job=3, dataset=4, from_version=6, to_version=7, step=500, steps=500,
            best_step=400, best_loss=0.25, settings_json='{"learning_rate": 0.001, "lora": {"rank": 8}}',
            started=NOW, ended=NOW,
        )
    }  # fmt: skip
    assert "#12" in myna("runs").out
    told = myna("run", 12).out
    assert told.startswith("Run #12: anna from anna@6 on dataset #4\n")
    for words in ("anna@7", "0.25 at step 400", "learning_rate", "lora_rank"):
        assert words in told
    assert json.loads(myna("run", 12, "--json").out)["to_version"] == 7
    assert myna("run", 13).code == 1


# --------------------------------------------------------------------------------------------------------- completion


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("myna promote a", {"anna@7", "anna@6", "anna@base"}),
        ("myna promote anna@b", {"anna@base"}),
        ("myna archive anna@6", {"anna@6"}),
        ("myna say -v anna@7", {"anna@7"}),
        ("myna export anna@7", {"anna@7"}),
        ("myna rate anna@6 anna@7", {"anna@7"}),
        ("myna job 44", {"44"}),
        ("myna cancel 4", {"4"}),
        ("myna cancel 5", set()),
        ("myna retry 4", set()),
        ("myna retry 5", {"5"}),
        ("myna clear 44", {"44"}),
        ("myna clear --state failed,", {"failed,succeeded", "failed,cancelled"}),
        ("myna clip anna c0", {"c0ffeec0ffee"}),
        ("myna remove anna a", {"a" * 12}),
        ("myna restore anna b", {"b" * 12}),
        ("myna train anna --from ba", {"base"}),
        ("myna jobs --voice an", {"anna"}),
        ("myna jobs --state running,pa", {"running,paused"}),
        ("myna run 1", {"12"}),
    ],
)
def test_the_shell_completes_what_commands_are_about(myna: Run, stage: Stage, line: str, offered: set[str]) -> None:
    stage.jobs.rows |= {
        4: job(4, running=pb.JobStatus.Running(started=NOW)),
        5: job(5, failed=pb.JobStatus.Failed(started=NOW, ended=NOW)),
    }
    stage.datasets.given[1].removed.CopyFrom(NOW)
    stage.runs.rows = {number: pb.Run(id=number, voice="anna") for number in (9, 12)}
    words = line.split()
    ended = myna(_MYNA_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert set(ended.out.split()) == offered


def test_in_zsh_a_job_is_offered_with_what_it_is(myna: Run, stage: Stage) -> None:
    offered = myna(_MYNA_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="myna job 45").out
    assert "train anna (#45), succeeded" in offered


def test_bash_completes_a_version_in_the_middle_of_its_name(home: Path, stage: Stage, tmp_path: Path) -> None:
    """bash itself takes @ for the end of a word, so the script tells it otherwise."""
    command = tmp_path / "myna"
    command.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m tui.cli "$@"\n')
    command.chmod(0o755)
    where = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    env = clean_environment(home, TERM="dumb", PATH=where, PS1="$ ")
    parent, child = pty.openpty()
    shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], env=env, stdin=child, stdout=child, stderr=child)
    os.close(child)
    written, deadline = b"", time.monotonic() + 60
    try:
        os.write(parent, b'eval "$(myna completion bash)"\necho compare anna@6 anna@b\t\nmyna compare anna@6 anna@b\t')
        while not written.rstrip(b"\x07").endswith(b"anna@base ") and time.monotonic() < deadline:
            if select.select([parent], [], [], 0.5)[0]:
                written += os.read(parent, 65536)
    finally:
        shell.kill()
        shell.wait(10)
        os.close(parent)
    assert b"myna compare anna@6 anna@base" in written


# --------------------------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", ["", "voices delete", *(name for names in cli.COMMANDS.values() for name in names)])
def test_help_shows_no_type_beside_a_flag(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--help" in shown
    assert "-h " in shown
    assert "bool" not in shown.lower()
