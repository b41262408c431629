"""Making a dataset, the daemon's side: which recordings are to be cut, the rows of their clips, the next dataset, and
what follows from it.

Cutting waits for the GPU only where Whisper's weights are, or those of what takes music out: without them nothing here
can use one. Where music is to be taken out and those are not here, it waits for them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from daemon.database.models import Job, Recording, Voice
from daemon.inbox import subtitles
from daemon.kinds.dataset import following, told_language
from daemon.kinds.kind import FollowUp, GpuNeed, Kind
from daemon.state import cut_settings, datasets, engines, followed, heard_language, own_speaker, recordings, voices
from engines import separators
from engines.judging.limits import Limits
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import RecordingRef, Report, Start  # by name: a kind has an attribute called wire

#: Seconds of recordings from which a voice's speakers are compared: what compares them takes seconds to load, and of
#: fewer clips it cannot tell whose voice it is.
COMPARED = 60.0


class MakeDataset(Kind):
    """See `daemon.kinds.kind.Kind`."""

    name = "dataset"
    wire = pb.DATASET
    priority = 200
    exclusive = "recordings"
    commits = frozenset({"cut", "language"})

    @property
    def gpu_lane(self) -> bool:
        weights = self.home / "weights"
        separates = any(separators.present(name, weights) for name in separators.PUBLISHED)
        return bool(os.environ.get("MYNA_WHISPER")) or (weights / "whisper").is_dir() or separates

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        voice = voices.get(session, spec.dataset.voice)
        waiting = recordings.count_uncut(session, voice.name)
        what = (
            "cut all recordings again"
            if spec.dataset.recut
            else f"cut {waiting} recording{'' if waiting == 1 else 's'}"
        )
        return voice.name, f"{what} of {voice.name}, make a dataset"

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        need = super().gpu_memory(session, job)
        if (voice := session.get(Voice, job.voice)) is None or _separate(voice) == "off":
            return need
        return GpuNeed(max(need.bytes, separators.MEMORY))

    def why_not(self, session: Session, job: Job) -> str:
        voice = voices.get(session, job.voice)
        name = _separate(voice)
        lacking = name != "off" and not separators.present(name, self.home / "weights")
        if lacking and self._to_cut(session, job, voice):
            if (fetch := engines.fetching(session, name)) is not None:
                return f"{name}, which takes music out, is being fetched (fetch #{fetch.id})"
            return f"{name}, which takes music out, is not here: {separators.how_to_get(name).rstrip('.')}"
        return self.disk.why_not()

    def _to_cut(self, session: Session, job: Job, voice: Voice) -> list[Recording]:
        """In the order in which they came."""
        asked = pb.JobSpec.FromString(job.spec).dataset
        there = {row.id: row for row in recordings.uncut(session, voice.name)}
        there |= {row.id: row for row in cut_settings.cut_otherwise(session, voice)}
        if asked.recut:  # what an earlier attempt of this job has cut is not cut a third time
            return [row for row in _there(session, voice.name) if row.cut is None or row.cut < job.submitted]
        return [there[id] for id in sorted(there)]

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).dataset
        voice = voices.get(session, asked.voice)
        rows = self._to_cut(session, job, voice)
        left_open, chosen = heard_language.is_left_open(voice), {row.id for row in rows}
        others = _there(session, voice.name) if left_open else []
        return Start(
            dataset=wire.DatasetPlan(
                voice=voice.name,
                engine=voice.engine,
                language=voices.language(voice.language),
                recordings=map(self._ref, rows),
                limits_json=json.dumps(_limits(session, voice), sort_keys=True),
                cut_by=cut_settings.of_voice(voice),
                tell_language=left_open,
                others=[self._ref(row) for row in others if row.id not in chosen],
            )
        )

    def _ref(self, row: Recording) -> RecordingRef:
        return RecordingRef(
            sha256=row.sha256,
            path=str(self.home / row.path),
            name=row.name,
            has_text=row.text is not None,
            text=row.text or "",
            seconds=row.seconds,
            cues=subtitles.of_row(row.cues),
        )

    def commit(self, session: Session, job: Job, report: Report) -> None:
        if report.HasField("language"):
            told_language.store(session, job.voice, report.language)
            return
        row, voice = recordings.store_cut(session, job.voice, report.cut), voices.get(session, job.voice)
        # where the settings have changed since the job began, the next one cuts it again
        if report.cut.language not in ("", voices.language(voice.language)):
            cut_settings.heard_otherwise(row, report.cut.language)
        elif report.cut.cut_by not in ("", cut_settings.of_voice(voice)):
            row.cut = None

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """The next dataset, if there is anything new, and the training that follows from it."""
        if other := cut_settings.cut_otherwise(session, voices.get(session, job.voice)):
            many = "1 recording waits" if len(other) == 1 else f"{len(other)} recordings wait"
            changed = f"{job.voice}'s engine, language, denoise or separate changed meanwhile"
            job.why = f"No dataset: {changed}, and {many} to be cut again."
            return ()
        waiting = followed.tell_waiting(session, job.voice, job.submitted)
        made = datasets.build(session, job.voice, job.id)
        if made is None:
            job.why = f"Nothing new: {job.voice}'s clips are those of the dataset it has."
            if datasets.last(session, job.voice) is None:
                job.why = f"No dataset: none of its clips can be used. `myna clips {job.voice} --dropped` says why."
            job.why += _waiting(waiting)
            return ()
        job.why = datasets.said(made) + _waiting(waiting) + own_speaker.tell(session, job.voice)
        train_after = pb.JobSpec.FromString(job.spec).dataset.train_after
        return following.training(session, job, made, self.settings) if train_after else ()


def _there(session: Session, voice: str) -> list[Recording]:
    """Its recordings, in the order they came."""
    query = select(Recording).where(Recording.voice == voice, Recording.removed.is_(None)).order_by(Recording.id)
    return list(session.scalars(query))


def _waiting(clips: int) -> str:
    return (
        f" {clips} {'clip waits' if clips == 1 else 'clips wait'} for a text, or for what hears one." if clips else ""
    )


def _separate(voice: Voice) -> str:
    """What takes the music out of its clips; "off": nothing does."""
    return Limits.of(voice.options.get("dataset", {})).separate


def _limits(session: Session, voice: Voice) -> dict[str, Any]:
    """The voice's, as its clips are measured for."""
    there = select(func.sum(Recording.seconds)).where(Recording.voice == voice.name, Recording.removed.is_(None))
    limits: dict[str, Any] = dict(voice.options.get("dataset", {}))
    return limits if (session.scalar(there) or 0.0) >= COMPARED else {**limits, "compare_speakers": False}
