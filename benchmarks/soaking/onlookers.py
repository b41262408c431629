"""Who only looks: watchers that come and go, quick, slow and killed; scripts over TCP; callers of the HTTP door and of
its metrics."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from benchmarks.soaking.callers import Caller
from benchmarks.soaking.house import House, Tally
from proto import myna_pb2 as pb
from proto.client import ClientError, connect
from proto.client_async import AsyncClient, connect_async

#: watchers at once, and seconds that one stays
TOGETHER, STAY = 3, 40.0


class Watchers:
    """Several at once, in a loop of their own; each new one chooses a way to watch."""

    name = "watchers"

    def __init__(self, house: House, tally: Tally, over: threading.Event, seed: int) -> None:
        self.house, self.tally, self.over = house, tally, over
        self.chance = random.Random(f"{seed} watchers")

    def run(self) -> None:
        """Until it is over."""
        asyncio.run(self._all())

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(TOGETHER):
                group.create_task(self._one_after_another())

    async def _one_after_another(self) -> None:
        ways = (self._quick, self._quick, self._slow, self._points, self._system, self._logs, self._killed)
        while not self.over.is_set():
            way = self.chance.choice(ways)
            try:
                await way()
                self.tally.count(f"watchers: {way.__name__.strip('_')}")
            except ClientError as error:
                self.tally.fault(f"watchers: {way.__name__}: {error.code}: {error}")
            except Exception as error:  # told, and the others go on
                self.tally.fault(f"watchers: {way.__name__}: {type(error).__name__}: {error}")
            await self._rest(self.chance.uniform(1.0, 6.0))

    async def _rest(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            if self.over.is_set():
                return
            await asyncio.sleep(0.5)

    async def _for_a_while(self, stream: AsyncIterator[Any], each: Callable[[], Awaitable[None]] | None = None) -> None:
        """Read a stream until its end, or until one has seen enough."""
        try:
            async with asyncio.timeout(self.chance.uniform(0.2, 1.0) * STAY):
                async for _ in stream:
                    if each is not None:
                        await each()
                    if self.over.is_set():
                        return
        except TimeoutError:
            pass
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    def _client(self) -> AsyncClient:
        return connect_async(home=self.house.home)

    async def _quick(self) -> None:
        async with self._client() as client:
            await self._for_a_while(client.watch(progress=True))

    async def _slow(self) -> None:
        """From the oldest event that is kept, an event every half second."""
        async with self._client() as client:

            async def slowly() -> None:
                await asyncio.sleep(0.5)

            await self._for_a_while(client.watch(0), slowly)

    async def _points(self) -> None:
        async with self._client() as client:
            runs = [run.id async for run in client.runs(limit=3)]
            if runs:
                await client.points(runs[0], buckets=100)
                await self._for_a_while(client.watch_points(runs[0]))

    async def _system(self) -> None:
        async with self._client() as client:
            await self._for_a_while(client.watch_system(1.0))

    async def _logs(self) -> None:
        async with self._client() as client:
            jobs = [job.id async for job in client.jobs(kinds=[pb.TRAIN], limit=1)]
            if jobs:
                await self._for_a_while(client.logs(jobs[0], follow=True))

    async def _killed(self) -> None:
        """The command, by kill -9."""
        process = self.house.myna("watch", "--json")
        try:
            await self._rest(self.chance.uniform(3.0, 12.0))
        finally:
            process.kill()
            await asyncio.to_thread(process.communicate)


class Script(Caller):
    """A program over TCP: lists, orders, waits."""

    name = "scripts"
    pause = 5.0

    def turn(self) -> None:
        with self.house.script() as client:
            info = client.info()
            voices = [one.name for one in client.voices()]
            jobs = list(client.jobs(limit=50))
            runs = list(client.runs(limit=5))
            for voice in voices[:2]:
                list(client.versions(voice, report=True))
                list(client.datasets(voice))
            if runs:
                client.points(runs[0].id, buckets=50)
            if jobs:
                list(client.logs(self.chance.choice(jobs).id, tail=50))
            if voices and runs:
                client.estimate(voices[0])
            client.usage()
            client.costs()
            self.expect(info.pid > 0, "System.Info names no process")
        self.did("visits")
        if self.chance.random() < 0.1:
            self._stranger()

    def _stranger(self) -> None:
        """Without the right token."""
        with connect(f"127.0.0.1:{self.house.tcp}", None, "wrong", tls_ca=self.house.folder / "cert.pem") as stranger:
            try:
                stranger.info()
                self.fault("a stranger was answered")
            except ClientError as error:
                self.expect(error.code == "UNAUTHENTICATED", f"a stranger was told {error.code}")
        self.did("strangers turned away")


class Web(Caller):
    """Prometheus and others at the HTTP door."""

    name = "web"
    pause = 4.0

    def turn(self) -> None:
        bearer = {"authorization": f"Bearer {self.house.token}"}
        with httpx.Client(base_url=self.house.url, timeout=60.0, trust_env=False) as web:
            metrics = web.get("/metrics", headers=bearer)
            self.expect(metrics.status_code == 200 and "myna_jobs" in metrics.text, f"/metrics: {metrics.status_code}")
            for path, status, head in (
                ("/healthz", 200, {}), ("/v1/models", 200, bearer), ("/v1/models/nobody", 404, bearer),
                ("/v1/models", 401, {}),
            ):  # fmt: skip
                answer = web.get(path, headers=head)
                self.expect(answer.status_code == status, f"{path}: {answer.status_code} in place of {status}")
        self.did("scrapes")
