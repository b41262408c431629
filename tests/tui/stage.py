"""A daemon made of paper: a real gRPC server on the real Unix socket that answers with fixed rows, and can be made to
vanish and return.

For what the real mynad cannot show quickly (a trained voice, a lost connection in the middle of a watch).
"""

from __future__ import annotations

import array
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from daemon.state import tally
from daemon.state.compare import metric_message
from engines.metrics.table import METRICS
from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.channel import HINT_KEY
from proto.home import socket_path
from proto.messages import ENDED

T = TypeVar("T")
RATE = 16_000
NOW = Timestamp(seconds=1_790_000_000)


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, sentence: str, hint: str) -> None:
    """As daemon/services/errors.py does."""
    context.set_trailing_metadata(((HINT_KEY, hint.encode()),))
    context.abort(code, f"{sentence} {hint}")


def tone(seconds: float) -> bytes:
    """Little-endian float32 at 440 Hz, a little too loud at its peaks."""
    return array.array(
        "f", (1.1 * math.sin(2 * math.pi * 440 * n / RATE) for n in range(int(seconds * RATE)))
    ).tobytes()


def job(number: int, **status: Any) -> pb.Job:
    return pb.Job(
        id=number,
        kind=pb.TRAIN,
        voice="anna",
        title=f"train anna (#{number})",
        status=pb.JobStatus(**status),
        attempts=1,
    )


def succeeded(number: int) -> pb.Job:
    return job(number, succeeded=pb.JobStatus.Succeeded(started=NOW, ended=NOW, sentence="anna@7 is made."))


class Told:
    """Lists that grow while somebody reads them."""

    def __init__(self) -> None:
        self._grew = threading.Condition()

    def add(self, rows: list[T], row: T) -> None:
        """Append, and wake the readers."""
        with self._grew:
            rows.append(row)
            self._grew.notify_all()

    def follow(self, rows: list[T], context: Any) -> Iterator[T]:
        """What there is and what comes, until the caller hangs up or the stage closes."""
        gone = threading.Event()

        def hang_up() -> None:
            gone.set()
            with self._grew:
                self._grew.notify_all()

        if not context.add_callback(hang_up):
            return
        given = 0
        while not gone.is_set():
            with self._grew:
                while not gone.is_set() and len(rows) == given:
                    self._grew.wait(60)
            while given < len(rows):
                yield rows[given]
                given += 1


class Jobs(stubs.JobsServicer):
    def __init__(self) -> None:
        self.rows = {number: succeeded(number) for number in range(1, 451)}
        self.events: list[pb.Event] = []
        self.asked_after: list[int] = []  # cursors that watches began from
        self.submitted: list[pb.SubmitRequest] = []
        self.cut_after = 0  # a watch or a followed log breaks off after that many events, once
        self.changed: list[tuple[str, int]] = []  # what was asked of which job: ("Cancel", 12)
        self.refuse: tuple[str, str] | None = None  # what every change is answered with
        self.lines: list[pb.LogLine] | None = None  # of every job; None: more than a pipe holds
        self._told = Told()

    def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.Job:
        self.submitted.append(request)
        made = job(900, queued=pb.JobStatus.Queued(since=NOW, why_waiting="GPU held by train #12"))
        self.rows[900] = made
        return made

    def Get(self, request: pb.JobRequest, context: Any) -> pb.Job:
        if request.id not in self.rows:
            refuse(
                context,
                grpc.StatusCode.NOT_FOUND,
                f"There is no job {request.id}.",
                "`myna jobs` lists those there are.",
            )
        return self.rows[request.id]

    def List(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        rows = [
            row for row in self.rows.values() if not request.states or row.status.WhichOneof("status") in request.states
        ]
        start = int(request.page.token or 0)
        end = start + request.page.size
        return pb.ListJobsResponse(jobs=rows[start:end], next_token=str(end) if end < len(rows) else "")

    def Watch(self, request: pb.WatchRequest, context: Any) -> Iterator[pb.Event]:
        self.asked_after.append(request.after)
        later = (
            event
            for event in self._told.follow(self.events, context)
            if not event.cursor or event.cursor > request.after
        )
        for sent, event in enumerate(later):
            if self.cut_after and sent == self.cut_after:
                self.cut_after = 0
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            if event.HasField("job"):
                self.rows[event.job.id] = event.job  # what a watch tells is what a list then shows
            yield event

    def tell(self, **what: Any) -> None:
        """Something happens while somebody watches: tell(job=…), tell(inbox=…). Progress has cursor=0."""
        cursor = what.pop("cursor", 1_000 + len(self.events))
        self._told.add(self.events, pb.Event(cursor=cursor, time=NOW, **what))

    def Logs(self, request: pb.LogsRequest, context: Any) -> Iterator[pb.LogLine]:
        if self.lines is not None:
            for line in self._told.follow(self.lines, context) if request.follow else iter(self.lines):
                if line.cursor > request.after:
                    yield line
            return
        for number in range(request.after, 2_000):  # more than a pipe holds
            if self.cut_after and number == self.cut_after:
                self.cut_after = 0
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            yield pb.LogLine(time=NOW, level="info", text=f"step {number} \x1b[31mred", attempt=1, cursor=number + 1)

    def Cancel(self, request: pb.JobRequest, context: Any) -> pb.Job:
        return self._change("Cancel", request.id, cancelled=pb.JobStatus.Cancelled(ended=NOW, by="a person"))

    def Pause(self, request: pb.JobRequest, context: Any) -> pb.Job:
        if self.refuse is not None:
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, *self.refuse)
        return self._change("Pause", request.id, paused=pb.JobStatus.Paused(started=NOW, since=NOW, by_person=True))

    def Resume(self, request: pb.JobRequest, context: Any) -> pb.Job:
        return self._change("Resume", request.id, queued=pb.JobStatus.Queued(since=NOW))

    def Retry(self, request: pb.JobRequest, context: Any) -> pb.Job:
        return self._change("Retry", request.id, queued=pb.JobStatus.Queued(since=NOW))

    def Clear(self, request: pb.ClearJobsRequest, context: Any) -> pb.ClearJobsResponse:
        states = {number: row.status.WhichOneof("status") for number, row in self.rows.items()}
        for number in request.ids:
            if states.get(number) not in ENDED:
                sentence = f"Job {number} is {states.get(number)}; only jobs that have ended can be cleared away."
                refuse(context, grpc.StatusCode.FAILED_PRECONDITION, sentence, f"`myna cancel {number}` ends it.")
        wanted = request.states or ENDED
        gone = list(request.ids) or [number for number, state in states.items() if state in wanted]
        for number in gone:
            self.changed.append(("Clear", number))
            del self.rows[number]
        self.tell(cleared=pb.JobsCleared(ids=gone))
        return pb.ClearJobsResponse(cleared=len(gone))

    def Reorder(self, request: pb.ReorderRequest, context: Any) -> pb.Job:
        self.changed.append((f"Reorder {request.WhichOneof('place')}", request.id))
        return self.rows[request.id]

    def _change(self, verb: str, number: int, **status: Any) -> pb.Job:
        self.changed.append((verb, number))
        row = pb.Job()
        row.CopyFrom(self.rows[number])
        row.status.CopyFrom(pb.JobStatus(**status))
        self.tell(job=row)
        return row


class Runs(stubs.RunsServicer):
    """Runs and their points; watchers get what is told later."""

    def __init__(self) -> None:
        self.rows: dict[int, pb.Run] = {}
        self.points: dict[int, dict[str, dict[int, float]]] = {}  #: run → series → step → value
        self.batches: list[tuple[int, pb.PointBatch]] = []  # (run, batch) told while somebody watched
        self.asked: list[pb.PointsRequest] = []
        self._told = Told()

    def Get(self, request: pb.RunRequest, context: Any) -> pb.Run:
        if request.id not in self.rows:
            refuse(context, grpc.StatusCode.NOT_FOUND, f"There is no run {request.id}.", "")
        return self.rows[request.id]

    def List(self, request: pb.ListRunsRequest, context: Any) -> pb.ListRunsResponse:
        return pb.ListRunsResponse(runs=[self.rows[number] for number in sorted(self.rows, reverse=True)])

    def Points(self, request: pb.PointsRequest, context: Any) -> pb.PointsResponse:
        self.asked.append(request)
        told = []
        for name, points in self.points.get(request.run, {}).items():
            steps = [step for step in sorted(points) if request.from_step <= step <= (request.to_step or step)]
            if not request.names or name in request.names:
                values = [points[step] for step in steps]
                told.append(
                    pb.Series(name=name, steps=steps, values=values, total=len(steps), cursor=len(self.batches))
                )
        return pb.PointsResponse(series=told)

    def WatchPoints(self, request: pb.WatchPointsRequest, context: Any) -> Iterator[pb.PointBatch]:
        for number, (run, batch) in enumerate(self._told.follow(self.batches, context), start=1):
            if run == request.run and number > request.after:
                yield batch

    def tell(self, run: int, name: str, points: dict[int, float]) -> None:
        """New points of a run."""
        self.points.setdefault(run, {}).setdefault(name, {}).update(points)
        series = pb.Series(name=name, steps=points.keys(), values=points.values())
        self._told.add(self.batches, (run, pb.PointBatch(cursor=len(self.batches) + 1, series=[series])))


class Voices(stubs.VoicesServicer):
    def __init__(self) -> None:
        self.rated: list[pb.Rating] = []
        self.rows = [pb.Voice(name="anna", promoted=7, versions=2, engine="glow", language="en", kept_seconds=125.0)]
        better = "# anna v7\n\nIt is better."
        self.versions = {
            "anna": [
                pb.Version(
                    voice="anna",
                    number=7,
                    parent=6,
                    dataset=4,
                    state="promoted",
                    metrics={"wer": 0.25},
                    report_md=better,
                ),
                pb.Version(voice="anna", number=6, dataset=3, state="archived", metrics={"wer": 0.5}),
            ]
        }
        self.changed: list[tuple[str, str, int]] = []  # what was asked of which version: ("Promote", "anna", 7)
        self.needed: set[int] = set()  # versions that another one is loaded onto
        self.packages = ["anna-6-coqui.tar"]
        self.unscored: set[int] = set()  # versions that nobody let speak the held-out lines
        self.lines: list[pb.ComparedLine] = []
        self.recorded = {"wer": 0.2}  # what the recordings themselves score
        self.sentence = "anna@7 is better: fewer words are wrong."

    def List(self, request: pb.ListVoicesRequest, context: Any) -> pb.ListVoicesResponse:
        return pb.ListVoicesResponse(
            voices=[row for row in self.rows if request.deleted or not row.HasField("deleted")]
        )

    def Get(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        row = next((row for row in self.rows if row.name == request.voice), None)
        if row is None:
            refuse(context, grpc.StatusCode.NOT_FOUND, f"There is no voice named {request.voice!r}.", "")
        return row

    def DeleteVoice(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        self.changed.append(("DeleteVoice", request.voice, 0))
        row = next(row for row in self.rows if row.name == request.voice)
        row.deleted.CopyFrom(NOW)
        return row

    def RestoreVoice(self, request: pb.VoiceRequest, context: Any) -> pb.Voice:
        self.changed.append(("RestoreVoice", request.voice, 0))
        row = next(row for row in self.rows if row.name == request.voice)
        row.ClearField("deleted")
        return row

    def RenameVoice(self, request: pb.RenameVoiceRequest, context: Any) -> pb.Voice:
        self.changed.append((f"RenameVoice {request.name}", request.voice, 0))
        row = next(row for row in self.rows if row.name == request.voice)
        row.name = request.name
        return row

    def Versions(self, request: pb.VersionsRequest, context: Any) -> pb.VersionsResponse:
        if request.voice not in {row.name for row in self.rows} | {"anna"}:
            refuse(
                context, grpc.StatusCode.NOT_FOUND, f"There is no voice named {request.voice!r}.", "There are: anna."
            )
        rows = self.versions.get(request.voice, [])
        return pb.VersionsResponse(versions=[row for row in rows if request.number in (0, row.number)])

    def Promote(self, request: pb.VersionRequest, context: Any) -> pb.Version:
        self.changed.append(("Promote", request.voice, request.version))
        (voice,) = (row for row in self.rows if row.name == request.voice)
        for row in self.versions[request.voice]:
            if row.number in (voice.promoted, request.version):
                row.state = "promoted" if row.number == request.version else "archived"
        voice.promoted = request.version
        return next(row for row in self.versions[request.voice] if row.number == request.version)

    def Rollback(self, request: pb.VoiceRequest, context: Any) -> pb.Version:
        self.changed.append(("Rollback", request.voice, 0))
        now = next(row for row in self.versions[request.voice] if row.state == "archived")
        next(row for row in self.rows if row.name == request.voice).promoted = now.number
        return now

    def Delete(self, request: pb.VersionRequest, context: Any) -> pb.Version:
        self.changed.append(("Delete", request.voice, request.version))
        row = next(row for row in self.versions[request.voice] if row.number == request.version)
        row.state = "archived"
        return row

    def Purge(self, request: pb.PurgeRequest, context: Any) -> pb.PurgeResponse:
        answer = pb.PurgeResponse()
        if request.exports:
            gone = [name for name in self.packages if name.startswith(request.voice)]
            answer.purged.extend(pb.Purged(name=name, size=2_000_000, state="purged") for name in gone)
            self.packages = [name for name in self.packages if request.dry_run or name not in gone]
        for row in () if request.exports else self.versions[request.voice]:
            name = f"{row.voice}@{row.number}"
            if row.number in request.versions and row.state not in ("archived", "rejected"):
                sentence = f"{name} is {row.state}; only archived and rejected versions can be purged."
                refuse(context, grpc.StatusCode.FAILED_PRECONDITION, sentence, f"`myna archive {name}` first.")
            if row.number in request.versions or row.state in request.states:
                if row.number in self.needed:
                    why = f"{name} cannot be purged: anna@7 holds adapters only, and is loaded onto it."
                    answer.left.append(pb.Purged(name=name, state="needed", sentence=why))
                    continue
                answer.purged.append(pb.Purged(name=name, size=280_000_000, state="purged"))
                if not request.dry_run:
                    self.changed.append(("Purge", row.voice, row.number))
                    row.state = "purged"
        answer.freed = sum(one.size for one in answer.purged)
        return answer

    def Compare(self, request: pb.CompareRequest, context: Any) -> pb.CompareResponse:
        if request.b in self.unscored:
            both = f"{request.voice}@{request.a} and {request.voice}@{request.b}"
            sentence = f"{both} were not scored on the same held-out lines yet."
            return pb.CompareResponse(
                ready=False, sentence=f"{sentence} `myna compare --score` lets them speak these lines."
            )
        rows = self.versions.get(request.voice, [])
        one, other = (
            next((row.metrics for row in rows if row.number == number), {}) for number in (request.a, request.b)
        )
        metrics = [
            pb.ComparedMetric(
                name=name, a=one[name], b=other[name], recordings=self.recorded.get(name, math.nan),
                lower_is_better=name == "wer", better="ab"[(one[name] > other[name]) == (name == "wer")],
            )
            for name in sorted(one)
            if name in other
        ]  # fmt: skip
        infos = [metric_message(info) for info in METRICS.values()]
        return pb.CompareResponse(infos=infos, metrics=metrics, lines=self.lines, sentence=self.sentence, ready=True)

    def Rate(self, request: pb.Rating, context: Any) -> pb.Rating:
        rated = pb.Rating()
        rated.CopyFrom(request)
        rated.id = self.rated[-1].id + 1 if self.rated else 1
        self.rated.append(rated)
        return rated

    def Unrate(self, request: pb.UnrateRequest, context: Any) -> pb.Rating:
        (gone,) = (rating for rating in self.rated if rating.id == request.id)
        self.rated.remove(gone)
        return gone

    def Ratings(self, request: pb.RatingsRequest, context: Any) -> pb.RatingsResponse:
        votes = {which: sum(rating.preferred == which for rating in self.rated) for which in ("a", "b", "same")}
        decided = votes["a"] + votes["b"]
        low, high = tally.wilson(votes["b"], decided)
        scores = [
            [getattr(rating, name) for rating in self.rated if getattr(rating, name)] for name in ("score_a", "score_b")
        ]
        opinions = [
            pb.OpinionScore(count=len(each), **dict(zip(("mean", "low", "high"), tally.opinion(each), strict=True)))
            for each in scores
        ]
        counted = pb.Tally(
            **votes, ratings=len(self.rated), blind=len(self.rated), low=low, high=high,
            share_b=votes["b"] / decided if decided else math.nan,
            score_a=opinions[0], score_b=opinions[1],
            sentence=f"{request.voice}@{request.b} was preferred {votes['b']} of {decided} times.",
        )  # fmt: skip
        return pb.RatingsResponse(ratings=self.rated[::-1], tally=counted)

    def Export(self, request: pb.ExportRequest, context: Any) -> Iterator[pb.FilePart]:
        refuse(
            context,
            grpc.StatusCode.UNIMPLEMENTED,
            "Packages come in a later version.",
            "Copy the version's folder for now.",
        )
        yield pb.FilePart()


class Datasets(stubs.DatasetsServicer):
    def __init__(self) -> None:
        self.uploaded: dict[str, bytes] = {}
        self.tokens: list[str] = []
        why = "It lasts 0.2 s; 1.0 s is the least."
        self.clips = [
            pb.Clip(
                sha256="c0ffee" * 10,
                recording_name="a.wav",
                end=3.0,
                text="hello there",
                text_source="given",
                kept=True,
            ),
            pb.Clip(recording_name="b\nad.wav", end=0.2, reason="too-short", sentence=why),
        ]
        self.before: list[pb.Clip] = []  # clips as they were before a person changed them, oldest first
        self.datasets: list[pb.Dataset] = []
        self.sounds: dict[str, bytes] = {}  # files of clips, by digest
        self.given = [
            pb.Recording(voice="anna", sha256=digit * 64, name=f"{digit}.wav", seconds=3.0, clips=1) for digit in "abc"
        ]

    def Clips(self, request: pb.ClipsRequest, context: Any) -> pb.ClipsResponse:
        rows = [
            row for row in self.clips if (row.kept or request.dropped) and (row.held_out or not request.held_out_only)
        ]  # as the daemon does: dropped ones too
        start, size = int(request.page.token or 0), request.page.size or 50
        return pb.ClipsResponse(
            clips=rows[start : start + size], next_token=str(start + size) if start + size < len(rows) else ""
        )

    def SetClip(self, request: pb.SetClipRequest, context: Any) -> pb.Clip:
        (row,) = (row for row in self.clips if row.sha256 == request.sha256)
        if request.HasField("undo"):  # alone: the last change; else how the clip was
            row.CopyFrom(request.undo if request.undo.text_source else self.before.pop())
            return row
        self.before.append(pb.Clip())
        self.before[-1].CopyFrom(row)
        if request.HasField("text"):
            row.text, row.text_source = request.text, "person"
        if request.HasField("kept"):
            row.kept, row.reason = request.kept, "" if request.kept else "person"
            row.sentence = "" if request.kept else "A person took it out."
        row.trust = "person"
        return row

    def List(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        return pb.ListDatasetsResponse(datasets=self.datasets)

    def ClipFile(self, request: pb.ClipRequest, context: Any) -> Iterator[pb.FilePart]:
        data = self.sounds[request.sha256]
        yield pb.FilePart(data=data[:100], name="clip.flac", size=len(data))
        yield pb.FilePart(data=data[100:])

    def Recordings(self, request: pb.ListRecordingsRequest, context: Any) -> pb.ListRecordingsResponse:
        return pb.ListRecordingsResponse(
            recordings=[row for row in self.given if request.removed or not row.HasField("removed")]
        )

    def Remove(self, request: pb.RecordingRequest, context: Any) -> pb.Recording:
        (row,) = (row for row in self.given if row.sha256 == request.sha256)
        row.removed.CopyFrom(NOW)
        return row

    def Restore(self, request: pb.RecordingRequest, context: Any) -> pb.Recording:
        (row,) = (row for row in self.given if row.sha256 == request.sha256)
        row.ClearField("removed")
        return row

    def Upload(self, parts: Iterator[pb.UploadPart], context: Any) -> pb.UploadResponse:
        self.tokens += [str(value) for key, value in context.invocation_metadata() if key == "authorization"]
        name = ""
        for part in parts:
            name = part.name or name
            self.uploaded[name] = self.uploaded.get(name, b"") + part.data
        return pb.UploadResponse(names=list(self.uploaded))


class Speech(stubs.SpeechServicer):
    def __init__(self) -> None:
        self.asked: list[pb.SpeakSpec] = []
        self.sampled: list[pb.SampleRequest] = []
        self.unspoken = {4}  # versions that never spoke the held-out lines
        self.sound = b""  # what is said, in place of tones
        self.hung_up = 0  # callers who went away before the end
        self.go_on = threading.Event()  # what "later" waits for

    def Sample(self, request: pb.SampleRequest, context: Any) -> Iterator[pb.AudioChunk]:
        self.sampled.append(request)
        if request.version in self.unspoken:
            refuse(
                context,
                grpc.StatusCode.NOT_FOUND,
                f"anna@{request.version} has not spoken this line yet.",
                "It does when it is scored.",
            )
        yield pb.AudioChunk(samples=self.sound or tone(0.25), sample_rate=RATE)
        yield pb.AudioChunk(samples=b"" if self.sound else tone(0.25), sample_rate=RATE, last=True)

    def Synthesize(self, request: pb.SynthesizeRequest, context: Any) -> Iterator[pb.AudioChunk]:
        self.asked.append(request.spec)
        yield pb.AudioChunk(version="anna@7", job=41)
        if request.spec.speaker == "?":
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "The base has no stock speaker '?'.", "It has: Ana, Ben.")
        if request.spec.text == "break":
            yield pb.AudioChunk(samples=tone(0.1), sample_rate=RATE)
            refuse(context, grpc.StatusCode.ABORTED, "The engine stopped.", "Try again.")
        if request.spec.text == "slowly":
            gone = threading.Event()
            context.add_callback(gone.set)
            yield pb.AudioChunk(samples=tone(0.1), sample_rate=RATE, text="Slowly.")
            self.hung_up += gone.wait(30)
            return
        if request.spec.text == "later" and not self.go_on.wait(30):
            return
        left_out = ["<break>"] if "<break>" in request.spec.text else []
        yield pb.AudioChunk(samples=self.sound or tone(0.5), sample_rate=RATE, text="One.", left_out=left_out)
        yield pb.AudioChunk(samples=b"" if self.sound else tone(0.25), sample_rate=RATE, sentence=1, text="Two.")
        yield pb.AudioChunk(sample_rate=RATE, sentence=1, last=True)


class System(stubs.SystemServicer):
    def __init__(self) -> None:
        self.info = pb.InfoResponse(
            version="0.1.0", home="/somewhere", started=NOW, jobs={"succeeded": 450}, cursor=100, pid=1
        )

        self.samples: list[pb.SystemSample] = []
        self._told = Told()

    def Info(self, request: pb.Empty, context: Any) -> pb.InfoResponse:
        told = pb.InfoResponse()
        told.CopyFrom(self.info)
        told.metrics.extend(metric_message(info) for info in METRICS.values())
        return told

    def Watch(self, request: pb.SystemWatchRequest, context: Any) -> Iterator[pb.SystemSample]:
        yield from self._told.follow(self.samples, context)

    def Estimate(self, request: pb.EstimateRequest, context: Any) -> pb.EstimateResponse:
        if not request.spec.voice:
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "Which voice?", "There are: anna.")
        return pb.EstimateResponse(steps=4_000, seconds=3_120.0, gpu_memory=8_100_000_000, disk=1_200_000_000)

    def tell(self, sample: pb.SystemSample) -> None:
        """A new sample of the machine."""
        self._told.add(self.samples, sample)


class Stage:
    """The server, up from `open` to `close`; rows and what was asked live in its parts, across both."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.jobs, self.runs, self.voices, self.datasets = Jobs(), Runs(), Voices(), Datasets()
        self.speech, self.system = Speech(), System()
        self._server: grpc.Server | None = None

    def open(self, credentials: grpc.ServerCredentials | None = None) -> str:
        """Serve on the Unix socket, or with credentials on a port of this machine; its address."""
        server = grpc.server(ThreadPoolExecutor(16))
        for name in ("jobs", "runs", "voices", "datasets", "speech", "system"):
            getattr(stubs, f"add_{name.capitalize()}Servicer_to_server")(getattr(self, name), server)
        check = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(check, server)
        check.set("", health_pb2.HealthCheckResponse.SERVING)
        path = socket_path(self.home)
        path.parent.mkdir(parents=True, exist_ok=True)
        if credentials is None:
            server.add_insecure_port(f"unix:{path}")
            where = str(path)
        else:
            where = f"localhost:{server.add_secure_port('localhost:0', credentials)}"
        server.start()
        self._server = server
        return where

    def close(self) -> None:
        """Vanish, as a killed daemon does."""
        if self._server is not None:
            self._server.stop(0).wait(5)
            self._server = None
