"""`myna` as a person meets it: exit codes, sentences, what goes to which stream."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import wave
from io import BytesIO
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.stage import NOW, RATE, Stage, job

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


def test_a_waiting_job_says_why(myna: Run, stage: Stage) -> None:
    stage.jobs.rows = {3: job(3, queued=pb.JobStatus.Queued(since=NOW, why_waiting="needs 14 s more audio"))}
    assert "needs 14 s more audio" in myna("jobs").out


def test_a_failed_job_says_what_went_wrong_and_what_to_do(myna: Run, stage: Stage) -> None:
    error = pb.JobError(
        kind=pb.DISK_FULL, sentence="The disk is full.", hint="Free 2.1 GB.", log_tail="writing step 40\n"
    )
    stage.jobs.rows = {3: job(3, failed=pb.JobStatus.Failed(started=NOW, ended=NOW, error=error))}
    out = myna("job", 3).out
    assert all(words in out for words in ("The disk is full.", "Free 2.1 GB.", "writing step 40"))


def test_waiting_for_a_training_that_fails_exits_1_with_its_sentence(myna: Run, stage: Stage) -> None:
    error = pb.JobError(kind=pb.ENGINE, sentence="The loss is no number.", hint="Lower the learning rate.")
    stage.jobs.events = [
        pb.Event(cursor=101, time=NOW, job=job(900, failed=pb.JobStatus.Failed(started=NOW, ended=NOW, error=error)))
    ]
    ended = myna("train", "anna", "--wait")
    assert ended.code == 1
    assert "The loss is no number." in ended.err
    assert "Lower the learning rate." in ended.err


def test_versions_show_their_scores_and_the_report_is_printed_as_it_is(myna: Run, stage: Stage) -> None:
    assert "0.250" in myna("versions", "anna").out
    assert myna("version", "anna@7", "--report").out == "# anna v7\n\nIt is better.\n"


def test_compare_shows_what_listeners_preferred(myna: Run, stage: Stage) -> None:
    assert "listeners" not in myna("compare", "anna@6", 7).out
    stage.voices.rated = [pb.Rating(voice="anna", a=6, b=7, preferred="b", score_b=4, blind=True)] * 2
    words = myna("compare", "anna@6", 7).out.split("listeners")[1]
    assert ["anna@7", "2", "4.0", "4.0", "to", "4.0", "2"] in [row.split() for row in words.splitlines()]
    assert "anna@7 was preferred 2 of 2 times. (2 ratings, all blind.)" in words
    told = json.loads(myna("compare", "anna@6", 7, "--json").out)
    assert told["ready"]
    assert (told["listeners"]["b"], told["listeners"]["share_b"]) == (2, 1.0)


def test_compare_takes_a_bare_number_for_the_second(myna: Run, stage: Stage) -> None:
    out = myna("compare", "anna@6", 7).out
    assert "anna@7 is better" in out
    assert "0.500" in out
    assert myna("compare", "anna@6", "bob@7").code == 2


def test_a_clip_is_found_by_the_beginning_of_its_digest(myna: Run, stage: Stage) -> None:
    ended = myna("clip", "anna", "c0ff", "--text", "hello", "--drop", "--json")
    clip = json.loads(ended.out)
    assert (clip["text"], clip["kept"], clip["sha256"]) == ("hello", False, "c0ffee" * 10)
    assert "no clip abc" in myna("clip", "anna", "abc").err


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


# ---------------------------------------------------------------------------------------------------------------- say


def test_speech_goes_into_a_wav_that_any_program_reads(myna: Run, stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    ended = myna("say", "One.", "Two.", "--voice", "anna@7", "-o", out, "--speed", 1.5, "--seed", 3)
    assert ended.code == 0, ended.err
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()) == (
            RATE,
            1,
            2,
            int(0.75 * RATE),
        )
    (asked,) = stage.speech.asked
    assert (asked.text, asked.voice, asked.version, asked.speed, asked.seed) == ("One. Two.", "anna", 7, 1.5, 3)
    assert not asked.HasField("temperature")


def test_whom_a_voice_is_to_sound_like_goes_along(myna: Run, stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    for like in (("--reference", "a.wav", "--reference", "b.wav"), ("--speaker", "Claribel Dervla")):
        assert myna("say", "One.", "-o", out, *like).code == 0
    first, second = stage.speech.asked
    assert (list(first.references), first.speaker) == (["a.wav", "b.wav"], "")
    assert (list(second.references), second.speaker) == ([], "Claribel Dervla")


def test_speech_on_stdout_is_a_wav_stream_and_nothing_else(myna: Run, stage: Stage) -> None:
    ended = myna("say", "-", "-o", "-", input=b"One. Two.\n")
    assert ended.code == 0, ended.err
    assert ended.raw[:4] == b"RIFF"
    assert ended.raw[4:8] == b"\xff" * 4  # a pipe's length is not known at its beginning
    assert len(ended.raw) == 44 + int(0.75 * RATE) * 2
    assert stage.speech.asked[0].voice == "anna"  # the only one there is


def test_speech_redirected_into_a_file_has_its_true_length(home: Path, stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with out.open("wb") as file:
        command = [sys.executable, "-m", "tui.cli", "say", "One.", "-o", "-"]
        subprocess.run(command, cwd=ROOT, env=clean_environment(home), stdout=file, check=True, timeout=60)
    with wave.open(BytesIO(out.read_bytes())) as read:
        assert read.getnframes() == int(0.75 * RATE)


@pytest.mark.parametrize("ending", [".flac", ".ogg"])
def test_speech_is_written_in_the_format_of_the_files_ending(
    myna: Run, stage: Stage, tmp_path: Path, ending: str
) -> None:
    import soundfile

    out = tmp_path / f"out{ending}"
    ended = myna("say", "One.", "-o", out, "--json")
    assert ended.code == 0, ended.err
    assert soundfile.info(str(out)).frames == int(0.75 * RATE)
    heard = json.loads(ended.out)
    assert (heard["voice"], heard["seconds"], heard["job"]) == ("anna@7", 0.75, 41)


def test_what_the_engine_cannot_say_is_named(myna: Run, stage: Stage, tmp_path: Path) -> None:
    ended = myna("say", "One <break> two.", "-o", tmp_path / "out.wav", "--json")
    assert ended.code == 0
    assert "Left out, since the engine cannot say it: “<break>”." in ended.err
    assert json.loads(ended.out)["left_out"] == ["<break>"]
    assert "left_out" not in json.loads(myna("say", "One.", "-o", tmp_path / "out.wav", "--json").out)


def test_an_ending_without_a_format_is_refused_before_anything_is_spoken(
    myna: Run, stage: Stage, tmp_path: Path
) -> None:
    ended = myna("say", "One.", "-o", tmp_path / "out.xyz")
    assert ended.code == 2
    assert ".wav, .flac" in ended.err
    assert not stage.speech.asked


def test_speech_that_breaks_off_leaves_no_file(myna: Run, stage: Stage, tmp_path: Path) -> None:
    ended = myna("say", "break", "-o", tmp_path / "out.wav")
    assert ended.code == 1
    assert "The engine stopped." in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_without_a_sound_output_say_names_the_option_that_saves(myna: Run, stage: Stage) -> None:
    ended = myna("say", "One.", PULSE_SERVER="none", ALSA_CONFIG_PATH=os.devnull)
    if ended.code == 0:
        pytest.skip("this machine has a sound output")
    assert ended.code == 1
    assert "-o out.wav" in ended.err
    assert not stage.speech.asked


# ------------------------------------------------------------------------------------------------------------- terminal


def on_terminal(home: Path, *words: str, until: bytes, **environment: str) -> bytes:
    """What the command writes to a terminal of its own, once `until` was written."""
    parent, child = pty.openpty()
    env = clean_environment(home, TERM="xterm-256color", **environment)
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.cli", *words], cwd=ROOT, env=env, stdin=child, stdout=child, stderr=child
    )
    os.close(child)
    written, deadline = b"", time.monotonic() + 30
    try:
        while until not in written and time.monotonic() < deadline:
            if select.select([parent], [], [], 0.5)[0]:
                try:
                    written += os.read(parent, 65536)
                except OSError:  # the command has ended
                    break
    finally:
        process.kill()
        process.wait(10)
        os.close(parent)
    return written


def test_a_terminal_gets_colours_unless_no_color_says_otherwise(home: Path, stage: Stage) -> None:
    coloured = on_terminal(home, "jobs", "-n", "3", until=b"#3")
    plain = on_terminal(home, "jobs", "-n", "3", until=b"#3", NO_COLOR="1")
    assert b"\x1b[32m" in coloured
    assert b"\x1b[" not in plain


def test_waiting_on_a_terminal_shows_how_far_the_job_is(home: Path, stage: Stage) -> None:
    running = pb.JobStatus.Running(
        started=NOW, progress=pb.Progress(done=120, total=500, unit="steps", eta_seconds=200)
    )
    stage.jobs.events = [pb.Event(cursor=101, time=NOW, job=job(900, running=running))]
    assert b"120 of 500 steps" in on_terminal(home, "train", "anna", "--wait", until=b"120 of 500 steps")


def test_saving_speech_shows_how_far_it_is(home: Path, stage: Stage, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    assert b"0.1 s of speech" in on_terminal(home, "say", "slowly", "-o", str(out), until=b"0.1 s of speech")


def test_sound_is_not_written_onto_a_terminal(home: Path, stage: Stage) -> None:
    assert b"RIFF" not in on_terminal(home, "say", "One.", "-o", "-", until=b"pipe it")


def test_a_recording_is_taken_out_by_name_or_digest_and_comes_back(myna: Run, stage: Stage) -> None:
    out = myna("remove", "anna", "b.wav")
    assert out.code == 0, out.err
    assert "myna restore anna bbbbbbbbbbbb" in out.out
    assert "b.wav" not in myna("recordings", "anna").out
    assert [
        row["name"] for row in json.loads(myna("recordings", "anna", "--removed", "--json").out) if "removed" in row
    ] == ["b.wav"]
    assert myna("restore", "anna", "bbb").code == 0
    assert "b.wav" in myna("recordings", "anna").out
    missing = myna("remove", "anna", "nothing.wav")
    assert missing.code == 1
    assert "myna recordings anna --removed" in missing.err


def test_a_voice_is_deleted_only_when_asked_twice_and_comes_back(myna: Run, stage: Stage) -> None:
    refused = myna("voices", "delete", "anna")
    assert refused.code == 1
    assert (
        refused.err
        == "myna: anna was not deleted: nobody can be asked here.\n  Add --yes to delete it without a question.\n"
    )
    assert stage.voices.changed == []
    assert "myna voices restore anna" in myna("voices", "delete", "anna", "--yes").out
    assert myna("voices").out.startswith("No voices yet.")
    assert "anna" in myna("voices", "--deleted").out
    assert "deleted" in json.loads(myna("voices", "--deleted", "--json").out)[0]
    assert myna("voices", "restore", "anna").out.startswith("anna is back.")
    assert "anna" in myna("voices").out
    assert [verb for verb, _, _ in stage.voices.changed] == ["DeleteVoice", "RestoreVoice"]


def test_a_voice_is_renamed_and_json_tells_it(myna: Run, stage: Stage) -> None:
    assert json.loads(myna("voices", "rename", "anna", "berta", "--json").out)["name"] == "berta"
    assert "inbox/anna/" in myna("voices", "rename", "berta", "anna").out
    assert stage.voices.changed == [("RenameVoice berta", "anna", 0), ("RenameVoice anna", "berta", 0)]


@pytest.mark.parametrize("text", [(), ("Hello.",)])
def test_speakers_are_listed_without_a_sound_card_and_without_a_text(
    myna: Run, stage: Stage, text: tuple[str, ...]
) -> None:
    ended = myna("say", *text, "--speaker", "?")
    assert "It has: Ana, Ben." in ended.err
    assert "Nothing can be played" not in ended.err
    assert myna("say").code == 2


@pytest.mark.parametrize(("asked", "word"), [(pb.CANCELLING, "cancelling"), (pb.PAUSING, "pausing")])
def test_a_job_that_was_asked_to_end_or_to_wait_says_so_in_every_list(
    myna: Run, stage: Stage, asked: pb.Transition, word: str
) -> None:
    stage.jobs.rows = {3: job(3, running=pb.JobStatus.Running(started=NOW, transition=asked))}
    for words in (("jobs",), ("job", 3), ("status",)):
        assert word in myna(*words).out, words


def test_watching_tells_what_a_renamed_voice_is_called_now() -> None:
    from tui.commands.status import event_line

    assert "anna is now called berta" in event_line(pb.Event(time=NOW, voice=pb.Voice(name="anna", renamed_to="berta")))
    stray = pb.Event(time=NOW, inbox=pb.InboxEvent(name="Bad Name!", state="settling", why="It is left as it is."))
    assert event_line(stray).endswith("  Bad Name! It is left as it is.")


def test_status_tells_what_was_refused_and_where_it_lies(myna: Run, stage: Stage) -> None:
    stage.system.info.refused.add(voice="anna", name="notes.docx", state="refused", why="It is no audio file.")
    stage.system.info.refused_count = 1
    told = " ".join(myna("status").out.split())
    assert "refused 1 file. anna/notes.docx: It is no audio file." in told
    assert ".refused" in told


def test_status_tells_of_every_gpu_and_which_one_is_worked_on(myna: Run, stage: Stage) -> None:
    for number in range(2):
        stage.system.info.sample.gpus.add(
            index=number, name="H100", memory_total=80 * 10**9, memory_used=number * 10**9, owned=number == 1
        )
    told = [" ".join(line.split()) for line in myna("status").out.splitlines()]
    assert "gpu 0 H100: 0 B of 80.0 GB · 0%" in told
    assert "gpu 1 H100: 1.0 GB of 80.0 GB · 0% · Myna works on this one" in told
