"""What the manifest of a dataset's package says: the dataset, as rows had it, and its files under the paths that they
have in a home. What all packages begin with: `daemon.package.header`."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf import json_format

from daemon.names import printable
from daemon.package import consent
from daemon.package.archive import Member, Reader
from daemon.package.formats import Content
from daemon.package.header import Header, Whose, content_of, is_sha256, read_body, refuse
from daemon.package.header import written as first_files
from daemon.state import holdout
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Characters of a recording's text, of a clip's, and of a name, at most.
TEXT_LIMIT, CLIP_TEXT_LIMIT, NAME_LIMIT = 1_000_000, 65_536, 4_096
_SOUND = re.compile(r"(recordings|clips)/([0-9a-f]{2})/([0-9a-f]{64})\.[a-z0-9]{1,5}")
_FEATURE = re.compile(r"features/([a-z][a-z0-9_-]{0,31})/[0-9a-f]{64}\.safetensors")


@dataclass(frozen=True)
class Manifest:
    """A dataset's."""

    files: dict[str, Member]  #: by name
    dataset: wire.PackedDataset
    body: bytes  #: as it came
    consent: pb.ConsentNote | None = None  #: of the voice


def written(
    files: Iterable[Member], dataset: wire.PackedDataset, note: pb.ConsentNote | None = None
) -> Iterator[tuple[Member, bytes]]:
    """The two JSON files of a package, in their order; `note` is the voice's consent note. The same dataset gives the
    same bytes."""
    noted = consent.table(note or pb.ConsentNote())
    about = json_format.MessageToDict(_without_facts(dataset), preserving_proto_field_name=True)
    return first_files(Content.DATASET, Whose(dataset.voice, dataset.language, dataset.engine), files, about, noted)


def read_manifest(reader: Reader, header: Header) -> Manifest:
    """The second member. Raises BadPackage."""
    body = read_body(reader, header, lambda name: bool(_SOUND.fullmatch(name) or _FEATURE.fullmatch(name)))
    dataset = _without_facts(content_of(body, header, wire.PackedDataset()))
    _check(dataset, body.files)
    return Manifest(body.files, dataset, body.written, consent.read(body.table))


def _without_facts(dataset: wire.PackedDataset) -> wire.PackedDataset:
    """What a home judges its clips by stays in that home: a clip that travelled keeps the verdict that it had."""
    result = wire.PackedDataset()
    result.CopyFrom(dataset)
    for one in result.clips:
        one.clip.ClearField("facts")
    return result


def _check(dataset: wire.PackedDataset, files: dict[str, Member]) -> None:
    """Whether all that the dataset names is among the files, and nothing is there that it does not name."""
    held: dict[str, list[holdout.Span]] = defaultdict(list)
    for mark in dataset.holdouts:
        if not is_sha256(mark.sha256) or not (math.isfinite(mark.start) and math.isfinite(mark.end)):
            refuse("Its manifest has a held-out mark that means nothing.")
        if mark.held:
            held[mark.sha256].append((mark.start, mark.end))
    wanted: set[str] = set()
    sounds: set[str] = set()
    for recording in dataset.recordings:
        if recording.sha256 in sounds:
            refuse(f"Its manifest has the recording {recording.sha256[:12]} twice.")
        sounds.add(recording.sha256)
        wanted.add(_sound(recording.path, recording.sha256, files))
        _check_recording(recording)
    for packed in dataset.clips:
        clip = packed.clip
        if packed.recording not in sounds:
            refuse(f"Its manifest has a clip of a recording that it has not ({packed.recording[:12]!a}).")
        if not (math.isfinite(clip.start) and math.isfinite(clip.end) and 0 <= clip.start <= clip.end):
            refuse("Its manifest has a clip that begins and ends nowhere.")
        if len(clip.text) > CLIP_TEXT_LIMIT or not all(map(math.isfinite, clip.quality.values())):
            refuse("Its manifest has a clip whose text or numbers cannot be a clip's.")
        if packed.held_out and not holdout.within((clip.start, clip.end), held[packed.recording]):
            refuse("Its manifest has a clip that is held out without a mark that would keep it so.")
        if clip.path or clip.kept:
            wanted.add(_sound(clip.path, clip.sha256, files))
        elif clip.sha256:
            refuse("Its manifest has a clip without a file.")
    for name in files.keys() - wanted:
        form = _FEATURE.fullmatch(name)
        if form is None or form[1] != dataset.engine:
            refuse(f"Its manifest has a file that belongs to nothing ({ascii(name)[:120]}).")


def _check_recording(recording: wire.PackedRecording) -> None:
    """What people are shown of it is on one line and can be printed, as names of the inbox are."""
    made, place = recording.made_from, recording.path.partition("/")[0]
    if (made and not is_sha256(made)) or (place == "clips") != bool(made):
        refuse("Its manifest has a recording of which it cannot be told whether it was made.")
    if len(recording.text) > TEXT_LIMIT or len(recording.name) > NAME_LIMIT or len(recording.note) > NAME_LIMIT:
        refuse("Its manifest has a recording whose name or text is too long.")
    if not all(math.isfinite(cue.start) and math.isfinite(cue.end) for cue in recording.cues):
        refuse("Its manifest has a text with times that are no times.")
    for field in ("name", "text_from", "note"):
        shown = printable(getattr(recording, field).encode("utf-8", "surrogatepass"))
        setattr(recording, field, shown)


def _sound(path: str, sha256: str, files: dict[str, Member]) -> str:
    """The path of a recording or clip, if it has the form of one and its file is there."""
    form = _SOUND.fullmatch(path)
    if form is None or form[3] != sha256 or form[2] != sha256[:2]:
        refuse(f"Its manifest has a name that is not that of a sound ({ascii(path)[:120]}).")
    if path not in files or files[path].sha256 != sha256:
        refuse(f"Its manifest lists no file {path}, or one of another SHA-256.")
    return path
