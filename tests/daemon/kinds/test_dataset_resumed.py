"""A dataset job whose worker dies in a long recording goes on in the midst of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import lives
import pytest
from inbox_workshop import InProcessChannel, Killed
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import sha

from daemon.database.models import Clip
from daemon.database.store import Store
from daemon.kinds.dataset import worker
from daemon.kinds.dataset.whisper_way import Remembered, goes_on_smaller
from daemon.scheduling.blame import Blame
from daemon.state import recordings
from engines.recognisers import ENVIRONMENT
from engines.transcription.room import Precision, Way
from engines.transcription.sphinx import SphinxTranscriber
from engines.transcription.whisper import WhisperTranscriber
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.speech import RATE, Made, recording
from tests.engines.transcription.tiny_whisper import build

pytestmark = pytest.mark.integration

#: Clips that may be heard again after a kill.
AGAIN = 10


class Telling(InProcessChannel):
    """It keeps what is told on the way."""

    def __init__(self, store: Store, home: Path, job: int) -> None:
        super().__init__(store, home, job)
        self.at: list[wire.At] = []
        self.lasted = 0

    def report(self, report: wire.Report) -> None:
        self.at.append(report.at)

    def lasting(self) -> None:
        self.lasted += 1


def submitted(store: Store, made: Made) -> tuple[int, wire.RecordingRef]:
    """A dataset job of a voice with that long recording, and how a plan of it has it."""

    def taken(session: Session) -> int:
        told = wire.RecordingTaken(file=b"long.flac", name="long.flac", sha256=sha("long"), path=str(made.path))
        recordings.take(session, "anna", told)
        return lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna"))).id

    ref = wire.RecordingRef(sha256=sha("long"), path=str(made.path), name="long.flac", seconds=made.seconds)
    return store.write_now(taken), ref


@pytest.mark.long
def test_a_worker_killed_in_a_long_recording_hears_at_most_ten_clips_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recording(tmp_path / "long.flac", ["letter"] * 12, pause=3.0)
    heard: list[int] = []
    listens = SphinxTranscriber.transcribe

    def counted(self: SphinxTranscriber, samples):  # type: ignore[no-untyped-def]
        if len(heard) == 11:
            heard.append(0)
            raise Killed
        heard.append(len(samples))
        return listens(self, samples[: RATE // 2])  # its first words do

    monkeypatch.setattr(SphinxTranscriber, "transcribe", counted)
    monkeypatch.setattr(  # in this process, where they can be counted
        SphinxTranscriber, "transcribe_many", lambda self, clips, alive=None: [self.transcribe(clip) for clip in clips]
    )

    job, ref = submitted(store, made)
    limits = '{"compare_speakers": false}'
    plan = wire.DatasetPlan(voice="anna", engine="glow", language="en", recordings=[ref], limits_json=limits)
    first, second = Telling(store, tmp_path, job), Telling(store, tmp_path, job)
    with pytest.raises(Killed):
        worker.run(plan, first)  # type: ignore[arg-type]
    assert not first.committed
    assert [(at.what, at.got_on) for at in first.at][:2] == [
        (sha("long").encode(), False),
        (sha("long").encode(), True),
    ]
    assert first.lasted == 1
    assert list((tmp_path / worker.HEARD).iterdir())
    worker.run(plan, second)  # type: ignore[arg-type]
    clips = store.read_now(lambda session: list(session.scalars(select(Clip))))
    assert len(clips) == 12
    assert 0 < len(heard) - len(clips) <= AGAIN
    assert ("info", "long.flac: 8 pieces were heard by an earlier attempt, and not again.") in second.logs
    assert not list((tmp_path / worker.HEARD).iterdir()), "what was kept goes when the clips are stored"


def test_what_was_heard_before_memory_ran_out_and_a_kill_is_not_heard_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job goes on in another precision, and the clips of the first one stand."""
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    build(tmp_path / "weights" / "whisper")
    made = recording(tmp_path / "long.flac", ["letter"] * 12, pause=3.0)
    heard: list[int] = []
    listens = WhisperTranscriber._at_once

    def counted(self: WhisperTranscriber, clips):  # type: ignore[no-untyped-def]
        if len(heard) == 1:
            heard.append(0)
            raise Killed
        heard.append(len(clips))
        return listens(self, clips)

    monkeypatch.setattr(WhisperTranscriber, "_at_once", counted)

    job, ref = submitted(store, made)
    limits = '{"compare_speakers": false, "second_recogniser": false}'
    plan = wire.DatasetPlan(voice="anna", engine="glow", language="en", recordings=[ref], limits_json=limits)
    remembered = Remembered(tmp_path / worker.HEARD, job)
    first, second = Way("cpu", Precision.FLOAT32), Way("cpu", Precision.INT8)
    remembered.write(first)
    channel = InProcessChannel(store, tmp_path, job)
    with pytest.raises(Killed):
        worker.run(plan, channel)  # type: ignore[arg-type]
    goes_on_smaller(remembered, channel, first, second)  # as if it had been told so just before
    worker.run(plan, channel)  # type: ignore[arg-type]
    assert ("info", "long.flac: 8 pieces were heard by an earlier attempt, and not again.") in channel.logs
    assert sum(heard) == len(channel.committed[0].cut.clips) == 12
    assert not list((tmp_path / worker.HEARD).iterdir())


def test_only_deaths_without_anything_done_between_them_are_held_against_a_recording() -> None:
    blame = Blame()
    for got_on, times in ((False, 1), (True, 0), (True, 0), (False, 1), (False, 2)):
        blame.died(7, b"long", got_on=got_on)
        assert blame.of(7) == [wire.DiedOf(what=b"long", times=times)]
    assert not blame.of(8)


def test_half_written_clips_of_a_killed_worker_go_with_the_next_job_and_nothing_else_does(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "clips" / "ab"
    folder.mkdir(parents=True)
    whole, ours, unpacked = f"{'ab' * 32}.flac", f".tmp-4711-{'ab' * 32}.flac", f".tmp-{'ab' * 32}.flac"
    other, fresh = ".tmp-notes.flac", f".tmp-4712-{'ab' * 32}.flac"
    two_hours = time.time() - 2 * 3_600
    for name in (whole, ours, unpacked, other, fresh):
        (folder / name).write_bytes(b"")
        if name != fresh:  # another job may be writing it now
            os.utime(folder / name, (two_hours, two_hours))
    worker.run(wire.DatasetPlan(voice="anna"), InProcessChannel(store, tmp_path, 1))  # type: ignore[arg-type]
    assert sorted(path.name for path in folder.iterdir()) == sorted([whole, other, fresh])
