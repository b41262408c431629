"""`myna say`: where the sound goes, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from io import BytesIO
from pathlib import Path

import pytest

from tests.tui.conftest import ROOT, Run, clean_environment
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


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


def test_passes_after_speech_go_along_in_their_order_and_the_file_says_whom_it_sounds_like(
    myna: Run, stage: Stage, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    assert myna("say", "One.", "-o", out, "--after", "convert:bert,enhance").code == 0
    assert myna("say", "One.", "-o", tmp_path / "plain.wav", "--after", "enhance", "--after", "convert:bert").code == 0
    first, second = stage.speech.asked
    assert [one.WhichOneof("pass") for one in first.after] == ["convert", "enhance"]
    assert first.after[0].convert.voice == "bert"
    assert [one.WhichOneof("pass") for one in second.after] == ["enhance", "convert"]
    assert b"Synthetic speech of the voice anna@7 as bert" in out.read_bytes()


def test_a_pass_that_there_is_not_is_refused_before_anything_is_spoken(myna: Run, stage: Stage, tmp_path: Path) -> None:
    ended = myna("say", "One.", "-o", tmp_path / "out.wav", "--after", "reverb")
    assert ended.code == 2
    assert "There is no pass named 'reverb' after speech.\n  There are: convert:VOICE, enhance." in ended.err
    assert not stage.speech.asked


def test_speech_on_stdout_is_a_wav_stream_and_nothing_else(myna: Run, stage: Stage) -> None:
    ended = myna("say", "-", "-o", "-", input=b"One. Two.\n")
    assert ended.code == 0, ended.err
    assert ended.raw[:4] == b"RIFF"
    assert ended.raw[4:8] == b"\xff" * 4  # a pipe's length is not known at its beginning
    head, found, samples = ended.raw.partition(b"data\xff\xff\xff\xff")
    assert found
    assert len(samples) == int(0.75 * RATE) * 2
    assert b"Synthetic speech of the voice anna@7" in head
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


@pytest.mark.parametrize("text", [(), ("Hello.",)])
def test_speakers_are_listed_without_a_sound_card_and_without_a_text(
    myna: Run, stage: Stage, text: tuple[str, ...]
) -> None:
    ended = myna("say", *text, "--speaker", "?")
    assert "It has: Ana, Ben." in ended.err
    assert "Nothing can be played" not in ended.err
    assert myna("say").code == 2
