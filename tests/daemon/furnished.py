"""A home with a voice that has recordings, clips and a dataset, all of them real files; and jobs done in this
process."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import lives
import numpy as np
from inbox_workshop import InProcessChannel
from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import Clip, Dataset, DatasetClip, Holdout, Job, Recording
from daemon.database.store import Store
from daemon.home import imports
from daemon.state import datasets, jobs, recordings
from daemon.state.status import Error
from daemon.worker.__main__ import load_job
from engines import registry
from engines.audio import clip as sounds
from engines.audio.flac import save_clip
from engines.errors import EngineError
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.messages import spec_of

DEMO = Path(__file__).parents[2] / "demo" / "recordings"


def give(store: Store, voice: str, numbers: range, *, held: int = 0, engine: str = "glow") -> Dataset:
    """Give a voice the demo's recordings of these numbers, each one clip, and make its next dataset. `held`: the number
    of one that is held out."""
    home = store.path.parent

    def act(session: Session) -> Dataset:
        recordings.ensure_voice(session, voice, "en", engine)
        for number in numbers:
            _give(session, home, voice, number, registry.info(engine).sample_rate, held=number == held)
        made = datasets.build(session, voice)
        assert made is not None
        return made

    return store.write_now(act)


def _give(session: Session, home: Path, voice: str, number: int, rate: int, *, held: bool) -> None:
    source = DEMO / f"d{number:02}.flac"
    sha256, text = hashlib.sha256(source.read_bytes()).hexdigest(), source.with_suffix(".txt").read_text().strip()
    place = home / "recordings" / sha256[:2] / f"{sha256}.flac"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    samples = sounds.read(source, rate) * np.float32(0.5)  # other bytes than the recording's
    seconds = len(samples) / rate
    taken = wire.RecordingTaken(
        file=source.name.encode(), sha256=sha256, path=str(place.relative_to(home)), seconds=seconds,
        sample_rate=22_050, channels=1, codec="flac", has_text=True, text=text, text_from=f"d{number:02}.txt",
        size=source.stat().st_size,
    )  # fmt: skip
    recordings.take(session, voice, taken)
    session.flush()
    digest, path = save_clip(home / "clips", samples, rate)
    clip = wire.CutClip(
        start=0.0, end=seconds, text=text, text_source="given", trust="given", kept=True, sha256=digest,
        path=str(path.relative_to(home)), quality={"snr_db": 40.5},
    )  # fmt: skip
    recordings.store_cut(session, voice, wire.RecordingCut(recording=sha256, clips=[clip]))
    span = {"start": 0.0, "end": seconds} if held else {}
    before = select(Holdout).where(Holdout.voice == voice, Holdout.sha256 == sha256)
    if session.scalars(before).first() is None:
        session.add(Holdout(voice=voice, sha256=sha256, block=0, held=held, decided=recordings.now(), **span))


def done(store: Store, spec: pb.JobSpec) -> Job:
    """Submit a job and do it, as a worker does. Returns it when it has ended, however it did."""
    home = store.path.parent
    id = store.write_now(lambda session: lives.submit(session, spec).id)
    attempt(store, home, id)
    return store.read_now(lambda session: jobs.get(session, id))


def attempt(store: Store, home: Path, id: int, channel: InProcessChannel | None = None) -> None:
    """One attempt at a job, to its end. What kills the worker comes out of it."""

    def begin(session: Session) -> wire.Start:
        job = jobs.get(session, id)
        jobs.start_attempt(session, job)
        return lives.kind(session, job.kind).plan(session, job)

    start = store.write_now(begin)
    what = start.WhichOneof("plan") or ""
    try:
        sentence = load_job(what)(getattr(start, what), channel or InProcessChannel(store, home, id))
    except EngineError as error:
        told = Error(error.kind, str(error), error.hint, "")
        store.write_now(lambda session: lives.fail(session, jobs.get(session, id), told))
    else:
        store.write_now(lambda session: lives.succeed(session, jobs.get(session, id), sentence))


def exported(store: Store, voice: str, format: str = "myna", **asked: int) -> Path:
    """A dataset of the voice as a file in that format."""
    spec = pb.ExportSpec(voice=voice, format=format, dataset=pb.DatasetExport(**asked))
    job = done(store, spec_of(spec))
    assert job.state == "succeeded", job.why
    return Path(job.why.rpartition(" in ")[2].removesuffix("."))


def imported(store: Store, package: Path, voice: str) -> Job:
    """The job that took a package in, or refused it."""
    return done(store, spec_of(sent(store, package, voice)))


def sent(store: Store, package: Path, voice: str) -> pb.ImportSpec:
    """A package that lies where `Datasets.Import` puts it."""
    incoming = imports.Incoming(store.path.parent, 0)
    incoming.add(package.read_bytes())
    incoming.end()
    return pb.ImportSpec(path=incoming.name, voice=voice)


def contents(store: Store, voice: str) -> dict[str, tuple[str, bool]]:
    """(text, held out) of the clips of the voice's newest dataset, by their SHA-256."""

    def read(session: Session) -> dict[str, tuple[str, bool]]:
        newest = datasets.last(session, voice)
        query = select(Clip.sha256, DatasetClip.text, DatasetClip.held_out).join(Clip, Clip.id == DatasetClip.clip)
        rows = session.execute(query.where(DatasetClip.dataset == newest.id)) if newest else ()
        return {sha256: (text, held) for sha256, text, held in rows}

    return store.read_now(read)


def everything(store: Store) -> str:
    """All that a person can see of voices, for comparing before and after; times aside."""

    def read(session: Session) -> str:
        rows = []
        for table in (Recording, Clip, Holdout, Dataset):
            for row in session.scalars(select(table)):
                rows.append({key: str(value) for key, value in vars(row).items() if not key.startswith("_")})
        return json.dumps(rows, indent=1, sort_keys=True)

    return store.read_now(read)


def files(home: Path) -> set[str]:
    """The files of a home that hold what people gave it."""
    places = ("recordings", "clips", "features", "imports", "exports")
    return {str(path.relative_to(home)) for place in places for path in (home / place).rglob("*") if path.is_file()}
