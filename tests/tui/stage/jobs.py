"""The paper daemon's jobs: their rows, their events, their log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from proto import myna_pb2 as pb
from proto import myna_pb2_grpc as stubs
from proto.messages import ENDED
from tests.tui.stage.growing import GrowingLists
from tests.tui.stage.rows import NOW, job, refuse, succeeded


class Jobs(stubs.JobsServicer):
    def __init__(self) -> None:
        self.rows = {number: succeeded(number) for number in range(1, 451)}
        self.events: list[pb.Event] = []
        self.asked_after: list[int] = []  # cursors that watches began from
        self.submitted: list[pb.SubmitRequest] = []
        self.at_once = False  # what is submitted has succeeded already
        self.cut_after = 0  # a watch or a followed log breaks off after that many events, once
        self.changed: list[tuple[str, int]] = []  # what was asked of which job: ("Cancel", 12)
        self.refuse: tuple[str, str] | None = None  # what every change is answered with
        self.lines: list[pb.LogLine] | None = None  # of every job; None: more than a pipe holds
        self._growing = GrowingLists()

    def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.Job:
        self.submitted.append(request)
        waits = job(900, queued=pb.JobStatus.Queued(since=NOW, why_waiting="GPU held by train #12"))
        self.rows[900] = made = succeeded(900) if self.at_once else waits
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
            for event in self._growing.follow(self.events, context)
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
        self._growing.add(self.events, pb.Event(cursor=cursor, time=NOW, **what))

    def Logs(self, request: pb.LogsRequest, context: Any) -> Iterator[pb.LogLine]:
        if self.lines is not None:
            for line in self._growing.follow(self.lines, context) if request.follow else iter(self.lines):
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
