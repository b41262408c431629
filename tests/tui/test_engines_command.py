"""`myna engines` and what gets an engine ready, against the real mynad."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.file_server import Server
from tests.tui.conftest import ROOT, Run, clean_environment

pytestmark = pytest.mark.integration

LICENCE = "Coqui Public Model License 1.0 (non-commercial)"


@pytest.fixture
def mirror() -> Iterator[Server]:
    """A mirror that has nothing."""
    with Server({}).up() as made:
        yield made


@pytest.fixture
def daemon(home: Path, mirror: Server, myna: Run) -> Iterator[None]:
    home.mkdir()
    (home / "myna.toml").write_text(f'weights_url = "{mirror.url}"\nmin_free_disk = 0\n')
    assert myna("up").code == 0
    yield
    myna("down", "--now")


def state(myna: Run, name: str) -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(myna("engines", "--json").out)
    return next(engine for engine in found if engine["name"] == name)


def test_from_an_unread_licence_to_missing_weights(daemon: None, mirror: Server, myna: Run) -> None:
    assert "bfloat16 on a GPU" in myna("engines", "settings", "xtts").out
    assert "glow has no settings of its own" in myna("engines", "settings", "glow").out
    listed = myna("engines").out
    assert "licence not accepted" in listed
    assert "then `myna engines accept xtts`" in listed

    refused = myna("engines", "fetch", "xtts")
    assert refused.code == 1
    assert f"The weights of xtts are under the {LICENCE}, which nobody accepted yet." in refused.err
    assert mirror.asked == []

    accepted = myna("engines", "accept", "xtts")
    assert f"The weights of xtts are under the {LICENCE}, whose terms are at https://" in accepted.out
    assert accepted.code == 1, "the mirror has nothing"
    assert f"{mirror.url}/xtts/config.json cannot be fetched: the server answers 404 Not Found." in accepted.err
    assert state(myna, "xtts")["accepted"], "the consent holds"
    assert "weights missing" in myna("engines").out


def test_a_base_that_its_publisher_gives_to_people_it_knows_is_accepted_without_being_fetched(
    daemon: None, mirror: Server, myna: Run
) -> None:
    accepted = myna("engines", "accept", "fish")
    assert (accepted.code, accepted.err) == (0, "")
    assert "then `myna engines add fish FOLDER`" in accepted.out
    assert state(myna, "fish")["accepted"]
    refused = myna("engines", "fetch", "fish")
    assert refused.code == 2
    assert "only to people who signed in at https://" in refused.err
    assert mirror.asked == []


def test_what_hears_recordings_is_brought_by_its_name(daemon: None, home: Path, myna: Run, tmp_path: Path) -> None:
    """The model has no sense, and is never loaded here: only where it lies matters."""
    (given := tmp_path / "given").mkdir()
    told = myna("engines", "add", "whisper-tiny", given)
    assert told.code == 1
    assert f"{given} holds no Whisper model." in told.err
    assert not (home / "weights" / "whisper-tiny.part").exists()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (given / name).write_bytes(b"{}")
    assert "`myna engines fetch whisper-large-v3`" in myna("engines").out
    taken = myna("engines", "add", "whisper-tiny", given)
    assert taken.code == 0, taken.err
    assert "whisper-tiny is here" in taken.out
    assert (home / "weights" / "whisper" / "tiny" / "model.bin").is_file()
    assert "Whisper hears recordings (tiny)." in myna("engines").out
    assert "There is no engine named 'whisper-huge'" in myna("engines", "fetch", "whisper-huge").err


def test_what_takes_music_out_comes_from_a_folder_with_its_terms(
    daemon: None, home: Path, myna: Run, tmp_path: Path
) -> None:
    (given := tmp_path / "given").mkdir()
    told = myna("engines", "add", "hdemucs", given)
    assert told.code == 1
    assert f"{given} holds no Hybrid Demucs" in told.err
    assert "hdemucs_high_trained.pt" in told.err
    (given / "hdemucs_high_trained.pt").write_bytes(b"weights")
    taken = myna("engines", "add", "hdemucs", given)
    assert taken.code == 0, taken.err
    assert "for scientific purposes only" in " ".join(taken.out.split())
    assert (home / "weights" / "separation" / "hdemucs" / "hdemucs_high_trained.pt").read_bytes() == b"weights"
    assert "hdemucs is here already" in myna("engines", "fetch", "hdemucs").err


def test_who_says_no_has_accepted_nothing(daemon: None, mirror: Server, home: Path, myna: Run) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tui.cli", "engines", "accept", "xtts"]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(home), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as asking:
        os.write(ours, b"n\n")
        out, err = asking.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert LICENCE.encode() in out
    assert asking.returncode == 1
    assert b"The licence of xtts was not accepted." in err
    assert not state(myna, "xtts")["accepted"]
    assert mirror.asked == []


def test_a_folder_that_is_not_the_base_is_a_sentence_and_nothing_is_taken(
    daemon: None, home: Path, myna: Run, tmp_path: Path
) -> None:
    assert myna("engines", "accept", "xtts", "--no-fetch").code == 0
    (wrong := tmp_path / "wrong").mkdir()
    (wrong / "model.pth").write_bytes(b"<!DOCTYPE html>")
    told = myna("engines", "add", "xtts", wrong)
    assert told.code == 1
    assert f"{wrong} lacks config.json and vocab.json" in told.err
    assert list((home / "engines" / "xtts").iterdir()) == []
    assert "The base of glow comes with Myna" in myna("engines", "add", "glow", wrong).err
    assert "There is no engine named 'xtss'" in myna("engines", "add", "xtss", wrong).err
