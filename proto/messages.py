"""Small helpers over the generated messages that both clients, and scripts, need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from proto import myna_pb2 as pb
from proto.channel import ClientError

ENDED = ("succeeded", "failed", "cancelled")  #: states a job does not leave, but by Retry
PART = 256 * 1024  #: bytes of a file in one message

Spec = (
    pb.JobSpec
    | pb.IngestSpec
    | pb.DatasetSpec
    | pb.TrainSpec
    | pb.EvaluateSpec
    | pb.SpeakSpec
    | pb.ExportSpec
    | pb.ImportSpec
    | pb.FetchSpec
)

_FIELDS: dict[type[Any], str] = {
    pb.IngestSpec: "ingest",
    pb.DatasetSpec: "dataset",
    pb.TrainSpec: "train",
    pb.EvaluateSpec: "evaluate",
    pb.SpeakSpec: "speak",
    pb.ExportSpec: "export",
    pb.ImportSpec: "import",
    pb.FetchSpec: "fetch",
}


def state_of(job: pb.Job) -> str:
    """ "queued", "running", "paused", "succeeded", "failed" or "cancelled" (empty: a newer daemon's state)."""
    return job.status.WhichOneof("status") or ""


def spec_of(spec: Spec) -> pb.JobSpec:
    """A kind's spec as the JobSpec that holds it."""
    return spec if isinstance(spec, pb.JobSpec) else pb.JobSpec(**{_FIELDS[type(spec)]: spec})  # type: ignore[arg-type]  # one field, of its type


def train_spec(voice: str, dataset: int = 0, start: str = "", **choices: Any) -> pb.TrainSpec:
    """A TrainSpec; `choices` are fields of TrainOptions (None: the engine's default).

    Raises ClientError, naming the fields there are, for another."""
    if unknown := choices.keys() - pb.TrainOptions.DESCRIPTOR.fields_by_name.keys():
        known = ", ".join(pb.TrainOptions.DESCRIPTOR.fields_by_name)
        raise ClientError(f"There is no training option {sorted(unknown)[0]!r}.", f"There are: {known}.", "INVALID_ARGUMENT")
    chosen = pb.TrainOptions(**{name: value for name, value in choices.items() if value is not None})
    return pb.TrainSpec(voice=voice, dataset=dataset, options=chosen, **{"from": start})  # type: ignore[arg-type]  # `from` is a Python word


def upload_parts(voice: str, files: Iterable[tuple[str, Path]]) -> Iterator[pb.UploadPart]:
    """Files as the messages of Datasets.Upload: the first part of each has its name, the last one says so."""
    for name, path in files:
        with path.open("rb") as file:
            part = pb.UploadPart(voice=voice, name=name, data=file.read(PART))
            while more := file.read(PART):
                yield part
                part = pb.UploadPart(data=more)
            part.last = True
            yield part


def reorder_request(number: int, before: int, last: bool) -> pb.ReorderRequest:
    """Before another job, to the end, or to the front."""
    if before:
        return pb.ReorderRequest(id=number, before=before)
    return pb.ReorderRequest(id=number, last=True) if last else pb.ReorderRequest(id=number, first=True)
