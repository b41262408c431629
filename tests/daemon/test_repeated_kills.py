"""A worker that dies after each thing it gets done: what is on disk counts, and the job comes to its end."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from living_daemon import Living, lived
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, dataset

from daemon.database.models import Job, Voice, now
from daemon.kinds.lifecycle import CRASH_LIMIT
from daemon.state.status import ENDED
from engines.glow.model import BASE_VARIABLE
from engines.glow.recipe import tiny_base
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration
DEMO = Path(__file__).parents[2] / "demo" / "recordings"
MORTAL = (sys.executable, str(Path(__file__).with_name("mortal_worker.py")))


def recorded(home: Path, session: Session) -> None:
    """The voice "carla": four of the demo's recordings, one of them held out, which alone is spoken, once: every line
    more would cost three workers."""
    options = {"promotion": {"takes": 1, "min_lines": 0}}
    session.add(Voice(name="carla", language="en", engine="glow", options=options, created=now()))
    session.flush()
    (home / "clips").mkdir(exist_ok=True)
    clips = []
    for number in range(1, 5):
        name = f"d{number:02}"
        shutil.copy(DEMO / f"{name}.flac", home / "clips" / f"{name}.flac")
        clips.append(
            clip(
                session,
                name,
                (DEMO / f"{name}.txt").read_text().strip(),
                voice="carla",
                seconds=8.0,
                held_out=number > 3,
            )
        )
    dataset(session, 1, clips[:3], clips[3:], voice="carla")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_and_its_evaluation_that_die_after_every_clip_and_line_come_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_base.make(tmp_path / "base")
    monkeypatch.setenv(BASE_VARIABLE, str(tmp_path / "base"))
    home = tmp_path / "home"

    async def life(living: Living) -> None:
        living.daemon.store.write_now(lambda session: recorded(home, session))
        options = pb.TrainOptions(steps=2, eval_every=2, checkpoint_every=2, batch_size=2)
        train = (await living.client.submit(pb.JobSpec(train=pb.TrainSpec(voice="carla", options=options)))).id
        trained = await living.until(train, lambda told: told.status.WhichOneof("status") in ENDED, 240.0)
        assert trained.status.WhichOneof("status") == "succeeded", trained.status
        assert living.outcomes(train).count("crashed") == 4  # as many clips as there are
        wanted = select(Job.id).where(Job.kind == "evaluate")
        evaluate = living.daemon.store.read_now(lambda session: session.scalars(wanted).one())
        scored = await living.until(evaluate, lambda told: told.status.WhichOneof("status") in ENDED, 240.0)
        assert scored.status.WhichOneof("status") == "succeeded", scored.status
        # a line: recorded, spoken by two, heard of three; and two losses
        assert living.outcomes(evaluate).count("crashed") > CRASH_LIMIT
        samples = home / "samples" / "carla"
        assert not list(samples.rglob("*.part.json"))
        assert len(list(samples.rglob("*.wav"))) == 3

    lived(home, life, program=MORTAL)
