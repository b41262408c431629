"""What a worker measures of a clip comes to rest in its row, and is judged again from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, Recording, Voice
from daemon.database.store import Store
from daemon.kinds.dataset import worker
from daemon.kinds.dataset.server import COMPARED
from daemon.state import judging, recordings
from engines.judging.voice_clip import unpacked
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.speech import FIXTURES, TEXTS

pytestmark = pytest.mark.integration


def test_a_clips_facts_are_kept_and_other_limits_judge_by_them(store: Store, tmp_path: Path) -> None:
    recording = tmp_path / "letter.flac"
    shutil.copy(FIXTURES / "letter.flac", recording)

    def taken(session: Session) -> None:
        row = recordings.take(
            session,
            "anna",
            wire.RecordingTaken(file=b"letter.flac", name="letter.flac", sha256=sha("letter"), path=str(recording)),
        )
        row.text = TEXTS["letter"]
        session.get_one(Voice, "anna").language = "de"  # nothing here hears it: nothing is disagreed with

    store.write_now(taken)
    ref = wire.RecordingRef(
        sha256=sha("letter"), path=str(recording), name="letter.flac", has_text=True, text=TEXTS["letter"], seconds=3.0
    )
    plan = wire.DatasetPlan(voice="anna", engine="glow", language="de", recordings=[ref])
    job = store.write_now(lambda session: lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna"))).id)
    worker.run(plan, InProcessChannel(store, tmp_path, job))  # type: ignore[arg-type]

    def stored(session: Session) -> judging.StoredClip:
        judging.judge(session, "anna")
        (clip,) = judging.stored(session, "anna")
        return clip

    clip = store.write_now(stored)
    quality = clip.facts.quality
    assert clip.row.kept
    assert None not in (quality.lufs, quality.bandwidth_hz, quality.edge_db, quality.tonal_db, quality.overlap_share)
    assert None not in (quality.dc_offset, quality.silence_share)
    assert quality.channels == 1
    assert 2.0 < clip.facts.speech < clip.facts.seconds
    assert len(unpacked(clip.beside.voiceprint)) == 256
    assert len(clip.beside.sketch) == 256

    def stricter(session: Session) -> str:
        session.get_one(Voice, "anna").options = {"dataset": {"narrow_band": 20_000.0}}
        judging.judge(session, "anna")
        return session.scalars(select(Clip.reason)).one()

    assert store.write_now(stricter) == "narrow-band"


@pytest.mark.parametrize(("seconds", "compared"), [(COMPARED - 1, False), (COMPARED, True)])
def test_speakers_are_compared_once_there_is_enough_to_tell_a_voice_by(
    store: Store, seconds: float, compared: bool
) -> None:
    def planned(session: Session) -> dict[str, object]:
        told = wire.RecordingTaken(file=b"a", name="a", sha256=sha("a"), path="a", seconds=seconds)
        recordings.take(session, "anna", told)
        session.get_one(Voice, "anna").options = {"dataset": {"noisy": 12.0}}
        session.flush()
        assert session.scalar(select(func.count()).select_from(Recording)) == 1
        job = lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna")))
        kind = lives.kind(session, "dataset")
        limits: dict[str, object] = json.loads(kind.plan(session, job).dataset.limits_json)
        return limits

    limits = store.write_now(planned)
    assert limits["noisy"] == 12.0
    assert limits.get("compare_speakers", True) is compared
