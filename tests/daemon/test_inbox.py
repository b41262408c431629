"""The inbox as a person meets it: when files are taken, what comes with them, and what follows."""

from __future__ import annotations

import asyncio
import os
import shutil
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import lives
import numpy as np
import pytest
import soundfile
from inbox_shop import InProcessChannel, Workshop, write_wav

from daemon.database.models import Voice
from daemon.database.store import Store
from daemon.state import datasets, recordings
from engines.errors import Cancelled
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def alive(story: Callable[..., Awaitable[None]], store: Store, **settings: object) -> None:
    """Run a story in a workshop of its own."""

    async def tell() -> None:
        await story(Workshop(store, store.path.parent, **settings))

    asyncio.run(tell())


# ------------------------------------------------------------------------------------------------------------ settling


def test_a_recording_that_has_come_to_rest_is_taken(store: Store) -> None:
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

    alive(story, store)


def test_a_file_growing_for_a_minute_is_left_alone(store: Store) -> None:
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

    alive(story, store)


def test_every_event_resets_the_clock(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        path = write_wav(shop.anna / "a.wav")
        os.utime(path, (1, 1))
        for _ in range(10):  # touched, though it looks the same
            await shop.inbox.scan([b"anna/a.wav"])
            shop.time += 1.5
        assert not shop.jobs()
        await shop.all()
        assert len(shop.recordings()) == 1

    alive(story, store)


def test_a_file_that_is_open_for_writing_is_left_alone_though_it_rests(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        path = write_wav(shop.anna / "a.wav")
        with path.open("ab"):
            await shop.wait(10.0)
            assert not shop.jobs(), "the copy stalls, but is not over"
        await shop.all()
        assert len(shop.recordings()) == 1

    alive(story, store)


@pytest.mark.parametrize(
    "name", ["a.wav.part", "a.wav.filepart", "a.tmp", "a.wav.crdownload", ".a.wav.Xy12Zq", ".hidden.wav", "~a.wav"]
)
def test_unfinished_names_are_left_alone_until_they_are_renamed(store: Store, name: str) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / name)
        await shop.all(20.0)
        assert not shop.jobs()
        assert shop.left() == [name]
        (shop.anna / name).rename(shop.anna / "a.wav")
        await shop.all()
        assert [row.name for row in shop.recordings()] == ["a.wav"]

    alive(story, store)


def test_files_at_any_depth_are_taken_and_keep_their_path_as_name(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "2026" / "may" / "a.wav", pitch=200)
        write_wav(shop.anna / "b.wav", pitch=300)
        await shop.all()
        assert [row.name for row in shop.recordings()] == ["2026/may/a.wav", "b.wav"]

    alive(story, store)


def test_a_stream_of_files_does_not_keep_the_first_ones_waiting(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        for number in range(10):
            write_wav(shop.anna / f"{number}.wav", pitch=200 + number)
            await shop.wait(1.0)
        assert shop.jobs()

    alive(story, store)


# ----------------------------------------------------------------------------------------------------- never losing one


def test_the_same_bytes_twice_are_one_recording(store: Store) -> None:
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

    alive(story, store)


def test_the_same_bytes_side_by_side_are_one_recording(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        for number in range(8):
            write_wav(shop.anna / f"{number}.wav")
        await shop.all()
        assert len(shop.recordings()) == 1
        assert (len(shop.told("taken")), len(shop.told("known"))) == (1, 7)
        assert shop.left() == []

    alive(story, store)


def test_a_removed_recording_that_is_dropped_again_is_back(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.all()
        store.write_now(lambda session: recordings.remove(session, "anna", shop.recordings()[0].sha256))
        write_wav(shop.anna / "b.wav")
        await shop.all()
        (recording,) = shop.recordings()
        assert recording.removed is None
        assert "is back" in shop.told("known")[0].why

    alive(story, store)


@pytest.mark.parametrize("moment", ["kill_before", "kill_after"])
@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_worker_that_dies_at_any_report_loses_and_doubles_nothing(store: Store, moment: str, number: int) -> None:
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

    alive(story, store)


def test_a_file_replaced_while_its_copy_is_committed_is_not_unlinked(store: Store) -> None:
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

    alive(story, store)


def test_a_file_that_memory_does_not_suffice_for_waits_and_the_others_are_taken(
    store: Store, monkeypatch: pytest.MonkeyPatch
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

    alive(story, store)


def test_an_ingest_is_cancelled_in_the_middle_of_a_file(store: Store) -> None:
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

    alive(story, store)


def test_after_a_restart_what_was_queued_is_taken_once(store: Store) -> None:
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

    alive(story, store)


def test_a_cancelled_ingest_is_not_begun_again_by_itself(store: Store) -> None:
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

    alive(story, store)


# ------------------------------------------------------------------------------------------------------- transcripts


@pytest.mark.parametrize("ending", [".txt", ".lab", ".TXT"])
def test_a_transcript_beside_a_recording_is_its_text(store: Store, ending: str) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        (shop.anna / f"a{ending}").write_text("  Good\nmorning.\n")
        await shop.all()
        (recording,) = shop.recordings()
        assert (recording.text, recording.text_from) == ("Good morning.", f"a{ending}")
        assert shop.left() == []
        assert [path.read_text() for path in (shop.home / "recordings" / "texts").iterdir()] == ["  Good\nmorning.\n"]

    alive(story, store)


def test_a_recording_waits_for_its_transcript_that_is_still_being_written(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        for words in range(10):
            (shop.anna / "a.txt").write_text("word " * (words + 1))
            await shop.wait(1.0)
            assert not shop.jobs()
        await shop.all()
        assert shop.recordings()[0].text == ("word " * 10).strip()

    alive(story, store)


def test_a_transcript_that_comes_later_is_attached_and_the_recording_is_cut_again(store: Store) -> None:
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

    alive(story, store)


def test_a_transcript_without_a_recording_waits_and_is_shown_as_waiting(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "a.txt").write_text("Good morning.")
        await shop.all(20.0)
        (shown,) = shop.inbox.present()
        assert (shown.name, shown.why) == ("a.txt", "waits for its recording")
        write_wav(shop.anna / "a.wav")
        await shop.all()
        assert shop.recordings()[0].text == "Good morning."
        assert shop.left() == []

    alive(story, store)


def test_the_text_of_a_refused_recording_waits_for_a_better_copy(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "a.wav").write_bytes(b"")
        (shop.anna / "a.txt").write_text("Good morning.")
        await shop.all(20.0)
        assert shop.left() == ["a.txt"]
        write_wav(shop.anna / "a.wav")
        await shop.all()
        assert shop.recordings()[0].text == "Good morning."

    alive(story, store)


@pytest.mark.parametrize("below", ["", "wavs"])
def test_metadata_csv_gives_texts_and_leaves_when_all_its_recordings_are_taken(store: Store, below: str) -> None:
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

    alive(story, store)


def test_metadata_csv_that_comes_later_gives_its_texts(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "wavs" / "a.wav", pitch=200)
        write_wav(shop.anna / "wavs" / "b.wav", pitch=300)
        (shop.anna / "wavs" / "b.txt").write_text("Its own.")
        await shop.all()
        (shop.anna / "metadata.csv").write_text("a|One\nb|Two\n")
        await shop.all()
        assert [row.text for row in shop.recordings()] == ["One", "Its own."]
        assert shop.left() == []

    alive(story, store)


# -------------------------------------------------------------------------------------------------------- the voice


def test_a_folder_makes_a_voice(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        (shop.home / "inbox" / "bea-2").mkdir()
        await shop.wait(1.0)
        voice = store.read_now(lambda session: session.get(Voice, "bea-2"))
        assert voice is not None
        assert (voice.language, voice.engine) == ("en", "glow")

    alive(story, store)


@pytest.mark.parametrize(
    ("called", "say"), [("Bad Name!", "bad-name"), ("Anna", "anna"), ("!!!", "lower-case letters")]
)
def test_a_folder_that_cannot_be_a_voice_name_is_left_alone_and_what_to_call_it_is_said_once(
    store: Store, called: str, say: str
) -> None:
    async def story(shop: Workshop) -> None:
        folder = shop.home / "inbox" / called
        write_wav(folder / "takes" / "a.wav")
        await shop.all(8.0)
        assert shop.left(folder) == ["takes/a.wav"]
        assert sorted(path.name for path in (shop.home / "inbox").iterdir()) == [called]
        assert shop.notices() == [f"inbox/{called}/ is left as it is: {called!r} cannot be the name of a voice."]
        (waiting,) = shop.inbox.present()
        assert waiting.name == called
        assert say in waiting.why
        if say != "lower-case letters":
            folder.rename(folder.with_name(say))
            await shop.all(8.0)
            assert [row.name for row in shop.recordings(say)] == ["takes/a.wav"]
            assert shop.inbox.present() == []

    alive(story, store)


def test_a_folder_that_is_nearly_called_like_a_voice_is_not_mixed_into_it(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "hers.wav")
        write_wav(shop.home / "inbox" / "Anna!" / "another.wav", pitch=300.0)
        await shop.all(8.0)
        assert [row.name for row in shop.recordings("anna")] == ["hers.wav"]
        assert "There is a voice anna already" in shop.inbox.present()[0].why

    alive(story, store)


def test_a_folder_whose_name_only_differs_in_its_unicode_form_is_the_voices(store: Store) -> None:
    """macOS writes "jörg" with a combining mark; nobody sees a difference."""

    async def story(shop: Workshop) -> None:
        write_wav(shop.home / "inbox" / unicodedata.normalize("NFD", "jörg") / "takes" / "a.wav")
        await shop.all(8.0)
        assert [row.name for row in shop.recordings("jörg")] == ["takes/a.wav"]

    alive(story, store)


def test_voice_toml_sets_language_options_and_rule_and_is_read_again_when_it_changes(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        toml = shop.anna / "voice.toml"
        toml.write_text('language = "en-GB"\nauto_train = false\n[train]\nsteps = 100\n[promotion]\nwer_loss = 0.1\n')
        await shop.wait(4.0)
        voice = store.read_now(lambda session: session.get_one(Voice, "anna"))
        assert voice.language == "en-GB"
        assert voice.options == {"auto_train": False, "train": {"steps": 100}, "promotion": {"wer_loss": 0.1}}
        toml.write_text("[train]\nsteps = 200\n")
        await shop.wait(4.0)
        assert store.read_now(lambda session: session.get_one(Voice, "anna")).options == {"train": {"steps": 200}}
        assert shop.left() == ["voice.toml"]

    alive(story, store)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("language = ", "not valid TOML"),
        ('engine = "nothing"', "'nothing'"),
        ('language = "Klingon"', "'Klingon'"),
        ("colour = 1", "'colour'"),
        ("[train]\nsteps = -4", "steps must be a whole number"),
        ("[train]\nsteps = true", "true was given"),
        ("[train]\nstep = 4", "no training setting named 'step'"),
        ("[train]\nlora_rank = 16", "glow has no adapters"),
        ('engine = "xtts"\n[train]\nlora_alpha = 16', "without a LoRA rank"),
        ('engine = "xtts"\nlanguage = "sw"', "'sw'"),
        ('language = "de"', "'de'"),
        ("[promotion]\nwer_tolerance = 0.1", "'wer_tolerance'"),
        ("[promotion]\nwer_loss = true", "wer_loss must be a number"),
        ("auto_train = 1", "auto_train must be true or false"),
        ('engine = "xtts"\nreference = "calm.wav"', "reference must be a list"),
        ('engine = "xtts"\nreference = [1]', "reference must be a list"),
        ('reference = ["calm.wav"]', "glow speaks as it was trained"),
        ("train = 7", "train must be a table"),
    ],
)
def test_a_broken_voice_toml_is_a_sentence_and_changes_nothing(store: Store, text: str, word: str) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "voice.toml").write_text(text)
        await shop.wait(4.0)
        why = shop.anna / ".refused" / "voice.toml.why.txt"
        assert word in why.read_text()
        (told,) = shop.told("refused")
        assert word in told.why
        assert store.read_now(lambda session: session.get_one(Voice, "anna")).options == {}
        (shop.anna / "voice.toml").write_text("auto_train = true")
        await shop.wait(4.0)
        assert not why.exists()

    alive(story, store)


def test_packages_are_left_where_they_are_with_one_notice(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "voice.myna.tar.zst").write_bytes(b"package")
        (shop.home / "inbox" / "other.myna.tar.zst").write_bytes(b"package")
        await shop.all(20.0)
        assert len(shop.notices()) == 2
        assert shop.left() == ["voice.myna.tar.zst"]
        assert not shop.told("refused")

    alive(story, store)


# ----------------------------------------------------------------------------------------------------- what follows


def test_a_dataset_is_made_once_the_inbox_is_quiet(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        for index in range(4):
            write_wav(shop.anna / f"{index}.wav", pitch=200 + index)
            await shop.wait(3.0)
            await shop.work()
            assert not shop.jobs("dataset"), "more may come"
        await shop.wait(8.0)
        (job,) = shop.jobs("dataset")
        assert pb.JobSpec.FromString(job.spec).dataset.train_after

    alive(story, store)


def test_a_voice_or_a_setting_can_say_that_nothing_trains_by_itself(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.all()
        await shop.wait(8.0)
        (job,) = shop.jobs("dataset")
        assert not pb.JobSpec.FromString(job.spec).dataset.train_after

    alive(story, store, auto_train=False)


def test_a_dataset_job_that_failed_is_not_tried_in_circles(store: Store) -> None:
    from daemon.state import jobs
    from daemon.state.status import Error

    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav", pitch=200)
        await shop.all()
        await shop.wait(8.0)
        store.write_now(
            lambda session: lives.fail(
                session, jobs.get(session, shop.jobs("dataset")[0].id), Error("engine", "No.", "", "")
            )
        )
        await shop.wait(600.0, step=5.0)
        assert len(shop.jobs("dataset")) == 1
        write_wav(shop.anna / "b.wav", pitch=300)
        await shop.all()
        await shop.wait(8.0)
        assert len(shop.jobs("dataset")) == 2

    alive(story, store)


def test_a_corrected_clip_makes_a_new_dataset(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        demo = Path(__file__).parents[2] / "demo" / "recordings"
        for number in ("d01", "d02"):
            shutil.copy(demo / f"{number}.flac", shop.anna)
            shutil.copy(demo / f"{number}.txt", shop.anna)
        await shop.all()
        await shop.wait(8.0)
        await shop.work(("dataset",))
        first = store.read_now(datasets.get, "anna", 0)
        assert (first.number, first.clips, first.held_out) == (1, 1, 1)
        clip = next(clip for clip in shop.clips() if not clip.held_out)
        store.write_now(datasets.set_clip, "anna", clip.sha256, "Quite another text.", None)
        shop.inbox.nudge("anna")
        await shop.wait(8.0)
        await shop.work(("dataset",))
        second = store.read_now(datasets.get, "anna", 0)
        assert (second.number, second.new_clips) == (2, 1)

    alive(story, store, auto_train=False)


def test_another_engine_has_the_recordings_cut_again_at_its_own_rate(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        demo = Path(__file__).parents[2] / "demo" / "recordings"
        for number in ("d01", "d02"):
            shutil.copy(demo / f"{number}.flac", shop.anna)
            shutil.copy(demo / f"{number}.txt", shop.anna)
        await shop.all()
        await shop.wait(8.0)
        await shop.work(("dataset",))
        held = {clip.recording for clip in shop.clips() if clip.held_out}
        (shop.anna / "voice.toml").write_text('engine = "xtts"')
        await shop.wait(12.0)
        await shop.work(("dataset",))
        second = store.read_now(datasets.get, "anna", 0)
        assert (second.number, second.clips, second.held_out, second.new_clips) == (2, 1, 1, 1)
        kept = [clip for clip in shop.clips() if clip.kept]
        assert {soundfile.info(shop.home / clip.path).samplerate for clip in kept} == {22_050}
        assert {clip.recording for clip in kept if clip.held_out} == held, "what is held out stays held out"

    alive(story, store, auto_train=False)


def test_a_text_that_comes_while_its_recording_is_cut_is_not_passed_over(store: Store) -> None:
    from daemon.state import jobs

    async def story(shop: Workshop) -> None:
        write_wav(shop.anna / "a.wav")
        await shop.all()
        await shop.wait(8.0)
        (cutting,) = shop.jobs("dataset")
        store.write_now(lambda session: jobs.start_attempt(session, jobs.get(session, cutting.id)))
        (shop.anna / "a.txt").write_text("Good morning.")
        await shop.wait(10.0)
        assert shop.recordings()[0].text is None
        store.write_now(lambda session: lives.requeue(session, jobs.get(session, cutting.id), "stopped"))
        await shop.wait(10.0)
        assert shop.recordings()[0].text == "Good morning."
        await shop.work(("dataset",))
        assert all(clip.text in ("Good morning.", "") for clip in shop.clips())

    alive(story, store)


# ------------------------------------------------------------------------------------------------------------- refusals


def test_who_asks_later_is_told_of_refused_files_until_they_are_taken_out(store: Store) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "notes.docx").write_bytes(b"no sound")
        (shop.home / "inbox" / "loose.wav").write_bytes(b"whose is it?")
        await shop.all(12.0)
        shop.start()  # mynad was restarted: what it told before is known to nobody
        await shop.all()
        told, count = shop.inbox.refused()
        assert {(event.voice, event.name) for event in told} == {("anna", "notes.docx"), ("", "loose.wav")}
        assert count == 2
        assert all(event.state == "refused" and event.why.endswith(".") for event in told)
        (shop.anna / ".refused" / "notes.docx").unlink()
        await shop.all()
        assert [event.name for event in shop.inbox.refused()[0]] == ["loose.wav"]
        assert [(event.voice, event.name) for event in shop.told("mended")] == [("anna", "notes.docx")]

    alive(story, store)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_bad_voice_toml_that_was_deleted_leaves_no_refusal(store: Store, restarted: bool) -> None:
    async def story(shop: Workshop) -> None:
        (shop.anna / "voice.toml").write_text("colour = 1")
        await shop.wait(4.0)
        ((told,), _) = shop.inbox.refused()
        assert (told.name, told.state) == ("voice.toml", "refused")
        assert "'colour'" in told.why
        (shop.anna / "voice.toml").unlink()
        if restarted:
            shop.start()
        await shop.wait(4.0)
        assert shop.inbox.refused() == ([], 0)
        assert not (shop.anna / ".refused" / "voice.toml.why.txt").exists()
        assert restarted or [event.name for event in shop.told("mended")] == ["voice.toml"]

    alive(story, store)
