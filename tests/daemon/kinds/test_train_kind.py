"""What a training is given, when it is refused, and what becomes of its result."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset, folder, version

from daemon.database.models import Clip, Dataset, Home, Job, Run, Version, Voice, now
from daemon.database.store import Store, opened
from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.home import identity
from daemon.inbox import voice_toml
from daemon.state import engines, events, jobs, runs, untrained, voices
from engines import registry
from engines.base import Adapters
from engines.capabilities import Capability
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def spec(**fields: object) -> pb.JobSpec:
    return pb.JobSpec(train=pb.TrainSpec(voice="anna", **fields))  # type: ignore[arg-type]


def job(session: Session, what: pb.JobSpec) -> Job:
    voice, title = lives.kind(session, "train").check(session, what)
    row = Job(
        kind="train", voice=voice, title=title, spec=what.SerializeToString(), gpu_lane=True, priority=100, place=1.0,
        state="queued", submitted=now(), queued_since=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


@pytest.fixture
def anna(store: Store) -> Store:
    """Ten clips of 4 s, two of them new in dataset 2; one held out."""

    def given(session: Session) -> None:
        held = clip(session, "held", held_out=True)
        old = [clip(session, f"old{i}") for i in range(8)]
        dataset(session, 1, old, [held])
        dataset(session, 2, [*old, clip(session, "new0"), clip(session, "new1")], [held])

    store.write_now(given)
    return store


def planned(store: Store, home: Path, what: pb.JobSpec) -> tuple[wire.TrainPlan, str]:
    def act(session: Session) -> tuple[wire.TrainPlan, str]:
        row = job(session, what)
        return lives.kind(session, "train").plan(session, row).train, row.title

    return store.write_now(act)


def test_a_first_training_starts_from_the_base_with_every_clip_new(anna: Store, tmp_path: Path) -> None:
    told, title = planned(anna, tmp_path, spec())
    assert title == "train anna from the base on dataset #2"
    assert (told.first, told.parent_dir, told.version) == (True, "", 1)
    assert all(one.is_new for one in told.clips)
    assert len(told.clips) == 10


def test_a_region_is_for_people_and_engines_are_told_the_language(anna: Store, tmp_path: Path) -> None:
    anna.write_now(lambda session: setattr(session.get_one(Voice, "anna"), "language", "en-GB"))
    told, _ = planned(anna, tmp_path, spec())
    assert {told.language, *(one.language for one in [*told.clips, *told.held_out])} == {"en"}


def test_held_out_clips_never_train(anna: Store, tmp_path: Path) -> None:
    told, _ = planned(anna, tmp_path, spec())
    assert len(told.held_out) == 1
    assert not {one.sha256 for one in told.held_out} & {one.sha256 for one in told.clips}


def test_an_increment_starts_from_the_promoted_version_and_new_is_what_that_has_not_seen(
    anna: Store, tmp_path: Path
) -> None:
    anna.write_now(lambda session: version(session, 1, data=1))
    anna.write_now(lambda session: voices.promote(session, "anna", 1, voices.BY_SCORE))
    told, title = planned(anna, tmp_path, spec())
    assert title == "train anna from v1 on dataset #2"
    assert told.parent_dir == str(tmp_path / "voices/anna/1")
    assert sorted(Path(one.path).stem for one in told.clips if one.is_new) == ["new0", "new1"]
    assert told.version == 2


def test_an_increment_on_adapters_has_adapters_of_the_same_shape_unless_it_is_told_otherwise(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = registry.ENGINES["glow"]
    learning = dataclasses.replace(registry.learning(info), adapters=Adapters())
    adapting = dataclasses.replace(info, capabilities=info.capabilities | {Capability.ADAPTS}, learning=learning)
    monkeypatch.setitem(registry.ENGINES, "glow", adapting)
    adapters = {"rank": 8, "alpha": 8, "dropout": 0.0, "targets": ["c_attn"]}

    def parent(session: Session) -> None:
        run = Run(voice="anna", engine="glow", job=0, dataset=1, settings={"lora": adapters}, result={}, to_version=1)
        session.add(run)
        session.flush()
        row = version(session, 1, data=1)
        row.kind, row.run = "lora", run.id
        voices.promote(session, "anna", 1, voices.BY_SCORE)

    anna.write_now(parent)
    same, _ = planned(anna, tmp_path, spec())
    assert json.loads(same.settings_json)["lora"] == adapters
    other, _ = planned(anna, tmp_path, spec(options=pb.TrainOptions(lora_rank=32)))
    assert json.loads(other.settings_json)["lora"]["rank"] == 32
    whole, _ = planned(anna, tmp_path, spec(options=pb.TrainOptions(lora_rank=0)))
    assert json.loads(whole.settings_json)["lora"] is None


def test_a_setting_that_there_is_not_is_refused_when_it_is_asked_for(anna: Store) -> None:
    with pytest.raises(BadRequest, match="There is no training setting named 'stesp'"):
        anna.read_now(
            lambda session: lives.kind(session, "train").check(
                session, spec(options=pb.TrainOptions(engine={"stesp": "4"}))
            )
        )


def test_a_clip_whose_text_was_corrected_is_new_again(anna: Store, tmp_path: Path) -> None:
    def correct(session: Session) -> None:
        version(session, 1, data=2)
        rows = list(session.scalars(select(Clip).where(Clip.held_out.is_(False))))
        rows[0].text = "what was really said"
        dataset(session, 3, rows, list(session.scalars(select(Clip).where(Clip.held_out))))

    anna.write_now(correct)
    told, _ = planned(anna, tmp_path, spec(**{"from": "1"}))
    assert [one.text for one in told.clips if one.is_new] == ["what was really said"]


def test_a_version_that_saw_everything_can_be_trained_on(anna: Store, tmp_path: Path) -> None:
    anna.write_now(lambda session: version(session, 1, data=2))
    told, _ = planned(anna, tmp_path, spec(**{"from": "1"}))
    assert all(one.is_new for one in told.clips)


def test_run_and_version_number_stay_the_same_over_attempts(anna: Store, tmp_path: Path) -> None:
    def attempts(session: Session) -> list[tuple[int, int]]:
        row = job(session, spec())
        plans = [lives.kind(session, "train").plan(session, row).train for _ in range(2)]
        return [(one.run, one.version) for one in plans]

    first, second = anna.write_now(attempts)
    assert first == second


def test_two_waiting_trainings_never_get_the_same_number(anna: Store, tmp_path: Path) -> None:
    assert [planned(anna, tmp_path, spec())[0].version for _ in range(2)] == [1, 2]


def test_settings_of_the_job_win_over_those_of_the_voice(anna: Store, tmp_path: Path) -> None:
    def configure(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"train": {"steps": 10, "batch_size": 4}}

    anna.write_now(configure)
    told, _ = planned(anna, tmp_path, spec(options=pb.TrainOptions(steps=20, engine={"max_seconds": "90"})))
    assert json.loads(told.settings_json) == {"steps": 20, "batch_size": 4, "max_seconds": 90}


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ({"dataset": 9}, NotFound, "no dataset #9"),
        ({"from": "7"}, NotFound, "no version 7"),
        ({"from": "best"}, BadRequest, "no version 'best'"),
        ({"options": pb.TrainOptions(lora_rank=8)}, BadRequest, "no adapters"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_sentence(
    anna: Store, what: dict[str, object], error: type[MynaError], words: str
) -> None:
    with pytest.raises(error, match=words):
        anna.read_now(lambda session: lives.kind(session, "train").check(session, spec(**what)))


def test_too_little_audio_says_how_much_more(store: Store) -> None:
    store.write_now(lambda session: dataset(session, 1, [clip(session, "only", seconds=6.0)], []))
    with pytest.raises(NotNow, match="anna needs 14 s more audio"):
        store.read_now(lambda session: lives.kind(session, "train").check(session, spec()))


def test_a_training_waits_for_the_consent_that_its_weights_need(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.ENGINES, "glow", dataclasses.replace(registry.ENGINES["glow"], needs_consent=True))
    why = "the Apache-2.0 of glow is not accepted: `myna engines accept glow`"
    assert (
        anna.read_now(lambda session: voices.message(session, voices.get(session, "anna")).next)
        == f"waits to be trained: {why}"
    )
    row = anna.write_now(lambda session: job(session, spec()))
    assert anna.read_now(lambda session: lives.kind(session, "train").why_not(session, row)) == why
    with pytest.raises(NotNow, match="nobody accepted"):
        anna.read_now(lambda session: lives.kind(session, "train").plan(session, row))
    anna.write_now(engines.accept, "glow", tmp_path)
    assert anna.read_now(lambda session: lives.kind(session, "train").why_not(session, row)) == ""


def test_a_short_disk_makes_it_wait_and_says_by_how_much(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = anna.write_now(lambda session: job(session, spec()))
    assert anna.read_now(lambda session: lives.kind(session, "train").why_not(session, row)) == ""
    monkeypatch.setitem(registry.ENGINES, "glow", dataclasses.replace(registry.ENGINES["glow"], speak_memory=10**16))
    why = anna.read_now(lambda session: lives.kind(session, "train").why_not(session, row))
    assert why.startswith("disk ")
    assert why.endswith(" GB short")


def result(version_dir: Path) -> wire.Report:
    details = json.dumps({"settings": {"steps": 150}, "ended": "It is done."})
    trained = wire.TrainResult(
        version_dir=str(version_dir), kind="full", steps=150, best_step=100, best_loss=1.5, seconds=30.0, size=7
    )
    trained.result_json = details
    trained.held_out["loss"] = 1.5
    return wire.Report(trained=trained)


def test_a_trained_version_becomes_a_candidate_once_however_often_it_is_reported(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> None:
        row = job(session, spec())
        told = lives.kind(session, "train").plan(session, row).train
        made = folder(tmp_path, Version(path=f"voices/anna/{told.version}"))
        for _ in range(2):
            lives.kind(session, "train").commit(session, row, result(made))

    anna.write_now(act)
    rows = anna.read_now(lambda session: list(session.scalars(select(Version))))
    assert [(row.number, row.state, row.size, row.parent, row.dataset) for row in rows] == [(1, "candidate", 7, 0, 2)]
    run = anna.read_now(lambda session: session.scalars(select(Run)).one())
    assert run.ended is not None
    assert (run.best_step, run.best_loss, run.steps) == (100, 1.5, 150)


def test_a_failed_training_ends_its_run(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> None:
        row = job(session, spec())
        lives.kind(session, "train").plan(session, row)
        lives.kind(session, "train").ended_badly(session, row)

    anna.write_now(act)
    assert anna.read_now(lambda session: session.scalars(select(Run)).one()).ended is not None


def test_a_training_that_failed_before_its_first_step_takes_what_was_mended_and_keeps_its_number(
    anna: Store, tmp_path: Path
) -> None:
    def act(session: Session) -> tuple[wire.TrainPlan, wire.TrainPlan]:
        row = job(session, spec())
        first = lives.kind(session, "train").plan(session, row).train
        lives.kind(session, "train").ended_badly(session, row)
        session.get_one(Voice, "anna").options = {"train": {"steps": 9}}
        return first, lives.kind(session, "train").plan(session, row).train

    first, second = anna.write_now(act)
    assert (first.run, first.version) == (second.run, second.version)
    assert json.loads(second.settings_json) == {"steps": 9}


def test_a_training_that_has_begun_keeps_its_settings(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[wire.TrainPlan, wire.TrainPlan]:
        row = job(session, spec())
        first = lives.kind(session, "train").plan(session, row).train
        session.get_one(Run, first.run).step = 3
        lives.kind(session, "train").ended_badly(session, row)
        session.get_one(Voice, "anna").options = {"train": {"steps": 9}}
        return first, lives.kind(session, "train").plan(session, row).train

    first, second = anna.write_now(act)
    assert first == second
    assert anna.read_now(lambda session: session.get_one(Run, first.run).ended) is None


def test_a_finished_training_is_scored_against_what_speaks_now(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> pb.JobSpec:
        row = job(session, spec())
        told = lives.kind(session, "train").plan(session, row).train
        lives.kind(session, "train").commit(
            session, row, result(folder(tmp_path, Version(path=f"voices/anna/{told.version}")))
        )
        lives.succeed(session, row, "Trained.")
        scoring = session.scalars(select(Job).where(Job.kind == "evaluate")).one()
        assert scoring.parent_job == row.id
        return pb.JobSpec.FromString(scoring.spec)

    asked = anna.write_now(act).evaluate
    assert (asked.version, asked.against, asked.promote_if_better) == (1, 0, True)


def test_a_version_that_cannot_be_scored_says_so_and_stays(store: Store, tmp_path: Path) -> None:
    def act(session: Session) -> str:
        dataset(session, 1, [clip(session, f"c{i}") for i in range(8)], [])
        row = job(session, spec())
        told = lives.kind(session, "train").plan(session, row).train
        lives.kind(session, "train").commit(
            session, row, result(folder(tmp_path, Version(path=f"voices/anna/{told.version}")))
        )
        lives.succeed(session, row, "Trained.")
        return voices.version(session, "anna", 1).verdict

    assert "no held-out clips" in store.write_now(act)


def test_an_estimate_says_where_its_seconds_come_from(anna: Store, tmp_path: Path) -> None:
    def price(session: Session) -> pb.EstimateResponse:
        return lives.lifecycle(session).kinds.train.estimate(session, spec().train)

    guess = anna.read_now(price)
    assert guess.steps == registry.learning(registry.ENGINES["glow"]).first_steps[0]
    assert "guess" in guess.sentences[1]

    def measured(session: Session) -> None:
        session.add(Run(voice="anna", engine="glow", job=0, dataset=1, settings={}, step=100, result={"seconds": 20.0}))

    anna.write_now(measured)
    told = anna.read_now(price)
    assert told.seconds == pytest.approx(guess.steps * 0.2)
    assert "0.2 s" in told.sentences[1]


def test_adapters_take_less_memory_than_the_whole(anna: Store, tmp_path: Path) -> None:
    def price(session: Session, lora_rank: int) -> int:
        voices.get(session, "anna").engine = "xtts"
        return (
            lives.lifecycle(session)
            .kinds.train.estimate(session, spec(options=pb.TrainOptions(lora_rank=lora_rank)).train)
            .gpu_memory
        )

    whole, adapters = (anna.write_now(price, rank) for rank in (0, 16))
    assert whole == registry.learning(registry.ENGINES["xtts"]).memory
    assert 0 < adapters < whole


def test_a_voice_is_taken_from_the_recordings_that_its_owner_chose(anna: Store, tmp_path: Path) -> None:
    assert not planned(anna, tmp_path, spec())[0].reference, "left to the engine"

    def choose(session: Session, name: str) -> None:
        voices.get(session, "anna").options = {"reference": [name]}

    anna.write_now(choose, "new1.wav")
    assert [Path(ref.path).stem for ref in planned(anna, tmp_path, spec())[0].reference] == ["new1"]
    anna.write_now(choose, "gone.wav")
    with pytest.raises(NotFound, match=r"no recording 'gone\.wav'"):
        planned(anna, tmp_path, spec())


def laid(home: Path, number: int, mark: identity.Mark | None = None) -> Path:
    """A version's folder that no row tells of."""
    made = folder(home, Version(path=f"voices/anna/{number}"))
    if mark is not None:
        identity.write(made, mark)
    return made


def test_a_number_whose_folder_lies_there_already_is_passed_over_and_the_person_is_told(
    anna: Store, tmp_path: Path
) -> None:
    laid(tmp_path, 1)
    laid(tmp_path, 2, identity.Mark("another home", "another run"))
    (tmp_path / "samples/anna/3").mkdir(parents=True)
    told, _ = planned(anna, tmp_path, spec())
    assert (told.version, told.out_dir) == (4, str(tmp_path / "voices/anna/4"))
    notices = anna.read_now(
        lambda session: [event.notice.sentence for event in events.after(session, 0)[0] if event.HasField("notice")]
    )
    assert [sentence.partition(" is ")[0] for sentence in notices] == ["The number 1", "The number 2", "The number 3"]


def test_a_number_that_another_database_took_meanwhile_is_given_up(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[wire.TrainPlan, wire.TrainPlan]:
        row = job(session, spec())
        first = lives.kind(session, "train").plan(session, row).train
        laid(tmp_path, first.version, identity.Mark("another home", "another run"))
        return first, lives.kind(session, "train").plan(session, row).train

    first, second = anna.write_now(act)
    assert (first.run_uuid, first.version, second.version) == (second.run_uuid, 1, 2)


def test_a_finished_version_of_the_run_itself_keeps_its_number(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[wire.TrainPlan, wire.TrainPlan]:
        row = job(session, spec())
        first = lives.kind(session, "train").plan(session, row).train
        laid(tmp_path, first.version, identity.Mark(first.home_uuid, first.run_uuid))
        return first, lives.kind(session, "train").plan(session, row).train

    first, second = anna.write_now(act)
    assert first == second


def test_two_databases_never_give_the_same_identity(anna: Store, tmp_path: Path) -> None:
    mine, _ = planned(anna, tmp_path, spec())
    again, _ = planned(anna, tmp_path, spec())
    with opened(tmp_path / "other") as other:
        theirs = other.read_now(lambda session: session.scalars(select(Home)).one().uuid)
    assert len({mine.home_uuid, theirs, mine.run_uuid, again.run_uuid}) == 4
    assert mine.home_uuid == again.home_uuid


def test_only_a_run_that_is_older_than_marks_may_have_folders_without(anna: Store, tmp_path: Path) -> None:
    def act(session: Session) -> tuple[int, int, int]:
        row = job(session, spec())
        fresh = lives.kind(session, "train").plan(session, row).train
        run = session.get_one(Run, fresh.run)
        run.started = session.scalars(select(Home)).one().since - timedelta(days=1)
        old = lives.kind(session, "train").plan(session, row).train
        return fresh.unmarked_from, old.unmarked_from, int(run.started.timestamp() * 1e9)

    fresh, old, started = anna.write_now(act)
    assert (fresh, old) == (0, started)


@pytest.mark.parametrize("outcome", [pb.NOTHING_GAINED, pb.NOTHING_NEW])
def test_a_training_without_a_version_leaves_no_row_and_nothing_to_score(
    anna: Store, outcome: pb.RunOutcome.ValueType
) -> None:
    def act(session: Session) -> tuple[pb.Run, int, list[str], float]:
        row = lives.submit(session, spec())
        jobs.start_attempt(session, row)
        kind = lives.kind(session, "train")
        kind.plan(session, row)
        trained = wire.TrainResult(
            steps=12, best_step=0, best_loss=0.5, held_out={"loss": 0.5}, outcome=outcome, result_json="{}"
        )
        for _ in range(2):  # the same report can come again
            kind.commit(session, row, wire.Report(trained=trained))
        lives.succeed(session, row, "No version was made.")
        kinds = list(session.scalars(select(Job.kind)))
        run = runs.message(session, session.get_one(Run, row.run))
        return run, len(list(session.scalars(select(Version)))), kinds, untrained.seconds(session, "anna")

    run, versions, kinds, new = anna.write_now(act)
    assert (run.outcome, run.to_version, run.step, run.HasField("ended")) == (outcome, 0, 12, True)
    assert (versions, kinds) == (0, ["train"])
    assert new == 0, "the same clips do not start another one by themselves"


@pytest.fixture
def only_speaks(anna: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """anna, of an engine that only speaks."""
    glow = registry.ENGINES["glow"]
    monkeypatch.setitem(
        registry.ENGINES,
        "glow",
        dataclasses.replace(glow, capabilities=frozenset({Capability.SPEAKS}), learning=None, exports=()),
    )
    return anna


def test_an_engine_that_only_speaks_cannot_be_trained(only_speaks: Store, tmp_path: Path) -> None:
    def price(session: Session) -> object:
        return lives.lifecycle(session).kinds.train.estimate(session, spec().train)

    for ask in (lambda session: lives.kind(session, "train").check(session, spec()), price):
        with pytest.raises(BadRequest, match="The engine glow only speaks; it cannot be trained") as refused:
            only_speaks.read_now(ask)
        assert refused.value.hint == "Use one that learns: xtts."


def test_an_engine_that_only_speaks_exports_nothing(only_speaks: Store) -> None:
    only_speaks.write_now(lambda session: version(session, 1).number)
    with pytest.raises(BadRequest, match="The engine glow writes no files for other tools"):
        only_speaks.read_now(
            lambda session: lives.kind(session, "export").check(
                session, pb.JobSpec(export=pb.ExportSpec(voice="anna", version=1))
            )
        )


def test_a_voice_of_an_engine_that_only_speaks_waits_for_no_training(only_speaks: Store) -> None:
    told = only_speaks.read_now(
        lambda session: voices.next_sentence(session, voices.get(session, "anna"), Dataset(number=1))
    )
    assert told == "speaks with glow, which is not trained: `myna say --voice anna`"
    toml = voice_toml.parse(b'engine = "glow"')
    only_speaks.write_now(lambda session: voice_toml.apply(session, voices.get(session, "anna"), toml))
    toml = voice_toml.parse(b"[train]\nsteps = 5")
    with pytest.raises(BadRequest, match="The engine glow only speaks"):
        only_speaks.write_now(lambda session: voice_toml.apply(session, voices.get(session, "anna"), toml))
