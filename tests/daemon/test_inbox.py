"""The inbox as a person meets it: when files are taken, and that none is lost or taken twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import lives
import numpy as np
import pytest
import soundfile
from inbox_shop import InProcessChannel, Workshop, write_wav

from daemon.database.store import Store
from daemon.state import recordings
from engines.errors import Cancelled

pytestmark = pytest.mark.integration


def test_a_recording_that_has_come_to_rest_is_taken(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        source = write_wav(shop.anna / "a.wav").read_bytes()
        await shop.wait(1.5)
        assert not shop.jobs(), "it has not been quiet for two seconds yet"
        await shop.all()
        (recording,) = shop.recordings()
        assert (recording.name, recording.codec, recording.seconds) == ("a.wav", "pcm_s16le", 0.5)
        assert (shop.home / recording.path).read_bytes() == source
        assert shop.left() == []
        assert [event.state for event in shop.told()] == ["taken"]

    alive(story)


def test_a_file_growing_for_a_minute_is_left_alone(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        whole = write_wav(shop.home / "whole.wav", 4.0).read_bytes()
        path = shop.anna / "a.wav"
        for part in range(60):
            with path.open("ab") as file:
                file.write(whole[len(whole) * part // 60 : len(whole) * (part + 1) // 60])
            await shop.wait(1.0)
            assert not shop.jobs()
            (shown,) = shop.inbox.present()
            assert shown.state == "settling"
        await shop.all()
        (recording,) = shop.recordings()
        assert (shop.home / recording.path).read_bytes() == whole

    alive(story)


def test_every_event_resets_the_clock(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        path = write_wav(shop.anna / "a.wav")
        os.utime(path, (1, 1))
        for _ in range(10):  # touched, though it looks the same
            await shop.inbox.scan([b"anna/a.wav"])
            shop.time += 1.5
        assert not shop.jobs()
        await shop.all()
        assert len(shop.recordings()) == 1

    alive(story)


def test_a_file_that_is_open_for_writing_is_left_alone_though_it_rests(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        path = write_wav(shop.anna / "a.wav")
        with path.open("ab"):
            await shop.wait(10.0)
            assert not shop.jobs(), "the copy stalls, but is not over"
        await shop.all()
        assert len(shop.recordings()) == 1

    alive(story)


@pytest.mark.parametrize(
    "name", ["a.wav.part", "a.wav.filepart", "a.tmp", "a.wav.crdownload", ".a.wav.Xy12Zq", ".hidden.wav", "~a.wav"]
)
def test_unfinished_names_are_left_alone_until_they_are_renamed(alive: Callable[..., None], name: str) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / name)
        await shop.all(20.0)
        assert not shop.jobs()
        assert shop.left() == [name]
        (shop.anna / name).rename(shop.anna / "a.wav")
        await shop.all()
        assert [row.name for row in shop.recordings()] == ["a.wav"]

    alive(story)


def test_files_at_any_depth_are_taken_and_keep_their_path_as_name(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "2026" / "may" / "a.wav", pitch=200)
        write_wav(shop.anna / "b.wav", pitch=300)
        await shop.all()
        assert [row.name for row in shop.recordings()] == ["2026/may/a.wav", "b.wav"]

    alive(story)


def test_a_stream_of_files_does_not_keep_the_first_ones_waiting(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        for number in range(10):
            write_wav(shop.anna / f"{number}.wav", pitch=200 + number)
            await shop.wait(1.0)
        assert shop.jobs()

    alive(story)


def test_the_same_bytes_twice_are_one_recording(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.all()
        write_wav(shop.anna / "again" / "b.wav")
        await shop.all()
        (recording,) = shop.recordings()
        assert recording.name == "a.wav"
        assert shop.left() == []
        (known,) = shop.told("known")
        assert known.name == "again/b.wav"
        assert "as a.wav" in known.why

    alive(story)


def test_the_same_bytes_side_by_side_are_one_recording(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        for number in range(8):
            write_wav(shop.anna / f"{number}.wav")
        await shop.all()
        assert len(shop.recordings()) == 1
        assert (len(shop.told("taken")), len(shop.told("known"))) == (1, 7)
        assert shop.left() == []

    alive(story)


def test_a_removed_recording_that_is_dropped_again_is_back(alive: Callable[..., None], store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.all()
        store.write_now(lambda session: recordings.remove(session, "anna", shop.recordings()[0].sha256))
        write_wav(shop.anna / "b.wav")
        await shop.all()
        (recording,) = shop.recordings()
        assert recording.removed is None
        assert "is back" in shop.told("known")[0].why

    alive(story)


@pytest.mark.parametrize("moment", ["kill_before", "kill_after"])
@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_worker_that_dies_at_any_report_loses_and_doubles_nothing(
    alive: Callable[..., None], moment: str, number: int
) -> None:
    async def story(shop: Workshop) -> None:
        sources = {}
        for index in range(6):
            path = write_wav(shop.anna / f"{index}.wav", pitch=200 + index)
            path.with_suffix(".txt").write_text(f"line {index}")
            sources[path.name] = path.read_bytes()

        def arm(channel: InProcessChannel) -> None:
            shop.arm = lambda channel: None  # once
            setattr(channel, moment, number)

        shop.arm = arm
        await shop.all()
        rows = shop.recordings()
        assert {row.name: (shop.home / row.path).read_bytes() for row in rows} == sources
        assert {row.name: row.text for row in rows} == {f"{index}.wav": f"line {index}" for index in range(6)}
        assert shop.left() == []

    alive(story)


def test_a_file_replaced_while_its_copy_is_committed_is_not_unlinked(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        path = write_wav(shop.anna / "a.wav", pitch=200)

        def arm(channel: InProcessChannel) -> None:
            commit = channel.commit

            def replaced(report: object) -> None:
                commit(report)  # type: ignore[arg-type]
                write_wav(shop.home / "new.wav", pitch=400)
                os.replace(shop.home / "new.wav", path)

            shop.arm = lambda channel: None
            channel.commit = replaced  # type: ignore[method-assign]

        shop.arm = arm
        await shop.wait(4.0)
        await shop.work()
        assert path.exists(), "the new file is nobody's copy"
        await shop.all()
        assert len(shop.recordings()) == 2
        assert shop.left() == []

    alive(story)


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

    async def story(shop: Workshop) -> None:
        for index in range(3):
            write_wav(shop.anna / f"{index}.wav", pitch=200 + index)
        await shop.all()
        assert [row.name for row in shop.recordings()] == ["0.wav", "2.wav"]
        assert (shop.left(), shop.refused()) == (["1.wav"], {})
        assert "not enough memory" in shop.jobs()[0].why

    alive(story)


def test_an_ingest_is_cancelled_in_the_middle_of_a_file(alive: Callable[..., None]) -> None:
    """A long file is decoded in blocks, and between any two the worker looks up. Nothing is left behind; it stays in
    the inbox."""
    looks = 0

    def cancelled() -> None:
        nonlocal looks
        looks += 1
        if looks == 20:
            raise Cancelled("Cancelled.")

    async def story(shop: Workshop) -> None:
        soundfile.write(shop.anna / "a.flac", np.zeros(16_000 * 600), 16_000)
        shop.arm = lambda channel: setattr(channel, "check", cancelled)
        await shop.wait(4.0)
        await shop.work()
        assert looks == 20
        assert (shop.left(), shop.recordings()) == (["a.flac"], [])
        assert list((shop.home / "recordings" / ".incoming").iterdir()) == []

    alive(story)


def test_after_a_restart_what_was_queued_is_taken_once(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.wait(4.0)
        assert len(shop.jobs()) == 1
        shop.start()
        await shop.inbox._recover()
        await shop.wait(4.0)
        assert len(shop.jobs()) == 1
        await shop.all()
        assert len(shop.recordings()) == 1

    alive(story)


def test_a_cancelled_ingest_is_not_begun_again_by_itself(alive: Callable[..., None], store: Store) -> None:
    from daemon.state import jobs

    async def story(shop: Workshop) -> None:
        path = write_wav(shop.anna / "a.wav")
        await shop.wait(4.0)
        store.write_now(lambda session: lives.cancel(session, jobs.get(session, shop.jobs()[0].id)))
        await shop.wait(1000.0, step=10.0)
        assert len(shop.jobs()) == 1
        os.utime(path)  # somebody touched it
        await shop.all()
        assert len(shop.recordings()) == 1

    alive(story)
