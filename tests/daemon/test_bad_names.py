"""Names and transcripts of any bytes: taken, or refused with a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inbox_shop import Workshop, write_wav

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
    async def story(shop: Workshop) -> None:
        sound = write_wav(shop.home / "sound.wav").read_bytes()
        (shop.anna / os.fsdecode(name)).write_bytes(sound)
        (shop.anna / os.fsdecode(name[:-4] + b".txt")).write_text("Good morning.")
        await shop.all()
        (recording,) = shop.recordings()
        assert recording.name.isprintable()
        assert recording.text == "Good morning."
        assert (shop.home / recording.path).read_bytes() == sound
        assert shop.left() == []

    alive(story)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_bytes_is_refused_under_its_name(alive: Callable[..., None], name: bytes) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / os.fsdecode(name)).write_text("no sound")
        await shop.all()
        (why,) = shop.refused().values()
        assert all(line.isprintable() for line in why.splitlines())
        (told,) = shop.told()
        assert told.state == "refused"
        assert told.name.isprintable()

    alive(story)


def test_a_voice_folder_of_any_bytes_does_no_harm(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        sound = write_wav(shop.home / "sound.wav").read_bytes()
        for name in (b"\xff\xfe", b"new\nline", b"v" * 200):
            folder = os.path.join(os.fsencode(shop.home / "inbox"), name)
            os.mkdir(folder)
            Path(os.fsdecode(folder), "a.wav").write_bytes(sound)
        await shop.all(10.0)
        assert len([notice for notice in shop.notices() if "cannot be the name of a voice" in notice]) == 3
        assert [len(files) for _, _, files in os.walk(shop.home / "inbox")].count(1) == 3, "each is left as it is"

    alive(story)


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
    async def story(shop: Workshop) -> None:
        (shop.anna / name).write_bytes(content)
        if with_recording:
            write_wav(shop.anna / "a.wav")
        await shop.all(15.0)
        assert word in shop.refused()[name]
        assert [row.text for row in shop.recordings()] == [None] * with_recording
        assert shop.left() == []

    alive(story)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_transcript_in_any_usual_encoding_is_read(alive: Callable[..., None], encoding: str) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        (shop.anna / "a.txt").write_bytes("Größe und Façade".encode(encoding))
        await shop.all()
        assert shop.recordings()[0].text == "Größe und Façade"

    alive(story)
