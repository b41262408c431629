"""The inbox and texts that come with recordings, before them or after them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from inbox_shop import Workshop, write_wav

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("ending", [".txt", ".lab", ".TXT"])
def test_a_transcript_beside_a_recording_is_its_text(alive: Callable[..., None], ending: str) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        (shop.anna / f"a{ending}").write_text("  Good\nmorning.\n")
        await shop.all()
        (recording,) = shop.recordings()
        assert (recording.text, recording.text_from) == ("Good morning.", f"a{ending}")
        assert shop.left() == []
        assert [path.read_text() for path in (shop.home / "recordings" / "texts").iterdir()] == ["  Good\nmorning.\n"]

    alive(story)


def test_a_recording_waits_for_its_transcript_that_is_still_being_written(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        for words in range(10):
            (shop.anna / "a.txt").write_text("word " * (words + 1))
            await shop.wait(1.0)
            assert not shop.jobs()
        await shop.all()
        assert shop.recordings()[0].text == ("word " * 10).strip()

    alive(story)


def test_a_transcript_that_comes_later_is_attached_and_the_recording_is_cut_again(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "sub" / "a.wav")
        await shop.all()
        await shop.wait(10.0)
        await shop.work(("dataset",))
        assert shop.recordings()[0].cut is not None
        (shop.anna / "sub" / "a.txt").write_text("Good morning.")
        await shop.all()
        (recording,) = shop.recordings()
        assert (recording.text, recording.cut) == ("Good morning.", None)
        assert shop.left() == []
        await shop.wait(10.0)
        assert len(shop.jobs("dataset")) == 2

    alive(story)


def test_a_transcript_without_a_recording_waits_and_is_shown_as_waiting(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "a.txt").write_text("Good morning.")
        await shop.all(20.0)
        (shown,) = shop.inbox.present()
        assert (shown.name, shown.why) == ("a.txt", "waits for its recording")
        write_wav(shop.anna / "a.wav")
        await shop.all()
        assert shop.recordings()[0].text == "Good morning."
        assert shop.left() == []

    alive(story)


def test_the_text_of_a_refused_recording_waits_for_a_better_copy(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "a.wav").write_bytes(b"")
        (shop.anna / "a.txt").write_text("Good morning.")
        await shop.all(20.0)
        assert shop.left() == ["a.txt"]
        write_wav(shop.anna / "a.wav")
        await shop.all()
        assert shop.recordings()[0].text == "Good morning."

    alive(story)


@pytest.mark.parametrize("below", ["", "wavs"])
def test_metadata_csv_gives_texts_and_leaves_when_all_its_recordings_are_taken(
    alive: Callable[..., None], below: str
) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "metadata.csv").write_text("id|text\nLJ-1|Dr. One|Doctor One\nLJ-2|Two\nLJ-3.wav|Three\n")
        write_wav(shop.anna / below / "LJ-1.wav", pitch=200)
        write_wav(shop.anna / below / "LJ-2.wav", pitch=300)
        await shop.all()
        assert [row.text for row in shop.recordings()] == ["Doctor One", "Two"]
        assert shop.left() == ["metadata.csv"]
        (shown,) = shop.inbox.present()
        assert shown.why == "waits for 1 of the 3 recordings that it lists"
        write_wav(shop.anna / below / "LJ-3.wav", pitch=400)
        await shop.all()
        assert [row.text for row in shop.recordings()] == ["Doctor One", "Two", "Three"]
        assert shop.left() == []

    alive(story)


def test_metadata_csv_that_comes_later_gives_its_texts(alive: Callable[..., None]) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "wavs" / "a.wav", pitch=200)
        write_wav(shop.anna / "wavs" / "b.wav", pitch=300)
        (shop.anna / "wavs" / "b.txt").write_text("Its own.")
        await shop.all()
        (shop.anna / "metadata.csv").write_text("a|One\nb|Two\n")
        await shop.all()
        assert [row.text for row in shop.recordings()] == ["One", "Its own."]
        assert shop.left() == []

    alive(story)
