"""Transcripts: what a metadata.csv says of which recording, and moving one away without losing it."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.inbox import transcripts
from daemon.inbox.folder import InboxFolder
from daemon.inbox.transcripts import BadTranscript, Metadata

pytestmark = pytest.mark.unit


def dropped(home: Path, name: str, content: str | bytes) -> InboxFolder:
    """Anna's inbox folder with a file in it."""
    folder = home / "inbox" / "anna"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return InboxFolder(home, "anna")


def metadata(tmp_path: Path, text: str) -> Metadata:
    return transcripts.read_metadata(dropped(tmp_path, "metadata.csv", text), b"metadata.csv")


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


def test_names_that_are_no_ascii_are_matched_by_their_bytes(tmp_path: Path) -> None:
    assert metadata(tmp_path, "größe|One\n").text_of("größe.wav".encode()) == "One"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_list_in_any_usual_encoding_is_read_piece_by_piece(tmp_path: Path, encoding: str) -> None:
    lines = "".join(f"a{number}|Größe {number}\n" for number in range(20_000))
    folder = dropped(tmp_path, "metadata.csv", lines.encode(encoding))
    found = transcripts.read_metadata(folder, b"metadata.csv")
    assert len(found.texts) == 20_000
    assert found.texts[b"a19999"] == "Größe 19999"


@pytest.mark.long
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"a|b\n" * 200_001, "200,000 lines"),
        (b"a|" + b"b" * 65_600 + b"\n", "Line 1"),
        (b"a|b\n" + b"|" * 31_000_000, "Line 2"),
        (b"\xff|" * 100_000, "Line 1"),
    ],
)
def test_a_list_past_a_limit_is_refused_with_the_limit_in_little_memory(
    tmp_path: Path, content: bytes, word: str
) -> None:
    folder = dropped(tmp_path, "metadata.csv", content)
    tracemalloc.start()
    with pytest.raises(BadTranscript) as bad:
        transcripts.read_metadata(folder, b"metadata.csv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert word in f"{bad.value.sentence} {bad.value.hint}"
    assert peak < 4_000_000


def test_a_list_of_too_many_bytes_is_refused_unread(tmp_path: Path) -> None:
    folder = dropped(tmp_path, "metadata.csv", b"a|b\n")
    os.truncate(tmp_path / "inbox" / "anna" / "metadata.csv", 1 << 40)
    with pytest.raises(BadTranscript, match="too long") as bad:
        transcripts.read_metadata(folder, b"metadata.csv")
    assert "32 MB" in bad.value.hint
    assert "split" in bad.value.hint


def test_a_kept_transcript_lies_under_its_hash_and_leaves_the_inbox(tmp_path: Path) -> None:
    folder = dropped(tmp_path, "a.txt", "Good morning.")
    transcripts.keep(tmp_path / "home", folder, b"a.txt")
    assert not (tmp_path / "inbox" / "anna" / "a.txt").exists()
    (kept,) = (tmp_path / "home" / "recordings" / "texts").iterdir()
    assert kept.read_text() == "Good morning."
    assert kept.suffix == ".txt"


@pytest.mark.parametrize("read", [transcripts.read_text, transcripts.read_metadata])
@pytest.mark.parametrize("path", ["a.txt", "sub/a.txt", "sub/deep/a.txt"])
def test_a_transcript_that_is_a_link_or_lies_behind_one_is_not_read(
    tmp_path: Path, read: Callable[..., object], path: str
) -> None:
    secret = tmp_path / "secret" / "deep"
    secret.mkdir(parents=True)
    for folder in (secret.parent, secret):
        (folder / "a.txt").write_text("x|secret")
    place = dropped(tmp_path, "b.txt", "")
    anna = tmp_path / "inbox" / "anna"
    (anna / "sub").symlink_to(secret.parent)
    (anna / "a.txt").symlink_to(secret / "a.txt")
    with pytest.raises(OSError, match=r"ordinary file|is a link"):
        read(place, path.encode())
    with pytest.raises(OSError, match=r"ordinary file|is a link"):
        transcripts.keep(tmp_path / "home", place, path.encode())
    assert len(list(secret.parent.rglob("a.txt"))) == 2
