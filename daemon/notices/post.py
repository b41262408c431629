"""The part of mynad that tells people: a task for each notifier, which nothing else waits for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from daemon.database.models import new_uuid, now
from daemon.database.store import Store
from daemon.errors import NotFound, StoreTrouble
from daemon.notices import outbox, samples, words
from daemon.notices.outbox import Message, Notice, Unsent, Wait
from daemon.notices.parcel import Answer, Outcome, Parcel
from daemon.notices.sending import Sender
from daemon.notify_settings import Notifier
from daemon.processes.launcher import Launcher
from daemon.state import jobs, occasions
from daemon.state.values import OccasionKind
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.notices")

#: seconds after which a cursor moves on though nothing was to be told
LOOK = 600.0
#: events after which it does
MANY = 2_000
#: seconds until a database that could not be used is tried again
AGAIN = 5.0
#: seconds that notices get to be sent when mynad ends; and when it ends at once
FAREWELL, HURRIED = 10.0, 2.0
Clock = Callable[[], datetime]


class Post:
    """Of one notifier."""

    def __init__(self, store: Store, home: Path, notifier: Notifier, launcher: Launcher, clock: Clock) -> None:
        self.notifier = notifier
        self.sender = Sender(launcher, home, notifier.name)
        #: for whoever looks, and need not wait behind a message that hangs; no notifier's name has such a sign
        self.aside = Sender(launcher, home, f"{notifier.name}_aside")
        self._store = store
        self._home = home
        self._clock = clock
        self._woken = asyncio.Event()
        self.empty = asyncio.Event()  #: all that happened was told, or may not be told now

    def wake(self) -> None:
        """Something happened."""
        self.empty.clear()
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            try:
                wait = await self._turn()
            except StoreTrouble:  # the store's log says what it is
                wait = AGAIN
            except Exception:  # a mistake of ours, and no reason for mynad to end
                log.exception("The notices of %s cannot be sent now.", self.notifier.name)
                wait = LOOK
            else:
                if not self._woken.is_set():
                    self.empty.set()
            try:
                await asyncio.wait_for(self._woken.wait(), wait)
            except TimeoutError:
                continue

    async def _turn(self) -> float:
        """Read on and send what may be sent; seconds until there is more to do."""
        name, plan = self.notifier.name, self.notifier.settings.plan
        while True:
            found = await self._store.read(outbox.look, name, self.notifier.settings.kinds)
            if found.moved:
                await self._store.write(outbox.take, name, found)
            if found.more:
                continue
            moment = self._clock()
            match await self._store.write(outbox.due, name, plan, moment):
                case Wait(until):
                    wait = (until - moment).total_seconds() if until is not None else LOOK
                    return min(max(wait, 0.0), LOOK)
                case message:
                    await self._send(message)

    async def _send(self, message: Message) -> None:
        answer = await self.sender.send(await self._parcel(message))
        repeat, name = self.notifier.settings.repeat, self.notifier.name
        if answer.outcome is not Outcome.TAKEN:
            log.warning("%s: %d notices were not taken. %s", name, len(message.notices), answer.said)
        await self._store.write(outbox.settle, name, message, answer, self._clock(), repeat=repeat)

    async def _parcel(self, message: Message) -> Parcel:
        chosen, notices = self.notifier.settings, message.notices
        sample = await self._store.read(samples.of, notices, self._home) if chosen.sample else ""
        return Parcel(
            url=self.notifier.url,
            key=message.key,
            title=words.title(notices, socket.gethostname()),
            body=words.body(notices),
            level=words.level(notices),
            notices=[words.values(one) for one in notices],
            sample=sample,
            again=chosen.repeat,
            known=message.known,
        )

    async def test(self) -> pb.NotifierTest:
        """Send a message that is no notice, now."""
        notice = Notice(0, OccasionKind.TEST, self._clock(), pb.Occasion())
        answer = await self.aside.send(
            Parcel(
                url=self.notifier.url,
                key=new_uuid(),
                title=words.title([notice], socket.gethostname()),
                body=words.body([notice]),
                notices=[words.values(notice)],
                test=True,
            )
        )
        taken = answer.outcome is Outcome.TAKEN
        if taken:
            await self._store.write(outbox.answers_again, self.notifier.name)
            self.wake()
        return pb.NotifierTest(name=self.notifier.name, service=answer.service, taken=taken, answer=answer.said)


class Notices:
    """All notifiers of a mynad. `clock` tells the time (with a timezone)."""

    def __init__(
        self, store: Store, home: Path, notifiers: Sequence[Notifier], launcher: Launcher, clock: Clock = now
    ) -> None:
        self._store = store
        self._clock = clock
        self._posts = {one.name: Post(store, home, one, launcher, clock) for one in notifiers}
        self._unread = 0  #: events since they were last woken
        self._looks: dict[str, Answer] = {}
        self._loop = asyncio.get_running_loop()
        if notifiers:
            store.on_commit(lambda happened: happened and self._loop.call_soon_threadsafe(self._happened, happened))

    async def run(self) -> None:
        """Until cancelled; and then what is being sent goes on without us."""
        while True:
            try:
                lost = await self._store.write(outbox.settle_names, tuple(self._posts))
                break
            except StoreTrouble:
                await asyncio.sleep(AGAIN)
        for name, count in lost.items():
            log.warning("The notifier %s is not in myna.toml any more: %d notices of it were dropped.", name, count)
        try:
            async with asyncio.TaskGroup() as group:
                for post in self._posts.values():
                    group.create_task(post.run(), name=f"notices {post.notifier.name}")
        finally:
            for post in self._posts.values():
                post.sender.close()
                post.aside.close()

    def _happened(self, happened: Sequence[pb.Event]) -> None:
        self._unread += len(happened)
        if self._unread > MANY or any(outbox.occasion_of(event) is not None for event in happened):
            self._unread = 0
            for post in self._posts.values():
                post.wake()

    async def farewell(self, *, fell: bool, hurry: bool) -> None:
        """mynad ends: tell it, and wait a moment for what can be sent. The rest is sent when it runs again."""
        if not self._posts:
            return
        with contextlib.suppress(StoreTrouble, TimeoutError):
            async with asyncio.timeout(HURRIED if hurry else FAREWELL):
                await self._store.write(_ended, fell)
                for post in self._posts.values():
                    post.wake()
                await asyncio.gather(*(post.empty.wait() for post in self._posts.values()))

    async def unsent(self) -> list[Unsent]:
        """What was not sent yet, of those that have something."""
        moment = self._clock()

        def of(session: Session, one: Notifier) -> Unsent | None:
            return outbox.unsent(session, one.name, one.settings.plan, moment)

        return await self._store.read(
            lambda session: [
                found for post in self._posts.values() if (found := of(session, post.notifier)) is not None
            ]
        )

    async def states(self) -> list[pb.Notifier]:
        """How each stands."""
        found = await self._store.read(
            lambda session: [outbox.state(session, post.notifier) for post in self._posts.values()]
        )
        for told, look in zip(found, await asyncio.gather(*map(self._look, self._posts.values())), strict=True):
            told.service, told.shown_url, told.takes_files = look.service, look.shown_url, look.takes_files
            told.trouble = "" if look.outcome is Outcome.TAKEN else look.said
        return found

    async def _look(self, post: Post) -> Answer:
        """What is known of its service; asked once."""
        name = post.notifier.name
        if name not in self._looks:
            found = await post.aside.send(Parcel(url=post.notifier.url))
            if found.outcome not in (Outcome.TAKEN, Outcome.UNFIT):
                return found
            self._looks[name] = found
        return self._looks[name]

    async def test(self, name: str) -> list[pb.NotifierTest]:
        """Send a test message to one, or (empty) to all. Raises NotFound."""
        if name and name not in self._posts:
            there = f"There are: {', '.join(self._posts)}." if self._posts else "Write [[notify]] into myna.toml."
            raise NotFound(f"There is no notifier named {name!r}.", there)
        chosen = [self._posts[name]] if name else list(self._posts.values())
        return list(await asyncio.gather(*(post.test() for post in chosen)))


def _ended(session: Session, fell: bool) -> None:
    waiting = sum(jobs.counts(session)[state] for state in ("queued", "running", "paused"))
    occasions.emit(session, OccasionKind.SHUTDOWN, pb.Occasion(count=waiting, fell=fell))
