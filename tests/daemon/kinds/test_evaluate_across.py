"""Scoring two voices or engines to compare them: what is asked of the worker, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon.database.comparison_rows import Comparison
from daemon.database.models import Evaluation, Job, Voice, now
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotNow
from daemon.kinds.evaluate import across
from daemon.state import verdict, voice_life, voices
from engines.metrics.further_texts import further
from engines.registry import ENGINES
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


@pytest.fixture
def two(store: Store) -> Store:
    """anna and bob, two held-out lines each; ute speaks German."""

    def given(session: Session) -> None:
        for name, language in (("bob", "en-GB"), ("ute", "de")):
            session.add(Voice(name=name, language=language, engine="glow", options={}, created=now()))
        session.flush()
        for name in ("anna", "bob", "ute"):
            held = [clip(session, f"{name} held{i}", f"line {i} of {name}", voice=name, held_out=True) for i in (0, 1)]
            dataset(session, 1, [clip(session, f"{name} c", voice=name)], held, voice=name)
            version(session, 1, voice=name)
        version(session, 2, engine="xtts")

    store.write_now(given)
    return store


def spec(a: int = 1, b: int = 1, other: str = "bob", promote: bool = False) -> pb.JobSpec:
    asked = pb.EvaluateSpec(voice="anna", version=a, against=b, against_voice=other, promote_if_better=promote)
    return pb.JobSpec(evaluate=asked)


def job(session: Session, asked: pb.JobSpec, state: str = "running") -> Job:
    voice, title = lives.kind(session, "evaluate").check(session, asked)
    row = Job(
        kind="evaluate", voice=voice, title=title, spec=asked.SerializeToString(), gpu_lane=True, priority=300,
        place=1.0, state=state, submitted=now(), queued_since=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def test_both_are_to_say_texts_that_nobody_said_then_held_out_ones_of_each_in_turn(two: Store) -> None:
    def act(session: Session) -> tuple[str, wire.EvaluatePlan]:
        row = job(session, spec())
        return row.title, lives.kind(session, "evaluate").plan(session, row).evaluate

    title, plan = two.write_now(act)
    assert title == "compare anna@1 with bob@1"
    assert list(plan.texts[:-4]) == list(further("en"))
    assert [text.split()[-1] for text in plan.texts[-4:]] == ["anna", "bob", "anna", "bob"]
    assert (plan.other.voice, plan.other.engine, plan.other.version) == ("bob", "glow", 1)
    assert Path(plan.other.version_dir).parts[-2:] == ("bob", "1")
    assert Path(plan.other.samples_dir).parts[-2:] == ("samples", "bob")
    assert {one.text for one in plan.other.held_out} == {"line 0 of bob", "line 1 of bob"}
    assert plan.language == "en"


def test_two_engines_of_one_voice_are_compared_without_being_asked_for_by_another_name(two: Store) -> None:
    def act(session: Session) -> wire.EvaluatePlan:
        return lives.kind(session, "evaluate").plan(session, job(session, spec(2, 1, ""))).evaluate

    plan = two.write_now(act)
    assert (plan.engine, plan.other.engine, plan.other.voice) == ("xtts", "glow", "anna")


def test_a_base_is_asked_for_without_a_folder(two: Store) -> None:
    def act(session: Session) -> wire.EvaluatePlan:
        return lives.kind(session, "evaluate").plan(session, job(session, spec(0, 0))).evaluate

    plan = two.write_now(act)
    assert (plan.version, plan.version_dir, plan.other.version, plan.other.version_dir) == (0, "", 0, "")


@pytest.mark.parametrize(
    ("asked", "why", "what"),
    [
        (spec(other="ute"), BadRequest, "anna@1 speaks en and ute@1 speaks de"),
        (spec(promote=True), BadRequest, "neither can take the other's place"),
        (spec(b=4), MynaError, "bob has no version 4"),
        (spec(other="nobody"), MynaError, "no voice named 'nobody'"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    two: Store, asked: pb.JobSpec, why: type[MynaError], what: str
) -> None:
    with pytest.raises(why, match=what):
        two.write_now(lambda session: lives.kind(session, "evaluate").check(session, asked))


def test_a_purged_version_is_not_compared(two: Store) -> None:
    def act(session: Session) -> None:
        voices.version(session, "bob", 1).state = "purged"
        lives.kind(session, "evaluate").check(session, spec())

    with pytest.raises(NotNow, match="bob@1 was purged"):
        two.write_now(act)


def test_what_was_heard_is_kept_once_and_judges_nobody(two: Store) -> None:
    details = {"recogniser": "somebody", "engines": ["glow", "glow"], "lines": []}
    told = wire.Report(evaluated=wire.EvaluateResult(report_json=json.dumps(details)))

    def act(session: Session) -> None:
        kind, row = lives.kind(session, "evaluate"), job(session, spec())
        kind.commit(session, row, told)
        kind.commit(session, row, told)
        assert not list(kind.finished(session, row))
        kind.ended_badly(session, row)

    before = two.read_now(lambda session: verdict.whole(voices.version(session, "anna", 1)))
    two.write_now(act)
    (row,) = two.read_now(lambda session: list(session.scalars(select(Comparison))))
    assert (row.voice, row.version, row.other_voice, row.other_version) == ("anna", 1, "bob", 1)
    assert not two.read_now(lambda session: list(session.scalars(select(Evaluation))))
    assert two.read_now(lambda session: verdict.whole(voices.version(session, "anna", 1))) == before


def test_only_one_scoring_at_a_time_writes_lines_of_a_voice(two: Store) -> None:
    own = pb.JobSpec(evaluate=pb.EvaluateSpec(voice="bob", version=1))

    def act(session: Session) -> tuple[str, str]:
        both, alone = job(session, spec(), "running"), job(session, own, "queued")
        kind = lives.kind(session, "evaluate")
        waits = kind.why_not(session, alone)
        both.state, alone.state = "queued", "running"
        session.flush()
        return waits, kind.why_not(session, both)

    waits, other_way = two.write_now(act)
    assert waits == "evaluate #1 is at work on bob's samples"
    assert other_way == "evaluate #2 is at work on bob's samples"


def test_a_voice_that_another_ones_comparison_speaks_for_is_not_renamed(two: Store) -> None:
    def act(session: Session) -> None:
        job(session, spec(), "queued")
        voice_life.begin_rename(session, "bob", "rob")

    with pytest.raises(NotNow, match=r"compare anna@1 with bob@1\) is queued"):
        two.write_now(act)


def test_a_comparison_that_ended_can_be_tried_again_after_a_renaming(two: Store) -> None:
    def act(session: Session) -> str:
        row = job(session, spec(), "failed")
        voice_life.begin_rename(session, "bob", "rob")
        session.refresh(row)
        return pb.JobSpec.FromString(row.spec).evaluate.against_voice

    assert two.write_now(act) == "rob"


def test_the_larger_model_of_the_two_is_what_must_fit(two: Store) -> None:
    def act(session: Session) -> int:
        both = across.wanted(session, spec(2, 1).evaluate)
        assert both is not None
        return across.gpu_memory(both)

    assert two.write_now(act) == max(ENGINES["xtts"].speak_memory, ENGINES["glow"].speak_memory)
