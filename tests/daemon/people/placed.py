"""A mynad with a voice of the owner's that has everything a voice can have, and a person whom it is no business of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from living_daemon import Living, living
from sqlalchemy.orm import Session
from strangers import Goods
from voice_rows import clip, dataset, report, sha, version

from daemon.database.experiment_rows import Experiment
from daemon.database.models import Evaluation, Job, Voice, now
from daemon.database.rating_rows import Rating
from daemon.state import events, runs
from daemon.state.values import Level
from proto import myna_pb2 as pb
from proto.client_async import AsyncClient

EVERYTHING = ("speak", "read", "train")
#: words of the owner's that no request holds
SECRETS = ("quillon", "xylophage", "zugzwang", "borborygmus", "syzygy", "widdershins")


@dataclass(frozen=True)
class Place:
    """What a test has."""

    living: Living
    goods: Goods
    token: str  #: of mallory, who may everything with what is hers

    @property
    def mallory(self) -> AsyncClient:
        return self.living.client.bearing(self.token)

    async def person(self, name: str, *may: str) -> AsyncClient:
        """Somebody else."""
        await self.living.client.add_person(name, may)
        return self.living.client.bearing((await self.living.client.create_token(name)).token)


def furnish(session: Session) -> tuple[int, int]:
    """Give the owner a voice with everything; (a run of it, a rating)."""
    session.add(Voice(name="quillon", language="en", engine="glow", options={}, created=now()))
    session.flush()
    clips = [clip(session, f"zugzwang {n}", f"borborygmus {n}", voice="quillon", seconds=10.0) for n in range(6)]
    dataset(session, 1, clips[1:], clips[:1], voice="quillon")
    made = version(session, 1, voice="quillon")
    made.verdict = "syzygy"
    runs.add_points(session, made.run, [pb.Series(name="widdershins", steps=[1, 2], values=[0.5, 0.25])])
    session.add(
        Evaluation(
            voice="quillon", version=1, against=0, job=1, report=report(["zugzwang 0"]), better=True, verdict="syzygy",
            time=now(),
        )
    )  # fmt: skip
    rating = Rating(voice="quillon", a=0, b=1, preferred="b", text="borborygmus", time=now())
    session.add(rating)
    session.add(
        Experiment(
            voice="quillon", number=1, engine="glow", space={}, trials=2, budget=0.0, start="", dataset=1, rival=0,
            seed=1, state="complete", why="syzygy", created=now(),
        )
    )  # fmt: skip
    events.notice(session, Level.WARNING, "quillon has a syzygy.", voice="quillon")
    events.notice(session, Level.WARNING, "There is a syzygy.")
    session.flush()
    return made.run, rating.id


@asynccontextmanager
async def place(home: Path, **settings: Any) -> AsyncIterator[Place]:
    """For the length of a block. A job of the owner's speaks until it ends."""
    async with living(home, **settings) as running:
        run, rating = await running.daemon.store.write(furnish)
        text = f"until={home}/xylophage borborygmus"
        job = (await running.client.submit(pb.SpeakSpec(voice="quillon", text=text), key="mine")).id
        await running.worker(job)

        def own(session: Session) -> None:
            session.get_one(Job, job).run = run

        await running.daemon.store.write(own)
        await running.client.add_person("carla", EVERYTHING)
        await running.client.add_person("mallory", EVERYTHING)
        token = (await running.client.create_token("mallory")).token
        try:
            yield Place(running, Goods("quillon", job, run, rating, sha("zugzwang 0"), "fresh", "carla"), token)
        finally:
            (home / "xylophage").touch()


def placed(home: Path, life: Any, **settings: Any) -> None:
    """Run a test's coroutine function there."""

    async def main() -> None:
        async with place(home, **settings) as there:
            await life(there)

    asyncio.run(main())
