"""Whatever is dropped into the inbox is taken or refused with a sentence, or left alone; nothing crashes, nothing is
lost."""

from __future__ import annotations

import os
import random
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import lives
import numpy as np
import pytest
import soundfile
from inbox_workshop import Workshop, tone, write_wav

pytestmark = pytest.mark.integration


# ----------------------------------------------------------------------------------------------------------- contents


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    whole = write_wav(path, 4.0).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def header_only(path: Path) -> None:
    whole = write_wav(path, 4.0).read_bytes()
    path.write_bytes(whole[:44])


def text(path: Path) -> None:
    path.write_text("This is a letter, not a recording.")


def picture(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))


def noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(100_000))


def nan(path: Path) -> None:
    samples = tone()
    samples[100] = np.nan
    soundfile.write(path, samples, 16_000, subtype="FLOAT")


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (empty, "is empty"),
        (truncated, "cut short"),
        (header_only, ""),
        (text, "a text file"),
        (picture, "a PNG picture"),
        (noise, "is not a recording"),
        (nan, "not numbers"),
        (playlist, "a text file"),
    ],
)
def test_what_is_no_whole_recording_is_refused_with_a_sentence(
    alive: Callable[..., None], make: Callable[[Path], None], word: str
) -> None:
    async def scenario(workshop: Workshop) -> None:
        make(workshop.anna / "a.wav")
        content = (workshop.anna / "a.wav").read_bytes()
        await workshop.all(15.0)
        assert not workshop.recordings()
        assert workshop.left() == []
        assert word in workshop.refused()["a.wav"]
        assert (workshop.anna / ".refused" / "a.wav").read_bytes() == content, "nothing is ever deleted"
        (told,) = workshop.told()
        assert told.state == "refused"
        assert word in told.why

    alive(scenario)


@pytest.mark.parametrize(
    ("subtype", "rate", "channels"),
    [("PCM_U8", 16_000, 1), ("PCM_24", 96_000, 2), ("PCM_16", 48_000, 6), ("FLOAT", 44_100, 1), ("PCM_16", 8_000, 1)],
)
def test_any_bits_rate_and_channels_are_taken(
    alive: Callable[..., None], subtype: str, rate: int, channels: int
) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", subtype=subtype, rate=rate, channels=channels)
        await workshop.all()
        (recording,) = workshop.recordings()
        assert (recording.sample_rate, recording.channels) == (rate, channels)

    alive(scenario)


def test_a_wrong_ending_is_taken_as_what_it_is_with_a_note(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        soundfile.write(workshop.anna / "a.wav", tone(), 16_000, format="FLAC")
        soundfile.write(workshop.anna / "b", tone(pitch=300), 16_000, format="OGG")
        await workshop.all()
        flac, ogg = workshop.recordings()
        assert flac.codec == "flac"
        assert flac.path.endswith(".flac")
        assert "named .wav but is a FLAC" in flac.note
        assert ogg.codec == "vorbis"

    alive(scenario)


# -------------------------------------------------------------------------------------------------------------- kinds


def link_out(path: Path) -> None:
    secret = path.parents[2] / "secret.wav"
    write_wav(secret)
    path.symlink_to(secret)


def link_to_folder(path: Path) -> None:
    outside = path.parents[2] / "outside"
    write_wav(outside / "inside.wav")
    path.symlink_to(outside)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("x")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # socket paths are short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(before)


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except OSError as error:
        pytest.skip(f"no device files here: {error.strerror}")


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (link_out, "links are not followed"),
        (link_to_folder, "links are not followed"),
        (dangling, "links are not followed"),
        (folder, "a folder"),
        (fifo, "no ordinary file"),
        (unix_socket, "no ordinary file"),
        (device, "no ordinary file"),
    ],
)
def test_what_is_no_file_is_refused_itself(alive: Callable[..., None], make: Callable[[Path], None], word: str) -> None:
    async def scenario(workshop: Workshop) -> None:
        make(workshop.anna / "x.wav")
        mode = stat.S_IFMT((workshop.anna / "x.wav").lstat().st_mode)
        await workshop.all(15.0)
        assert not workshop.recordings()
        assert not os.path.lexists(workshop.anna / "x.wav")
        assert word in workshop.refused()["x.wav"]
        assert stat.S_IFMT((workshop.anna / ".refused" / "x.wav").lstat().st_mode) == mode
        assert [event.state for event in workshop.told()] == ["refused"]

    alive(scenario)


def test_what_links_point_to_is_never_touched(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        link_out(workshop.anna / "x.wav")
        link_to_folder(workshop.anna / "y")
        await workshop.all(15.0)
        assert (workshop.home / "secret.wav").exists()
        assert (workshop.home / "outside" / "inside.wav").exists()
        assert not workshop.recordings()

    alive(scenario)


def test_a_job_that_names_a_file_behind_a_link_does_not_get_it(alive: Callable[..., None]) -> None:
    """Anybody who may submit jobs may name files; not those outside the inbox."""
    from daemon.errors import BadRequest
    from proto import myna_pb2 as pb

    async def scenario(workshop: Workshop) -> None:
        link_to_folder(workshop.anna / "y")
        spec = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"y/inside.wav"]))
        workshop.store.write_now(lambda session: lives.submit(session, spec))
        await workshop.work()
        assert not workshop.recordings()
        for path in (b"../../secret.wav", b"/etc/passwd", b"", b"a/../../b", b".refused/a.wav"):
            bad = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[path]))
            with pytest.raises(BadRequest):
                workshop.store.write_now(lives.submit, bad)

    alive(scenario)


def test_a_file_directly_in_the_inbox_is_refused_because_no_voice_is_named(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.home / "inbox" / "a.wav")
        await workshop.all()
        assert "whose voice" in workshop.refused(workshop.home / "inbox")["a.wav"]
        assert [event.state for event in workshop.told()] == ["refused"]

    alive(scenario)


def test_a_folder_whose_name_has_no_letters_is_left_and_named(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.home / "inbox" / "!!!" / "a.wav")
        await workshop.all()
        assert any("'!!!' cannot be the name of a voice" in notice for notice in workshop.notices())
        assert (workshop.home / "inbox" / "!!!" / "a.wav").exists()

    alive(scenario)


def test_a_refused_name_that_is_taken_gets_a_number(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        for content in ("one", "two", "three"):
            (workshop.anna / "a.wav").write_text(content)
            await workshop.all()
        assert sorted(workshop.refused()) == ["a.2.wav", "a.3.wav", "a.wav"]
        assert sorted((workshop.anna / ".refused" / name).read_text() for name in workshop.refused()) == [
            "one",
            "three",
            "two",
        ]

    alive(scenario)
