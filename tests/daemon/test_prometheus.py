"""A real Prometheus scrapes a working mynad through its HTTP door, and answers what docs/grafana asks.

`MYNA_DRAW=1` draws docs/pictures/grafana.png anew, of a mynad of these tests at work for a minute and a half."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from grafana_picture import Line, draw, line
from living_daemon import Living
from test_doors_process import Told, opened

from daemon.price import Price
from proto import myna_pb2 as pb

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="there is no Prometheus here (Debian: prometheus)"),
]

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: myna
    static_configs: [{{targets: ["{target}"]}}]
"""
DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "myna.json"
PICTURE = DASHBOARD.parents[1] / "pictures" / "grafana.png"
DRAWN = 90  #: seconds, and looks


def queries() -> list[str]:
    """Of the dashboard's panels."""
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    return [query.replace("$__rate_interval", "30s") for query in asked]


def test_it_is_scraped_and_every_panel_is_answered(tmp_path: Path) -> None:
    async def life(running: Living, told: Told) -> None:
        address = await told.address()
        async with scraping(address, tmp_path) as prometheus:
            scraped = await _until(prometheus, 'myna_jobs_ended_total{kind="train",state="failed"} == 0')
            assert scraped
            failed = await running.train("refuse")
            await running.until(failed, "failed")
            ended = await _until(prometheus, 'increase(myna_jobs_ended_total{kind="train",state="failed"}[1d]) > 0')
            assert ended, "also the first one since mynad started"
            assert queries()
            for query in queries():
                answer = await prometheus.get("/api/v1/query", params={"query": query})
                assert answer.status_code == 200, f"{query}: {answer.text}"

    opened(tmp_path / "home", life)


@pytest.mark.skipif(not os.environ.get("MYNA_DRAW"), reason="it draws a picture, and proves nothing")
@pytest.mark.timeout(600)
def test_the_dashboard_is_drawn(tmp_path: Path) -> None:
    async def life(running: Living, told: Told) -> None:
        async with scraping(await told.address(), tmp_path) as prometheus:
            assert await _until(prometheus, 'up{job="myna"} == 1')
            for voice in ("refuse", "steps"):
                await running.train(voice)
            words = itertools.cycle(range(1, 5))
            while not await _answer(prometheus, f'count_over_time(up{{job="myna"}}[10m]) >= {DRAWN}'):
                await running.ingest("anna")
                async for _ in running.client.synthesize(pb.SpeakSpec(voice="anna", text="chunks=1 " * next(words))):
                    pass
            end = float((await prometheus.get("/api/v1/query", params={"query": "time()"})).json()["data"]["result"][0])
            panels = []
            for panel in json.loads(DASHBOARD.read_text())["panels"]:
                lines = [one for target in panel["targets"] for one in await _lines(prometheus, target, end)]
                panels.append((panel, lines))
        draw(panels, PICTURE)

    opened(tmp_path / "home", life, cost=Price(0.2, "€"))


async def _lines(prometheus: httpx.AsyncClient, target: dict[str, str], end: float) -> list[Line]:
    """What it answers a panel's query, over the time that is drawn."""
    query = target["expr"].replace("$__rate_interval", "30s")
    params: dict[str, str | float] = {"query": query, "start": end - DRAWN, "end": end, "step": 1}
    answer = await prometheus.get("/api/v1/query_range", params=params)
    return [line(target, series, end - DRAWN) for series in answer.raise_for_status().json()["data"]["result"]]


@asynccontextmanager
async def scraping(address: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A Prometheus that scrapes that door every second: who asks it."""
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(target=httpx.URL(address).netloc.decode()))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    process = await asyncio.create_subprocess_exec(
        *command, "--web.listen-address=127.0.0.1:0", stderr=asyncio.subprocess.PIPE
    )
    try:
        port = await _port(process)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as prometheus:
            yield prometheus
    finally:
        process.terminate()
        await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> int:
    """Where it says that it listens."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        async for line in process.stderr:
            if found := re.search(rb"address=127\.0\.0\.1:([1-9]\d*)", line):
                return int(found[1])
    raise AssertionError("Prometheus ended")


async def _until(prometheus: httpx.AsyncClient, query: str) -> list[Any]:
    """What it answers, once that is something."""
    async with asyncio.timeout(60):
        while True:
            if result := await _answer(prometheus, query):
                return result


async def _answer(prometheus: httpx.AsyncClient, query: str) -> list[Any]:
    """What it answers now; nothing while it does not listen yet."""
    try:
        answer = await prometheus.get("/api/v1/query", params={"query": query})
    except httpx.TransportError:
        return []
    return list(answer.json()["data"]["result"]) if answer.status_code == 200 else []
