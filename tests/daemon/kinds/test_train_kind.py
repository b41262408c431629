"""What a training is given, when it is refused or waits, and what it would cost."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import lives
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainings import job, planned, spec
from voice_rows import clip, dataset, version

from daemon.database.models import Clip, Run, Voice
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.state import engines, runs, voices
from engines import registry
from engines.base import Adapters
from engines.capabilities import Capability
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


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
    assert title == "train anna from anna@1 on dataset #2"
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


def test_where_adapters_are_usual_a_first_training_has_them_and_a_whole_version_goes_on_whole(
    anna: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = registry.ENGINES["glow"]
    learning = dataclasses.replace(registry.learning(info), adapters=Adapters(rank=8, usual=True), parent_share=0.0)
    adapting = dataclasses.replace(info, capabilities=info.capabilities | {Capability.ADAPTS}, learning=learning)
    monkeypatch.setitem(registry.ENGINES, "glow", adapting)
    usual, _ = planned(anna, tmp_path, spec())
    assert json.loads(usual.settings_json)["lora"] == {"rank": 8, "alpha": 16, "dropout": 0.0, "targets": []}
    anna.write_now(lambda session: version(session, 1, data=1))
    anna.write_now(lambda session: voices.promote(session, "anna", 1, voices.BY_SCORE))
    on_top, _ = planned(anna, tmp_path, spec())
    assert (on_top.first, json.loads(on_top.settings_json)) == (False, {})
    anew, _ = planned(anna, tmp_path, spec(**{"from": "base"}))
    assert json.loads(anew.settings_json)["lora"]["rank"] == 8


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


def test_an_estimate_says_where_its_seconds_come_from(anna: Store, tmp_path: Path) -> None:
    def price(session: Session) -> pb.EstimateResponse:
        return lives.lifecycle(session).kinds.train.estimate(session, spec().train)

    guess = anna.read_now(price)
    assert guess.steps == registry.learning(registry.ENGINES["glow"]).first_steps[0]
    assert "guess" in guess.sentences[1]

    def measured(session: Session) -> None:
        session.add(Run(voice="anna", engine="glow", job=0, dataset=2, settings={}, step=100, result={"seconds": 20.0}))

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


def test_the_memory_that_a_training_like_it_took_is_what_the_next_is_said_to_take(anna: Store, tmp_path: Path) -> None:
    def price(session: Session, **options: int) -> pb.GpuUse:
        asked = spec(options=pb.TrainOptions(**options)).train  # type: ignore[arg-type]
        return lives.lifecycle(session).kinds.train.estimate(session, asked).gpu

    def trained(session: Session, peak: float, **settings: int) -> None:
        run = Run(voice="anna", engine="glow", job=0, dataset=1, settings=settings, step=9, result={})
        session.add(run)
        session.flush()
        runs.add_points(session, run.id, [pb.Series(name="memory_peak", steps=[0, 3], values=[1.0, peak])])

    stated = registry.learning(registry.ENGINES["glow"]).memory
    assert anna.read_now(price) == pb.GpuUse(needs=stated)
    anna.write_now(trained, 2.5e9, batch_size=4)
    assert anna.read_now(price) == pb.GpuUse(needs=stated), "smaller batches say nothing of great ones"
    anna.write_now(trained, 4e9)
    anna.write_now(trained, 3e9)
    assert anna.read_now(price) == pb.GpuUse(needs=4_000_000_000, measured=True)
    assert anna.read_now(lambda s: price(s, batch_size=4)) == pb.GpuUse(needs=2_500_000_000, measured=True)
    waiting = anna.write_now(job, spec(options=pb.TrainOptions(batch_size=4)))
    need = anna.read_now(lambda s: lives.kind(s, "train").gpu_memory(s, waiting))
    assert (need.bytes, need.measured) == (2_500_000_000, True)
    assert anna.read_now(lambda s: runs.message(s, runs.get(s, 2))).memory_peak == 4_000_000_000


def test_a_voice_is_taken_from_the_recordings_that_its_owner_chose(anna: Store, tmp_path: Path) -> None:
    assert not planned(anna, tmp_path, spec())[0].reference, "left to the engine"

    def choose(session: Session, name: str) -> None:
        voices.get(session, "anna").options = {"reference": [name]}

    anna.write_now(choose, "new1.wav")
    assert [Path(ref.path).stem for ref in planned(anna, tmp_path, spec())[0].reference] == ["new1"]
    anna.write_now(choose, "gone.wav")
    with pytest.raises(NotFound, match=r"no recording 'gone\.wav'"):
        planned(anna, tmp_path, spec())
