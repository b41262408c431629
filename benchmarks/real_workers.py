"""The work of train and evaluate jobs as a worker does it (`daemon/kinds/*/worker.py`), in this process and without a
daemon: what it reports is kept here."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from benchmarks import synthesisers
from daemon.kinds.evaluate import worker as evaluating
from daemon.kinds.train import worker as training
from daemon.kinds.train.selection import folder as selected
from engines.glow.recipe.corpus import SAMPLE_RATE, Speaker
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

VOICE, ENGINE, LANGUAGE = "planted", "glow", "en"
#: Where the best by loss is kept when another checkpoint was chosen by speaking: the version's number and this.
BY_LOSS = 1_000


class Loose:
    """A job's `Channel` with nobody at the other end."""

    def __init__(self, home: Path) -> None:
        self.home, self.job, self.attempt = home, 1, 1
        self.deaths: Mapping[bytes, int] = {}
        self.committed: list[wire.Report] = []

    def progress(self, done: float, total: float, unit: str, sentence: str = "", eta_seconds: float = 0.0) -> None: ...

    def log(self, level: str, text: str) -> None: ...

    def points(self, run: int, points: list[tuple[str, int, float]]) -> None: ...

    def report(self, report: wire.Report) -> None: ...

    def lasting(self) -> None: ...

    def commit(self, report: wire.Report) -> None:
        self.committed.append(report)

    def check(self) -> None: ...

    def pending(self) -> str:
        return ""

    def wait_resumed(self) -> str:
        return "resume"


@dataclass(frozen=True)
class Made:
    """What came of a training."""

    version: int  #: its number
    spoke: bool  #: whether checkpoints spoke
    step: int  #: whose weights the version has; 0: no version came of it
    best_step: int  #: the best by held-out loss
    seconds: float  #: of training


@dataclass(frozen=True)
class Judgement:
    """An evaluation's report, as far as benchmarks ask."""

    outcome: str
    findings: Sequence[Mapping[str, Any]]
    sentences: Sequence[str]
    score: float | None
    seconds: float  #: spoken
    rounds: int
    summaries: Mapping[str, Mapping[str, Any]]  #: of candidate, parent and recordings, on the held-out lines


@dataclass
class Workshop:
    """One voice in a home: its held-out lines and the versions that were made of it."""

    home: Path
    held_out: Sequence[wire.ClipRef]
    reference: Sequence[wire.ClipRef]  #: recordings that the base starts from
    made: dict[int, Made] = field(default_factory=dict)

    def version(self, number: int) -> Path:
        """Folder of a version."""
        return self.home / "voices" / VOICE / str(number)

    def train(
        self,
        number: int,
        clips: Sequence[wire.ClipRef],
        settings: Mapping[str, Any],
        parent: int = 0,
        channel: Loose | None = None,
    ) -> Made:
        """Train a version as a train job does; `channel`: who hears how it goes. Raises EngineError when the training
        fails."""
        plan = wire.TrainPlan(
            voice=VOICE,
            engine=ENGINE,
            language=LANGUAGE,
            run=number,
            run_dir=str(self.home / "runs" / str(number)),
            parent_dir=str(self.version(parent)) if parent else "",
            out_dir=str(self.version(number)),
            clips=clips,
            held_out=self.held_out,
            settings_json=json.dumps(settings),
            first=not parent,
            version=number,
            run_uuid=f"run-{number}",
            home_uuid="a home",
        )
        channel = channel or _KeepsBest(self.home, plan, self.version(BY_LOSS + number))
        training.run(plan, channel)
        done = channel.committed[-1].trained
        rest = json.loads(done.result_json)
        step = rest["kept_step"] if done.outcome == pb.VERSION_MADE else 0
        self.made[number] = Made(number, bool(rest.get("selection")), step, done.best_step, done.seconds)
        return self.made[number]

    def copy(self, number: int, of: int) -> None:
        """Make a version that is another one's exact copy."""
        shutil.copytree(self.version(of), self.version(number))

    def judge(
        self,
        candidate: int,
        against: int,
        held_out: Sequence[wire.ClipRef] = (),
        rule: Mapping[str, Any] | None = None,
    ) -> Judgement:
        """Score a version against another one, or the base (0), as an evaluate job does, by a voice's `rule`."""
        plan = wire.EvaluatePlan(
            voice=VOICE,
            engine=ENGINE,
            language=LANGUAGE,
            version=candidate,
            version_dir=str(self.version(candidate)),
            against=against,
            against_dir=str(self.version(against)) if against else "",
            held_out=held_out or self.held_out,
            reference=self.reference,
            samples_dir=str(self.home / "samples" / VOICE),
            first=not against,
            rule_json=json.dumps(rule or {}),
        )
        channel = Loose(self.home)
        evaluating.run(plan, channel)
        told = json.loads(channel.committed[-1].evaluated.report_json)
        verdict, cost = told["verdict"], told["cost"]
        return Judgement(
            verdict["outcome"],
            told["findings"],
            verdict["reasons"],
            verdict["score"],
            cost["seconds_spoken"],
            cost["rounds"],
            told["summaries"],
        )


class _KeepsBest(Loose):
    """Keeps the best by loss, where speaking chose another one, before the worker forgets it."""

    def __init__(self, home: Path, plan: wire.TrainPlan, kept: Path) -> None:
        super().__init__(home)
        self._plan, self._kept = plan, kept

    def commit(self, report: wire.Report) -> None:
        super().commit(report)
        best = selected(self._plan, report.trained.best_step)
        if best.is_dir() and json.loads(report.trained.result_json)["kept_step"] != report.trained.best_step:
            shutil.copytree(best, self._kept)


def clip(path: Path, text: str, seconds: float) -> wire.ClipRef:
    """A recording as jobs are told of it."""
    name = hashlib.sha256(path.read_bytes()).hexdigest()
    return wire.ClipRef(sha256=name, path=str(path), text=text, language=LANGUAGE, seconds=seconds, is_new=True)


def recorded(home: Path, speaker: Speaker, count: int) -> list[wire.ClipRef]:
    """So many recordings by a speaker, in `home/recordings`, always the same."""
    (home / "recordings").mkdir()
    found = []
    for number, text in enumerate(synthesisers.texts(crc32(speaker.name.encode()), count)):
        path = home / "recordings" / f"{number}.flac"
        sound = synthesisers.said(speaker, text)
        synthesisers.write(path, sound)
        found.append(clip(path, text, len(sound) / SAMPLE_RATE))
    return found


def known(clips: Sequence[wire.ClipRef], old: int) -> list[wire.ClipRef]:
    """The clips as a training is told of them; the first `old` were trained on before."""
    found = []
    for number, one in enumerate(clips):
        copy = wire.ClipRef()
        copy.CopyFrom(one)
        copy.is_new = number >= old
        found.append(copy)
    return found
