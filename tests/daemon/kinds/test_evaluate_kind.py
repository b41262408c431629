"""What scores mean for a voice: when a candidate takes over, and when it stays one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, report, version

from daemon.database.models import Evaluation, Job, PointRow, SeriesRow, Voice, now
from daemon.database.store import Store
from daemon.errors import BadRequest, NotNow
from daemon.state import events, listening, verdict, voices
from daemon.state.values import Decision, VersionState
from engines import registry
from engines.capabilities import Capability
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


@pytest.fixture
def anna(store: Store) -> Store:
    """Version 1 is promoted, version 2 a candidate trained from it; two lines are held out."""

    def given(session: Session) -> None:
        held = [clip(session, f"held{i}", f"line {i}", held_out=True) for i in range(2)]
        dataset(session, 1, [clip(session, f"c{i}") for i in range(8)], held)
        version(session, 1)
        voices.promote(session, "anna", 1, voices.BY_SCORE)
        version(session, 2, parent=1)

    store.write_now(given)
    return store


def job(session: Session, number: int = 2, against: int = 1, promote: bool = True) -> Job:
    what = pb.JobSpec(
        evaluate=pb.EvaluateSpec(voice="anna", version=number, against=against, promote_if_better=promote)
    )
    voice, title = lives.kind(session, "evaluate").check(session, what)
    row = Job(
        kind="evaluate", voice=voice, title=title, spec=what.SerializeToString(), gpu_lane=True, priority=300,
        place=1.0, state="running", submitted=now(), queued_since=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def scores(
    outcome: wire.EvaluateResult.Outcome.ValueType = wire.EvaluateResult.BETTER, why: str = "It is clearer."
) -> wire.Report:
    details = report(["held0", "held1"])
    better = outcome == wire.EvaluateResult.BETTER
    scored = wire.EvaluateResult(better=better, outcome=outcome, verdict=why, report_json=json.dumps(details))
    scored.metrics["wer"], scored.against_metrics["wer"] = 0.1, 0.4
    return wire.Report(evaluated=scored)


def outcome(store: Store) -> tuple[int | None, str, str]:
    """(promoted version, state of version 2, its verdict)"""

    def ask(session: Session) -> tuple[int | None, str, str]:
        row = voices.version(session, "anna", 2)
        return voices.get(session, "anna").promoted, row.state, verdict.whole(row)

    return store.read_now(ask)


def decided(store: Store) -> tuple[Decision | None, Decision | None]:
    """(what the version keeps, what its newest evaluation keeps)"""

    def ask(session: Session) -> tuple[Decision | None, Decision | None]:
        newest = session.scalars(select(Evaluation).order_by(Evaluation.id.desc())).first()
        return verdict.decision(voices.version(session, "anna", 2)), newest and verdict.decision(newest)

    return store.read_now(ask)


def test_versions_of_an_engine_that_does_not_speak_are_not_scored(anna: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    glow = registry.ENGINES["glow"]
    silent = dataclasses.replace(glow, capabilities=glow.capabilities - {Capability.SPEAKS} | {Capability.CONVERTS})
    monkeypatch.setitem(registry.ENGINES, "glow", silent)
    with pytest.raises(BadRequest, match="The engine glow learns and converts; it cannot speak a text"):
        anna.write_now(job)


def test_a_better_candidate_is_promoted_with_its_scores(anna: Store, tmp_path: Path) -> None:
    anna.write_now(lambda session: lives.kind(session, "evaluate").commit(session, job(session), scores()))
    promoted, state, words = outcome(anna)
    assert (promoted, state) == (2, "promoted")
    assert words == "Promoted: it is better than anna@1. It is clearer."
    told = anna.read_now(lambda session: voices.version_message(voices.version(session, "anna", 2)))
    assert dict(told.metrics) == {"wer": 0.1}


def test_a_version_that_is_promoted_is_pushed_where_its_voice_says_so(anna: Store) -> None:
    def act(session: Session) -> list[str]:
        voices.get(session, "anna").options = {"auto_push": "s3://bucket/voices"}
        scored = job(session)
        lives.kind(session, "evaluate").commit(session, scored, scores())
        lives.succeed(session, scored, "Scored.")
        pushes = session.scalars(select(Job).where(Job.kind == "push", Job.parent_job == scored.id))
        return [one.title for one in pushes]

    assert anna.write_now(act) == ["push anna@2 to s3://bucket/voices"]


def test_the_version_it_was_compared_with_has_its_scores_on_the_same_lines(anna: Store) -> None:
    """What it had was of fewer lines, before another one was kept by hand."""

    def act(session: Session) -> list[pb.Version]:
        voices.version(session, "anna", 1).metrics = {"wer": 0.582, "train_loss": 1.0, voices.SCORED_ON: "five lines"}
        lives.kind(session, "evaluate").commit(session, job(session), scores())
        return [voices.version_message(voices.version(session, "anna", number)) for number in (1, 2)]

    before, after = anna.write_now(act)
    assert dict(before.metrics) == {"wer": 0.4, "train_loss": 1.0}
    assert before.scored_on == after.scored_on not in ("", "five lines")


def test_the_same_scores_again_after_a_crash_change_nothing(anna: Store, tmp_path: Path) -> None:
    def twice(session: Session) -> None:
        row = job(session)
        lives.kind(session, "evaluate").commit(session, row, scores())
        lives.kind(session, "evaluate").commit(session, row, scores())

    anna.write_now(twice)
    assert len(anna.read_now(lambda session: session.scalars(select(Evaluation)).all())) == 1
    assert outcome(anna)[0] == 2


def test_a_worse_candidate_stays_one_and_says_why(anna: Store, tmp_path: Path) -> None:
    anna.write_now(
        lambda session: lives.kind(session, "evaluate").commit(session, job(session), scores(wire.EvaluateResult.WORSE))
    )
    promoted, state, words = outcome(anna)
    assert (promoted, state) == (1, "candidate")
    assert words.startswith("Not promoted: it is worse than anna@1.")


def test_nobody_is_asked_to_listen_to_two_that_say_all_alike(anna: Store, tmp_path: Path) -> None:
    same = scores(wire.EvaluateResult.UNDECIDED, "It says every line exactly as its parent does.")
    same.evaluated.report_json = json.dumps({**json.loads(same.evaluated.report_json), "findings": [{"found": "same"}]})
    anna.write_now(lambda session: lives.kind(session, "evaluate").commit(session, job(session), same))
    assert outcome(anna)[1:] == (
        "candidate",
        "Not promoted: it is not better than anna@1. It says every line exactly as its parent does.",
    )
    assert anna.read_now(lambda session: listening.waiting(session, "anna", tmp_path)) == []


def test_a_comparison_that_was_only_asked_for_promotes_nothing(anna: Store, tmp_path: Path) -> None:
    anna.write_now(
        lambda session: lives.kind(session, "evaluate").commit(session, job(session, promote=False), scores())
    )
    promoted, state, words = outcome(anna)
    assert (promoted, state) == (1, "candidate")
    assert "myna promote anna@2" in words


def test_a_candidate_does_not_take_over_from_a_version_it_was_not_compared_with(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> None:
        row = job(session)
        version(session, 3)
        voices.promote(session, "anna", 3, voices.BY_PERSON)
        lives.kind(session, "evaluate").commit(session, row, scores())

    anna.write_now(act)
    promoted, state, words = outcome(anna)
    assert (promoted, state) == (3, "candidate")
    assert "anna@3 speaks now" in words


def test_a_candidate_that_a_person_archived_is_not_promoted(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> None:
        row = job(session)
        voices.archive(session, "anna", 2)
        lives.kind(session, "evaluate").commit(session, row, scores())

    anna.write_now(act)
    assert outcome(anna)[:2] == (1, "archived")


def test_a_candidate_that_does_not_speak_is_rejected(anna: Store, tmp_path: Path) -> None:
    anna.write_now(
        lambda session: lives.kind(session, "evaluate").commit(
            session, job(session), scores(wire.EvaluateResult.BROKEN)
        )
    )
    assert outcome(anna)[:2] == (1, "rejected")


def test_a_scoring_that_fails_leaves_a_candidate_that_says_so(anna: Store) -> None:
    def act(session: Session) -> None:
        row = job(session)
        row.why = "Memory ran out."
        lives.kind(session, "evaluate").ended_badly(session, row)

    anna.write_now(act)
    promoted, state, words = outcome(anna)
    assert (promoted, state) == (1, "candidate")
    assert words.startswith("Not scored: Memory ran out.")


@pytest.mark.parametrize(
    ("outcome", "asked", "speaks", "state", "decision"),
    [
        (wire.EvaluateResult.BETTER, True, 1, VersionState.CANDIDATE, Decision.PROMOTED),
        (wire.EvaluateResult.WORSE, True, 1, VersionState.CANDIDATE, Decision.WORSE),
        (wire.EvaluateResult.UNDECIDED, True, 1, VersionState.CANDIDATE, Decision.UNDECIDED),
        (wire.EvaluateResult.BROKEN, True, 1, VersionState.CANDIDATE, Decision.BROKEN),
        (wire.EvaluateResult.BETTER, True, 2, VersionState.PROMOTED, Decision.PROMOTED_ALREADY),
        (wire.EvaluateResult.BETTER, False, 1, VersionState.CANDIDATE, Decision.NOT_ASKED),
        (wire.EvaluateResult.BETTER, True, 3, VersionState.CANDIDATE, Decision.OTHER_SPEAKS),
        (wire.EvaluateResult.BETTER, True, 1, VersionState.ARCHIVED, Decision.PUT_ASIDE),
    ],
)
def test_what_becomes_of_a_candidate_is_kept_as_a_value_and_told_on_the_wire(
    anna: Store,
    outcome: wire.EvaluateResult.Outcome.ValueType,
    asked: bool,
    speaks: int,
    state: VersionState,
    decision: Decision,
) -> None:
    def act(session: Session) -> None:
        version(session, 3)
        row = job(session, promote=asked)
        if speaks != 1:
            voices.promote(session, "anna", speaks, voices.BY_SCORE)
        voices.version(session, "anna", 2).state = state
        lives.kind(session, "evaluate").commit(session, row, scores(outcome))

    anna.write_now(act)
    assert decided(anna) == (decision, decision)
    told = anna.read_now(lambda session: voices.version_message(voices.version(session, "anna", 2)))
    assert pb.Decision.Name(told.decision) == f"DECISION_{decision.name}"
    assert "decision" not in told.metrics


def test_an_undecided_candidate_says_how_to_decide_and_whoever_watches_is_told(anna: Store) -> None:
    undecided = scores(wire.EvaluateResult.UNDECIDED, "Likeness is unsure.")
    cursor = anna.read_now(events.newest)
    anna.write_now(lambda session: lives.kind(session, "evaluate").commit(session, job(session), undecided))
    how = "Listen to decide: `myna`, Listen; blind votes count for 7 days. Or `myna promote anna@2`."
    assert outcome(anna)[2] == (
        "Undecided: the scores do not tell whether it is better than anna@1, so anna@1 goes on speaking. "
        f"{how} Likeness is unsure."
    )
    found, _ = anna.read_now(events.after, cursor, "anna")
    notices = [event.notice for event in found if event.WhichOneof("what") == "notice"]
    assert [(one.sentence, one.hint) for one in notices] == [("The scores leave anna@2 undecided.", how)]


@pytest.mark.parametrize(("asked", "decision"), [(True, Decision.PREFERRED), (False, Decision.PREFERRED_NOT_ASKED)])
def test_votes_from_before_the_scoring_decide_what_it_leaves_open(anna: Store, asked: bool, decision: Decision) -> None:
    def act(session: Session) -> None:
        for _ in range(8):
            listening.rate(session, pb.Rating(voice="anna", a=1, b=2, preferred="b", text="Hello.", blind=True))
        undecided = scores(wire.EvaluateResult.UNDECIDED)
        lives.kind(session, "evaluate").commit(session, job(session, promote=asked), undecided)

    anna.write_now(act)
    assert decided(anna) == (decision, decision)
    assert outcome(anna)[0] == (2 if asked else 1)


def test_words_decide_nothing(anna: Store) -> None:
    """A reason that begins like a promotion promotes nothing, and one that sounds like a refusal keeps nobody back."""
    worse = scores(wire.EvaluateResult.WORSE, why="Promoted: it is better than anna@1.")
    anna.write_now(lambda session: lives.kind(session, "evaluate").commit(session, job(session), worse))
    assert outcome(anna)[:2] == (1, "candidate")
    fine = scores(why="Not promoted.")
    anna.write_now(lambda session: lives.kind(session, "evaluate").commit(session, job(session), fine))
    assert outcome(anna)[:2] == (2, "promoted")


def test_a_later_scoring_that_fails_leaves_the_verdict_of_an_earlier_one(anna: Store) -> None:
    def act(session: Session) -> None:
        kind = lives.kind(session, "evaluate")
        kind.commit(session, job(session), scores(wire.EvaluateResult.WORSE))
        again = job(session)
        again.why = "Memory ran out."
        kind.ended_badly(session, again)

    anna.write_now(act)
    assert decided(anna)[0] is Decision.WORSE
    assert "Memory" not in outcome(anna)[2]


def test_of_two_scorings_that_fail_the_later_one_is_told(anna: Store) -> None:
    def act(session: Session) -> None:
        for why in ("Memory ran out.", "The disk is full."):
            row = job(session)
            row.why = why
            lives.kind(session, "evaluate").ended_badly(session, row)

    anna.write_now(act)
    assert decided(anna)[0] is Decision.NOT_SCORED
    assert outcome(anna)[2].startswith("Not scored: The disk is full.")


def test_both_speak_the_newest_held_out_lines(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> wire.EvaluatePlan:
        session.get_one(Voice, "anna").options = {"promotion": {"wer_loss": 0.5}}
        row = voices.version(session, "anna", 2)
        session.add(SeriesRow(id=1, run=row.run, name="train/loss"))
        session.add_all(PointRow(series=1, step=step, value=1.0 / step) for step in range(1, 1_001))
        session.flush()
        return lives.kind(session, "evaluate").plan(session, job(session)).evaluate

    told = anna.write_now(act)
    assert [one.text for one in told.held_out] == [
        one.text for one in sorted(told.held_out, key=lambda one: one.sha256)
    ]
    assert {one.text for one in told.held_out} == {"line 0", "line 1"}
    assert (told.version_dir, told.against_dir, told.first) == (
        str(tmp_path / "voices/anna/2"),
        str(tmp_path / "voices/anna/1"),
        False,
    )
    assert json.loads(told.rule_json) == {"wer_loss": 0.5}
    lineage = json.loads(told.lineage_json)
    assert lineage["ancestors"] == [1]
    assert len(lineage["curves"]["train/loss"]) <= 120
    assert lineage["curves"]["train/loss"][-1] == [1_000, 0.001]


def test_each_measurement_of_the_training_stands_beside_the_training_losses_up_to_it(
    anna: Store, tmp_path: Path
) -> None:
    def curves(session: Session) -> None:
        held = {0: 4.0, 2: 3.0, 4: 3.5}
        series = {"held_out/loss": held, "held_out/mel_ce": held, "train/loss": {1: 5.0, 2: 3.0, 3: 2.0, 4: 1.0}}
        for id, (name, points) in enumerate(series.items(), 1):
            session.add(SeriesRow(id=id, run=voices.version(session, "anna", 2).run, name=name))
            session.add_all(PointRow(series=id, step=step, value=value) for step, value in points.items())

    anna.write_now(curves)
    told = anna.write_now(lambda session: lives.kind(session, "evaluate").plan(session, job(session))).evaluate
    assert json.loads(told.lineage_json)["evaluations"] == [
        {"step": 0, "held_out": {"loss": 4.0, "mel_ce": 4.0}, "train": {}},
        {"step": 2, "held_out": {"loss": 3.0, "mel_ce": 3.0}, "train": {"loss": 4.0}},
        {"step": 4, "held_out": {"loss": 3.5, "mel_ce": 3.5}, "train": {"loss": 1.5}},
    ]


def test_against_the_base_the_training_is_a_first_one(anna: Store, tmp_path: Path) -> None:
    told = anna.write_now(
        lambda session: lives.kind(session, "evaluate").plan(session, job(session, against=0)).evaluate
    )
    assert (told.against_dir, told.first) == ("", True)


def test_a_comparison_that_makes_no_sense_is_refused(anna: Store) -> None:
    with pytest.raises(BadRequest, match="with itself"):
        anna.read_now(lambda session: job(session, 2, 2))
    with pytest.raises(BadRequest, match="base cannot be the candidate"):
        anna.read_now(lambda session: job(session, 0, 2))


def test_without_held_out_lines_there_is_nothing_to_compare_by(store: Store) -> None:
    def given(session: Session) -> None:
        dataset(session, 1, [clip(session, "c")], [])
        version(session, 1)

    store.write_now(given)
    with pytest.raises(NotNow, match="no held-out clips"):
        store.read_now(lambda session: job(session, 1, 0))


def test_a_refused_version_of_a_voice_that_grew_lets_one_from_the_base_compete(anna: Store) -> None:
    """Half as many clips again are there as version 1 was trained on; version 2, on top of it, gained too little."""

    def judged(session: Session, promote: bool) -> list[str]:
        running = job(session, promote=promote)
        kind = lives.kind(session, "evaluate")
        kind.commit(session, running, scores(wire.EvaluateResult.UNDECIDED))
        return [one.key for one in kind.finished(session, running)]

    def given(session: Session) -> None:
        dataset(session, 2, [clip(session, f"n{i}") for i in range(12)], [clip(session, "held", held_out=True)])
        voices.version(session, "anna", 2).dataset = 2

    anna.write_now(given)
    assert anna.write_now(judged, False) == []  # nobody asked for a promotion
    assert anna.write_now(judged, True) == ["rival-of-anna-1-on-2"]
