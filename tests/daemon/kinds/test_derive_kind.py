"""Voices made from other voices' clips: what is refused, what is stored of each clip, what is held out, what
follows."""

from __future__ import annotations

from typing import Any

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, sha

from daemon.database.models import Clip, Dataset, Holdout, Job, Recording, Voice
from daemon.database.store import Store
from daemon.errors import MynaError
from daemon.inbox.next_step import advance
from daemon.state import datasets, events, jobs, next_dataset, recordings, voice_life, voices
from daemon.state.status import Error
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

BRIGHT = "anna-bright"


def submit(session: Session, **asked: Any) -> Job:
    spec = pb.DeriveSpec(**{"voice": BRIGHT, "parent": "anna", "pitch": 2.0, **asked})
    return lives.submit(session, pb.JobSpec(derive=spec))


def made(name: str, seconds: float = 4.0, reached: tuple[float, float, float] = (2.1, 1.0, 1.0), **facts: Any) -> Any:
    """As a worker reports the clip that it made from the clip of this name."""
    clip = wire.CutClip(**{
        "end": seconds, "text": "a line", "kept": True, "sha256": sha(f"made {name}"), "path": f"clips/{name}", **facts
    })  # fmt: skip
    pitch, pace, liveliness = reached
    traits = wire.ReachedTraits(pitch=pitch, pace=pace, liveliness=liveliness)
    return wire.Report(made=wire.ClipMade(made_from=sha(name), clip=clip, sample_rate=16_000, size=9, reached=traits))


def report(session: Session, job: Job, one: Any) -> None:
    lives.kind(session, "derive").commit(session, job, one)


#: Names of the clips of the fixture's newest dataset.
EVERY = ["held", *(f"old{number}" for number in range(8)), "new0", "new1"]


def derive_all(session: Session, **facts: Any) -> Job:
    job = submit(session)
    jobs.start_attempt(session, job)
    for name in EVERY:
        report(session, job, made(name, **facts))
    lives.succeed(session, job, "Made 11 clips.")
    return job


def trainings(session: Session, voice: str = BRIGHT) -> list[Job]:
    return list(session.scalars(select(Job).where(Job.kind == "train", Job.voice == voice)))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"pitch": 12.5}, "pitch must be a number of semitones from -12 to 12; 12.5 was given"),
        ({"pitch": float("nan")}, "pitch must be"),
        ({"pace": 0.4}, "pace must be a number from 0.5 to 2"),
        ({"pace": 0.0}, "pace must be"),
        ({"liveliness": 3.5}, "liveliness must be a number from 0 to 3"),
        ({"pitch": 0.0}, "anna-bright would sound as anna does: nothing is to be changed"),
        ({"parent": "bert"}, "There is no voice named 'bert'"),
        ({"parent": "empty"}, "empty has no dataset yet"),
        ({"dataset": 7}, "anna has no dataset #7"),
        ({"voice": "anna"}, "There is a voice named anna already"),
        ({"voice": "gone"}, "There is a voice named gone already, which was deleted"),
        ({"voice": "Anna Bright"}, "cannot be the name of a voice"),
        ({"voice": "taken"}, "inbox/taken is there already"),
    ],
)
def test_nonsense_is_refused_and_makes_nothing(anna: Store, asked: dict[str, Any], sentence: str) -> None:
    (anna.path.parent / "inbox" / "taken").mkdir(parents=True)

    def given(session: Session) -> None:
        recordings.ensure_voice(session, "empty")
        recordings.ensure_voice(session, "gone")
        voice_life.delete(session, "gone")

    anna.write_now(given)
    with pytest.raises(MynaError, match=sentence):
        anna.write_now(submit, **asked)
    assert anna.read_now(lambda s: s.scalars(select(Voice.name).order_by(Voice.name)).all()) == [
        "anna",
        "empty",
        "gone",
    ]


def test_a_derived_voice_has_its_parents_rules_and_says_what_it_is_made_from(anna: Store) -> None:
    def act(session: Session) -> pb.Voice:
        session.get_one(Voice, "anna").options = {"reference": ["a.wav"], "promotion": {"takes": 1}}
        job = submit(session, pace=0.9)
        assert job.title == "derive anna-bright from anna's dataset #2: pitch +2 st, pace 0.9, liveliness 1"
        row = voices.get(session, BRIGHT)
        assert (row.language, row.engine, row.options) == ("en", "glow", {"promotion": {"takes": 1}})
        return voices.message(session, row)

    told = anna.write_now(act)
    assert told.derivation == pb.Derivation(voice="anna", pitch=2.0, pace=0.9, liveliness=1.0)


def test_a_clip_is_stored_once_and_held_out_where_its_parent_is(anna: Store) -> None:
    def act(session: Session) -> None:
        job = submit(session)
        plan = lives.kind(session, "derive").plan(session, job).derive
        assert len(plan.clips) == len(EVERY)
        assert plan.clips[0].sha256 == sha("held"), "what the voice is judged by is made first"
        assert (plan.pitch, plan.pace, plan.liveliness) == (2.0, 1.0, 1.0)
        for _ in range(2):  # the worker died before it heard that the first was stored
            report(session, job, made("held"))
            report(session, job, made("old0"))
        report(session, job, made("old1", sha256=sha("made old0")))  # came out as the same sound
        again = lives.kind(session, "derive").plan(session, job).derive
        assert sorted(one.sha256 for one in again.clips) == sorted(sha(name) for name in EVERY[2:])
        rows = {row.made_from: row for row in session.scalars(select(Recording).where(Recording.voice == BRIGHT))}
        assert rows.keys() == {sha("held"), sha("old0")}
        assert {row.name for row in rows.values()} == {"held.wav", "old0.wav"}
        holds = {row.sha256: row.held for row in session.scalars(select(Holdout).where(Holdout.voice == BRIGHT))}
        assert holds == {sha("made held"): True, sha("made old0"): False}

    anna.write_now(act)


def test_its_dataset_holds_out_what_its_parents_does_and_is_trained_on(anna: Store) -> None:
    def act(session: Session) -> None:
        job = derive_all(session)
        assert job.why.startswith(
            "Measured against anna's clips: pitch +2.10 semitones (+2 asked for), pace 1.000 (1), liveliness 1.00 (1). "
            "Dataset #1: 10 clips to train on (40 s, 10 new), 1 held out, 0 dropped."
        )
        held = session.scalars(select(Clip).where(Clip.voice == BRIGHT, Clip.held_out)).all()
        assert [one.sha256 for one in held] == [sha("made held")]
        assert [one.parent_job for one in trainings(session)] == [job.id]
        assert not next_dataset.wanted(session, BRIGHT)

    anna.write_now(act)


def test_a_voice_that_trains_by_hand_has_children_that_do(anna: Store) -> None:
    def act(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"auto_train": False}
        derive_all(session)
        assert trainings(session) == []

    anna.write_now(act)


def test_what_misses_its_target_is_said(anna: Store) -> None:
    def act(session: Session) -> str:
        return derive_all(session, reached=(3.0, 1.0, float("nan"))).why

    why = anna.write_now(act)
    assert "pitch +3.00 semitones (+2 asked for)" in why
    assert "liveliness not measurable (1)" in why
    notices = [event.notice.sentence for event in anna.read_now(events.after, 0)[0]]
    assert "anna-bright did not come out as it was asked for" in " ".join(notices)


@pytest.mark.parametrize("kind", ["crashed", "disk-full"])
def test_while_it_is_made_nobody_makes_a_dataset_of_half_of_it(anna: Store, kind: str) -> None:
    def act(session: Session) -> None:
        job = submit(session)
        jobs.start_attempt(session, job)
        report(session, job, made("held"))
        report(session, job, made("old0"))
        life = lives.lifecycle(session)
        assert advance(session, life, BRIGHT, train=True) is None
        assert next_dataset.why_wait(session, BRIGHT).startswith(f"waits for derive #{job.id}")
        lives.fail(session, job, Error(kind, "It ended.", "", ""))
        assert advance(session, life, BRIGHT, train=True) is None, "a person retries it, or forces a dataset"
        assert session.scalars(select(Dataset).where(Dataset.voice == BRIGHT)).first() is None

    anna.write_now(act)


def test_a_real_voice_is_never_judged_by_what_was_made(anna: Store) -> None:
    """A made clip's file that a person drops into another voice's inbox may train there; it is never held out."""

    def act(session: Session) -> None:
        derive_all(session)
        recordings.ensure_voice(session, "bert")
        for name in EVERY[:4]:
            taken = wire.RecordingTaken(file=name.encode(), sha256=sha(f"made {name}"), path=name, seconds=4.0)
            row = recordings.take(session, "bert", taken)
            assert row.made_from == sha(name)
            session.flush()
            cut = wire.CutClip(end=4.0, kept=True, text=name, sha256=sha(f"cut {name}"), path=name)
            recordings.store_cut(session, "bert", wire.RecordingCut(recording=row.sha256, clips=[cut]))
        made_only = datasets.build(session, "bert")
        assert made_only is not None
        assert (made_only.clips, made_only.held_out) == (4, 0)
        clip(session, "real", voice="bert")
        clip(session, "real too", voice="bert")
        with_real = datasets.build(session, "bert")
        assert with_real is not None
        held = session.scalars(select(Clip.sha256).where(Clip.voice == "bert", Clip.held_out)).all()
        assert set(held) <= {sha("real"), sha("real too")}
        assert held

    anna.write_now(act)


def test_a_parent_that_gets_another_name_keeps_its_child(anna: Store) -> None:
    def act(session: Session) -> None:
        job = submit(session)
        voice_life.begin_rename(session, "anna", "anne")
        voice_life.end_rename(session, "anne")
        assert voices.get(session, BRIGHT).derivation["voice"] == "anne"
        assert len(lives.kind(session, "derive").plan(session, job).derive.clips) == len(EVERY)

    anna.write_now(act)


def test_a_voice_can_be_derived_from_a_derived_one(anna: Store) -> None:
    def act(session: Session) -> None:
        derive_all(session)
        job = submit(session, voice="anna-brighter", parent=BRIGHT)
        assert lives.kind(session, "derive").plan(session, job).derive.clips[0].sha256 == sha("made held")

    anna.write_now(act)


def test_a_dataset_of_nothing_but_held_out_clips_gives_no_voice(store: Store) -> None:
    def act(session: Session) -> None:
        dataset(session, 1, [], [clip(session, "held", held_out=True)])
        with pytest.raises(MynaError, match="Dataset #1 of anna has no clips to make a voice from"):
            submit(session)

    store.write_now(act)
