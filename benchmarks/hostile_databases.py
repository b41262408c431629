"""Twelve damages of the database: mynad says one sentence and leaves the file as it is, or works with all there was;
never a traceback.

After each, a copy of the undamaged database is put in its place, and everything must be there again.

    python -m benchmarks.hostile_databases [--only NAME]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.made import hostile_audio
from benchmarks.made.siege import Finding, Outcome, Watch, joined, note, tracebacks
from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tests.e2e.workshop import Workshop, job_is, until

SETTINGS = "settle = 0.2\nauto_train = false\nauto_train_quiet = 86000.0\nmin_free_disk = 0\nthreads = 1\n"
VOICE, RECORDINGS = "anna", 20
#: seconds mynad gets to come up or to say why not
PATIENCE = 30.0


@dataclass(frozen=True)
class Contents:
    """What a person would miss."""

    recordings: int = 0
    jobs: int = 0
    voices: int = 0

    def has(self, other: Contents) -> bool:
        """Nothing is missing: a start may have submitted another job."""
        return self.recordings == other.recordings and self.jobs >= other.jobs and self.voices == other.voices


# ---------------------------------------------------------------------------------------------------------- the damages


def zero_bytes(db: Path) -> None:
    db.write_bytes(b"")


def truncated(db: Path) -> None:
    os.truncate(db, db.stat().st_size // 2)


def random_page(db: Path) -> None:
    with db.open("r+b") as file:
        file.seek(4096 * (db.stat().st_size // 4096 // 2))
        file.write(random.Random(4).randbytes(4096))


def header(db: Path) -> None:
    with db.open("r+b") as file:
        file.write(random.Random(5).randbytes(100))


def foreign_wal(db: Path) -> None:
    """The log of another database, as somebody leaves it who copies files one by one."""
    other = db.with_name("other.db")
    with closing_db(other) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE letters (text)")
        connection.execute("INSERT INTO letters VALUES ('dear')")
        connection.commit()
        shutil.copy(f"{other}-wal", f"{db}-wal")
    for path in db.parent.glob("other.db*"):
        path.unlink()


def dropped_table(db: Path) -> None:
    with closing_db(db) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DROP TABLE recordings")


def dropped_column(db: Path) -> None:
    with closing_db(db) as connection:
        connection.execute("ALTER TABLE recordings DROP COLUMN note")


def newer_revision(db: Path) -> None:
    with closing_db(db) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def folder(db: Path) -> None:
    db.unlink()
    db.mkdir()


def dangling_link(db: Path) -> None:
    db.unlink()
    db.symlink_to("elsewhere.db")


def permissions(db: Path) -> None:
    db.chmod(0)


def foreign_application(db: Path) -> None:
    """Another program's database, with tables of its own."""
    db.unlink()
    with closing_db(db) as connection:
        connection.execute("PRAGMA application_id = 252006673")
        connection.execute("CREATE TABLE voices (id INTEGER PRIMARY KEY, singer TEXT)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")


DAMAGES: tuple[Callable[[Path], None], ...] = (
    zero_bytes, truncated, random_page, header, foreign_wal, dropped_table, dropped_column, newer_revision, folder,
    dangling_link, permissions, foreign_application,
)  # fmt: skip


@contextmanager
def closing_db(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


# ------------------------------------------------------------------------------------------------------------- the line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="one damage, by the name of its function")
    only = parser.parse_args().only
    chosen = [damage for damage in DAMAGES if only in ("", damage.__name__)]
    with tempfile.TemporaryDirectory(prefix="myna-") as scratch:
        workshop = held(Workshop(Path(scratch) / "home", Path("unused"), SETTINGS))
        before = fill(workshop)
        note(f"{before.recordings} recordings, {before.jobs} jobs")
        lost, crashed, traces, findings = 0, 0, 0, [Finding()]
        for damage in chosen:
            try:
                finding = suffered(workshop, damage, before)
            except Lost as error:
                note(f"lost: {damage.__name__}: {error}")
                lost += 1
            except Fell as error:
                note(f"fell: {damage.__name__}: {error}")
                crashed += 1
            else:
                findings.append(finding)
            traces += forget_logs(workshop.home, damage.__name__)
        found, beside = joined(findings), f"{traces} tracebacks"
        Outcome(
            "damages of the database", len(chosen), len(DAMAGES), lost, crashed, found, beside, faults=traces
        ).tell()
    return 0


class Lost(Exception):
    """Something is not there any more, or a damaged file was changed."""


class Fell(Exception):
    """mynad neither worked nor said why not."""


def fill(workshop: Workshop) -> Contents:
    """A home with something to lose; a copy of its database lies beside it."""
    inbox = workshop.home / "inbox" / VOICE
    inbox.mkdir(parents=True)
    client = workshop.up()
    for number in range(RECORDINGS):
        hostile_audio.write(os.fsencode(inbox / f"{number}.wav"), hostile_audio.whole(random.Random(number), 0)[0])
    until(client, job_is(pb.INGEST, "succeeded"))
    until_taken(client)
    found = contents(client)
    client.close()
    assert workshop.down() == 0, workshop.log_text()
    shutil.copy2(workshop.home / "myna.db", workshop.home.parent / "copy.db")
    forget_logs(workshop.home, "")
    return found


def until_taken(client: Client) -> None:
    until(client, lambda event: len(list(client.recordings(VOICE))) == RECORDINGS)


def suffered(workshop: Workshop, damage: Callable[[Path], None], before: Contents) -> Finding:
    """Damage, start, put right, start. Raises Lost or Fell."""
    damage(workshop.home / "myna.db")
    try:
        endured(workshop, damage.__name__, before)
    finally:
        workshop.kill()
        finding = put_back(workshop, before)
    return finding


def endured(workshop: Workshop, name: str, before: Contents) -> None:
    """A start with the damaged database. Raises Lost or Fell."""
    was = look(workshop.home / "myna.db")
    said = start(workshop)
    if said is None:
        with workshop.client() as client:
            there, complaint = asked(client)
        note(f"{name}: works, with {there.recordings} recordings{f', and says: {complaint}' if complaint else ''}")
        if not complaint and not there.has(before):
            raise Lost(f"it works with {there}, as if nothing had been there")
        return
    sentences = [line for line in said.splitlines() if line.startswith("mynad: ")]
    note(f"{name}: {' '.join(sentences) or said[-300:]}")
    if len(sentences) != 1 or "Traceback" in said:
        raise Fell(f"it did not say one sentence: {said[-600:]}")
    if look(workshop.home / "myna.db") != was:
        raise Lost("the damaged file was changed")


def put_back(workshop: Workshop, before: Contents) -> Finding:
    """The copy in its place: everything must be there. Raises Lost."""
    db = workshop.home / "myna.db"
    for path in workshop.home.glob("myna.db*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copy2(workshop.home.parent / "copy.db", db)
    with Watch(workshop.home) as watch:
        said = start(workshop)
        if said is not None:
            raise Lost(f"with the copy in its place it does not start: {said[-600:]}")
        try:
            with workshop.client() as client:
                found = contents(client)
        finally:
            workshop.kill()
    if not found.has(before):
        raise Lost(f"with the copy in its place there are {found}, and were {before}")
    return watch.finding


def start(workshop: Workshop) -> str | None:
    """None: it serves; else what it said before it ended. Raises Fell."""
    workshop.log.write_text("")
    daemon = workshop.daemon = workshop.start()
    end = time.monotonic() + PATIENCE
    with workshop.client() as client:
        while daemon.poll() is None:
            if client.ready():
                return None
            if time.monotonic() > end:
                workshop.kill()
                raise Fell("it neither serves nor ends")
            time.sleep(0.05)
    status, workshop.daemon = daemon.returncode, None
    if status != 2:
        raise Fell(f"it ended with {status}: {workshop.log_text()[-600:]}")
    return workshop.log_text()


def contents(client: Client) -> Contents:
    """Raises ClientError."""
    return Contents(len(list(client.recordings(VOICE))), len(list(client.jobs())), len(list(client.voices())))


def asked(client: Client) -> tuple[Contents, str]:
    """What is there, and what a client is told if it cannot be read. Raises Fell if that is no sentence."""
    try:
        return contents(client), ""
    except ClientError as error:
        if error.code in ("INTERNAL", "UNKNOWN") or "Traceback" in str(error) or "sqlalche" in str(error):
            raise Fell(f"a client was told {error.code}: {error}") from None
        return Contents(), str(error)


def look(path: Path) -> str:
    """Digest of what lies there, of whatever type."""
    if path.is_symlink():
        return f"link to {path.readlink()}, {path.exists()}"
    if path.is_dir():
        return f"folder of {sorted(found.name for found in path.iterdir())}"
    return hashlib.sha256(path.read_bytes()).hexdigest()  # root reads it whatever its permissions


def forget_logs(home: Path, name: str) -> int:
    """Tracebacks in mynad's log, which is emptied."""
    count = tracebacks(home)
    if count:
        note(f"{name}: {count} tracebacks in mynad.log")
    for path in (home / "log").glob("mynad.log*"):
        os.truncate(path, 0)
    return count


# -------------------------------------------------------------------------------------------------------- for root only


def held(workshop: Workshop) -> Workshop:
    """Permissions mean nothing to root: root has mynad run without the capabilities that make it so."""
    if os.getuid() == 0:
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if shutil.which("setpriv") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            workshop.prefix = prefix
        else:
            note("mynad runs as root, to whom permissions mean nothing")
    return workshop


if __name__ == "__main__":
    raise SystemExit(main())
