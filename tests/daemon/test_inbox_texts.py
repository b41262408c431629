"""The inbox and texts that come with recordings, before them or after them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from inbox_workshop import Workshop, write_wav

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("ending", [".txt", ".lab", ".TXT"])
def test_a_transcript_beside_a_recording_is_its_text(alive: Callable[..., None], ending: str) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        (workshop.anna / f"a{ending}").write_text("  Good\nmorning.\n")
        await workshop.all()
        (recording,) = workshop.recordings()
        assert (recording.text, recording.text_from) == ("Good morning.", f"a{ending}")
        assert workshop.left() == []
        assert [path.read_text() for path in (workshop.home / "recordings" / "texts").iterdir()] == [
            "  Good\nmorning.\n"
        ]

    alive(scenario)


def test_a_recording_waits_for_its_transcript_that_is_still_being_written(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav")
        for words in range(10):
            (workshop.anna / "a.txt").write_text("word " * (words + 1))
            await workshop.wait(1.0)
            assert not workshop.jobs()
        await workshop.all()
        assert workshop.recordings()[0].text == ("word " * 10).strip()

    alive(scenario)


def test_a_transcript_that_comes_later_is_attached_and_the_recording_is_cut_again(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "sub" / "a.wav")
        await workshop.all()
        await workshop.wait(10.0)
        await workshop.work(("dataset",))
        assert workshop.recordings()[0].cut is not None
        (workshop.anna / "sub" / "a.txt").write_text("Good morning.")
        await workshop.all()
        (recording,) = workshop.recordings()
        assert (recording.text, recording.cut) == ("Good morning.", None)
        assert workshop.left() == []
        await workshop.wait(10.0)
        assert len(workshop.jobs("dataset")) == 2

    alive(scenario)


def test_a_transcript_without_a_recording_waits_and_is_shown_as_waiting(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "a.txt").write_text("Good morning.")
        await workshop.all(20.0)
        (shown,) = workshop.inbox.present()
        assert (shown.name, shown.why) == ("a.txt", "waits for its recording")
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        assert workshop.recordings()[0].text == "Good morning."
        assert workshop.left() == []

    alive(scenario)


def test_the_text_of_a_refused_recording_waits_for_a_better_copy(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "a.wav").write_bytes(b"")
        (workshop.anna / "a.txt").write_text("Good morning.")
        await workshop.all(20.0)
        assert workshop.left() == ["a.txt"]
        write_wav(workshop.anna / "a.wav")
        await workshop.all()
        assert workshop.recordings()[0].text == "Good morning."

    alive(scenario)


@pytest.mark.parametrize("below", ["", "wavs"])
def test_metadata_csv_gives_texts_and_leaves_when_all_its_recordings_are_taken(
    alive: Callable[..., None], below: str
) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "metadata.csv").write_text("id|text\nLJ-1|Dr. One|Doctor One\nLJ-2|Two\nLJ-3.wav|Three\n")
        write_wav(workshop.anna / below / "LJ-1.wav", pitch=200)
        write_wav(workshop.anna / below / "LJ-2.wav", pitch=300)
        await workshop.all()
        assert [row.text for row in workshop.recordings()] == ["Doctor One", "Two"]
        assert workshop.left() == ["metadata.csv"]
        (shown,) = workshop.inbox.present()
        assert shown.why == "waits for 1 of the 3 recordings that it lists"
        write_wav(workshop.anna / below / "LJ-3.wav", pitch=400)
        await workshop.all()
        assert [row.text for row in workshop.recordings()] == ["Doctor One", "Two", "Three"]
        assert workshop.left() == []

    alive(scenario)


def test_metadata_csv_that_comes_later_gives_its_texts(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "wavs" / "a.wav", pitch=200)
        write_wav(workshop.anna / "wavs" / "b.wav", pitch=300)
        (workshop.anna / "wavs" / "b.txt").write_text("Its own.")
        await workshop.all()
        (workshop.anna / "metadata.csv").write_text("a|One\nb|Two\n")
        await workshop.all()
        assert [row.text for row in workshop.recordings()] == ["One", "Its own."]
        assert workshop.left() == []

    alive(scenario)
