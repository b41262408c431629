"""One bad entry is the trouble of its own voice: it is told once, goes away when it is mended, and delays no other
voice."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from deep_folders import nest
from inbox_workshop import Workshop, write_wav

from daemon.inbox import arrivals, voice_toml
from daemon.inbox import folder as inbox_folder
from daemon.inbox.folder import InboxFolder
from daemon.inbox.sweep import sweep

pytestmark = pytest.mark.integration


def deep(anna: Path) -> None:
    nest(anna, 900)


def toml_of_brackets(anna: Path) -> None:
    (anna / "voice.toml").write_text("[" * 40_000)


def toml_of_dots(anna: Path) -> None:
    (anna / "voice.toml").write_text(".".join("a" * 7_000) + "=1")


def refused_is_a_file(anna: Path) -> None:
    (anna / ".refused").write_text("x")
    (anna / "voice.toml").write_text("language = ")
    (anna / "x.wav").symlink_to("nowhere")


def refused_is_a_link(anna: Path) -> None:
    (anna / ".refused").symlink_to(anna.parent.parent)
    (anna / "voice.toml").write_text("language = ")
    (anna / "x.wav").symlink_to("nowhere")


@pytest.mark.parametrize("make", [deep, toml_of_brackets, toml_of_dots, refused_is_a_file, refused_is_a_link])
def test_what_is_wrong_in_one_voices_folder_delays_no_other_and_is_told_once(
    alive: Callable[..., None], make: Callable[[Path], None]
) -> None:
    async def scenario(workshop: Workshop) -> None:
        make(workshop.anna)
        write_wav(workshop.home / "inbox" / "bea" / "b.wav", pitch=300)
        await workshop.all()
        assert [row.name for row in workshop.recordings("bea")] == ["b.wav"]
        told = [
            f"{event.name}: {event.why}" for event in workshop.told("refused") if event.voice == "anna"
        ] + workshop.notices()
        assert told
        await workshop.wait(300.0, step=5.0)
        await workshop.work()
        again = [
            f"{event.name}: {event.why}" for event in workshop.told("refused") if event.voice == "anna"
        ] + workshop.notices()
        assert len(again) == len(set(again)) <= len(told) + 1

    alive(scenario)


def test_folders_to_the_limit_are_entered_and_a_deeper_one_is_refused_whole(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        fine = workshop.anna.joinpath(*["f" * 200] * (arrivals.DEEPEST - 1))
        write_wav(workshop.home / "a.wav")
        nest(workshop.anna / "far", 100)
        descriptor = os.open(workshop.anna, os.O_RDONLY)  # longer than a path may be
        for _ in range(arrivals.DEEPEST - 1):
            os.mkdir("f" * 200, dir_fd=descriptor)
            descriptor = os.open("f" * 200, os.O_RDONLY, dir_fd=descriptor)
        with os.fdopen(os.open("a.wav", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor), "wb") as file:
            file.write((workshop.home / "a.wav").read_bytes())
        await workshop.all()
        (row,) = workshop.recordings()
        assert row.name == str(fine.relative_to(workshop.anna) / "a.wav")
        assert "deeper than 32 folders" in workshop.refused()["d"]
        assert (workshop.anna / ".refused" / "d" / "d" / "d").is_dir()

    alive(scenario)


def test_a_fault_of_myna_in_one_voice_is_backed_off_told_once_and_forgotten_when_it_is_over(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    async def scenario(workshop: Workshop) -> None:
        def broken(folder: InboxFolder) -> voice_toml.VoiceToml:
            tried.append(workshop.time)
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(voice_toml, "read", broken)
            (workshop.anna / "voice.toml").write_text('language = "en"')
            write_wav(workshop.anna / "a.wav", pitch=200)
            write_wav(workshop.home / "inbox" / "bea" / "b.wav", pitch=300)
            await workshop.all()
            assert len(workshop.recordings("bea")) == 1
            await workshop.wait(600.0, step=1.0)
            assert len(tried) < 10
            (notice,) = [notice for notice in workshop.notices() if "inbox/anna" in notice]
            assert "ZeroDivisionError" in notice
            assert [event.why for event in workshop.inbox.present() if event.voice == "anna" and notice in event.why]
        await workshop.wait(301.0, step=10.0)
        await workshop.work()
        assert len(workshop.recordings()) == 1
        assert not [event for event in workshop.inbox.present() if "ZeroDivisionError" in event.why]

    alive(scenario)


def test_a_folder_that_takes_for_ever_to_list_delays_no_other(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = threading.Event()
    scan = arrivals.scan

    def hangs(folder: InboxFolder) -> arrivals.Listing:
        if folder.voice == b"anna":
            mount.wait(60.0)
        return scan(folder)

    async def scenario(workshop: Workshop) -> None:
        monkeypatch.setattr(arrivals, "scan", hangs)
        write_wav(workshop.anna / "a.wav", pitch=200)
        write_wav(workshop.home / "inbox" / "bea" / "b.wav", pitch=300)
        for _ in range(10):
            await workshop.inbox.scan(patience=0.2)
            workshop.time += 0.5
        assert [job.voice for job in workshop.jobs()] == ["bea"]
        mount.set()
        await asyncio.wait_for(workshop.inbox._wake.wait(), 10.0)
        await workshop.wait(4.0)
        assert [job.voice for job in workshop.jobs()] == ["bea", "anna"]

    alive(scenario)


@pytest.mark.long
@pytest.mark.parametrize("trap", [refused_is_a_file, refused_is_a_link])
def test_what_cannot_be_refused_is_held_and_goes_on_by_itself_once_that_is_mended(
    alive: Callable[..., None], trap: Callable[[Path], None]
) -> None:
    async def scenario(workshop: Workshop) -> None:
        trap(workshop.anna)
        (workshop.anna / "empty.wav").write_text("no sound")  # refused by the worker, the others by the daemon
        (workshop.anna / "a.txt").write_text("")
        for number in range(20):
            (workshop.anna / f"{number}.wav").symlink_to("nowhere")
        write_wav(workshop.anna / "good.wav")
        for _ in range(10):
            await workshop.all(60.0)
        assert [row.name for row in workshop.recordings()] == ["good.wav"], "other files of the voice are taken"
        (notice,) = [sentence for sentence in workshop.notices() if "cannot be refused" in sentence]
        assert ".refused" in notice
        assert len([sentence for sentence in workshop.notices() if "voice.toml is not valid TOML" in sentence]) == 1
        assert not workshop.told("refused")
        assert len(workshop.jobs()) < 9, "what stays is tried ever more rarely"
        shown = {event.name: event.why for event in workshop.inbox.present()}
        assert ".refused" in shown["x.wav"]
        assert ".refused" in shown["a.txt"]
        (workshop.anna / ".refused").unlink()
        for _ in range(12):
            await workshop.all(60.0)
        assert {"x.wav", "empty.wav", "a.txt", "0.wav", "19.wav"} <= set(workshop.refused())
        assert len([event for event in workshop.told("refused") if event.name == "voice.toml"]) == 1
        assert workshop.left() == ["voice.toml"]
        assert not [event for event in workshop.inbox.present() if ".refused" in event.why]

    alive(scenario)


@pytest.mark.long
def test_rights_that_are_missing_are_told_once_and_asked_for_again_as_another_user() -> None:
    """As a real user without rights, in a process of its own: root may do anything."""
    code = """
import asyncio, os, sys
sys.path[:0] = [sys.argv[2], os.path.join(sys.argv[2], "tests", "daemon")]
from pathlib import Path
from daemon.database.store import Store
from inbox_workshop import Workshop, write_wav
home = Path(sys.argv[1])
async def scenario():
    workshop = Workshop(Store(home), home)
    bea, cleo, dora = (home / "inbox" / name for name in ("bea", "cleo", "dora"))
    write_wav(workshop.anna / "fine.wav", pitch=300)
    await workshop.all()  # as root, so that everything is imported: Python itself may lie where others cannot read
    write_wav(workshop.anna / "a.wav")
    (workshop.anna / "voice.toml").write_text("auto_train = false")
    (bea / ".refused").mkdir(parents=True)
    (bea / "empty.wav").write_text("")
    (bea / "x.wav").symlink_to("nowhere")
    write_wav(cleo / "deep" / "a.wav", pitch=500)
    write_wav(dora / "a.wav", pitch=600)
    for path in [home, *home.rglob("*")]:
        if not path.is_symlink():
            os.chmod(path, 0o777 if path.is_dir() else 0o666)
    os.chmod(workshop.anna / "voice.toml", 0)
    os.chmod(bea / ".refused", 0o555)
    os.chmod(cleo / "deep", 0o555)
    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)
    for _ in range(5):
        await workshop.all(60.0)
    assert [row.name for row in workshop.recordings("anna")] == ["a.wav", "fine.wav"]
    assert len(workshop.recordings("dora")) == 1
    assert not workshop.recordings("cleo"), "it could not leave the inbox"
    for word in ("anna/voice.toml cannot be read", "from inbox/bea stays there", "from inbox/cleo stays there"):
        assert len([sentence for sentence in workshop.notices() if word in sentence]) == 1, (word, workshop.notices())
    assert not workshop.told("refused"), workshop.told("refused")
    assert len(workshop.jobs()) < 10, len(workshop.jobs())
    os.setresuid(0, 0, 0) if os.getuid() == 0 else None
    return workshop
async def mended(workshop):
    for path in (workshop.anna / "voice.toml", home / "inbox" / "bea" / ".refused", home / "inbox" / "cleo" / "deep"):
        os.chmod(path, 0o777)
    for _ in range(12):
        await workshop.all(60.0)
    assert set(workshop.refused(home / "inbox" / "bea")) == {"x.wav", "empty.wav"}
    assert [row.name for row in workshop.recordings("cleo")] == ["deep/a.wav"]
    assert not [event for event in workshop.inbox.present() if event.why], workshop.inbox.present()
real = os.setresuid
os.setresuid = lambda *ids: os.seteuid(ids[1])
async def both():
    await mended(await scenario())
asyncio.run(both())
"""
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        root = str(Path(__file__).parents[2])
        done = subprocess.run([sys.executable, "-c", code, home, root], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_more_files_than_are_looked_at_are_told_of_and_the_rest_follows(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST", 20)

    async def scenario(workshop: Workshop) -> None:
        for number in range(50):
            write_wav(workshop.anna / f"{number:02}.wav", 0.1, pitch=200 + number)
        for _ in range(6):
            await workshop.all()
        assert len(workshop.recordings()) == 50
        assert len([sentence for sentence in workshop.notices() if "more than" in sentence]) == 1

    alive(scenario)


def test_a_voice_folder_that_is_a_link_is_refused_itself_and_an_inbox_that_is_one_is_used(
    alive: Callable[..., None],
) -> None:
    async def scenario(workshop: Workshop) -> None:
        big = workshop.home / "big"
        shutil.move(workshop.home / "inbox", big)
        (workshop.home / "inbox").symlink_to(big)
        write_wav(workshop.home / "elsewhere" / "b.wav")
        (workshop.home / "inbox" / "bea").symlink_to(workshop.home / "elsewhere")
        write_wav(workshop.anna / "a.wav", pitch=300)
        await workshop.all()
        assert len(workshop.recordings()) == 1
        assert "links are not followed" in workshop.refused(big)["bea"]
        assert (workshop.home / "elsewhere" / "b.wav").exists()

    alive(scenario)


def test_a_sweep_removes_uploads_that_broke_off_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ".upload-1").write_text("x")
    anna = tmp_path / "home" / "inbox" / "anna"
    nest(anna, 1_100)
    (anna / "sub").mkdir()
    for folder in (anna, anna / "sub"):
        (folder / ".upload-2").write_text("x")
    (anna / "link").symlink_to(outside)
    (anna.parent / "bea").symlink_to(outside)
    sweep(tmp_path / "home")
    assert [path.name for path in outside.iterdir()] == [".upload-1"]
    assert not (anna / ".upload-2").exists()
    assert not (anna / "sub" / ".upload-2").exists()
    remove_deep(anna)


def remove_deep(folder: Path) -> None:
    """pytest's own clearing away recurses."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_folder_that_turns_into_a_link_between_two_calls_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    write_wav(outside / "a.wav")
    anna = tmp_path / "inbox" / "anna"
    write_wav(anna / "sub" / "a.wav")
    below_of = inbox_folder.below_of

    def turns(folder: int, name: bytes, *, make: bool = False) -> int:
        if name == b"sub":
            shutil.rmtree(anna / "sub")
            (anna / "sub").symlink_to(outside)
        return below_of(folder, name, make=make)

    monkeypatch.setattr(inbox_folder, "below_of", turns)
    with pytest.raises(OSError, match="is a link") as no:
        InboxFolder(tmp_path, "anna").unlink(b"sub/a.wav")
    assert no.value.errno in (errno.ENOTDIR, errno.ELOOP)
    assert (outside / "a.wav").exists()
