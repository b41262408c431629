"""What follows from recordings: the dataset, and a training where enough was added."""

from __future__ import annotations

import hashlib
from typing import Any

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, Job, Recording, Voice, now
from daemon.database.store import Store
from daemon.inbox.next_step import advance
from daemon.state import datasets, jobs, recordings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def take(session: Session, name: str, seconds: float = 5.0) -> Recording:
    return recordings.take(
        session,
        "anna",
        wire.RecordingTaken(file=name.encode(), sha256=sha(name), path=name, seconds=seconds, codec="flac"),
    )


def cut(session: Session, job: Job, name: str, seconds: float = 5.0, **clip: Any) -> None:
    """As a worker reports it."""
    one = wire.CutClip(
        **{
            "start": 0.0,
            "end": seconds,
            "kept": True,
            "text": name,
            "sha256": sha("clip " + name),
            "path": name,
            **clip,
        }
    )
    report = wire.Report(cut=wire.RecordingCut(recording=sha(name), clips=[one]))
    lives.kind(session, "dataset").commit(session, job, report)  # type: ignore[arg-type]


def make(session: Session, *names: str, seconds: float = 5.0, train_after: bool = True) -> Job:
    """Take, cut, finish."""
    for name in names:
        take(session, name, seconds)
    job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna", train_after=train_after)))
    jobs.start_attempt(session, job)
    for name in names:
        cut(session, job, name, seconds)
    lives.succeed(session, job, "Cut.")
    return job


def trains(session: Session) -> list[Job]:
    return list(session.scalars(select(Job).where(Job.kind == "train").order_by(Job.id)))


def names(count: int, prefix: str = "r") -> list[str]:
    return [f"{prefix}{n}.wav" for n in range(count)]


def test_a_dataset_is_made_and_told_of(store: Store) -> None:
    def act(session: Session) -> str:
        return make(session, *names(4)).why

    sentence = store.write_now(act)
    row = store.read_now(datasets.get, "anna", 0)
    assert (row.number, row.clips, row.held_out, row.new_clips) == (1, 3, 1, 3)
    assert sentence.startswith("Dataset #1: 3 clips to train on (15 s, 3 new), 1 held out, 0 dropped.")
    assert "needs 15 s more audio to train" in sentence


def test_enough_audio_starts_a_training_in_the_same_transaction(store: Store) -> None:
    def act(session: Session) -> list[int | None]:
        job = make(session, *names(10))
        return [train.parent_job == job.id for train in trains(session)]

    assert store.write_now(act) == [True]


def test_a_training_only_follows_where_it_was_asked_for(store: Store) -> None:
    def act(session: Session) -> int:
        make(session, *names(10), train_after=False)
        return len(trains(session))

    assert store.write_now(act) == 0


def test_small_additions_add_up_until_they_are_enough(store: Store) -> None:
    def act(session: Session) -> list[int]:
        counts = []
        for n in range(8):
            make(session, f"{n}.wav")
            counts.append(len(trains(session)))
        return counts

    counts = store.write_now(act)
    assert counts[0] == 0
    assert counts[-1] == 1, "one that waits takes the newest dataset: there is no need for another"


def test_a_voice_can_have_its_own_least_amount(store: Store) -> None:
    def act(session: Session) -> int:
        session.get_one(Voice, "anna").options = {"auto_train_min_seconds": 1000}
        make(session, *names(10))
        return len(trains(session))

    assert store.write_now(act) == 0


def test_nothing_new_makes_no_dataset(store: Store) -> None:
    def act(session: Session) -> tuple[str, int]:
        make(session, *names(3))
        job = make(session)
        return job.why, len(list(session.scalars(select(Dataset))))

    why, count = store.write_now(act)
    assert why.startswith("Nothing new")
    assert count == 1


def test_where_no_clip_can_be_used_it_is_not_called_nothing_new(store: Store) -> None:
    def act(session: Session) -> str:
        take(session, "a.wav")
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
        jobs.start_attempt(session, job)
        cut(session, job, "a.wav", kept=False, reason="silent")
        lives.succeed(session, job, "Cut.")
        return job.why

    assert store.write_now(act) == "No dataset: none of its clips can be used. `myna clips anna --dropped` says why."


def test_a_training_that_cannot_be_is_told_and_the_dataset_stays(store: Store) -> None:
    def act(session: Session) -> str:
        session.get_one(Voice, "anna").language = "xx"
        return make(session, *names(10)).why

    assert "Not trained" in store.write_now(act)
    assert store.read_now(datasets.get, "anna", 0).number == 1


def test_the_same_report_again_changes_nothing(store: Store) -> None:
    def act(session: Session) -> int:
        job = make(session, "a.wav", "b.wav")
        cut(session, job, "a.wav")
        return len(list(session.scalars(select(Clip))))

    assert store.write_now(act) == 2


def test_a_cut_again_recording_leaves_the_datasets_before_as_they_were(store: Store) -> None:
    def act(session: Session) -> tuple[list[str], list[str]]:
        job = make(session, "a.wav", "b.wav")
        first = session.scalars(select(Dataset)).one()
        recordings.attach(session, "anna", {"a": "the real text"}, "a.txt")
        cut(session, job, "a.wav", text="the real text", sha256=sha("another sound"), start=0.1)
        second = datasets.build(session, "anna")
        assert second is not None
        from daemon.database.models import DatasetClip

        def texts(row: Dataset) -> list[str]:
            return sorted(session.scalars(select(DatasetClip.text).where(DatasetClip.dataset == row.id)))

        return texts(first), texts(second)

    assert store.write_now(act) == (["a.wav", "b.wav"], ["b.wav", "the real text"])


def test_recut_goes_on_after_a_crash_with_what_is_left(store: Store) -> None:
    def act(session: Session) -> list[list[str]]:
        make(session, "a.wav", "b.wav")
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna", recut=True)))
        jobs.start_attempt(session, job)
        before = [ref.name for ref in lives.kind(session, "dataset").plan(session, job).dataset.recordings]
        cut(session, job, "a.wav")
        return [before, [ref.name for ref in lives.kind(session, "dataset").plan(session, job).dataset.recordings]]

    assert store.write_now(act) == [["a.wav", "b.wav"], ["b.wav"]]


def test_dropped_clips_are_counted_by_reason(store: Store) -> None:
    def act(session: Session) -> dict[str, int]:
        for name in names(5):
            take(session, name)
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
        jobs.start_attempt(session, job)
        for index, name in enumerate(names(5)):
            cut(
                session,
                job,
                name,
                kept=index < 2,
                reason="" if index < 2 else ("silent", "too-short", "silent")[index - 2],
            )
        lives.succeed(session, job, "Cut.")
        return datasets.get(session, "anna", 0).dropped

    assert store.write_now(act) == {"silent": 2, "too-short": 1}


def test_the_same_sound_twice_is_never_both_held_out_and_trained(store: Store) -> None:
    def act(session: Session) -> set[tuple[str, bool]]:
        for name in names(12):
            take(session, name)
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
        jobs.start_attempt(session, job)
        for index, name in enumerate(names(12)):
            cut(session, job, name, sha256=sha(f"sound {index // 2}"))  # each sound is in two recordings
        lives.succeed(session, job, "Cut.")
        from daemon.database.models import DatasetClip

        return set(
            session.execute(
                select(Clip.sha256, DatasetClip.held_out).join(DatasetClip, DatasetClip.clip == Clip.id)
            ).tuples()
        )

    rows = store.write_now(act)
    assert {is_held for _, is_held in rows} == {True, False}
    assert len({sound for sound, _ in rows}) == len(rows)


@pytest.mark.parametrize("measured", [True, False])
def test_which_of_two_equal_sounds_is_taken_does_not_depend_on_which_recording_was_cut_first(
    store: Store, measured: bool
) -> None:
    """A worker that died of a recording has it cut last."""

    def act(session: Session) -> str:
        for name in ("a.wav", "b.wav", "c.wav"):
            take(session, name)
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
        jobs.start_attempt(session, job)
        told = {"facts": wire.ClipFacts(seconds=5.0, speech=5.0), "quality": {"snr_db": 40.0, "chars_per_second": 12.0}}
        for name in ("c.wav", "b.wav", "a.wav"):
            text = "the same words, that are said in as many seconds as they take"
            one = {"text": text, "text_source": "given", "sha256": sha("a" if name != "c.wav" else "c")}
            cut(session, job, name, **one, **(told if measured else {}))
        lives.succeed(session, job, "Cut.")
        chosen = datasets.choose(session, "anna").contents
        query = select(Recording.name).join(Clip, Clip.recording == Recording.id).where(Clip.id.in_(chosen))
        return ", ".join(session.scalars(query.order_by(Recording.name)))

    assert store.write_now(act) == "a.wav, c.wav"


def test_nothing_is_due_while_a_job_is_at_the_recordings(store: Store) -> None:
    def act(session: Session) -> list[bool]:
        take(session, "a.wav")
        first = advance(session, lives.lifecycle(session), "anna", train=True)
        second = advance(session, lives.lifecycle(session), "anna", train=True)
        assert first is not None
        jobs.start_attempt(session, first)
        cut(session, first, "a.wav")
        lives.succeed(session, first, "Cut.")
        third = advance(session, lives.lifecycle(session), "anna", train=True)
        return [first is not None, second is not None, third is not None]

    assert store.write_now(act) == [True, False, False]


def test_a_recording_in_a_voice_that_is_made_with_it(store: Store) -> None:
    def act(session: Session) -> str:
        taken = wire.RecordingTaken(file=b"a.wav", sha256=sha("a"), path="a", seconds=1.0, codec="flac")
        recordings.take(session, "new", taken)
        return session.get_one(Voice, "new").engine

    assert store.write_now(act) == "glow"
    assert now() is not None
