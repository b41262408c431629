"""Music is taken out of a voice's recordings, from end to end: the daemon, its inbox, its workers and their files are
real, and so is the model's class; only its weights are small, and random.

Without weights the dataset waits and says what brings them; killed in the midst of a recording, it goes on; what comes
out is what an undisturbed run makes.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from living_daemon import Living, lived
from separating_worker import KILLED
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip
from daemon.state import recordings
from daemon.state.status import ENDED
from engines.audio.separation import separation
from engines.cutting.clips import CutClip, cut_recording
from engines.glow.info import INFO
from engines.judging.limits import Limits
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.audio.tiny_hdemucs import build
from tests.engines.speech import RATE, speech

pytestmark = pytest.mark.integration
MORTAL = (sys.executable, str(Path(__file__).with_name("separating_worker.py")))
SETTINGS = {"separate": "hdemucs", "compare_speakers": False}
TOML = 'language = "fi"\nauto_train = false\n[dataset]\nseparate = "hdemucs"\ncompare_speakers = false\n'


def recorded(path: Path) -> Path:
    """Twenty seconds in stereo: three sentences, chords in both channels, nobody in between."""
    hush = np.zeros(RATE, np.float32)
    said = np.concatenate([part for name in ("letter", "harbour", "market") for part in (hush, speech(name), hush)])
    times = np.arange(len(said)) / RATE
    chord = sum(0.02 * np.sin(2 * np.pi * pitch * times) for pitch in (220.0, 277.2, 329.6))
    soundfile.write(path, np.stack([said + chord, said + 0.5 * chord], axis=1), RATE, subtype="PCM_16")
    return path


def given_to(session: Session, home: Path, source: Path) -> None:
    """The voice "bo", whose music is to be taken out, with a recording; nothing here hears its language, which would
    take the longest."""
    recordings.ensure_voice(session, "bo", "fi").options = {"auto_train": False, "dataset": SETTINGS}
    place = home / "recordings" / source.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(source.read_bytes())
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    facts = soundfile.info(source)
    told = wire.RecordingTaken(
        file=source.name.encode(),
        name=source.name,
        sha256=sha256,
        path=f"recordings/{source.name}",
        seconds=facts.duration,
        sample_rate=RATE,
        channels=2,
    )
    recordings.take(session, "bo", told)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_recordings_music_is_taken_out_once_the_weights_are_here_and_a_kill_changes_nothing(tmp_path: Path) -> None:
    home, given, source = tmp_path / "home", tmp_path / "given", recorded(tmp_path / "talk.wav")
    build(given)
    folder = home / "inbox" / "bo"
    folder.mkdir(parents=True)
    (folder / "voice.toml").write_text(TOML)

    async def life(living: Living) -> None:
        store, spec = living.daemon.store, pb.JobSpec(dataset=pb.DatasetSpec(voice="bo"))
        store.write_now(lambda session: given_to(session, home, source))
        making = (await living.client.submit(spec)).id
        waiting = await living.until(making, lambda told: told.status.queued.why_waiting.startswith("hdemucs"), 120.0)
        assert "`myna engines fetch hdemucs` brings it" in waiting.status.queued.why_waiting
        fetch = await living.client.fetch("hdemucs", str(given))
        assert "for scientific purposes only" in fetch.title
        made = await living.until(making, lambda told: told.status.WhichOneof("status") in ENDED, 900.0)
        assert made.status.WhichOneof("status") == "succeeded", made.status
        assert living.outcomes(making) == ["crashed", "succeeded"]
        assert (home / KILLED).exists()
        clips = store.read_now(lambda session: list(session.scalars(select(Clip).where(Clip.voice == "bo"))))
        assert all("separated_db" in clip.quality for clip in clips)
        undisturbed = cut_recording(
            source,
            None,
            "fi",
            INFO,
            None,
            tmp_path / "clips",
            limits=Limits(**SETTINGS),
            separate=separation("hdemucs", INFO.sample_rate, home / "weights"),
        )
        assert len(undisturbed) >= 3
        assert sorted(clip.sha256 for clip in clips) == sorted(clip.sha256 for clip in undisturbed)
        assert {clip.sha256 for clip in as_recorded(source, tmp_path)}.isdisjoint(clip.sha256 for clip in clips)

    lived(home, life, MORTAL)


def as_recorded(source: Path, folder: Path) -> list[CutClip]:
    """Its clips with their music."""
    return cut_recording(source, None, "en", INFO, None, folder / "as recorded")
