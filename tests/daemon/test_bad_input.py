"""Whatever is dropped into the inbox is taken or refused with a sentence, or left alone; nothing crashes, nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import lives
import numpy as np
import pytest
import soundfile
from inbox_shop import Line, Workshop, tone, write_wav

from daemon.database.store import Store
from daemon.kinds.ingest import worker as ingest
from engines.errors import DiskFull

pytestmark = pytest.mark.integration


@pytest.fixture
def alive(store: Store) -> Callable[..., None]:
    """Run a story in a workshop of its own."""

    def run(story: Callable[[Workshop], Awaitable[None]], **settings: object) -> None:
        async def tell() -> None:
            await story(Workshop(store, store.path.parent, **settings))

        asyncio.run(tell())

    return run


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
def test_what_is_no_whole_recording_is_refused_with_a_sentence(alive: Callable[..., None], make: Callable[[Path], None], word: str) -> None:
    async def story(shop: Workshop) -> None:
        make(shop.anna / "a.wav")
        content = (shop.anna / "a.wav").read_bytes()
        await shop.all(15.0)
        assert not shop.recordings()
        assert shop.left() == []
        assert word in shop.refused()["a.wav"]
        assert (shop.anna / ".refused" / "a.wav").read_bytes() == content, "nothing is ever deleted"
        (told,) = shop.told()
        assert told.state == "refused"
        assert word in told.why

    alive(story)


@pytest.mark.parametrize(
    ("subtype", "rate", "channels"),
    [("PCM_U8", 16_000, 1), ("PCM_24", 96_000, 2), ("PCM_16", 48_000, 6), ("FLOAT", 44_100, 1), ("PCM_16", 8_000, 1)],
)
def test_any_bits_rate_and_channels_are_taken(alive: Callable[..., None], subtype: str, rate: int, channels: int) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav", subtype=subtype, rate=rate, channels=channels)
        await shop.all()
        (recording,) = shop.recordings()
        assert (recording.sample_rate, recording.channels) == (rate, channels)

    alive(story)


def test_a_wrong_ending_is_taken_as_what_it_is_with_a_note(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        soundfile.write(shop.anna / "a.wav", tone(), 16_000, format="FLAC")
        soundfile.write(shop.anna / "b", tone(pitch=300), 16_000, format="OGG")
        await shop.all()
        flac, ogg = shop.recordings()
        assert flac.codec == "flac"
        assert flac.path.endswith(".flac")
        assert "named .wav but is a FLAC" in flac.note
        assert ogg.codec == "vorbis"

    alive(story)


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
    async def story(shop: Workshop) -> None:
        make(shop.anna / "x.wav")
        mode = stat.S_IFMT((shop.anna / "x.wav").lstat().st_mode)
        await shop.all(15.0)
        assert not shop.recordings()
        assert not os.path.lexists(shop.anna / "x.wav")
        assert word in shop.refused()["x.wav"]
        assert stat.S_IFMT((shop.anna / ".refused" / "x.wav").lstat().st_mode) == mode
        assert [event.state for event in shop.told()] == ["refused"]

    alive(story)


def test_what_links_point_to_is_never_touched(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        link_out(shop.anna / "x.wav")
        link_to_folder(shop.anna / "y")
        await shop.all(15.0)
        assert (shop.home / "secret.wav").exists()
        assert (shop.home / "outside" / "inside.wav").exists()
        assert not shop.recordings()

    alive(story)


def test_a_job_that_names_a_file_behind_a_link_does_not_get_it(alive: Callable[..., None]) -> None:
    """Anybody who may submit jobs may name files; not those outside the inbox."""
    from daemon.errors import BadRequest
    from proto import myna_pb2 as pb

    async def story(shop: Workshop) -> None:
        link_to_folder(shop.anna / "y")
        spec = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[b"y/inside.wav"]))
        shop.store.write_now(lambda session: lives.submit(session, spec))
        await shop.work()
        assert not shop.recordings()
        for path in (b"../../secret.wav", b"/etc/passwd", b"", b"a/../../b", b".refused/a.wav"):
            bad = pb.JobSpec(ingest=pb.IngestSpec(voice="anna", files=[path]))
            with pytest.raises(BadRequest):
                shop.store.write_now(lives.submit, bad)

    alive(story)


def test_a_file_directly_in_the_inbox_is_refused_because_no_voice_is_named(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.home / "inbox" / "a.wav")
        await shop.all()
        assert "whose voice" in shop.refused(shop.home / "inbox")["a.wav"]
        assert [event.state for event in shop.told()] == ["refused"]

    alive(story)


def test_a_folder_whose_name_has_no_letters_is_refused_whole(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.home / "inbox" / "!!!" / "a.wav")
        await shop.all()
        assert "name of a voice" in shop.refused(shop.home / "inbox")["!!!"]
        assert (shop.home / "inbox" / ".refused" / "!!!" / "a.wav").exists()

    alive(story)


def test_a_refused_name_that_is_taken_gets_a_number(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        for content in ("one", "two", "three"):
            (shop.anna / "a.wav").write_text(content)
            await shop.all()
        assert sorted(shop.refused()) == ["a.2.wav", "a.3.wav", "a.wav"]
        assert sorted((shop.anna / ".refused" / name).read_text() for name in shop.refused()) == ["one", "three", "two"]

    alive(story)


# -------------------------------------------------------------------------------------------------------------- names

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
        assert len(shop.recordings("new-line")) == 1
        assert len(shop.recordings("v" * 64)) == 1
        assert len(shop.refused(shop.home / "inbox")) == 1

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


# ------------------------------------------------------------------------------------------------------- circumstances


def test_a_file_that_vanishes_midway_stops_nothing(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        for index in range(3):
            write_wav(shop.anna / f"{index}.wav", pitch=200 + index)
        await shop.wait(4.0)
        (shop.anna / "1.wav").unlink()
        await shop.work()
        assert [row.name for row in shop.recordings()] == ["0.wav", "2.wav"]
        assert shop.jobs()[0].state == "succeeded"

    alive(story)


def test_a_file_that_grows_again_while_it_is_copied_is_left_and_taken_whole_later(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ingest._copy_synced

    async def story(shop: Workshop) -> None:
        whole = write_wav(shop.home / "whole.wav", 2.0).read_bytes()
        path = shop.anna / "a.wav"
        path.write_bytes(whole[:20_000])

        def grows(original: object, target: Path, alive: object) -> str:
            digest = copy(original, target, alive)
            with path.open("ab") as file:
                file.write(whole[20_000:])
            monkeypatch.setattr(ingest, "_copy_synced", copy)
            return digest

        monkeypatch.setattr(ingest, "_copy_synced", grows)
        await shop.wait(4.0)
        await shop.work()
        assert not shop.recordings()
        assert shop.left() == ["a.wav"]
        await shop.all()
        assert (shop.home / shop.recordings()[0].path).read_bytes() == whole

    alive(story)


def test_a_file_that_may_not_be_read_is_refused(alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so that the refusal of the kernel is played here; the test below asks the kernel itself."""
    opened = os.open

    def closed_to_us(path: object, *rest: object, **more: object) -> int:
        if path == b"a.wav":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *rest, **more)  # type: ignore[arg-type]

    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        monkeypatch.setattr(os, "open", closed_to_us)
        await shop.all()
        monkeypatch.undo()
        assert "may not be read" in shop.refused()["a.wav"]

    alive(story)


def test_unreadable_files_and_folders_as_another_user() -> None:
    """The same with a real user without rights, in a process of its own."""
    code = """
import asyncio, os, sys
sys.path[:0] = [sys.argv[2], os.path.join(sys.argv[2], "tests", "daemon")]
from pathlib import Path
from daemon.database.store import Store
from inbox_shop import Workshop, write_wav
home = Path(sys.argv[1])
async def story():
    shop = Workshop(Store(home), home)
    write_wav(shop.anna / "fine.wav", pitch=300)
    await shop.all()  # as root, so that everything is imported: Python itself may lie where others cannot read
    write_wav(shop.anna / "a.wav")
    (shop.anna / "closed").mkdir()
    for path in [home, *home.rglob("*")]:
        os.chmod(path, 0o777 if path.is_dir() else 0o666)
    os.chmod(shop.anna / "a.wav", 0)
    os.chmod(shop.anna / "closed", 0)
    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)
    await shop.all()
    assert "may not be read" in shop.refused()["a.wav"], shop.refused()
    assert any("closed cannot be read" in sentence for sentence in shop.notices()), shop.notices()
    assert [row.name for row in shop.recordings()] == ["fine.wav"]
asyncio.run(story())
"""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        root = str(Path(__file__).parents[2])
        done = subprocess.run([sys.executable, "-c", code, home, root], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_a_full_disk_fails_the_job_with_a_sentence_and_work_goes_on_when_there_is_room(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = ingest._copy_synced
    room = {"files": 2}

    def small(original: object, target: Path, alive: object) -> str:
        if room["files"] <= 0:
            target.write_bytes(b"half of i")
            raise OSError(errno.ENOSPC, "No space left on device")
        room["files"] -= 1
        return copy(original, target, alive)

    monkeypatch.setattr(ingest, "_copy_synced", small)

    async def story(shop: Workshop) -> None:
        sources = {f"{index}.wav": write_wav(shop.anna / f"{index}.wav", pitch=200 + index).read_bytes() for index in range(6)}
        await shop.wait(4.0)
        await shop.work()
        (job,) = shop.jobs()
        assert (job.state, job.error_kind) == ("failed", "disk-full")
        assert "disk is full" in job.why
        assert len(shop.left()) == 4
        assert not list((shop.home / "recordings" / ".incoming").iterdir()), "nothing half-written stays"
        for row in shop.recordings():
            assert (shop.home / row.path).read_bytes() == sources[row.name]
        await shop.wait(30.0)
        await shop.work()
        failed = len(shop.jobs())
        assert failed <= 4, "it is tried again ever more rarely"
        room["files"] = 100
        await shop.wait(60.0)
        await shop.work()
        assert {row.name: (shop.home / row.path).read_bytes() for row in shop.recordings()} == sources
        assert shop.left() == []

    alive(story)


def test_nothing_is_copied_where_too_little_would_stay_free(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        (shop.home / "myna.toml").write_text("min_free_disk = 9_000_000_000_000_000\n")
        write_wav(shop.anna / "a.wav")
        await shop.wait(4.0)
        (job,) = shop.jobs()
        assert "GB short" in shop.store.read_now(lambda session: lives.kind(session, "ingest").why_not(session, job))
        await shop.work()  # the scheduler would not have begun it; the worker looks for itself
        assert shop.jobs()[0].error_kind == "disk-full"
        assert shop.left() == ["a.wav"]

    alive(story)


def test_a_full_disk_in_the_database_leaves_the_inbox_waiting(alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    from daemon.errors import DiskFull as DatabaseFull

    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.wait(1.0)
        write = shop.store.write

        async def full(*arguments: object, **more: object) -> object:
            raise DatabaseFull("The disk that holds Myna's state is full.")

        monkeypatch.setattr(shop.store, "write", full)
        await shop.wait(4.0)
        monkeypatch.setattr(shop.store, "write", write)
        assert not shop.jobs()
        await shop.all(10.0)
        assert len(shop.recordings()) == 1

    alive(story)


def test_a_dying_line_is_no_bad_input(alive: Callable[..., None]) -> None:
    """A full disk in mynad itself, while it stores what was taken, reaches the worker as no acknowledgement; the file stays."""

    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")

        def arm(line: Line) -> None:
            def no_ack(report: object) -> None:
                raise DiskFull("The disk that holds Myna's state is full.")

            shop.arm = lambda line: None
            line.commit = no_ack  # type: ignore[method-assign,assignment]

        shop.arm = arm
        await shop.wait(4.0)
        await shop.work()
        assert shop.left() == ["a.wav"]
        assert not shop.refused()
        await shop.all(10.0)
        assert len(shop.recordings()) == 1

    alive(story)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_files_at_once_are_all_taken(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        whole = bytearray(write_wav(shop.home / "one.wav", 0.2).read_bytes())
        for index in range(10_000):
            whole[-4:] = index.to_bytes(4, "little")
            (shop.anna / f"{index:05}.wav").write_bytes(whole)
        began = time.monotonic()
        await shop.wait(4.0)
        looked = time.monotonic() - began
        assert len(shop.jobs()) == 20, "a few hundred files a job"
        await shop.work()
        took = time.monotonic() - began
        print(f"\n10,000 files: looked at in {looked:.1f} s, taken in {took:.1f} s, {10_000 / took:.0f} files/s")
        assert len(shop.recordings()) == 10_000
        assert shop.left() == []

    alive(story)
