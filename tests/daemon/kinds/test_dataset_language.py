"""A clip in another language than the voice's is dropped as that, where Whisper can tell languages."""

from __future__ import annotations

import json
from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip, Voice
from daemon.database.store import Store
from daemon.kinds.dataset import worker
from daemon.state import judging, recordings
from engines.recognisers import ENVIRONMENT
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.speech import FIXTURES, TEXTS
from tests.engines.transcription.tiny_whisper import MULTILINGUAL, build

pytestmark = pytest.mark.integration


def test_the_language_that_whisper_hears_is_judged_and_named(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    build(tmp_path / "weights" / "whisper", MULTILINGUAL)  # random weights: it is hardly English to them

    def taken(session: Session) -> int:
        path = str(FIXTURES / "letter.flac")
        recordings.take(session, "anna", wire.RecordingTaken(file=b"a.flac", name="a", sha256=sha("a"), path=path))
        return lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna"))).id

    job = store.write_now(taken)
    ref = wire.RecordingRef(
        sha256=sha("a"), path=str(FIXTURES / "letter.flac"), name="a", seconds=3.0, has_text=True, text=TEXTS["letter"]
    )
    limits = json.dumps({"compare_speakers": False})
    plan = wire.DatasetPlan(voice="anna", engine="glow", language="en", recordings=[ref], limits_json=limits)
    worker.run(plan, InProcessChannel(store, tmp_path, job))  # type: ignore[arg-type]
    (clip,) = store.read_now(lambda session: list(session.scalars(select(Clip))))
    assert (clip.kept, clip.reason) == (False, "wrong-language")
    assert 0 < clip.quality["language_probability"] < 0.1
    assert "most likely “" in clip.sentence

    def looser(session: Session) -> Clip:
        """Judged again by what is stored: nothing is heard."""
        voice = session.get(Voice, "anna")
        assert voice is not None
        voice.options = {**voice.options, "dataset": {"wrong_language": 0.0}}
        judging.judge(session, "anna")
        return session.scalars(select(Clip)).one()

    assert store.write_now(looser).reason != "wrong-language"
