"""A real Prometheus scrapes a working mynad through its HTTP door, and answers what docs/grafana asks."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from living_daemon import Living
from test_doors_process import Told, opened

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


def queries() -> list[str]:
    """Of the dashboard's panels."""
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    return [query.replace("$__rate_interval", "30s") for query in asked]


def test_it_is_scraped_and_every_panel_is_answered(tmp_path: Path) -> None:
    async def life(running: Living, told: Told) -> None:
        address = await told.address()
        failed = await running.train("refuse")
        await running.until(failed, "failed")
        config = tmp_path / "prometheus.yml"
        config.write_text(CONFIG.format(target=httpx.URL(address).netloc.decode()))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
        process = await asyncio.create_subprocess_exec(
            *command, "--web.listen-address=127.0.0.1:0", stderr=asyncio.subprocess.PIPE
        )
        try:
            port = await _port(process)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as prometheus:
                scraped = await _until(prometheus, 'up{job="myna"} == 1')
                assert scraped
                ended = await _until(prometheus, 'myna_jobs_ended_total{kind="train",state="failed"} == 1')
                assert ended
                assert queries()
                for query in queries():
                    answer = await prometheus.get("/api/v1/query", params={"query": query})
                    assert answer.status_code == 200, f"{query}: {answer.text}"
        finally:
            process.terminate()
            await process.communicate()

    opened(tmp_path / "home", life)


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
            try:
                answer = await prometheus.get("/api/v1/query", params={"query": query})
            except httpx.TransportError:
                continue  # it does not listen yet
            if answer.status_code == 200 and (result := answer.json()["data"]["result"]):
                return list(result)
