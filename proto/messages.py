"""Small helpers over the generated messages that both clients, and scripts, need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from proto import myna_pb2 as pb
from proto.channel import ClientError

ENDED = ("succeeded", "failed", "cancelled")  #: states a job does not leave, but by Retry
PERSON = "a person"  #: in `JobStatus.Cancelled.by`: somebody asked for it; anything else is a reason of its own
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
    | pb.DeriveSpec
    | pb.ExperimentSpec
    | pb.TranscribeSpec
    | pb.PushSpec
    | pb.PullSpec
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
    pb.DeriveSpec: "derive",
    pb.ExperimentSpec: "experiment",
    pb.TranscribeSpec: "transcribe",
    pb.PushSpec: "push",
    pb.PullSpec: "pull",
}

_HOLDS = {
    FieldDescriptor.TYPE_UINT64: f"a whole number from 0 to {2**64 - 1:,}",
    FieldDescriptor.TYPE_UINT32: f"a whole number from 0 to {2**32 - 1:,}",
    FieldDescriptor.TYPE_INT32: f"a whole number from {-(2**31):,} to {2**31 - 1:,}",
    FieldDescriptor.TYPE_DOUBLE: "a number",
}


def state_of(job: pb.Job) -> str:
    """ "queued", "running", "paused", "succeeded", "failed" or "cancelled" (empty: a newer daemon's state)."""
    return job.status.WhichOneof("status") or ""


def spec_of(spec: Spec) -> pb.JobSpec:
    """A kind's spec as the JobSpec that holds it."""
    return spec if isinstance(spec, pb.JobSpec) else pb.JobSpec(**{_FIELDS[type(spec)]: spec})  # type: ignore[arg-type]  # one field, of its type


def import_spec(spec: pb.JobSpec) -> pb.ImportSpec:
    """What is to be imported: its field has a name that Python keeps for itself."""
    found: pb.ImportSpec = getattr(spec, "import")
    return found


def train_spec(voice: str, dataset: int = 0, start: str = "", **choices: Any) -> pb.TrainSpec:
    """A TrainSpec; `choices` are fields of TrainOptions (None: the engine's default).

    Raises ClientError, naming the fields there are, for another."""
    if unknown := choices.keys() - pb.TrainOptions.DESCRIPTOR.fields_by_name.keys():
        known = ", ".join(pb.TrainOptions.DESCRIPTOR.fields_by_name)
        raise ClientError(
            f"There is no training option {sorted(unknown)[0]!r}.", f"There are: {known}.", "INVALID_ARGUMENT"
        )
    options, texts = pb.TrainOptions(), dict(choices.pop("engine", None) or {})
    for name, value in choices.items():
        try:
            _set(options, name, value)
        except ClientError:  # more than the field holds: as text, for the daemon to say what may be
            texts.setdefault(name, str(value))
    spec = pb.TrainSpec(options=options)
    for name, value in {"voice": voice, "dataset": dataset, "from": start}.items():
        _set(spec, name, value)
    _set(spec.options, "engine", texts)
    return spec


def speak_spec(**choices: Any) -> pb.SpeakSpec:
    """A SpeakSpec; `choices` are its fields (None: not given). Raises ClientError, naming the field, for what it cannot
    hold."""
    spec = pb.SpeakSpec()
    for name, value in choices.items():
        _set(spec, name, value)
    return spec


def _set(message: Message, name: str, value: Any) -> None:
    """Raises ClientError, naming the field, for a value that it cannot hold."""
    try:
        if isinstance(value, bool):  # no field here is a truth, and protobuf takes one for a number
            raise TypeError
        message.MergeFrom(type(message)(**{name: value}))
    except (TypeError, ValueError, OverflowError):
        what = _HOLDS.get(message.DESCRIPTOR.fields_by_name[name].type, "text")
        raise ClientError(f"{name} must be {what}; {str(value)[:40]!r} was given.", "", "INVALID_ARGUMENT") from None


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


def recording_parts(path: Path, spec: pb.SpeakSpec) -> Iterator[pb.ConvertPart]:
    """A recording as the messages of Speech.Convert; one of the spec's passes says whom it is to sound like."""
    with path.open("rb") as file:
        yield pb.ConvertPart(spec=spec)
        while data := file.read(PART):
            yield pb.ConvertPart(data=data)


def package_parts(path: Path, voice: str = "") -> Iterator[pb.FilePart]:
    """A package as the messages of Datasets.Import; `voice` gets it (empty: the one that it names)."""
    with path.open("rb") as file:
        yield pb.FilePart(name=path.name, size=path.stat().st_size, voice=voice)
        while data := file.read(PART):
            yield pb.FilePart(data=data)


def reorder_request(number: int, before: int, last: bool) -> pb.ReorderRequest:
    """Before another job, to the end, or to the front."""
    if before:
        return pb.ReorderRequest(id=number, before=before)
    return pb.ReorderRequest(id=number, last=True) if last else pb.ReorderRequest(id=number, first=True)
