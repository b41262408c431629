"""Metrics: what happened is counted, how things stand is read, and nothing in it names a person, a voice or a text."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from living_daemon import Living, lived
from prometheus_client.parser import text_string_to_metric_families

from daemon.database.energy_rows import Spent
from daemon.database.models import now
from daemon.database.store import Store
from daemon.state import spent
from daemon.telemetry import gauges, month
from daemon.telemetry.meters import Meters
from daemon.telemetry.month import SHARE, Month
from daemon.telemetry.said import Said
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "myna.json"
NAME = re.compile(r"\b(?:myna|process)_\w+")

Numbers = dict[tuple[str, frozenset[str]], float]


def numbers(text: bytes) -> Numbers:
    """What Prometheus reads: (name, values of labels) → number."""
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def worked(job: int, seconds: float) -> Spent:
    """That a job took 2 kWh in so long."""
    return Spent(
        job=job, attempt=9, month=spent.month_of(now()), seconds=seconds, gpu_held=seconds, gpu_metered=seconds,
        gpu_joules=7_200_000.0, gpu_error=0.0, integrated=False, cpu_metered=0.0, cpu_joules=None, rest_watts=0.0,
        per_hour=0.0, per_kwh=0.5, currency="€",
    )  # fmt: skip


def value(read: Numbers, name: str, *labels: str) -> float | None:
    return read.get((name, frozenset(labels)))


def test_a_life_is_told_in_numbers(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        client = running.client
        before = numbers((await client.metrics()).text)
        assert value(before, "myna_jobs_ended_total", "train", "failed") == 0, "so that an increase is seen"
        assert value(before, "myna_inbox_files_total", "refused") == 0
        failed = await running.train("refuse")
        await running.until(failed, "failed")
        async for _ in client.synthesize(pb.SpeakSpec(voice="anna", text="chunks=2 word")):
            pass
        told = await client.metrics()
        read = numbers(told.text)
        assert value(read, "myna_jobs_ended_total", "train", "failed") == 1
        assert value(read, "myna_job_wait_seconds_count", "train") == 1
        assert value(read, "myna_job_work_seconds_count", "train", "failed") == 1
        assert value(read, "myna_speech_first_sound_seconds_count", "glow") == 1
        assert value(read, "myna_speech_realtime_factor_count", "glow") == 1
        assert value(read, "myna_speech_seconds_total", "glow") == pytest.approx(2 * 100_000 / 16_000, abs=0.01)
        assert value(read, "myna_voices") == 2
        assert (value(read, "myna_disk_total_bytes") or 0) > 0
        assert (value(read, "process_resident_memory_bytes") or 0) > 0
        # of names that people gave there is none
        assert b"anna" not in told.text
        assert b'refuse"' not in told.text

    lived(tmp_path / "home", life, min_free_disk=0)


def test_what_stands_is_read_and_what_ended_is_not(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        job = await running.train("steps")
        await running.until(job, "running")
        held = await running.train("bob")
        read = numbers((await running.client.metrics()).text)
        assert value(read, "myna_jobs", "train", "running") == 1
        assert value(read, "myna_jobs", "train", "queued") == 1
        assert (value(read, "myna_oldest_wait_seconds", "train") or 0) > 0
        for number in (held, job):
            await running.client.cancel(number)
            await running.until(number, "cancelled")
        read = numbers((await running.client.metrics()).text)
        assert value(read, "myna_jobs", "train", "running") is None
        assert value(read, "myna_jobs_ended_total", "train", "cancelled") == 2

    lived(tmp_path / "home", life)


def test_what_work_took_in_this_month_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month, "QUICK", 60.0)  # on a busy machine few rows take long, too

    async def life(running: Living) -> None:
        job = await running.train("refuse")
        await running.until(job, "failed")
        read = numbers((await running.client.metrics()).text)
        before = value(read, "myna_month_work_seconds") or 0
        assert value(read, "myna_month_energy_joules") is None, "nothing is known of it here"
        running.daemon.store.write_now(lambda session: session.add(worked(job, 50.0)))
        read = numbers((await running.client.metrics()).text)
        assert value(read, "myna_month_work_seconds") == pytest.approx(before + 50.0, abs=5.0)
        assert value(read, "myna_month_energy_joules") == pytest.approx(7_200_000.0)
        assert value(read, "myna_month_cost", "€") == pytest.approx(1.0)

    lived(tmp_path / "home", life)


def test_where_summing_the_month_takes_long_no_scrape_waits_for_it(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        job = await running.train("refuse")
        await running.until(job, "failed")
        store, moment = running.daemon.store, 0.0

        class Slow:
            """Each sum takes a second of the test's clock."""

            async def read(self, fn: Callable[..., Any], *given: Any) -> Any:
                nonlocal moment
                moment += 1.0
                return await store.read(fn, *given)

        summed = Month(cast(Store, Slow()), lambda: moment)

        async def seconds() -> float:
            return value(numbers(Meters().text(await summed.metrics())), "myna_month_work_seconds") or 0.0

        before = await seconds()
        store.write_now(lambda session: session.add(worked(job, 50.0)))
        assert await seconds() == before, "it is a moment old"
        assert moment == 1.0
        moment += 1.0 / SHARE
        assert await seconds() == before, "it is summed anew, and nobody waits"
        assert summed._summing is not None
        await asyncio.wait_for(summed._summing, 20)
        assert await seconds() == pytest.approx(before + 50.0, abs=5.0)
        assert moment == 2.0 + 1.0 / SHARE, "once"

    lived(tmp_path / "home", life)


def test_gpus_are_told_by_number() -> None:
    sample = pb.SystemSample(cpu=0.5, memory_total=10, memory_used=4, disk_total=100, disk_free=30)
    sample.gpus.add(index=1, name="NVIDIA RTX 4090", memory_total=24, memory_used=7, utilisation=0.9, owned=True)
    there = [pb.InboxEvent(voice="anna", name="a.wav", state="settling")]
    read = numbers(Meters().text([*gauges.of_machine(sample, there, 3)]))
    assert value(read, "myna_gpu_memory_used_bytes", "1") == 7
    assert value(read, "myna_gpu_owned", "1") == 1
    assert value(read, "myna_inbox_present", "settling") == 1
    assert value(read, "myna_inbox_present", "refused") == 3


def test_the_dashboard_for_grafana_asks_only_for_what_there_is(tmp_path: Path) -> None:
    """Prometheus answers a misspelt name with nothing, and no error."""

    async def life(running: Living) -> None:
        text = (await running.client.metrics()).text.decode()
        told = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        there = set(told) | {f"{name}_bucket" for name, kind in told.items() if kind == "histogram"}
        panels = json.loads(DASHBOARD.read_text())["panels"]
        asked = {query: set(NAME.findall(query)) for panel in panels for query in map(_expr, panel.get("targets", []))}
        assert len(asked) > 10
        assert {query: lacks for query, names in asked.items() if (lacks := names - there)} == {}

    lived(tmp_path / "home", life)


def _expr(target: dict[str, str]) -> str:
    return target["expr"]


def test_speech_that_nobody_heard_to_its_end_has_no_pace() -> None:
    async def some(last: bool) -> Numbers:
        meters = Meters()
        async with Said(meters, "glow") as said:
            said.chunk(wire.Audio())
            said.chunk(wire.Audio(samples=b"\0" * 64_000, sample_rate=16_000, last=last))
        return numbers(meters.text([]))

    for last in (False, True):
        read = asyncio.run(some(last))
        assert value(read, "myna_speech_seconds_total", "glow") == 1.0
        assert (value(read, "myna_speech_realtime_factor_count", "glow") or 0) == int(last)


def test_kinds_and_ends_that_are_new_do_not_break_it() -> None:
    meters = Meters()
    meters.happened([pb.Event(job=pb.Job(status=pb.JobStatus(cancelled=pb.JobStatus.Cancelled())))])
    meters.happened([pb.Event(inbox=pb.InboxEvent(state="something new")), pb.Event(notice=pb.Notice())])
    read = numbers(meters.text([]))
    assert sum(number for (name, _), number in read.items() if name == "myna_jobs_ended_total") == 1
    assert not [key for key in read if "something new" in key[1]]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here (Debian: prometheus)")
def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    async def life(running: Living) -> None:
        job = await running.train("refuse")
        await running.until(job, "failed")
        text = (await running.client.metrics()).text
        checked = await asyncio.to_thread(
            subprocess.run, ["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60
        )
        assert (checked.returncode, checked.stdout.decode(), checked.stderr.decode()) == (0, "", "")

    lived(tmp_path / "home", life)
