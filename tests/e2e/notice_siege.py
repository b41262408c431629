"""kill -9 of mynad, at random moments, while it tells a service of one thing after another: does each notice arrive
once and in order?

A version of a voice is promoted again and again, as fast as mynad answers; every promotion is a notice. The service
takes a while to answer, so that kills fall into the middle of a message too. What happened is read from the database's
events, what arrived from the service.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy.orm import Session

from daemon.database.models import EventRow, Version, Voice, now
from daemon.database.notice_rows import NoticeRow
from daemon.database.store import Store
from daemon.state.values import VersionKind, VersionState
from proto import myna_pb2 as pb
from proto.client import ClientError, connect
from tests.daemon.receivers import Receiver

ROOT = Path(__file__).resolve().parents[2]
VOICE = "anna"
#: seconds that the service thinks before it answers, at most; that mynad lives before it is killed, at most
THINKS, LIVES = 0.2, 1.5
#: seconds in which everything has arrived in the end
PATIENCE = 120.0


@dataclass(frozen=True)
class Tally:
    """What came of it."""

    kills: int
    happened: int  #: notices there should be
    lost: int
    doubled: int  #: notices that came more than once with the same key: a receiver can tell
    unmarked: int  #: … and with another one: it cannot
    in_order: bool  #: leaving out what came again

    @property
    def holds(self) -> bool:
        """Each exactly once, in order."""
        return self.in_order and not (self.lost or self.doubled or self.unmarked)


class Siege:
    """A mynad in a home of its own, and the service that it tells. `senders`: the program that sends is killed with
    mynad, in the middle of its message."""

    def __init__(self, home: Path, there: Receiver, chance: random.Random, *, senders: bool = False) -> None:
        self.home, self.there, self.chance, self.senders = home, there, chance, senders
        self._promoting = threading.Event()
        self._over = threading.Event()
        self._log = home / "mynad.out"
        home.mkdir(parents=True)
        notify = home / "myna.toml"
        notify.write_text(
            f'speech_ready = false\nmin_free_disk = 0\n[[notify]]\nname = "box"\nurl = "{there.url()}"\n'
            'events = ["promoted"]\n'
        )
        notify.chmod(0o600)
        two_versions(home)
        there.answer = self._think

    def _think(self) -> int:
        time.sleep(self.chance.uniform(0.0, THINKS))  # no test: a service that takes its time
        return 200

    def run(self, kills: int) -> Tally:
        """Kill it so often, then let it tell what is left."""
        feeder = threading.Thread(target=self._promote, daemon=True)
        feeder.start()
        try:
            for _ in range(kills):
                mynad = self._up()
                self._promoting.set()
                self._over.wait(self.chance.uniform(0.0, LIVES))
                self._promoting.clear()
                self._kill(mynad)
            mynad = self._up()
            self._over.set()
            feeder.join(PATIENCE)
            self._until_told(mynad)
        finally:
            self._over.set()
            self._promoting.set()
            for process in psutil.Process().children(recursive=True):
                if str(self.home) in _home_of(process):
                    process.kill()
        return self._tally(kills)

    def _up(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "MYNA_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        with self._log.open("ab") as out:
            mynad = subprocess.Popen(
                [sys.executable, "-m", "daemon.main"], cwd=ROOT, env=environment, stdout=out, stderr=out
            )
        with connect(home=self.home) as client:
            try:
                client.wait_ready(PATIENCE)
            except ClientError as error:
                raise AssertionError(f"mynad did not come up: {error}\n{self._log.read_text()[-4000:]}") from None
        return mynad

    def _kill(self, mynad: subprocess.Popen[bytes]) -> None:
        senders = [one for one in psutil.Process(mynad.pid).children(recursive=True) if _sends(one)]
        mynad.send_signal(signal.SIGKILL)
        for sender in senders if self.senders else ():
            sender.kill()
        mynad.wait()

    def _promote(self) -> None:
        """The two versions in turn, as long as there is a mynad that answers."""
        number = 0
        while not self._over.is_set():
            self._promoting.wait()
            try:
                with connect(home=self.home) as client:
                    while self._promoting.is_set() and not self._over.is_set():
                        client.promote(VOICE, number % 2 + 1)
                        number += 1
                        self._over.wait(0.02)
            except ClientError:
                continue

    def _until_told(self, mynad: subprocess.Popen[bytes]) -> None:
        """All that happened was taken; mynad ends in order."""
        with connect(home=self.home) as client:
            deadline = time.monotonic() + PATIENCE
            while any(one.waiting for one in client.notifiers()):
                assert time.monotonic() < deadline, "not everything was told"
                self.there.next(PATIENCE)
        mynad.send_signal(signal.SIGTERM)
        mynad.wait(PATIENCE)

    def _tally(self, kills: int) -> Tally:
        store = Store(self.home)
        try:
            rows = store.read_now(lambda session: session.query(EventRow).order_by(EventRow.cursor).all())
            waiting = store.read_now(lambda session: session.query(NoticeRow).count())
        finally:
            store.close()
        events = [pb.Event.FromString(row.payload) for row in rows]
        kind = pb.OCCASION_PROMOTED
        happened = [event.occasion.version for event in events if event.occasion.kind == kind]
        came: dict[int, int] = {}  #: number of the notice → version, as they came first
        keys: dict[int, set[str]] = {}
        times = 0
        for got in list(self.there.all):
            for one in got.body["notices"]:
                times += 1
                came.setdefault(one["id"], one["version"])
                keys.setdefault(one["id"], set()).add(got.key)
        unmarked = sum(len(one) - 1 for one in keys.values())
        return Tally(
            kills=kills,
            happened=len(happened),
            lost=len(happened) - len(came) + waiting,
            doubled=times - len(came) - unmarked,
            unmarked=unmarked,
            in_order=list(came.values()) == happened and list(came) == sorted(came),
        )


def two_versions(home: Path) -> None:
    """Rows of a voice and of two versions, which nobody speaks with."""
    store = Store(home)

    def act(session: Session) -> None:
        session.add(Voice(name=VOICE, language="en", engine="glow", options={}, created=now()))
        session.flush()
        for number in (1, 2):
            path = f"voices/{VOICE}/{number}"
            (home / path).mkdir(parents=True)
            row = Version(
                voice=VOICE, number=number, parent=0, dataset=0, run=0, engine="glow", kind=VersionKind.FULL,
                state=VersionState.CANDIDATE, path=path, size=1, created=now(),
            )  # fmt: skip
            session.add(row)

    store.write_now(act)
    store.close()


def _sends(process: psutil.Process) -> bool:
    try:
        return "daemon.notice_sender" in process.cmdline()
    except psutil.Error:
        return False


def _home_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("MYNA_HOME", "")
    except psutil.Error:
        return ""
