"""Bringing an engine's base, a recogniser or what takes music out here, the daemon's side: whose licence was accepted,
where it goes, and room for it.

There are no rows: an engine is ready when its files are there and its licence was accepted (`daemon.state.engines`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.errors import BadRequest, NotNow
from daemon.kinds.kind import FollowUp, Kind
from daemon.state import engines, followed, heard_language
from engines import recognisers, separators, weights
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire

#: Bytes that a path may have (PATH_MAX of Linux).
LONGEST_PATH = 4096


class Fetch(Kind):
    """See `daemon.kinds.kind.Kind`. Such a job belongs to no voice."""

    name = "fetch"
    wire = pb.FETCH
    priority = 200

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.fetch
        if asked.folder and not Path(asked.folder).is_absolute():
            raise BadRequest(
                f"{asked.folder} is no absolute path.", "Name the whole path of the folder on the daemon's machine."
            )
        if "\0" in asked.folder or len(asked.folder.encode()) >= LONGEST_PATH:
            raise BadRequest(
                "This cannot be the path of a folder.", "Name the whole path of the folder on the daemon's machine."
            )
        if asked.engine in recognisers.PUBLISHED:
            self._check_recogniser(session, asked.engine)
            what = asked.engine
        elif asked.engine in separators.PUBLISHED:
            self._check_separator(session, asked.engine)
            what = f"{asked.engine} ({separators.PUBLISHED[asked.engine].terms})"
        else:
            what = self._check_base(session, asked)
        return "", f"take {what} from {asked.folder}" if asked.folder else f"fetch {what}"

    def _check_recogniser(self, session: Session, name: str) -> None:
        if (there := recognisers.whisper_folder(self.home / "weights")) is not None:
            hint = (
                "Move it away first to have another one."
                if not os.environ.get(recognisers.ENVIRONMENT)
                else (f"Unset {recognisers.ENVIRONMENT} in mynad's environment to keep one in Myna's home.")
            )
            raise NotNow(f"Recordings are heard by the Whisper model in {there} already.", hint)
        if (live := engines.fetching(session, name)) is not None:
            raise NotNow(f"{name} is on its way already (fetch #{live.id}).", f"`myna logs {live.id} -f` follows it.")

    def _check_separator(self, session: Session, name: str) -> None:
        there = separators.folder(name, self.home / "weights")
        if separators.is_model(name, there):
            raise NotNow(f"{name} is here already, in {there}.", "Move it away first to have another one.")
        if (live := engines.fetching(session, name)) is not None:
            raise NotNow(f"{name} is on its way already (fetch #{live.id}).", f"`myna logs {live.id} -f` follows it.")

    def _check_base(self, session: Session, asked: pb.FetchSpec) -> str:
        """Returns what is asked for in words."""
        info = engines.info(asked.engine)
        if not info.weights:
            raise BadRequest(f"The base of {info.name} comes with Myna: there is nothing to fetch.", "")
        engines.consent(session, info)
        if given := engines.given_base(info):
            sentence = (
                f"{given} says that the base of {info.name} is {engines.base(info, self.home)}, "
                f"where Myna does not write."
            )
            raise NotNow(sentence, f"Unset {given} in mynad's environment to keep a base in Myna's home.")
        if not engines.lacking(info, self.home):
            hint = f"To have another one, move {engines.base(info, self.home)} away first: versions may rest on it."
            raise NotNow(f"The base of {info.name} is here already.", hint)
        if (live := engines.fetching(session, info.name)) is not None:
            raise NotNow(
                f"The base of {info.name} is on its way already (fetch #{live.id}).",
                f"`myna logs {live.id} -f` follows it.",
            )
        if info.sign_in and not asked.folder:
            sentence = f"The publisher of {info.name} gives its files only to people who signed in at {info.sign_in}."
            raise BadRequest(sentence, f"Download them there, then `myna engines add {info.name} FOLDER`.")
        return f"the base of {info.name}"

    def why_not(self, session: Session, job: Job) -> str:
        asked = pb.JobSpec.FromString(job.spec).fetch
        if asked.folder:
            return self.disk.why_not()  # how big its files are is seen when it runs
        if asked.engine in recognisers.PUBLISHED:
            return self.disk.why_not()  # likewise: the hub tells it
        if asked.engine in separators.PUBLISHED:
            return self.disk.why_not(separators.PUBLISHED[asked.engine].file.size)
        info = engines.info(asked.engine)
        return self.disk.why_not(
            max(0, sum(file.size for file in info.weights) - weights.present(info, engines.base(info, self.home)))
        )

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).fetch
        if asked.engine in recognisers.PUBLISHED:
            folder = recognisers.fetched_folder(asked.engine, self.home / "weights")
        elif asked.engine in separators.PUBLISHED:
            folder = separators.folder(asked.engine, self.home / "weights")
        else:
            folder = engines.base(engines.info(asked.engine), self.home)
        mirror = self.settings.weights_url
        return Start(
            fetch=wire.FetchPlan(
                engine=asked.engine,
                folder=str(folder),
                source=asked.folder,
                mirror=f"{mirror.rstrip('/')}/{asked.engine}" if mirror else "",
            )
        )

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """What waited to be heard is heard, and voices' languages are told."""
        if pb.JobSpec.FromString(job.spec).fetch.engine not in recognisers.PUBLISHED:
            return ()
        due = []
        waiting = {voice.name: voice for voice in (*followed.waiting(session), *heard_language.waiting(session))}
        for _, voice in sorted(waiting.items()):
            followed.hear_again(session, voice.name)
            by_itself = self.settings.auto_train and bool(voice.options.get("auto_train", True))
            spec = pb.JobSpec(dataset=pb.DatasetSpec(voice=voice.name, train_after=by_itself))
            due.append(FollowUp(spec, f"heard-after-fetch-{job.id}-{voice.name}", lambda _: None))
        return due
