"""What is in a package: `package.json` (a few lines, first: what this is and for whom), `manifest.json` (every file
with its size and SHA-256, and the dataset), and the files, under the paths that they have in a home.

Whoever reads one trusts nothing of it: names are held against the few forms that a home has, so that none leads
elsewhere, and every digest is held against what comes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from google.protobuf import json_format

from daemon.names import printable
from daemon.package.archive import BadPackage, Member, Reader
from daemon.state import holdout
from proto import worker_pb2 as wire

HEADER, MANIFEST = "package.json", "manifest.json"
FORMAT, KIND = "myna-package", "dataset"
#: Raise it when an older Myna would make something wrong of a package.
VERSION = 1
#: Bytes of the two, at most: a hundred thousand clips are some 60 MB.
HEADER_LIMIT, MANIFEST_LIMIT = 64 << 10, 128 << 20
#: Files of a package, at most.
FILES_LIMIT = 500_000
#: Characters of a recording's text, of a clip's, and of a name, at most.
TEXT_LIMIT, CLIP_TEXT_LIMIT, NAME_LIMIT = 1_000_000, 65_536, 4_096
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SOUND = re.compile(r"(recordings|clips)/([0-9a-f]{2})/([0-9a-f]{64})\.[a-z0-9]{1,5}")
_FEATURE = re.compile(r"features/([a-z][a-z0-9_-]{0,31})/[0-9a-f]{64}\.safetensors")


@dataclass(frozen=True)
class Header:
    """The first file of a package."""

    voice: str
    language: str
    engine: str
    manifest: Member


@dataclass(frozen=True)
class Manifest:
    """The second one."""

    files: dict[str, Member]  #: by name
    dataset: wire.PackedDataset
    body: bytes  #: as it came

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.size for member in self.files.values())


def written(files: Iterable[Member], dataset: wire.PackedDataset) -> Iterator[tuple[Member, bytes]]:
    """The two JSON files of a package, in their order. The same dataset gives the same bytes."""
    body = _json(
        {
            "version": VERSION,
            "files": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in files],
            "dataset": json_format.MessageToDict(_without_facts(dataset), preserving_proto_field_name=True),
        }
    )
    manifest = Member(MANIFEST, len(body), hashlib.sha256(body).hexdigest())
    head = _json(
        {
            "format": FORMAT,
            "kind": KIND,
            "version": VERSION,
            "voice": dataset.voice,
            "language": dataset.language,
            "engine": dataset.engine,
            "manifest": {"size": manifest.size, "sha256": manifest.sha256},
        }
    )
    yield Member(HEADER, len(head), hashlib.sha256(head).hexdigest()), head
    yield manifest, body


def read_header(reader: Reader) -> Header:
    """The first member. Raises BadPackage, also for a package of a newer Myna."""
    if (first := reader.next()) is None or first[0] != HEADER:
        _refuse(f"It is no package of Myna: it does not begin with {HEADER}.")
    found = _table(reader.whole(HEADER_LIMIT, HEADER), HEADER)
    if found.get("format") != FORMAT:
        _refuse(f"It is no package of Myna: {HEADER} names another format.")
    version = found.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        _refuse(f"Its {HEADER} names no version of the format.")
    if version > VERSION:
        raise BadPackage(
            f"It was written by a newer Myna (format {version}; this one reads up to {VERSION}).",
            "Bring this Myna up to date, then import it again.",
        )
    if found.get("kind") != KIND:
        _refuse("It holds no dataset.")
    manifest = found.get("manifest")
    if not isinstance(manifest, dict):
        _refuse(f"Its {HEADER} does not tell of a manifest.")
    words = [found.get(name) for name in ("voice", "language", "engine")]
    if not all(isinstance(word, str) and 0 < len(word) <= 200 for word in words):
        _refuse(f"Its {HEADER} does not tell voice, language and engine.")
    return Header(str(words[0]), str(words[1]), str(words[2]), _member({**manifest, "name": MANIFEST}))


def read_manifest(reader: Reader, header: Header) -> Manifest:
    """The second member. Raises BadPackage."""
    following = reader.next()
    if following is None or following[0] != MANIFEST:
        _refuse(f"Its second file is not {MANIFEST}.")
    body = reader.whole(MANIFEST_LIMIT, "manifest")
    if hashlib.sha256(body).hexdigest() != header.manifest.sha256:
        _refuse("Its manifest is not the one that it was written with (another SHA-256).")
    found = _table(body, MANIFEST)
    listed = found.get("files")
    if not isinstance(listed, list) or len(listed) > FILES_LIMIT:
        _refuse(f"Its manifest has no list of files, or one of more than {FILES_LIMIT:,}.")
    files: dict[str, Member] = {}
    for one in listed:
        member = _member(one)
        if member.name in files:
            _refuse(f"Its manifest names {member.name} twice.")
        files[member.name] = member
    body_of = found.get("dataset")
    if not isinstance(body_of, dict):
        _refuse("Its manifest has no dataset.")
    try:
        dataset = _without_facts(json_format.ParseDict(body_of, wire.PackedDataset()))
    except (json_format.ParseError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BadPackage(f"Its manifest cannot be read: {ascii(str(error))[:200]}.") from None
    if (dataset.voice, dataset.language, dataset.engine) != (header.voice, header.language, header.engine):
        _refuse("Its two first files do not agree on whose voice it is.")
    _check(dataset, files)
    return Manifest(files, dataset, body)


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
        if not _SHA256.fullmatch(mark.sha256) or not (math.isfinite(mark.start) and math.isfinite(mark.end)):
            _refuse("Its manifest has a held-out mark that means nothing.")
        if mark.held:
            held[mark.sha256].append((mark.start, mark.end))
    wanted: set[str] = set()
    sounds: set[str] = set()
    for recording in dataset.recordings:
        if recording.sha256 in sounds:
            _refuse(f"Its manifest has the recording {recording.sha256[:12]} twice.")
        sounds.add(recording.sha256)
        wanted.add(_sound(recording.path, recording.sha256, files))
        _check_recording(recording)
    for packed in dataset.clips:
        clip = packed.clip
        if packed.recording not in sounds:
            _refuse(f"Its manifest has a clip of a recording that it has not ({packed.recording[:12]!a}).")
        if not (math.isfinite(clip.start) and math.isfinite(clip.end) and 0 <= clip.start <= clip.end):
            _refuse("Its manifest has a clip that begins and ends nowhere.")
        if len(clip.text) > CLIP_TEXT_LIMIT or not all(map(math.isfinite, clip.quality.values())):
            _refuse("Its manifest has a clip whose text or numbers cannot be a clip's.")
        if packed.held_out and not holdout.within((clip.start, clip.end), held[packed.recording]):
            _refuse("Its manifest has a clip that is held out without a mark that would keep it so.")
        if clip.path or clip.kept:
            wanted.add(_sound(clip.path, clip.sha256, files))
        elif clip.sha256:
            _refuse("Its manifest has a clip without a file.")
    for name in files.keys() - wanted:
        form = _FEATURE.fullmatch(name)
        if form is None or form[1] != dataset.engine:
            _refuse(f"Its manifest has a file that belongs to nothing ({ascii(name)[:120]}).")


def _check_recording(recording: wire.PackedRecording) -> None:
    """What people are shown of it is on one line and can be printed, as names of the inbox are."""
    made, place = recording.made_from, recording.path.partition("/")[0]
    if (made and not _SHA256.fullmatch(made)) or (place == "clips") != bool(made):
        _refuse("Its manifest has a recording of which it cannot be told whether it was made.")
    if len(recording.text) > TEXT_LIMIT or len(recording.name) > NAME_LIMIT or len(recording.note) > NAME_LIMIT:
        _refuse("Its manifest has a recording whose name or text is too long.")
    if not all(math.isfinite(cue.start) and math.isfinite(cue.end) for cue in recording.cues):
        _refuse("Its manifest has a text with times that are no times.")
    for field in ("name", "text_from", "note"):
        shown = printable(getattr(recording, field).encode("utf-8", "surrogatepass"))
        setattr(recording, field, shown)


def _sound(path: str, sha256: str, files: dict[str, Member]) -> str:
    """The path of a recording or clip, if it has the form of one and its file is there."""
    form = _SOUND.fullmatch(path)
    if form is None or form[3] != sha256 or form[2] != sha256[:2]:
        _refuse(f"Its manifest has a name that is not that of a sound ({ascii(path)[:120]}).")
    if path not in files or files[path].sha256 != sha256:
        _refuse(f"Its manifest lists no file {path}, or one of another SHA-256.")
    return path


def _member(found: Any) -> Member:
    if not isinstance(found, dict):
        _refuse("Its manifest lists what is no file.")
    name, size, sha256 = found.get("name"), found.get("size"), found.get("sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        _refuse("Its manifest lists a file without a name or a SHA-256.")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 50:
        _refuse(f"Its manifest lists a file of a size that cannot be ({ascii(name)[:120]}).")
    if name != MANIFEST and not _SOUND.fullmatch(name) and not _FEATURE.fullmatch(name):
        _refuse(f"Its manifest lists a file that no home has a place for ({ascii(name)[:120]}).")
    return Member(name, size, sha256)


def _table(body: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _refuse(f"Its {name} is not JSON.")
    return found


def _json(table: dict[str, Any]) -> bytes:
    return (json.dumps(table, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _refuse(sentence: str) -> NoReturn:
    raise BadPackage(sentence) from None
