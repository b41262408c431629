"""Noise is taken out of a voice's clips, or left in them, when its voice.toml says so: what is not so yet is cut
again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lives
import pytest
from inbox_workshop import InProcessChannel
from sqlalchemy import select
from sqlalchemy.orm import Session
from voice_rows import clip, sha

from daemon.database.models import Clip, Recording, Voice
from daemon.database.store import Store
from daemon.inbox import voice_toml
from daemon.kinds.dataset import worker
from daemon.state import cut_settings, datasets, recordings
from daemon.state.recordings import SUPERSEDED
from engines.audio import cleaning
from engines.errors import BadInput
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.engines.speech import FIXTURES, TEXTS

pytestmark = pytest.mark.integration


def said(session: Session, toml: str) -> bool:
    return voice_toml.apply(session, session.get_one(Voice, "anna"), voice_toml.parse(toml.encode()))


def waiting(session: Session) -> list[str]:
    return [row.name for row in recordings.uncut(session, "anna")]


def clips_of(session: Session, numbers: Mapping[str, Mapping[str, float]]) -> None:
    """A recording a clip, cut already, and what was measured of each."""
    recordings.ensure_voice(session, "anna")
    for name, quality in numbers.items():
        clip(session, name).quality = dict(quality)


def test_what_is_not_denoised_yet_is_cut_again_and_nothing_else(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        clips_of(session, {"noisy": {"snr_db": 12.0}, "clean": {"snr_db": 12.0, "denoised_db": 20.0}})
        datasets.build(session, "anna")
        found: list[Any] = [said(session, "[dataset]\nnoisy = 11"), waiting(session)]
        return [*found, said(session, '[dataset]\ndenoise = "rnnoise"'), waiting(session)]

    assert store.write_now(act) == [False, [], True, ["noisy.wav"]]


def test_the_noise_comes_back_with_the_setting_gone(store: Store) -> None:
    def act(session: Session) -> list[Any]:
        clips_of(session, {"noisy": {"snr_db": 12.0}, "clean": {"snr_db": 12.0, "denoised_db": 20.0}})
        session.get_one(Voice, "anna").options = {"dataset": {"denoise": "rnnoise"}}
        return [said(session, ""), waiting(session)]

    assert store.write_now(act) == [True, ["clean.wav"]]


def test_what_a_person_said_of_a_clip_stands_for_the_denoised_one(store: Store) -> None:
    def act(session: Session) -> tuple[Clip, Clip]:
        clips_of(session, {"c0": {"snr_db": 12.0}, "c1": {"snr_db": 12.0}})
        first = session.scalars(select(Clip).where(Clip.sha256 == sha("c0"))).one()
        datasets.build(session, "anna")
        datasets.set_clip(session, "anna", first.sha256, "right", None)
        again = wire.CutClip(start=first.start, end=first.end, sha256=sha("clean"), text="wrong again", kept=False)
        again.quality["denoised_db"] = 20.0
        recordings.store_cut(session, "anna", wire.RecordingCut(recording=sha("recording c0"), clips=[again]))
        return first, session.scalars(select(Clip).where(Clip.sha256 == sha("clean"))).one()

    noisy, clean = store.write_now(act)
    assert (clean.text, clean.trust, clean.kept) == ("right", "person", True)
    assert noisy.reason == SUPERSEDED, "the dataset before names it"

    def undone(session: Session) -> str:
        return datasets.undo_clip(session, "anna", sha("clean"), pb.Clip()).text

    assert store.write_now(undone) == "a line"


@pytest.mark.parametrize("named", [True, False], ids=["in a dataset", "in none"])
def test_what_a_person_said_of_a_clip_stands_when_its_noise_comes_back(store: Store, named: bool) -> None:
    def act(session: Session) -> list[tuple[str, str, bool, str]]:
        clips_of(session, {"c0": {"snr_db": 12.0}, "c1": {"snr_db": 12.0}})
        first = session.scalars(select(Clip).where(Clip.sha256 == sha("c0"))).one()
        where = {"start": first.start, "end": first.end}
        datasets.set_clip(session, "anna", sha("c0"), "right", None)
        if named:
            datasets.build(session, "anna")
        for name in ("clean", "c0"):
            again = wire.CutClip(**where, sha256=sha(name), text="wrong again", kept=True)
            recordings.store_cut(session, "anna", wire.RecordingCut(recording=sha("recording c0"), clips=[again]))
            session.flush()
        rows = session.scalars(select(Clip).where(Clip.recording == first.recording, Clip.reason != SUPERSEDED))
        return [(row.sha256, row.text, row.kept, row.trust) for row in rows]

    assert store.write_now(act) == [(sha("c0"), "right", True, "person")]


def test_what_was_taken_back_of_the_denoised_clip_does_not_come_back_with_its_noise(store: Store) -> None:
    def act(session: Session) -> tuple[str, str, int]:
        clips_of(session, {"c0": {"snr_db": 12.0}, "c1": {"snr_db": 12.0}})
        first = session.scalars(select(Clip).where(Clip.sha256 == sha("c0"))).one()
        datasets.set_clip(session, "anna", sha("c0"), "right", None)
        datasets.build(session, "anna")
        for name in ("clean", "c0"):
            again = wire.CutClip(start=first.start, end=first.end, sha256=sha(name), text="as read", kept=True)
            recordings.store_cut(session, "anna", wire.RecordingCut(recording=sha("recording c0"), clips=[again]))
            if name == "clean":
                session.flush()
                datasets.undo_clip(session, "anna", sha("clean"), pb.Clip())
        return first.text, first.trust, len(first.before)

    assert store.write_now(act) == ("as read", "", 0)


def plan(session: Session) -> int:
    path = str(FIXTURES / "letter.flac")
    recordings.take(session, "anna", wire.RecordingTaken(file=b"a.flac", name="a", sha256=sha("a"), path=path))
    return lives.submit(session, pb.JobSpec(dataset=pb.DatasetSpec(voice="anna"))).id


def planned(denoise: str = "rnnoise") -> wire.DatasetPlan:
    ref = wire.RecordingRef(
        sha256=sha("a"), path=str(FIXTURES / "letter.flac"), name="a", seconds=3.0, has_text=True, text=TEXTS["letter"]
    )
    limits = json.dumps({"compare_speakers": False, "denoise": denoise})
    mark = cut_settings.mark("glow", {"dataset": {"denoise": denoise}})
    return wire.DatasetPlan(
        voice="anna", engine="glow", language="en", recordings=[ref], limits_json=limits, cut_by=mark
    )


def test_a_job_says_that_it_takes_noise_out_and_marks_the_clips(store: Store, tmp_path: Path) -> None:
    channel = InProcessChannel(store, tmp_path, store.write_now(plan))
    worker.run(planned(), channel)  # type: ignore[arg-type]
    (row,) = store.read_now(lambda session: list(session.scalars(select(Clip))))
    assert "denoised_db" in row.quality
    assert ("info", "Noise is taken out of clips (rnnoise). Recordings stay as they are.") in channel.logs


def test_what_a_job_cut_by_a_setting_that_changed_meanwhile_is_cut_again(store: Store, tmp_path: Path) -> None:
    def change(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"dataset": {"denoise": "rnnoise"}}

    job = store.write_now(plan)
    store.write_now(change)
    worker.run(planned("off"), InProcessChannel(store, tmp_path, job))  # type: ignore[arg-type]
    assert store.read_now(waiting) == ["a"]
    worker.run(planned("rnnoise"), InProcessChannel(store, tmp_path, job))  # type: ignore[arg-type]
    assert store.read_now(waiting) == []


def test_without_its_library_the_job_fails_and_no_recording_is_called_unreadable(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(sample_rate: int) -> cleaning.Cleaner:
        raise BadInput("RNNoise is not installed here.")

    monkeypatch.setitem(cleaning.CLEANERS, "rnnoise", missing)
    channel = InProcessChannel(store, tmp_path, store.write_now(plan))
    with pytest.raises(BadInput, match="not installed"):
        worker.run(planned(), channel)  # type: ignore[arg-type]
    assert store.read_now(lambda session: session.scalars(select(Recording)).one().cut) is None
