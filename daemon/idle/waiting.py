"""Looks from time to time whether anything is left to do; announces what will be done then, and does it."""

from __future__ import annotations

import asyncio
import logging
import shlex
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import and_, func, not_, select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job
from daemon.database.store import Store
from daemon.errors import StoreTrouble
from daemon.idle import users
from daemon.idle.activity import Activity
from daemon.idle.decision import Idleness, Keeps, Patience, Seen, Step, decide, keeps
from daemon.idle_settings import Do, WhenIdle
from daemon.notices.outbox import Unsent
from daemon.processes.launcher import Child, Launcher, LauncherDied
from daemon.state import events
from daemon.state.status import State, WaitsFor
from daemon.state.values import Level
from proto import myna_pb2 as pb

log = logging.getLogger("mynad.idle")

LOOK = 10.0  #: seconds between two looks, at most
SAID = 2_000  #: bytes of what a command says that are told
COMMANDS = {Do.SHUTDOWN: "systemctl poweroff", Do.SUSPEND: "systemctl suspend"}
WORDS = {
    Do.SHUTDOWN: "this machine shuts down",
    Do.SUSPEND: "this machine goes to sleep",
    Do.COMMAND: "Myna runs {command!r}",
}
LIVE_WORK = text("(state != 'paused' OR NOT paused_by_person)")
#: what a job waits for that no machine need stay up for: a budget is there again next month
LATER = WaitsFor.BUDGET


class WaitingForIdleness:
    """Of one mynad. `present`: files in the inbox that are not taken yet; `watchers`: how many watch events; `unsent`:
    notices that were not sent yet."""

    def __init__(
        self,
        store: Store,
        settings: WhenIdle,
        activity: Activity,
        launcher: Launcher,
        present: Callable[[], Iterable[Any]],
        watchers: Callable[[], int],
        unsent: Callable[[], Awaitable[Sequence[Unsent]]],
        logged_in: Callable[[], tuple[str, ...]] = users.logged_in,
    ) -> None:
        self.settings = settings
        self._store = store
        self._activity = activity
        self._launcher = launcher
        self._present = present
        self._watchers = watchers
        self._unsent = unsent
        self._logged_in = logged_in
        self._idle = Idleness()
        self._patience = Patience(*map(settings.seconds, ("after", "notice", "wait_for_notices")))

    async def run(self) -> None:
        """For ever; at once done where nothing is to be done."""
        if self.settings.do == Do.NOTHING:
            return
        while True:
            try:
                await self.look()
            except StoreTrouble as trouble:
                log.warning("Whether nothing is left to do is not known. %s", trouble)
            await asyncio.sleep(min(LOOK, self._patience.notice / 4))

    async def look(self) -> Step:
        """One look, and what follows. Raises StoreTrouble; then the next look does it."""
        step, idle = decide(await self.seen(), self._idle, self._patience)
        match step:
            case Step.ANNOUNCE:
                minutes = max(1, round(min(self._patience.notice, self._patience.after) / 60))
                hint = "Anything that somebody does cancels it; [when_idle] in myna.toml says what is done, and when."
                when = f"in {minutes} minute{'' if minutes == 1 else 's'}"
                dry = ", were this no dry run" if self.settings.dry_run else ""
                sentence = f"Nothing is left to do: {self.words()} {when}{dry}."
                await self._notice(Level.WARNING, sentence, hint)
            case Step.CANCEL:
                await self._notice(Level.INFO, "There is something to do again: this machine stays up.", "")
            case Step.ACT:
                await self._act()
        self._idle = idle
        return step

    async def seen(self) -> Seen:
        """How things stand."""
        jobs, there, unsent = await asyncio.gather(
            self._store.read(_at_work), asyncio.to_thread(self._logged_in), self._unsent()
        )
        moment = time.monotonic()
        return Seen(
            now=moment,
            jobs=jobs,
            files=sum(1 for _ in self._present()),
            streams=self._activity.streams,
            watchers=self._watchers(),
            users=there,
            asked=self._activity.asked,
            unsent=min((moment + one.seconds for one in unsent), default=None),
        )

    async def message(self) -> pb.IdleResponse:
        """For people."""
        seen = await self.seen()
        found = keeps(seen, self._idle)
        answer = pb.IdleResponse(
            do=self.settings.do, dry_run=self.settings.dry_run, keeps=sorted(_WIRE[one] for one in found)
        )
        answer.users.extend(seen.users)
        answer.jobs, answer.files, answer.watchers = seen.jobs, seen.files, seen.watchers
        answer.notices = sum(one.count for one in await self._unsent())
        answer.notices_seconds = self._patience.unsent
        if self.settings.do != Do.NOTHING and not found and not self._idle.done:
            since = seen.now if self._idle.since is None else self._idle.since
            answer.due_seconds = max(0.0, since + self._patience.after - seen.now)
        return answer

    def words(self) -> str:
        return WORDS[Do(self.settings.do)].format(command=self.settings.command)

    async def _act(self) -> None:
        words, left = self.words(), not_sent(await self._unsent())
        level = Level.WARNING if left else Level.INFO
        if self.settings.dry_run:
            await self._notice(level, f"Nothing is left to do: now {words}, were this no dry run.{left}", "")
            return
        await self._notice(level, f"Nothing is left to do: now {words}.{left}", "")
        argv = shlex.split(COMMANDS.get(Do(self.settings.do), self.settings.command))
        if said := await self._run(argv):
            hint = "See [when_idle] in myna.toml; mynad's user needs the right to do this (docs/idle.md)."
            await self._notice(Level.ERROR, f"{shlex.join(argv)} failed: {said}", hint)

    async def _run(self, argv: list[str]) -> str:
        """What is wrong with it; empty: it went well."""
        program = shutil.which(argv[0])
        if program is None:
            return "there is no such program."
        try:
            child = await self._launcher.spawn([program, *argv[1:]])
        except (LauncherDied, OSError) as error:
            return f"{error}."
        said = bytearray()
        words = asyncio.create_task(_listen(child, said))
        code = await child.exited
        await asyncio.wait([words], timeout=1.0)  # what it started, and left behind, may hold its output open
        words.cancel()
        child.close()
        return "" if code == 0 else f"it ended with {code}. {said.decode(errors='replace').strip()}".strip()

    async def _notice(self, level: Level, sentence: str, hint: str) -> None:
        log.info("%s", sentence)
        await self._store.write(events.notice, level, sentence, hint)


_WIRE = {
    Keeps.JOBS: pb.KEEPS_JOBS,
    Keeps.INBOX: pb.KEEPS_INBOX,
    Keeps.STREAMS: pb.KEEPS_UPLOADS,
    Keeps.WATCHED: pb.KEEPS_WATCHED,
    Keeps.USERS: pb.KEEPS_USERS,
    Keeps.RECENT: pb.KEEPS_RECENT,
}


def not_sent(found: Sequence[Unsent]) -> str:
    """What nobody was told of yet, for people; empty: nothing."""
    if not found:
        return ""
    count, names = sum(one.count for one in found), ", ".join(f"{one.name}: {one.count}" for one in found)
    were = "1 notice was" if count == 1 else f"{count} notices were"
    return f" {were} not sent ({names}): kept, and sent after the next start of mynad at the latest."


async def _listen(child: Child, said: bytearray) -> None:
    """Keep the beginning of what it says; read all of it, so that it need not wait for us."""
    while part := await child.output.read(1 << 16):
        said.extend(part[: SAID - len(said)])


def _at_work(session: Session) -> int:
    """Jobs that wait or run; not those that a person paused, nor those that wait for a budget."""
    held = and_(Job.state == State.QUEUED, Job.waits_for == LATER)
    return session.scalar(select(func.count()).select_from(Job).where(text(LIVE), LIVE_WORK, not_(held))) or 0
