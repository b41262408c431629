"""What Whisper writes of an English recording without a text is laid under the sound by a second recogniser, unless
the voice does without."""

from __future__ import annotations

import json
from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip
from daemon.database.store import Store
from daemon.kinds.dataset import worker
from daemon.state import recordings
from engines.recognisers import ENVIRONMENT
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.speech import FIXTURES
from tests.engines.transcription.tiny_whisper import build

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("wanted", [True, False])
def test_a_second_recogniser_is_asked_about_what_whisper_wrote(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    build(tmp_path / "weights" / "whisper")  # random weights: it babbles

    def taken(session: Session) -> int:
        path = str(FIXTURES / "letter.flac")
        recordings.take(session, "anna", wire.RecordingTaken(file=b"a.flac", name="a", sha256=sha("a"), path=path))
        return lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna"))).id

    job = store.write_now(taken)
    limits = {"compare_speakers": False, "second_recogniser": wanted}
    ref = wire.RecordingRef(sha256=sha("a"), path=str(FIXTURES / "letter.flac"), name="a", seconds=3.0)
    plan = wire.DatasetPlan(
        voice="anna", engine="glow", language="en", recordings=[ref], limits_json=json.dumps(limits)
    )
    worker.run(plan, InProcessChannel(store, tmp_path, job))  # type: ignore[arg-type]
    (clip,) = store.read_now(lambda session: list(session.scalars(select(Clip))))
    assert clip.text_source == "whisper"
    assert ("second_wer" in clip.quality) is wanted
    facts = wire.ClipFacts.FromString(store.read_now(lambda session: session.scalar(select(Clip.facts))) or b"")
    assert "".join(word.text for word in facts.words) == "".join(facts.heard.split()), (
        "the words that it wrote, with their times"
    )
    assert all(0 <= word.start <= word.end <= facts.seconds for word in facts.words)
    assert clip.quality["word_confidence"] == pytest.approx(
        min(word.confidence for word in facts.words if any(map(str.isalnum, word.text)))
    )
    if wanted:
        assert clip.quality["second_wer"] > 0.5
