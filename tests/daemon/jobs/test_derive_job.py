"""Making clips in a worker: each by itself, dropped with a reason where it cannot be used, left out where workers died
of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_clips import refs
from recorded import Recorded

from daemon.kinds.derive import worker
from daemon.worker.job import Stopped
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def plan(count: int = 2, pitch: float = 2.0, pace: float = 1.08) -> wire.DerivePlan:
    return wire.DerivePlan(
        voice="anna-bright", engine="glow", clips=refs(1, 1 + count), pitch=pitch, pace=pace, liveliness=1.2
    )


def channel(home: Path, **deaths: int) -> Recorded:
    made = Recorded(home)
    made.deaths = {name.encode(): times for name, times in deaths.items()}  # type: ignore[attr-defined]
    return made


@pytest.mark.long
def test_each_clip_is_reported_with_what_was_reached(tmp_path: Path) -> None:
    to = channel(tmp_path)
    asked = plan()
    assert worker.run(asked, to) == "Made 2 clips."
    made = [report.made for report in to.committed]
    assert [one.made_from for one in made] == [ref.sha256 for ref in asked.clips]
    for one, ref in zip(made, asked.clips, strict=True):
        assert (one.clip.kept, one.clip.text, one.sample_rate) == (True, ref.text, 16_000)
        assert one.reached.pitch == pytest.approx(2, abs=0.5)
        assert one.reached.pace == pytest.approx(1.08, rel=0.03)
        file = tmp_path / one.clip.path
        assert (file.stem, file.stat().st_size) == (one.clip.sha256, one.size)
        assert one.clip.quality["snr_db"] > 10
    assert [report.at.what for report in to.reports] == [
        what for ref in asked.clips for what in (ref.sha256.encode(), b"")
    ], "the daemon knows what a worker would die of"
    assert "2 clips made in this attempt" in to.lines[-1]
    assert worker.run(plan(1), again := channel(tmp_path)) == "Made 1 clip."
    assert again.committed[0].made.clip.sha256 == made[0].clip.sha256, "the same clip is the same file"


def test_a_clip_that_the_engine_could_not_take_is_dropped_with_the_reason(tmp_path: Path) -> None:
    to = channel(tmp_path)
    slow = plan(1, pace=0.5)
    slow.clips[0].text = "a"
    worker.run(slow, to)
    (made,) = (report.made for report in to.committed)
    assert not made.clip.kept
    assert made.clip.reason == "disagree"
    assert "Its text is too short" in to.lines[0]


def test_what_workers_died_of_is_left_out_and_what_cannot_be_read_too(tmp_path: Path) -> None:
    asked = plan(3)
    asked.clips[1].path = str(tmp_path / "gone.flac")
    to = channel(tmp_path, **{asked.clips[0].sha256: 2, asked.clips[2].sha256: 1})
    assert worker.run(asked, to) == "Made 1 clip."
    assert [report.made.made_from for report in to.committed] == [asked.clips[2].sha256]
    assert any("Making it ended the worker 2 times." in line for line in to.lines)
    assert any("gone.flac cannot be read" in line for line in to.lines)


def test_it_stops_between_two_clips(tmp_path: Path) -> None:
    to = channel(tmp_path)
    to.orders = lambda seen: "stop" if seen.committed else ""
    with pytest.raises(Stopped):
        worker.run(plan(), to)
    assert len(to.committed) == 1
