"""Transcripts: what a metadata.csv says of which recording, and moving one away without losing it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon import transcripts
from daemon.transcripts import BadTranscript, Metadata

pytestmark = pytest.mark.unit


def metadata(tmp_path: Path, text: str) -> Metadata:
    path = tmp_path / "metadata.csv"
    path.write_text(text)
    return transcripts.read_metadata(os.fsencode(path))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("LJ-1|Raw 1.|Normalised one.", "Normalised one."),
        ("LJ-1|Raw 1.", "Raw 1."),
        ("LJ-1|Raw 1.|", "Raw 1."),
        ("LJ-1||Normalised one.", "Normalised one."),
        ("LJ-1.wav| Raw 1. ", "Raw 1."),
        ("wavs/LJ-1.wav|Raw 1.", "Raw 1."),
        ("./LJ-1|Raw 1.", "Raw 1."),
    ],
)
def test_a_line_tells_of_a_recording(tmp_path: Path, line: str, text: str) -> None:
    found = metadata(tmp_path, line + "\n")
    assert found.text_of(b"wavs/LJ-1.flac") == text
    assert found.text_of(b"wavs/LJ-2.flac") is None


def test_bad_lines_are_counted_and_the_others_are_read(tmp_path: Path) -> None:
    found = metadata(tmp_path, "id|text\na|One\n\nb\n|Two\nc|\nd|Four\n")
    assert found.texts == {b"a": "One", b"d": "Four"}
    assert found.bad_lines == (4, 5, 6)


def test_a_list_without_bars_says_what_a_line_should_read(tmp_path: Path) -> None:
    with pytest.raises(BadTranscript) as bad:
        metadata(tmp_path, "a,One\n")
    assert "id|text" in bad.value.hint


def test_names_that_are_no_utf8_are_matched_by_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes("größe|One\n".encode())
    assert transcripts.read_metadata(os.fsencode(path)).text_of("größe.wav".encode()) == "One"


def test_a_kept_transcript_lies_under_its_hash_and_leaves_the_inbox(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Good morning.")
    transcripts.keep(tmp_path / "home", os.fsencode(path))
    assert not path.exists()
    (kept,) = (tmp_path / "home" / "recordings" / "texts").iterdir()
    assert kept.read_text() == "Good morning."
    assert kept.suffix == ".txt"


def test_a_transcript_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(OSError, match="symbolic links"):
        transcripts.read_text(os.fsencode(tmp_path / "a.txt"))
