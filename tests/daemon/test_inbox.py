"""The inbox as a person meets it: when files are taken, and that none is lost or taken twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import lives
import numpy as np
import pytest
import soundfile
from inbox_workshop import InProcessChannel, Workshop, write_wav

from daemon.database.store import Store
from daemon.state import recordings
from engines.errors import Cancelled

pytestmark = pytest.mark.integration


def test_a_recording_that_has_come_to_rest_is_taken(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        source = write_wav(workshop.anna / "a.wav").read_bytes()
        await workshop.wait(1.5)
        assert not workshop.jobs(), "it has not been quiet for two seconds yet"
        await workshop.all()
        (recording,) = workshop.recordings()
        assert (recording.name, recording.codec, recording.seconds) == ("a.wav", "pcm_s16le", 0.5)
        assert (workshop.home / recording.path).read_bytes() == source
        assert workshop.left() == []
        assert [event.state for event in workshop.told()] == ["taken"]

    alive(scenario)


def test_a_file_growing_for_a_minute_is_left_alone(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        whole = write_wav(workshop.home / "whole.wav", 4.0).read_bytes()
        path = workshop.anna / "a.wav"
        for part in range(60):
            with path.open("ab") as file:
                file.write(whole[len(whole) * part // 60 : len(whole) * (part + 1) // 60])
            await workshop.wait(1.0)
            assert not workshop.jobs()
            (shown,) = workshop.inbox.present()
            assert shown.state == "settling"
        await workshop.all()
        (recording,) = workshop.recordings()
        assert (workshop.home / recording.path).read_bytes() == whole

    alive(scenario)


def test_every_event_resets_the_clock(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        path = write_wav(workshop.anna / "a.wav")
        os.utime(path, (1, 1))
        for _ in range(10):  # touched, though it looks the same
            await workshop.inbox.scan([b"anna/a.wav"])
            workshop.time += 1.5
        assert not workshop.jobs()
        await workshop.all()
        assert len(workshop.recordings()) == 1

    alive(scenario)


def test_a_file_that_is_open_for_writing_is_left_alone_though_it_rests(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        path = write_wav(workshop.anna / "a.wav")
        with path.open("ab"):
            await workshop.wait(10.0)
            assert not workshop.jobs(), "the copy stalls, but is not over"
        await workshop.all()
        assert len(workshop.recordings()) == 1

    alive(scenario)


@pytest.mark.parametrize(
    "name", ["a.wav.part", "a.wav.filepart", "a.tmp", "a.wav.crdownload", ".a.wav.Xy12Zq", ".hidden.wav", "~a.wav"]
)
def test_unfinished_names_are_left_alone_until_they_are_renamed(alive: Callable[..., None], name: str) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / name)
        await workshop.all(20.0)
        assert not workshop.jobs()
        assert workshop.left() == [name]
        (workshop.anna / name).rename(workshop.anna / "a.wav")
        await workshop.all()
        assert [row.name for row in workshop.recordings()] == ["a.wav"]

    alive(scenario)


def test_files_at_any_depth_are_taken_and_keep_their_path_as_name(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "2026" / "may" / "a.wav", pitch=200)
        write_wav(workshop.anna / "b.wav", pitch=300)
        await workshop.all()
        assert [row.name for row in workshop.recordings()] == ["2026/may/a.wav", "b.wav"]

    alive(scenario)


def test_a_stream_of_files_does_not_keep_the_first_ones_waiting(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        for number in range(10):
            write_wav(workshop.anna / f"{number}.wav", pitch=200 + number)
            await workshop.wait(1.0)
        assert workshop.jobs()

    alive(scenario)


def test_the_same_bytes_twice_are_one_recording(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        write_wav(workshop.anna / "again" / "b.wav")
        await workshop.all()
        (recording,) = workshop.recordings()
        assert recording.name == "a.wav"
        assert workshop.left() == []
        (known,) = workshop.told("known")
        assert known.name == "again/b.wav"
        assert "as a.wav" in known.why

    alive(scenario)


def test_the_same_bytes_side_by_side_are_one_recording(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        for number in range(8):
            write_wav(workshop.anna / f"{number}.wav")
        await workshop.all()
        assert len(workshop.recordings()) == 1
        assert (len(workshop.told("taken")), len(workshop.told("known"))) == (1, 7)
        assert workshop.left() == []

    alive(scenario)


def test_a_removed_recording_that_is_dropped_again_is_back(alive: Callable[..., None], store: Store) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        store.write_now(lambda session: recordings.remove(session, "anna", workshop.recordings()[0].sha256))
        write_wav(workshop.anna / "b.wav")
        await workshop.all()
        (recording,) = workshop.recordings()
        assert recording.removed is None
        assert "is back" in workshop.told("known")[0].why

    alive(scenario)


@pytest.mark.parametrize("moment", ["kill_before", "kill_after"])
@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_worker_that_dies_at_any_report_loses_and_doubles_nothing(
    alive: Callable[..., None], moment: str, number: int
) -> None:
    async def scenario(workshop: Workshop) -> None:
        sources = {}
        for index in range(6):
            path = write_wav(workshop.anna / f"{index}.wav", pitch=200 + index)
            path.with_suffix(".txt").write_text(f"line {index}")
            sources[path.name] = path.read_bytes()

        def arm(channel: InProcessChannel) -> None:
            workshop.arm = lambda channel: None  # once
            setattr(channel, moment, number)

        workshop.arm = arm
        await workshop.all()
        rows = workshop.recordings()
        assert {row.name: (workshop.home / row.path).read_bytes() for row in rows} == sources
        assert {row.name: row.text for row in rows} == {f"{index}.wav": f"line {index}" for index in range(6)}
        assert workshop.left() == []

    alive(scenario)


def test_a_file_replaced_while_its_copy_is_committed_is_not_unlinked(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        path = write_wav(workshop.anna / "a.wav", pitch=200)

        def arm(channel: InProcessChannel) -> None:
            commit = channel.commit

            def replaced(report: object) -> None:
                commit(report)  # type: ignore[arg-type]
                write_wav(workshop.home / "new.wav", pitch=400)
                os.replace(workshop.home / "new.wav", path)

            workshop.arm = lambda channel: None
            channel.commit = replaced  # type: ignore[method-assign]

        workshop.arm = arm
        await workshop.wait(4.0)
        await workshop.work()
        assert path.exists(), "the new file is nobody's copy"
        await workshop.all()
        assert len(workshop.recordings()) == 2
        assert workshop.left() == []

    alive(scenario)


def test_a_file_that_memory_does_not_suffice_for_waits_and_the_others_are_taken(
    alive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.kinds.ingest import worker as ingest

    decode = ingest.probe_and_decode

    def greedy(path: Path, alive: Callable[[], None]) -> object:
        if path.name == "1.wav":
            raise MemoryError
        return decode(path, alive)

    monkeypatch.setattr(ingest, "probe_and_decode", greedy)

    async def scenario(workshop: Workshop) -> None:
        for index in range(3):
            write_wav(workshop.anna / f"{index}.wav", pitch=200 + index)
        await workshop.all()
        assert [row.name for row in workshop.recordings()] == ["0.wav", "2.wav"]
        assert (workshop.left(), workshop.refused()) == (["1.wav"], {})
        assert "not enough memory" in workshop.jobs()[0].why

    alive(scenario)


def test_an_ingest_is_cancelled_in_the_middle_of_a_file(alive: Callable[..., None]) -> None:
    """A long file is decoded in blocks, and between any two the worker looks up. Nothing is left behind; it stays in
    the inbox."""
    looks = 0

    def cancelled() -> None:
        nonlocal looks
        looks += 1
        if looks == 20:
            raise Cancelled("Cancelled.")

    async def scenario(workshop: Workshop) -> None:
        soundfile.write(workshop.anna / "a.flac", np.zeros(16_000 * 600), 16_000)
        workshop.arm = lambda channel: setattr(channel, "check", cancelled)
        await workshop.wait(4.0)
        await workshop.work()
        assert looks == 20
        assert (workshop.left(), workshop.recordings()) == (["a.flac"], [])
        assert list((workshop.home / "recordings" / ".incoming").iterdir()) == []

    alive(scenario)


def test_after_a_restart_what_was_queued_is_taken_once(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        await workshop.wait(4.0)
        assert len(workshop.jobs()) == 1
        workshop.start()
        await workshop.inbox._recover()
        await workshop.wait(4.0)
        assert len(workshop.jobs()) == 1
        await workshop.all()
        assert len(workshop.recordings()) == 1

    alive(scenario)


def test_a_cancelled_ingest_is_not_begun_again_by_itself(alive: Callable[..., None], store: Store) -> None:
    from daemon.state import jobs

    async def scenario(workshop: Workshop) -> None:
        path = write_wav(workshop.anna / "a.wav")
        await workshop.wait(4.0)
        store.write_now(lambda session: lives.cancel(session, jobs.get(session, workshop.jobs()[0].id)))
        await workshop.wait(1000.0, step=10.0)
        assert len(workshop.jobs()) == 1
        os.utime(path)  # somebody touched it
        await workshop.all()
        assert len(workshop.recordings()) == 1

    alive(scenario)
