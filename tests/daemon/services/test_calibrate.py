"""Clips are judged by what is stored of them: other limits, by voice.toml, or tried before."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from calls import Refused
from datasets_service import ask, service_of
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, Voice
from daemon.inbox import voice_toml
from daemon.state import datasets, recordings
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def cut(session: Session, name: str, **quality: float) -> None:
    """A recording of one clip, as a worker reports it."""
    row = recordings.take(
        session, "anna", wire.RecordingTaken(file=name.encode(), name=name, sha256=sha(name), path=name, seconds=4.0)
    )
    session.flush()
    numbers = {"rms_db": -23.0, "peak": 0.5, "snr_db": 40.0, "clipped_share": 0.0, "chars_per_second": 12.0, **quality}
    clip = wire.CutClip(
        start=0.0, end=4.0, kept=True, text=f"the text of {name}", text_source="given", trust="given",
        sha256=sha(f"clip of {name}"), path=f"clips/{name}.flac", quality=numbers,
        facts=wire.ClipFacts(seconds=4.0, speech=3.5),
    )  # fmt: skip
    recordings.store_cut(session, "anna", wire.RecordingCut(recording=row.sha256, clips=[clip]))
    session.flush()


@pytest.fixture
def voice(daemon: Any) -> Any:
    """Ten clips; two of them are somewhat noisy, one reverberates."""

    def given(session: Session) -> None:
        for n in range(7):
            cut(session, f"good-{n}")
        cut(session, "noisy-a", snr_db=11.0)
        cut(session, "noisy-b", snr_db=12.0)
        cut(session, "hall", rt60=0.9)
        datasets.build(session, "anna")

    daemon.store.write_now(given)
    return daemon


def reasons(daemon: Any) -> dict[str, str]:
    def query(session: Session) -> dict[str, str]:
        rows = session.execute(select(Clip.path, Clip.reason).where(Clip.kept.is_(False)))
        return {path.removeprefix("clips/").removesuffix(".flac"): reason for path, reason in rows}

    found: dict[str, str] = daemon.store.read_now(query)
    return found


def apply(daemon: Any, toml: str) -> bool:
    def act(session: Session) -> bool:
        return voice_toml.apply(session, session.get_one(Voice, "anna"), voice_toml.parse(toml.encode()))

    due: bool = daemon.store.write_now(act)
    return due


def test_a_dropped_clip_tells_its_number_and_the_limit(voice: Any) -> None:
    assert reasons(voice) == {"hall": "reverberant"}
    answer = ask(service_of(voice).Clips, pb.ClipsRequest(voice="anna", dropped=True))
    (hall,) = (clip for clip in answer.clips if not clip.kept)
    assert (hall.measured, hall.threshold) == (0.9, 0.48)
    assert hall.sentence.startswith("It reverberates for 0.90 s")


def test_other_limits_judge_again_at_once_and_back(voice: Any) -> None:
    assert apply(voice, "[dataset]\nnoisy = 15\nreverberant = 0")
    assert reasons(voice) == {"noisy-a": "noisy", "noisy-b": "noisy"}
    made = voice.store.write_now(datasets.build, "anna")
    assert dict(made.dropped) == {"noisy": 2}
    assert apply(voice, "")
    assert reasons(voice) == {"hall": "reverberant"}


def test_limits_that_keep_the_same_clips_need_no_dataset(voice: Any) -> None:
    assert not apply(voice, "[dataset]\nnoisy = 9")


def test_what_a_person_said_of_a_clip_stands(voice: Any) -> None:
    voice.store.write_now(datasets.set_clip, "anna", sha("clip of hall"), None, True)
    voice.store.write_now(datasets.set_clip, "anna", sha("clip of good-0"), None, False)
    apply(voice, "[dataset]\nreverberant = 0.1\nnoisy = 5")
    assert reasons(voice) == {"good-0": "person"}


def test_a_clip_that_was_cut_before_facts_were_kept_stays_as_it_is(voice: Any) -> None:
    def forget(session: Session) -> None:
        for clip in session.scalars(select(Clip)):
            clip.facts = None

    voice.store.write_now(forget)
    assert not apply(voice, "[dataset]\nnoisy = 90")
    found = ask(service_of(voice).Calibrate, pb.CalibrateRequest(voice="anna"))
    assert (found.clips, found.unmeasured) == (0, 10)


def test_a_limit_is_tried_and_nothing_is_changed(voice: Any) -> None:
    service = service_of(voice)
    found = ask(service.Calibrate, pb.CalibrateRequest(voice="anna", limits={"noisy": "15"}))
    assert (found.clips, found.kept, found.kept_now) == (10, 7, 9)
    assert found.kept_seconds == pytest.approx(28.0)
    noisy = next(one for one in found.effects if one.reason == "noisy")
    assert (noisy.limit, noisy.value, noisy.clips, noisy.seconds) == ("noisy", "15", 2, 8.0)
    assert [(clip.recording_name, clip.measured) for clip in noisy.examples] == [("noisy-a", 11.0), ("noisy-b", 12.0)]
    spread = next(one for one in found.spreads if one.measure == "snr_db")
    assert (spread.clips, spread.least, spread.median, spread.most) == (10, 11.0, 40.0, 40.0)
    assert (sum(spread.histogram), spread.histogram[-1]) == (10, 8)
    assert reasons(voice) == {"hall": "reverberant"}


@pytest.mark.parametrize(
    ("limits", "named"), [({"noizy": "3"}, "noizy"), ({"noisy": "loud"}, "noisy must be a number")]
)
def test_a_limit_that_cannot_be_is_refused(voice: Any, limits: dict[str, str], named: str) -> None:
    with pytest.raises(Refused, match=named) as refused:
        ask(service_of(voice).Calibrate, pb.CalibrateRequest(voice="anna", limits=limits))
    assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_voice_toml_with_a_wrong_limit_is_refused(voice: Any) -> None:
    with pytest.raises(Exception, match="noisy must be a number"):
        apply(voice, '[dataset]\nnoisy = "very"')
