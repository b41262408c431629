"""One attempt's folder in the shared store, and the fence that all attempts at a job have in common.

homes/<home>/<job>/fence.json                the greatest attempt that was begun: an older one's result is refused
homes/<home>/<job>/<attempt>/submission.json what is to be done; there before anybody is asked to do it
                             claim.json      which agent does it: the first
                             agent.json      a count that goes up while the agent lives: its lease
                             relay.json      likewise, of who waits for it here
                             events/00000001 reports, as frames; the next number when there are more
                             commands/00000001
                             kept.json       what it got done so far
                             result.json     what came of it: the manifest, written last
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TypeVar

from google.protobuf.message import Message

from daemon.far.shared_store import SharedStore
from daemon.far.values import BadFile, Kept, Result, Submission
from proto import frames

M = TypeVar("M", bound=Message)


class Who(StrEnum):
    """A side, as its file is called that shows that it lives."""

    AGENT = "agent"
    RELAY = "relay"


class Fenced(Exception):
    """A later attempt has the job: what this one has to say is no longer wanted."""

    def __init__(self, attempt: int) -> None:
        super().__init__(f"attempt {attempt} has the job")
        self.attempt = attempt


class AttemptFolder:
    """What both sides read and write of one attempt."""

    def __init__(self, store: SharedStore, home: str, job: str, attempt: int) -> None:
        self.store = store
        self.home, self.job, self.attempt = home, job, attempt
        self._counts = dict.fromkeys(Who, 0)

    @property
    def id(self) -> str:
        """The submission's, the same for whoever is asked to start it."""
        return f"myna-{self.home[:8]}-{self.job}-{self.attempt}"

    def other(self, attempt: int) -> AttemptFolder:
        """That of another attempt at the same job."""
        return AttemptFolder(self.store, self.home, self.job, attempt)

    # -------------------------------------------------------------------------------------------------- the fence

    def fence(self) -> int:
        """The greatest attempt that was begun; 0: none."""
        content = self.store.read(f"homes/{self.home}/{self.job}/fence.json")
        return int(json.loads(content)["attempt"]) if content else 0

    def raise_fence(self) -> None:
        """From now on this is the attempt whose result counts. Raises Fenced when a later one was begun. Only who
        has the job's row does this, one after the other."""
        if (fence := self.fence()) > self.attempt:
            raise Fenced(fence)
        self.store.write(f"homes/{self.home}/{self.job}/fence.json", json.dumps({"attempt": self.attempt}).encode())

    def check_fence(self) -> None:
        """Raises Fenced."""
        if (fence := self.fence()) != self.attempt:
            raise Fenced(fence)

    # -------------------------------------------------------------------------------------------------- whole files

    def submit(self, submission: Submission) -> bool:
        """Write down what is to be done. False: that was written before."""
        return self.store.create(self._at("submission.json"), submission.to_json())

    def submission(self) -> Submission:
        """Raises BadFile."""
        content = self.store.read(self._at("submission.json"))
        if content is None:
            raise BadFile("there is no submission")
        return Submission.from_json(content)

    def claim(self, agent: str) -> bool:
        """The first agent that claims the attempt has it. False: another one has."""
        return self.store.create(self._at("claim.json"), json.dumps({"agent": agent}).encode())

    def claimed(self) -> str:
        """By which agent; empty: by none."""
        content = self.store.read(self._at("claim.json"))
        return str(json.loads(content)["agent"]) if content else ""

    def keep(self, kept: Kept) -> None:
        """Raises Fenced."""
        self.check_fence()
        self.store.write(self._at("kept.json"), kept.to_json())

    def kept(self) -> Kept | None:
        """Raises BadFile."""
        content = self.store.read(self._at("kept.json"))
        return Kept.from_json(content) if content else None

    def finish(self, result: Result) -> None:
        """Write the manifest, once. Raises Fenced; and BadFile when it was written before."""
        self.check_fence()
        if not self.store.create(self._at("result.json"), result.to_json()):
            raise BadFile("a result was written already")

    def result(self) -> Result | None:
        """None: there is none yet. Raises BadFile."""
        content = self.store.read(self._at("result.json"))
        return Result.from_json(content) if content else None

    def has_result(self) -> bool:
        return self.store.read(self._at("result.json")) is not None

    def tidy(self) -> None:
        """Remove what nobody reads once the result was taken."""
        for name in ("events", "commands", "agent.json", "relay.json"):
            self.store.remove(self._at(name))

    # -------------------------------------------------------------------------------------------------- leases

    def beat(self, who: Who) -> None:
        """That side lives."""
        self._counts[who] += 1
        self.store.write(self._at(f"{who}.json"), json.dumps({"count": self._counts[who]}).encode())

    def count(self, who: Who) -> int:
        """How often it has said so; 0: never."""
        content = self.store.read(self._at(f"{who}.json"))
        return int(json.loads(content)["count"]) if content else 0

    # -------------------------------------------------------------------------------------------------- frames

    def publish(self, stream: str, number: int, messages: list[M]) -> None:
        """Append to "events" or "commands": numbers begin with 1 and have no gap."""
        self.store.write(self._at(f"{stream}/{number:08d}"), b"".join(map(frames.pack, messages)))

    def next(self, stream: str, number: int, kind: type[M]) -> list[M] | None:
        """What was published with that number; None: nothing yet. Raises BadFile."""
        content = self.store.read(self._at(f"{stream}/{number:08d}"))
        if content is None:
            return None
        try:
            return list(_unpacked(content, kind))
        except Exception as error:  # protobuf's own, among others
            raise BadFile(f"{stream}/{number}: {error}") from error

    def _at(self, name: str) -> str:
        return f"homes/{self.home}/{self.job}/{self.attempt}/{name}"


class Lease:
    """Whether the other side lives, by its count as this side's clock sees it change: clocks of two machines are never
    compared."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._count = -1
        self._changed = now()

    def see(self, count: int) -> None:
        """What was read just now."""
        if count != self._count:
            self._count, self._changed = count, self._now()

    @property
    def over(self) -> bool:
        return self._now() - self._changed > self.seconds


def _unpacked(content: bytes, kind: type[M]) -> Iterator[M]:
    view = memoryview(content)

    def receive(size: int) -> bytes:
        nonlocal view
        part, view = bytes(view[:size]), view[size:]
        return part

    while view:
        message = frames.read(receive, kind)
        if message is None:
            raise ValueError("it is cut short")
        yield message
