"""What happened since mynad started: counters and histograms, and all metrics as a text.

Jobs are counted by the events that a commit made durable (`Store.on_commit`), on the writer's thread; speech by the
service that hands it out. A restart begins at zero, as Prometheus expects of counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from daemon.state.jobs import NAMES
from proto import myna_pb2 as pb

#: as the HTTP door sends it
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

WAITS = (0.01, 0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400)  #: seconds
WORK = (0.1, 1, 10, 60, 300, 900, 3_600, 14_400, 43_200, 172_800)  #: seconds
FIRST_SOUND = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30)  #: seconds
REAL_TIME = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5)  #: seconds of work a second of sound

#: how a job ended, by the field of its status that is set
ENDS = ("succeeded", "failed", "cancelled")
UNKNOWN = "unknown"
#: what becomes of files in the inbox
FATES = ("taken", "known", "refused")


class Meters:
    """The metrics of one mynad. May be used from any thread."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._ended = Counter(
            "myna_jobs_ended", "Jobs that ended, by kind and how.", ("kind", "state"), registry=registry
        )
        self._waited = Histogram(
            "myna_job_wait_seconds",
            "From a job's submission to its start, of jobs that ended.",
            ("kind",),
            buckets=WAITS,
            registry=registry,
        )
        self._worked = Histogram(
            "myna_job_work_seconds",
            "From a job's start to its end, pauses included.",
            ("kind", "state"),
            buckets=WORK,
            registry=registry,
        )
        self._first_sound = Histogram(
            "myna_speech_first_sound_seconds",
            "From a request for speech to its first sound.",
            ("engine",),
            buckets=FIRST_SOUND,
            registry=registry,
        )
        self._real_time = Histogram(
            "myna_speech_realtime_factor",
            "Seconds from a request to its last sound, a second of that sound; of speech that was heard to its end.",
            ("engine",),
            buckets=REAL_TIME,
            registry=registry,
        )
        self._spoken = Counter(
            "myna_speech_seconds", "Seconds of speech that went out.", ("engine",), registry=registry
        )
        self._files = Counter(
            "myna_inbox_files", "Files of the inbox, by what became of them.", ("state",), registry=registry
        )
        # from nothing on: of a counter that begins at one, Prometheus sees no increase
        for kind in NAMES.values():
            for how in ENDS:
                self._ended.labels(kind, how)
        for state in FATES:
            self._files.labels(state)
        self._started = Gauge("myna_start_time_seconds", "When mynad started, since 1970.", registry=registry)
        self._started.set_to_current_time()
        self._standing: list[Metric] = []
        registry.register(_Standing(self))

    def happened(self, events: Iterable[pb.Event]) -> None:
        """Events that a commit made durable."""
        for event in events:
            if event.HasField("job"):
                self._job(event.job)
            elif event.HasField("inbox") and event.inbox.state in FATES:
                self._files.labels(event.inbox.state).inc()

    def first_sound(self, engine: str, seconds: float) -> None:
        self._first_sound.labels(engine).observe(seconds)

    def spoke(self, engine: str, sound: float, seconds: float, whole: bool) -> None:
        """Speech of `sound` seconds went out within `seconds` of its request; `whole`: to its end."""
        self._spoken.labels(engine).inc(sound)
        if whole and sound:
            self._real_time.labels(engine).observe(seconds / sound)

    def text(self, standing: list[Metric]) -> bytes:
        """All metrics in Prometheus' text format, with how things stand now (`daemon.telemetry.gauges`)."""
        self._standing = standing
        return bytes(generate_latest(self._registry))

    def _job(self, job: pb.Job) -> None:
        how = job.status.WhichOneof("status")
        if how not in ENDS:
            return
        kind = NAMES.get(job.kind, UNKNOWN)
        self._ended.labels(kind, how).inc()
        end = getattr(job.status, how)
        if how == "cancelled" or not end.HasField("started"):
            return
        started = end.started.ToNanoseconds()
        self._waited.labels(kind).observe(max(0.0, (started - job.submitted.ToNanoseconds()) / 1e9))
        self._worked.labels(kind, how).observe(max(0.0, (end.ended.ToNanoseconds() - started) / 1e9))


class _Standing(Collector):
    """Gauges that were read for this answer."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def collect(self) -> Iterator[Metric]:
        yield from self._meters._standing
