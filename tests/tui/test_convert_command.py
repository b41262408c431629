"""`myna convert`: what is sent of a recording, where the sound goes, and what is refused before anything is sent."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from proto import passes
from tests.tui.conftest import Run
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp3"
    path.write_bytes(bytes(range(256)) * 4)
    return path


def test_a_recording_is_sent_and_comes_back_as_a_file_that_says_what_it_is(
    myna: Run, stage: Stage, talk: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    ended = myna(
        "convert", talk, "--voice", "anna@7", "--engine", "openvoice", "--after", "enhance", "--seed", 3, "-o", out
    )
    assert (ended.code, ended.out) == (0, f"{out}: 1.0 s of anna\n"), ended.err
    ((spec, sent),) = stage.speech.converted
    assert sent == talk.read_bytes()
    assert passes.written(spec.after) == "convert:anna@7:openvoice,enhance"
    assert (spec.voice, spec.seed, spec.text) == ("anna", 3, "")
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, pytest.approx(1.024 * RATE, abs=2))
    assert b"Synthetic speech of the voice anna, made by Myna" in out.read_bytes()


def test_the_only_voice_is_meant_and_json_tells_what_there_is_to_tell(
    myna: Run, stage: Stage, talk: Path, tmp_path: Path
) -> None:
    ended = myna("convert", talk, "-o", tmp_path / "out.flac", "--json")
    told = json.loads(ended.out)
    assert (told["voice"], told["job"], told["sample_rate"]) == ("anna", 41, RATE)
    ((spec, _),) = stage.speech.converted
    assert passes.written(spec.after) == "convert:anna"
    assert not spec.HasField("seed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing.wav",), "does not exist"),
        (("talk.mp3", "--voice", "anna@base"), "names the base, which has no recordings to sound like."),
        (("talk.mp3", "--voice", "openai:alloy"), "openai:alloy is spoken elsewhere: here are no recordings of it"),
        (("talk.mp3", "--after", "reverb"), "There is no pass named 'reverb' after speech."),
        (("talk.mp3", "-o", "talk.txt"), "not a format that can be written"),
        (("talk.mp3", "--seed", "-1"), "seed must be a whole number"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    myna: Run, stage: Stage, talk: Path, words: tuple[str, ...], said: str
) -> None:
    ended = myna("convert", talk.parent / words[0], *words[1:])
    assert ended.code == 2
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert not stage.speech.converted


def test_a_recording_is_not_written_over(myna: Run, stage: Stage, tmp_path: Path) -> None:
    own = tmp_path / "own.wav"
    own.write_bytes(b"mine")
    ended = myna("convert", own, "-o", own)
    assert (ended.code, own.read_bytes()) == (2, b"mine")
    assert "This would write over the recording itself." in ended.err
    assert not stage.speech.converted


def test_what_the_daemon_says_no_to_leaves_no_file(myna: Run, stage: Stage, talk: Path, tmp_path: Path) -> None:
    stage.speech.refusal = ("FAILED_PRECONDITION", "Speech cannot be converted yet: the base is not here.", "Get it.")
    ended = myna("convert", talk, "-o", tmp_path / "out.wav")
    assert ended.code == 1
    assert "Speech cannot be converted yet: the base is not here.\n  Get it." in ended.err
    assert list(tmp_path.rglob("*out*")) == []
