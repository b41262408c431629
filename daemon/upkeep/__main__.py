"""The program that backs up, restores and checks: `python -m daemon.upkeep VERB REQUEST [--steps FD]`.

REQUEST is the JSON form of a request of proto/myna.proto, or of what `restore` and `repair` take. What happens is told
in steps, one JSON message a line, to the file descriptor FD (1: standard output). mynad has its launcher start it, so
that hashing costs mynad nothing; the command line starts it where no mynad runs.

Exits 0 when it could do what was asked, whatever it found, and 1 when not: the last step says why.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from google.protobuf import json_format

from daemon.database.store import HEAD, opened
from daemon.errors import DiskFull, MynaError
from daemon.processes.lock import Lock
from daemon.settings import Settings, load
from daemon.state import cut_anew
from daemon.upkeep import backup, check, contents, mending, reading, verify, wire, words
from daemon.upkeep.asked import bound, place
from daemon.upkeep.contents import Wanted
from daemon.upkeep.depot import Depot
from daemon.upkeep.known import Known
from daemon.upkeep.quiet import Rate, be_quiet, beside_jobs
from daemon.upkeep.restore import restore
from daemon.upkeep.values import Checked, Finding, Mend, Phase, Progress
from engines.errors import EngineError
from proto import myna_pb2 as pb
from proto.home import home as usual_home

#: Seconds between two steps that tell of progress.
EVERY = 0.2


class Steps:
    """Writes them. A reader who has gone ends the program."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._told = 0.0

    def tell(self, one: Progress | Finding) -> None:
        if isinstance(one, Progress):
            now = time.monotonic()
            if now - self._told < EVERY and one.done < one.total:
                return
            self._told = now
        self.put(wire.step(one))

    def put(self, step: pb.UpkeepStep) -> None:
        self._out.write(json_format.MessageToJson(step, indent=None, preserving_proto_field_name=True) + "\n")
        self._out.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m daemon.upkeep", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("request")
    parser.add_argument("--steps", type=int, default=1, metavar="FD")
    asked = parser.parse_args()
    home = usual_home()
    os.environ["MYNA_HOME"] = str(home)
    with os.fdopen(asked.steps, "w", encoding="utf-8", closefd=False) as out:
        steps = Steps(out)
        try:
            VERBS[asked.verb](home, asked.request, steps)
        except BrokenPipeError:
            return 1
        except MynaError as error:
            return _refused(steps, error.code, error.sentence, error.hint)
        except EngineError as error:  # a full disk
            return _refused(steps, DiskFull.code, str(error), error.hint)
        except OSError as error:
            sentence = f"{error.filename or home} cannot be used: {error.strerror}."
            return _refused(steps, "FAILED_PRECONDITION", sentence, "See whether its disk is there and may be written.")
    return 0


def _refused(steps: Steps, code: str, sentence: str, hint: str) -> int:
    steps.put(pb.UpkeepStep(refused=pb.UpkeepError(code=code, sentence=sentence, hint=hint)))
    return 1


# -------------------------------------------------------------------------------------------------------------- verbs


def _rate(home: Path, settings: Settings, asked: float) -> Rate:
    """What was asked for, in bytes a second; nothing: what the settings say of backups beside a job."""
    return bound(asked) or beside_jobs(home, settings.upkeep_rate * 1e6)


def _backup(home: Path, text: str, steps: Steps) -> None:
    asked = json_format.Parse(text, pb.BackupRequest())
    folder = place(asked.folder)
    backup.check_apart(home, folder)
    with reading.translated(home / reading.NAME):
        reading.check_schema(home / reading.NAME)
    depot = Depot.made(folder)
    wanted = Wanted(asked.bases, asked.exports, asked.secrets)
    settings = _settings(home)
    be_quiet(settings.upkeep_nice)
    with depot.locked():
        taken, found = backup.take(
            home,
            depot,
            wanted,
            myna=_version(),
            settle=settings.settle,
            rate=_rate(home, settings, asked.rate),
            tell=steps.tell,
        )
        steps.put(pb.UpkeepStep(taken=wire.snapshot(taken)))
        steps.tell(Progress(Phase.SWEEPING, 0, 0))
        for id in depot.keep(asked.keep, taken.home) if asked.keep else ():
            steps.put(pb.UpkeepStep(removed=id))
    _end(steps, Checked(taken.files, taken.size, findings=found), words.about(taken))


def _verify(home: Path, text: str, steps: Steps) -> None:
    asked = json_format.Parse(text, pb.BackupFolderRequest())
    depot = Depot.there(place(asked.folder))
    settings = _settings(home)
    be_quiet(settings.upkeep_nice)
    with depot.locked():
        _end(steps, verify.verify(depot, rate=_rate(home, settings, asked.rate), tell=steps.tell))


def _snapshots(_home: Path, text: str, steps: Steps) -> None:
    asked = json_format.Parse(text, pb.BackupFolderRequest())
    for one in Depot.there(place(asked.folder)).listed():
        steps.put(pb.UpkeepStep(taken=wire.snapshot(one)))


def _check(home: Path, text: str, steps: Steps) -> None:
    asked = json_format.Parse(text, pb.CheckRequest())
    settings = _settings(home)
    be_quiet(settings.upkeep_nice)
    rate = _rate(home, settings, asked.rate)
    _end(steps, check.check(home, deep=asked.deep, rate=rate, tell=steps.tell))


def _repair(home: Path, text: str, steps: Steps) -> None:
    """`{"deep": bool, "from": FOLDER}`. No mynad may run."""
    asked: dict[str, Any] = json.loads(text)
    depot = Depot.there(place(asked["from"])) if asked.get("from") else None
    lock = Lock(home)
    try:
        looked = check.check(home, deep=bool(asked.get("deep")), tell=lambda one: _only_progress(steps, one))
        mended = _mended(home, looked.findings, depot)
        for one in mended:
            steps.tell(one)
        _end(steps, Checked(looked.files, looked.size, looked.unknown, mended))
    finally:
        lock.release()


def _restore(_home: Path, text: str, steps: Steps) -> None:
    """`{"folder": FOLDER, "snapshot": ID or "", "home": FOLDER}`."""
    asked: dict[str, Any] = json.loads(text)
    depot, home = Depot.there(place(asked["folder"])), place(asked["home"])
    answer = restore(depot, depot.chosen(asked.get("snapshot", "")), home, steps.tell)
    snapshot = answer.snapshot
    keys = [str(path) for path in contents.without(home)]
    lines = words.after_restore(str(home), snapshot.home, answer.bases, keys, newer=snapshot.schema != HEAD)
    steps.put(pb.UpkeepStep(taken=wire.snapshot(backup.summary(snapshot))))
    _end(steps, Checked(len(snapshot.files) + 1, snapshot.size, findings=answer.damaged), lines)


VERBS: dict[str, Callable[[Path, str, Steps], None]] = {
    "backup": _backup, "verify": _verify, "snapshots": _snapshots, "check": _check, "repair": _repair,
    "restore": _restore,
}  # fmt: skip


# -------------------------------------------------------------------------------------------------------------- parts


def _settings(home: Path) -> Settings:
    """The home's; the defaults where mynad would refuse them, too, and says why."""
    try:
        return load(home)
    except MynaError:
        return Settings()


def _mended(home: Path, found: Iterable[Finding], depot: Depot | None) -> list[Finding]:
    """With what was done about each. A clip that is not in a backup is cut again only where that is certain to give the
    same."""
    found = list(found)
    if not found or any(one.path == reading.NAME for one in found):
        return found
    with reading.reading(home / reading.NAME) as session:
        uuid = Known.of(session).home
        again = cut_anew.certain(session, (one.recording for one in found if one.recording))
    possible = [one if not one.recording or one.recording in again else _not_again(one) for one in found]
    mended = list(mending.mend(home, possible, depot, uuid))
    if recordings := {one.recording for one in mended if one.mended and one.mend is Mend.AGAIN}:
        with opened(home) as store:
            store.write_now(partial(cut_anew.mark, recordings=recordings))
    return mended


def _not_again(one: Finding) -> Finding:
    return Finding(one.kind, one.sort, one.path, one.row, Mend.NOTHING, False, one.sha256)


def _only_progress(steps: Steps, one: Progress | Finding) -> None:
    if isinstance(one, Progress):
        steps.tell(one)


def _end(steps: Steps, looked: Checked, lines: Iterable[str] = ()) -> None:
    mended = sum(one.mended for one in looked.findings)
    summary = pb.UpkeepSummary(
        files=looked.files, read=looked.size, findings=len(looked.findings), mended=mended, unknown=looked.unknown,
        lines=lines, good=mended == len(looked.findings),
    )  # fmt: skip
    steps.put(pb.UpkeepStep(done=summary))


def _version() -> str:
    try:
        return version("myna-voice")
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    raise SystemExit(main())
