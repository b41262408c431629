"""Music is taken out of a voice's clips, or left in them, when its voice.toml says so; and a dataset waits for what
does it, if that is not here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lives
import pytest
from cut_marks import cut, said, waiting
from inbox_workshop import InProcessChannel
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, Job, Recording, Voice
from daemon.database.store import Store
from daemon.inbox import voice_toml
from daemon.kinds.dataset import worker
from daemon.state import cut_settings, datasets, recordings
from engines import separators
from engines.errors import BadInput, WeightsMissing
from engines.judging.limits import Limits
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.audio.tiny_hdemucs import build
from tests.engines.speech import FIXTURES, TEXTS

pytestmark = pytest.mark.integration

PLAIN = cut_settings.mark("glow", {})
SEPARATED = cut_settings.mark("glow", {"dataset": {"separate": "hdemucs"}})
ON = '[dataset]\nseparate = "hdemucs"'


def asked(session: Session) -> Job:
    return lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))


def why_not(session: Session, job: Job) -> str:
    return lives.kind(session, "dataset").why_not(session, job)


def planned(separate: str = "hdemucs") -> wire.DatasetPlan:
    ref = wire.RecordingRef(
        sha256=sha("a"), path=str(FIXTURES / "letter.flac"), name="a", seconds=3.0, has_text=True, text=TEXTS["letter"]
    )
    limits = json.dumps({"compare_speakers": False, "separate": separate})
    mark = cut_settings.mark("glow", {"dataset": {"separate": separate}})
    return wire.DatasetPlan(
        voice="anna", engine="glow", language="en", recordings=[ref], limits_json=limits, cut_by=mark
    )


def taken(session: Session) -> int:
    path = str(FIXTURES / "letter.flac")
    recordings.take(session, "anna", wire.RecordingTaken(file=b"a.flac", name="a", sha256=sha("a"), path=path))
    return asked(session).id


def test_marks_that_were_made_before_there_was_such_a_setting_hold() -> None:
    assert "separate" not in json.loads(PLAIN)
    assert cut_settings.mark("glow", {"dataset": {"separate": "off"}}) == PLAIN
    assert json.loads(SEPARATED) == {**json.loads(PLAIN), "separate": "hdemucs"}


@pytest.mark.parametrize("wrong", ['"voice"', '"demucs"', "true"])
def test_a_name_that_is_none_is_refused_with_those_there_are(wrong: str) -> None:
    with pytest.raises(BadInput, match=r'separate.*"off" or "hdemucs"'):
        Limits.of(voice_toml.parse(f"[dataset]\nseparate = {wrong}".encode()).options["dataset"])


def test_what_is_not_separated_yet_is_cut_again_and_nothing_else(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=PLAIN, b=SEPARATED, c="")
        datasets.build(session, "anna")
        return [said(session, "[dataset]\nmusic = -20"), waiting(session), said(session, ON), waiting(session)]

    assert store.write_now(act) == [False, [], True, ["a.wav", "c.wav"]]


def test_the_music_comes_back_with_the_setting_gone(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=PLAIN, b=SEPARATED)
        session.get_one(Voice, "anna").options = {"dataset": {"separate": "hdemucs"}}
        return [said(session, ""), waiting(session)]

    assert store.write_now(act) == [True, ["b.wav"]]


def test_a_dataset_waits_for_the_weights_and_says_what_brings_them(store: Store, tmp_path: Path) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=PLAIN, b=PLAIN)
        said(session, ON)
        job = asked(session)
        told = [why_not(session, job)]
        fetch = lives.submit(session, pb.JobSpec(fetch=pb.FetchSpec(engine="hdemucs")))
        told.append(why_not(session, job).replace(str(fetch.id), "N"))
        build(separators.folder("hdemucs", tmp_path / "weights"))
        return [*told, why_not(session, job)]

    assert store.write_now(act) == [
        "hdemucs, which takes music out, is not here: `myna engines fetch hdemucs` brings it (0.3 GB), "
        "`myna engines add hdemucs FOLDER` takes it from a folder",
        "hdemucs, which takes music out, is being fetched (fetch #N)",
        "",
    ]


def test_a_dataset_of_what_is_cut_already_waits_for_nothing(store: Store) -> None:
    def act(session: Session) -> str:
        cut(session, a=SEPARATED)
        session.get_one(Voice, "anna").options = {"dataset": {"separate": "hdemucs"}}
        return why_not(session, asked(session))

    assert store.write_now(act) == ""


def test_a_gpu_is_waited_for_where_it_can_be_used(store: Store, tmp_path: Path) -> None:
    def act(session: Session) -> list[Any]:
        cut(session, a=PLAIN)
        kind, job = lives.kind(session, "dataset"), asked(session)
        told: list[Any] = [kind.gpu_lane, kind.gpu_memory(session, job).bytes >= separators.MEMORY]
        said(session, ON)
        build(separators.folder("hdemucs", tmp_path / "weights"))
        return [*told, kind.gpu_lane, kind.gpu_memory(session, job).bytes >= separators.MEMORY]

    assert store.write_now(act) == [False, False, True, True]


def test_a_job_says_that_it_takes_music_out_and_under_which_terms(store: Store, tmp_path: Path) -> None:
    build(separators.folder("hdemucs", tmp_path / "weights"))
    channel = InProcessChannel(store, tmp_path, store.write_now(taken))
    worker.run(planned(), channel)  # type: ignore[arg-type]
    (row,) = store.read_now(lambda session: list(session.scalars(select(Clip))))
    assert "separated_db" in row.quality
    (line,) = [text for _, text in channel.logs if text.startswith("Music is taken out")]
    assert "for scientific purposes only" in line


def test_without_weights_the_job_fails_and_no_recording_is_called_unreadable(store: Store, tmp_path: Path) -> None:
    channel = InProcessChannel(store, tmp_path, store.write_now(taken))
    with pytest.raises(WeightsMissing, match="The weights of hdemucs"):
        worker.run(planned(), channel)  # type: ignore[arg-type]
    assert store.read_now(lambda session: session.scalars(select(Recording)).one().cut) is None


def test_with_damaged_weights_the_job_fails_and_no_recording_is_called_unreadable(store: Store, tmp_path: Path) -> None:
    build(separators.folder("hdemucs", tmp_path / "weights")).write_bytes(b"<!DOCTYPE html>")
    channel = InProcessChannel(store, tmp_path, store.write_now(taken))
    with pytest.raises(WeightsMissing, match="holds no model that parts voice and music"):
        worker.run(planned(), channel)  # type: ignore[arg-type]
    assert store.read_now(lambda session: session.scalars(select(Recording)).one().cut) is None
