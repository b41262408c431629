"""How things stand at this moment, read from the database and the machine when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from daemon.database.models import LIVE, Job, Version, Voice, now
from daemon.state.values import Decision
from daemon.state.verdict import DECISION
from proto import myna_pb2 as pb


def of_state(session: Session) -> list[Metric]:
    """Jobs that have not ended, voices, and what verdicts came to. What has ended is not looked at: it may be a hundred
    thousand jobs."""
    jobs = GaugeMetricFamily("myna_jobs", "Jobs that have not ended, by kind and state.", labels=("kind", "state"))
    oldest = GaugeMetricFamily(
        "myna_oldest_wait_seconds", "How long the job waits that waits longest.", labels=("kind",)
    )
    live = (
        select(Job.kind, Job.state, func.count(), func.min(Job.submitted))
        .where(text(LIVE))
        .group_by(Job.kind, Job.state)
    )
    moment = now()
    for kind, state, count, submitted in session.execute(live):
        jobs.add_metric((kind, state), count)
        if state == "queued":
            oldest.add_metric((kind,), max(0.0, (moment - submitted).total_seconds()))
    verdicts = GaugeMetricFamily(
        "myna_versions", "Versions, by what became of them when they were scored.", labels=("decision",)
    )
    known = set(Decision)
    found: dict[str, int] = {}
    decided = Version.metrics[DECISION].as_string()
    for decision, count in session.execute(select(decided, func.count()).group_by(decided)):
        name = decision if decision in known else "unknown"
        found[name] = found.get(name, 0) + count
    for name, count in sorted(found.items()):
        verdicts.add_metric((name,), count)
    voices = GaugeMetricFamily("myna_voices", "Voices, without deleted ones.")
    voices.add_metric((), session.scalar(select(func.count()).select_from(Voice).where(Voice.deleted.is_(None))) or 0)
    return [jobs, oldest, verdicts, voices]


def of_machine(sample: pb.SystemSample, inbox: Iterable[pb.InboxEvent], refused: int) -> Iterator[Metric]:
    """GPUs, memory, the disk, and files that lie in the inbox."""
    yield from _gpus(sample.gpus)
    for name, what, value in (
        ("myna_cpu_ratio", "How busy the processors are, 0 to 1.", sample.cpu),
        ("myna_memory_total_bytes", "Memory of the machine.", sample.memory_total),
        ("myna_memory_used_bytes", "Of that, in use.", sample.memory_used),
        ("myna_disk_total_bytes", "Size of the disk that holds the state.", sample.disk_total),
        ("myna_disk_free_bytes", "Free on it.", sample.disk_free),
    ):
        yield GaugeMetricFamily(name, what, value=value)
    present = {"arriving": 0, "settling": 0, "refused": refused}
    for file in inbox:
        if file.state in present:
            present[file.state] += 1
    files = GaugeMetricFamily("myna_inbox_present", "Files that lie in the inbox now.", labels=("state",))
    for state, count in present.items():
        files.add_metric((state,), count)
    yield files


def _gpus(gpus: Iterable[pb.Gpu]) -> Iterator[Metric]:
    table: dict[str, tuple[str, Callable[[pb.Gpu], float]]] = {
        "myna_gpu_memory_total_bytes": ("Memory of a GPU.", lambda gpu: gpu.memory_total),
        "myna_gpu_memory_used_bytes": ("Of that, in use.", lambda gpu: gpu.memory_used),
        "myna_gpu_utilisation_ratio": ("How busy it is, 0 to 1.", lambda gpu: gpu.utilisation),
        "myna_gpu_temperature_celsius": ("How hot it is.", lambda gpu: gpu.temperature),
        "myna_gpu_power_watts": ("What it draws.", lambda gpu: gpu.power),
        "myna_gpu_owned": ("1: mynad works on it.", lambda gpu: int(gpu.owned)),
        "myna_gpu_lost": ("1: it stopped answering.", lambda gpu: int(gpu.lost)),
    }
    seen = list(gpus)
    for name, (what, read) in table.items():
        family = GaugeMetricFamily(name, what, labels=("gpu",))
        for gpu in seen:
            family.add_metric((str(gpu.index),), read(gpu))
        yield family
