"""Names and transcripts of any bytes: taken, or refused with a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inbox_workshop import Workshop, write_wav

pytestmark = pytest.mark.integration


NAMES = [
    b"two\nlines.wav",
    b"bytes\xff\xfe.wav",
    b"bell\x07.wav",
    b"-rf.wav",
    b" .wav",
    b"\xe2\x80\xaeright.wav",
    b"quote'\".wav",
    b"back\\slash.wav",
    b"x" * 251 + b".wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_bytes_is_taken_and_shown_on_one_line(alive: Callable[..., None], name: bytes) -> None:
    async def scenario(workshop: Workshop) -> None:
        sound = write_wav(workshop.home / "sound.wav").read_bytes()
        (workshop.anna / os.fsdecode(name)).write_bytes(sound)
        (workshop.anna / os.fsdecode(name[:-4] + b".txt")).write_text("Good morning.")
        await workshop.all()
        (recording,) = workshop.recordings()
        assert recording.name.isprintable()
        assert recording.text == "Good morning."
        assert (workshop.home / recording.path).read_bytes() == sound
        assert workshop.left() == []

    alive(scenario)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_bytes_is_refused_under_its_name(alive: Callable[..., None], name: bytes) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / os.fsdecode(name)).write_text("no sound")
        await workshop.all()
        (why,) = workshop.refused().values()
        assert all(line.isprintable() for line in why.splitlines())
        (told,) = workshop.told()
        assert told.state == "refused"
        assert told.name.isprintable()

    alive(scenario)


def test_a_voice_folder_of_any_bytes_does_no_harm(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        sound = write_wav(workshop.home / "sound.wav").read_bytes()
        for name in (b"\xff\xfe", b"new\nline", b"v" * 200):
            folder = os.path.join(os.fsencode(workshop.home / "inbox"), name)
            os.mkdir(folder)
            Path(os.fsdecode(folder), "a.wav").write_bytes(sound)
        await workshop.all(10.0)
        assert len([notice for notice in workshop.notices() if "cannot be the name of a voice" in notice]) == 3
        assert [len(files) for _, _, files in os.walk(workshop.home / "inbox")].count(1) == 3, "each is left as it is"

    alive(scenario)


# -------------------------------------------------------------------------------------------------------- transcripts


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n ", "is empty"),
        ("a.txt", b"\x00\x01\x02", "is no text"),
        ("a.txt", b"x" * 1_000_001, "too big"),
        ("metadata.csv", b"no bars here\n", "lists no recording"),
        ("metadata.csv", b"\x00\xff", "is no text"),
    ],
)
@pytest.mark.parametrize("with_recording", [True, False])
def test_a_transcript_that_is_none_is_refused_and_its_recording_is_taken(
    alive: Callable[..., None], name: str, content: bytes, word: str, with_recording: bool
) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / name).write_bytes(content)
        if with_recording:
            write_wav(workshop.anna / "a.wav")
        await workshop.all(15.0)
        assert word in workshop.refused()[name]
        assert [row.text for row in workshop.recordings()] == [None] * with_recording
        assert workshop.left() == []

    alive(scenario)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_transcript_in_any_usual_encoding_is_read(alive: Callable[..., None], encoding: str) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        (workshop.anna / "a.txt").write_bytes("Größe und Façade".encode(encoding))
        await workshop.all()
        assert workshop.recordings()[0].text == "Größe und Façade"

    alive(scenario)
